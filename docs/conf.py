"""Configuration of the documentation site, which ``make site`` builds with Sphinx."""

import tokemb

project = "tokemb"
release = version = tokemb.__version__
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
html_theme = "furo"
html_title = f"tokemb {release}"
# Viewing the site needs no network: no fonts, scripts or badges of other servers.
html_copy_source = False
exclude_patterns = ["build"]

myst_heading_anchors = 4
# Pages show files of the repository that are not pages of the site.
suppress_warnings = ["myst.xref_missing"]

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_default_options = {"members": True, "undoc-members": False, "show-inheritance": False}
napoleon_google_docstring = True
napoleon_numpy_docstring = False
# The docstrings of classes list attributes, and those of dataclasses fields; both are shown once.
napoleon_use_ivar = True
