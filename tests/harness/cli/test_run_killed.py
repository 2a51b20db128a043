"""Runs that are killed again and again, and runs that do a part each."""

import os
import random
import signal
import subprocess
import sys
import time

import pandas as pd
import pytest

from support import TOY, bars_suite, score_values

SUITE = bars_suite(
    steps=150,
    seeds=5,
    model="sweep.size = [2, 3]\nconfig.pause = 0.02",
    metrics=["spread", "error", "mig"],
    selectors=["alike", "udr-spearman"],
)

KILLS = 30


def start(path, folder):
    arguments = ["run", path, "--plugin", TOY, "--output", folder, "--jobs", "2", "--checkpoint-seconds", "0.1"]
    return subprocess.Popen(
        [sys.executable, "-m", "harness", *arguments],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "PYTHONSAFEPATH": "1"},
    )


@pytest.mark.slow
def test_thirty_kills_cost_no_number(command, suite_file, tmp_path, results):
    path, folder = suite_file(SUITE), tmp_path / "killed"
    begun = time.monotonic()
    straight = command("run", path, "--plugin", TOY, "--output", "straight", "--jobs", 2)
    seconds = time.monotonic() - begun
    assert straight.returncode == 0, straight.stderr
    moments = random.Random(0)
    killed, interrupted, kept = 0, 0, {}
    for _ in range(KILLS):
        run = start(path, folder)
        time.sleep(moments.uniform(0, seconds / 2))
        killed += run.poll() is None
        run.send_signal(signal.SIGKILL)
        run.wait()
        begun = [file.parent for file in folder.glob("trials/*/checkpoint.safetensors")]
        interrupted += any(not (trial / "result.json").exists() for trial in begun)
        for file, content in kept.items():
            assert file.read_bytes() == content, "a trial that had finished was done again"
        kept |= {file: file.read_bytes() for file in folder.glob("trials/*/result.json")}
    assert killed >= KILLS / 2
    assert interrupted, "no kill hit a training"
    last = command("run", path, "--plugin", TOY, "--output", folder, "--jobs", 2)
    assert last.returncode == 0, last.stderr
    for file, content in kept.items():
        assert file.read_bytes() == content
    found = results(folder)
    assert {result["outcome"] for result in found.values()} == {"finished"}
    assert score_values(found) == score_values(results(tmp_path / "straight"))
    for file in folder.glob("trials/*/history.parquet"):
        assert pd.read_parquet(file)["step"].tolist() == list(range(1, 151))
    assert not list(folder.glob("trials/*/previous.safetensors"))
    chosen = [pd.read_parquet(place / "selections.parquet")["trial"] for place in (folder, tmp_path / "straight")]
    assert chosen[0].tolist() == chosen[1].tolist()


def test_shards_do_a_part_each_and_the_last_compares(command, suite_file, tmp_path, results):
    path = suite_file(SUITE.replace("seeds = 5", "seeds = 1").replace("steps = 150", "steps = 3"))
    arguments = ["run", path, "--plugin", TOY, "--output", "out", "--jobs", 1, "--shard"]
    first = command(*arguments, "1/2")
    assert first.returncode == 0, first.stderr
    assert "1 of 1 trials to do" in first.stdout
    assert "1 of the suite's 2 trials are left to other shards" in first.stdout
    assert list(results(tmp_path / "out")) == ["linear size=2 0"]
    assert not pd.read_parquet(tmp_path / "out" / "selections.parquet").size
    second = command(*arguments, "2/2")
    assert second.returncode == 0, second.stderr
    assert "left to other shards" not in second.stdout
    assert set(results(tmp_path / "out")) == {"linear size=2 0", "linear size=3 0"}
    assert set(pd.read_parquet(tmp_path / "out" / "selections.parquet")["selector"]) == {"alike"}
    assert len(pd.read_parquet(tmp_path / "out" / "scores.parquet")) == 2 * 3


@pytest.mark.parametrize("shard", ["0/2", "3/2", "1", "1/", "a/b", "1/0"])
def test_a_shard_is_one_of_so_many(shard):
    from click.testing import CliRunner

    from harness.cli import cli

    run = CliRunner().invoke(cli, ["run", "study.toml", "--shard", shard])
    assert run.exit_code == 2
    assert f"'{shard}' is not I/N with I from 1 to N" in run.output


@pytest.mark.slow
def test_a_hanging_fleet_and_a_hanging_selector_are_ended_at_their_time_limits(command, suite_file, tmp_path, results):
    hanging = SUITE.replace('"linear"', '"hanging"').replace('"alike", "udr-spearman"', '"alike"')
    path = suite_file(hanging.replace("seeds = 5", "seeds = 2").replace("sweep.size = [2, 3]", ""))
    run = command("run", path, "--plugin", TOY, "--output", "fleet", "--fleet", 2, "--timeout", 10)
    assert run.returncode == 1
    found = results(tmp_path / "fleet").values()
    assert [(result["outcome"], result["reason"]) for result in found] == [("timeout", "it took longer than 20 s")] * 2
    path = suite_file(SUITE.replace("seeds = 5", "seeds = 2").replace("udr-spearman", "hanging-selector"))
    run = command("run", path, "--plugin", TOY, "--output", "out", "--set", "training.steps=3", "--timeout", 30)
    assert run.returncode == 1
    assert "failed: hanging-selector: it took too long" in run.stderr
    assert set(pd.read_parquet(tmp_path / "out" / "selections.parquet")["selector"]) == {"alike"}
