"""A map as a PNG or SVG image, drawn by Matplotlib."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from tokemb._arrays import Float64
from tokemb.analysis.maps import MAKER, MAP, WordMap
from tokemb.errors import MissingPackageError
from tokemb.files.atomic import atomic_file
from tokemb.vocabulary.escape_token import escape_token

# Fonts for many scripts. The installed ones are used, in this order.
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
_FONT_SIZE = 8.0
_DOT_COLOR, _TEXT_COLOR = "#4a7fb5", "#22272d"


def write_picture(word_map: WordMap, path: Path | str, title: str = "Tokens", *, force: bool = False) -> list[str]:
    """Write the map to a ``.png`` or ``.svg`` file. This function requires Matplotlib.

    Every token is a dot. The most frequent tokens are labelled where the label overlaps no other and a font can draw
    it. The same map gives the same bytes on the same machine.

    Args:
        word_map: The map.
        path: The file.
        title: The title of the image.
        force: Whether to replace a file that is not a map by tokemb.

    Returns:
        The tokens that no installed font can draw.

    Raises:
        MissingPackageError: If Matplotlib is not installed.
        OutputExistsError: If a file must not be replaced.
        OSError: If the file cannot be written.
    """
    try:
        import matplotlib
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError as error:
        raise MissingPackageError("pictures need Matplotlib: pip install tokemb[plot]") from error
    fonts, characters = _installed_fonts()
    tokens = [escape_token(token) for token in word_map.tokens]
    drawable = [token for token in tokens if characters.issuperset(token)]
    # The fixed salt and the missing date make the bytes of an SVG reproducible.
    with matplotlib.rc_context({"font.family": fonts, "svg.hashsalt": "tokemb", "axes.unicode_minus": False}):
        figure = Figure((_INCHES, _INCHES), dpi=_DOTS_PER_INCH, facecolor="white")
        FigureCanvasAgg(figure)
        axes = figure.add_axes((0.01, 0.01, 0.98, 0.95))
        axes.set_axis_off()
        axes.set(xlim=(-0.03, 1.05), ylim=(-0.03, 1.03))
        heading = f"{title}: {len(tokens):,} tokens, {word_map.method} of their vectors"
        figure.text(0.5, 0.975, heading, ha="center", va="center", color=_TEXT_COLOR, fontsize=13, parse_math=False)
        axes.scatter(word_map.positions[:, 0], word_map.positions[:, 1], s=6, color=_DOT_COLOR, linewidths=0, alpha=0.7)
        _draw_labels(axes, tokens, word_map.positions, frozenset(drawable))
        with atomic_file(Path(path), MAP, force=force) as temporary:
            is_svg = temporary.suffix == ".svg"
            figure.savefig(temporary, metadata={"Date": None, "Creator": MAKER} if is_svg else {"Software": MAKER})
    return [token for token in tokens if token not in set(drawable)]


def _installed_fonts() -> tuple[list[str], frozenset[str]]:
    """Return the installed fonts and the characters that they can draw together."""
    from matplotlib import font_manager

    installed = {font.name for font in font_manager.fontManager.ttflist}
    fonts = [name for name in _FONTS if name in installed]
    codes: set[int] = set()
    for name in fonts:
        codes.update(font_manager.get_font(font_manager.findfont(name)).get_charmap())
    return fonts, frozenset(map(chr, codes))


def _draw_labels(axes: Any, tokens: list[str], positions: Float64, drawable: frozenset[str]) -> None:  # noqa: ANN401
    """Draw the tokens to the right or left of their dots, in order, where no other label is."""
    renderer = axes.figure.canvas.get_renderer()
    dots = axes.transData.transform(positions)
    boxes = np.empty((2 * len(tokens), 4))
    count = 0
    for token, (x, y) in zip(tokens, dots, strict=True):
        if token not in drawable:
            continue
        text = axes.text(0, 0, token, fontsize=_FONT_SIZE, color=_TEXT_COLOR, va="center_baseline", parse_math=False)
        text.set_transform(None)  # display coordinates
        box = text.get_window_extent(renderer)
        for left in (x + 5, x - 5 - box.width):
            candidate = np.array([left - 2, y - box.height / 2 - 1, left + box.width + 2, y + box.height / 2 + 1])
            others = boxes[:count]
            disjoint = (others[:, :2] >= candidate[2:]) | (others[:, 2:] <= candidate[:2])
            if disjoint.any(axis=1).all():
                boxes[count] = candidate
                count += 1
                text.set_position((left, y))
                break
        else:
            text.remove()
