import io
from dataclasses import replace

import pytest
from rich.console import Console

from harness.cli.display import LINE_SECONDS, Display
from harness.results.result import Outcome, Result, ScoreRecord
from harness.suite.schema import Training
from harness.suite.trial import Choice, Trial
from harness.training.events import Progress

TRIAL = Trial(Choice("bars"), Choice("linear"), Training(steps=100), seed=3, label="linear", swept={"size": 2})
HALF = Progress(50, 100, images_per_second=1234.5, seconds_left=61, losses={"autoencoder/error": 0.25})

HOW = "2 at a time on CPU, 1 thread(s) each, eager engine"


def result(outcome=Outcome.FINISHED, reason=""):
    record = ScoreRecord("key", "mig", {}, "1.0", True, "ok", 0.5)
    return Result(TRIAL.id, outcome, reason, scores=(record,) if outcome is Outcome.FINISHED else ())


@pytest.fixture
def show():
    """A display on a terminal or elsewhere, and what it wrote."""

    def make(terminal):
        console = Console(file=io.StringIO(), force_terminal=terminal, width=120, color_system=None)
        return Display(console, 5, HOW), console.file

    return make


def test_elsewhere_than_on_a_terminal_there_are_plain_lines(show):
    display, out = show(terminal=False)
    with display:
        display.harness_suite_started([TRIAL, TRIAL])
        display.harness_trial_started(TRIAL)
        display.harness_trial_progress(TRIAL, HALF)
        display.running[TRIAL.id].spoken -= LINE_SECONDS
        display.speak()
        display.speak()
        display.harness_trial_note(TRIAL, "one member at a time")
        display.harness_trial_finished(TRIAL, result())
        display.harness_trial_finished(TRIAL, result(Outcome.DIVERGED, "loss is nan"))
        display.harness_comparison_progress(Progress(0, 2, stage="udr-lasso"))
    assert out.getvalue().splitlines() == [
        "2 of 5 trials to do, 2 at a time on CPU, 1 thread(s) each, eager engine",
        "[0/2] linear size=2 seed=3: step 50/100, 1,234 images/s, 1:01 left",
        "[0/2] linear size=2 seed=3: one member at a time",
        "[1/2] linear size=2 seed=3: mig 0.500",
        "[2/2] linear size=2 seed=3: diverged: loss is nan",
        "udr-lasso compares the models (1 of 2)",
    ]


def test_a_terminal_shows_a_table_of_what_runs(show):
    display, out = show(terminal=True)
    with display:
        display.harness_suite_started([TRIAL, TRIAL])
        display.harness_trial_started(TRIAL)
        display.console.print(display._render())
        display.harness_trial_progress(TRIAL, HALF)
        display.console.print(display._render())
    text = out.getvalue()
    for part in ("linear size=2 seed=3", "50/100", "1,234", "1:01", "error 0.25", "0 done, 1 running, 1 waiting"):
        assert part in text


def test_what_earlier_runs_trained_does_not_make_this_one_look_fast(show):
    """A trial goes on at 90 of its 100 steps; 5 more took 100 s, so the other 105 steps take 2,100 s."""
    display, _ = show(terminal=False)
    display.harness_suite_started([TRIAL, replace(TRIAL, seed=TRIAL.seed + 1)])
    display.harness_trial_started(TRIAL)
    display.harness_trial_progress(TRIAL, Progress(90, 100))
    display.harness_trial_progress(TRIAL, Progress(95, 100, images_per_second=3.2, seconds_left=100))
    display._began -= 100
    assert display._suite_left() == "; about 35:00 left in all"


def test_a_long_training_is_more_work_than_a_short_one_and_its_states_are_part_of_it(show):
    """Of 300 steps with a state on the way, and 100 of another trial, 200 took 100 s; so will the other 200."""
    display, _ = show(terminal=False)
    short, long = replace(TRIAL, seed=TRIAL.seed + 1), replace(TRIAL, training=Training(steps=300))
    display.harness_suite_started([TRIAL, long, short])
    display.harness_trial_started(TRIAL)
    display.harness_trial_finished(TRIAL, result())
    display.harness_trial_started(long)
    display.harness_trial_progress(long, Progress(150, 300, images_per_second=1.0, seconds_left=75))
    display._began -= 100
    assert display._suite_left() == "; about 1:40 left in all"


def test_a_trial_that_is_done_again_is_counted_again(show):
    """One was done before the run, which finds its model damaged; the other is done, and again."""
    display, out = show(terminal=False)
    done = replace(TRIAL, seed=TRIAL.seed + 1)
    display.harness_suite_started([TRIAL])
    for trial in (TRIAL, done, TRIAL):
        display.harness_trial_started(trial)
        display.harness_trial_started(trial)  # Its job is tried again, in halves or because storage was full.
        display.harness_trial_finished(trial, result())
    assert [line.split()[0] for line in out.getvalue().splitlines()[1:]] == ["[1/1]", "[2/2]", "[3/3]"]
    assert display.pending == display.done == 3


def test_nothing_is_said_about_a_run_with_nothing_to_do():
    console = Console(file=io.StringIO(), force_terminal=False)
    with Display(console, 5, HOW) as display:
        display.harness_suite_started([])
    assert console.file.getvalue() == ""


def test_a_run_is_not_over_before_its_longest_trial(show):
    """Two trials at once: a short one is nearly done after 100 s, a long one takes another hour."""
    display, _ = show(terminal=False)
    short, long = TRIAL, replace(TRIAL, seed=TRIAL.seed + 1)
    display.harness_suite_started([short, long])
    for trial, step, left in ((short, 90, 10), (long, 5, 3600)):
        display.harness_trial_started(trial)
        display.harness_trial_progress(trial, Progress(0, 100))
        display.harness_trial_progress(trial, Progress(step, 100, images_per_second=1.0, seconds_left=left))
    display._began -= 100
    assert display._suite_left() == "; about 1:00:00 left in all"
