"""The written references are what the code says."""

import pytest

from harness.cli.reference import api_reference, built_in_reference, hook_reference, suite_reference
from harness.plugins import hookspecs
from harness.plugins.manager import PluginManager
from harness.suite.suite import load_suite
from support import ROOT

SUITES = ROOT / "suites" / "README.md"


def test_the_hooks_are_up_to_date():
    assert (ROOT / "plugins" / "HOOKS.md").read_text() == hook_reference(), "python -m harness.cli.reference hooks"


def test_what_is_built_in_is_up_to_date():
    _, _, text = (ROOT / "README.md").read_text().partition("\n## What is built in\n")
    assert f"\n\n{built_in_reference()}\n## " in text, "python -m harness.cli.reference built-in"


def test_the_page_of_what_is_called_from_python_is_up_to_date():
    written = (ROOT / "harness" / "API.md").read_text()
    assert written == api_reference(), "python -m harness.cli.reference api > harness/API.md"
    for name in ("### score\n", "### Results\n", "- `figure(name, *, trial=None, metric=None)`", "### Model\n"):
        assert name in api_reference()


def test_every_hook_is_there():
    hooks = [name for name, spec in vars(hookspecs).items() if hasattr(spec, "harness_spec")]
    assert hooks
    assert all(f"## {name}(" in hook_reference() for name in hooks)


def test_the_keys_of_a_suite_are_up_to_date():
    assert SUITES.read_text().endswith(suite_reference()), "python -m harness.cli.reference suites"


@pytest.mark.parametrize("key", ["title", "sweep", "held_out", "metrics", "batch_size"])
def test_every_table_of_a_suite_is_there(key):
    assert f"| `{key}` |" in suite_reference()


def test_the_example_is_a_suite_of_nine_trials(suite_file):
    _, _, rest = SUITES.read_text().partition("```toml\n")
    suite = load_suite(suite_file(rest.partition("```")[0]), PluginManager().registry)
    assert len(suite.trials) == 9


def test_every_suite_is_listed():
    text = SUITES.read_text()
    assert all(f"({path.name})" in text for path in (ROOT / "suites").glob("*.toml"))
