"""The page as a person uses it, in headless Chromium; run with `tox -e browser`."""

from dataclasses import replace

import pytest
from browsing import click, open_trial, press, text, texts

from harness.report.page import write_report
from harness.results.result import Outcome, Result

pytestmark = pytest.mark.browser

EVIL = "<script>alert(1)</script><img src=x onerror=alert(2)>"


def column(driver, metric):
    """The numbers of one column of the leaderboard, from top to bottom."""
    shown = driver.execute_script(
        "const heads = [...document.querySelectorAll('#leaderboard thead th')];"
        "const place = heads.findIndex((head) => head.innerText.startsWith(arguments[0]));"
        "return [...document.querySelectorAll('#leaderboard tbody tr')]"
        ".map((row) => row.children[place].querySelector('.number')?.innerText ?? null)",
        metric,
    )
    return [None if value is None else float(value.replace("−", "-")) for value in shown]


def test_the_leaderboard_sorts_the_best_on_top_and_keeps_failures_at_the_end(browser, page):
    driver = browser()
    driver.get(page)
    assert text(driver, "h1") == "Toys"
    assert not any(word in text(driver, "body") for word in ("[object", "undefined", "null", "NaN"))
    assert len(column(driver, "spread")) == 3
    for metric, downwards in (("spread", True), ("error", False)):
        button = f"#leaderboard thead th:nth-child({2 if metric == 'spread' else 3}) button"
        for reverse in (downwards, not downwards):
            click(driver, button)
            *numbers, last = column(driver, metric)
            assert last is None
            assert numbers == sorted(numbers, reverse=reverse)
            sort = "descending" if reverse else "ascending"
            assert driver.execute_script("return document.querySelector('#leaderboard [aria-sort]').ariaSort") == sort
    best = {float(number) for number in texts(driver, "#leaderboard td.best .number")}
    scored = [[value for value in column(driver, metric) if value is not None] for metric in ("spread", "error")]
    assert {max(scored[0]), min(scored[1])} <= best


def test_filters_act_on_every_section(browser, page):
    driver = browser()
    driver.get(page)
    assert len(texts(driver, "#trials tbody tr")) == 6
    click(driver, "#filters details:nth-of-type(2) summary")
    click(driver, "#filters details:nth-of-type(2) label:nth-of-type(2) input")
    assert texts(driver, "#filters details:nth-of-type(2) summary") == ["Model: 1 of 2"]
    assert len(texts(driver, "#trials tbody tr")) == 4
    assert len(texts(driver, "#leaderboard tbody tr")) == 2
    press(driver, "\ue00c")
    click(driver, "#filters details:nth-of-type(3) summary")
    click(driver, "#filters details:nth-of-type(3) label:nth-of-type(1) input")
    assert texts(driver, "#leaderboard thead th") == ["model", "error (less is better)"]
    click(driver, "#filters details:nth-of-type(3) button")
    assert len(texts(driver, "#leaderboard thead th")) == 3


def test_trials_are_found_by_words(browser, page):
    from selenium.webdriver.common.by import By

    driver = browser()
    driver.get(page)
    driver.find_element(By.ID, "search").send_keys("size=3 seed=1")
    assert texts(driver, "#trials tbody th") == ["linear size=3 seed=1"]
    driver.find_element(By.ID, "search").send_keys("0")
    assert "No trial fits" in text(driver, "#trials .body")


def test_a_trial_opens_with_its_pictures_scores_and_losses_and_closes_again(browser, page):
    from selenium.webdriver.support.ui import WebDriverWait

    driver = browser()
    driver.get(page)
    open_trial(driver, "#trials tbody tr:nth-child(3) a")
    assert text(driver, "#trial h1") == "linear size=3 seed=0"
    assert driver.title == "linear size=3 seed=0 – Toys – harness report"
    assert driver.execute_script("return document.activeElement === document.querySelector('#trial h1')")
    assert not driver.execute_script("return document.querySelector('#overview').checkVisibility()")
    assert "[object" not in text(driver, "#trial")
    headings = texts(driver, "#trial h2")
    assert headings == ["Samples", "Traversals", "Reconstructions", "Scores", "Losses", "Hyperparameters", "Provenance"]
    assert [row.split()[0] for row in texts(driver, "#trial table.wide tbody tr")] == ["spread", "error"]
    assert "autoencoder/error" in texts(driver, "#trial figcaption")
    loaded = (
        "return [...document.querySelectorAll('#trial img')].every((image) => image.complete && image.naturalWidth)"
    )
    assert driver.execute_script(
        "document.querySelectorAll('#trial img').forEach((i) => { i.loading = 'eager'; }); " + loaded
    )
    click(driver, "#trial .crumbs a")
    WebDriverWait(driver, 10).until(lambda driver: text(driver, "#trial") == "")
    assert driver.execute_script("return document.querySelector('#overview').checkVisibility()")
    assert driver.execute_script("return document.activeElement.innerText") == "linear size=3 seed=0"


