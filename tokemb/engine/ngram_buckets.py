"""Encode texts as n-grams, of which those that are out of vocabulary are hashed into buckets."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property

import numpy as np
import pyarrow as pa

from tokemb._arrays import Int32, Int64
from tokemb.engine import Engine, Explanation
from tokemb.engine.ngram_counting import NgramTexts
from tokemb.engine.ngrams import NgramRows, NgramTable, parts_and_table
from tokemb.engine.padded import PaddedTarget
from tokemb.engine.token_index import TokenIndex
from tokemb.kernels.structs import NgramHashing
from tokemb.rows.ragged import Ragged
from tokemb.vocabulary.oov_buckets import OovBuckets
from tokemb.vocabulary.special_tokens import SpecialTokens
from tokemb.vocabulary.tokenizer_json import BLANK, TokenizerJson, tokenizer_of


class HashedNgramEngine:
    """Encode texts as n-grams, before truncation and padding.

    Texts become rows of numbers of tokens, from which the kernel finds the n-grams of the vocabulary and the strings
    of the others.
    """

    def __init__(
        self,
        specification: TokenizerJson,
        ids: Mapping[str, int],
        oov_id: int,
        lengths: tuple[int, ...],
        buckets: OovBuckets,
    ) -> None:
        """Initialize the engine. The tables are made when the first text is encoded.

        Args:
            specification: The content of the ``tokenizer.json``, whose model contains the n-grams.
            ids: The id of every n-gram.
            oov_id: The id of the first bucket.
            lengths: The lengths of the n-grams, in the order of the ids in a row.
            buckets: The buckets of n-grams out of vocabulary.
        """
        splitting = {**BLANK, **{name: specification.get(name) for name in ("normalizer", "pre_tokenizer")}}
        self._texts = NgramTexts(lambda: tokenizer_of(splitting), lengths)
        self._ids = {ngram: index for ngram, index in ids.items() if (ngram or index) and index != oov_id}
        self._oov_id = oov_id
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
        tokens, texts = self._texts.token_rows(rows, threads)
        splits = tokens.row_splits
        values = np.empty(splits[-1], np.int32)
        self._join(tokens, texts, values, splits, 0, threads)
        return Ragged(values, splits)

    @property
    def token_index(self) -> HashedNgramEngine:
        """The index for rows of tokens, which are encoded as texts are."""
        return self

    def encode_list(self, texts: list[str], special_tokens: SpecialTokens, threads: int) -> Ragged | None:
        """Return ``None``: a list of texts is encoded as an Arrow array."""
        return None

    def encode_padded(self, texts: pa.LargeStringArray, target: PaddedTarget, threads: int) -> Int64:
        """Write ids into a padded array, as ``Engine.encode_padded``."""
        tokens, token_texts = self._texts.token_rows(texts, threads)
        splits = np.arange(len(texts) + 1, dtype=np.int64) * target.ids.shape[1]
        self._join(tokens, token_texts, target.ids.reshape(-1), splits, target.pad_id, threads)
        return np.zeros(0, np.int64)

    def explain(self, text: str | None = None) -> Explanation:
        """Return the backend that finds the tokens, and the reason."""
        tokenizer = tokenizer_of(self._specification)
        return Engine(self._specification, tokenizer, buckets=self._buckets).explain(text)

    def _join(
        self, rows: NgramRows, texts: pa.LargeStringArray, out: Int32, splits: Int64, fill: int, threads: int
    ) -> None:
        """Write the ids of n-grams, as ``NgramTable.encode``.

        Args:
            rows: Rows of indices into ``texts``.
            texts: The tokens, ``large_string`` (tokens,).
            out: As for ``NgramTable.encode``, like the arguments after it.
            splits: The starts of the rows.
            fill: The id of padding.
            threads: The number of threads.
        """
        from tokemb.engine.pretoken_cache import text_of, with_slack  # a slow import that is not always needed

        index, table = self._index_and_table
        hashing = NgramHashing(rows.parts, with_slack(text_of(texts)), self._buckets.count, self._buckets.key)
        parts = index.ids(texts, threads).take(rows.parts)
        table.encode(
            NgramRows(parts, rows.starts, rows.ends, rows.first_runs, rows.lengths), out, splits, fill, threads, hashing
        )

    @cached_property
    def _index_and_table(self) -> tuple[TokenIndex, NgramTable]:
        """The number of each part, with one number for all other tokens, and the n-grams of the vocabulary."""
        parts, table = parts_and_table(self._ids, self._specification.get("pre_tokenizer"), self._oov_id)
        return TokenIndex(parts, len(parts), OovBuckets(1)), table
