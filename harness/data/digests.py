"""Digests of files: what their content is, computed once for each state of a file."""

import hashlib
import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from time import time

from harness.data.files import cached, state
from harness.data.trusted import record_of, recorded, with_records
from harness.dataset import Dataset
from harness.errors import UserError
from harness.seeds import seed_for
from harness.storage.atomic import write_whole

FRESH_SECONDS = 2.0
"""A file may change again without a new time so soon after it was written; its digest is not kept yet."""


def content_digest(files: Sequence[Path]) -> str:
    """The SHA-256 of files: of their content and of their paths below the folder that they share, 16 digits of it.

    It is kept in `cache/` below the data root under the paths and states of the files, and computed anew when one of
    these changes.

    Raises:
        UserError: a file is missing or cannot be read.
    """
    try:
        states = [state(file) for file in files]
        known = seed_for("digest", states)
        kept = cached(f"digests/{known:016x}")
        with suppress(FileNotFoundError):
            return kept.read_text(encoding="ascii")
        digest = _digest([Path(path) for path, _, _ in states])
    except OSError as error:
        raise UserError(f"{error.filename or files[0]}: {error.strerror or error}") from None
    if all(changed < 1e9 * (time() - FRESH_SECONDS) for _, _, changed in states):
        with suppress(OSError):  # The data root may be one that cannot be written.
            write_whole(kept, lambda file: file.write(digest.encode("ascii")))
    return digest


def _digest(paths: Sequence[Path]) -> str:
    shared = os.path.commonpath([path.parent for path in paths])
    contents = []
    for path in paths:
        name = path.relative_to(shared).as_posix() if len(paths) > 1 else ""
        with path.open("rb") as file:
            contents.append((hashlib.file_digest(file, "sha256").hexdigest(), name))
    return _digest_of(contents)


def _digest_of(contents: Sequence[tuple[str, str]]) -> str:
    """The digest of files with these SHA-256 and names."""
    lines = "".join(f"{content} {name}\n" for content, name in contents)
    return hashlib.sha256(lines.encode(errors="surrogateescape")).hexdigest()[:16]


def data_digest(dataset: Dataset) -> str:
    """What the files of a dataset hold; "" where it has none, or where they are not there.

    Raises:
        UserError: one cannot be read, or is not any more what was fetched and trusted.
    """
    try:
        files = dataset.data_files()
    except UserError:  # Whoever loads the dataset is told; suites are read on machines without the files too.
        return ""
    for file in with_records(files):
        if content_digest([file]) != _digest_of([(recorded(file), "")]):
            raise UserError(
                f"{file}: is not what was fetched and trusted, whose SHA-256 is in {record_of(file).name}; get it again"
            )
    return content_digest(files) if files else ""
