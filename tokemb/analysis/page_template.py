"""Self-contained HTML pages, whose content security policy forbids network access."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Mapping, Sequence
from importlib.resources import files


def fill_page(name: str, scripts: Sequence[str], values: Mapping[str, str]) -> bytes:
    """Return a page made from the files in ``page/``.

    Args:
        name: The name of the template and of its style sheet.
        scripts: The names of the scripts.
        values: The HTML of each other placeholder of the template.
    """
    parts = {"style": _read_file(f"{name}.css"), **{script: _read_file(f"{script}.js") for script in scripts}}
    parts["policy"] = _content_security_policy(parts, scripts)
    parts |= values
    # One pass, so that placeholders within the inserted parts are not replaced.
    return re.sub(r"\{\{(\w+)\}\}", lambda match: parts[match[1]], _read_file(f"{name}.html")).encode()


def _read_file(name: str) -> str:
    return (files("tokemb.analysis") / "page" / name).read_text("utf-8")


def _content_security_policy(parts: Mapping[str, str], scripts: Sequence[str]) -> str:
    """Return a content security policy that allows only the scripts and the style of the page."""

    def hash_source(name: str) -> str:
        return f"'sha256-{base64.b64encode(hashlib.sha256(parts[name].encode()).digest()).decode()}'"

    return (
        f"default-src 'none'; script-src {' '.join(map(hash_source, scripts))}; style-src {hash_source('style')}; "
        "img-src data:; base-uri 'none'; form-action 'none'"
    )
