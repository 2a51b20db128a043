"""Finding and registering plugins; the registry of everything they offer."""

import hashlib
import importlib
import importlib.util
import inspect
import json
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from importlib.metadata import EntryPoint, PackageNotFoundError, entry_points, version
from pathlib import Path
from types import ModuleType
from typing import Any, TypeAlias

import pluggy

from harness import hookspecs
from harness.errors import UserError, nearest

BUILT_IN = (
    "harness_gans",
    "harness_vaes",
    "harness_datasets",
    "harness_metrics",
    "harness_selectors",
    "harness_tensorboard",
)
DISTRIBUTION = "disentanglement-harness"
KINDS = ("models", "datasets", "metrics", "selectors")
SUPERVISED = "supervised:"
"""Before the name of a metric: the selector that chooses by this metric."""

Register: TypeAlias = Callable[[str, "str | type", str], None]
"""What a registration hook is handed: register(name, target, summary)."""


@dataclass(frozen=True)
class Plugin:
    """A loaded plugin module and where it comes from."""

    module: ModuleType
    distribution: str
    version: str

    def __str__(self) -> str:
        return f"{self.distribution} {self.version}"


@dataclass(frozen=True)
class Problem:
    """A plugin that could not be used, and why; a suite that does not need it runs all the same."""

    distribution: str
    reason: str

    def __str__(self) -> str:
        return f"plugin {self.distribution}: {self.reason}"


@dataclass(frozen=True)
class Entry:
    """One registered model, dataset, metric or selector."""

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
            return getattr(importlib.import_module(module), attribute)
        except Exception as error:  # A plugin's import may raise anything; it must be named, not shown raw.
            raise UserError(
                f"{self.kind[:-1]} '{self.name}' of {self.plugin} cannot be loaded from {self.target}: "
                f"{type(error).__name__}: {error}"
            ) from error


@dataclass(frozen=True)
class SupervisedEntry(Entry):
    """A selector that nobody registered: every metric makes one."""

    @classmethod
    def of(cls, metric: Entry) -> "SupervisedEntry":
        """The selector made from a metric."""
        summary = f"the best by {metric.name}, which sees the labels"
        return cls("selectors", SUPERVISED + metric.name, metric.target, summary, metric.plugin)

    def load(self) -> Any:
        """The class of the selector.

        Raises:
            UserError: the metric cannot be loaded.
        """
        from harness.supervised import supervised

        return supervised(super().load())


@dataclass
class Registry:
    """Everything that the loaded plugins offer, by kind and name."""

    entries: dict[str, dict[str, Entry]] = field(default_factory=lambda: {kind: {} for kind in KINDS})
    conflicts: dict[tuple[str, str], list[Entry]] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

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
        self.problems.append(Problem(entry.plugin.distribution, _claimed(entry, owners)))

    def find(self, kind: str, name: str, place: str = "") -> Entry:
        """The entry of a name; the selector `supervised:NAME` is made from the metric of that name.

        Raises:
            UserError: no plugin offers it, or two do; the message says which are near and, where a
                plugin failed to load, that it may have been meant.
        """
        if entry := self.entries[kind].get(name):
            return entry
        where = f"{place}: " if place else ""
        if claims := self.conflicts.get((kind, name)):
            raise UserError(where + _claimed(claims[0], " and ".join(str(claim.plugin) for claim in claims)))
        if kind == "selectors" and name.startswith(SUPERVISED):
            return SupervisedEntry.of(self.find("metrics", name.removeprefix(SUPERVISED), place))
        names = list(self.entries[kind])
        if kind == "selectors" and ":" in name:
            names += [SUPERVISED + metric for metric in self.entries["metrics"]]
        lines = [f"{where}there is no {kind[:-1]} '{name}'; {nearest(name, names)}"]
        lines += [f"  ({problem})" for problem in self.problems]
        raise UserError("\n".join(lines))


def _claimed(entry: Entry, owners: str) -> str:
    return f"the {entry.kind[:-1]} name '{entry.name}' is claimed by {owners}; uninstall one of them"


