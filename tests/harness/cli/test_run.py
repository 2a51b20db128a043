"""The main job through the real command line, on suites that take seconds."""

import json
import sys
from pathlib import Path

import pandas as pd
import pytest

from harness.data.held_out import split_held_out
from support import TOY

SUITE = """
title = "Bars"
seeds = 2
[dataset]
name = "bars"
[training]
steps = 40
batch_size = 16
[[models]]
name = "linear"
sweep.size = [2, 3]
[[models]]
name = "linear"
label = "untrained"
seeds = 1
training.steps = 0
[evaluation]
metrics = ["spread", "error", "mig"]
selectors = ["alike", "udr-spearman"]
"""


def without(suite, *parts):
    for part in parts:
        assert part in suite
        suite = suite.replace(part, "")
    return suite


def small(model, extra="", steps=5):
    """A suite with one good trial and one of another model."""
    return f"""
[dataset]
name = "bars"
[training]
steps = {steps}
batch_size = 16
[[models]]
name = "linear"
[[models]]
name = "{model}"
{extra}
[evaluation]
metrics = ["spread"]
"""


def test_a_suite_ends_in_a_leaderboard_a_selector_table_and_parquet(command, suite_file, tmp_path, results):
    path = suite_file(SUITE)
    run = command("run", path, "--plugin", TOY)
    assert run.returncode == 0, run.stderr
    folder = tmp_path / "results" / "study"
    for text in (
        "5 of 5 trials to do",
        "Bars",
        "untrained",
        "size=2",
        "spread",
        "Selectors",
        "udr-spearman",
        "(labels: best)",
    ):
        assert text in run.stdout
    for name in ("leaderboard", "report"):
        assert f"\n  harness {name} {Path('results') / 'study'} --plugin {TOY}\n" in run.stdout
    scores = pd.read_parquet(folder / "scores.parquet")
    assert len(scores) == 5 * 3
    assert set(scores["status"]) == {"ok"}
    assert scores["harness_version"].ne("").all()
    board = pd.read_parquet(folder / "leaderboard.parquet")
    errors = board[board["metric"] == "error"].set_index("model")["mean"]
    assert errors["linear"].max() < errors["untrained"]
    assert (board[board["model"] == "linear"]["n"] == 2).all()
    selections = pd.read_parquet(folder / "selections.parquet")
    assert set(selections["pool"]) == {"all", "linear"}
    assert (selections["regret"] >= 0).all()
    history = pd.read_parquet(next(folder.glob("trials/*/history.parquet")))
    assert {"step", "seconds", "images_per_second"} <= set(history.columns)
    assert not list(folder.glob("trials/*/previous.safetensors"))

    before = results(folder)
    again = command("run", path, "--plugin", TOY)
    assert again.returncode == 0
    assert "All 5 trials are done already" in again.stdout
    assert results(folder) == before

    more = command("run", path, "--plugin", TOY, "--set", 'evaluation.metrics=["spread", "mig", "factorvae"]')
    assert more.returncode == 0
    after = results(folder)
    for title, result in after.items():
        assert {score["metric"] for score in result["scores"]} == {"spread", "error", "mig", "factorvae"}
        assert result["seconds"] == before[title]["seconds"], "adding a metric must not train again"


def test_what_a_trial_holds_out_reaches_its_metrics(command, suite_file, tmp_path, results):
    text = small("linear", 'label = "wary"\ntraining.held_out = 10').replace('["spread"]', '["error"]')
    run = command("run", suite_file(text), "--plugin", TOY, "--output", "out")
    assert run.returncode == 0, run.stderr
    found = results(tmp_path / "out")
    assert found["linear 0"]["scores"][0]["details"] == {"held_out": []}
    assert found["wary 0"]["scores"][0]["details"] == {"held_out": split_held_out(64, 10)[1].tolist()}


def test_the_same_trial_gives_the_same_numbers_alone_or_beside_others(command, suite_file, tmp_path, results):
    command("run", suite_file(SUITE), "--plugin", TOY, "--output", "many", "--jobs", 2)
    alone = without(SUITE, "sweep.size = [2, 3]\n").replace("seeds = 2", "seeds = [1]")
    command("run", suite_file(alone, "alone.toml"), "--plugin", TOY, "--output", "alone", "--jobs", 2)
    together, single = results(tmp_path / "many"), results(tmp_path / "alone")

    def scores(result):
        return {score["metric"]: score["score"] for score in result["scores"]}

    assert scores(single["linear 1"]) == scores(together["linear size=3 1"])


def test_a_dry_run_prints_every_trial_and_does_nothing(command, suite_file, tmp_path):
    run = command("run", suite_file(SUITE), "--plugin", TOY, "--dry-run")
    assert run.returncode == 0
    assert run.stdout.count(" to do  ") == 5
    assert "linear size=3 seed=1, 40 steps" in run.stdout
    assert "5 trials, 5 to do" in run.stdout
    assert not (tmp_path / "results").exists()


