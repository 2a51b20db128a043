"""Where code of others prints."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout


@contextmanager
def stdout_to_stderr() -> Iterator[None]:
    """Within this block what is printed goes to the standard error.

    For code of plugins: a command's standard output may be a table that a program reads.
    """
    with redirect_stdout(sys.stderr):
        yield
