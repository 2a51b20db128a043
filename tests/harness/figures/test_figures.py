"""Figures for papers show the numbers of the tables."""

import re
import sys

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

import harness
from harness import UserError
from harness.cli import cli
from harness.execution.plan import RunOptions
from harness.figures.paper import save_figure
from harness.figures.tables import leaderboard_figure, metrics_figure, profiles_figure, ranks_figure
from harness.summary.aggregate import mean_ranks
from support import bars_suite

SUITE = bars_suite(
    steps=4, model="config.size = 2\nsweep.noise = [0.0, 0.5, 2.0]", metrics=["mig", "error", "modularity"]
)


@pytest.fixture(scope="module")
def results(tmp_path_factory, manager):
    folder = tmp_path_factory.mktemp("figures")
    (folder / "study.toml").write_text(SUITE)
    options = RunOptions(device="cpu", jobs=1, threads=1, fleet=6)
    harness.run(folder / "study.toml", folder / "out", options=options, plugins=manager)
    return harness.Results(folder / "out", plugins=manager.files)


def texts(figure):
    return [text.get_text() for text in figure.findobj(lambda artist: hasattr(artist, "get_text"))]


def test_the_leaderboards_marks_stand_at_the_means_with_their_intervals(results):
    board = results.leaderboard
    panels = leaderboard_figure(results._table("leaderboard")).axes
    shown = [panel for panel in panels if panel.get_title()]
    assert [panel.get_title() for panel in shown] == ["mig", "error ↓", "modularity"]
    for panel, metric in zip(shown, ("mig", "error", "modularity"), strict=True):
        own = board[board["metric"] == metric]
        marks = [line for line in panel.lines if len(line.get_xdata()) == 1]
        assert [line.get_xdata()[0] for line in marks] == own["mean"].tolist()
        assert [line.get_markerfacecolor() != "white" for line in marks] == own["best"].tolist()
        bars = [tuple(line.get_xdata()) for line in panel.lines if len(line.get_xdata()) == 2]
        assert bars == list(zip(own["ci_low"], own["ci_high"], strict=True))
    assert [label.get_text() for label in shown[0].get_yticklabels()] == results.settings


def test_metrics_are_drawn_by_their_rank_correlation(results):
    figure = metrics_figure(results._raw)
    wide = results.scores.pivot_table(index="trial", columns="metric", values="score")
    expected = wide["mig"].corr(-wide["error"], method="spearman")
    assert f"{expected:.2f}" in texts(figure)
    two = metrics_figure(results._raw[results._raw["metric"] != "modularity"])
    assert sum(len(line.get_xdata()) for line in two.axes[0].lines) == 6


def test_ranks_that_a_line_joins_are_no_further_apart_than_the_critical_difference(results):
    shown = " ".join(texts(ranks_figure(results._raw)))
    found = mean_ranks(results._raw)
    assert f"critical difference {found.critical_difference:.2f}, 3 tasks" in shown
    for name, rank in found.mean.items():
        assert name in shown
        assert f"{rank:.2f}" in shown


def test_a_profile_falls_from_all_runs_to_the_share_of_the_best(results):
    (panel,) = profiles_figure(results._raw, "mig").axes
    for line in panel.lines:
        shares = line.get_ydata()
        assert shares[0] == 1
        assert (np.diff(shares) <= 0).all()
    assert max(line.get_ydata()[-1] for line in panel.lines) >= 0.5


def test_a_trials_matrices_are_those_of_its_records(results):
    trial = results.best("mig")
    information = np.array(results.trial(trial.id).result.scores[0].details["mutual_information"])
    panel = trial.figure("matrices").axes[0]
    np.testing.assert_allclose(panel.images[0].get_array(), information, rtol=1e-3)
    assert [label.get_text() for label in panel.get_xticklabels()] == ["row", "column"]


def test_traversals_have_a_row_for_each_code(results):
    panels = results.figure("traversals", trial=results.trials[0].title).axes
    assert len(panels) == 2
    assert panels[0].images[0].get_array().shape == (8, 8 * 9, 3)


def test_the_command_writes_every_figure_in_each_format_and_the_same_twice(results, manager, tmp_path):
    plugin = ["--plugin", str(manager.files[0])]
    run = CliRunner().invoke(cli, ["figures", str(results.folder.path), "--output", str(tmp_path), *plugin])
    assert run.exit_code == 0, run.output
    assert len(list(tmp_path.glob("*.pdf"))) == 6
    for form in ("svg", "pdf", "png"):
        for place in ("a", "b"):
            save_figure(results.figure("leaderboard"), tmp_path / place / f"board.{form}")
        first, second = ((tmp_path / place / f"board.{form}").read_bytes() for place in ("a", "b"))
        assert first == second
    assert re.search(r"<text[^>]*>linear noise=0.0", (tmp_path / "a" / "board.svg").read_text())


def test_what_cannot_be_drawn_is_one_message(results, tmp_path, monkeypatch):
    with pytest.raises(UserError, match="there is no figure 'leader'; did you mean 'leaderboard'"):
        results.figure("leader")
    with pytest.raises(UserError, match="no trial has a score by the metric 'mgi'"):
        results.figure("profiles", metric="mgi")
    with pytest.raises(UserError, match="figures are written as svg, pdf, png"):
        save_figure(results.figure("profiles"), tmp_path / "a.jpg")
    with pytest.raises(UserError, match="there are no scores to draw"):
        leaderboard_figure(pd.DataFrame({"status": ["missing"]}))
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.setattr("harness.figures.paper.find_spec", lambda name: None)
    with pytest.raises(UserError, match=r"pip install '\.\[figures\]'"):
        results.figure("leaderboard")
