"""Fetching published files: from the first address that gives them, whole or not at all."""

import hashlib
import http.client
import urllib.request
from collections.abc import Iterator, Sequence
from pathlib import Path
from time import monotonic
from typing import IO

from harness.data.progress_bar import progress
from harness.data.trusted import record, record_of
from harness.errors import UserError, in_a_line
from harness.storage.atomic import locked, write_whole

PATIENCE = 60.0
"""Seconds in which an address must answer, and must go on to give at least `LEAST` bytes."""
LEAST = 1 << 16
BLOCK = 1 << 20


class _UselessAddressError(Exception):
    """An address is no use, because it does not give the file; the message says why."""


def download(urls: str | Sequence[str], path: Path, checksum: str, *, trust: bool = False) -> None:
    """Fetch a file once, however many processes want it.

    Addresses are tried in turn: the next one where one is dead, slow, breaks off or gives something else.

    Args:
        urls: one or more addresses.
        path: where the file is put.
        checksum: of the file, "sha256:..." or "md5:..."; "" where none is known.
        trust: whether to keep what has another checksum, if it comes whole and is no web page; its SHA-256 is kept
            beside it, see `harness.data.trusted`.

    Raises:
        UserError: no address gives the file, and why; or it cannot be written.
    """
    urls = [urls] if isinstance(urls, str) else urls
    reasons = []
    try:
        with locked(path.with_name(f".{path.name}.lock")):
            if path.exists():
                return
            # Left by a process that was killed; whoever holds the lock is the only one to write.
            for partial in path.parent.glob(f".{path.name}.*.part"):
                partial.unlink(missing_ok=True)
            for url in urls:
                try:
                    _fetch(url, path, checksum, trust)
                    return
                except _UselessAddressError as error:
                    reasons.append(f"{url}: {error}")
    except OSError as error:
        raise UserError(f"{path}: cannot be written: {error.strerror or error}") from None
    raise UserError(
        f"{path}: cannot be fetched; nothing was kept. {'; '.join(reasons)}. "
        "A file that you got elsewhere and trust can be put there; --trust keeps one with another checksum, as a new "
        "edition has, and remembers it"
    )


def _fetch(url: str, path: Path, checksum: str, trust: bool) -> None:
    """Fetch what an address gives into a file.

    Raises:
        _UselessAddressError: it gives nothing, less than it says, or something with another checksum that is not to
            be trusted.
    """
    algorithm, _, expected = (checksum or "sha256:").partition(":")
    digests = {name: hashlib.new(name) for name in {algorithm, "sha256" if trust else algorithm}}

    def write(file: IO[bytes]) -> None:
        head = b""
        for block in _blocks(url, path.name, whole_by_itself=bool(checksum) and not trust):
            head = head or block[:512]
            for digest in digests.values():
                digest.update(block)
            file.write(block)
        found = digests[algorithm].hexdigest()
        if found == expected:
            record_of(path).unlink(missing_ok=True)
        elif trust and head and not is_web_page(head):
            record(
                path, digests["sha256"].hexdigest()
            )  # Before the file is in its place, where it may be found without it.
        else:
            page = "a web page, " if is_web_page(head) else ""
            raise _UselessAddressError(f"gave {page}{algorithm} checksum {found}, expected {expected or 'a file'}")

    write_whole(path, write)


def _blocks(url: str, name: str, *, whole_by_itself: bool) -> Iterator[bytes]:
    """What an address gives, piece by piece, with a progress bar.

    Args:
        url: the address.
        name: of the file, beside the bar.
        whole_by_itself: whether somebody else finds out that the file came whole; else the address must say its size.
    """
    try:
        with urllib.request.urlopen(url, timeout=PATIENCE) as response:
            size = int(response.headers.get("Content-Length") or 0)
            if not (size or whole_by_itself or response.headers.get("Transfer-Encoding")):
                raise ValueError("it does not say how long the file is, so that one broken off could not be told")
            got = 0
            for block in progress(_steadily(response), f"fetching {name}", -(-size // BLOCK) or None):
                got += len(block)
                yield block
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise _UselessAddressError(in_a_line(error)) from None
    if got < size:
        raise _UselessAddressError(f"broke off after {got:,} of {size:,} bytes")


def _steadily(response: IO[bytes]) -> Iterator[bytes]:
    """Read a download in blocks of `BLOCK` bytes, the last one smaller, for as long as it is fast enough.

    Raises:
        TimeoutError: too little came for too long.
    """
    block, since, got = bytearray(), monotonic(), 0
    while piece := response.read1(BLOCK):  # type: ignore[attr-defined]
        block += piece
        got += len(piece)
        if monotonic() - since > PATIENCE:
            if got < LEAST:
                raise TimeoutError(f"gave only {got:,} bytes in {PATIENCE:g} s")
            since, got = monotonic(), 0
        if len(block) >= BLOCK:
            yield bytes(block)
            block.clear()
    if block:
        yield bytes(block)


def is_web_page(head: bytes) -> bool:
    """Whether a file with this beginning is a web page."""
    return b"<html" in head.lower() or b"<!doctype html" in head.lower()
