"""Several runs of one suite on one output at the same time."""

import json
import os
import re
import signal
import subprocess
import sys
import time

import pandas as pd
import pytest

from support import TOY

SUITE = """
seeds = {seeds}
[dataset]
name = "bars"
[training]
steps = {steps}
batch_size = 8
[[models]]
name = "linear"
config.pause = {pause}
[evaluation]
metrics = ["spread"]
"""


def start(path, output, log):
    command = [sys.executable, "-m", "harness", "run", path, "--plugin", TOY, "--output", output, "--jobs", "1"]
    environment = {**os.environ, "PYTHONSAFEPATH": "1", "CUDA_VISIBLE_DEVICES": ""}
    with log.open("w") as file:
        return subprocess.Popen(command, stdout=file, stderr=subprocess.STDOUT, env=environment)


def begun(output):
    return list(output.glob("trials/*/trial.json"))


def finished_by(log):
    """The titles of the trials that a run says it finished."""
    return re.findall(r"^\[\d+/\d+\] (.*): spread ", log.read_text(), re.MULTILINE)


def together(path, output, tmp_path, runs):
    """Run a suite in several processes; returns the titles that each finished."""
    logs = [tmp_path / f"{number}.log" for number in range(runs)]
    started = [start(path, output, log) for log in logs]
    codes = [run.wait() for run in started]
    assert codes == [0] * runs, [log.read_text()[-2000:] for log in logs]
    return [finished_by(log) for log in logs]


@pytest.mark.slow
def test_four_runs_do_two_hundred_trials_once_each(suite_file, tmp_path):
    path, output = suite_file(SUITE.format(seeds=200, steps=3, pause=0)), tmp_path / "out"
    shares = together(path, output, tmp_path, runs=4)
    done = sorted(title for share in shares for title in share)
    assert done == sorted(f"linear seed={seed}" for seed in range(200))
    assert all(shares), "every run had a share"
    scores = pd.read_parquet(output / "scores.parquet")
    assert set(scores["status"]) == {"ok"}
    assert sorted(scores["seed"]) == list(range(200))
    assert pd.read_parquet(output / "leaderboard.parquet")["n"].tolist() == [200]
    logs = [file.read_text() for file in output.glob("trials/*/log.txt")]
    assert not any(logs)


@pytest.mark.slow
def test_what_a_killed_run_held_is_taken_over(suite_file, tmp_path):
    path, output = suite_file(SUITE.format(seeds=2, steps=150, pause=0.05)), tmp_path / "out"
    victim, heir = tmp_path / "victim.log", tmp_path / "heir.log"
    first = start(path, output, victim)
    while not begun(output):
        time.sleep(0.05)
    second = start(path, output, heir)
    while len(begun(output)) < 2:
        time.sleep(0.05)
    first.send_signal(signal.SIGKILL)
    first.wait()
    assert second.wait() == 0, heir.read_text()
    assert sorted(finished_by(heir)) == ["linear seed=0", "linear seed=1"]
    results = [json.loads(file.read_text()) for file in output.glob("trials/*/result.json")]
    assert [result["outcome"] for result in results] == ["finished"] * 2
