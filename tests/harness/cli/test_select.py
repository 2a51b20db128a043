"""`harness select` on a small study with all kinds of selectors, and on files."""

import json

import numpy as np
import pandas as pd
import pytest

from support import TOY

SUITE = """
title = "Bars"
seeds = 2
[dataset]
name = "bars"
[training]
steps = 20
batch_size = 16
[[models]]
name = "linear"
sweep.noise = [0.0, 0.1]
[[models]]
name = "linear"
label = "alone"
config.noise = 0.2
seeds = 1
[evaluation]
metrics = ["error", "mig"]
selectors = [
  "random",
  "supervised:error",
  "supervised:spread",
  "udr-lasso",
  { name = "udr-lasso", within = "pool" },
  { name = "model-centrality", groups = 12, group_size = 10, std_points = 50 },
  { name = "model-centrality-halving", groups = 12, group_size = 10, std_points = 50, references = 2 },
  "supervised:broken",
  "supervised:cluster-accuracy",
]
"""


@pytest.fixture(scope="module")
def run(run_command):
    """Runs the command line in a folder."""
    return lambda folder, *arguments: run_command(*arguments, cwd=folder)


@pytest.fixture(scope="module")
def study(run, tmp_path_factory):
    """A finished study; one of its selectors fails."""
    folder = tmp_path_factory.mktemp("study")
    (folder / "bars.toml").write_text(SUITE)
    done = run(folder, "run", "bars.toml", "--plugin", TOY, "--output", "out")
    assert "supervised:broken: RuntimeError: broken on purpose" in done.stderr
    assert done.returncode == 1
    return folder / "out"


@pytest.fixture(scope="module")
def selections(study):
    table = pd.read_parquet(study / "selections.parquet")
    within = table["selector_settings"].map(lambda text: json.loads(text).get("within", ""))
    return table[table["pool"] == "all"].assign(selector=(table["selector"] + " " + within).str.strip())


def test_labels_have_no_regret_by_their_own_metric(selections):
    own = selections[(selections["selector"] == "supervised:error") & (selections["metric"] == "error")].iloc[0]
    assert own["regret"] == own["regret_high"] == 0
    assert own["score"] == own["best"]
    assert own["rank_correlation"] == pytest.approx(1)


def test_a_metric_that_the_suite_does_not_list_may_choose(selections):
    assert (selections["selector"] == "supervised:spread").sum() == 2


def test_models_are_compared_within_their_hyperparameters_by_default(study, selections):
    made = selections.set_index("selector")["cross_evaluations"].groupby(level=0).first().to_dict()
    assert made["udr-lasso hyperparameters"] == 2 * 2**2 + 1
    assert made["udr-lasso pool"] == made["model-centrality"] == 5**2
    assert 2 * 4 <= made["model-centrality-halving"] <= 5 * 4
    assert made["random"] == made["supervised:error"] == 5
    scores = pd.read_parquet(study / "selector_scores.parquet")
    scores = scores[(scores["selector"] == "udr-lasso") & (scores["pool"] == "all")]
    alone = scores["title"].str.startswith("alone")
    whole = scores["selector_settings"].str.contains('"pool"')
    assert (scores["selector_score"].isna() == (alone & ~whole)).all()


def test_what_was_compared_stands_in_the_comparisons_files(study):
    records = [json.loads(file.read_text()) for file in (study / "comparisons").glob("*.json")]
    assert len(records) == 9
    for record in records:
        for part in record["compared"]:
            models = len(part["trials"])
            # These score models one by one; the others compare pairs.
            pointwise = record["selector"] == "random" or record["selector"].startswith("supervised:")
            expected = (models,) if pointwise else (models, models)
            assert np.array(part["comparisons"], dtype=float).shape == expected
            assert set(part["trials"]) <= set(record["kinds"])
    halved = next(record for record in records if record["selector"] == "model-centrality-halving")
    assert sorted(len(part["trials"]) for part in halved["compared"]) == [4, 5]


