"""One check of a plugin, and its failure."""

import inspect
import traceback
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from harness.config import Settings, describe
from harness.errors import ContractError, UserError, in_a_line
from harness.training.purity import generator_states, moved_since

T = TypeVar("T")


class CheckFailed(AssertionError):  # noqa: N818 - reads as the outcome that it is
    """A plugin does not keep its contract; the message says what to change."""


class ContractAdvice(UserWarning):
    """A plugin keeps its contract, and would gain by a change."""


@dataclass(frozen=True)
class Check:
    """A question about a plugin; calling it raises CheckFailed if the answer is no."""

    title: str
    question: Callable[[], None]
    home: Path = Path()
    """The folder of the plugin's code: an error is told with the last line of it that had been called."""

    def __call__(self) -> None:
        """Ask; what would be better but need not be is a warning, `ContractAdvice`.

        Raises:
            CheckFailed: the plugin does not keep its contract.
            UserError: the plugin refuses, such as a dataset whose files are missing.
        """
        try:
            self.question()
        except ContractError as error:
            raise CheckFailed(str(error)) from error
        except (CheckFailed, UserError):
            raise
        except Exception as error:  # A plugin may raise anything.
            raise CheckFailed(f"it raises {in_a_line(error)}{self._place(error)}") from error

    def _place(self, error: Exception) -> str:
        """Where in the plugin's code an error came from; "" if from elsewhere."""
        frames = traceback.extract_tb(error.__traceback__)
        own = [frame for frame in frames if Path(frame.filename).parent == self.home]
        return f" ({Path(own[-1].filename).name}, line {own[-1].lineno}, in {own[-1].name})" if own else ""

    def __str__(self) -> str:
        return self.title


def require(condition: bool, change: str) -> None:
    """Raise CheckFailed with what to change, unless `condition`."""
    if not condition:
        raise CheckFailed(change)


def advise(change: str) -> None:
    """Warn of what could be better."""
    warnings.warn(change, ContractAdvice, stacklevel=3)


def require_words(subject: type, settings: type[Settings]) -> None:
    """The class says what it is, and every setting what it means.

    Raises:
        CheckFailed: a text is missing.
    """
    require(bool(vars(subject).get("__doc__")), f"give {subject.__name__} a docstring: `harness show` prints it")
    for setting in describe(settings):
        require(bool(setting["meaning"]), f"describe the setting: {setting['name']} = Field(..., description=...)")


def unmoved(function: Callable[..., T], *arguments: Any) -> T:
    """What a function returns, after making sure that it left the global generators alone.

    Raises:
        CheckFailed: it drew from one of them.
    """
    before = generator_states()
    found = function(*arguments)
    moved = moved_since(before)
    name = getattr(function, "__name__", "it")
    require(not moved, f"{name} draws from {moved}; draw from the generator that the harness hands over")
    return found


def title_of(function: Callable[..., object]) -> str:
    """The first line of a check's docstring, without its full stop: what must be true."""
    return (inspect.getdoc(function) or function.__name__).splitlines()[0].removesuffix(".")
