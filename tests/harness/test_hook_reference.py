"""plugins/HOOKS.md is what the hook specifications say."""

from pathlib import Path

from harness import hookspecs
from harness.hook_reference import hook_reference

WRITTEN = Path(__file__).parents[2] / "plugins" / "HOOKS.md"


def test_the_written_reference_is_up_to_date():
    assert WRITTEN.read_text() == hook_reference(), "python -m harness.hook_reference > plugins/HOOKS.md"


def test_it_names_every_hook():
    hooks = [name for name, spec in vars(hookspecs).items() if hasattr(spec, "harness_spec")]
    assert hooks
    assert all(f"## {name}(" in hook_reference() for name in hooks)
