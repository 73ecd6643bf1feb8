"""A map as one HTML file, which loads nothing from elsewhere."""

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

# Positions and similarities in the file are whole numbers of these parts; see page/drawing.js.
_EXTENT = 100_000
_THOUSAND = 1000

_SCRIPTS = ("drawing", "choosing", "search")


def write_html(word_map: WordMap, path: Path | str, title: str = "Tokens", *, force: bool = False) -> None:
    """Write a page on which the map is searched, zoomed and moved; clicks show the nearest tokens.

    The page runs without a network, and its policy forbids it to use one. The same map gives the same bytes. Tokens and
    ``title`` are text on it, whatever they hold; characters that are not seen stand there as escapes.
    ``force``: replace a page that is not by tokemb, and any other file.
    Raises ``OutputExistsError`` for a file that must not be replaced, ``OSError`` for the disk.
    """
    parts = {"style": _page("map.css"), **{name: _page(f"{name}.js") for name in _SCRIPTS}}
    parts |= {"title": html.escape(escape_token(title)), "data": _data(word_map), "policy": _policy(parts)}
    # All at once, so that what is put in is not looked through again.
    text = re.sub(r"\{\{(\w+)\}\}", lambda place: parts[place[1]], _page("map.html"))
    with atomic_file(Path(path), MAP, force=force) as temporary:
        temporary.write_bytes(text.encode())


def _page(name: str) -> str:
    return (files("tokemb.analysis") / "page" / name).read_text("utf-8")


def _policy(parts: dict[str, str]) -> str:
    """A content security policy: these scripts and this style, and nothing else at all."""

    def named(name: str) -> str:
        return f"'sha256-{base64.b64encode(hashlib.sha256(parts[name].encode()).digest()).decode()}'"

    scripts = " ".join(map(named, _SCRIPTS))
    return (
        f"default-src 'none'; script-src {scripts}; style-src {named('style')}; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )


def _data(word_map: WordMap) -> str:
    """The map as JSON that can stand in a script element: in ASCII, without the characters of tags."""
    places = np.rint(word_map.positions * _EXTENT).astype(int)
    content = {
        "method": word_map.method,
        "tokens": [escape_token(token) for token in word_map.tokens],
        "counts": word_map.counts,
        "x": places[:, 0].tolist(),
        "y": (_EXTENT - places[:, 1]).tolist(),
        "near": word_map.near,
        "similar": [[round(similarity * _THOUSAND) for similarity in row] for row in word_map.similar],
    }
    text = json.dumps(content, ensure_ascii=True, separators=(",", ":"))
    return text.replace("&", r"\u0026").replace("<", r"\u003c").replace(">", r"\u003e")
