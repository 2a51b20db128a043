"""`harness.Results`: a study read from Python."""

import pandas as pd
import pytest
import torch

import harness
from harness import UserError
from support import ROOT, TOY, bars_suite

SUITE = bars_suite(
    steps=6, batch_size=8, model="sweep.noise = [0.1, 0.5]", metrics=["spread", "error"], selectors=["random"]
)


@pytest.fixture(scope="module")
def results(run_command, tmp_path_factory):
    folder = tmp_path_factory.mktemp("results")
    (folder / "study.toml").write_text(SUITE)
    run = run_command("run", "study.toml", "--plugin", TOY, "--output", "out", cwd=folder)
    assert run.returncode == 0, run.stderr
    return harness.Results(folder / "out", plugins=[TOY])


def test_tables_are_frames_whose_json_is_unpacked(results):
    assert len(results.scores) == 8
    assert results.scores["hyperparameters"][0]["noise"] == 0.1
    assert results.settings == ["linear noise=0.1", "linear noise=0.5"]
    assert set(results.leaderboard["metric"]) == {"spread", "error"}
    assert results.leaderboard["swept"][0] == {"noise": 0.1}
    assert set(results.selections["selector"]) == {"random"}
    assert "4 scored trials of 2 settings" in repr(results)


def test_a_trial_gives_its_model_dataset_and_history(results):
    trial = results.trials[0]
    assert trial.title == "linear noise=0.1 seed=0"
    model, dataset = trial.model(), trial.dataset()
    images = dataset.images(torch.arange(4))
    assert model.encode(images).shape == (4, 3)
    assert trial.history()["step"].tolist() == [1, 2, 3, 4, 5, 6]
    assert trial.result.outcome == "finished"
    assert results.trial(trial.id[:6]).id == trial.id


def test_a_trial_stands_in_one_table_with_what_was_scored_elsewhere(results):
    trial = results.trials[0]
    own = harness.evaluate(trial.model(), trial.dataset(), ["spread", "mig"], plugins=[TOY])
    table = harness.scores_table({"mine": own, trial.title: trial})
    assert list(table.columns) == ["mine", "linear noise=0.1 seed=0"]
    assert list(table.index) == ["spread", "mig", "error"]
    assert table.loc["spread", "mine"] == table.loc["spread", trial.title] == trial.scores["spread"]
    assert table.isna().to_numpy().tolist() == [[False, False], [False, True], [True, False]]


def test_the_best_is_the_best_in_the_metrics_own_direction(results):
    by_error = {trial.id: trial.scores["error"] for trial in results.trials}
    assert results.best("error").id == min(by_error, key=by_error.get)
    by_spread = {trial.id: trial.scores["spread"] for trial in results.trials}
    assert results.best("spread").id == max(by_spread, key=by_spread.get)
    with pytest.raises(UserError, match="no trial has a score by 'spred'; did you mean 'spread'"):
        results.best("spred")


def test_comparisons_are_those_of_the_command(results, run_command):
    assert run_command("compare", results.folder.path).returncode == 0
    stored = pd.read_parquet(results.folder.path / "comparisons.parquet")
    found = results.compare("linear noise=0.1")
    assert found["sentence"].tolist() == stored["sentence"].tolist()
    assert (results.compare(results)["difference"] == 0).all()


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (lambda results: results.compare("x", "linear noise=0.5"), "there is no setting 'x'"),
        (lambda results: results.compare("linear noise=0.1", "ours"), "there is no setting 'ours'"),
        (lambda results: results.compare(results.folder.path), "compare: expected a setting .*, or other Results, got"),
        (lambda results: results.trial("absent"), "absent"),
        (lambda results: results.best("absent"), "no trial has a score by 'absent'"),
        (lambda results: results.interquartile_means("absent"), "absent"),
        (lambda results: results.figure("absent"), "there is no figure 'absent'"),
    ],
)
def test_what_results_do_not_have_is_one_message(results, ask, message):
    with pytest.raises(UserError, match=message):
        ask(results)


def test_one_setting_to_compare_with_needs_no_list(results):
    found = results.compare("linear noise=0.1", "linear noise=0.5")
    assert found["sentence"].tolist() == results.compare("linear noise=0.1", ["linear noise=0.5"])["sentence"].tolist()


def test_published_tables_can_be_read_without_their_trials():
    published = harness.Results(ROOT / "results" / "published" / "selectors")
    assert len(published.settings) == 5
    assert len(published.leaderboard) > 0
    with pytest.raises(UserError, match=r"it has no suite\.json"):
        _ = published.trials


def test_a_folder_without_results_is_told(tmp_path):
    with pytest.raises(UserError, match="not a results folder"):
        harness.Results(tmp_path)


def test_a_suite_from_python_runs_and_tells_each_trial_that_ends(manager, tmp_path, capsys):
    content = {
        "dataset": {"name": "bars"},
        "training": {"steps": 0},
        "models": [{"name": "linear"}],
        "evaluation": {"metrics": ["spread"]},
    }
    options = harness.RunOptions(device="cpu", jobs=1, threads=1)
    for shown in (True, False):
        summary = harness.run(content, tmp_path / "mine", options=options, plugins=manager, progress=shown)
        assert [len(summary.trials), len(summary.failures)] == [1, 0]
        (spread,) = summary.tables.scores["score"]
        lines = capsys.readouterr().out.splitlines()
        assert lines[1:] == ([f"[1/1] linear seed=0: spread {spread:.3g}"] if shown else [])


def test_scores_on_the_way_are_those_of_trials_of_so_many_steps_and_no_selector_chooses_them(manager, tmp_path):
    content = {
        "seeds": 2,
        "dataset": {"name": "bars"},
        "training": {"steps": 6},
        "models": [{"name": "linear"}],
        "evaluation": {"metrics": ["spread", "error"], "selectors": ["random"], "at": [2]},
    }
    options = harness.RunOptions(device="cpu", jobs=1, threads=1, fleet=2)
    found = {}
    for name, changed in (("way", {}), ("alone", {"training": {"steps": 2}})):
        summary = harness.run(content | changed, tmp_path / name, options=options, plugins=manager)
        assert not summary.failures
        found[name] = summary.tables
    early = found["way"].scores[found["way"].scores["steps"] == 2]
    assert early["score"].tolist() == found["alone"].scores["score"].tolist()
    assert early["trial"].tolist() == found["alone"].scores["trial"].tolist()
    assert found["way"].leaderboard["n"].tolist() == [2, 2, 2, 2]
    assert set(found["way"].selections["pool_size"]) == {2}
    chosen = harness.Results(tmp_path / "way", plugins=manager.files).trial(found["way"].selections["trial"][0])
    assert chosen.trial.training.steps == 6
