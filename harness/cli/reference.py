"""References written from the code: `python -m harness.cli.reference hooks` (or suites, built-in, api) prints one."""

import inspect
import sys
import textwrap
from collections.abc import Callable
from functools import cached_property

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
    from harness.suite.schema import EvaluationTable, Halving, ModelEntry, SuiteFile, Training
    from harness.suite.search import Search

    tables: dict[str, type[Settings]] = {
        "The file": SuiteFile,
        "`[dataset.training]`, of a dataset with factors": TrainingImages,
        "`correlated` in `[dataset.training]`": Correlation,
        "`split` in `[dataset.training]`": FactorSplit,
        "`[training]`, and `training` of a model": Training,
        "`[[models]]`": ModelEntry,
        "`search` of a model": Search,
        "`halving` of a model": Halving,
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
    """Every built-in model, dataset, metric, selector and sampler with its summary, as a Markdown table."""
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


API_HEADING = """\
# From Python

Written from the docstrings: `python -m harness.cli.reference api > harness/API.md`. Everything here is imported from
`harness`. What a plugin's author needs beside it, layers, data sets and contract checks, is in `harness.nn`,
`harness.data` and `harness.testing`.
"""

CALLED = ("score", "evaluate", "run", "make_suite", "Results", "RunOptions")
"""What is called from notebooks and scripts, in reading order; the rest are contracts."""


def api_reference() -> str:
    """Every name that `harness` offers, with its parameters and what it is for, as Markdown."""
    import harness
    from harness.api.results import TrialResults
    from harness.api.scores import Scores

    called: dict[str, object] = {name: getattr(harness, name) for name in CALLED}
    returned: dict[str, object] = {"TrialResults": TrialResults, "Scores": Scores}
    others = {name: getattr(harness, name) for name in sorted(harness.__all__, key=str.lower) if name not in CALLED}
    documented = {name: each for name, each in others.items() if inspect.isclass(each) or inspect.isfunction(each)}
    parts = [API_HEADING, "## What is called\n", *(_documented(name, each) for name, each in called.items())]
    parts += ["## What comes back\n", *(_documented(name, each) for name, each in returned.items())]
    parts += ["## Contracts\n", *(_documented(name, each) for name, each in documented.items())]
    return "\n".join(parts)


def _documented(name: str, each: object) -> str:
    """A heading, the parameters and the docstring; of a class its public methods and properties too."""
    lines = [f"### {name}\n", f"```text\n{name}{_parameters(each)}\n```\n", _as_markdown(inspect.getdoc(each) or "")]
    if inspect.isclass(each):
        for own, member in vars(each).items():
            function = member.func if isinstance(member, cached_property) else member
            function = function.fget if isinstance(function, property) else function
            function = function.__func__ if isinstance(function, classmethod | staticmethod) else function
            if own.startswith("_") or not inspect.isfunction(function) or not inspect.getdoc(function):
                continue
            called = "" if isinstance(member, property | cached_property) else _parameters(function)
            first = (inspect.getdoc(function) or "").partition("\n\n")[0].replace("\n", " ")
            lines.append(f"- `{own}{called}`: {first}")
        lines.append("")
    return "\n".join(lines)


def _parameters(each: object) -> str:
    """Names of parameters with their defaults, without types, which the text tells."""
    try:
        # What cannot be called, or hides its parameters, raises one of the two errors.
        signature = inspect.signature(each)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return "(...)"
    found, starred = [], False
    for name, parameter in signature.parameters.items():
        if name in ("self", "cls"):
            continue
        if parameter.kind is parameter.KEYWORD_ONLY and not starred:
            found.append("*")
            starred = True
        star = "*" if parameter.kind is parameter.VAR_POSITIONAL else ""
        star = "**" if parameter.kind is parameter.VAR_KEYWORD else star
        starred = starred or star == "*"
        plain = isinstance(parameter.default, str | int | float | tuple | None)
        default = "" if parameter.default is parameter.empty else f"={parameter.default!r}" if plain else "=..."
        found.append(f"{star}{name}{default}")
    return f"({', '.join(found)})"


SECTIONS = ("Args", "Returns", "Raises", "Attributes", "Yields")


def _as_markdown(document: str) -> str:
    """A docstring, whose sections become lists and whose example becomes a block."""
    text, _, example = document.partition("\nExample:\n")
    lines, section = [], False
    for line in text.splitlines():
        if line.endswith(":") and line.removesuffix(":") in SECTIONS:
            section = True
            lines += [f"**{line.removesuffix(':')}**", ""]
        elif section and line.startswith("    ") and line[4:5] != " ":
            lines.append(f"- {line.strip()}")
        else:
            lines.append(f"  {line.strip()}" if section and line.strip() else line)
    block = f"\n```pycon\n{textwrap.dedent(example).rstrip()}\n```\n" if example else ""
    return "\n".join(lines).rstrip() + "\n" + block


REFERENCES: dict[str, Callable[[], str]] = {
    "hooks": hook_reference,
    "suites": suite_reference,
    "built-in": built_in_reference,
    "api": api_reference,
}

if __name__ == "__main__":
    print(REFERENCES[sys.argv[1]](), end="")
