"""Self-contained HTML pages, whose content security policy forbids network access."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Mapping, Sequence
from importlib.resources import files


def fill_page(
    name: str, scripts: Sequence[str], values: Mapping[str, str], *, package: str = "tokemb.analysis"
) -> bytes:
    """Return a page made from the files in ``page/`` of a package.

    Args:
        name: The name of the template and of its style sheet.
        scripts: The names of the scripts.
        values: The HTML of each other placeholder of the template.
        package: The package.
    """

    def read(file: str) -> str:
        return (files(package) / "page" / file).read_text("utf-8")

    parts = {"style": read(f"{name}.css"), **{script: read(f"{script}.js") for script in scripts}}
    parts["policy"] = _content_security_policy(parts, scripts)
    parts |= values
    # One pass, so that placeholders within the inserted parts are not replaced.
    return re.sub(r"\{\{(\w+)\}\}", lambda match: parts[match[1]], read(f"{name}.html")).encode()


def _content_security_policy(parts: Mapping[str, str], scripts: Sequence[str]) -> str:
    """Return a content security policy that allows only the scripts and the style of the page."""

    def hash_source(name: str) -> str:
        return f"'sha256-{base64.b64encode(hashlib.sha256(parts[name].encode()).digest()).decode()}'"

    sources = [f"style-src {hash_source('style')}"]
    if scripts:
        sources = [f"script-src {' '.join(map(hash_source, scripts))}", *sources, "img-src data:"]
    return "; ".join(["default-src 'none'", *sources, "base-uri 'none'", "form-action 'none'"])
