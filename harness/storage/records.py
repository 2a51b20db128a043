"""Records: plain data as JSON files that carry their own version and checksum."""

import json
import math
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from harness.errors import DamagedFileError, UserError
from harness.storage.atomic import read_bytes, storing, write_whole
from harness.storage.checksum import BLANK, is_whole, seal

SCHEMA_VERSION = 1
"""Version of the files' format; readers refuse a newer one."""


DEEPEST = 100
"""Lists and tables within each other that a record may have."""

_ODD = re.compile(rb"""\d{19}|[eE]\+?\d{3}|Infinity|NaN|\\u[dD][89a-fA-F]""")
"""What a number that no table can hold, or half of a character, looks like in JSON; other things may, too."""


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
        data: dict[str, Any] = parse_plain(content)
        schema_version, found = data.pop("schema_version"), data.pop("sha256", None)
        newer = schema_version > SCHEMA_VERSION
    except (ValueError, KeyError, AttributeError, TypeError, RecursionError):
        raise DamagedFileError(f"{path}: damaged, or not a file of this harness") from None
    if newer:
        raise UserError(f"{path}: written by a newer version of the harness; upgrade disentanglement-harness")
    if found is not None and not is_whole(content, found):
        raise DamagedFileError(f"{path}: damaged, its SHA-256 is another than when it was written")
    return data


def parse_plain(content: bytes) -> Any:
    """JSON whose numbers tables can hold, and whose lists and tables every reader can follow.

    Raises:
        ValueError, RecursionError: it is something else.
    """
    data = json.loads(content)
    if content.count(b"[") + content.count(b"{") > DEEPEST:
        _check_depth(data)
    return _ordinary(data) if _ODD.search(content) else data


def _check_depth(data: Any) -> None:
    """Make sure that lists and tables stand within each other no deeper than every reader can follow.

    Raises:
        ValueError: they do.
    """
    level = [data]
    for _ in range(DEEPEST):
        items = (item for each in level for item in (each.values() if isinstance(each, dict) else each))
        level = [item for item in items if isinstance(item, dict | list)]
        if not level:
            return
    raise ValueError("lists and tables stand too deep within each other")


def _ordinary(value: Any) -> Any:
    """Plain data with halves of characters replaced, which no file can hold as text.

    Raises:
        ValueError: a number is not finite or too large for the 64 bits of a table.
    """
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, list):
        return [_ordinary(item) for item in value]
    if isinstance(value, dict):
        return {_ordinary(key): _ordinary(item) for key, item in value.items()}
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError("a number is not finite")
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        raise ValueError("a number has more than 64 bits")
    return value


def now() -> str:
    """The time, ISO 8601, UTC, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")
