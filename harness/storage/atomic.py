"""Files of results, on disk or at a URL: written whole or not at all, and checked when they are read."""

import fcntl
import io
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING

from harness.errors import StorageError, in_a_line
from harness.storage.location import is_local, remote

if TYPE_CHECKING:
    pass


def write_whole(path: Path, write: Callable[[IO[bytes]], object]) -> None:
    """Write a file beside its place, flush it to the disk and move it there in one go; to a URL, put it in one go."""
    if not is_local(path):
        content = io.BytesIO()
        write(content)
        with storing(path):
            path.write_bytes(content.getvalue())
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with aside.open("wb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)


@contextmanager
def storing(path: Path, *passing: type[OSError]) -> Iterator[None]:
    """Name the place of what goes wrong while a file of results is read or written.

    Raises:
        StorageError: the disk is full, permission is denied, the network is down; errors of the types `passing`
            are raised as they are.
    """
    try:
        yield
    except passing:
        raise
    except StorageError:
        raise
    except OSError as error:
        raise StorageError(error.errno, error.strerror or str(error), str(path)) from error
    except Exception as error:  # The library of a filesystem may raise anything; here it would be our own mistake.
        if is_local(path):
            raise
        raise StorageError(0, in_a_line(error), str(path)) from error


def read_bytes(path: Path) -> bytes:
    """The content of a file of results.

    Raises:
        StorageError: it cannot be read.
        FileNotFoundError: there is no such file.
    """
    with storing(path, FileNotFoundError):
        return path.read_bytes() if is_local(path) else remote(path).fs.cat_file(remote(path).path)


def move(path: Path, to: Path) -> None:
    """Rename a file, over another if there is one.

    Raises:
        StorageError: it cannot be renamed.
    """
    with storing(path):
        path.rename(to)


def set_aside(path: Path) -> Path:
    """Rename a damaged file, so that it is in nobody's way and can be looked at; returns where it is now."""
    aside = path.with_name(f"{path.name}.damaged")
    move(path, aside)
    return aside


@contextmanager
def locked(path: Path, *, wait: bool = True) -> Iterator[bool]:
    """Hold a lock file that the kernel frees at any death; yields whether it was got."""
    with storing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = path.open("a")
    with lock as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            yield False
            return
        yield True
