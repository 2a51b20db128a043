"""The one way to the terminal: text of results and plugins is shown, never obeyed, in whatever encoding there is."""

import codecs
import os
import select
import sys
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

import click

from harness.errors import printable

REPLACEMENTS = {"±": "+/-", "−": "-", "–": "-", "×": "x", "…": "...", "✓": "+", "✗": "x", "↓": "v", "β": "beta"}
"""What stands for the harness's own signs where the standard output cannot write them."""


def echo(text: object = "", *, err: bool = False) -> None:
    """Print a line that may hold names, titles or reasons of anyone's; see `harness.errors.printable`."""
    print(printable(str(text)), file=sys.stderr if err else sys.stdout, flush=True)


@contextmanager
def allowing_unread() -> Iterator[None]:
    """Within this block an output that nobody reads any more, as by `| head`, ends the command without an error.

    Click would end it with one.

    Raises:
        click.exceptions.Exit: that has happened.
    """
    try:
        yield
        if sys.stdout is not None:
            sys.stdout.flush()
    except BrokenPipeError:
        if not _is_unread(sys.stdout):  # It was some other pipe.
            raise
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise click.exceptions.Exit(0) from None


def _is_unread(stream: TextIO) -> bool:
    """Whether a stream is a pipe that nobody reads from."""
    try:
        asked = select.poll()
        asked.register(stream.fileno(), 0)
        return any(event & select.POLLERR for _, event in asked.poll(0))
    except (AttributeError, OSError):  # There is no `poll`, as on Windows, or no file behind the stream.
        return True


def open_closed_streams() -> None:
    """Have a standard output or error that was closed before the command began lead nowhere."""
    # What is opened next would get the number of a closed stream.
    while (file := os.open(os.devnull, os.O_RDWR)) <= 2:
        pass
    os.close(file)
    sys.stdout = sys.stdout or open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 - for as long as the process lives
    sys.stderr = sys.stderr or open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 - for as long as the process lives


def replace_unwritable() -> None:
    """Have the standard output and error replace what their encoding lacks, instead of raising an error."""
    codecs.register_error("harness-replace", _replacement)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # What stands for them in tests has no encoding.
            stream.reconfigure(errors="harness-replace")


def _replacement(error: UnicodeError) -> tuple[str, int]:
    """The nearest ASCII text for what an encoding lacks: é becomes e, and what is near nothing a question mark."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    signs = error.object[error.start : error.end]
    found = (REPLACEMENTS.get(sign) or unicodedata.normalize("NFKD", sign) for sign in signs)
    return "".join(text.encode("ascii", "ignore").decode() or "?" for text in found), error.end
