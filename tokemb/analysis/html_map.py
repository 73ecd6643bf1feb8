"""A map as one HTML file that loads nothing from elsewhere."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
from importlib.resources import files
from pathlib import Path

import numpy as np

from tokemb.analysis.escape_token import escape_token
from tokemb.analysis.map_kind import MAP
from tokemb.analysis.maps import WordMap
from tokemb.files.atomic import atomic_file

# Positions and similarities are stored as integers, multiplied by these; page/drawing.js divides by them.
_POSITION_SCALE = 100_000
_SIMILARITY_SCALE = 1000

_SCRIPTS = ("drawing", "choosing", "search")


def write_html(word_map: WordMap, path: Path | str, title: str = "Tokens", *, force: bool = False) -> None:
    """Write a page with a map that can be searched, zoomed and moved. A click on a token shows its nearest tokens.

    The page works without a network, and its content security policy forbids network access. The same map gives the
    same bytes. Tokens and ``title`` are always shown as text. Invisible characters are escaped.

    Args:
        word_map: The map.
        path: The file.
        title: The title of the page.
        force: Whether to replace a file that is not a map by tokemb.

    Raises:
        OutputExistsError: If a file must not be replaced.
        OSError: If the file cannot be written.
    """
    parts = {"style": _read_page_file("map.css"), **{name: _read_page_file(f"{name}.js") for name in _SCRIPTS}}
    parts |= {
        "title": html.escape(escape_token(title)),
        "data": _map_json(word_map),
        "policy": _content_security_policy(parts),
    }
    # One pass, so that placeholders within the inserted parts are not replaced.
    text = re.sub(r"\{\{(\w+)\}\}", lambda match: parts[match[1]], _read_page_file("map.html"))
    with atomic_file(Path(path), MAP, force=force) as temporary:
        temporary.write_bytes(text.encode())


def _read_page_file(name: str) -> str:
    return (files("tokemb.analysis") / "page" / name).read_text("utf-8")


def _content_security_policy(parts: dict[str, str]) -> str:
    """Return a content security policy that allows only the scripts and the style of the page."""

    def hash_source(name: str) -> str:
        return f"'sha256-{base64.b64encode(hashlib.sha256(parts[name].encode()).digest()).decode()}'"

    scripts = " ".join(map(hash_source, _SCRIPTS))
    return (
        f"default-src 'none'; script-src {scripts}; style-src {hash_source('style')}; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )


def _map_json(word_map: WordMap) -> str:
    """Return the map as ASCII JSON without the characters ``&``, ``<`` and ``>``, safe within a script element."""
    positions = np.rint(word_map.positions * _POSITION_SCALE).astype(int)
    content = {
        "method": word_map.method,
        "tokens": [escape_token(token) for token in word_map.tokens],
        "counts": word_map.counts,
        "x": positions[:, 0].tolist(),
        "y": (_POSITION_SCALE - positions[:, 1]).tolist(),
        "near": word_map.near,
        "similar": [[round(similarity * _SIMILARITY_SCALE) for similarity in row] for row in word_map.similar],
    }
    text = json.dumps(content, ensure_ascii=True, separators=(",", ":"))
    return text.replace("&", r"\u0026").replace("<", r"\u003c").replace(">", r"\u003e")
