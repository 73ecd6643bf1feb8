"""Drift: how new texts differ from those that a vocabulary was fitted to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow.compute as pc

from tokemb._arrays import Float64, Int64
from tokemb.analysis.report.frequencies import Frequencies
from tokemb.analysis.report.scripts import with_counts
from tokemb.analysis.report.stability import Stability, compare
from tokemb.errors import TextError
from tokemb.rows.corpus_statistics import length_quantile
from tokemb.vocabulary.escape_token import escape_token

_BINS = 10
_FREQUENT = 50
_VERDICTS = ("stable", "moderate", "significant")


@dataclass(frozen=True)
class Drift:
    """The differences between a reference and new texts.

    Attributes:
        verdict: The worst verdict of the distributions: ``"stable"``, ``"moderate"`` or ``"significant"``.
        rows: The number of rows of the reference and of the new texts.
        tokens: The number of tokens of both.
        expected_oov: The share of tokens out of vocabulary that a row of the reference would have if it had not been
            counted. Tokens that occur in a single row would then be out of vocabulary, too.
        oov: The share of tokens of the new texts that are out of vocabulary.
        new_tokens: The number of distinct tokens that only the new texts have.
        vanished_tokens: The number of distinct tokens that the new texts do not have.
        new: The most frequent new tokens, each with its count.
        vanished: The most frequent vanished tokens, each with its count in the reference.
        mean_length: The mean length of the rows of both.
        length_95: The 95 % quantile of the length of the rows of both.
        distributions: The compared distributions: all tokens, the most frequent tokens, and row lengths.
    """

    verdict: str
    rows: tuple[int, int]
    tokens: tuple[int, int]
    expected_oov: float
    oov: float
    new_tokens: int
    vanished_tokens: int
    new: list[tuple[str, int]]
    vanished: list[tuple[str, int]]
    mean_length: tuple[float, float]
    length_95: tuple[int, int]
    distributions: list[Stability]

    def score(self) -> float:
        """Return the highest index that chance does not explain, or 0."""
        return max((part.psi for part in self.distributions if part.exceeds_chance), default=0.0)


def drift(reference: Frequencies, new: Frequencies, top: int) -> Drift:
    """Compare ``new`` with ``reference``, and list ``top`` tokens of each kind.

    Raises:
        TextError: If one of them has no tokens.
    """
    for name, frequencies in (("reference", reference), ("new texts", new)):
        if not frequencies.total or not frequencies.rows:
            raise TextError(
                f"drift requires at least one token in the reference and in the new texts; the {name} "
                f"{'has' if name == 'reference' else 'have'} {frequencies.rows:,} rows and none"
            )
    position = pc.index_in(new.tokens, value_set=reference.tokens).fill_null(-1).to_numpy()
    known = position >= 0
    missing = np.bincount(position[known], minlength=len(reference.tokens)) == 0
    expected = _expected_oov(reference)
    rows, totals = (reference.rows, new.rows), (reference.total, new.total)
    tokens = np.bincount(position[known], new.counts[known], len(reference.tokens)).astype(np.float64)
    oov = 1 - float(tokens.sum()) / new.total
    distributions = [
        compare(*_token_bins(reference, tokens, expected, oov), rows, totals),
        compare(*_frequent_bins(reference, tokens / new.total, expected), rows, totals),
        _compare_lengths(reference.row_lengths, new.row_lengths, rows),
    ]
    return Drift(
        max((part.verdict for part in distributions), key=_VERDICTS.index),
        rows,
        totals,
        expected,
        oov,
        int(np.count_nonzero(~known)),
        int(np.count_nonzero(missing)),
        with_counts(new, np.flatnonzero(~known)[:top]),
        with_counts(reference, np.flatnonzero(missing)[:top]),
        (_mean(reference.row_lengths), _mean(new.row_lengths)),
        (length_quantile(reference.row_lengths, 0.95), length_quantile(new.row_lengths, 0.95)),
        distributions,
    )


def _expected_oov(reference: Frequencies) -> float:
    single = reference.counts == 1 if reference.documents is None else reference.documents == 1
    known = int(reference.counts.sum())
    return (reference.total - known + int(reference.counts[single].sum())) / reference.total


_Bins = tuple[str, list[str], Float64, Float64]


def _token_bins(reference: Frequencies, tokens: Float64, expected: float, oov: float) -> _Bins:
    """Return bins of tokens that have about the same number of occurrences in the reference, and the OOV bin."""
    before = reference.occurrences() - reference.counts
    number = before * _BINS // max(int(reference.counts.sum()), 1)
    first = np.unique(number, return_index=True)[1]
    counts = np.add.reduceat(reference.counts, first)
    shares = counts / counts.sum() * (1 - expected)
    new_shares = np.add.reduceat(tokens, first) / max(float(tokens.sum()), 1.0) * (1 - oov)
    ends = np.append(first[1:], len(number))
    names = [f"ranks {start + 1:,} to {end:,}" for start, end in zip(first.tolist(), ends.tolist(), strict=True)]
    return "tokens", [*names, "out of vocabulary"], np.append(shares, expected), np.append(new_shares, oov)


def _frequent_bins(reference: Frequencies, new_shares: Float64, expected: float) -> _Bins:
    """Return a bin for each of the most frequent tokens, and one for all others together."""
    shares = reference.counts[:_FREQUENT] / reference.counts.sum() * (1 - expected)
    first = new_shares[:_FREQUENT]
    names = [escape_token(token) for token in reference.tokens.slice(0, len(shares)).to_pylist()]
    others = np.append(shares, 1 - shares.sum()), np.append(first, 1 - first.sum())
    return "frequent tokens", [*names, "all others"], *others


def _compare_lengths(reference: Mapping[int, int], new: Mapping[int, int], rows: tuple[int, int]) -> Stability:
    """Compare the row lengths in bins that hold about the same number of rows of the reference."""
    limits = sorted({length_quantile(reference, (step + 1) / _BINS) for step in range(_BINS - 1)})
    names = [
        *(f"{low + 1:,} to {high:,}" for low, high in zip([-1, *limits], limits, strict=False)),
        f"more than {limits[-1]:,}",
    ]
    return compare("row lengths", names, _length_shares(reference, limits), _length_shares(new, limits), rows, rows)


def _length_shares(row_lengths: Mapping[int, int], limits: list[int]) -> Float64:
    lengths, rows = _arrays(row_lengths)
    return np.bincount(np.searchsorted(limits, lengths), rows, len(limits) + 1) / rows.sum()


def _mean(row_lengths: Mapping[int, int]) -> float:
    lengths, rows = _arrays(row_lengths)
    return float(lengths @ rows / rows.sum())


def _arrays(row_lengths: Mapping[int, int]) -> tuple[Int64, Int64]:
    return np.fromiter(row_lengths.keys(), np.int64), np.fromiter(row_lengths.values(), np.int64)
