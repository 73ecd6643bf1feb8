"""The page of a map, used in a real browser."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest

from tokemb.analysis import TokenVectors, WordMap, neighbors, word_map, write_html
from tokemb.vocabulary.escape_token import escape_token

pytest.importorskip("selenium", reason="selenium is not installed")
from selenium.webdriver import ActionChains  # noqa: E402
from selenium.webdriver.common.actions.wheel_input import ScrollOrigin  # noqa: E402
from selenium.webdriver.common.by import By  # noqa: E402
from selenium.webdriver.common.keys import Keys  # noqa: E402

pytestmark = pytest.mark.browser

HOSTILE = [
    "</script><script>document.title='broken in'</script>",
    "<!--<script>",
    "<img src=x onerror=document.title='broken_in'>",
    "\"'`${1}\\",
    "{{data}}",
    "&lt;b&gt;",
    "a\u2028b\u2029c",
    "\u202eevil\u200f",
    "tab\tnewline\n",
    "]]>\0",
    "__proto__",
    "constructor",
]
WORDS = ["apple", "apples", "pear", "pineapple", "مرحبا", "林檎", "🍎"]

COUNT_ORANGE = """
const [x, y, reach] = arguments, size = 2 * reach + 1;
const pen = document.getElementById("map").getContext("2d");
const pixels = pen.getImageData(x - reach, y - reach, size, size).data;
let count = 0;
for (let i = 0; i < pixels.length; i += 4) count += pixels[i + 3] > 200 && pixels[i] > pixels[i + 2] + 80;
return count;
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Vectors, their map and its page: words, hostile tokens, and others that fill the map."""
    tokens = [*WORDS, *HOSTILE, *(f"w{number}" for number in range(60))]
    matrix = np.random.default_rng(0).normal(size=(len(tokens), 5)).astype(np.float32)
    counts = np.arange(len(tokens), 0, -1) * 1000
    vectors = TokenVectors(tokens, matrix, np.ones(len(tokens), np.bool_), counts)
    drawn = word_map(vectors, method="pca")
    path = tmp_path_factory.mktemp("page") / "map.html"
    write_html(drawn, path, "<b>A & B</b>")
    return vectors, drawn, path


@pytest.fixture
def page(chrome, made):
    chrome.get(made[2].as_uri())
    return Page(chrome)


class Page:
    def __init__(self, chrome):
        self.chrome = chrome

    def __getitem__(self, name):
        return self.chrome.find_element(By.ID, name)

    def texts(self, selector):
        return [element.text for element in self.chrome.find_elements(By.CSS_SELECTOR, selector)]

    def paint(self):
        """Wait for the next frame to be painted."""
        self.chrome.execute_async_script("requestAnimationFrame(() => requestAnimationFrame(arguments[0]))")

    def search(self, text, *keys):
        self["search"].clear()
        self["search"].click()
        self.chrome.execute_cdp_cmd("Input.insertText", {"text": text})  # send_keys has no emoji
        self["search"].send_keys(*keys)
        self.paint()

    def middle(self):
        """Where a token is that was just searched for: in the middle of what the panel leaves free."""
        panel = self["panel"].rect
        size = self.chrome.execute_script("return [innerWidth, innerHeight]")
        left = panel["x"] + panel["width"]
        return round(left + (size[0] - left) / 2), round(size[1] / 2)

    def mouse(self, x, y):
        actions = ActionChains(self.chrome, duration=0)
        actions.w3c_actions.pointer_action.move_to_location(x, y)
        return actions

    def hovered(self, x, y):
        self.mouse(2, 2).perform()
        self.mouse(x, y).perform()
        self.paint()
        return " ".join(filter(None, self.texts("#hover *"))) or None

    def said(self):
        """What the browser complained of since the last time, but that these tests read pixels often."""
        return [entry for entry in self.chrome.get_log("browser") if entry["source"] != "rendering"]

    def zoom(self):
        return float(self["zoom"].text.rstrip("×"))

    def colored(self, x, y, reach=9):
        """How many pixels around a place are orange."""
        return self.chrome.execute_script(COUNT_ORANGE, x, y, reach)


def test_it_loads_nothing_and_says_nothing(chrome, made):
    chrome.get("data:,")
    for kind in ("performance", "browser"):
        chrome.get_log(kind)  # what was before is gone then
    chrome.get(made[2].as_uri())
    page = Page(chrome)
    page.search("apple", Keys.ENTER)
    page["theme"].click()
    page.paint()
    messages = [json.loads(entry["message"])["message"] for entry in chrome.get_log("performance")]
    asked = [m["params"]["request"]["url"] for m in messages if m["method"] == "Network.requestWillBeSent"]
    assert [url for url in asked if url != "data:,"] == [made[2].as_uri()]
    assert page.said() == []
    assert chrome.execute_script("return performance.getEntriesByType('resource').length") == 0
    # Its own policy forbids it, whatever a script might want.
    refused = chrome.execute_async_script(
        "document.addEventListener('securitypolicyviolation', e => arguments[0](e.effectiveDirective));"
        "fetch('http://127.0.0.1:9/').catch(() => {})"
    )
    assert refused == "connect-src"
    chrome.get_log("browser")


def test_the_title_and_what_is_said_of_the_map(page):
    assert page.chrome.title == "<b>A & B</b>"
    assert page.texts("h1") == ["<b>A & B</b>"]
    assert page["about"].text == "79 tokens, PCA of their vectors"


def test_search_click_and_neighbours(page, made):
    vectors, _, _ = made
    page.search("APPLE")
    assert page.texts("#matches bdi") == ["apple", "apples", "pineapple"]
    assert page["search"].get_attribute("aria-expanded") == "true"
    page["search"].send_keys(Keys.ARROW_DOWN, Keys.ARROW_DOWN)
    assert page["search"].get_attribute("aria-activedescendant") == "match2"
    page["search"].send_keys(Keys.ARROW_UP, Keys.ENTER)
    page.paint()
    (found,) = neighbors(vectors, None, ["apples"])
    assert page["word"].text == "apples"
    assert page["count"].text == "78,000 times"
    assert page.texts("#near bdi") == [escape_token(near.token) for near in found.neighbors]
    assert page.texts("#near span") == [f"{near.similarity:.3f}" for near in found.neighbors]
    assert not page["matches"].is_displayed()
    assert page.colored(*page.middle()) > 20
    page.chrome.find_element(By.CSS_SELECTOR, "#near li:nth-child(2) button").click()
    assert page["word"].text == escape_token(found.neighbors[1].token)
    page["close"].click()
    page.paint()
    assert not page["selected"].is_displayed()
    assert page.colored(*page.middle()) == 0
    page.search("no such thing", Keys.ENTER)
    assert page.texts("#matches li") == ["No such token on this map"]


def test_neighbours_are_highlighted_where_they_are(page, made):
    _, drawn, _ = made
    point = drawn.tokens.index("pear")
    page.search("pear", Keys.ENTER)
    x, y = page.middle()
    assert page.colored(x, y) > 20
    free = 2 * (page.chrome.execute_script("return innerWidth") - x), 2 * y
    scale = page.zoom() * (min(free) - 96)
    seen = 0
    for near in drawn.near[point]:
        to_x, to_y = (drawn.positions[near] - drawn.positions[point]) * scale * [1, -1]
        if abs(to_x) < free[0] / 2 - 20 and abs(to_y) < free[1] / 2 - 60:
            seen += 1
            assert page.hovered(round(x + to_x), round(y + to_y)).startswith(escape_token(drawn.tokens[near]))
            page.mouse(2, 2).perform()
            page.paint()
            assert page.colored(round(x + to_x), round(y + to_y)) > 10
    assert seen >= 3


def test_hover_click_wheel_and_drag(page):
    page.search("pear", Keys.ENTER, Keys.ESCAPE)
    page.paint()
    x, y = page.middle()
    assert not page["selected"].is_displayed()
    assert page.hovered(x, y) == "pear 77,000 times"
    page.mouse(x, y).click().perform()
    assert page["word"].text == "pear"
    # The wheel zooms about the place of the mouse.
    before = page.zoom()
    origin = ScrollOrigin.from_viewport(x, y)
    ActionChains(page.chrome).scroll_from_origin(origin, 0, -400).perform()
    page.paint()
    assert page.zoom() > 1.4 * before
    assert page.hovered(x, y) == "pear 77,000 times"
    ActionChains(page.chrome).scroll_from_origin(origin, 0, 400).perform()
    page.paint()
    assert page.zoom() == pytest.approx(before, rel=0.06)
    # Dragging moves the map, and chooses nothing.
    page["close"].click()
    page.mouse(x, y).click_and_hold().perform()
    page.mouse(x + 90, y + 70).release().perform()
    page.paint()
    assert not page["selected"].is_displayed()
    assert page.hovered(x + 90, y + 70) == "pear 77,000 times"
    assert page.hovered(x, y) != "pear 77,000 times"
    page["all"].click()
    page.paint()
    assert page.zoom() == 1


def test_keys(page):
    page["map"].send_keys("+")
    page.paint()
    assert page.zoom() == 1.5
    page["map"].send_keys("0", Keys.ARROW_LEFT, "-")
    page.paint()
    assert page.zoom() == pytest.approx(0.67)
    page["map"].send_keys("/")
    assert page.chrome.switch_to.active_element == page["search"]
    page["search"].send_keys("pear", Keys.ENTER)
    x, y = page.middle()
    page["map"].send_keys(Keys.ARROW_LEFT, Keys.ARROW_UP)
    page.paint()
    assert page.hovered(x + 60, y + 60).startswith("pear")
    page["map"].send_keys(Keys.ESCAPE)
    assert not page["selected"].is_displayed()


@pytest.mark.parametrize("token", [*HOSTILE, *WORDS[4:]])
def test_tokens_are_text_whatever_they_hold(page, token):
    page.search(escape_token(token), Keys.ENTER)
    assert page["word"].get_attribute("textContent") == escape_token(token)
    assert page.hovered(*page.middle()).rpartition(" times")[0].rpartition(" ")[0] == escape_token(token)
    assert page.chrome.title == "<b>A & B</b>"
    assert page.chrome.find_elements(By.CSS_SELECTOR, "img, #panel b, #panel script") == []
    assert page.said() == []


def test_light_and_dark(page):
    def background():
        page.paint()
        color = page.chrome.execute_script("return getComputedStyle(document.body).backgroundColor")
        return sum(map(int, re.findall(r"\d+", color)[:3]))

    for scheme, dark in (("dark", True), ("light", False)):
        media = {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
        page.chrome.execute_cdp_cmd("Emulation.setEmulatedMedia", media)
        assert (background() < 200) == dark
    page["theme"].click()
    assert background() < 200
    page["theme"].click()
    assert background() > 600


def test_ten_thousand_points(chrome, tmp_path):
    size = 10_000
    random = np.random.default_rng(0)
    near = ((np.arange(size)[:, None] + np.arange(1, 11)) % size).tolist()
    big = WordMap(
        [f"word{number}" for number in range(size)],
        [None] * size,
        random.random((size, 2)),
        near,
        [[0.5] * 10] * size,
        "t-SNE",
        [],
    )
    write_html(big, tmp_path / "big.html")
    chrome.get((tmp_path / "big.html").as_uri())
    page = Page(chrome)
    page.search("word9999", Keys.ENTER)
    assert page["word"].text == "word9999"
    assert page.texts("#near bdi")[0] == "word0"
    assert page["count"].text == ""
    assert page.hovered(*page.middle()) == "word9999"
    page["in"].click()
    page.paint()
    assert page.said() == []
