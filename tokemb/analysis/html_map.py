"""A map as one HTML file that loads nothing from elsewhere."""

from __future__ import annotations

import html
import json
from pathlib import Path

import numpy as np

from tokemb.analysis.maps import MAP, WordMap
from tokemb.analysis.page_template import fill_page
from tokemb.files.atomic import atomic_file
from tokemb.vocabulary.escape_token import escape_token

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
    values = {"title": html.escape(escape_token(title)), "data": _map_json(word_map)}
    page = fill_page("map", _SCRIPTS, values)
    with atomic_file(Path(path), MAP, force=force) as temporary:
        temporary.write_bytes(page)


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
