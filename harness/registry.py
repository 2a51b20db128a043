"""The registry: every model, dataset, metric, selector and sampler that the loaded plugins offer, by kind and name."""

import importlib
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any, TypeAlias

from harness._stdout import stdout_to_stderr
from harness.errors import UnknownNameError, UserError, nearest

DISTRIBUTION = "disentanglement-harness"
"""The distribution that the harness and the built-in plugins are from."""

KINDS = ("models", "datasets", "metrics", "selectors", "samplers")
"""All that plugins register."""


Register: TypeAlias = Callable[[str, "str | type", str], None]
"""What a registration hook is handed: register(name, target, summary)."""


@dataclass(frozen=True)
class Plugin:
    """A loaded plugin module and where it comes from."""

    module: ModuleType
    distribution: str
    version: str
    loaded_as: str = ""
    """The version when this process first loaded it: what is imported may be of then."""

    def __str__(self) -> str:
        return f"{self.distribution} {self.version}"


@dataclass(frozen=True)
class PluginProblem:
    """A plugin that could not be used, and why; a suite that does not need it runs all the same."""

    distribution: str
    reason: str

    def __str__(self) -> str:
        return f"plugin {self.distribution}: {self.reason}"


@dataclass(frozen=True)
class Entry:
    """One registered model, dataset, metric, selector or sampler."""

    kind: str
    name: str
    target: str | type
    summary: str
    plugin: Plugin

    def load(self) -> Any:
        """The class itself, imported now.

        Raises:
            UserError: the plugin's module cannot be imported or lacks the class.
        """
        if isinstance(self.target, type):
            return self.target
        module, _, attribute = self.target.partition(":")
        try:
            with stdout_to_stderr():
                return getattr(importlib.import_module(module), attribute)
        except Exception as error:  # A plugin's import may raise anything; it must be named, not shown raw.
            place = f"{self.kind[:-1]} '{self.name}' of {self.plugin}"
            raise UserError(f"{place} cannot be loaded from {self.target}: {import_reason(error)}") from error


def import_reason(error: BaseException) -> str:
    """What a plugin's module raised while it was imported, in words."""
    from harness.config import wrong_declaration  # Pydantic takes long to import, and commands list plugins without it.

    return wrong_declaration(error) or f"{type(error).__name__}: {error}"


@dataclass(frozen=True)
class Derivation:
    """A rule that makes an entry of one kind from every entry of another: `supervised:mig` from the metric `mig`.

    Attributes:
        kind: what it makes, such as "selectors".
        prefix: what the names of the made entries begin with; the base entry's name follows.
        base: the kind that it is made from.
        target: "module:function", called with the base's class to make the class.
        summary: a line about the made entry; `{name}` stands for the base's name.
    """

    kind: str
    prefix: str
    base: str
    target: str
    summary: str

    def entry(self, base: Entry) -> "DerivedEntry":
        """The entry made from a base entry."""
        summary = self.summary.format(name=base.name)
        return DerivedEntry(self.kind, self.prefix + base.name, base.target, summary, base.plugin, self.target)


@dataclass(frozen=True)
class DerivedEntry(Entry):
    """An entry that no plugin registered: it is made from another by a `Derivation`."""

    derive: str

    def load(self) -> Any:
        """The class made from the base's class.

        Raises:
            UserError: the base cannot be loaded, or nothing can be made from it.
        """
        module, _, function = self.derive.partition(":")
        base = super().load()
        try:
            return getattr(importlib.import_module(module), function)(base)
        except UserError as error:
            raise UserError(f"{self.kind[:-1]} '{self.name}': {error}") from None


@dataclass
class Registry:
    """Everything that the loaded plugins offer, by kind and name."""

    entries: dict[str, dict[str, Entry]] = field(default_factory=lambda: {kind: {} for kind in KINDS})
    conflicts: dict[tuple[str, str], list[Entry]] = field(default_factory=dict)
    problems: list[PluginProblem] = field(default_factory=list)
    derivations: Sequence[Derivation] = ()

    def add(self, entry: Entry) -> None:
        """Register an entry; a name that two plugins claim belongs to neither until one is removed."""
        rival = self.entries[entry.kind].pop(entry.name, None)
        claims = self.conflicts.get((entry.kind, entry.name), [])
        if rival is None and not claims:
            self.entries[entry.kind][entry.name] = entry
            return
        claims = [*claims, *([rival] if rival else []), entry]
        self.conflicts[entry.kind, entry.name] = claims
        owners = " and ".join(str(claim.plugin) for claim in claims)
        self.problems.append(PluginProblem(entry.plugin.distribution, _claimed(entry, owners)))

    def find(self, kind: str, name: str, place: str = "") -> Entry:
        """The entry of a name, registered or derived.

        Raises:
            UnknownNameError: no plugin offers it; the message says which are near and, where a plugin failed to load,
                that it may have been meant.
            UserError: two plugins offer it.
        """
        if entry := self.entries[kind].get(name):
            return entry
        where = f"{place}: " if place else ""
        if claims := self.conflicts.get((kind, name)):
            raise UserError(where + _claimed(claims[0], " and ".join(str(claim.plugin) for claim in claims)))
        derivations = [derivation for derivation in self.derivations if derivation.kind == kind]
        for derivation in derivations:
            if name.startswith(derivation.prefix):
                return derivation.entry(self.find(derivation.base, name.removeprefix(derivation.prefix), place))
        names = list(self.entries[kind])
        if ":" in name:
            names += [rule.prefix + base for rule in derivations for base in self.entries[rule.base]]
        lines = [f"{where}there is no {kind[:-1]} '{name}'; {nearest(name, names)}"]
        lines += [f"  ({problem})" for problem in self.problems]
        raise UnknownNameError("\n".join(lines))

    def having(self, kind: str, setting: str) -> list[str]:
        """The names of a kind whose classes can be loaded and have a setting."""
        found = []
        for name, entry in self.entries[kind].items():
            with suppress(UserError):
                found += [name] if setting in entry.load().Config.model_fields else []
        return found


def _claimed(entry: Entry, owners: str) -> str:
    return f"the {entry.kind[:-1]} name '{entry.name}' is claimed by {owners}; uninstall one of them"
