"""Fleets through the real command line."""

import os
import signal
import subprocess
import sys
import time

import pandas as pd
import pytest

from support import TOY, score_values

SUITE = """
seeds = 2
[dataset]
name = "bars"
[training]
steps = 60
batch_size = 16
[[models]]
name = "linear"
sweep.noise = [0.1, 0.5]
config.pause = 0.0
[[models]]
name = "linear"
label = "other"
config.size = 2
[evaluation]
metrics = ["spread", "error"]
"""


def test_a_fleet_scores_as_its_trials_alone(command, suite_file, tmp_path, results):
    path = suite_file(SUITE)
    together = command("run", path, "--plugin", TOY, "--output", "fleet", "--fleet", 3)
    assert together.returncode == 0, together.stderr
    alone = command("run", path, "--plugin", TOY, "--output", "alone")
    assert alone.returncode == 0, alone.stderr
    found, expected = results(tmp_path / "fleet"), results(tmp_path / "alone")
    for title, scores in score_values(expected).items():
        assert score_values(found)[title] == pytest.approx(scores, rel=1e-4)
    assert {title: result["provenance"]["fleet"] for title, result in found.items()} == {
        **{f"linear noise={noise} {seed}": 2 for noise in (0.1, 0.5) for seed in (0, 1)},
        "other 0": 2,
        "other 1": 2,
    }
    for file in (tmp_path / "fleet").glob("trials/*/history.parquet"):
        assert pd.read_parquet(file)["step"].tolist() == list(range(1, 61))
    again = command("run", path, "--plugin", TOY, "--output", "fleet")
    assert "All 6 trials are done already" in again.stdout


def test_a_member_that_diverges_is_recorded_and_stops_no_other(command, suite_file, tmp_path, results):
    run = command(
        "run", suite_file(SUITE.replace("[0.1, 0.5]", "[0.1, 1e30]")), "--plugin", TOY, "--output", "out", "--fleet", 4
    )
    assert run.returncode == 1
    found = results(tmp_path / "out")
    for title, result in found.items():
        diverging = "1e+30" in title
        assert result["outcome"] == ("diverged" if diverging else "finished"), title
        assert len(result["scores"]) == (0 if diverging else 2)
    assert "the loss term autoencoder/error is" in found["linear noise=1e+30 0"]["reason"]


@pytest.mark.parametrize(("model", "outcome"), [("raising", "failed"), ("dying", "crashed")])
def test_a_fleet_that_ends_badly_is_recorded_trial_by_trial(command, suite_file, tmp_path, results, model, outcome):
    suite = SUITE.replace('label = "other"\nconfig.size = 2', "").replace('name = "linear"\n\n', f'name = "{model}"\n')
    run = command("run", suite_file(suite), "--plugin", TOY, "--output", "out", "--fleet", 4)
    assert run.returncode == 1
    found = results(tmp_path / "out")
    assert [result["outcome"] for title, result in found.items() if title.startswith(model)] == [outcome] * 2
    assert {result["outcome"] for title, result in found.items() if title.startswith("linear")} == {"finished"}


def test_a_killed_fleet_continues_to_the_same_numbers(command, suite_file, tmp_path, results):
    suite = SUITE.replace("pause = 0.0", "pause = 0.05").replace("steps = 60", "steps = 30")
    path = suite_file(suite)
    command("run", path, "--plugin", TOY, "--output", "straight", "--fleet", 4)
    arguments = ["--plugin", TOY, "--output", "killed", "--fleet", "4", "--checkpoint-seconds", "0.1"]
    run = subprocess.Popen(
        [sys.executable, "-m", "harness", "run", path, *arguments],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "PYTHONSAFEPATH": "1"},
    )
    deadline = time.monotonic() + 100
    while not list((tmp_path / "killed").glob("trials/*/checkpoint.safetensors")):
        assert time.monotonic() < deadline
        assert run.poll() is None, run.communicate()
        time.sleep(0.02)
    run.send_signal(signal.SIGKILL)
    run.communicate()
    assert None in results(tmp_path / "killed").values(), "the kill hit no running fleet"
    last = command("run", path, *arguments)
    assert last.returncode == 0, last.stderr
    assert score_values(results(tmp_path / "killed")) == score_values(results(tmp_path / "straight"))


@pytest.mark.parametrize(("room", "fleet", "outcome"), [(2, 2, "finished"), (1, 2, "out-of-memory")])
def test_a_fleet_that_runs_out_of_memory_is_tried_once_more_as_two_halves(
    command, suite_file, tmp_path, results, room, fleet, outcome
):
    suite = SUITE[: SUITE.index('[[models]]\nname = "linear"\nlabel')].replace('"linear"', '"crowding"')
    suite = suite.replace("config.pause = 0.0", f"config.room = {room}") + '[evaluation]\nmetrics = ["spread"]\n'
    run = command("run", suite_file(suite), "--plugin", TOY, "--output", "out", "--fleet", 4)
    assert run.returncode == (outcome != "finished"), run.stderr
    found = results(tmp_path / "out").values()
    assert [result["outcome"] for result in found] == [outcome] * 4
    assert [result["provenance"]["fleet"] for result in found] == [fleet] * 4
