"""The aim of a search: the metric, selector or training loss by which it prefers one trial to another."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from harness.errors import UserError, nearest
from harness.registry import Registry
from harness.suite.resolve import choose
from harness.suite.trial import Choice

LOSS = "loss:"
"""What the name of a loss term begins with; the smaller it is at the end of a training, the better."""


@dataclass(frozen=True)
class Aim:
    """The metric, selector or loss by which a search prefers trials.

    Attributes:
        kind: of what it is.
        name: of the metric or selector, or the term, as "OBJECTIVE/TERM".
        choice: the metric or selector.
        place: where the suite says so.
    """

    kind: Literal["metric", "selector", "loss"]
    name: str
    choice: Choice | None
    place: str

    def __str__(self) -> str:
        return f"{LOSS if self.kind == 'loss' else ''}{self.name}"


def resolve_aim(registry: Registry, item: str | Mapping[str, Any], place: str, folder: Path) -> Aim:
    """The aim of a name, or of a table of a name and settings side by side.

    Raises:
        UserError: there is no such metric or selector, a setting of it is wrong, or a loss is not named in full.
    """
    name = item if isinstance(item, str) else item.get("name")
    if isinstance(name, str) and name.startswith(LOSS):
        if not isinstance(item, str):
            raise UserError(f"{place}: a loss term has no settings; write {name!r}")
        if not all(name.removeprefix(LOSS).partition("/")):
            raise UserError(f"{place}: got {name!r}, expected {LOSS}OBJECTIVE/TERM, such as {LOSS}elbo/reconstruction")
        return Aim("loss", name.removeprefix(LOSS), None, place)
    if isinstance(name, str) and ":" not in name:
        entries = registry.entries
        if name in entries["metrics"]:
            return Aim("metric", name, choose(registry, "metrics", item, place, folder), place)
        if name not in entries["selectors"]:
            known = [*entries["metrics"], *entries["selectors"], f"{LOSS}OBJECTIVE/TERM"]
            raise UserError(f"{place}: there is no metric or selector '{name}'; {nearest(name, known)}")
    choice = choose(registry, "selectors", item, place, folder)
    return Aim("selector", choice.name, choice, place)