class PluginManager:
    """Loads plugins one by one, so that a broken one is reported by name and harms no other.

    Args:
        files: single-file plugins named by the user; unlike installed ones they must load.
        blocked: module or distribution names not to load.
    """

    def __init__(self, files: Sequence[Path] = (), blocked: Iterable[str] = ()) -> None:
        self.files = tuple(files)
        self.blocked = frozenset(blocked)
        self.registry = Registry()
        self.pluggy = pluggy.PluginManager("harness")
        self.pluggy.add_hookspecs(hookspecs)
        self._plugins: list[Plugin] = []
        for name in BUILT_IN:
            if name not in self.blocked:
                self._load(DISTRIBUTION, partial(_version, DISTRIBUTION), partial(importlib.import_module, name))
        for point in sorted(entry_points(group="harness"), key=lambda point: point.name):
            distribution = point.dist.name if point.dist else point.value
            if not {distribution, point.module} & self.blocked:
                self._load(distribution, partial(_version_of, point), point.load)
        for file in files:
            self._load(str(file), partial(_digest, [file]), partial(_import_file, file), required=True)

    @property
    def hook(self) -> Any:
        """Call an observing hook of every plugin: `manager.hook.harness_trial_started(trial=trial)`."""
        return self.pluggy.hook

    @property
    def plugins(self) -> list[Plugin]:
        """The plugins that loaded, in order."""
        return list(self._plugins)

    def _load(
        self, distribution: str, its_version: Callable[[], str], load: Callable[[], Any], required: bool = False
    ) -> None:
        try:
            found = its_version()  # First, because it says more plainly that a file is missing.
            plugin = Plugin(load(), distribution, found)
            self._register(plugin)
        except Exception as error:  # Whatever a plugin raises must not stop the others.
            reason = str(error) if isinstance(error, UserError) else _import_reason(error)
            if required:
                raise UserError(f"plugin {distribution}: {reason}") from error
            self.registry.problems.append(Problem(distribution, reason))

    def _register(self, plugin: Plugin) -> None:
        _check_hooks(plugin)
        self.pluggy.register(plugin.module)
        self._plugins.append(plugin)
        found: list[Entry] = []
        for kind in KINDS:
            implementation = getattr(plugin.module, f"harness_register_{kind}", None)
            if implementation is None:
                continue

            def register(name: str, target: str | type, summary: str, kind: str = kind) -> None:
                found.append(Entry(kind, name, target, summary, plugin))

            implementation(register=register)
        for entry in found:
            self.registry.add(entry)


def _check_hooks(plugin: Plugin) -> None:
    """Every hook implementation must exist here under its name and take only arguments it is given."""
    known = {name: spec for name, spec in vars(hookspecs).items() if hasattr(spec, "harness_spec")}
    for name, function in vars(plugin.module).items():
        if not hasattr(function, "harness_impl"):
            continue
        if name not in known:
            raise UserError(f"it implements the unknown hook '{name}'; {nearest(name, known)}")
        offered = list(inspect.signature(known[name]).parameters)
        for argument in inspect.signature(function).parameters:
            if argument not in offered:
                raise UserError(f"its hook {name} asks for '{argument}', but is given: {', '.join(offered)}")


def _import_reason(error: Exception) -> str:
    return f"it cannot be imported: {type(error).__name__}: {error}"


def _version(distribution: str) -> str:
    try:
        return version(distribution)
    except PackageNotFoundError:
        return "uninstalled"


def _version_of(point: EntryPoint) -> str:
    """The version of an entry point's distribution and, where it is installed to be edited, of its files' content."""
    if point.dist is None:
        return "unknown"
    installed = json.loads(point.dist.read_text("direct_url.json") or "{}")
    if not installed.get("dir_info", {}).get("editable"):
        return point.dist.version
    return f"{point.dist.version}+{_digest(_sources(point.module))}"


def _sources(module: str) -> list[Path]:
    """The Python files of a module or package that can be imported, in order."""
    spec = importlib.util.find_spec(module)
    if spec is None or spec.origin is None:
        return []
    folders = spec.submodule_search_locations
    return sorted(file for folder in folders for file in Path(folder).rglob("*.py")) if folders else [Path(spec.origin)]


def _digest(files: Sequence[Path]) -> str:
    """Files that are edited have no version; their content stands for one."""
    content = hashlib.sha256()
    for file in files:
        try:
            content.update(file.read_bytes())
        except OSError as error:
            raise UserError(f"{error.strerror or error}") from None
    return content.hexdigest()[:12]


def _import_file(file: Path) -> ModuleType:
    name = f"harness_file_{file.stem}_{hashlib.sha256(str(file.resolve()).encode()).hexdigest()[:8]}"
    if name in sys.modules:
        return sys.modules[name]
    spec = importlib.util.spec_from_file_location(name, file)
    if spec is None or spec.loader is None:
        raise UserError("it is not a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module
