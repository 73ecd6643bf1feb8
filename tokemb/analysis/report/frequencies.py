"""Token frequencies of a corpus, ranked by count: what all curves of a report are computed from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tokemb._arrays import STRINGS, Int64
from tokemb.counts.select_tokens import PAD_TOKEN, UNK_TOKEN, rank_tokens
from tokemb.counts.token_counts import TokenCounts
from tokemb.errors import VocabularyError
from tokemb.vocabulary.profiles import get_profile
from tokemb.vocabulary.vocabulary import Vocabulary


@dataclass(frozen=True, eq=False)
class Frequencies:
    """The tokens of a corpus in the order in which a vocabulary selects them.

    Attributes:
        tokens: The tokens by descending count, ``large_string`` ``(ranked,)``.
        counts: The occurrences of each token, int64 ``(ranked,)``.
        documents: The rows that contain each token, int64 ``(ranked,)``. ``None`` for subwords, where it is not known.
        total: The number of all tokens, including those that are not in ``tokens``.
        distinct: The number of distinct tokens, including those that are not in ``tokens``.
        pairs: The number of pairs of a row and one of its distinct tokens. ``None`` if it is not known.
        row_lengths: For each length, the number of rows with this length.
        is_complete: Whether ``tokens`` are all tokens that a vocabulary can select.
        unit: The unit of ``row_lengths``: ``"tokens"``, or ``"words"`` if the tokens are subwords.
        around: The number of start and end tokens that a row of ids has besides.
    """

    tokens: pa.LargeStringArray
    counts: Int64
    documents: Int64 | None
    total: int
    distinct: int
    pairs: int | None
    row_lengths: Mapping[int, int]
    is_complete: bool
    unit: str = "tokens"
    around: int = 0

    @classmethod
    def of_counts(cls, counts: TokenCounts, ties: str | None = None) -> Frequencies:
        """Rank the tokens of ``counts``. Tokens that no vocabulary selects are left out.

        Args:
            counts: The counts.
            ties: The order of equally frequent tokens, as in ``rank_tokens``. ``None`` for that of the profile.
        """
        order = rank_tokens(counts, ties=ties or get_profile(counts.profile).ties)
        return cls(
            counts.tokens.take(pa.array(order)),
            counts.counts[order],
            counts.documents[order],
            counts.total,
            counts.distinct,
            None if counts.left_out else int(counts.documents.sum()),
            counts.row_lengths,
            not counts.left_out,
        )

    @classmethod
    def of_vocabulary(cls, vocabulary: Vocabulary) -> Frequencies:
        """Rank the tokens of a vocabulary. The tokens that it left out are only known by their number.

        Raises:
            VocabularyError: If the vocabulary holds no counts.
        """
        corpus = vocabulary.corpus
        table = vocabulary.table.filter(pc.greater(vocabulary.table["count"], 0))
        if vocabulary.is_hashed:
            raise VocabularyError("a report needs counts of tokens, and hashing has no tokens: pass the texts")
        if corpus is None or not len(table):
            raise VocabularyError(
                "this vocabulary holds no counts, because tokemb did not fit it: pass the texts or their counts"
            )
        table = table.filter(pc.invert(pc.is_in(table["token"], pa.array([PAD_TOKEN, UNK_TOKEN]))))
        counts = table["count"].to_numpy()
        order = np.argsort(-counts, kind="stable")  # ids are in the order of selection, except after growing
        is_word = vocabulary.algorithm == "word"
        documents = table["documents"].fill_null(0).to_numpy()[order] if is_word else None
        return cls(
            table["token"].cast(STRINGS).combine_chunks().take(pa.array(order)),
            counts[order],
            documents,
            corpus.encoded,
            corpus.distinct if is_word else len(table),
            None if documents is None or corpus.oov else int(documents.sum()),
            corpus.row_lengths,
            not corpus.oov,
            "tokens" if is_word else "words",
            sum(index is not None for index in (vocabulary.start_id, vocabulary.end_id)),
        )

    @cached_property
    def rows(self) -> int:
        """The number of rows."""
        return sum(self.row_lengths.values())

    def occurrences(self) -> Int64:
        """Return the number of occurrences of the tokens up to each rank, int64 ``(ranked,)``."""
        return np.cumsum(self.counts)
