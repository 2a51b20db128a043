from pathlib import Path

import pandas as pd
import pytest

TOY = Path(__file__).parents[2] / "toy.py"
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
        (["--engine", "compiled", "--fleet", 2], "--fleet 2: it does not go with --engine compiled"),
        (["--engine", "graph"], "there is no GPU to run on"),
        (["--config", "size"], "--config size: expected name=value"),
        (["--config", "sise=2"], "model.sise: unknown key; did you mean 'size'?"),
    ],
)
def test_the_users_mistakes_end_with_code_2(command, arguments, message):
    run = command(*SMALL, *arguments)
    assert run.returncode == 2
    assert message in run.stderr
    assert "Traceback" not in run.stderr
