"""Look up the words of many texts at once with the engine's scanner."""

from __future__ import annotations

import gc
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import numpy as np
import pyarrow as pa

from tokemb._arrays import STRINGS
from tokemb.engine.reference import Reference
from tokemb.engine.scan_plan import char_table_of
from tokemb.keras.legacy.splitting import Splitting, profile_of
from tokemb.rows.ragged import Ragged
from tokemb.rows.threads import thread_count
from tokemb.vocabulary.tokenizer_json import tokenizer_json_of
from tokemb.vocabulary.tokenizers_library import models


class WordLookup:
    """Look up words of a ``word_index``. The words are numbered in its order.

    Attributes:
        word_index: A copy of the ``word_index``. An equal dictionary may have another order.
    """

    def __init__(self, word_index: Mapping[str, int], splitting: Splitting) -> None:
        """Initialize the lookup.

        Args:
            word_index: The id of each word. The words are ``str``.
            splitting: The settings of splitting.

        Raises:
            UnicodeEncodeError: If a word contains a lone surrogate.
        """
        # These imports are slow, and short texts do not need them.
        from tokemb.engine.pretoken_cache import PretokenCache
        from tokemb.engine.scanner import Scanner

        self.word_index = dict(word_index)
        self._splitting = splitting
        self._profile = profile_of(splitting)
        specification = tokenizer_json_of(self._profile.tokenizer())
        components = (json.dumps(specification[key]) for key in ("normalizer", "pre_tokenizer"))
        size = len(word_index)
        numbers = Ragged(np.arange(size, dtype=np.int32), np.arange(size + 1))
        cache = PretokenCache.empty().with_pretokens(pa.array(list(word_index), STRINGS), numbers)
        self._scanner = Scanner(char_table_of(*components), cache, size, self._reference, None, whole_rows=False)

    def matches(self, word_index: Mapping[str, int], splitting: Splitting) -> bool:
        """Return whether the lookup is still valid. Users can change the ``word_index`` of a tokenizer."""
        return self._splitting == splitting and self.word_index == word_index

    def sequences(self, texts: pa.LargeStringArray, ids: Sequence[int | None]) -> list[list[int]]:
        """Return the ids of texts.

        Args:
            texts: ``large_string`` array ``(rows,)``.
            ids: The id of each word, and last the id of words out of vocabulary. Words with the id ``None`` are
                dropped.
        """
        rows = self._scanner.encode(texts, thread_count())
        has_id = np.array([index is not None for index in ids])
        if not has_id.all():
            rows = rows.select(has_id[rows.values])
        # Taking existing integer objects is faster than making new ones, and needs no memory.
        take = np.array(ids, dtype=object).take
        splits = rows.row_splits.tolist()
        with _gc_paused():
            return [take(rows.values[start:end]).tolist() for start, end in zip(splits, splits[1:], strict=False)]

    def _reference(self, texts: pa.LargeStringArray, threads: int) -> Ragged:
        """Return the numbers of the words by `tokenizers`, for rows that the scanner does not support."""
        numbers = {word: number for number, word in enumerate(self.word_index)}
        numbers[""] = len(self.word_index)  # no word is empty, so this token is for words out of vocabulary
        return Reference(self._profile.tokenizer(models.WordLevel(numbers, unk_token=""))).encode(texts, threads)


@contextmanager
def _gc_paused() -> Iterator[None]:
    """Pause the garbage collector while many lists are made, since it would visit them repeatedly.

    It looks for reference cycles, and lists of integers are in none.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
