"""What files of strangers may hold, and what commands that read them must not do."""

import io
import sys
from contextlib import redirect_stderr, redirect_stdout

import pytest

from harness.cli import main

TEXTS = [
    *(
        "\x1b]0;x\x07",
        "\x1b[2J",
        "\u202eabc",
        "\x9b31m",
        "x\\[/b]y",
        "[bold]",
        "<script>alert(1)</script>",
        "</script>",
    ),
    *("../../outside", "/etc/passwd", "=1+1", "\ud800", "\x00", "\n", "", "é表", "a" * 5000),
]
"""Texts that a terminal, a page, a spreadsheet or a path would obey."""


def ended(*arguments):
    """How a command ended in this process: its exit code, standard output and error, which hold no traceback."""
    out, error = io.StringIO(), io.StringIO()
    before, sys.argv = sys.argv, ["harness", *map(str, arguments)]
    try:
        with redirect_stdout(out), redirect_stderr(error), pytest.raises(SystemExit) as end:
            main()
    finally:
        sys.argv = before
    for text in (out.getvalue(), error.getvalue()):
        assert "Traceback (most recent" not in text
    return end.value.code, out.getvalue(), error.getvalue()


def run(*arguments):
    """The standard output and error of a command that must end well, or with a message, and print what is harmless."""
    code, out, error = ended(*arguments)
    assert code in (0, 2), error
    for text in (out, error):
        assert all(sign.isprintable() or sign in "\n\t" for sign in text)
    return out, error


def check_page(page):
    """Make sure that no text of a stranger is markup in a page."""
    text = page.read_text("utf-8")
    assert "alert(1)</script>" not in text
    assert text.count("<script") == text.count("</script>")
