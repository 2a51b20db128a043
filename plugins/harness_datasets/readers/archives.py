"""Archives as data sets are published in, unpacked once."""

import gzip
import shutil
import tarfile
import zlib
from fnmatch import fnmatch
from pathlib import Path, PurePosixPath

from harness import UserError
from harness.data import locked, wrong_format


def unpack_tar(archive: Path, folder: Path, pattern: str) -> None:
    """Put the files of a tar archive whose names fit a pattern into a folder, which appears whole or not at all.

    Only the last part of each name counts, so that nothing is written elsewhere. What a killed process left is thrown
    away, and a second process waits for the first.

    Raises:
        UserError: it is no archive, is damaged or has no such files; or the folder cannot be written.
    """
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
    except (tarfile.TarError, gzip.BadGzipFile, EOFError, zlib.error):
        raise wrong_format(archive, f"a tar archive of {pattern}") from None
    except OSError as error:
        raise UserError(f"{folder}: {archive.name} cannot be unpacked there: {error.strerror or error}") from None


def _unpack(archive: Path, folder: Path, pattern: str) -> None:
    with tarfile.open(archive) as content:
        for member in content:
            file = content.extractfile(member) if member.isfile() and fnmatch(member.name, pattern) else None
            if file is not None:
                with (folder / PurePosixPath(member.name).name).open("wb") as target:
                    shutil.copyfileobj(file, target)
    if not any(folder.iterdir()):
        raise UserError(f"{archive}: has no files {pattern}")
