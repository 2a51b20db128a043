"""What a reader does with the page: choose, come back, read values off, take figures and tables along."""

import time
from xml.etree import ElementTree

import pytest
from browsing import click, open_trial, press, show, text, texts

from harness.report.page import write_report

pytestmark = pytest.mark.browser

SVG = "{http://www.w3.org/2000/svg}"


def state(driver):
    """What is chosen on the page."""
    return driver.execute_script(
        "return { query: location.search,"
        " filters: [...document.querySelectorAll('#filters summary')].map((e) => e.innerText),"
        " sort: document.querySelector('#leaderboard [aria-sort]')?.ariaSort,"
        " rows: [...document.querySelectorAll('#leaderboard tbody th')].map((e) => e.innerText),"
        " chosen: [...document.querySelectorAll('select')].map((e) => e.value),"
        " trials: [...document.querySelectorAll('#trials tbody th')].map((e) => e.innerText) }"
    )


def test_filters_sorting_and_choices_are_kept_by_the_address_until_they_are_reset(browser, page):
    from selenium.webdriver.common.by import By
    from selenium.webdriver.support.ui import Select, WebDriverWait

    driver = browser()
    driver.get(page)
    fresh = state(driver)
    assert not driver.execute_script("return document.querySelector('#reset').checkVisibility()")
    click(driver, "#leaderboard thead th:nth-child(3) button")
    click(driver, "#leaderboard thead th:nth-child(3) button")
    click(driver, "#filters details:nth-of-type(2) summary")
    click(driver, "#filters details:nth-of-type(2) label:nth-of-type(2) input")
    press(driver, "\ue00c")
    driver.find_element(By.ID, "search").send_keys("seed=1")
    Select(
        driver.find_element(By.CSS_SELECTOR, "#hyperparameters .controls label:nth-of-type(2) select")
    ).select_by_index(1)
    chosen = state(driver)
    assert chosen["sort"] == "descending"
    assert "Model: 1 of 2" in chosen["filters"]
    assert len(chosen["trials"]) == 2
    assert chosen != fresh
    driver.refresh()
    assert state(driver) == chosen
    open_trial(driver, "#trials tbody a")
    driver.back()
    driver.refresh()
    assert state(driver) == chosen
    driver.execute_script("scrollTo(0, 0)")
    click(driver, "#reset")
    WebDriverWait(driver, 10).until(lambda driver: state(driver)["query"] == "")
    assert state(driver) == fresh


def test_an_address_that_names_what_is_not_there_shows_everything_else(browser, page):
    driver = browser()
    driver.get(page)
    fresh = state(driver)
    driver.get(f"{page}?sort=gone&order=up&x=%3Cscript%3E&pool=9&score=&setting=none&curves=")
    assert {**state(driver), "query": ""} == fresh


def test_a_learning_curve_names_its_axes_and_tells_values_under_the_pointer_and_by_keys(
    browser, synthetic, registry, tmp_path
):
    from selenium.webdriver.common.action_chains import ActionChains
    from selenium.webdriver.common.by import By

    folder = synthetic(settings=3, seeds=2, steps=30)
    write_report([folder], tmp_path / "curves.html", registry, which="none")
    driver = browser()
    driver.get((tmp_path / "curves.html").as_uri())
    axes = driver.execute_script(
        "return [...document.querySelectorAll('#curves .plot')].map((plot) =>"
        " [...plot.querySelectorAll('text.title')].map((e) => e.textContent))"
    )
    assert [x for x, _ in axes] == ["training step →"] * 3
    assert axes[0][1] == "↑ loss, logarithmic"
    assert [y.partition(",")[0] for _, y in axes] == ["↑ loss", "↑ loss", "↑ images per second"]
    plot = driver.find_element(By.CSS_SELECTOR, "#curves .plot")
    driver.execute_script("arguments[0].scrollIntoView({ block: 'center' })", plot)
    ActionChains(driver).move_to_element(plot).perform()
    title, value = text(driver, "#tip").splitlines()
    assert title.startswith("linear noise=")
    step = int(value.removeprefix("training step ").partition(":")[0])
    assert float(value.partition(": ")[2]) == pytest.approx(1 / step, abs=1e-3)
    # Along the line by one step, and across to another line at the same step.
    press(driver, "\ue00c")
    driver.execute_script("document.querySelector('#curves .plot').focus()")
    press(driver, "\ue011")
    press(driver, "\ue014")
    first, second = text(driver, "#tip").splitlines()
    assert second == "training step 2: 0.500"
    press(driver, "\ue015")
    other, second = text(driver, "#tip").splitlines()
    assert other != first
    assert second == "training step 2: 0.500"


