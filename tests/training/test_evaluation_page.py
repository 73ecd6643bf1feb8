"""The page of an evaluation, in a real browser."""

from __future__ import annotations

import pytest

from tokemb.training.evaluation import Evaluation
from tokemb.training.evaluation_page import write_page

pytest.importorskip("selenium", reason="selenium is not installed")
from selenium.webdriver.common.by import By  # noqa: E402
from selenium.webdriver.common.keys import Keys  # noqa: E402

pytestmark = pytest.mark.browser

HOSTILE = "<img src=x onerror=document.title='broken'>{{style}}"
LABELS = [f"a long label {i}" for i in range(9)] + [HOSTILE]
TITLE = "<b>A & B</b>"


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    path = tmp_path_factory.mktemp("page") / "evaluation.html"
    errors = [
        {"row": row, "text": f"{HOSTILE} " * 9, "label": LABELS[row], "prediction": LABELS[0], "probability": 0.99}
        for row in range(1, 10)
    ]
    evaluation = Evaluation(
        "classify",
        {"rows": 100, "accuracy": 0.91, "log_loss": 0.3, "roc_auc": None},
        classes=LABELS,
        confusion=[[9 if row == column else row % 2 for column in range(10)] for row in range(10)],
        bins=[[0.1, 0.5 + i / 20, 0.52 + i / 20] for i in range(10)],
        errors=errors,
        history={"loss": [2.0, 1.1, 0.6], "val_loss": [1.9, 1.2, 1.0]},
    )
    write_page(evaluation, path, TITLE)
    return path


@pytest.fixture
def page(chrome, path):
    chrome.get(path.as_uri())
    return chrome


def test_page_shows_everything_and_loads_nothing(page):
    assert page.title == f"Evaluation of {TITLE}"
    headings = [heading.text for heading in page.find_elements(By.TAG_NAME, "h2")]
    assert headings == ["Metrics", "Learning curves", "Calibration", "Confusion matrix", "Most confident errors"]
    assert len(page.find_elements(By.CSS_SELECTOR, "svg polyline")) == 2
    assert HOSTILE in page.find_element(By.TAG_NAME, "main").text
    assert page.find_elements(By.TAG_NAME, "img") == []
    assert page.get_log("browser") == []
    loaded = page.execute_script("return performance.getEntriesByType('resource').map(entry => entry.name)")
    assert loaded == []


def test_each_section_is_reached_with_the_tab_key(page):
    reached = []
    for _ in range(5):
        page.switch_to.active_element.send_keys(Keys.TAB)
        reached.append(page.switch_to.active_element.get_attribute("aria-label"))
    assert reached == ["Metrics", "Learning curves", "Calibration", "Confusion matrix", "Most confident errors"]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_and_background_contrast_in_both_colour_schemes(page, scheme):
    page.execute_cdp_cmd(
        "Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
    )
    page.refresh()
    colours = page.execute_script(
        "return [...document.querySelectorAll('body, td, th')].map(e => getComputedStyle(e))"
        ".map(s => [s.color, s.backgroundColor])"
    )
    assert len({background for _, background in colours}) > 3  # the shades of the confusion matrix
    behind = channels(colours[0][1])[:3]
    for text, background in colours:
        *front, opacity = channels(background)
        blended = [opacity * f + (1 - opacity) * b for f, b in zip(front, behind, strict=True)]
        assert contrast(channels(text)[:3], blended) >= 4.5


def channels(colour):
    """Return red, green, blue and opacity, each from 0 to 1."""
    values = [float(part) for part in colour[colour.index("(") + 1 : -1].split(",")]
    return [value / 255 for value in values[:3]] + (values[3:] or [1.0])


def contrast(first, second):
    """Return the contrast of two colours, as WCAG 2 defines it."""
    lighter, darker = sorted((luminance(first), luminance(second)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def luminance(colour):
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in colour]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_small_screen_scrolls_only_tables_sideways(page):
    size = {"width": 320, "height": 600, "deviceScaleFactor": 1, "mobile": True}
    page.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    try:
        page.refresh()
        assert page.execute_script("return document.documentElement.scrollWidth") <= 320
    finally:
        page.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
