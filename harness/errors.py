"""The errors that the harness raises on purpose, and how it words a near miss."""

import errno
import re
import signal
import traceback
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from difflib import get_close_matches

FULL = (errno.ENOSPC, errno.EDQUOT)
"""Errors that a file of a plugin meets on a full disk."""

MOST_MEANT = 3
"""Names that a hint holds at most."""

_OBEYED = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
"""Control characters but tab and newline, marks that turn the direction of writing, and halves of characters."""


class HarnessError(Exception):
    """Base of every error that the harness raises on purpose."""


class UserError(HarnessError):
    """Something the user wrote cannot be used; the message says where, why and what would do.

    The command line prints the message without a traceback and exits with code 2.
    """


class UnknownNameError(UserError):
    """No plugin that is loaded has registered a name."""


class ContractError(UserError):
    """A model or dataset does not keep its contract; the message names the place and says what to change."""


class DamagedFileError(UserError):
    """A file of results is not what was once written: cut off, changed or foreign."""


class StorageError(HarnessError, OSError):
    """A file of results cannot be read or written: the disk is full, permission is denied, the network is down.

    Made like an OSError, of errno, what it means, and the place.
    """

    def __str__(self) -> str:
        return f"{self.filename}: {self.strerror}"


class DivergenceError(HarnessError):
    """A loss or a code is not a usable number; the trial or score ends with this as its recorded reason."""


class ExitError(HarnessError):
    """Something that a plugin provides has called `sys.exit`, which would have ended the command without a word."""


class NotApplicableError(HarnessError):
    """A metric or selector has no meaning for this model and dataset; not a failure."""


def in_a_line(error: BaseException) -> str:
    """An error's type and the beginning of its message; some messages hold whole tensors."""
    try:
        first = (str(error).splitlines() or [""])[0]
    except Exception:  # An error whose message cannot be made is told by its type.
        first = ""
    return f"{type(error).__name__}: {first[:300]}".removesuffix(": ")


class StopNow(BaseException):
    """A worker was asked to stop and has nothing to save."""


def is_stop(error: BaseException) -> bool:
    """Whether somebody stops this process; whatever else a plugin raises is its own failure.

    Workers ignore Ctrl-C, so that a `KeyboardInterrupt` in one is raised by a plugin.
    """
    ctrl_c = isinstance(error, KeyboardInterrupt) and signal.getsignal(signal.SIGINT) is not signal.SIG_IGN
    return ctrl_c or isinstance(error, StopNow)


@contextmanager
def without_exits(unless: Callable[[BaseException], bool] = lambda error: False) -> Iterator[None]:
    """Within this block nothing may end the process.

    Args:
        unless: whether something may all the same.

    Raises:
        ExitError: something calls `sys.exit`; the message says where.
    """
    try:
        yield
    except SystemExit as error:
        if unless(error):
            raise
        place = traceback.extract_tb(error.__traceback__)[-1]
        raise ExitError(
            f"{place.filename}, line {place.lineno}: {place.name} ends the process ({in_a_line(error)}), which nothing "
            "in a plugin may do"
        ) from error


def nearest(name: str, choices: Iterable[str]) -> str:
    """Word a hint for a name that does not exist. How words are joined and written, large or small, is no difference.

    >>> nearest("Beta_VAE", ["beta-vae", "vae"]), nearest("bta", ["beta", "latents"])
    ("did you mean 'beta-vae'?", "did you mean 'beta'?")
    >>> nearest("udr", ["udr-lasso", "random", "udr-spearman"])
    "did you mean 'udr-lasso' or 'udr-spearman'?"
    >>> nearest("zzz", ["beta", "latents"])
    'choose from: beta, latents'
    """
    choices = sorted(choices)
    if close := _closest(name, choices):
        return f"did you mean {' or '.join(repr(choice) for choice in close)}?"
    return f"choose from: {', '.join(choices)}" if choices else "there are none"


def _closest(name: str, choices: Sequence[str]) -> list[str]:
    """The choices that a name may stand for: those written alike, else begun by it or holding it, else the likest."""
    wanted, plain = _plain(name), {choice: _plain(choice) for choice in choices}
    if alike := [choice for choice in choices if plain[choice] == wanted]:
        return alike
    if len(wanted) > 1:
        begun = [choice for choice in choices if plain[choice].startswith(wanted)]
        holding = [choice for choice in choices if wanted in plain[choice]]
        if found := begun or holding:
            return sorted(found, key=len)[:MOST_MEANT]
    close = get_close_matches(wanted, plain.values(), n=1)
    return [choice for choice in choices if close and plain[choice] == close[0]][:1]


def _plain(name: str) -> str:
    return name.casefold().replace("-", "").replace("_", "")


def printable(text: str) -> str:
    """Text of anyone's as a terminal may get it: what a terminal would obey is spelt out instead.

    >>> print(printable("a\\x1b[2Jb\\u202ec"))
    a\\x1b[2Jb\\u202ec
    """
    return _OBEYED.sub(lambda found: found[0].encode("unicode_escape").decode(), text)
