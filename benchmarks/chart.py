"""The chart of the README: how many times as fast as other libraries tokemb is.

Usage: python -m benchmarks.chart       Draw benchmarks/speed.svg from benchmarks/RESULTS.md.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from html import escape
from pathlib import Path

from benchmarks.setting import ROOT

PAGE, CHART = ROOT / "benchmarks" / "RESULTS.md", ROOT / "benchmarks" / "speed.svg"

_ROW = re.compile(r"^\| (?P<work>[^|]+) \| (?P<against>[^|]+) \| (?P<ratio>[\d.]+) x \| at least [^|]+\|", re.MULTILINE)
_WIDTH, _LABELS, _LINE, _TOP = 900, 510, 26, 40
_TICKS = (1, 3, 10, 30, 100)


def read_ratios(page: str) -> list[tuple[str, str, float]]:
    """Return the work, the other library and the ratio of each line of the results page that has a lower bound."""
    return [(row["work"].strip(), row["against"].strip(), float(row["ratio"])) for row in _ROW.finditer(page)]


def chart(ratios: Sequence[tuple[str, str, float]]) -> str:
    """Return an SVG of horizontal bars on a logarithmic axis."""
    scale = (_WIDTH - _LABELS - 60) / math.log10(_TICKS[-1] * 1.2)
    height = _TOP + _LINE * len(ratios) + 10
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" font-family="sans-serif" '
        'font-size="12">',
        f'<rect width="{_WIDTH}" height="{height}" fill="white"/>',
        f'<text x="{_LABELS}" y="16">times as fast as the other library</text>',
    ]
    for tick in _TICKS:
        x = _LABELS + scale * math.log10(tick)
        parts.append(f'<line x1="{x:.0f}" x2="{x:.0f}" y1="32" y2="{height - 8}" stroke="#ddd"/>')
        parts.append(f'<text x="{x:.0f}" y="29" text-anchor="middle" fill="#777">{tick}</text>')
    for number, (work, against, ratio) in enumerate(ratios):
        y = _TOP + _LINE * number
        length = max(scale * math.log10(ratio), 1)
        label = escape(f"{work} / {against}")
        parts.append(f'<text x="{_LABELS - 8}" y="{y + 14}" text-anchor="end">{label}</text>')
        parts.append(f'<rect x="{_LABELS}" y="{y + 2}" width="{length:.0f}" height="16" fill="#3b7dd8"/>')
        parts.append(f'<text x="{_LABELS + length + 5:.0f}" y="{y + 14}">{ratio:g}</text>')
    return "\n".join([*parts, "</svg>"]) + "\n"


def draw(page: Path = PAGE, out: Path = CHART) -> None:
    """Draw the chart of a results page."""
    out.write_text(chart(read_ratios(page.read_text("utf-8"))), "utf-8")


if __name__ == "__main__":
    draw()