def test_a_traversal_plays_pauses_and_follows_the_slider(browser, page):
    from selenium.webdriver.support.ui import WebDriverWait

    driver = browser()
    driver.get(page)
    open_trial(driver, "#trials tbody tr:nth-child(1) a")
    steps = "return [...document.querySelectorAll('.walks canvas')].map((canvas) => Number(canvas.dataset.step))"
    pixels = (
        "return [...document.querySelectorAll('.walks canvas')].map((canvas) => "
        "[...canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data].join())"
    )
    wait = WebDriverWait(driver, 10)
    wait.until(lambda d: d.execute_script(steps) == [0, 0])
    # Read from the canvas, which a file's picture would have locked: these are in the page.
    before = driver.execute_script(pixels)
    click(driver, ".player button")
    assert text(driver, ".player button") == "Pause"
    seen = set()
    wait.until(lambda d: seen.add(tuple(d.execute_script(steps))) or len(seen) >= 3)
    click(driver, ".player button")
    assert text(driver, ".player button") == "Play"
    driver.execute_script("document.querySelector('.player input').focus()")
    press(driver, "\ue010")
    assert driver.execute_script(steps) == [8, 8]
    assert texts(driver, ".walks .value") == ["2.00", "2.00"]
    after = driver.execute_script(pixels)
    assert all(one != other for one, other in zip(before, after, strict=True))
    press(driver, "\ue011")
    assert driver.execute_script(pixels) == before


def test_a_chart_is_read_by_keyboard(browser, page):
    from selenium.webdriver.support.ui import WebDriverWait

    driver = browser()
    driver.get(page)
    driver.execute_script("document.querySelector('#metrics .plot').focus()")
    press(driver, "\ue014")
    tip = text(driver, "#tip")
    assert tip.startswith("linear size=")
    press(driver, "\ue014")
    assert text(driver, "#tip") != tip
    title = text(driver, "#tip").splitlines()[0]
    press(driver, "\ue007")
    WebDriverWait(driver, 10).until(lambda driver: text(driver, "#trial h1") == title)


def test_every_control_is_reached_by_the_tab_key(browser, page):
    driver = browser()
    driver.get(page)
    everything = driver.execute_script(
        "return [...document.querySelectorAll('#overview :is(a, button, select, input, summary)')]"
        ".filter((element) => element.checkVisibility() && !element.hidden).length"
    )
    reached = set()
    for _ in range(everything + 40):
        press(driver, "\ue004")
        reached.add(
            driver.execute_script(
                "const element = document.activeElement; element.dataset.reached ??= String(Math.random());"
                "const control = element.matches('#overview :is(a, button, select, input, summary)');"
                "return control ? element.dataset.reached : ''"
            )
        )
    assert len(reached - {""}) == everything


def test_failed_trials_stand_with_their_reasons(browser, page):
    driver = browser()
    driver.get(page)
    failures = texts(driver, "#failures .failure")
    assert len(failures) == 2
    assert all("ZeroDivisionError: on purpose" in failure for failure in failures)
    open_trial(driver, "#failures .failure a")
    assert "ZeroDivisionError" in text(driver, "#trial .failure")
    assert "[object" not in text(driver, "#trial")
    click(driver, "#trial details summary")
    assert 'raise ZeroDivisionError("on purpose")' in text(driver, "#trial pre")


def test_selectors_are_compared(browser, page):
    driver = browser()
    driver.get(page)
    assert texts(driver, "#selectors figcaption") == ["spread", "error (less is better)"]
    rows = texts(driver, "#selectors details[open] tbody tr")
    assert len(rows) == 2
    assert all(row.startswith("alike") and "linear size=" in row for row in rows)
    click(driver, "#selectors .body > details:not([open]) > summary")
    differences = [row for row in texts(driver, "#selectors tbody tr") if "(random choice)" in row]
    assert len(differences) == 2
    assert all(row.startswith("alike") for row in differences)


@pytest.mark.parametrize("width", [360, 390, 768])
def test_nothing_is_wider_than_a_phone(browser, page, width):
    driver = browser(width, 800)
    driver.get(page)
    scroll = "return document.documentElement.scrollWidth"
    assert driver.execute_script(scroll) <= width
    open_trial(driver, "#trials tbody a")
    assert driver.execute_script(scroll) <= width


