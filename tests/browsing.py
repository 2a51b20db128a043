"""What tests do with a page in the browser."""

from importlib.resources import files

FORMS = [(width, look) for width in (390, 768, 1280) for look in ("light", "dark", "print")]
"""Widths in pixels, and the light page, the dark one, and paper."""

SHEET = 1031
"""Pixels across a sheet of A4 in landscape within its margins."""


def show(driver, width, look="light"):
    """Give the window a width and the page a look."""
    metrics = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    features = [{"name": "prefers-color-scheme", "value": "light" if look == "light" else "dark"}]
    # A page that scrolls smoothly moves under the pointer.
    features += [{"name": "prefers-reduced-motion", "value": "reduce"}]
    media = {"media": "print" if look == "print" else "screen", "features": features}
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", media)


def violations(driver):
    """What axe-core finds wrong with the page as it is shown now: rules, each with an element that breaks it."""
    driver.execute_script((files("axe_core_python") / "axe.min.js").read_text("utf-8"))
    return driver.execute_async_script(
        "const done = arguments[arguments.length - 1];"
        "axe.run(document, { resultTypes: ['violations'] }).then((found) => done("
        "  found.violations.map((rule) => `${rule.id}: ${rule.nodes[0].html}`)));"
    )


def text(driver, selector):
    return driver.execute_script("return document.querySelector(arguments[0])?.innerText ?? null", selector)


def texts(driver, selector):
    return driver.execute_script(
        "return [...document.querySelectorAll(arguments[0])].map((element) => element.innerText)", selector
    )


def click(driver, selector):
    from selenium.webdriver.common.by import By

    driver.find_element(By.CSS_SELECTOR, selector).click()


def open_trial(driver, selector):
    """Follow a link to a trial and wait for its page."""
    from selenium.webdriver.support.ui import WebDriverWait

    click(driver, selector)
    WebDriverWait(driver, 10).until(lambda driver: text(driver, "#trial h1"))


def press(driver, *keys):
    from selenium.webdriver.common.action_chains import ActionChains

    ActionChains(driver).send_keys(*keys).perform()
