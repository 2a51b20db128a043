"""The page on phones, tablets and desks, light, dark and on paper, and for those who cannot see it."""

import numpy as np
import pytest
from browsing import FORMS, SHEET, open_trial, show, text, violations

from harness.report.page import write_report
from harness.results.result import Outcome, Result
from harness.suite.trial import Choice

pytestmark = pytest.mark.browser

DETAILS = {"active_codes": [0, 2], "mutual_information": [[0.5, 0.1]] * 10}
"""Of ten codes and the two factors of the dataset."""

MANY = tuple(Choice("gap", {"protocol": f"number-{number}"}) for number in range(12))


@pytest.fixture
def wide(synthetic, registry, tmp_path):
    """The address of a page with 12 metrics, a failed trial, two versions of torch, and inactive codes."""
    folder = synthetic(settings=4, seeds=3, metrics=MANY, details=DETAILS, torch=("2.11", "2.12"))
    trial = folder.suite.trials[1]
    folder.trial(trial.id).write_result(Result(trial.id, Outcome.FAILED, reason="on purpose"))
    write_report([folder], tmp_path / "wide.html", registry, which="none")
    return (tmp_path / "wide.html").as_uri()


def assert_sound_in_every_form(driver):
    for width, look in FORMS:
        show(driver, width, look)
        assert driver.execute_script("return document.documentElement.scrollWidth") <= width, (width, look)
        assert violations(driver) == [], (width, look)


def test_a_wide_overview_fits_every_form_and_passes_the_accessibility_checker(browser, wide):
    driver = browser()
    driver.get(wide)
    assert_sound_in_every_form(driver)


def test_a_trial_fits_every_form_and_passes_the_accessibility_checker(browser, page):
    driver = browser()
    driver.get(page)
    open_trial(driver, "#trials tbody a")
    assert_sound_in_every_form(driver)


def test_the_accessibility_checker_sees_what_is_wrong(browser, page):
    driver = browser()
    driver.get(page)
    driver.execute_script(
        "document.querySelector('#search').closest('label').replaceWith(document.querySelector('#search'))"
    )
    driver.execute_script("document.querySelector('#search').placeholder = ''")
    assert any(found.startswith("label") for found in violations(driver))


CELLS = """
const linear = (v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
const light = (colour) => colour.match(/[\\d.]+/g).slice(0, 3).map((v) => linear(v / 255))
  .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
return [...document.querySelectorAll('.heat td')].filter((cell) => cell.textContent).map((cell) => {
  const style = getComputedStyle(cell);
  const [ink, paper] = [light(style.color), light(style.backgroundColor)];
  return [(Math.max(ink, paper) + 0.05) / (Math.min(ink, paper) + 0.05), style.backgroundColor];
});
"""


def test_every_number_in_a_heat_map_stands_out_from_its_cell(browser, synthetic, registry, tmp_path):
    shares = np.linspace(-1, 1, 200).reshape(20, 10).round(2).tolist()
    folder = synthetic(settings=1, seeds=1, details={"mutual_information": shares})
    write_report([folder], tmp_path / "heat.html", registry, which="none")
    driver = browser()
    driver.get((tmp_path / "heat.html").as_uri())
    open_trial(driver, "#trials tbody a")
    for look in ("light", "dark", "print"):
        show(driver, 1280, look)
        cells = driver.execute_script(CELLS)
        assert len(cells) == 200
        assert min(contrast for contrast, _ in cells) >= 4.5
        # From one end to the other no two steps look the same.
        assert len({colour for _, colour in cells}) > 190


def test_paper_shows_every_column_and_keeps_the_colours_that_carry_numbers(browser, wide):
    driver = browser()
    driver.get(wide)
    show(driver, SHEET, "print")
    right = (
        "return Math.max(...[...document.querySelectorAll(arguments[0])].map((e) => e.getBoundingClientRect().right))"
    )
    for cells in ("#leaderboard :is(th, td)", "#trials :is(th, td)", ".heat :is(th, td)"):
        assert driver.execute_script(right, cells) <= SHEET
    assert driver.execute_script("return document.querySelectorAll('#leaderboard thead th').length") == 13
    style = "return getComputedStyle(document.querySelector(arguments[0]))[arguments[1]]"
    assert driver.execute_script(style, "#leaderboard .scroll", "overflowX") == "visible"
    assert driver.execute_script(style, ".heat td", "printColorAdjust") == "exact"
    # A reader who prefers dark pages prints on white paper all the same.
    assert driver.execute_script(style, "body", "backgroundColor") == "rgb(255, 255, 255)"
    assert not driver.execute_script("return document.querySelector('.save').checkVisibility()")


def test_inactive_codes_are_told_from_the_others(browser, wide):
    driver = browser()
    driver.get(wide)
    open_trial(driver, "#trials tbody a")
    rows = driver.execute_script(
        "return [...document.querySelectorAll('#trial .heat tbody tr')].slice(0, 10).map((row) =>"
        " [row.children[0].innerText, getComputedStyle(row.children[1]).backgroundColor])"
    )
    assert len(rows) == 10
    plain = "rgba(0, 0, 0, 0)"
    for code, (_, colour) in enumerate(rows):
        assert (colour == plain) == (code not in (0, 2))


def test_a_reason_names_its_outcome_once_and_mixed_versions_are_marked(browser, wide, page):
    driver = browser()
    driver.get(wide)
    assert "failed: failed" not in driver.execute_script("return document.body.innerHTML")
    warning = text(driver, "#leaderboard .warning")
    assert "torch 2.11 (6 trials), 2.12 (5 trials)." in warning
    assert "torch 2.11 and 2.12" in text(driver, "#leaderboard tbody tr:nth-child(3)")
    assert text(driver, "#provenance .differences tbody").startswith("torch")
    open_trial(driver, "#failures .failure a")
    assert text(driver, "#trial .failure") == "failed: on purpose"
    assert "failed: failed" not in text(driver, "#trial")
    driver.get(page)
    assert text(driver, "#leaderboard .warning") is None
