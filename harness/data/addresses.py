"""Asking addresses of files whether they would give them, without fetching more than the beginnings."""

import http.client
import re
import urllib.request
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from harness.data.download import is_web_page
from harness.errors import in_a_line

HEAD = 512
"""Bytes that tell a file from a web page."""
AT_ONCE = 8
"""Addresses that are asked side by side."""


@dataclass(frozen=True)
class Answer:
    """What an address says of its file.

    Attributes:
        url: the address.
        problem: why it does not give a file; "" if it does.
        size: bytes of the file, where it says so.
    """

    url: str
    problem: str
    size: int | None = None


def ask(urls: Sequence[str], seconds: float) -> list[Answer]:
    """The answers of addresses, in their order; redirections are followed.

    Args:
        urls: the addresses.
        seconds: how long each may take to answer.
    """
    with ThreadPoolExecutor(AT_ONCE) as threads:
        return list(threads.map(lambda url: _ask(url, seconds), urls))


def _ask(url: str, seconds: float) -> Answer:
    try:
        request = urllib.request.Request(url, headers={"Range": f"bytes=0-{HEAD - 1}"})
        with urllib.request.urlopen(request, timeout=seconds) as response:
            head, size = response.read(HEAD), _size(response)
    except (OSError, http.client.HTTPException, ValueError) as error:
        reason = getattr(error, "reason", "")  # Of an unreachable place; a server's answer has its code in the error.
        return Answer(url, in_a_line(reason if isinstance(reason, Exception) else error))
    if is_web_page(head):
        return Answer(url, "gives a web page")
    return Answer(url, "" if head else "gives nothing", size)


def _size(response: http.client.HTTPResponse) -> int | None:
    """Of the whole file: of a part the number behind the slash, as in "bytes 0-511/2097152"."""
    if response.status == http.client.PARTIAL_CONTENT:
        found = re.search(r"/(\d+)$", response.headers.get("Content-Range", ""))
        return int(found[1]) if found else None
    length = response.headers.get("Content-Length", "")
    return int(length) if length.isdecimal() else None
