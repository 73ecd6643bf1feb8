"""Suggested arguments of ``fit_vocab`` and ``embedding_model``, with the reasons."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tokemb.analysis.report.coverage import embedding_mb
from tokemb.analysis.report.frequencies import Frequencies
from tokemb.analysis.report.row_lengths import length_curve
from tokemb.rows.corpus_statistics import length_quantile

_DIMS = (8, 16, 32, 64, 128, 256)


@dataclass(frozen=True)
class Suggestion:
    """A suggested value of an argument.

    Attributes:
        argument: The argument: ``"max_size"``, ``"min_count"``, ``"maxlen"`` or ``"output_dim"``.
        value: The suggested value.
        reason: The reason, as a sentence without a full stop.
    """

    argument: str
    value: int
    reason: str


def suggested_size(frequencies: Frequencies, coverage: float) -> int:
    """Return the number of tokens that are as frequent as needed to cover ``coverage`` of the text.

    Tokens of the same count are all selected or all left out. Tokens that occur once are only selected if all do.
    """
    covered = frequencies.occurrences()
    last = min(int(np.searchsorted(covered, coverage * frequencies.total)), len(covered) - 1)
    least = max(int(frequencies.counts[last]), min(2, int(frequencies.counts[0])))
    return int(np.count_nonzero(frequencies.counts >= least))


def suggested_dimension(frequencies: Frequencies, size: int) -> int:
    """Return the largest usual dimension that needs at most one weight for each token of the text."""
    return max([dim for dim in _DIMS if dim * size <= frequencies.total], default=_DIMS[0])


def suggest(
    frequencies: Frequencies, *, coverage: float, untruncated: float, batch_size: int, size: int, dim: int
) -> list[Suggestion]:
    """Suggest arguments.

    Args:
        frequencies: The frequencies.
        coverage: The share of the text that the vocabulary should cover.
        untruncated: The share of rows that should not be truncated.
        batch_size: The number of rows in a batch.
        size: The suggested size.
        dim: The suggested dimension.
    """
    suggestions = [
        Suggestion(
            "output_dim",
            dim,
            f"{_tokens(size, 'has', 'have')} {size * dim:,} weights ({embedding_mb(size, dim):,.1f} MB), and the "
            f"text has {frequencies.total:,} tokens to learn them from; at most one weight for each token "
            "is a rule of thumb",
        )
    ]
    if frequencies.unit == "words":  # the rows are measured in words, but a row of ids consists of subwords
        return suggestions
    lengths = _suggest_length(frequencies, untruncated, batch_size)
    return [*_suggest_selection(frequencies, size, coverage), *lengths, *suggestions]


def _tokens(size: int, one: str, many: str) -> str:
    """Return a number of tokens and the form of the verb for it."""
    return f"1 token {one}" if size == 1 else f"{size:,} tokens {many}"


def _suggest_selection(frequencies: Frequencies, size: int, coverage: float) -> list[Suggestion]:
    covered = frequencies.occurrences() / max(frequencies.total, 1)
    twice = min(2 * size, len(covered))
    more = f"; {twice:,} would cover {covered[twice - 1]:.2%}" if twice > size else ""
    least = int(frequencies.counts[size - 1])
    others = frequencies.distinct - size
    rarer = "occur once, which is too little to learn from" if least == 2 else f"occur less than {least:,} times each"
    return [
        Suggestion(
            "max_size",
            size,
            f"{_tokens(size, 'covers', 'cover')} {covered[size - 1]:.2%} of the text, and the target is "
            f"{coverage:.0%}{more}",
        ),
        Suggestion(
            "min_count",
            least,
            f"the other {others:,} distinct tokens {rarer}" if others else "the vocabulary has all tokens of the text",
        ),
    ]


def _suggest_length(frequencies: Frequencies, untruncated: float, batch_size: int) -> list[Suggestion]:
    around = frequencies.around
    maxlen = max(length_quantile(frequencies.row_lengths, untruncated), 1) + around
    points = length_curve(frequencies.row_lengths, [maxlen], batch_size, around)
    names = {0: "", 1: ", with the start or end token", 2: ", with the start and the end token"}[around]
    return [
        Suggestion(
            "maxlen",
            maxlen,
            f"{1 - point.truncated_rows:.2%} of the rows are not longer{names}, truncation loses "
            f"{point.lost_tokens:.2%} of the tokens, and {point.fixed_padding:.1%} of the ids are padding, or "
            f"{point.bucket_padding:.1%} with bucket=True",
        )
        for point in points
    ]