def test_an_interval_that_leaves_its_cell_says_so(browser, synthetic, registry, tmp_path):
    # Seeds that agree have no interval to speak of; those that do not have one far wider than the column's means.
    scores = {"spread": lambda setting, seed: 0.1 * setting, "error": lambda setting, seed: 0.1 * setting + seed}
    folder = synthetic(
        settings=3, seeds=2, score=lambda m, setting, seed: scores.get(m, scores["spread"])(setting, seed)
    )
    write_report([folder], tmp_path / "intervals.html", registry, which="none")
    driver = browser()
    driver.get((tmp_path / "intervals.html").as_uri())
    signs = "return [...document.querySelectorAll(arguments[0])].map((cell) => cell.querySelectorAll('.beyond').length)"
    assert driver.execute_script(signs, "#leaderboard tbody td:nth-child(2)") == [0, 0, 0]
    assert driver.execute_script(signs, "#leaderboard tbody td:nth-child(5)") == [2, 2, 2]


def saved(driver, selector, folder):
    """The SVG that a button saves."""
    params = {"behavior": "allow", "downloadPath": str(folder)}
    driver.execute_cdp_cmd("Browser.setDownloadBehavior", params)
    before = set(folder.glob("*.svg"))
    driver.execute_script("document.querySelector(arguments[0]).click()", selector)
    for _ in range(100):
        if found := set(folder.glob("*.svg")) - before:
            return found.pop()
        time.sleep(0.1)
    raise AssertionError("nothing was saved")


def test_figures_are_saved_as_svg_that_needs_no_style_sheet(browser, page, tmp_path):
    driver = browser(dark=True)
    driver.get(page)
    for section, words in (
        ("metrics", {"spread →", "↑ error", "linear"}),
        ("curves", {"training step →", "linear size=2"}),
        ("metrics .pair > figure", {"spread", "error"}),
    ):
        file = saved(driver, f"#{section} .save", tmp_path)
        content = file.read_text("utf-8")
        root = ElementTree.fromstring(content)
        assert root.tag == f"{SVG}svg"
        assert {element.text for element in root.iter(f"{SVG}text")} >= words
        assert not any(word in content for word in ("var(", "light-dark", "class=", "NaN"))
        # The light page's colours, whatever the reader's screen shows.
        assert root.find(f"{SVG}rect").get("fill") == "rgb(255, 253, 250)"
    show(driver, 1280, "dark")
    assert driver.execute_script("return getComputedStyle(document.body).backgroundColor") == "rgb(21, 22, 26)"


def test_tables_are_copied_whole_for_a_spreadsheet_markdown_and_latex(browser, synthetic, registry, tmp_path):
    folder = synthetic(
        settings=50, seeds=2, models=("=cmd", "a_b|c"), score=lambda m, setting, seed: setting / 100 + seed / 1000
    )
    write_report([folder], tmp_path / "copy.html", registry, which="none")
    driver = browser()
    driver.get((tmp_path / "copy.html").as_uri())
    permissions = {"permissions": ["clipboardReadWrite", "clipboardSanitizedWrite"]}
    driver.execute_cdp_cmd("Browser.grantPermissions", permissions)
    assert len(texts(driver, "#leaderboard tbody tr")) == 40

    def copy(number):
        click(driver, "#leaderboard .copy summary")
        click(driver, f"#leaderboard .copy button:nth-of-type({number})")
        script = "const done = arguments[0]; setTimeout(() => navigator.clipboard.readText().then(done), 200);"
        return driver.execute_async_script(script).splitlines()

    tabbed = [line.split("\t") for line in copy(1)]
    assert tabbed[0][:3] == ["model", "spread", "spread, std"]
    assert len(tabbed) == 51
    assert {len(line) for line in tabbed} == {9}
    # A spreadsheet must not take a name for a formula.
    assert tabbed[1][0] == "'=cmd noise=0.0"
    assert [float(value) for value in tabbed[3][1:3]] == pytest.approx([0.0205, 0.000707], abs=1e-3)
    markdown = copy(2)
    assert markdown[1] == "| --- | --- | --- | --- | --- |"
    assert markdown[3].startswith("| a_b\\|c noise=0.1 | 0.011 ± ")
    latex = copy(3)
    assert latex[0] == "\\begin{tabular}{lrrrr}"
    assert latex[5].startswith("  a\\_b|c noise=0.1 & $0.011 \\pm ")
    assert sum("\\textbf" in line for line in latex) >= 1
    assert text(driver, "#said") in ("Copied", "")
