"""References written from the code: `python -m harness.cli.reference hooks` (or suites, built-in) prints one."""

import inspect
import sys
import textwrap
from collections.abc import Callable

from harness.config import Settings, describe
from harness.plugins import hookspecs

HOOKS_HEADING = """\
# Hooks

Written from `harness/plugins/hookspecs.py`. A plugin implements a hook as a function of the same name, marked
`@harness.hookimpl`, in the module that its entry point names; it may ask for any of the arguments, or none.
"""


def hook_reference() -> str:
    """Every hook with its arguments, what it is for and an example, as Markdown."""
    specs = {name: spec for name, spec in vars(hookspecs).items() if hasattr(spec, "harness_spec")}
    return "\n".join([HOOKS_HEADING, *(_hook(name, inspect.getdoc(spec) or "") for name, spec in specs.items())])


def _hook(name: str, document: str) -> str:
    arguments = ", ".join(inspect.signature(getattr(hookspecs, name)).parameters)
    text, _, example = document.partition("Example:\n")
    return f"## {name}({arguments})\n\n{text.strip()}\n\n```python\n{textwrap.dedent(example).strip()}\n```\n"


def suite_reference() -> str:
    """Every key of a suite with its type, default, range and meaning, as Markdown tables."""
    from harness.data.training_images import Correlation, FactorSplit, TrainingImages
    from harness.suite.schema import EvaluationTable, ModelEntry, SuiteFile, Training

    tables: dict[str, type[Settings]] = {
        "The file": SuiteFile,
        "`[dataset.training]`, of a dataset with factors": TrainingImages,
        "`correlated` in `[dataset.training]`": Correlation,
        "`split` in `[dataset.training]`": FactorSplit,
        "`[training]`, and `training` of a model": Training,
        "`[[models]]`": ModelEntry,
        "`[evaluation]`": EvaluationTable,
    }
    return "\n".join(f"### {heading}\n\n{_keys(settings)}" for heading, settings in tables.items())


def _keys(settings: type[Settings]) -> str:
    lines = ["| key | type | default | range | meaning |", "| --- | --- | --- | --- | --- |"]
    for key in describe(settings):
        cells = [f"`{key['name']}`", key["type"], key["default"], key["range"], key["meaning"]]
        lines.append("| " + " | ".join(cell.replace("|", r"\|") for cell in cells) + " |")
    return "\n".join(lines) + "\n"


def built_in_reference() -> str:
    """Every built-in model, dataset, metric and selector with its summary, as a Markdown table."""
    from harness.plugins.manager import PluginManager
    from harness.registry import DISTRIBUTION, KINDS

    registry = PluginManager().registry
    lines: list[str] = []
    for kind in KINDS:
        lines.append(f"| **{kind[:-1]}** | |" if lines else f"| {kind[:-1]} | |\n| --- | --- |")
        own = [entry for entry in registry.entries[kind].values() if entry.plugin.distribution == DISTRIBUTION]
        lines += [f"| `{entry.name}` | {entry.summary} |" for entry in own]
        lines += [
            f"| `{rule.prefix}{rule.base[:-1].upper()}` | {rule.summary.format(name=f'any {rule.base[:-1]}')} |"
            for rule in registry.derivations
            if rule.kind == kind
        ]
    return "\n".join(lines) + "\n"


REFERENCES: dict[str, Callable[[], str]] = {
    "hooks": hook_reference,
    "suites": suite_reference,
    "built-in": built_in_reference,
}

if __name__ == "__main__":
    print(REFERENCES[sys.argv[1]](), end="")
