"""Settings against each other on the page, in headless Chromium; run with `tox -e browser`."""

import re

import numpy as np
import pytest
from browsing import press, show, text, texts, violations
from click.testing import CliRunner

from harness.cli import cli
from harness.report.page import write_report
from harness.results.status import StudyStatus
from harness.suite.trial import Choice
from harness.summary.aggregate import mean_ranks, performance_profile
from harness.summary.leaderboard import leaderboard, score_table

pytestmark = pytest.mark.browser

METRICS = (Choice("spread"), Choice("error"))
STEPS = (10, 20, 40)


@pytest.fixture
def opened(browser, synthetic, registry, tmp_path):
    """The page of three settings after 10, 20 and 40 steps, of five seeds each, and their folder."""
    folder = synthetic(settings=3, seeds=5, steps=STEPS, metrics=METRICS)
    assert CliRunner().invoke(cli, ["compare", str(folder.path)]).exit_code == 0
    write_report([folder], tmp_path / "page.html", registry, which="none")
    driver = browser()
    driver.get((tmp_path / "page.html").as_uri())
    return driver, folder


def along(driver, selector, number):
    """What a chart tells of its first points, from left to right or from top to bottom."""
    driver.execute_script(f"document.querySelector('{selector}').focus()")
    found = []
    for _ in range(number):
        press(driver, "\ue014")
        found.append(text(driver, "#tip"))
    press(driver, "\ue00c")
    return found


def test_mean_ranks_have_a_mark_for_each_setting_and_bars_over_those_that_cannot_be_told_apart(opened):
    driver, folder = opened
    found = mean_ranks(score_table(StudyStatus.read(folder.suite, folder)))
    told = along(driver, "#comparisons .plot", len(found.mean))
    assert [line.partition("\n")[0] for line in told] == list(found.mean.index)
    ranks = [float(line.partition("mean rank ")[2]) for line in told]
    assert ranks == pytest.approx(found.mean.tolist(), abs=5e-3)
    bars = "return document.querySelectorAll('#comparisons path.alike').length"
    assert driver.execute_script(bars) == len(found.alike)
    assert f"critical difference of {found.critical_difference:.1f}"[:-2] in text(driver, "#comparisons figcaption")


def test_a_profile_tells_the_share_of_runs_at_least_as_good_as_a_score(opened):
    driver, folder = opened
    profile = performance_profile(score_table(StudyStatus.read(folder.suite, folder)), "spread")
    told = along(driver, "#comparisons .multiples .plot", 12)
    assert profile["threshold"].iloc[0] == pytest.approx(
        float(re.search(r"spread ([\d.]+):", told[0]).group(1)), abs=1e-3
    )
    shares = [float(line.rpartition(": ")[2]) for line in told]
    name = told[0].partition("\n")[0]
    assert shares[0] == profile[name].iloc[0] == 1
    assert (np.diff(shares) <= 0).all()
    assert shares[-1] == pytest.approx(profile[name].iloc[-1], abs=1e-3)


def test_differences_from_a_baseline_stand_with_their_intervals_and_in_words(opened):
    driver, _ = opened
    rows = texts(driver, "#comparisons tbody tr")
    assert len(rows) == (3 * len(STEPS) - 1) * 2
    assert all(re.search(r"\[−?[\d.]+, −?[\d.]+\]", row) for row in rows)
    assert all("seeds; " in row for row in rows)
    assert "linear noise=0.0 training.steps=10" in text(driver, "#comparisons summary")


def test_scores_stand_against_steps_with_the_intervals_of_their_means(opened):
    driver, folder = opened
    driver.get(f"{driver.current_url.partition('?')[0]}?setting=steps&score=spread")
    board = leaderboard(score_table(StudyStatus.read(folder.suite, folder)), folder.suite)
    board = board[board["metric"] == "spread"]
    assert text(driver, "#hyperparameters figcaption") == "spread against steps"
    # The ends of each bar, in the pixels of the chart, and of the ticks from which its scale follows.
    bars, ticks = driver.execute_script(
        "const plot = document.querySelector('#hyperparameters .plot');"
        "const numbers = (path) => path.getAttribute('d').match(/[-\\d.]+/g).map(Number);"
        "return [[...plot.querySelectorAll('path.bar')].map(numbers),"
        " [...plot.querySelectorAll('text[text-anchor=end]:not(.title)')].map((t) => ["
        "   Number(t.textContent.replace('−', '-')), Number(t.getAttribute('y')) - 4])]"
    )
    assert len(bars) == len(board) == 3 * len(STEPS)
    (one, y_one), (two, y_two) = ticks[0], ticks[-1]
    ends = [one + (y - y_one) * (two - one) / (y_two - y_one) for _, *ys in bars for y in ys]
    # An end beyond the chart stands at its edge.
    inside = [value for value in (*board["ci_low"], *board["ci_high"]) if min(ends) < value < max(ends)]
    assert len(inside) > 4
    assert all(min(abs(value - end) for end in ends) < 4e-3 for value in inside)
    legend = texts(driver, "#hyperparameters .legend li")
    assert legend == ["linear noise=0.0", "other noise=0.1", "linear noise=0.2"]


@pytest.mark.parametrize(("width", "look"), [(360, "light"), (1280, "dark")])
def test_comparisons_fit_every_window_and_pass_the_accessibility_checker(opened, width, look):
    driver, _ = opened
    show(driver, width, look)
    driver.refresh()
    assert driver.execute_script("return document.documentElement.scrollWidth") <= width
    assert violations(driver) == []
