"""Comparisons are the same numbers in Python, on the command line, in Parquet and on the page."""

import json
from dataclasses import replace

import pandas as pd
import pytest
from click.testing import CliRunner

import harness
from harness.cli import cli
from harness.report.page_comparisons import rankings
from harness.report.page_data import gather
from harness.results.result import Outcome
from harness.results.status import StudyStatus
from harness.suite.trial import Choice
from harness.summary.aggregate import mean_ranks
from harness.summary.leaderboard import score_table
from harness.summary.rounding import short

NUMBERS = ["difference", "low", "high", "bootstrap_low", "bootstrap_high", "improvement", "effect", "p", "p_holm"]


@pytest.fixture
def folder(synthetic):
    made = synthetic(settings=3, seeds=10)
    lost = made.trial(made.suite.trials[-1].id)
    lost.write_result(replace(lost.result, outcome=Outcome.DIVERGED, reason="too large", scores=()))
    return made


def printed(command, *arguments):
    found = CliRunner().invoke(cli, [command, *map(str, arguments), "--format", "json"])
    assert found.exit_code == 0, found.output
    return json.loads(found.stdout)


def test_a_comparison_is_the_same_from_python_the_command_line_parquet_and_the_page(folder):
    rows = printed("compare", folder.path)
    results = harness.Results(folder.path)
    table = results.compare(results.settings[0])
    stored = pd.read_parquet(folder.path / "comparisons.parquet")
    shown = gather([folder], [[]]).comparisons
    assert len(rows) == len(table) == len(stored) == len(shown) == 2 * 4
    for name in NUMBERS:
        expected = table[name].tolist()
        assert stored[name].tolist() == expected
        assert [row[name] for row in rows] == expected
        assert [row[name] for row in shown] == [short(value) for value in expected]
    for name in ("setting", "baseline", "sentence", "n"):
        expected = table[name].tolist()
        assert stored[name].tolist() == expected
        assert [row[name] for row in rows] == expected
        assert [row[name] for row in shown] == expected
    assert sum("without scores: 1 here" in row["sentence"] for row in shown) == 4


def test_a_leaderboard_is_the_same_from_python_the_command_line_parquet_and_the_page(folder):
    rows = printed("leaderboard", folder.path, "--rebuild")
    board = harness.Results(folder.path).leaderboard
    stored = pd.read_parquet(folder.path / "leaderboard.parquet")
    page = gather([folder], [[]])
    names = ["n", "failed", "mean", "std", "ci_low", "ci_high", "best"]
    assert len(rows) == len(page.board) == 12
    for row, python, parquet, shown in zip(
        rows, board.to_dict("records"), stored.to_dict("records"), page.board, strict=True
    ):
        expected = [python[name] for name in names]
        assert [parquet[name] for name in names] == [row[name] for name in names] == expected
        n, failed, mean, std, low, high, *_, best = shown[2:]
        assert [n, failed, mean, std, low, high, best] == [*expected[:2], *map(short, expected[2:6]), expected[6]]


def test_summaries_are_the_same_from_python_and_the_command_line(folder):
    results = harness.Results(folder.path)
    ranks = {row["setting"]: row["mean rank"] for row in printed("compare", folder.path, "--ranks")}
    assert ranks == results.mean_ranks().mean.to_dict()
    means = printed("compare", folder.path, "--iqm", "gap protocol=a")
    assert means == results.interquartile_means("gap protocol=a").to_dict("records")


def test_a_trials_scores_by_several_protocols_are_told_apart(folder):
    trial = harness.Results(folder.path).trials[0]
    assert list(trial.scores) == ["spread", "gap protocol=a", "gap protocol=b", "error"]
    assert list(trial.scores.values()) == [record.score for record in trial.records]


def test_a_comparison_of_earlier_results_is_not_shown(folder):
    printed("compare", folder.path)
    again = folder.trial(folder.suite.trials[0].id)
    again.write_result(replace(again.result, seconds=again.result.seconds + 1))
    assert not gather([folder], [[]]).comparisons


def test_ranks_are_those_of_the_table_and_count_what_failed(folder):
    (ranking,) = gather([folder], [[]]).rankings
    found = mean_ranks(score_table(StudyStatus.read(folder.suite, folder)))
    assert [(name, rank, failed) for name, _, rank, failed in ranking["settings"]] == [
        (name, short(rank), found.failed[name]) for name, rank in found.mean.items()
    ]
    assert [failed for *_, failed in sorted(ranking["settings"])] == [0, 4, 0]
    assert ranking["tasks"] == 4
    assert ranking["critical"] == short(found.critical_difference)
    assert ranking["alike"] == [[short(low), short(high)] for low, high in found.alike]


def test_datasets_of_one_name_and_other_settings_are_other_tasks(synthetic):
    folders = [synthetic(name=str(size), dataset=Choice("bars", {"size": size})) for size in (1.0, 2.0)]
    (ranking,) = gather(folders, [[], []]).rankings
    assert ranking["tasks"] == 8


def test_one_ranking_is_over_all_datasets_of_the_same_settings_and_other_studies_have_their_own(synthetic):
    def scores(name, **options):
        made = synthetic(name=name, title=name, **options)
        return name, score_table(StudyStatus.read(made.suite, made))

    one = scores("one")
    two = scores("two", dataset=Choice("digits", {}))
    (ranking,) = rankings([one, two])
    assert (ranking["title"], ranking["tasks"]) == ("", 8)
    other = scores("three", models=("else",), dataset=Choice("faces", {}))
    assert [each["title"] for each in rankings([one, other])] == ["one", "three"]
    assert rankings([scores("four", settings=1)]) == []
