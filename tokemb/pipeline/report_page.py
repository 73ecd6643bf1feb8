"""A report as one HTML file that loads nothing from elsewhere."""

from __future__ import annotations

import html
from collections.abc import Sequence
from pathlib import Path

from tokemb.analysis.page_template import fill_page
from tokemb.analysis.report.report import TextReport
from tokemb.analysis.report.sections import drift_section, paragraph, percent, section, table, text_sections
from tokemb.files.atomic import atomic_file, check_output
from tokemb.files.output_kind import Kind
from tokemb.pipeline.reports import ColumnsReport
from tokemb.tables.statistics import ColumnStatistics
from tokemb.vocabulary.escape_token import escape_token

_REPORT = Kind.of_marker("a report by tokemb", "report by tokemb")


def check_target(path: Path, force: bool) -> None:
    """Raise the errors of ``write_report`` for the file at ``path`` before any work is done."""
    check_output(path, _REPORT, force=force)


def write_report(
    report: TextReport | ColumnsReport,
    path: Path | str,
    title: str = "Report",
    *,
    commands: Sequence[str] = (),
    force: bool = False,
) -> None:
    """Write a report as a page. The same report gives the same bytes.

    The page works without a network and without JavaScript, which only adds the values under the cursor, a button that
    copies the commands, and one for light and dark colours.

    Args:
        report: The report.
        path: The file.
        title: The title of the page.
        commands: Commands that apply the suggestions. By default, calls in Python.
        force: Whether to replace a file that is not a report by tokemb.

    Raises:
        OutputExistsError: If a file must not be replaced.
        OSError: If the file cannot be written.
    """
    sections = _text_page(report, commands) if isinstance(report, TextReport) else _columns_page(report)
    values = {"title": html.escape(escape_token(title)), "content": "".join(sections)}
    page = fill_page("report", ["report"], values)
    with atomic_file(Path(path), _REPORT, force=force) as temporary:
        temporary.write_bytes(page)


def _text_page(report: TextReport, commands: Sequence[str]) -> list[str]:
    sizes = f"{report.rows:,} rows, {report.tokens:,} tokens, {report.distinct:,} distinct"
    rows = [
        (item.argument, f"{item.value:,}", f"{item.reason[:1].upper()}{item.reason[1:]}.")
        for item in report.suggestions
    ]
    copied = html.escape("\n".join(commands or python_calls(report)))
    suggestions = section(
        "Suggestions",
        paragraph(sizes),
        table(("argument", "value", "reason"), rows),
        f'<pre tabindex="0"><code id="commands">{copied}</code></pre>',
        '<button id="copy" type="button">Copy</button>',
    )
    drift = [] if report.drift is None else [drift_section(report.drift)]
    return [*drift, suggestions, *text_sections(report)]


def python_calls(report: TextReport) -> list[str]:
    """Return the calls that apply the suggestions."""
    values = {item.argument: item.value for item in report.suggestions}
    dim = values.pop("output_dim")
    arguments = "".join(f", {name}={value}" for name, value in values.items())
    fitted = [f"encoder = tokemb.fit_vocab(texts{arguments})"] if arguments else []
    return [
        *fitted,
        f"model = tokemb.embedding_model(encoder, output_dim={dim})",
    ]


def _columns_page(report: ColumnsReport) -> list[str]:
    header = ["column", "values", "cardinality", "missing", "OOV", "input_dim", "suggested dim", "shared with"]
    note = []
    if report.partitions is not None:
        header += ["max ids per partition", "max unique ids per partition"]
        note = [
            paragraph(f"The load is that of {report.partitions} partitions and {report.batch_size} rows in a batch.")
        ]
    statistics = table(header, [_column_row(column) for column in report.columns])
    drifts = [drift_section(drift, f"Drift of {escape_token(name)}") for name, drift in report.drift.items()]
    return [section("Columns", paragraph(f"{report.rows:,} rows"), statistics, *note), *drifts]


def _column_row(column: ColumnStatistics) -> list[str]:
    load = column.load
    return [
        escape_token(column.name),
        f"{column.values:,}",
        f"{column.cardinality:,}",
        percent(column.missing),
        percent(column.oov),
        f"{column.input_dim:,}",
        f"{column.suggested_dim:,}",
        ", ".join(map(escape_token, column.shared)) or "–",
        *([] if load is None else [f"{load.max_ids_per_partition:,}", f"{load.max_unique_ids_per_partition:,}"]),
    ]
