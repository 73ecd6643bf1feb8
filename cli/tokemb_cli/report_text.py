"""A report as text in a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from tokemb_cli.console import show

if TYPE_CHECKING:
    from tokemb.analysis.report.drift import Drift
    from tokemb.analysis.report.report import TextReport
    from tokemb.pipeline.reports import ColumnsReport

_SHOWN_BINS = 5
# Values of maxlen that truncate this share of the rows are not shown.
_USELESS = 0.9


def show_report(report: TextReport | ColumnsReport, commands: Sequence[str]) -> None:
    """Print a report and the commands that apply its suggestions."""
    from tokemb.analysis.report.report import TextReport

    if isinstance(report, TextReport):
        _show_texts(report, commands)
    else:
        _show_columns(report)


def _show_texts(report: TextReport, commands: Sequence[str]) -> None:
    from tokemb.analysis.report.sections import growth_text, percent, token_list

    show(f"{report.rows:,} rows, {report.tokens:,} tokens, {report.distinct:,} distinct")
    if report.drift is not None:
        _show_drift("drift", report.drift)
    show("")
    _show_table(
        ("max_size", "min_count", "tokens", "documents", "complete rows", f"MB at dim {report.dim}"),
        (
            (
                f"{point.size:,}",
                f"{point.min_count:,}",
                percent(point.coverage),
                percent(point.document_coverage),
                percent(point.complete_rows),
                f"{point.embedding_mb:,.2f}",
            )
            for point in report.sizes
        ),
    )
    show("")
    _show_table(
        ("maxlen", "truncated rows", "lost tokens", "padding", "per batch", "bucketed"),
        (
            (
                f"{point.maxlen:,}",
                percent(point.truncated_rows),
                percent(point.lost_tokens),
                percent(point.fixed_padding),
                percent(point.batch_padding),
                percent(point.bucket_padding),
            )
            for point in report.lengths
            if point.truncated_rows < _USELESS
        ),
    )
    show("")
    show(growth_text(report))
    for part in report.scripts:
        counts = f"{part.tokens:,} distinct, {part.once:,} once"
        show(f"{part.script:<10} {percent(part.share):>8}  {counts}: {token_list(part.frequent)}")
    if report.oov:
        show(f"left out   {token_list(report.oov)}")
    show("")
    for suggestion in report.suggestions:
        show(f"{suggestion.argument:<10} {suggestion.value:,}: {suggestion.reason}")
    for line in commands:
        show(line)


def _show_columns(report: ColumnsReport) -> None:
    from tokemb.analysis.report.sections import percent

    show(f"{report.rows:,} rows")
    header = ["column", "values", "cardinality", "missing", "OOV", "input_dim", "dim"]
    header += ["max ids", "max unique ids"] if report.partitions is not None else []
    rows = []
    for column in report.columns:
        load = column.load
        rows.append(
            [
                column.name,
                f"{column.values:,}",
                f"{column.cardinality:,}",
                percent(column.missing),
                percent(column.oov),
                f"{column.input_dim:,}",
                f"{column.suggested_dim:,}",
                *(
                    []
                    if load is None
                    else [f"{load.max_ids_per_partition:,}", f"{load.max_unique_ids_per_partition:,}"]
                ),
            ]
        )
    _show_table(header, rows)
    for name, drift in report.drift.items():
        _show_drift(name, drift)


def _show_drift(name: str, drift: Drift) -> None:
    from tokemb.analysis.report.sections import percent, token_list

    show(f"{name:<10} {drift.verdict}: {drift.rows[1]:,} new rows, {drift.tokens[1]:,} tokens")
    show(f"OOV        {percent(drift.oov)}, expected {percent(drift.expected_oov)}")
    show(f"new        {drift.new_tokens:,} distinct tokens: {token_list(drift.new)}")
    show(f"vanished   {drift.vanished_tokens:,} distinct tokens: {token_list(drift.vanished)}")
    show(f"length     mean {drift.mean_length[0]:,.1f} -> {drift.mean_length[1]:,.1f}")
    for part in drift.distributions:
        show(f"PSI        {part.psi:.3f} {part.name}: {part.verdict} (chance explains up to {part.chance:.3f})")
        for item in sorted(part.bins, key=lambda item: -item.psi)[:_SHOWN_BINS] if part.verdict != "stable" else []:
            show(f"             {item.name}: {percent(item.reference)} -> {percent(item.new)}")


def _show_table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print columns that are aligned to the right."""
    lines = [header, *rows]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        show("  ".join(f"{cell:>{width}}" for cell, width in zip(line, widths, strict=True)))
