"""A map as a picture, PNG or SVG, by Matplotlib."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tokemb.analysis.escape_token import escape_token
from tokemb.analysis.map_kind import MAKER, MAP
from tokemb.analysis.maps import WordMap
from tokemb.errors import MissingPackageError
from tokemb.files.atomic import atomic_file

# Fonts that hold many scripts, of which those that are installed are used, in this order.
_FONTS = (
    "DejaVu Sans",
    "Noto Sans",
    "Noto Sans CJK SC",
    "Noto Sans CJK JP",
    "Noto Sans SC",
    "Noto Sans JP",
    "Noto Sans Arabic",
    "Noto Sans Devanagari",
    "Noto Sans Thai",
    "Noto Sans Symbols 2",
    "WenQuanYi Zen Hei",
    "PingFang SC",
    "Hiragino Sans",
    "Microsoft YaHei",
    "Yu Gothic",
    "Arial Unicode MS",
)

_INCHES = 12.0
_DOTS_PER_INCH = 150
_POINTS = 8.0
_DOT, _TEXT = "#4a7fb5", "#22272d"


def write_picture(word_map: WordMap, path: Path | str, title: str = "Tokens", *, force: bool = False) -> list[str]:
    """Write the map to a ``.png`` or ``.svg``, and give the tokens that no installed font can write. Needs Matplotlib.

    Every token is a dot; the most frequent have their labels, where none is in the way, and no label that a font lacks.
    The same map gives the same bytes on the same machine.
    ``force``: replace a picture that is not by tokemb, and any other file.
    Raises ``MissingPackageError`` without Matplotlib, ``OutputExistsError`` for a file that must not be replaced,
    ``OSError`` for the disk.
    """
    try:
        import matplotlib
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError as error:
        raise MissingPackageError("pictures need Matplotlib: pip install tokemb[plot]") from error
    fonts, characters = _fonts()
    tokens = [escape_token(token) for token in word_map.tokens]
    written = [token for token in tokens if characters.issuperset(token)]
    # No name or date of the day in an SVG, so that its bytes are the same again.
    with matplotlib.rc_context({"font.family": fonts, "svg.hashsalt": "tokemb", "axes.unicode_minus": False}):
        figure = Figure((_INCHES, _INCHES), dpi=_DOTS_PER_INCH, facecolor="white")
        FigureCanvasAgg(figure)
        axes = figure.add_axes((0.01, 0.01, 0.98, 0.95))
        axes.set_axis_off()
        axes.set(xlim=(-0.03, 1.05), ylim=(-0.03, 1.03))
        heading = f"{title}: {len(tokens):,} tokens, {word_map.method} of their vectors"
        figure.text(0.5, 0.975, heading, ha="center", va="center", color=_TEXT, fontsize=13, parse_math=False)
        axes.scatter(word_map.positions[:, 0], word_map.positions[:, 1], s=6, color=_DOT, linewidths=0, alpha=0.7)
        _label(axes, tokens, word_map.positions, frozenset(written))
        with atomic_file(Path(path), MAP, force=force) as temporary:
            is_svg = temporary.suffix == ".svg"
            figure.savefig(temporary, metadata={"Date": None, "Creator": MAKER} if is_svg else {"Software": MAKER})
    return [token for token in tokens if token not in set(written)]


def _fonts() -> tuple[list[str], frozenset[str]]:
    """The fonts that are installed, and the characters that they can write between them."""
    from matplotlib import font_manager

    installed = {font.name for font in font_manager.fontManager.ttflist}
    fonts = [name for name in _FONTS if name in installed]
    codes: set[int] = set()
    for name in fonts:
        codes.update(font_manager.get_font(font_manager.findfont(name)).get_charmap())
    return fonts, frozenset(map(chr, codes))


def _label(axes: Any, tokens: list[str], positions: npt.NDArray[np.float64], written: frozenset[str]) -> None:  # noqa: ANN401
    """Write tokens right or left of their dots, in their order, where no other label is."""
    renderer = axes.figure.canvas.get_renderer()
    dots = axes.transData.transform(positions)
    taken = np.empty((2 * len(tokens), 4))
    count = 0
    for token, (x, y) in zip(tokens, dots, strict=True):
        if token not in written:
            continue
        text = axes.text(0, 0, token, fontsize=_POINTS, color=_TEXT, va="center_baseline", parse_math=False)
        text.set_transform(None)  # in dots of the picture
        box = text.get_window_extent(renderer)
        for left in (x + 5, x - 5 - box.width):
            rectangle = np.array([left - 2, y - box.height / 2 - 1, left + box.width + 2, y + box.height / 2 + 1])
            others = taken[:count]
            apart = (others[:, :2] >= rectangle[2:]) | (others[:, 2:] <= rectangle[:2])
            if apart.any(axis=1).all():
                taken[count] = rectangle
                count += 1
                text.set_position((left, y))
                break
        else:
            text.remove()
