"""Looking up the words of many texts at once, on the engine's scanner."""

from __future__ import annotations

import gc
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import numpy as np
import pyarrow as pa
from tokenizers.models import WordLevel

from tokemb._arrays import STRINGS
from tokemb.engine.reference import Reference
from tokemb.engine.scan_plan import char_table_of
from tokemb.keras.legacy.splitting import Splitting, profile_of
from tokemb.rows.ragged import Ragged
from tokemb.rows.threads import thread_count
from tokemb.vocabulary.tokenizer_json import tokenizer_json_of


class WordLookup:
    """The words of a ``word_index``, numbered in its order, and how text is split into them.

    ``word_index``: a copy. Another that is equal may be in another order.
    """

    def __init__(self, word_index: Mapping[str, int], splitting: Splitting) -> None:
        """``word_index``: its keys are ``str``; raises ``UnicodeEncodeError`` for a lone surrogate in one."""
        # Here, because few texts do without what they import.
        from tokemb.engine.pretoken_cache import PretokenCache
        from tokemb.engine.scanner import Scanner

        self.word_index = dict(word_index)
        self._splitting = splitting
        self._profile = profile_of(splitting)
        specification = tokenizer_json_of(self._profile.tokenizer())
        components = (json.dumps(specification[key]) for key in ("normalizer", "pre_tokenizer"))
        size = len(word_index)
        numbers = Ragged(np.arange(size, dtype=np.int32), np.arange(size + 1))
        known = PretokenCache.empty().with_pretokens(pa.array(list(word_index), STRINGS), numbers)
        self._scanner = Scanner(char_table_of(*components), known, size, self._reference, None, whole_rows=False)

    def is_of(self, word_index: Mapping[str, int], splitting: Splitting) -> bool:
        """Whether it was made of just that; a ``word_index`` can be changed by anyone."""
        return self._splitting == splitting and self.word_index == word_index

    def sequences(self, texts: pa.LargeStringArray, ids: Sequence[int | None]) -> list[list[int]]:
        """The ids of ``texts``, ``large_string`` (rows,), a row after the other.

        ``ids``: of every word, and at the end of all others; words whose id is ``None`` are left out.
        """
        rows = self._scanner.encode(texts, thread_count())
        kept = np.array([each is not None for each in ids])
        if not kept.all():
            rows = rows.select(kept[rows.values])
        # Taking the objects there are is faster than making new ones, and they need no memory.
        take = np.array(ids, dtype=object).take
        splits = rows.row_splits.tolist()
        with _without_collection():
            return [take(rows.values[start:end]).tolist() for start, end in zip(splits, splits[1:], strict=False)]

    def _reference(self, texts: pa.LargeStringArray, threads: int) -> Ragged:
        """The numbers of the words of ``texts``, by `tokenizers`: for rows that the scanner leaves."""
        numbers = {word: number for number, word in enumerate(self.word_index)}
        numbers[""] = len(self.word_index)  # no word is empty, so that this is for unknown ones
        return Reference(self._profile.tokenizer(WordLevel(numbers, unk_token=""))).encode(texts, threads)


@contextmanager
def _without_collection() -> Iterator[None]:
    """Make many lists without the garbage collector, which would go through them again and again.

    It looks for cycles, and lists of numbers are in none.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
