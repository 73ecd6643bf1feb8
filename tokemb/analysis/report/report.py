"""Reports of texts, of their counts or of a vocabulary."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from tokemb._arrays import Int64
from tokemb.analysis.report.coverage import SizePoint, round_sizes, size_curve
from tokemb.analysis.report.drift import Drift
from tokemb.analysis.report.frequencies import Frequencies
from tokemb.analysis.report.growth import Heaps, Zipf, heaps, zipf
from tokemb.analysis.report.row_lengths import LengthPoint, length_curve, round_lengths
from tokemb.analysis.report.scripts import ScriptTokens, script_table, with_counts
from tokemb.analysis.report.suggestions import Suggestion, suggest, suggested_dimension, suggested_size
from tokemb.errors import TextError


@dataclass(frozen=True)
class TextReport:
    """Curves and suggestions for the sizes of a vocabulary, of rows and of an embedding.

    Attributes:
        rows: The number of rows.
        tokens: The number of tokens.
        distinct: The number of distinct tokens.
        unit: The unit of row lengths: ``"tokens"``, or ``"words"`` for a vocabulary of subwords.
        batch_size: The number of rows in a batch.
        dim: The dimension for which the size of the embedding is given.
        sizes: The vocabulary size against coverage.
        lengths: ``maxlen`` against truncation and padding.
        zipf: The counts of tokens by rank.
        heaps: The growth of the vocabulary. ``None`` if the counts of some tokens are missing.
        scripts: The tokens by script.
        oov: The most frequent tokens that the suggested vocabulary leaves out, each with its count.
        suggestions: The suggested arguments.
        drift: The differences to new texts, if there are any.
    """

    rows: int
    tokens: int
    distinct: int
    unit: str
    batch_size: int
    dim: int
    sizes: list[SizePoint]
    lengths: list[LengthPoint]
    zipf: Zipf
    heaps: Heaps | None
    scripts: list[ScriptTokens]
    oov: list[tuple[str, int]]
    suggestions: list[Suggestion]
    drift: Drift | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the fields as plain values."""
        return {"kind": "texts", **asdict(self)}


@dataclass(frozen=True)
class ReportOptions:
    """What a report aims for.

    Attributes:
        coverage: The share of the text that the suggested vocabulary covers.
        untruncated: The share of rows that the suggested ``maxlen`` does not truncate.
        batch_size: The number of rows in a batch.
        top: The number of tokens in each list.
    """

    coverage: float = 0.98
    untruncated: float = 0.95
    batch_size: int = 32
    top: int = 10


def text_report(
    frequencies: Frequencies,
    options: ReportOptions,
    complete_rows: Int64 | None = None,
    drift: Drift | None = None,
) -> TextReport:
    """Compute a report.

    Args:
        frequencies: The frequencies.
        options: What the report aims for.
        complete_rows: The result of ``complete_row_counts``, if the texts were read.
        drift: The differences to new texts.

    Raises:
        TextError: If there are no tokens.
    """
    if not len(frequencies.counts):
        raise TextError(f"a report requires at least one token; the {frequencies.rows:,} rows have none")
    size = suggested_size(frequencies, options.coverage)
    dim = suggested_dimension(frequencies, size)
    suggestions = suggest(
        frequencies,
        coverage=options.coverage,
        untruncated=options.untruncated,
        batch_size=options.batch_size,
        size=size,
        dim=dim,
    )
    sizes = sorted({*round_sizes(len(frequencies.counts)), size})
    suggested_lengths = {item.value for item in suggestions if item.argument == "maxlen"}
    maxlens = sorted({*round_lengths(frequencies.row_lengths, frequencies.around), *suggested_lengths})
    return TextReport(
        frequencies.rows,
        frequencies.total,
        frequencies.distinct,
        frequencies.unit,
        options.batch_size,
        dim,
        size_curve(frequencies, sizes, dim, complete_rows),
        length_curve(frequencies.row_lengths, maxlens, options.batch_size, frequencies.around),
        zipf(frequencies),
        heaps(frequencies),
        script_table(frequencies, options.top),
        with_counts(frequencies, np.arange(size, min(size + options.top, len(frequencies.counts)))),
        suggestions,
        drift,
    )
