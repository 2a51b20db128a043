"""Standard streams that a long command can do without: their reader may go away, their disk may be full."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, TextIO

from harness.cli.terminal import echo


class Dispensable:
    """A standard stream that, when it can no longer be written, is written no more, instead of ending the command.

    Args:
        stream: what is written to; None if it was closed before the command began.
        name: of the stream, for people, who are told once on the standard error; "" to tell nobody.
    """

    def __init__(self, stream: TextIO | None, name: str) -> None:
        self._stream = stream
        self._name = name

    def write(self, text: str) -> int:
        """Write, if that is still possible."""
        self._try("write", text)
        return len(text)

    def flush(self) -> None:
        """Flush, if that is still possible."""
        self._try("flush")

    def isatty(self) -> bool:
        """Whether it is a terminal."""
        return self._stream is not None and self._stream.isatty()

    def _try(self, method: str, *arguments: str) -> None:
        if self._stream is None:
            return
        try:
            getattr(self._stream, method)(*arguments)
        except (OSError, ValueError) as error:
            self._give_up(error)

    def _give_up(self, error: Exception) -> None:
        stream, self._stream = self._stream, None
        # What it has kept to itself would be tried again, and fail again, when Python ends.
        with suppress(OSError, ValueError):
            assert stream is not None
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
        if self._name:
            echo(f"harness: the {self._name} cannot be written any more ({error}); the command goes on", err=True)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream if self._stream is not None else sys.__stderr__, name)


@contextmanager
def dispensable_streams() -> Iterator[None]:
    """Within, the standard output and error may become unwritable."""
    before = sys.stdout, sys.stderr
    sys.stderr = Dispensable(sys.stderr, "")
    sys.stdout = Dispensable(sys.stdout, "standard output")
    try:
        yield
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        sys.stdout, sys.stderr = before