def test_every_number_is_printed_with_its_interval(run, study):
    table = run(study.parent, "select", "out", "--plugin", TOY)
    assert table.returncode == 0, table.stderr
    for text in (
        "Regret",
        "Rank correlation",
        "Beats random",
        "udr-lasso within=hyperparameters",
        "udr-lasso within=pool",
        "9/25",
    ):
        assert text in table.stdout
    assert "note: supervised:broken failed: RuntimeError: broken on purpose" in table.stderr
    assert "note: supervised:cluster-accuracy left out 5 of 5 trials: the model infers no dist" in table.stderr
    records = json.loads(run(study.parent, "select", "out", "--plugin", TOY, "--format", "json").stdout)
    for record in records:
        if record["selector"] == "model-centrality-halving":
            assert record["score_low"] is record["regret_high"] is None
        else:
            assert record["score_low"] <= record["score_high"]
            assert record["regret_low"] <= record["regret_high"]
        assert 0 <= record["beats_random"] <= 1


def test_a_study_without_selections_says_why(run, study, tmp_path):
    suite = json.loads((study / "suite.json").read_text())
    del suite["sha256"]  # What is written by hand has no seal.
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "suite.json").write_text(json.dumps({**suite, "selectors": []}))
    none = run(tmp_path, "select", "out", "--plugin", TOY)
    assert (none.returncode, none.stderr) == (2, "harness: out: its suite has no selectors\n")
    (tmp_path / "out" / "suite.json").write_text(json.dumps(suite))
    undone = run(tmp_path, "select", "out", "--plugin", TOY)
    assert undone.returncode == 2
    assert "there is no selection to judge\nrandom has not compared these 0 trials" in undone.stderr
    named = run(tmp_path, "select", "out", "--selector", "random")
    assert named.returncode == 2
    assert "those of its suite" in named.stderr


def test_a_selector_without_anything_to_compare_is_no_failure_and_says_so(run, tmp_path):
    head, _, tail = SUITE.partition('[[models]]\nname = "linear"\nlabel')
    (tmp_path / "bars.toml").write_text(head.replace("seeds = 2", "seeds = 1") + tail[tail.index("[evaluation]") :])
    options = ("--plugin", TOY, "--output", "out", "--set", 'evaluation.selectors=["udr-lasso"]')
    done = run(tmp_path, "run", "bars.toml", *options)
    assert done.returncode == 0, done.stderr
    none = run(tmp_path, "select", "out", "--plugin", TOY)
    assert none.returncode == 2
    reason = 'no two models share their hyperparameters; compare them all with within = "pool"'
    assert f"udr-lasso left out 2 of 2 trials: {reason}" in none.stderr


def test_files_end_with_json_or_with_code_2(run, tmp_path):
    codes = np.random.default_rng(0).normal(size=(3, 20, 2))
    np.savez(tmp_path / "pool.npz", codes=codes, hyperparameters=[0, 0, 1])
    good = run(tmp_path, "select", "pool.npz", "--selector", "udr-spearman", "--selector", "random", "--format", "json")
    found = json.loads(good.stdout)
    assert list(found) == ["udr-spearman", "random"]
    assert set(found["random"]) == {"scores", "chosen", "tied"}
    assert found["udr-spearman"]["scores"][2] is None
    # Two models that agree with each other alone are told apart by nothing.
    assert (found["udr-spearman"]["tied"], found["random"]["tied"]) == (2, 1)
    table = run(tmp_path, "select", "pool.npz", "--selector", "udr-spearman")
    assert table.stdout.startswith("udr-spearman: model 0, tied with 1 more (scores ")
    np.savez(tmp_path / "bad.npz", codes=codes * np.nan)
    bad = run(tmp_path, "select", "bad.npz")
    assert (bad.returncode, bad.stderr) == (2, "harness: bad.npz: array 'codes': expected finite numbers\n")


def test_a_supervised_selector_is_shown_and_listed(run, tmp_path):
    shown = run(tmp_path, "show", "supervised:factorvae")
    assert shown.returncode == 0, shown.stderr
    assert "what labels would choose" in " ".join(shown.stdout.split())
    assert "protocol" in shown.stdout
    assert "supervised:METRIC" in run(tmp_path, "list", "selectors").stdout
    wrong = run(tmp_path, "show", "supervised:factorvea")
    assert (wrong.returncode, "did you mean 'factorvae'?" in wrong.stderr) == (2, True)
