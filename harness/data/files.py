"""Files of datasets: where they are looked for, and decoded copies of them.

Everything lies below one folder, the data root: the environment variable HARNESS_DATA, or else the
user's data folder. Nothing is fetched unless HARNESS_DOWNLOAD is set, and nothing is kept that does not
have its published checksum, unless HARNESS_TRUST is set too.
"""

import json
import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from harness.data.download import download, is_web_page
from harness.errors import UserError
from harness.seeds import seed_for
from harness.storage.atomic import locked
from harness.storage.location import at_home

SOURCES = "sources.json"
"""What a decoded copy was made from, inside it: path, size and time of change of each file."""

ZEROS = 1 << 20
"""Bytes written at a time where a file's room cannot be reserved."""


def data_root() -> Path:
    """The folder of all data files: $HARNESS_DATA, or else the user's data folder."""
    if chosen := os.environ.get("HARNESS_DATA"):
        return at_home(chosen)
    from platformdirs import user_data_path

    return user_data_path("harness")


def cached(name: str) -> Path:
    """Where something that is made from data files is kept: in `cache` below the data root.

    What is not there yet goes into the user's own cache where the data root cannot be written.
    """
    kept = data_root() / "cache" / name
    try:
        kept.parent.mkdir(parents=True, exist_ok=True)
        if kept.exists() or os.access(kept.parent, os.W_OK):
            return kept
    except OSError:
        if kept.exists():
            return kept
    from platformdirs import user_cache_path

    return user_cache_path("harness") / name


def state(file: Path) -> tuple[str, int, int]:
    """A file's path, size and time of change; a file that is replaced or written has another.

    It is the time of its inode, which no program can set: `cp -p`, `rsync -t` and archives give a file another time.
    """
    found = file.stat()
    return str(file.resolve()), found.st_size, found.st_ctime_ns


def paths_outside(settings: Any) -> list[str]:
    """The texts among settings, however deep, that as paths of files lead out of the data root, or to another machine.

    Lexical: what a link below the data root points to is up to whoever put it there.
    """
    if isinstance(settings, Mapping):
        return [path for value in settings.values() for path in paths_outside(value)]
    if isinstance(settings, list | tuple):
        return [path for value in settings for path in paths_outside(value)]
    if not isinstance(settings, str):
        return []
    root = os.path.abspath(data_root())
    target = os.path.abspath(os.path.join(root, os.path.expanduser(settings)))
    below = target == root or target.startswith(root + os.sep)
    return [] if below and "://" not in settings else [settings]


def may_download() -> bool:
    """Whether missing files may be fetched: $HARNESS_DOWNLOAD is set, and not to 0."""
    return os.environ.get("HARNESS_DOWNLOAD", "0") not in ("", "0")


def may_trust() -> bool:
    """Whether files are kept whose checksum is another than the known one, or is not known: $HARNESS_TRUST is set."""
    return os.environ.get("HARNESS_TRUST", "0") not in ("", "0")


@dataclass(frozen=True)
class DataFile:
    """One published file.

    Attributes:
        path: where it lies below the data root.
        origin: the page or address where a person gets it.
        stand_in: an embedded dataset that can be used meanwhile.
        url: where it can be fetched from without a person; "" where there is no such place.
        checksum: of the file, as "sha256:..." or "md5:..."; "" where none is known, and it is fetched only on trust.
        mirrors: further addresses of the same file, tried in turn where `url` does not give it.
    """

    path: str
    origin: str
    stand_in: str
    url: str = ""
    checksum: str = ""
    mirrors: tuple[str, ...] = ()

    @property
    def place(self) -> Path:
        """Where the file is looked for."""
        return data_root() / self.path

    @property
    def addresses(self) -> tuple[str, ...]:
        """Where it can be fetched from, in the order in which that is tried."""
        return (self.url, *self.mirrors) if self.url else self.mirrors

    def exists(self) -> bool:
        """Whether the file (or folder) is there."""
        return self.place.exists()

    def find(self) -> Path:
        """The file's path; it is fetched first if it is missing and fetching is allowed.

        Raises:
            UserError: it is missing; the message says where it was looked for and how to get it.
        """
        if not self.exists():
            if not (self.url and may_download()):
                raise self.absent()
            if not (self.checksum or may_trust()):
                raise UserError(
                    f"{self.place}: no checksum of it is known, so that what {self.url} gives could be anything. "
                    "Run again with --trust to keep it all the same, or get it from " + self.origin
                )
            download(self.addresses, self.place, self.checksum, trust=may_trust())
        return self.place

    def absent(self) -> UserError:
        """The error that says where a missing file is looked for."""
        fetch = f", or run again with --download{'' if self.checksum else ' --trust'}" if self.url else ""
        return missing(self.place, f"{self.origin}{fetch}", self.stand_in)


