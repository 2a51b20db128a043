"""The one way to the terminal: text of results and plugins is shown, never obeyed, in whatever encoding there is."""

import codecs
import sys
import unicodedata

from harness.errors import printable

REPLACEMENTS = {"±": "+/-", "−": "-", "–": "-", "×": "x", "…": "...", "✓": "+", "✗": "x", "↓": "v", "β": "beta"}
"""What stands for the harness's own signs where the standard output cannot write them."""


def echo(text: object = "", *, err: bool = False) -> None:
    """Print a line that may hold names, titles or reasons of anyone's; see `harness.errors.printable`."""
    print(printable(str(text)), file=sys.stderr if err else sys.stdout, flush=True)


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
