"""Lookup of tokens that are not split, such as rows that are lists of tokens."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from tokemb._arrays import STRINGS, Int32
from tokemb.errors import VocabularyError
from tokemb.rows.ragged import Ragged
from tokemb.rows.string_buffers import string_buffers
from tokemb.rows.threads import parallel_map, split_evenly, worth_kernel

if TYPE_CHECKING:
    from tokemb.engine.pretoken_cache import PretokenCache
    from tokemb.vocabulary.oov_buckets import OovBuckets


class TokenIndex:
    """Look up tokens without splitting them."""

    def __init__(self, ids: Mapping[str, int], oov_id: int | None, buckets: OovBuckets | None = None) -> None:
        """Initialize the index.

        Args:
            ids: The id of every token. An empty token with id 0 is padding and is not indexed, so empty tokens are OOV.
            oov_id: The id of tokens out of vocabulary, if there is one.
            buckets: The buckets of tokens out of vocabulary. The id of the first is ``oov_id``, whose token is then not
                indexed.
        """
        not_indexed = None if buckets is None else oov_id
        indexed = {token: index for token, index in ids.items() if (token or index) and index != not_indexed}
        self._buckets = buckets
        self._tokens = pa.array(list(indexed), STRINGS)
        # The OOV id comes last, so that position -1 selects it.
        self._ids = np.array([*indexed.values(), -1 if oov_id is None else oov_id], np.int32)
        self._has_oov_id = oov_id is not None

    def encode(self, rows: pa.LargeListArray, threads: int = 1) -> Ragged:
        """Look up rows of tokens.

        Args:
            rows: ``large_list<large_string>`` (rows,).
            threads: The number of threads.

        Returns:
            The ids as a ``Ragged`` with as many rows.

        Raises:
            VocabularyError: If a token is out of vocabulary and there is no id for that.
        """
        ids = self.ids(rows.flatten(), threads)
        return Ragged.from_lengths(ids, rows.value_lengths().to_numpy().astype(np.int64))

    def ids(self, tokens: pa.LargeStringArray, threads: int = 1, empty_id: int = -1) -> Int32:
        """Return the id of each token.

        Args:
            tokens: ``large_string`` (tokens,).
            threads: The number of threads.
            empty_id: The id of empty tokens. If it is negative, they are out of vocabulary.

        Returns:
            int32 (tokens,). The errors are those of ``encode``.
        """
        if self._buckets is not None or worth_kernel(len(tokens)):
            ranges = split_evenly(len(tokens), len(tokens), threads)
            parts = parallel_map(self._look_up, [(self._cache, tokens[first:last], empty_id) for first, last in ranges])
            ids = np.concatenate(parts) if len(parts) > 1 else parts[0]
        else:
            import pyarrow.compute as pc  # a slow import that most inputs do not need

            ids = self._ids[pc.index_in(tokens, value_set=self._tokens).fill_null(-1).to_numpy()]
            if empty_id >= 0:
                ids[np.diff(string_buffers(tokens)[0]) == 0] = empty_id
        if not self._has_oov_id and (ids < 0).any():
            token = tokens[int(np.argmax(ids < 0))].as_py()
            raise VocabularyError(
                f"the vocabulary has neither the token {token!r} nor an id for tokens out of vocabulary"
            )
        return ids

    def _look_up(self, cache: PretokenCache, tokens: pa.LargeStringArray, empty_id: int) -> Int32:
        from tokemb import kernels  # slow imports that small inputs do not need
        from tokemb.engine.pretoken_cache import text_of, with_slack
        from tokemb.vocabulary.oov_buckets import OovBuckets

        buckets = self._buckets or OovBuckets(1)
        found = np.empty(len(tokens), np.int32)
        kernels.look_up_tokens(
            cache.pretokens,
            self._ids,
            with_slack(text_of(tokens)),
            empty_id,
            self._ids[-1],
            buckets.count,
            buckets.key,
            found,
        )
        return found

    @cached_property
    def _cache(self) -> PretokenCache:
        from tokemb.engine.pretoken_cache import PretokenCache  # a slow import that small inputs do not need

        size = len(self._tokens)
        identity = Ragged(np.arange(size, dtype=np.int32), np.arange(size + 1))
        return PretokenCache.empty().with_pretokens(self._tokens, identity)
