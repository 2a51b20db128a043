"""Finding, loading and registering plugins: built-in ones, those of installed distributions, single files."""

import hashlib
import importlib
import importlib.util
import inspect
import os
import re
import sys
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from importlib.metadata import entry_points
from pathlib import Path
from types import ModuleType
from typing import Any

import pluggy

from harness._stdout import stdout_to_stderr
from harness.errors import UserError, nearest
from harness.plugins import hookspecs
from harness.plugins.versions import built_in_version, entry_point_version, file_version
from harness.registry import DISTRIBUTION, KINDS, Derivation, Entry, Plugin, PluginProblem, Registry, import_reason

BUILT_IN = (
    "harness_gans",
    "harness_vaes",
    "harness_checkpoint",
    "harness_datasets",
    "harness_metrics",
    "harness_selectors",
    "harness_tensorboard",
    "harness_wandb",
    "harness_mlflow",
    "harness_trackio",
    "harness_optuna",
    "harness_dcgan_figures",
)
DERIVATIONS = (
    Derivation(
        kind="selectors",
        prefix="supervised:",
        base="metrics",
        target="harness.selection.supervised:supervised",
        summary="the best by {name}, which sees the labels",
    ),
    Derivation(
        kind="selectors",
        prefix="by:",
        base="metrics",
        target="harness.selection.supervised:by",
        summary="the best by {name}, which sees no labels",
    ),
    Derivation(
        kind="selectors",
        prefix="few-labels:",
        base="metrics",
        target="harness.selection.few_labels:few_labels",
        summary="the best by {name} on a few labelled images",
    ),
)


class PluginManager:
    """Loads plugins one by one, so that a broken one is reported by name and harms no other.

    Args:
        files: single-file plugins named by the user; unlike installed ones they must load.
        blocked: module or distribution names not to load.
    """

    def __init__(self, files: Sequence[Path] = (), blocked: Iterable[str] = ()) -> None:
        self.files = tuple({os.path.realpath(file): file for file in files}.values())  # Named twice, it is one.
        self.blocked = frozenset(blocked)
        self.registry = Registry(derivations=DERIVATIONS)
        self.pluggy = pluggy.PluginManager("harness")
        self.pluggy.add_hookspecs(hookspecs)
        self._plugins: list[Plugin] = []
        for name in BUILT_IN:
            if name not in self.blocked:
                self._load(DISTRIBUTION, partial(built_in_version, name), partial(importlib.import_module, name))
        for point in sorted(entry_points(group="harness"), key=lambda point: point.name):
            distribution = point.dist.name if point.dist else point.value
            if not {distribution, point.module} & self.blocked:
                self._load(distribution, partial(entry_point_version, point), point.load)
        for file in self.files:
            self._load(str(file), partial(file_version, file), partial(_import_file, file), required=True)

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
            with stdout_to_stderr():
                module = load()
            plugin = Plugin(module, distribution, found, _loaded_as.setdefault(module.__name__, found))
            self._register(plugin)
        except (Exception, SystemExit) as error:  # Whatever a plugin raises must not stop the others.
            reason = str(error) if isinstance(error, UserError) else f"it cannot be imported: {import_reason(error)}"
            if required:
                raise UserError(f"plugin {distribution}: {reason}") from error
            self.registry.problems.append(PluginProblem(distribution, reason))

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
                _check_target(name, target)
                found.append(Entry(kind, name, target, summary, plugin))

            implementation(register=register)
        for entry in found:
            self.registry.add(entry)
        if not found and not any(hasattr(member, "harness_impl") for member in vars(plugin.module).values()):
            hooks = ", ".join(f"harness_register_{kind}" for kind in KINDS)
            raise UserError(f"it registers nothing and watches nothing; define a hook, such as {hooks}")


_loaded_as: dict[str, str] = {}
"""The version of each plugin's module when this process first loaded it."""


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


def _check_target(name: str, target: object) -> None:
    """What is registered must be a class, or say where one is.

    Raises:
        UserError: it is something else.
    """
    if isinstance(target, type) or (isinstance(target, str) and _TARGET.fullmatch(target)):
        return
    module, dot, found = str(target).rpartition(".") if isinstance(target, str) else ("", "", "")
    meant = f"; did you mean '{module}:{found}'?" if dot and _TARGET.fullmatch(f"{module}:{found}") else ""
    raise UserError(f"it registers '{name}' as {target!r}, expected a class or 'module:Class'{meant}")


_TARGET = re.compile(r"\w+(\.\w+)*:\w+")


def _import_file(file: Path) -> ModuleType:
    name = f"harness_file_{file.stem}_{hashlib.sha256(os.path.realpath(file).encode()).hexdigest()[:8]}"
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
