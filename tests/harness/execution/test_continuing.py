"""A study of more steps goes on from one of fewer in its folder, and says so."""

import _thread

import pandas as pd
import pytest

import harness
from harness.execution.protocol import StopRequest, TrialJob
from harness.execution.study import run
from harness.execution.worker.trials import run_trials
from harness.results.earlier import states_of
from harness.results.folder import ResultsFolder
from harness.storage.leases import lease
from harness.storage.tensors import load_tensors
from harness.suite.suite import load_suite
from support import TOY, bars_suite

SUITE = bars_suite(steps=10, seeds=1)


class Notes:
    """Hears what is said of trials."""

    def __init__(self):
        self.heard = []

    @harness.hookimpl
    def harness_trial_note(self, trial, text):
        self.heard.append((trial.training.steps, text))


def test_a_study_of_more_steps_goes_on_from_one_of_fewer(suite_file, manager, tmp_path):
    path, out, notes = suite_file(SUITE), tmp_path / "out", Notes()
    options = harness.RunOptions(device="cpu", jobs=1, threads=1)
    manager.pluggy.register(notes)
    try:
        (short,) = run(path, out, options=options, plugins=manager).trials
        (long,) = run(path, out, options=options, plugins=manager, overrides=["training.steps=25"]).trials
    finally:
        manager.pluggy.unregister(notes)
    assert notes.heard == [(25, f"goes on from step 10 of trial {short.id}")]
    suite = load_suite(path, manager.registry, ["training.steps=25"])
    run_trials(
        TrialJob(suite.trials, str(tmp_path / "anew"), suite.metrics, 0, plugins=[str(TOY)]),
        lambda *_: None,
        StopRequest(),
    )
    done, anew = (ResultsFolder(place).trial(long.id) for place in (out, tmp_path / "anew"))
    assert [score.score for score in done.result.scores] == [score.score for score in anew.result.scores]
    ours, theirs = (load_tensors(each.checkpoint)[0] for each in (done, anew))
    assert all(ours[name].equal(theirs[name]) for name in theirs)
    curves = [pd.read_parquet(each.history).drop(columns=["seconds", "images_per_second"]) for each in (done, anew)]
    pd.testing.assert_frame_equal(*curves)


class Interrupting:
    """Interrupts the run when a trial is being trained, as Ctrl-C in a notebook does."""

    def __init__(self):
        self.started, self.trained = [], []

    @harness.hookimpl
    def harness_trial_started(self, trial):
        self.started.append(trial.id)

    @harness.hookimpl
    def harness_trial_progress(self, trial):
        self.trained.append(trial.id)
        if len(self.trained) == 1:
            _thread.interrupt_main()


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_run_that_ctrl_c_ends_in_python_has_saved_its_trials_and_leaves_nothing_behind(
    suite_file, manager, tmp_path, jobs
):
    path, observer = suite_file(bars_suite(steps=5000, seeds=3, model="config.pause = 0.02")), Interrupting()
    manager.pluggy.register(observer)
    try:
        with pytest.raises(KeyboardInterrupt):
            run(path, tmp_path / "out", options=harness.RunOptions(device="cpu", jobs=jobs), plugins=manager)
    finally:
        manager.pluggy.unregister(observer)
    assert len(observer.started) == jobs
    assert ResultsFolder(tmp_path / "out").trial(observer.trained[0]).checkpoint.exists()
    for trial in load_suite(path, manager.registry).trials:
        folder = ResultsFolder(tmp_path / "out").trial(trial.id)
        assert folder.result is None
        with lease(folder.lease, lambda: None) as free:
            assert free, "no worker is left"


def test_states_of_the_same_training_are_found_among_all_that_a_folder_holds(suite_file, registry, tmp_path):
    path, folder = suite_file(bars_suite(steps=10, seeds=2)), ResultsFolder(tmp_path / "out")
    earlier, suite, other = (
        load_suite(path, registry, [f"training.{setting}"]) for setting in ("steps=10", "steps=20", "batch_size=8")
    )
    for trial in (*earlier.trials, *other.trials):
        folder.trial(trial.id).write_trial(trial)
    (folder.path / "trials/notes").write_text("a file that is no trial")
    expected = {trial.id: [state.id] for trial, state in zip(suite.trials, earlier.trials, strict=True)}
    assert states_of(suite.trials, folder, suite) == expected
