"""One check of a plugin, and its failure."""

import inspect
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from harness.config import Settings, describe
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

    def __call__(self) -> None:
        """Ask; what would be better but need not be is a warning, `ContractAdvice`.

        Raises:
            CheckFailed: the plugin does not keep its contract.
        """
        self.question()

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
