"""The page of a report, used in a real browser."""

from __future__ import annotations

import pytest

import tokemb
from tokemb.pipeline.report_page import write_report

pytest.importorskip("selenium", reason="selenium is not installed")
from selenium.webdriver.common.by import By  # noqa: E402
from selenium.webdriver.common.keys import Keys  # noqa: E402

pytestmark = pytest.mark.browser

HOSTILE = [
    "</script><script>document.title='broken'</script>",
    "<img src=x onerror=document.title='broken'>",
    "{{style}}",
]
TITLE = "<b>A & B</b>"


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    texts = [["the", "film", f"w{i % 30}", *HOSTILE] for i in range(200)]
    path = tmp_path_factory.mktemp("page") / "report.html"
    result = tokemb.report(texts, on=[["other", HOSTILE[0]]] * 50)
    write_report(result, path, TITLE, commands=["tokemb fit-vocab 'a b.txt' -o a.vocab"])
    return path


@pytest.fixture
def page(chrome, path):
    chrome.get(path.as_uri())
    return chrome


def luminance(chrome):
    colour = chrome.execute_script("return getComputedStyle(document.body).backgroundColor")
    return sum(int(part) for part in colour.strip("rgb()").split(","))


def test_page_shows_everything_and_loads_nothing(page):
    assert page.title == TITLE
    assert page.find_element(By.TAG_NAME, "h1").text == TITLE
    headings = [heading.text for heading in page.find_elements(By.TAG_NAME, "h2")]
    assert headings[:4] == ["Drift", "Suggestions", "Vocabulary size", "Row length"]
    assert page.find_element(By.ID, "commands").text == "tokemb fit-vocab 'a b.txt' -o a.vocab"
    assert len(page.find_elements(By.TAG_NAME, "svg")) == 6
    assert HOSTILE[1] in page.find_element(By.TAG_NAME, "main").text
    assert page.find_elements(By.TAG_NAME, "img") == []
    assert page.get_log("browser") == []
    loaded = page.execute_script("return performance.getEntriesByType('resource').map(entry => entry.name)")
    assert [name for name in loaded if not name.startswith("data:")] == []


def test_arrow_keys_read_the_points_of_a_chart(page):
    chart = page.find_element(By.CSS_SELECTOR, "figure svg")
    output = page.find_element(By.CSS_SELECTOR, "figure output")
    chart.send_keys(Keys.ARROW_RIGHT)
    first = output.text
    assert first.startswith("max_size 1: tokens ")
    chart.send_keys(Keys.ARROW_RIGHT)
    assert output.text.startswith("max_size 2: ")
    chart.send_keys(Keys.END)
    assert "tokens 100.00%" in output.text
    chart.send_keys(Keys.HOME)
    assert output.text == first


def test_all_controls_are_reached_with_the_tab_key(page):
    names = []
    for _ in range(12):
        page.switch_to.active_element.send_keys(Keys.TAB)
        names.append(page.switch_to.active_element.tag_name)
    assert {"button", "summary", "pre", "svg"} <= set(names)


def test_summary_opens_the_table_with_the_keyboard(page):
    details = page.find_element(By.TAG_NAME, "details")
    assert details.get_attribute("open") is None
    details.find_element(By.TAG_NAME, "summary").send_keys(Keys.ENTER)
    assert details.get_attribute("open") is not None


def test_copy_button_copies_or_selects_the_commands(page):
    button = page.find_element(By.ID, "copy")
    button.send_keys(Keys.ENTER)
    page.execute_async_script("setTimeout(arguments[0], 200)")
    assert button.text in ("Copied", "Selected: press Ctrl+C")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_colours_follow_the_system_and_the_button(page, scheme):
    media = {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
    page.execute_cdp_cmd("Emulation.setEmulatedMedia", media)
    page.refresh()
    assert (luminance(page) < 300) == (scheme == "dark")
    page.find_element(By.ID, "theme").send_keys(Keys.ENTER)
    assert (luminance(page) < 300) == (scheme == "light")


def test_small_screen_scrolls_only_tables_sideways(page):
    size = {"width": 320, "height": 600, "deviceScaleFactor": 1, "mobile": True}
    page.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    try:
        page.refresh()
        for details in page.find_elements(By.TAG_NAME, "details"):
            page.execute_script("arguments[0].open = true", details)
        assert page.execute_script("return document.documentElement.scrollWidth") <= 320
    finally:
        page.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
