"""Statistics of the corpus to which a vocabulary was fitted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tokemb.errors import VocabularyError

# Numbers of rows and tokens are int64.
_LARGEST = 2**63 - 1


@dataclass(frozen=True)
class CorpusStatistics:
    """Sizes of the corpus to which a vocabulary was fitted.

    Attributes:
        rows: The number of rows.
        tokens: The number of pre-tokens.
        distinct: The number of distinct pre-tokens.
        encoded: The number of tokens. For word vocabularies it equals ``tokens``.
        oov: The number of tokens out of vocabulary.
        row_lengths: For each length in pre-tokens, the number of rows with this length.
    """

    rows: int
    tokens: int
    distinct: int
    encoded: int
    oov: int
    row_lengths: Mapping[int, int]

    @property
    def coverage(self) -> float:
        """The share of tokens that have an id of their own, from 0 to 1."""
        return 1 - self.oov / self.encoded if self.encoded else 1.0

    def length_quantile(self, share: float) -> int:
        """Return the smallest length in pre-tokens such that at least ``share`` of the rows are not longer."""
        return length_quantile(self.row_lengths, share)

    def to_json(self) -> dict[str, Any]:
        """Return the object of ``tokemb.json``: the attributes, with ``row_lengths`` as a list of pairs."""
        return {**vars(self), "row_lengths": [list(pair) for pair in sorted(self.row_lengths.items())]}

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> CorpusStatistics:
        """Invert ``to_json``. Any other content raises ``VocabularyError``."""
        try:
            pairs: Sequence[tuple[int, int]] = content["row_lengths"]
            statistics = cls(**{**content, "row_lengths": dict(pairs)})
        except (KeyError, TypeError, ValueError):
            raise _invalid() from None
        numbers = [*statistics.row_lengths.items(), [v for k, v in vars(statistics).items() if k != "row_lengths"]]
        if any(type(number) is not int or not 0 <= number <= _LARGEST for part in numbers for number in part):
            raise _invalid()
        if sum(length * rows for length, rows in statistics.row_lengths.items()) > _LARGEST:
            raise _invalid()
        return statistics


def _invalid() -> VocabularyError:
    return VocabularyError("the corpus in tokemb.json must hold numbers of rows and tokens: fit the vocabulary again")


def length_quantile(row_lengths: Mapping[int, int], share: float) -> int:
    """Return the smallest length such that at least ``share`` of the rows are not longer, or 0 without rows.

    Args:
        row_lengths: For each length, the number of rows with this length.
        share: A number from 0 to 1.
    """
    required, covered = share * sum(row_lengths.values()), 0
    for length, rows in sorted(row_lengths.items()):
        covered += rows
        if covered >= required:
            return length
    return 0
