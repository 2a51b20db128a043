"""Commands that get a SIGKILL at every place, and are run again: nothing is lost, nothing is there twice."""

import itertools
import json
import os
import signal
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from support import TESTS, TOY, bars_suite, score_values

pytestmark = pytest.mark.slow

HALVING = """
sweep.noise = [0.1, 0.2, 0.3]
halving = { at = [3], keep = 0.5, aim = "error" }
"""
RANDOM = """
[[models]]
name = "linear"
label = "random"
[models.search]
budget = 2
space.noise = { from = 0.1, to = 1.0 }
"""
SUGGESTED = """
[[models]]
name = "linear"
label = "suggested"
[models.search]
budget = 3
at_once = 2
aim = "alike"
sampler = "optuna"
space.noise = { from = 0.1, to = 1.0 }
"""


@pytest.fixture
def killed(tmp_path):
    """Runs a command until it ends by itself, see `tests/killing.py`; returns how each of its processes ended."""

    def run(*arguments):
        ended = subprocess.run(
            [sys.executable, TESTS / "killing.py", *map(str, arguments)],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
            env={**os.environ, "CUDA_VISIBLE_DEVICES": ""},
        )
        assert ended.returncode == 0, ended.stderr
        runs = json.loads(ended.stdout)
        assert [each["code"] for each in runs] == [-signal.SIGKILL] * (len(runs) - 1) + [0], (
            tmp_path / "told.txt"
        ).read_text()
        return runs

    return run


def names(folder):
    """Every file below a folder, but for what a tracker calls by the time and the process."""
    found = {str(file.relative_to(folder)) for file in folder.rglob("*") if file.is_file()}
    return {name for name in found if not name.startswith("tensorboard/")}


@pytest.mark.parametrize(
    ("search", "when"),
    [
        (HALVING + RANDOM, ["--files", "killed/trials/*/result.json"]),
        (HALVING + RANDOM + SUGGESTED, []),
    ],
    ids=["after each result", "before each file"],
)
def test_searches_that_are_killed_choose_the_same_and_do_nothing_twice(
    killed, command, suite_file, tmp_path, results, search, when
):
    path = suite_file(bars_suite(steps=6, seeds=1, model=search))
    arguments = ["run", path, "--plugin", TOY, "--jobs", 1, "--output"]
    straight = command(*arguments, "straight")
    assert straight.returncode == 0, straight.stderr
    runs = killed(*when, *arguments, "killed")
    assert len(runs) > 5
    for before, after in itertools.pairwise(runs):
        assert before["files"].items() <= after["files"].items(), "a trial that had ended was done again"
    assert score_values(results(tmp_path / "killed")) == score_values(results(tmp_path / "straight"))
    one, two = (pd.read_parquet(tmp_path / place / "scores.parquet") for place in ("straight", "killed"))
    columns = ["trial", "metric", "score", "chosen_by"]
    pd.testing.assert_frame_equal(one[columns], two[columns])
    assert names(tmp_path / "killed") == names(tmp_path / "straight")


def test_a_merge_that_is_killed_before_each_file_is_the_same_in_the_end(killed, command, study, synthetic, tmp_path):
    arguments = ["merge", study.path, synthetic(seeds=1).path, "--plugin", TOY, "--output"]
    straight = command(*arguments, "straight")
    assert straight.returncode == 0, straight.stderr
    assert len(killed(*arguments, "killed")) > 10
    assert names(tmp_path / "killed") == names(tmp_path / "straight")
    for name in names(tmp_path / "killed"):
        if "trials/" in name and not name.endswith("lease"):
            assert (tmp_path / "killed" / name).read_bytes() == (tmp_path / "straight" / name).read_bytes()
    tables = [pd.read_parquet(tmp_path / place / "scores.parquet") for place in ("straight", "killed")]
    pd.testing.assert_frame_equal(*(table.drop(columns="suite") for table in tables))


def test_a_site_that_is_killed_before_each_file_is_the_same_in_the_end(killed, command, study, tmp_path):
    arguments = ["publish", study.path, "--plugin", TOY, "--pictures", "none", "--output"]
    assert command(*arguments, "straight").returncode == 0
    assert len(killed(*arguments, "killed")) > 5
    assert names(tmp_path / "killed") == names(tmp_path / "straight")
    for name in ("scores.parquet", "leaderboard.parquet", "suite.toml"):
        assert (tmp_path / "killed" / name).read_bytes() == (tmp_path / "straight" / name).read_bytes()


def test_a_pool_that_is_killed_before_each_file_is_the_same_in_the_end(killed, command, study, tmp_path):
    arguments = ["export", study.path, "--plugin", TOY, "--images", 10, "--weights", "npz", "--output"]
    assert command(*arguments, "straight").returncode == 0
    assert len(killed(*arguments, "killed")) > 10
    assert names(tmp_path / "killed") == names(tmp_path / "straight")
    for name in names(tmp_path / "killed"):
        ours, theirs = tmp_path / "killed" / name, tmp_path / "straight" / name
        if name.endswith(".npz"):
            one, two = np.load(ours), np.load(theirs)
            assert one.files == two.files
            assert all(np.array_equal(one[key], two[key]) for key in one.files)
        else:
            assert ours.read_bytes() == theirs.read_bytes()