def missing(path: Path, origin: str, stand_in: str) -> UserError:
    """The error of a file or folder that is not where it is looked for."""
    root = data_root()
    here = lies_in(Path(), str(path.relative_to(root))) if path.is_relative_to(root) else ""
    return UserError(
        f"{path}: there is no such file or folder{f', but {here}' if here else ''}. Get it from {origin}; "
        f"or use the dataset '{stand_in}', which needs no files. "
        f"(--data or HARNESS_DATA chooses another folder than {root}.)"
    )


def lies_in(folder: Path, name: str) -> str:
    """Say how a file that is looked for below the data root is found in another folder; "" where it is not there."""
    there = Path(os.path.abspath(folder / name))
    found = name and not Path(name).is_absolute() and not (data_root() / name).exists() and there.exists()
    return f"there is {there}: write that path, or --data {folder}" if found else ""


def wrong_format(path: Path, expected: str) -> UserError:
    """The error of a file that is not what its name says; a saved web page is recognised."""
    with path.open("rb") as file:
        head = file.read(512)
    if not head:
        found = "it is empty"
    elif is_web_page(head):
        found = "it is a web page, as downloads that need a login or a confirmation leave behind"
    else:
        found = "it is something else, or damaged or incomplete"
    return UserError(f"{path}: expected {expected}, but {found}; get the file again")


class DecodedArrays:
    """The arrays of a decoded copy while it is written, each a memory-mapped .npy file."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def create(self, name: str, shape: Sequence[int], dtype: DTypeLike = np.uint8) -> NDArray[Any]:
        """A new array of zeros to be filled in place."""
        path = self.folder / f"{name}.npy"
        array = np.lib.format.open_memmap(path, mode="w+", dtype=np.dtype(dtype), shape=tuple(shape))
        # A full disk must show here as an error, not later as a fault on writing to the mapping.
        _reserve(path, array.offset)
        return array


def _reserve(path: Path, header: int) -> None:
    """Have the disk set aside the whole of a file that holds zeros behind its header.

    Raises:
        OSError: there is no room.
    """
    size = path.stat().st_size
    with path.open("r+b") as file:
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(file.fileno(), 0, size)
            return
        # macOS has no such call: there zeros are written.
        file.seek(header)
        for begin in range(header, size, ZEROS):
            file.write(bytes(min(ZEROS, size - begin)))


def decoded(
    name: str, recipe: Sequence[object], sources: Sequence[Path], decode: Callable[[DecodedArrays], None]
) -> dict[str, NDArray[Any]]:
    """DecodedArrays made from files once and memory-mapped from then on.

    The copy lies in `cache/` below the data root (see `cached`) under a name that depends on the recipe and on the
    `state` of every source. It appears whole or not at all: a second process waits for the
    first, and what a killed process left is thrown away.

    Args:
        name: of the dataset, for people who look into the folder.
        recipe: everything beside the sources that decides the arrays' content.
        sources: the files that are read.
        decode: fills the arrays.

    Returns:
        The arrays by name, memory-mapped; writing to one changes no file.

    Raises:
        UserError: there is no room for the copy or no permission to write it.
    """
    identity = [state(source) for source in sources]
    entry = cached(f"{name}-{seed_for(recipe, identity):016x}")
    if not entry.exists():
        try:
            with locked(entry.with_name(f".{entry.name}.lock")):
                if not entry.exists():
                    _write(entry, decode, identity)
        except OSError as error:
            raise UserError(f"{entry}: the decoded copy cannot be written: {error}") from error
    # Copy-on-write, because torch warns about arrays that it could not write to.
    return {path.stem: np.load(path, mmap_mode="c") for path in entry.glob("*.npy")}


def _write(entry: Path, decode: Callable[[DecodedArrays], None], sources: Sequence[object]) -> None:
    partial = entry.with_name(f"{entry.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir()
    try:
        decode(DecodedArrays(partial))
        (partial / SOURCES).write_text(json.dumps(sources), encoding="utf-8")
        for path in partial.iterdir():
            with path.open("rb") as file:
                os.fsync(file.fileno())
        partial.rename(entry)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
