"""Encode texts as n-grams, of which those that are out of vocabulary are hashed into buckets."""

from __future__ import annotations

import pyarrow as pa

from tokemb._arrays import Int64
from tokemb.engine import Engine, Explanation
from tokemb.engine.ngram_counting import NgramTexts
from tokemb.engine.padded import PaddedTarget
from tokemb.engine.token_index import TokenIndex
from tokemb.rows.ragged import Ragged
from tokemb.vocabulary.oov_buckets import OovBuckets
from tokemb.vocabulary.special_tokens import SpecialTokens
from tokemb.vocabulary.tokenizer_json import BLANK, TokenizerJson, tokenizer_of


class HashedNgramEngine:
    """Encode texts as n-grams by the strings of the n-grams, before truncation and padding.

    The ids of the distinct n-grams of a batch are looked up, so that each is hashed once.
    """

    def __init__(
        self, specification: TokenizerJson, token_index: TokenIndex, lengths: tuple[int, ...], buckets: OovBuckets
    ) -> None:
        """Initialize the engine.

        Args:
            specification: The content of the ``tokenizer.json``, whose model contains the n-grams.
            token_index: The ids of n-grams.
            lengths: The lengths of the n-grams, in the order of the ids in a row.
            buckets: The buckets of n-grams out of vocabulary.
        """
        splitting = {**BLANK, **{name: specification.get(name) for name in ("normalizer", "pre_tokenizer")}}
        self._ngrams = NgramTexts(lambda: tokenizer_of(splitting), lengths)
        self._index = token_index
        self._specification = specification
        self._buckets = buckets

    def encode(self, rows: pa.Array, threads: int = 1) -> Ragged:
        """Encode rows.

        Args:
            rows: ``large_string`` or ``large_list<large_string>`` (rows,).
            threads: The number of threads.

        Returns:
            The ids as a ``Ragged`` with as many rows.
        """
        numbers, ngrams = self._ngrams.of(rows, threads)
        return Ragged(self._index.ids(ngrams, threads)[numbers.values], numbers.row_splits)

    def encode_list(self, texts: list[str], special_tokens: SpecialTokens, threads: int) -> Ragged | None:
        """Return ``None``: a list of texts is encoded as an Arrow array."""
        return None

    def encode_padded(self, texts: pa.LargeStringArray, target: PaddedTarget, threads: int) -> Int64 | None:
        """Return ``None``: rows are encoded before they are padded."""
        return None

    def explain(self, text: str | None = None) -> Explanation:
        """Return the backend that finds the tokens, and the reason."""
        tokenizer = tokenizer_of(self._specification)
        return Engine(self._specification, tokenizer, buckets=self._buckets, token_index=self._index).explain(text)
