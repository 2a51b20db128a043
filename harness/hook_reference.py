"""The hook reference, written from the hook specifications: `python -m harness.hook_reference > plugins/HOOKS.md`."""

import inspect
import textwrap

from harness import hookspecs

HEADING = """\
# Hooks

Written from `harness/hookspecs.py`. A plugin implements a hook as a function of the same name, marked
`@harness.hookimpl`, in the module that its entry point names; it may ask for any of the arguments, or none.
"""


def hook_reference() -> str:
    """Every hook with its arguments, what it is for and an example, as Markdown."""
    specs = {name: spec for name, spec in vars(hookspecs).items() if hasattr(spec, "harness_spec")}
    return "\n".join([HEADING, *(_section(name, inspect.getdoc(spec) or "") for name, spec in specs.items())])


def _section(name: str, document: str) -> str:
    arguments = ", ".join(inspect.signature(getattr(hookspecs, name)).parameters)
    text, _, example = document.partition("Example:\n")
    return f"## {name}({arguments})\n\n{text.strip()}\n\n```python\n{textwrap.dedent(example).strip()}\n```\n"


if __name__ == "__main__":
    print(hook_reference(), end="")
