from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pandas as pd
import pytest
from click.testing import CliRunner

from harness.benchmark import measure as measuring
from harness.benchmark.measure import measure
from harness.benchmark.table import add_rows
from harness.cli import cli
from harness.results.schema import TABLES
from support import TOY

SMALL = ["bench", "--plugin", TOY, "--model", "linear", "--dataset", "bars", "--batch", 8, "--steps", 5]


def test_benchmarks_are_printed_and_added_to_a_table(command, tmp_path):
    first = command(*SMALL, "--fleet", 1, "--fleet", 3, "--config", "size=2")
    assert first.returncode == 0, first.stderr
    for text in ("model steps/s", "of product", "of copy", "linear", "1x8x8"):
        assert text in first.stdout
    second = command(*SMALL, "--threads", 1)
    assert second.returncode == 0, second.stderr
    rows = pd.read_parquet(tmp_path / "results" / "benchmarks.parquet")
    assert rows["engine"].tolist() == ["eager"] * 3
    assert rows["fleet"].tolist() == [1, 3, 1]
    assert rows["threads"].tolist()[2] == 1
    assert ['"size": 2' in text for text in rows["hyperparameters"]] == [True, True, False]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--device", "cuda"], "torch sees no GPU here"),
        (["--engine", "eager", "--fleet", 2], "--fleet 2: it does not go with --engine eager"),
        (["--engine", "graph"], "there is no GPU to run on"),
        (["--engine", "compiled", "--fleet", 2], "for CPUs torch.compile makes programs of some fleets that crash"),
        (["--config", "size"], "--config size: expected KEY=VALUE"),
        (["--cases", "nowhere.toml"], "nowhere.toml: No such file"),
        (["--config", "sise=2"], "model.sise: unknown key; did you mean 'size'?"),
    ],
)
def test_the_users_mistakes_end_with_code_2(command, arguments, message):
    run = command(*SMALL, *arguments)
    assert run.returncode == 2
    assert message in run.stderr
    assert "Traceback" not in run.stderr


CASES = """
[[cases]]
model = "linear"
dataset = "bars"
batch_size = 8
[[cases]]
model = "linear"
dataset = "bars"
batch_size = 16
[study]
model = "linear"
steps = 7_200_000
title = "a study"
[race]
model = "linear"
dataset = "bars"
batch_size = 8
metric = "spread"
target = 0.0
every = 10
steps = 20
"""


def test_the_cases_of_a_file_are_measured_projected_and_raced(tmp_path, monkeypatch):
    (tmp_path / "cases.toml").write_text(CASES)

    def measured(case, *others):
        if case.batch_size == 16:
            raise MemoryError
        return {**measure(case, *others), "model_steps_per_second": 1000.0}

    monkeypatch.setattr(measuring, "measure", measured)
    run = CliRunner().invoke(
        cli, [str(part) for part in (*SMALL[:3], "--cases", tmp_path / "cases.toml", "--output", tmp_path)]
    )
    assert run.exit_code == 0, run.output
    assert "linear: 7,200,000 steps, a study, would take 2.0 hours" in run.stdout
    assert "linear, 1 at once, does not fit into memory" in run.stderr
    assert "linear, spread 0.0: " in run.stdout
    assert pd.read_parquet(tmp_path / "benchmarks.parquet")["batch_size"].tolist() == [8]
    assert pd.read_parquet(tmp_path / "times_to_score.parquet")["steps"].tolist() == [10]


def test_a_table_that_nothing_can_be_added_to_is_told_before_anything_is_measured(command, tmp_path, monkeypatch):
    monkeypatch.setattr(measuring, "measure", None)  # To measure would raise.
    (tmp_path / "results").mkdir()
    (tmp_path / "results" / "benchmarks.parquet").write_bytes(b"PAR1 damaged")
    run = command(*SMALL)
    assert run.returncode == 2
    assert "benchmarks.parquet: damaged, or not a Parquet file" in run.stderr


def test_rows_that_are_added_at_once_are_all_kept(tmp_path):
    row = {column.name: "{}" if column.type == "string" else 1 for column in TABLES["times_to_score"]}
    add = partial(add_rows, tmp_path, "times_to_score")
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(add, [[row]] * 24))
    assert len(pd.read_parquet(tmp_path / "times_to_score.parquet")) == 24


def test_what_is_measured_before_an_error_is_kept(tmp_path, monkeypatch):
    def measured(case, *others):
        if case.fleet == 2:
            raise ValueError("on purpose")
        return measure(case, *others)

    monkeypatch.setattr(measuring, "measure", measured)
    arguments = (*SMALL, "--fleet", 1, "--fleet", 2, "--output", tmp_path)
    run = CliRunner().invoke(cli, [str(part) for part in arguments])
    assert run.exit_code != 0
    assert pd.read_parquet(tmp_path / "benchmarks.parquet")["fleet"].tolist() == [1]
