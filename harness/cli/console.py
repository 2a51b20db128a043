"""Where and how wide the command line prints."""

import sys

from rich.console import Console

WIDTH_ELSEWHERE = 160
"""Width of tables that go to a file or a pipe."""


def console() -> Console:
    """The standard output: as wide as the terminal, or wide enough for a table when it is none."""
    return Console(highlight=False) if sys.stdout.isatty() else Console(highlight=False, width=WIDTH_ELSEWHERE)
