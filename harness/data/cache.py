"""What lies below the data root: published files, decoded copies of them, and what is stale or half-finished."""

import hashlib
import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.data.files import SOURCES, DataFile, data_root, state
from harness.data.trusted import recorded
from harness.storage.atomic import locked

Sets = Mapping[str, Sequence[DataFile]]
"""The published files of each dataset, by its name."""


@dataclass(frozen=True)
class Kept:
    """A file or folder below the data root.

    Attributes:
        path: where it is.
        owner: the dataset that it is of; "" where that is not known.
        kind: what it is, in words.
        waste: why it is of no use any more; "" while it is.
    """

    path: Path
    owner: str
    kind: str
    waste: str = ""

    @property
    def size(self) -> int:
        """Bytes on the disk, of a folder those of everything in it."""
        files = self.path.rglob("*") if self.path.is_dir() else [self.path]
        return sum(file.stat().st_size for file in files if file.is_file())


def kept(sets: Sets) -> list[Kept]:
    """Everything that datasets have below the data root, published files first."""
    owners: dict[Path, str] = {}
    for name, files in sets.items():
        for file in files:
            owners.setdefault(file.place, name)
    found = [Kept(place, owner, "published") for place, owner in owners.items() if place.exists()]
    for place, owner in owners.items():
        parts = (*place.parent.glob(f".{place.name}.*.part"), *place.parent.glob(f".{place.name}.partial"))
        found += [Kept(part, owner, "download", "half-finished") for part in parts]
    return found + list(_cached())


def _cached() -> Iterator[Kept]:
    """What is in the folder of decoded copies."""
    folder = data_root() / "cache"
    for entry in sorted(folder.iterdir()) if folder.is_dir() else ():
        owner, _, _ = entry.name.removesuffix(".partial").rpartition("-")
        if entry.name.startswith("."):
            if entry.name.endswith(".part"):
                yield Kept(entry, "", "file", "half-finished")
        elif entry.name.endswith(".partial"):
            yield Kept(entry, owner, "decoded copy", "half-finished")
        elif entry.name == "digests":
            yield Kept(entry, "", "digests")
        elif entry.is_dir():
            yield Kept(entry, owner, "decoded copy", _staleness(entry))
        else:
            yield Kept(entry, "", owner or "file")


def _staleness(entry: Path) -> str:
    """Why a decoded copy will not be used again; "" where it may be."""
    try:
        sources = json.loads((entry / SOURCES).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return ""  # An earlier version made it, and did not say from what.
    for path, *then in sources:
        try:
            _, *now = state(Path(path))
        except OSError:
            return f"{path} is gone"
        if now != then:
            return f"{path} has changed"
    return ""


def remove(thing: Kept) -> bool:
    """Remove a file or folder, unless a process is at work on it; returns whether it is gone."""
    name = thing.path.name.lstrip(".")
    if thing.kind == "download":
        name = name.removesuffix(".partial") if name.endswith(".partial") else name.rsplit(".", 2)[0]
    lock = thing.path.with_name(f".{name.removesuffix('.partial')}.lock")
    with locked(lock, wait=False) as held:
        if held is None:
            return False
        if thing.path.is_dir():
            shutil.rmtree(thing.path)
        else:
            thing.path.unlink(missing_ok=True)
        lock.unlink(missing_ok=True)
    return True


def verify(file: DataFile) -> str:
    """Compare a file that is there with its published checksum, or with the one it had when it was trusted.

    Returns:
        "" if they are equal, "unknown" where there is none to compare with, or what is wrong.
    """
    trusted = recorded(file.place)
    algorithm, _, expected = (f"sha256:{trusted}" if trusted else file.checksum).partition(":")
    if not expected or not file.place.is_file():
        return "unknown"
    with file.place.open("rb") as content:
        found = hashlib.file_digest(content, algorithm).hexdigest()
    return "" if found == expected else f"{algorithm} checksum {found}, expected {expected}"
