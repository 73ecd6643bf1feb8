"""What is known of the corpus that a vocabulary was made from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tokemb.errors import VocabularyError


@dataclass(frozen=True)
class CorpusStatistics:
    """Sizes of the corpus that a vocabulary was made from.

    ``rows``, ``tokens``, ``distinct``: rows, tokens of the profile, and how many of those differ.
    ``encoded``, ``oov``: tokens of the model (the same for word models), and how many are out of vocabulary.
    ``row_lengths``: for each length in tokens of the profile, the number of rows that have it.
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
        """The smallest length in tokens such that at least ``share`` of the rows are no longer."""
        return length_quantile(self.row_lengths, share)

    def to_json(self) -> dict[str, Any]:
        """The form in ``tokemb.json``: as the fields, ``row_lengths`` a list of pairs."""
        return {**vars(self), "row_lengths": [list(pair) for pair in sorted(self.row_lengths.items())]}

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> CorpusStatistics:
        """Invert ``to_json``; raises ``VocabularyError`` if the content is anything else."""
        try:
            pairs: Sequence[tuple[int, int]] = content["row_lengths"]
            statistics = cls(**{**content, "row_lengths": dict(pairs)})
        except (KeyError, TypeError, ValueError):
            raise _wrong() from None
        numbers = [*statistics.row_lengths.items(), [v for k, v in vars(statistics).items() if k != "row_lengths"]]
        if any(type(number) is not int or number < 0 for part in numbers for number in part):
            raise _wrong()
        return statistics


def _wrong() -> VocabularyError:
    return VocabularyError("the corpus in tokemb.json must be numbers of rows and tokens: fit the vocabulary again")


def length_quantile(row_lengths: Mapping[int, int], share: float) -> int:
    """The smallest length such that at least ``share`` of the rows are no longer; 0 if there are no rows.

    ``row_lengths``: for each length, the number of rows that have it.
    """
    enough, reached = share * sum(row_lengths.values()), 0
    for length, rows in sorted(row_lengths.items()):
        reached += rows
        if reached >= enough:
            return length
    return 0
