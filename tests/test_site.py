"""The documentation site: it builds without warnings, its links have targets, and it needs no network."""

import subprocess
import sys
from html.parser import HTMLParser
from urllib.parse import unquote, urlparse

import pytest

from tests.conftest import ROOT

pytest.importorskip("sphinx", reason="Sphinx is not installed: pip install tokemb[docs]")
pytestmark = [pytest.mark.slow, pytest.mark.keras]


class Page(HTMLParser):
    """The links, resources and anchors of a page."""

    def __init__(self, path):
        super().__init__()
        self.links, self.resources, self.anchors = [], [], set()
        self.feed(path.read_text("utf-8"))

    def handle_starttag(self, tag, attributes):
        values = dict(attributes)
        self.anchors |= {values[name] for name in ("id", "name") if values.get(name)}
        if tag == "a" and values.get("href"):
            self.links.append(values["href"])
        if tag in ("script", "img", "iframe") and values.get("src"):
            self.resources.append(values["src"])
        if tag == "link" and values.get("rel") in ("stylesheet", "icon", "preload"):
            self.resources.append(values["href"])


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", "-b", "html", "docs", str(folder)]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    return folder


def test_site_has_every_guide(site):
    pages = {path.stem for path in (ROOT / "docs").glob("*.md")}
    assert pages <= {path.stem for path in site.glob("*.html")}


def test_local_links_have_targets(site):
    pages = {path: Page(path) for path in site.glob("*.html")}
    missing = []
    for path, page in pages.items():
        for link in page.links:
            parsed = urlparse(link)
            if parsed.scheme or parsed.netloc:
                continue
            target = (path.parent / unquote(parsed.path)).resolve() if parsed.path else path
            if not target.exists() or (
                parsed.fragment and target in pages and not _has(pages[target], parsed.fragment)
            ):
                missing.append(f"{path.name}: {link}")
    assert missing == []


def _has(page, fragment):
    return fragment in page.anchors or unquote(fragment) in page.anchors


def test_site_loads_nothing_from_other_servers(site):
    for path in site.glob("*.html"):
        assert [source for source in Page(path).resources if urlparse(source).netloc] == []


def test_search_index_holds_the_api(site):
    index = (site / "searchindex.js").read_text("utf-8")
    assert all(name in index for name in ("fit_vocab", "import_vocabulary", "read_corpus"))


@pytest.mark.browser
def test_site_opens_in_a_browser(site, tmp_path):
    from tests.browser import browser

    with browser(tmp_path) as chrome:
        chrome.get((site / "index.html").as_uri())
        assert "tokemb" in chrome.title
        assert [line for line in chrome.get_log("browser") if line["level"] == "SEVERE"] == []
