import json
import shutil

import pytest
from browsing import show

from harness.report.page import write_report

FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
NAMES = ("chromium", "chromium-browser", "google-chrome")


@pytest.fixture
def browser(tmp_path):
    """Opens Chromium with a window of so many pixels; every test ends by asking it for complaints."""
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    binary = next(filter(None, map(shutil.which, NAMES)), None)
    driver_path = shutil.which("chromedriver")
    assert binary, f"none of {', '.join(NAMES)} is installed"
    assert driver_path, "chromedriver is not installed"
    drivers = []

    def open_browser(width=1280, height=900, *, dark=False):
        options = webdriver.ChromeOptions()
        options.binary_location = binary
        for flag in (
            *FLAGS,
            f"--user-data-dir={tmp_path / f'profile-{len(drivers)}'}",
            f"--window-size={width},{height}",
        ):
            options.add_argument(flag)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
        driver = webdriver.Chrome(options=options, service=Service(driver_path))
        driver.set_script_timeout(120)
        drivers.append(driver)
        show(driver, width, "dark" if dark else "light")
        return driver

    yield open_browser
    complaints = [
        entry
        for driver in drivers
        for entry in driver.get_log("browser")
        if entry["source"] != "rendering"  # Advice on reading canvases, which only these tests do.
    ]
    requests = [
        message["params"]["request"]["url"]
        for driver in drivers
        for entry in driver.get_log("performance")
        if (message := json.loads(entry["message"])["message"])["method"] == "Network.requestWillBeSent"
    ]
    for driver in drivers:
        driver.quit()
    assert complaints == []
    # chrome: is the empty page that the browser starts with.
    assert {url.partition(":")[0] for url in requests} <= {"file", "data", "chrome"}


@pytest.fixture
def page(study, registry, tmp_path):
    """The address of the study's page."""
    write_report([study], tmp_path / "report.html", registry)
    return (tmp_path / "report.html").as_uri()