CONTRAST = """
const parse = (colour) => colour.match(/[\\d.]+/g).slice(0, 3).map(Number);
const light = (rgb) => rgb.map((v) => v / 255).map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4))
  .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
const paper = light(parse(getComputedStyle(document.body).backgroundColor));
const low = [];
const wanted = 'h1, h2, p, a, th, td, button, select, label, figcaption, dt, dd, .plot text';
for (const element of document.querySelectorAll(wanted)) {
  const elsewhere = element.closest('.heat, .empty, #tip, .unseen');
  if (!element.checkVisibility() || elsewhere || !element.textContent.trim()) continue;
  const style = getComputedStyle(element);
  const ink = light(parse(element.closest('.plot') ? style.fill : style.color));
  const ratio = (Math.max(ink, paper) + 0.05) / (Math.min(ink, paper) + 0.05);
  if (ratio < 4.5) low.push(`${element.tagName} ${element.textContent.slice(0, 30)} ${ratio.toFixed(2)}`);
}
return [paper, low];
"""


@pytest.mark.parametrize("dark", [False, True])
def test_text_stands_out_in_light_and_dark(browser, page, dark):
    driver = browser(dark=dark)
    driver.get(page)
    paper, low = driver.execute_script(CONTRAST)
    assert (paper < 0.1) == dark
    assert low == []


def test_names_stay_text(browser, synthetic, registry, tmp_path):
    from selenium.common.exceptions import NoAlertPresentException

    folder = synthetic(models=(EVIL, "plain"), title=EVIL, steps=3)
    trial = folder.suite.trials[0]
    folder.trial(trial.id).write_result(Result(trial.id, Outcome.FAILED, reason=EVIL, traceback=EVIL))
    write_report([folder], tmp_path / "evil.html", registry, which="none")
    driver = browser()
    driver.get((tmp_path / "evil.html").as_uri())
    assert text(driver, "h1") == EVIL
    assert EVIL in text(driver, "#leaderboard tbody")
    open_trial(driver, "#failures .failure a")
    assert text(driver, "#trial h1").startswith(EVIL)
    assert driver.execute_script("return document.querySelectorAll('img, script:not([type]) ~ script').length") == 0
    with pytest.raises(NoAlertPresentException):
        _ = driver.switch_to.alert


def test_an_empty_study_says_what_is_missing(browser, synthetic, registry, tmp_path):
    folder = synthetic(settings=1, seeds=1)
    suite = folder.suite
    folder.write_suite(replace(suite, metrics=()))
    folder.trial(suite.trials[0].id).result_file.unlink()
    folder.trial(suite.trials[0].id).history.unlink()
    write_report([folder], tmp_path / "empty.html", registry)
    driver = browser()
    driver.get((tmp_path / "empty.html").as_uri())
    assert "names no metrics" in text(driver, "#leaderboard .empty")
    for section in ("metrics", "hyperparameters", "curves", "selectors", "failures", "provenance"):
        assert text(driver, f"#{section} .empty"), section
    assert "1 trial not done yet" in text(driver, "#failures .body")
    open_trial(driver, "#trials tbody a")
    assert "No losses were recorded" in text(driver, "#trial")


def test_pictures_beside_the_page_are_shown(browser, study, registry, tmp_path, monkeypatch):
    from selenium.webdriver.support.ui import WebDriverWait

    monkeypatch.setattr("harness.report.picture_store.MOST_BYTES", 10)
    monkeypatch.setattr("harness.report.picture_store.Album.sources.__defaults__", (10,))
    write_report([study], tmp_path / "big.html", registry)
    assert list((tmp_path / "big-pictures").glob("*.webp"))
    driver = browser()
    driver.get((tmp_path / "big.html").as_uri())
    open_trial(driver, "#trials tbody a")
    WebDriverWait(driver, 10).until(
        lambda d: d.execute_script("return document.querySelector('#trial img')?.naturalWidth") == 80
    )
    WebDriverWait(driver, 10).until(
        lambda d: d.execute_script("return document.querySelector('.walks canvas').dataset.step") == "0"
    )


def test_two_thousand_trials_fit_and_open(browser, synthetic, registry, tmp_path):
    folder = synthetic(settings=400, seeds=5, steps=100, models=tuple(f"model {n}" for n in range(8)))
    size = write_report([folder], tmp_path / "large.html", registry, which="none").size
    assert size < 20e6
    driver = browser()
    driver.get((tmp_path / "large.html").as_uri())
    seconds = driver.execute_script("return performance.getEntriesByType('navigation')[0].loadEventEnd / 1000")
    print(f"{size / 1e6:.1f} MB, open after {seconds:.2f} s")
    assert text(driver, "#standfirst").startswith("2,000 trials of 400 settings")
    assert len(texts(driver, "#leaderboard tbody tr")) == 40
    click(driver, "#leaderboard .body > button")
    assert len(texts(driver, "#leaderboard tbody tr")) == 400
