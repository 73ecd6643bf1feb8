"""Line charts as inline SVG. The style sheet of the page colours them, its script moves a cursor over the points."""

from __future__ import annotations

import html
import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

_WIDTH, _HEIGHT = 400, 260
_LEFT, _RIGHT, _TOP, _BOTTOM = 52, 12, 12, 40
_LEAST_LOG = 1e-9


@dataclass(frozen=True)
class Series:
    """A line of a chart.

    Attributes:
        name: The name in the legend.
        values: The y value of each point.
    """

    name: str
    values: Sequence[float]


@dataclass(frozen=True)
class Chart:
    """A chart with a logarithmic x axis.

    Attributes:
        title: The title.
        x_label: The name of the x axis.
        x: The x value of each point, positive and ascending.
        series: The lines.
        is_share: Whether y values are shares, shown as percentages on a linear axis. Otherwise the axis is logarithmic.
        mark: The x value of a suggestion, shown as a vertical line.
    """

    title: str
    x_label: str
    x: Sequence[float]
    series: Sequence[Series]
    is_share: bool = False
    mark: float | None = None


def svg(chart: Chart) -> str:
    """Return the chart as an SVG element that can be focused."""
    x_scale = _log_scale(chart.x[0], chart.x[-1], _LEFT, _WIDTH - _RIGHT)
    values = [value for line in chart.series for value in line.values if chart.is_share or value > 0]
    bottom = _HEIGHT - _BOTTOM
    y_scale: Callable[[float], float]
    if chart.is_share:
        y_scale = _share_scale
        y_ticks = [(share, f"{share:.0%}") for share in (0, 0.25, 0.5, 0.75, 1)]
    else:
        y_scale = _log_scale(min(values), max(values), bottom, _TOP)
        y_ticks = _log_ticks(min(values), max(values))
    parts = [_grid(x_scale, y_scale, _log_ticks(chart.x[0], chart.x[-1]), y_ticks, chart)]
    if chart.mark is not None:
        x = f"{x_scale(chart.mark):.1f}"
        parts.append(f'<line class="mark" x1="{x}" x2="{x}" y1="{_TOP}" y2="{bottom}"/>')
    for number, line in enumerate(chart.series):
        points = " ".join(
            f"{x_scale(x):.1f},{y_scale(y):.1f}"
            for x, y in zip(chart.x, line.values, strict=True)
            if chart.is_share or y > 0
        )
        parts.append(f'<polyline class="line s{number}" points="{points}"/>')
    parts.append(f'<line class="cursor" y1="{_TOP}" y2="{bottom}" visibility="hidden"/>')
    readouts = html.escape(json.dumps(_readouts(chart, x_scale), ensure_ascii=False))
    label = html.escape(f"{chart.title}. Left and right arrow keys read the points.")
    return (
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" tabindex="0" role="img" aria-label="{label}" '
        f'data-points="{readouts}">{"".join(parts)}</svg>'
    )


def legend(chart: Chart) -> str:
    """Return the names of the lines with their colours, as HTML."""
    items = "".join(f'<li class="s{number}">{html.escape(line.name)}</li>' for number, line in enumerate(chart.series))
    return f'<ul class="legend">{items}</ul>'


def _readouts(chart: Chart, x_scale: Callable[[float], float]) -> list[tuple[float, str]]:
    """Return the position and the values of each point as a text."""
    readouts = []
    for index, x in enumerate(chart.x):
        values = [f"{line.name} {_format(line.values[index], chart.is_share)}" for line in chart.series]
        readouts.append((round(x_scale(x), 1), f"{chart.x_label} {_format(x, False)}: {', '.join(values)}"))
    return readouts


def _format(value: float, is_share: bool) -> str:
    if is_share:
        return f"{value:.2%}"
    return f"{value:,.0f}" if value >= 100 or value == int(value) else f"{value:.3g}"


def _share_scale(share: float) -> float:
    return _HEIGHT - _BOTTOM - share * (_HEIGHT - _TOP - _BOTTOM)


def _log_scale(low: float, high: float, start: float, end: float) -> Callable[[float], float]:
    low = max(low, _LEAST_LOG)
    span = math.log(max(high, low) / low) or 1.0
    return lambda value: start + math.log(max(value, low) / low) / span * (end - start)


def _log_ticks(low: float, high: float) -> list[tuple[float, str]]:
    first, last = math.ceil(math.log10(max(low, _LEAST_LOG)) - 1e-9), math.floor(math.log10(max(high, low)) + 1e-9)
    step = max((last - first) // 5, 1)
    powers = [10.0**power for power in range(first, last + 1, step)]
    ticks = powers if len(powers) > 1 else sorted({low, *powers, high})
    return [(tick, _short(tick)) for tick in ticks]


def _short(value: float) -> str:
    for limit, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= limit:
            return f"{value / limit:.3g}{unit}"
    return f"{value:.3g}"


def _grid(
    x_scale: Callable[[float], float],
    y_scale: Callable[[float], float],
    x_ticks: list[tuple[float, str]],
    y_ticks: list[tuple[float, str]],
    chart: Chart,
) -> str:
    right, bottom = _WIDTH - _RIGHT, _HEIGHT - _BOTTOM
    parts = [
        f'<line class="grid" x1="{_LEFT}" x2="{right}" y1="{y_scale(tick):.1f}" y2="{y_scale(tick):.1f}"/>'
        f'<text x="{_LEFT - 6}" y="{y_scale(tick) + 4:.1f}" text-anchor="end">{text}</text>'
        for tick, text in y_ticks
    ]
    parts += [
        f'<line class="grid" x1="{x_scale(tick):.1f}" x2="{x_scale(tick):.1f}" y1="{_TOP}" y2="{bottom}"/>'
        f'<text x="{x_scale(tick):.1f}" y="{bottom + 16}" text-anchor="middle">{text}</text>'
        for tick, text in x_ticks
    ]
    middle = (_LEFT + right) / 2
    parts.append(f'<text x="{middle}" y="{_HEIGHT - 6}" text-anchor="middle">{html.escape(chart.x_label)}</text>')
    return "".join(parts)
