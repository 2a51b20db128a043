"""Files that were fetched without a known checksum: the digest of what came is kept beside each, and compared later."""

from collections.abc import Sequence
from pathlib import Path

from harness.storage.atomic import write_whole

SUFFIX = ".sha256"


def record_of(path: Path) -> Path:
    """The file that holds a trusted file's digest, as `sha256sum` writes it."""
    return path.with_name(path.name + SUFFIX)


def record(path: Path, digest: str) -> None:
    """Keep the SHA-256 of a file that is about to be put in its place."""
    write_whole(record_of(path), lambda file: file.write(f"{digest}  {path.name}\n".encode()))


def recorded(path: Path) -> str:
    """The SHA-256 that a file had when it was fetched and trusted; "" where it was not fetched so."""
    try:
        return record_of(path).read_text(encoding="utf-8").partition(" ")[0].strip()
    except (OSError, ValueError):
        return ""


def with_records(files: Sequence[Path]) -> list[Path]:
    """Those of many files that were fetched and trusted; each folder is looked into once."""
    records = {record for folder in {file.parent for file in files} for record in folder.glob(f"*{SUFFIX}")}
    return [file for file in files if record_of(file) in records] if records else []
