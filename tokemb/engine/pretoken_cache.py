"""A cache of pre-tokens and their ids."""

from __future__ import annotations

from threading import Lock

import numpy as np
import pyarrow as pa

from tokemb._arrays import Int32, UInt64
from tokemb.engine.single_characters import CharacterIds
from tokemb.kernels import find_all, insert
from tokemb.kernels.structs import SLACK, SLOT, PretokenTable, Table, Text
from tokemb.rows.ragged import Ragged
from tokemb.rows.string_buffers import string_buffers

# The words of a line of the processor's cache, and of a huge page.
_LINE_WORDS, _HUGE_PAGE_WORDS = 8, 1 << 18


def aligned_words(size: int) -> UInt64:
    """Return zeros, uint64 (size,), that begin at a line of the processor's cache.

    A slot of a hash table is then in one line. NumPy aligns arrays to 16 bytes only, so half of the slots would be in
    two lines, and each look-up would wait for the second one.
    """
    return _aligned(np.zeros(size + _LINE_WORDS - 1, np.uint64), size, _LINE_WORDS)


def free_slots(slots: int) -> UInt64:
    """Return the free slots of a hash table, uint64 (slots * SLOT,). Use huge pages for many slots.

    With small pages, most look-ups wait for the address of the page, too. NumPy asks Linux for huge pages in new arrays
    of two such pages or more, but not in arrays of zeros.
    """
    size = slots * SLOT
    if 2 * size < _HUGE_PAGE_WORDS:
        return aligned_words(size)
    memory = np.empty(max(size, _HUGE_PAGE_WORDS) + _HUGE_PAGE_WORDS, np.uint64)
    words = _aligned(memory, size, _HUGE_PAGE_WORDS)
    words[:] = 0
    return words


def _aligned(words: UInt64, size: int, alignment: int) -> UInt64:
    """Return ``size`` of ``words`` from a multiple of ``alignment`` words on."""
    first = -words.ctypes.data // words.itemsize % alignment
    return words[first : first + size]


# Shorter texts are copied and padded with spare bytes, so that the kernels can read many bytes at once.
_WORTH_NO_COPY = 1 << 16


class PretokenCache:
    """Pre-tokens and their ids. A cache is never changed, so that threads can read it while another makes a larger one.

    Attributes:
        pretokens: The hash table.
        ids: int32 (total,), the ids of the pre-tokens that have more than one.
        size: The number of pre-tokens.
        text_size: The number of their bytes.
        density: The maximum number of ids per byte of a pre-token.
    """

    def __init__(self, pretokens: PretokenTable, size: int, packed_ids: UInt64, ids: Int32, density: int) -> None:
        self.pretokens = pretokens
        self.size = size
        self.ids = ids
        self.density = density
        self.text_size = int(pretokens.starts[size])
        self._packed_ids = packed_ids
        self._character_ids: tuple[Table, Int32] | None = None
        self._lock = Lock()

    @classmethod
    def empty(cls) -> PretokenCache:
        """Return a cache without pre-tokens."""
        return cls(_allocate(0, 0), 0, np.zeros(0, np.uint64), np.zeros(0, np.int32), 1)

    def find(self, texts: pa.LargeStringArray) -> Int32:
        """Return the number of each pre-token in ``texts``, int32 (texts,).

        It is -1 for those that are not in the cache.
        """
        numbers = np.empty(len(texts), np.int32)
        find_all(self.pretokens, with_slack(text_of(texts)), numbers)
        return numbers

    def character_ids(self, table: Table) -> Int32:
        """Return the ids of the characters that are pre-tokens of their own with one id.

        Returns:
            int32 (CODES,), one plus the id. 0 for all other characters, and for all characters if added tokens are
            matched in the normalized text, which must then be complete.
        """
        with self._lock:  # the threads of the first batches need them at the same time
            memo = self._character_ids
            if memo is None or memo[0] is not table:  # another thread may have a newer table
                memo = self._character_ids = table, self._compute_character_ids(table)
            return memo[1]

    def _compute_character_ids(self, table: Table) -> Int32:
        packed_ids = self._packed_ids[: self.size]
        single = packed_ids >> np.uint64(32) == 1
        ids = np.where(single, (packed_ids & np.uint64(0xFFFFFFFF)).astype(np.int32), np.int32(-1))
        characters = CharacterIds(table)
        characters.add(self.pretokens.text, self.pretokens.starts[: self.size + 1], ids)
        return characters.ids

    def with_pretokens(self, texts: pa.LargeStringArray, rows: Ragged) -> PretokenCache:
        """Return a cache that also contains ``texts``, whose ids are ``rows``.

        Args:
            texts: New pre-tokens, ``large_string`` (texts,).
            rows: Their ids.
        """
        more = with_slack(text_of(texts))
        size, text_size = self.size + len(texts), self.text_size + int(more.offsets[-1])
        new_packed_ids, ids = self._pack_ids(rows)
        pretokens = _allocate(size, text_size)
        insert(pretokens, 0, Text(self.pretokens.text, self.pretokens.starts[: self.size + 1]), self._packed_ids)
        packed_ids = np.concatenate([self._packed_ids, new_packed_ids])
        insert(pretokens, self.size, more, new_packed_ids)
        density = int((-(-rows.lengths // np.maximum(np.diff(more.offsets), 1))).max(initial=self.density))
        return PretokenCache(pretokens, size, packed_ids, ids, density)

    def _pack_ids(self, rows: Ragged) -> tuple[UInt64, Int32]:
        """Return the packed ids of new pre-tokens, uint64 (rows,), and all ids of pre-tokens with more than one.

        One id is stored in the packed value. Several ids are stored in ``ids``.
        """
        single = rows.lengths == 1
        packed_ids = rows.lengths << 32
        packed_ids[~single] |= (rows.row_splits[:-1] + len(self.ids))[~single]
        packed_ids[single] |= rows.values[rows.row_splits[:-1][single]]
        return packed_ids.view(np.uint64), self.ids if single.all() else np.append(self.ids, rows.values)


def text_of(texts: pa.LargeStringArray) -> Text:
    """Return Arrow strings as the arrays of the kernels."""
    offsets, data = string_buffers(texts)
    text = Text(data, offsets)
    return text if len(data) > _WORTH_NO_COPY else with_slack(text)


def with_slack(texts: Text) -> Text:
    """Return the texts with spare bytes after the end, which the kernels may read."""
    return Text(np.append(texts.data, np.zeros(SLACK, np.uint8)), texts.offsets)


def _allocate(size: int, text_size: int) -> PretokenTable:
    slots = 1 << max(2 * size, 8).bit_length()
    return PretokenTable(free_slots(slots), np.zeros(text_size + SLACK, np.uint8), np.zeros(size + 1, np.int64))
