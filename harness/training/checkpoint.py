"""Checkpoints: named tensors and plain data in one safetensors file."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from harness.errors import UserError
from harness.store import write_whole

FORMAT = "1"


def save(path: Path, tensors: Mapping[str, Tensor], meta: Mapping[str, Any]) -> None:
    """Write tensors and plain data, whole or not at all."""
    # Cloned, because safetensors refuses tensors that share memory, as tied weights do.
    plain = {
        name: tensor.detach().cpu().clone(memory_format=torch.contiguous_format) for name, tensor in tensors.items()
    }
    content = safetensors.torch.save(plain, {"format": FORMAT, "meta": json.dumps(dict(meta))})
    write_whole(path, lambda file: file.write(content))


def load(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Read what `save` wrote; no code from the file is run.

    Raises:
        UserError: the file is damaged or of another format.
        FileNotFoundError: there is no such file.
    """
    try:
        with safe_open(path, framework="pt") as file:
            header = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a mapping
    except SafetensorError as error:
        raise UserError(f"{path}: damaged checkpoint ({error}); delete it to train from the start") from None
    if header.get("format") != FORMAT:
        raise UserError(f"{path}: not a checkpoint of this harness, or of another version; delete it to train again")
    return tensors, json.loads(header["meta"])
