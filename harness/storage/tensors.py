"""Named tensors and plain data in one safetensors file with its checksum: checkpoints, trained models."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import Tensor

from harness.errors import DamagedFileError, in_a_line
from harness.storage.atomic import read_bytes, storing, write_whole
from harness.storage.checksum import BLANK, is_whole, seal

FORMAT = "2"


def save_tensors(path: Path, tensors: Mapping[str, Tensor], meta: Mapping[str, Any]) -> None:
    """Write tensors and plain data, whole or not at all.

    Raises:
        StorageError: they cannot be written.
    """
    # Cloned, because safetensors refuses tensors that share memory, as tied weights do.
    plain = {
        name: tensor.detach().cpu().clone(memory_format=torch.contiguous_format) for name, tensor in tensors.items()
    }
    header = {"format": FORMAT, "sha256": BLANK, "meta": json.dumps(dict(meta))}
    content = seal(safetensors.torch.save(plain, header))
    with storing(path):
        write_whole(path, lambda file: file.write(content))


def load_tensors(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Read what `save_tensors` wrote; no code from the file is run.

    Raises:
        DamagedFileError: the file is damaged or of another format.
        StorageError: it cannot be read.
        FileNotFoundError: there is no such file.
    """
    content = read_bytes(path)
    try:
        tensors = safetensors.torch.load(content)
        size = int.from_bytes(content[:8], "little")
        header = json.loads(content[8 : 8 + size]).get("__metadata__", {})
        meta = json.loads(header.get("meta", "null"))
    except (SafetensorError, ValueError, RecursionError) as error:
        raise DamagedFileError(f"{path}: damaged checkpoint ({in_a_line(error)})") from None
    if header.get("format") != FORMAT or not isinstance(meta, dict):
        raise DamagedFileError(f"{path}: not a checkpoint of this harness, or of another version")
    if not is_whole(content, header.get("sha256")):
        raise DamagedFileError(f"{path}: damaged checkpoint (its SHA-256 is another than when it was written)")
    return tensors, meta
