"""Archives as data sets are published in, unpacked once."""

import gzip
import shutil
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path, PurePosixPath
from typing import IO

from harness import UserError
from harness.data import DataFile, locked, may_download, missing, wrong_format


def unpacked(folder: DataFile, archive: DataFile, pattern: str) -> Path:
    """A folder of published files, unpacked first where only their archive is there, or may be fetched.

    Args:
        folder: appears whole or not at all.
        archive: tar or zip, whatever its name.
        pattern: which of the archive's files are wanted, such as "*/images/*.png"; only the last part of each name
            counts in the folder, so that nothing is written elsewhere.

    Raises:
        UserError: there is neither; or the archive is none, is damaged or has no such files; or the folder cannot be
            written.
    """
    if not folder.exists():
        if not (archive.exists() or may_download()):
            fetch = f"--download{'' if archive.checksum else ' --trust'}"
            origin = f"{folder.origin}, or put the archive at {archive.place}, or run again with {fetch}"
            raise missing(folder.place, origin, folder.stand_in)
        _unpack_once(archive.find(), folder.place, pattern)
    return folder.place


def _unpack_once(archive: Path, folder: Path, pattern: str) -> None:
    """Unpack an archive. What a killed process left is thrown away, and a second process waits for the first."""
    partial = folder.with_name(f"{folder.name}.partial")
    try:
        with locked(folder.with_name(f".{folder.name}.lock")):
            if folder.exists():
                return
            shutil.rmtree(partial, ignore_errors=True)
            partial.mkdir(parents=True)
            try:
                _unpack(archive, partial, pattern)
                partial.rename(folder)
            finally:
                shutil.rmtree(partial, ignore_errors=True)
    except (tarfile.TarError, zipfile.BadZipFile, gzip.BadGzipFile, EOFError, zlib.error, NotImplementedError):
        raise wrong_format(archive, f"a tar or zip archive of {pattern}") from None
    except OSError as error:
        raise UserError(f"{folder}: {archive.name} cannot be unpacked there: {error.strerror or error}") from None


def _unpack(archive: Path, folder: Path, pattern: str) -> None:
    for name, file in _zipped(archive, pattern) if zipfile.is_zipfile(archive) else _tarred(archive, pattern):
        with file, (folder / PurePosixPath(name).name).open("wb") as target:
            shutil.copyfileobj(file, target)
    if not any(folder.iterdir()):
        raise UserError(f"{archive}: has no files {pattern}")


def _tarred(archive: Path, pattern: str) -> Iterator[tuple[str, IO[bytes]]]:
    with tarfile.open(archive) as content:
        for member in content:
            file = content.extractfile(member) if member.isfile() and fnmatch(f"/{member.name}", pattern) else None
            if file is not None:
                yield member.name, file


def _zipped(archive: Path, pattern: str) -> Iterator[tuple[str, IO[bytes]]]:
    with zipfile.ZipFile(archive) as content:
        for name in content.namelist():
            if fnmatch(f"/{name}", pattern):
                yield name, content.open(name)
