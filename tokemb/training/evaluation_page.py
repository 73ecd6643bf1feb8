"""An evaluation as one HTML file that loads nothing from elsewhere."""

from __future__ import annotations

import html
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from tokemb.analysis.page_template import fill_page
from tokemb.files.atomic import atomic_file
from tokemb.files.output_kind import Kind
from tokemb.training.evaluation import Evaluation
from tokemb.vocabulary.escape_token import escape_token

_TITLE = "Evaluation"
_WIDTH, _HEIGHT, _MARGIN = 640, 240, 48
_SHADES = 5
# A larger matrix would not fit a page.
_MAX_CLASSES = 50


def write_page(evaluation: Evaluation, path: Path | str, title: str, *, force: bool = False) -> None:
    """Write a page with the metrics, the learning curves, the confusion matrix and the most confident errors.

    The page has no scripts and works without a network, in light and dark color schemes.

    Args:
        evaluation: The evaluation.
        path: The file.
        title: What was evaluated.
        force: Whether to replace a file that is not such a page.

    Raises:
        OutputExistsError: If a file must not be replaced.
        OSError: If the file cannot be written.
    """
    values = {"title": _escape(f"{_TITLE} of {title}"), "sections": "\n".join(_sections(evaluation))}
    page = fill_page("evaluation", [], values, package="tokemb.training")
    with atomic_file(Path(path), PAGE, force=force) as temporary:
        temporary.write_bytes(page)


PAGE = Kind.of_marker("an evaluation by tokemb", f"<title>{_TITLE} of ")


def _escape(value: object) -> str:
    return html.escape(escape_token(str(value)))


def _sections(evaluation: Evaluation) -> Iterator[str]:
    yield _table("Metrics", ("metric", "value"), [(name, value) for name, value in evaluation.metrics.items()], (1,))
    if evaluation.history:
        yield _section("Learning curves", _curves(evaluation.history))
    if bins := len(evaluation.bins):
        rows = [
            (f"{index / bins:.2f} to {(index + 1) / bins:.2f}", f"{share:.1%}", f"{fraction:.3f}", f"{mean:.3f}")
            for index, (share, fraction, mean) in enumerate(evaluation.bins)
            if share
        ]
        yield _table("Calibration", ("predicted probability", "share of rows", "fraction", "mean"), rows, (1, 2, 3))
    if 0 < len(evaluation.classes) <= _MAX_CLASSES:
        yield _confusion(evaluation)
    if evaluation.errors:
        header = tuple(evaluation.errors[0])
        yield _table("Most confident errors", header, [tuple(error.values()) for error in evaluation.errors], (0, 4))


def _section(title: str, content: str) -> str:
    # A region that scrolls can be reached with the keyboard.
    region = f'<div class="scroll" tabindex="0" role="region" aria-label="{title}">{content}</div>'
    return f"<section><h2>{title}</h2>{region}</section>"


def _table(title: str, header: Sequence[str], rows: Sequence[Sequence[Any]], numbers: Sequence[int]) -> str:
    def cell(kind: str, column: int, value: object) -> str:
        style = "number" if column in numbers else "text" if header[column] == "text" else ""
        return f"<{kind}{f' class={style}' if style else ''}>{_escape('' if value is None else value)}</{kind}>"

    head = "".join(cell("th", column, name) for column, name in enumerate(header))
    body = "".join(f"<tr>{''.join(cell('td', *pair) for pair in enumerate(row))}</tr>" for row in rows)
    return _section(title, f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>")


def _confusion(evaluation: Evaluation) -> str:
    names = [f"<th class=number scope=col>{_escape(name)}</th>" for name in evaluation.classes]
    rows = []
    for name, counts in zip(evaluation.classes, evaluation.confusion, strict=True):
        total = max(sum(counts), 1)
        cells = (f'<td class="number s{-(-_SHADES * count // total)}">{count:,}</td>' for count in counts)
        rows.append(f"<tr><th scope=row>{_escape(name)}</th>{''.join(cells)}</tr>")
    table = f"<table><thead><tr><th>label</th>{''.join(names)}</tr></thead><tbody>{''.join(rows)}</tbody></table>"
    return _section("Confusion matrix", f"<p>Rows are labels, columns are predictions.</p>{table}")


def _curves(history: dict[str, list[float]]) -> str:
    """Return the losses of all epochs as SVG."""
    values = [loss for losses in history.values() for loss in losses]
    low, high, epochs = min(values), max(values), max(map(len, history.values()))

    def point(epoch: int, loss: float) -> str:
        x = _MARGIN + (_WIDTH - 2 * _MARGIN) * (epoch / max(epochs - 1, 1))
        y = _HEIGHT - _MARGIN - (_HEIGHT - 2 * _MARGIN) * ((loss - low) / ((high - low) or 1))
        return f"{x:.1f},{y:.1f}"

    lines: list[str] = []
    labels: list[str] = []
    for name, losses in history.items():
        kind = "validation" if name.startswith("val_") else "training"
        points = " ".join(point(*pair) for pair in enumerate(losses))
        lines.append(f'<polyline class="{kind}" points="{points}"/>')
        labels.append(f'<text class="{kind}" x="{_MARGIN + 110 * len(labels)}" y="20">{kind} loss</text>')
    bottom = _HEIGHT - _MARGIN
    axes = f'<path class="axis" d="M{_MARGIN},{_MARGIN}V{bottom}H{_WIDTH - _MARGIN}"/>'
    marks = (
        f'<text x="4" y="{_MARGIN + 4}">{high:.3g}</text><text x="4" y="{bottom}">{low:.3g}</text>'
        f'<text x="{_MARGIN}" y="{bottom + 20}">epoch 1</text>'
        f'<text x="{_WIDTH - _MARGIN}" y="{bottom + 20}" text-anchor="end">{epochs}</text>'
    )
    title = f"<title>Losses of {epochs} epochs, from {high:.3g} to {low:.3g}</title>"
    shape = f'viewBox="0 0 {_WIDTH} {_HEIGHT}" width="{_WIDTH}" height="{_HEIGHT}" role="img"'
    return f"<svg {shape}>{title}{axes}{''.join(lines)}{''.join(labels)}{marks}</svg>"
