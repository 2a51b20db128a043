"""Every hook is documented with an example that works, and is called."""

import inspect
import json
import textwrap

import pytest

from harness.execution.plan import RunOptions, plan_run
from harness.execution.study import Study
from harness.plugins import hookspecs
from harness.plugins.manager import PluginManager
from harness.suite.suite import load_suite
from harness.training.events import Alert, Note
from support import TOY, bars_suite

HOOKS = {name: spec for name, spec in vars(hookspecs).items() if hasattr(spec, "harness_spec")}


def example_of(spec):
    """The indented code of a docstring."""
    doc = inspect.getdoc(spec)
    return textwrap.dedent(doc[doc.index("    @harness.hookimpl") :])


@pytest.mark.parametrize("name", HOOKS)
def test_the_example_is_a_hook_of_that_name_with_known_arguments(name):
    import harness

    namespace = {"harness": harness}
    exec(example_of(HOOKS[name]), namespace)
    assert set(inspect.signature(namespace[name]).parameters) <= set(inspect.signature(HOOKS[name]).parameters)
    assert namespace[name].harness_impl


WATCHER = """
import json
import harness

def say(**what):
    with open("heard.jsonl", "a") as file:
        file.write(json.dumps(what) + "\\n")

@harness.hookimpl
def harness_suite_started(suite, trials, folder):
    say(hook="suite started", trials=len(trials), folder=folder.name)

@harness.hookimpl
def harness_trial_started(trial):
    say(hook="trial started", trial=trial.title)

@harness.hookimpl
def harness_trial_progress(trial, progress):
    say(hook="progress", step=progress.step, losses=sorted(progress.losses), stage=progress.stage)

@harness.hookimpl
def harness_trial_finished(trial, result):
    say(hook="trial finished", outcome=result.outcome)
    raise RuntimeError("an observer cannot harm")

@harness.hookimpl
def harness_comparison_progress(progress):
    say(hook="comparison", stage=progress.stage)

@harness.hookimpl
def harness_suite_finished(suite, folder):
    say(hook="suite finished", tables=sorted(path.name for path in folder.glob("*.parquet")))
"""

SUITE = bars_suite(steps=5, selectors=["alike"])


def test_plugins_hear_of_a_run_from_its_start_to_its_end(command, suite_file, tmp_path):
    (tmp_path / "watcher.py").write_text(WATCHER)
    run = command("run", suite_file(SUITE), "--plugin", TOY, "--plugin", "watcher.py", "--output", "out", "--jobs", 1)
    assert run.returncode == 0, run.stderr
    heard = [json.loads(line) for line in (tmp_path / "heard.jsonl").read_text().splitlines()]
    assert heard[0] == {"hook": "suite started", "trials": 2, "folder": "out"}
    assert [what["hook"] for what in heard].count("trial started") == 2
    assert {"hook": "trial finished", "outcome": "finished"} in heard
    last = [what for what in heard if what["hook"] == "progress" and what["stage"] == "training"][-1]
    assert last == {
        "hook": "progress",
        "step": 5,
        "losses": ["autoencoder/error", "autoencoder/size"],
        "stage": "training",
    }
    assert {"hook": "comparison", "stage": "alike"} in heard
    assert heard[-1]["hook"] == "suite finished"
    assert "leaderboard.parquet" in heard[-1]["tables"]
    assert "harness_trial_finished failed: RuntimeError: an observer cannot harm" in run.stderr


def test_a_trials_note_is_for_plugins_and_what_is_wrong_for_the_log(suite_file, tmp_path, caplog):
    heard = []

    class Listener:
        @hookspecs.hookimpl
        def harness_trial_note(self, trial, text):
            heard.append((trial.title, text))

    manager = PluginManager([TOY])
    manager.pluggy.register(Listener())
    suite = load_suite(suite_file(SUITE), manager.registry)
    options = RunOptions(jobs=1, device="cpu")
    study = Study(suite, tmp_path / "out", manager, plan_run(suite, manager, options), options)
    study._tell_of_trial(suite.trials[0], Note("one member at a time"))
    study._tell_of_trial(suite.trials[0], Alert("a checkpoint is damaged"))
    assert heard == [(suite.trials[0].title, "one member at a time")]
    assert caplog.messages == [f"{suite.trials[0].title}: a checkpoint is damaged"]
