"""Records: plain data as JSON files that carry their own version and checksum."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from harness.errors import DamagedFileError, UserError
from harness.storage.atomic import read_bytes, storing, write_whole
from harness.storage.checksum import BLANK, is_whole, seal

SCHEMA_VERSION = 1
"""Version of the files' format; readers refuse a newer one."""


def write_json(path: Path, data: dict[str, Any]) -> None:
    """Write plain data as JSON, sealed, whole or not at all.

    Raises:
        StorageError: it cannot be written.
    """
    content = seal(json.dumps({"schema_version": SCHEMA_VERSION, "sha256": BLANK, **data}, indent=1).encode())
    with storing(path):
        write_whole(path, lambda file: file.write(content))


def read_json(path: Path) -> dict[str, Any]:
    """Read what `write_json` wrote.

    Raises:
        DamagedFileError: it is no such file.
        UserError: it comes from a newer version of the harness.
        StorageError: it cannot be read.
        FileNotFoundError: there is no such file.
    """
    return parse_json(path, read_bytes(path))


def parse_json(path: Path, content: bytes) -> dict[str, Any]:
    """What `write_json` wrote to a path, from its content; errors as of `read_json`."""
    try:
        data: dict[str, Any] = json.loads(content)
        schema_version, found = data.pop("schema_version"), data.pop("sha256", None)
        newer = schema_version > SCHEMA_VERSION
    except (ValueError, KeyError, AttributeError, TypeError):
        raise DamagedFileError(f"{path}: damaged, or not a file of this harness") from None
    if newer:
        raise UserError(f"{path}: written by a newer version of the harness; upgrade disentanglement-harness")
    if found is not None and not is_whole(content, found):
        raise DamagedFileError(f"{path}: damaged, its SHA-256 is another than when it was written")
    return data


def now() -> str:
    """The time, ISO 8601, UTC, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")
