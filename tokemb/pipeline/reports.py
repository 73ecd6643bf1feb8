"""Reports of texts, counts, vocabularies and columns."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tokemb._arrays import Int64
from tokemb._validation import check_count, check_left_out, check_optional_count
from tokemb.analysis.report.complete_rows import complete_row_counts
from tokemb.analysis.report.drift import Drift, drift
from tokemb.analysis.report.frequencies import Frequencies
from tokemb.analysis.report.report import ReportOptions, TextReport, text_report
from tokemb.analysis.report.source import frequencies_of, new_frequencies
from tokemb.counts.token_counts import TokenCounts
from tokemb.encoder import Encoder
from tokemb.errors import ArgumentError
from tokemb.tables.encoder import ColumnEncoder
from tokemb.tables.statistics import ColumnStatistics, column_statistics, partition_loads
from tokemb.tables.tables import table_batches

# Texts, or a function that opens them, because they may be read twice.
_Texts = Path | Iterable[Any] | Callable[[], Iterator[Any]]


@dataclass(frozen=True)
class ColumnsReport:
    """Statistics of the columns of a table.

    Attributes:
        rows: The number of rows that the vocabularies were fitted to.
        batch_size: The number of rows in a batch.
        partitions: The number of partitions. ``None`` if their load was not computed.
        columns: The statistics of each column.
        drift: For each column, the differences to the new table, if there is one.
    """

    rows: int
    batch_size: int
    partitions: int | None
    columns: list[ColumnStatistics]
    drift: dict[str, Drift]

    def to_json(self) -> dict[str, Any]:
        """Return the fields as plain values."""
        return {"kind": "columns", **asdict(self)}


def report(
    source: _Texts | TokenCounts | Encoder,
    *,
    on: _Texts | TokenCounts | None = None,
    profile: str | None = None,
    segmenter: str | None = None,
    user_dictionary: Path | None = None,
    coverage: float = 0.98,
    untruncated: float = 0.95,
    batch_size: int = 32,
    complete_rows: bool = False,
    top: int = 10,
    threads: int | None = None,
) -> TextReport:
    """Compute curves and suggestions for the size of a vocabulary, ``maxlen`` and the dimension of an embedding.

    Counts and vocabularies are not read again: the report takes some milliseconds. See docs/report.md.

    Args:
        source: Texts, as for ``tokemb.fit_vocab``, a function that returns an iterator of them, ``TokenCounts`` or an
            ``Encoder``.
        on: New texts, or their counts, to compare with ``source``. They are split in the same way.
        profile: How texts are split, as for ``tokemb.fit_vocab``. Only for texts.
        segmenter: What finds the words of texts in languages without spaces, as for ``tokemb.fit_vocab``.
        user_dictionary: Words that the segmenter should find, as for ``tokemb.fit_vocab``.
        coverage: The share of the text that the suggested vocabulary covers.
        untruncated: The share of rows that the suggested ``maxlen`` does not truncate.
        batch_size: The number of rows in a batch, for the padding of batches.
        complete_rows: Whether to read texts a second time and compute the share of rows without a token out of
            vocabulary, which counts do not determine.
        top: The number of tokens in each list.
        threads: The number of threads. The report does not depend on it.

    Raises:
        ArgumentError: If an argument is invalid.
        VocabularyError: If an ``Encoder`` holds no counts, because tokemb did not fit it.
        TextTypeError: If ``source`` or ``on`` has the wrong type.
        TextError: If a row is not text, or there are no tokens.

    Example:
        >>> import tokemb
        >>> result = tokemb.report(["a rose is a rose", "a rose is not a tulip"], coverage=0.8)
        >>> for suggestion in result.suggestions:
        ...     print(suggestion.argument, suggestion.value)
        max_size 3
        min_count 2
        maxlen 6
        output_dim 8
        >>> result.sizes[1].size, round(result.sizes[1].coverage, 3)
        (2, 0.636)
    """
    options = report_options(coverage, untruncated, batch_size, top)
    check_optional_count("threads", threads)
    splitting = {"profile": profile, "segmenter": segmenter, "user_dictionary": user_dictionary}
    counts, complete = _counts(source, splitting, complete_rows, threads)
    frequencies = frequencies_of(counts)
    difference = None if on is None else drift(frequencies, new_frequencies(counts, _open(on), threads), options.top)
    return text_report(frequencies, options, complete, difference)


def _counts(
    source: _Texts | TokenCounts | Encoder, splitting: dict[str, Any], complete_rows: bool, threads: int | None
) -> tuple[TokenCounts | Encoder, Int64 | None]:
    """Return the counts or the vocabulary, and the result of ``complete_row_counts`` if it is requested.

    ``splitting`` are the arguments that decide how texts are split.
    """
    if isinstance(source, (TokenCounts, Encoder)):
        if splitting["profile"] not in (None, source.profile):
            raise ArgumentError(
                f"profile must be left out or {source.profile!r}, as in the source; received {splitting['profile']!r}"
            )
        others = {name: value for name, value in splitting.items() if name != "profile"}
        check_left_out("for counts and vocabularies, which contain it", **others)
        if complete_rows:
            raise ArgumentError("complete_rows=True requires texts; received counts or a vocabulary")
        return source, None
    if complete_rows and isinstance(source, Iterator):
        raise ArgumentError("complete_rows=True requires texts that can be read twice, such as a list or files")
    counts = TokenCounts.from_texts(_open(source), **splitting, threads=threads)
    return counts, complete_row_counts(_open(source), counts, threads) if complete_rows and counts.total else None


def _open(source: Any) -> Any:  # noqa: ANN401
    return source() if callable(source) else source


def report_columns(
    source: Any,  # noqa: ANN401 - anything a user may hold
    *,
    on: Any = None,  # noqa: ANN401
    columns: Sequence[str | Sequence[str]] | None = None,
    partitions: int | None = None,
    batch_size: int = 32,
    top: int = 10,
    **reading: Any,  # noqa: ANN401
) -> ColumnsReport:
    """Compute statistics of the columns of a table. See docs/report.md.

    Args:
        source: A table, as for ``ColumnEncoder.fit``, a function that returns an iterator of record batches, or a
            ``ColumnEncoder``, whose columns of texts and numbers are left out.
        on: A new table to compare with ``source``.
        columns: The columns of the table, as for ``ColumnEncoder.fit``.
        partitions: The number of partitions of a sharded embedding whose load is computed, from ``on`` if it is given,
            otherwise from the table.
        batch_size: The number of rows in a batch.
        top: The number of values in each list.
        **reading: Arguments for files, as for ``ColumnEncoder.fit``.

    Raises:
        ArgumentError: If an argument is invalid.
        TextTypeError: If ``source`` or ``on`` is not a table.
        TextError: If a column is missing, or a table has no rows.

    Example:
        >>> table = {"user": ["ann", "bob", "ann", None], "item": [1, 2, 3, 1]}
        >>> result = report_columns(table, partitions=2, batch_size=4)
        >>> [(column.name, column.cardinality, column.missing) for column in result.columns]
        [('user', 2, 0.25), ('item', 3, 0.0)]
        >>> result.columns[1].load
        PartitionLoad(max_ids_per_partition=2, max_unique_ids_per_partition=2)
    """
    batch_size, top = check_count("batch_size", batch_size), check_count("top", top, least=0)
    partitions = check_optional_count("partitions", partitions)
    fitted = isinstance(source, ColumnEncoder)
    if fitted and columns is not None:
        raise ArgumentError("columns must be left out, because the columns are already fitted")
    table = on if on is not None else None if fitted else source
    if partitions is not None and (table is None or isinstance(table, Iterator)):
        raise ArgumentError(
            "partitions requires a table that can be read twice, such as a data frame or files: pass on=..."
        )
    encoder = _of_values(source) if fitted else ColumnEncoder.fit(_open(source), columns=columns, **reading)
    loads = None
    if partitions is not None:
        batches = table_batches(_open(table), encoder.parts, cells=encoder.cells, **reading)
        loads = partition_loads(encoder, batches, batch_size=batch_size, partitions=partitions)
    differences = {} if on is None else _column_drift(encoder, on, top, reading)
    return ColumnsReport(encoder.rows, batch_size, partitions, column_statistics(encoder, loads), differences)


def _of_values(encoder: ColumnEncoder) -> ColumnEncoder:
    """Return the encoder of the columns of values, without texts and numbers, or raise ``ArgumentError`` if none."""
    names = [column.name for column in encoder.columns if column.kind in ("single values", "lists")]
    if not names:
        raise ArgumentError("a report of columns requires columns of values; the folder has texts and numbers only")
    return encoder.select(names)


def _column_drift(encoder: ColumnEncoder, table: Any, top: int, reading: dict[str, Any]) -> dict[str, Drift]:  # noqa: ANN401
    names = [column.name for column in encoder.columns]
    shared: dict[int | None, list[str]] = {}
    for column in encoder.columns:
        shared.setdefault(column.vocabulary, []).append(column.name)
    groups = [group for group in shared.values() if len(group) > 1]
    lists = {name: column.separator for column in encoder.columns if (name := column.name) in encoder.cells}
    others = [column.parts for column in encoder.columns if column.name not in lists]
    parts = [names[0] if len(names) == 1 else names for names in others]
    new = ColumnEncoder.fit(_open(table), columns=parts, multi=lists, shared=groups, **reading)
    return {
        name: drift(
            Frequencies.of_vocabulary(encoder.vocabularies[name]),
            Frequencies.of_vocabulary(new.vocabularies[name]),
            top,
        )
        for name in names
    }


def report_options(coverage: float, untruncated: float, batch_size: int, top: int) -> ReportOptions:
    """Check the arguments and return them.

    Raises:
        ArgumentError: If one is invalid.
    """
    for name, share in (("coverage", coverage), ("untruncated", untruncated)):
        if not isinstance(share, (int, float)) or isinstance(share, bool) or not 0 < share <= 1:
            raise ArgumentError(f"{name} must be a number greater than 0 and at most 1; received {share!r}")
    return ReportOptions(
        float(coverage), float(untruncated), check_count("batch_size", batch_size), check_count("top", top, least=0)
    )
