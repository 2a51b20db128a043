"""Files of results, on disk or at a URL: written whole or not at all, and checked when they are read."""

import errno
import fcntl
import io
import logging
import os
import re
import shutil
import socket
import uuid
from collections.abc import Callable, Container, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from harness.errors import StorageError, UserError, in_a_line
from harness.storage.location import is_local, remote

logger = logging.getLogger(__name__)

TEMPORARY = re.compile(r"\..+\.[0-9a-f]{32}\.part")
"""Names of files that are being written; random, because containers that share a folder share process numbers too."""

NO_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL)
"""What a filesystem without file locks answers."""


def write_whole(path: Path, write: Callable[[IO[bytes]], object]) -> None:
    """Write a file beside its place, flush it to the disk and move it there in one go; to a URL, put it in one go."""
    if not is_local(path):
        content = io.BytesIO()
        write(content)
        with storing(path):
            path.write_bytes(content.getvalue())
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    with _aside(path) as (aside, file):
        write(file)
        file.flush()
        os.fsync(file.fileno())
        aside.replace(path)


@contextmanager
def _aside(path: Path) -> Iterator[tuple[Path, IO[bytes]]]:
    """A new file beside a path, locked while it is written so that `remove_unfinished` leaves it alone."""
    aside = path.with_name(f".{path.name}.{uuid.uuid4().hex}.part")
    try:
        with aside.open("wb") as file:
            with suppress(OSError):  # Where there are no locks, nothing is removed either.
                fcntl.flock(file, fcntl.LOCK_EX)
            if _is_still_there(file, aside):
                yield aside, file
                return
    finally:
        aside.unlink(missing_ok=True)
    with _aside(path) as another:  # It was removed between its making and its locking.
        yield another


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
    except (StorageError, UserError):
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


def exists(path: Path) -> bool:
    """Whether there is a file of results.

    Raises:
        StorageError: that cannot be found out.
    """
    with storing(path):
        return path.exists()


def remove(path: Path) -> None:
    """Remove a file of results, if there is one.

    Raises:
        StorageError: it cannot be removed.
    """
    with storing(path), suppress(FileNotFoundError):
        path.unlink()


def remove_others(folder: Path, pattern: str, kept: Container[str]) -> None:
    """Remove those files of a local folder whose names match a pattern and that are not to be kept.

    Raises:
        StorageError: one cannot be removed.
    """
    for file in folder.glob(pattern):
        if file.name not in kept:
            remove(file)


def remove_folder(folder: Path) -> None:
    """Remove a folder of results with all that is in it.

    Raises:
        StorageError: something in it cannot be removed.
    """
    with storing(folder):
        if is_local(folder):
            shutil.rmtree(folder)
        else:
            with suppress(FileNotFoundError):
                remote(folder).fs.rm(remote(folder).path, recursive=True)


def remove_unfinished(folder: Path) -> None:
    """Remove what killed processes were still writing in a local folder, and nothing that is being written now."""
    if not is_local(folder) or not folder.is_dir():
        return
    for file in folder.iterdir():
        if TEMPORARY.fullmatch(file.name) and not file.is_symlink() and file.is_file():
            with suppress(OSError), file.open("r+b") as left:  # NFS locks exclusively only what may be written.
                fcntl.flock(left, fcntl.LOCK_EX | fcntl.LOCK_NB)
                file.unlink()


def refuse_link(path: Path) -> None:
    """Refuse a path that is a symbolic link: in somebody else's results folder it may lead anywhere.

    Raises:
        UserError: it is one.
    """
    if is_local(path) and path.is_symlink():
        raise UserError(f"{path}: it is a link, and what it leads to would be changed; replace it by a folder or file")


@contextmanager
def locked(path: Path, *, wait: bool = True) -> Iterator[IO[bytes] | None]:
    """Hold a lock file, in which the holder's name stands; yields the open file, None if somebody else has it.

    The kernel frees it when the last process that has the open file has ended. Where the filesystem has no locks, a
    warning says so, and nothing is locked.
    """
    while True:
        with storing(path):
            refuse_link(path)
            path.parent.mkdir(parents=True, exist_ok=True)
            file = path.open("a+b", buffering=0)
        with file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
            except BlockingIOError:
                yield None
                return
            except OSError as error:
                if error.errno not in NO_LOCKS:
                    raise StorageError(error.errno, f"cannot be locked: {error.strerror}", str(path)) from error
                logger.warning("%s: there are no file locks here; only one run at a time may use it", path.parent)
            if not _is_still_there(file, path):  # It was deleted, by who held it, before we got it.
                continue
            with suppress(OSError):  # Who holds it is for people only.
                file.truncate(0)
                file.write(f"process {os.getpid()} on {socket.gethostname()}".encode())
            yield file
            return


def _is_still_there(file: IO[bytes], path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except FileNotFoundError:
        return False
