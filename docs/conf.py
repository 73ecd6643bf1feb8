"""Configuration of the documentation site, which ``make site`` builds with Sphinx."""

import re
from pathlib import Path

from sphinx.application import Sphinx

import tokemb

project = "tokemb"
release = version = tokemb.__version__
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
html_theme = "furo"
html_title = f"tokemb {release}"
html_copy_source = False

myst_heading_anchors = 4
# Guides also link to files of the repository, which are not pages of the site.
suppress_warnings = ["myst.xref_missing"]

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_default_options = {"members": True, "undoc-members": False, "show-inheritance": False}
napoleon_numpy_docstring = False
napoleon_use_ivar = True

_ROOT = Path(__file__).parent.parent
# The pages of files that lie elsewhere in the repository.
_PAGES = {"benchmarks/RESULTS.md": "results.md", "CHANGELOG.md": "changelog.md", "README.zh.md": "zh/index.md"}


def _page_of(match: re.Match[str]) -> str:
    target = match["target"].removeprefix("../")
    return f"]({_PAGES.get(target, target.removeprefix('docs/'))}"


def _read_source(_: Sphinx, name: str, source: list[str]) -> None:
    """Put the README into the first page, and make links between files of the repository links between pages."""
    text = source[0].replace("<!-- README.md -->", (_ROOT / "README.md").read_text("utf-8"))
    text = text.replace("](benchmarks/speed.svg)", "](../benchmarks/speed.svg)")
    text = text.replace("](docs/map.png)", "](map.png)")
    if name == "changelog":
        text = (_ROOT / "CHANGELOG.md").read_text("utf-8")
    if not name.startswith("zh/"):  # these pages link to pages only, relative to their own folder
        text = re.sub(r"\]\((?P<target>(?:\.\./)?[\w./-]+\.md)", _page_of, text)
    source[0] = text


def setup(app: Sphinx) -> None:
    """Connect the hook that reads sources."""
    app.connect("source-read", _read_source)