@pytest.mark.parametrize(
    ("model", "outcome", "reason"),
    [
        ("raising", "failed", "ZeroDivisionError: on purpose"),
        ("dying", "crashed", "ended by SIGKILL"),
        ("greedy", "out-of-memory", "memory"),
        ("diverging", "diverged", "the loss term autoencoder/error is"),
    ],
)
def test_a_trial_that_ends_badly_is_recorded_and_leaves_the_others(
    command, suite_file, tmp_path, results, model, outcome, reason
):
    run = command("run", suite_file(small(model, steps=40)), "--plugin", TOY, "--output", "out")
    assert run.returncode == 1
    found = results(tmp_path / "out")
    assert found["linear 0"]["outcome"] == "finished"
    assert found[f"{model} 0"]["outcome"] == outcome
    assert reason in found[f"{model} 0"]["reason"]
    (told,) = [line for line in run.stderr.splitlines() if line.startswith(f"failed: {model} seed=0")]
    assert told.count("failed: ") == 1
    assert "Traceback (most recent call last)" not in run.stderr
    if outcome == "failed":
        logs = "".join(file.read_text() for file in (tmp_path / "out").glob("trials/*/log.txt"))
        for text in (found["raising 0"]["traceback"], logs):
            assert "toy.py" in text
            assert "ZeroDivisionError: on purpose" in text
    board = pd.read_parquet(tmp_path / "out" / "leaderboard.parquet").set_index("model")
    assert board.loc["linear", "n"] == 1
    assert (board.loc[model, "status"], board.loc[model, "n"]) == ("failed", 0)


def test_a_hanging_trial_is_ended_at_its_time_limit(command, suite_file, tmp_path, results):
    run = command("run", suite_file(small("hanging")), "--plugin", TOY, "--output", "out", "--timeout", 8)
    assert run.returncode == 1
    found = results(tmp_path / "out")
    assert found["linear 0"]["outcome"] == "finished"
    assert (found["hanging 0"]["outcome"], found["hanging 0"]["reason"]) == ("timeout", "it took longer than 8 s")


def test_what_failed_is_retried_only_when_asked(command, suite_file, tmp_path, results):
    path = suite_file(small("raising"))
    first = command("run", path, "--plugin", TOY, "--output", "out")
    kept = results(tmp_path / "out")
    assert first.returncode == 1
    again = command("run", path, "--plugin", TOY, "--output", "out")
    assert again.returncode == 1
    assert results(tmp_path / "out") == kept
    retried = command("run", path, "--plugin", TOY, "--output", "out", "--retry-failed")
    assert retried.returncode == 1
    after = results(tmp_path / "out")
    assert after["linear 0"] == kept["linear 0"]
    assert after["raising 0"]["finished_at"] >= kept["raising 0"]["finished_at"]
    assert "1 of 2 trials to do" in retried.stdout


def test_fresh_starts_again(command, suite_file, tmp_path, results):
    path = suite_file(small("printing"))
    command("run", path, "--plugin", TOY, "--output", "out")
    fresh = command("run", path, "--plugin", TOY, "--output", "out", "--fresh")
    assert "2 of 2 trials to do" in fresh.stdout
    log = next((tmp_path / "out").glob("trials/*/log.txt"))
    texts = [file.read_text() for file in (tmp_path / "out").glob("trials/*/log.txt")]
    assert any("hello from a C library" in text for text in texts), log


def test_a_failing_metric_and_selector_are_reported_and_cost_nothing_else(command, suite_file, tmp_path, results):
    suite = SUITE.replace('"spread", "error"', '"spread", "broken"').replace('["alike"', '["broken-selector", "alike"')
    run = command("run", suite_file(suite), "--plugin", TOY, "--output", "out", "--set", "seeds=2")
    assert run.returncode == 1
    assert "RuntimeError: broken on purpose" in run.stderr
    assert "broken-selector: RuntimeError" in run.stderr
    selections = pd.read_parquet(tmp_path / "out" / "selections.parquet")
    assert set(selections["selector"]) == {"alike", "udr-spearman"}
    scores = pd.read_parquet(tmp_path / "out" / "scores.parquet").set_index("metric")["status"]
    assert set(scores["broken"]) == {"failed"}
    assert set(scores["spread"]) == {"ok"}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["run", "absent.toml"], "absent.toml: No such file"),
        (["run", "study.toml", "--set", "training.stpes=3"], "training.stpes: unknown key; did you mean 'steps'?"),
        (["run", "study.toml", "--device", "cuda"], "torch sees no GPU here; use --device cpu"),
        (["run", "study.toml", "--device", "gpu"], "choose from auto, cpu, cuda"),
        (["run", "study.toml", "--jobs", "0"], "--jobs"),
        (["run", "study.toml", "--timeout", "nan"], "nan is not a finite number"),
        (["run", "study.toml", "--timeout", "inf"], "inf is not a finite number"),
        (["run", "study.toml", "--output", "study.toml/x"], "cannot write results there"),
        (["run", "study.toml", "--plugin", "absent.py"], "absent.py"),
        (["run", "study.toml", "--set", "training.batch_size=65"], "65 is more than the 64 images of bars"),
    ],
)
def test_the_users_mistakes_end_with_code_2_and_no_traceback(command, suite_file, arguments, message):
    suite_file(without(SUITE, 'selectors = ["alike", "udr-spearman"]'))
    run = command(*arguments, "--plugin", TOY)
    assert "Traceback" not in run.stderr
    assert run.returncode == 2
    assert message in run.stderr
    assert not run.stdout


def test_results_are_plain_json_with_their_provenance(command, suite_file, tmp_path, results):
    command("run", suite_file(small("linear", 'label = "other"\nconfig.size = 4')), "--plugin", TOY, "--output", "out")
    provenance = results(tmp_path / "out")["other 0"]["provenance"]
    assert provenance["torch"]
    assert provenance["python"] == sys.version.split()[0]
    assert provenance["threads"] >= 1
    for file in (tmp_path / "out").rglob("*.json"):
        assert json.loads(file.read_text())["schema_version"] == 1
