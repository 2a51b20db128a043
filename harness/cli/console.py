"""The console that tables and live displays are printed on."""

import os
import sys
from collections.abc import Iterable
from typing import NoReturn

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment

from harness.errors import printable

WIDTH_ELSEWHERE = 160
"""Width of tables that go to a file or a pipe, unless COLUMNS says otherwise."""

NARROWEST = 40
"""Width below which lines are left to the terminal to wrap."""


def console() -> Console:
    """A rich console on the standard output: as wide as the terminal, or wide enough for a table elsewhere.

    Strings are text and not markup.
    """
    measured = sys.stdout.isatty() or "COLUMNS" in os.environ
    width = None if measured else WIDTH_ELSEWHERE
    # The stream by itself: while a plugin's code runs, `sys.stdout` may be another for a moment, see `governed`.
    made = _Console(file=sys.stdout, markup=False, emoji=False, highlight=False, width=width)
    made.width = max(made.width, NARROWEST)
    return made


class _Console(Console):
    """A console whose contents cannot hold what a terminal obeys; its own colours and cursor movements can."""

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        for segment in super().render(renderable, options):
            yield segment if segment.control else Segment(printable(segment.text), segment.style)

    def on_broken_pipe(self) -> NoReturn:
        """Pass on that nobody reads any more, see `allowing_unread`; rich would end the process with an error."""
        raise  # noqa: PLE0704 - rich calls this where it has caught BrokenPipeError
