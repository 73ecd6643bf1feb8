"""The sections of the page of a report, as HTML. Tokens are always shown as text."""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence

from tokemb.analysis.report.drift import Drift
from tokemb.analysis.report.report import TextReport
from tokemb.analysis.report.scripts import ScriptTokens
from tokemb.analysis.report.stability import Stability
from tokemb.analysis.report.svg import Chart, Series, legend, svg
from tokemb.vocabulary.escape_token import escape_token


def section(title: str, *content: str) -> str:
    """Return a section with a heading."""
    return f"<section><h2>{html.escape(title)}</h2>{''.join(content)}</section>"


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table that can be scrolled sideways. The cells are texts."""
    head = "".join(f'<th scope="col">{html.escape(name)}</th>' for name in header)
    body = "".join(f"<tr>{''.join(f'<td>{html.escape(cell)}</td>' for cell in row)}</tr>" for row in rows)
    label = html.escape(f"Table of {header[0]}")
    return (
        f'<div class="scroll" tabindex="0" role="region" aria-label="{label}"><table><thead><tr>{head}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )


def paragraph(text: str) -> str:
    """Return a paragraph of text."""
    return f"<p>{html.escape(text)}</p>"


def percent(share: float | None) -> str:
    """Return a share as a percentage, or a dash if it is not known."""
    return "–" if share is None else f"{share:.2%}"


def token_list(tokens: Sequence[tuple[str, int]]) -> str:
    """Return tokens with their counts as one text."""
    return ", ".join(f"{escape_token(token)} {count:,}" for token, count in tokens) or "–"


def _tokens(tokens: Sequence[tuple[str, int]]) -> str:
    """Return tokens with their counts as HTML. The direction of a token does not change that of its count."""
    items = (f"<bdi>{html.escape(escape_token(token))}</bdi> {count:,}" for token, count in tokens)
    return ", ".join(items) or "–"


def text_sections(report: TextReport) -> list[str]:
    """Return the sections of a report of texts, without its drift."""
    return [
        section(
            "Vocabulary size",
            _figures(_size_charts(report)),
            _details(
                ("size", "min count", "tokens covered", "documents covered", "complete rows", "embedding MB"),
                [
                    (
                        f"{point.size:,}",
                        f"{point.min_count:,}",
                        percent(point.coverage),
                        percent(point.document_coverage),
                        percent(point.complete_rows),
                        f"{point.embedding_mb:,.2f}",
                    )
                    for point in report.sizes
                ],
            ),
        ),
        section(
            "Row length",
            _figures(_length_charts(report)),
            _details(
                ("maxlen", "truncated rows", "lost tokens", "fixed padding", "batch padding", "bucket padding"),
                [
                    (
                        f"{point.maxlen:,}",
                        percent(point.truncated_rows),
                        percent(point.lost_tokens),
                        percent(point.fixed_padding),
                        percent(point.batch_padding),
                        percent(point.bucket_padding),
                    )
                    for point in report.lengths
                ],
            ),
            paragraph(
                f"Lengths are in {report.unit}. Batches have {report.batch_size} rows. Batch padding is the "
                "expectation for shuffled rows; bucket padding is that of rows sorted by length."
            ),
        ),
        section("Frequencies and growth", _figures(_growth_charts(report)), paragraph(growth_text(report))),
        section("Scripts", _script_table(report.scripts)),
        section(
            "Out of vocabulary",
            f"<p>The most frequent tokens that the suggested vocabulary leaves out: {_tokens(report.oov)}</p>",
        ),
    ]


def growth_text(report: TextReport) -> str:
    """Return the exponents and the forecast as sentences."""
    text = f"The Zipf exponent is {report.zipf.exponent:.2f}."
    if report.heaps is None:
        return text + " The growth is not known, because the counts of some tokens are missing."
    return (
        f"{text} The Heaps exponent is {report.heaps.exponent:.2f}: ten times the text would have about "
        f"{report.heaps.forecast_distinct:,} distinct tokens instead of {report.distinct:,}."
    )


def drift_section(drift: Drift, title: str = "Drift") -> str:
    """Return the section of the differences to new texts."""
    rows = [
        ("rows", f"{drift.rows[0]:,}", f"{drift.rows[1]:,}"),
        ("tokens", f"{drift.tokens[0]:,}", f"{drift.tokens[1]:,}"),
        ("out of vocabulary", f"{percent(drift.expected_oov)} expected", percent(drift.oov)),
        ("mean row length", f"{drift.mean_length[0]:,.1f}", f"{drift.mean_length[1]:,.1f}"),
        ("95 % of rows are at most", f"{drift.length_95[0]:,}", f"{drift.length_95[1]:,}"),
    ]
    return section(
        title,
        f'<p class="verdict {drift.verdict}">Verdict: {drift.verdict}</p>',
        table(("figure", "reference", "new"), rows),
        f"<p>{drift.new_tokens:,} distinct tokens are new. The most frequent: {_tokens(drift.new)}</p>",
        f"<p>{drift.vanished_tokens:,} have vanished. The most frequent: {_tokens(drift.vanished)}</p>",
        *(_stability(part) for part in drift.distributions),
    )


def _stability(part: Stability) -> str:
    rows = [(item.name, percent(item.reference), percent(item.new), f"{item.psi:.4f}") for item in part.bins]
    return (
        f"<h3>{html.escape(part.name)}: PSI {part.psi:.3f}, {part.verdict}</h3>"
        + paragraph(f"Random rows of the same source would be above {part.chance:.3f} in 1 of 1,000 cases.")
        + _details(("bin", "reference", "new", "PSI"), rows)
    )


def _details(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    return f"<details><summary>All values</summary>{table(header, rows)}</details>"


def _figures(charts: Iterable[Chart]) -> str:
    figures = "".join(
        f"<figure><figcaption>{html.escape(chart.title)}</figcaption>{legend(chart)}{svg(chart)}"
        '<output aria-live="polite"></output></figure>'
        for chart in charts
    )
    return f'<div class="figures">{figures}</div>'


def _mark(report: TextReport, argument: str) -> float | None:
    return next((item.value for item in report.suggestions if item.argument == argument), None)


def _size_charts(report: TextReport) -> list[Chart]:
    points = report.sizes
    lines = [Series("tokens", [point.coverage for point in points])]
    for name, values in (
        ("documents", [point.document_coverage for point in points]),
        ("complete rows", [point.complete_rows for point in points]),
    ):
        if known := [value for value in values if value is not None]:
            lines.append(Series(name, known))
    x, mark = [point.size for point in points], _mark(report, "max_size")
    memory = [Series("MB", [point.embedding_mb for point in points])]
    return [
        Chart("Coverage by vocabulary size", "max_size", x, lines, is_share=True, mark=mark),
        Chart(f"Embedding of dimension {report.dim}, in megabytes", "max_size", x, memory, mark=mark),
    ]


def _length_charts(report: TextReport) -> list[Chart]:
    points = report.lengths
    x, mark = [point.maxlen for point in points], _mark(report, "maxlen")
    if not points:
        return []
    truncation = [
        Series("truncated rows", [point.truncated_rows for point in points]),
        Series("lost tokens", [point.lost_tokens for point in points]),
    ]
    padding = [
        Series("fixed length", [point.fixed_padding for point in points]),
        Series("per batch", [point.batch_padding for point in points]),
        Series("bucketed", [point.bucket_padding for point in points]),
    ]
    return [
        Chart("Truncation by maxlen", "maxlen", x, truncation, is_share=True, mark=mark),
        Chart("Share of padding by maxlen", "maxlen", x, padding, is_share=True, mark=mark),
    ]


def _growth_charts(report: TextReport) -> list[Chart]:
    charts = [Chart("Zipf: count by rank", "rank", report.zipf.ranks, [Series("count", report.zipf.counts)])]
    heaps = report.heaps
    if heaps is not None:
        x = [*heaps.tokens, heaps.forecast_tokens]
        distinct = [*heaps.distinct, float(heaps.forecast_distinct)]
        lines = [Series("distinct tokens; the last point is the forecast", distinct)]
        charts.append(Chart("Heaps: distinct tokens by length of text", "tokens", x, lines))
    return charts


def _script_table(scripts: Sequence[ScriptTokens]) -> str:
    rows = [
        (
            part.script,
            f"{part.tokens:,}",
            percent(part.share),
            f"{part.once:,}",
            token_list(part.frequent),
            token_list(part.rare),
        )
        for part in scripts
    ]
    return table(("script", "distinct", "share", "once", "frequent", "rare"), rows)
