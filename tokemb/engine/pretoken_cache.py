"""Pieces of text and the ids that they become."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from tokemb.engine.buffers import string_buffers
from tokemb.kernels import find_all, insert
from tokemb.kernels.structs import ALONE, KEPT, SLACK, SLOT, TAIL, Int32, Pretokens, Table, Text, UInt64
from tokemb.rows.ragged import Ragged

# Shorter texts are copied to have bytes after them, so that all of them can be read many bytes at once.
_WORTH_NO_COPY = 1 << 16


class PretokenCache:
    """Pieces and their ids; never changed, so that threads may read while another makes a larger one.

    ``pieces``: the hash table. ``ids``: int32 (total,), those of the pieces that become more than one.
    ``size``: how many pieces. ``text_size``: their bytes. ``density``: the most ids that one byte of a piece becomes.
    """

    def __init__(self, pieces: Pretokens, size: int, becomes: UInt64, ids: Int32, density: int) -> None:
        self.pieces = pieces
        self.size = size
        self.ids = ids
        self.density = density
        self.text_size = int(pieces.starts[size])
        self._becomes = becomes
        self._characters: tuple[Table, Int32] | None = None

    @classmethod
    def none(cls) -> PretokenCache:
        """No pieces."""
        return cls(_room(0, 0), 0, np.zeros(0, np.uint64), np.zeros(0, np.int32), 1)

    def find(self, texts: pa.LargeStringArray) -> Int32:
        """The number of each of ``texts``, int32 (texts,), -1 for those that are not among the pieces."""
        numbers = np.empty(len(texts), np.int32)
        find_all(self.pieces, _with_slack(text_of(texts)), numbers)
        return numbers

    def of_characters(self, table: Table) -> Int32:
        """The id of each character in ``table`` that is a piece of its own and becomes one id, -1 of all others.

        int32, as many as ``table.flags``. All are -1 if tokens are looked for in normalized text, which is then
        needed whole.
        """
        kept = self._characters
        if kept is None or kept[0] is not table:  # another thread may have a newer table
            kept = self._characters = table, self._ids_of_characters(table)
        return kept[1]

    def _ids_of_characters(self, table: Table) -> Int32:
        ids = np.full(len(table.flags), -1, np.int32)
        if len(table.normal_token_starts) > 1:
            return ids
        leads = np.append(0, np.cumsum(table.classes != TAIL))
        one = (np.diff(leads[table.starts]) == 1) & (table.flags == 0)
        one[one] = table.classes[table.starts[:-1][one]] == KEPT | ALONE
        numbers = np.empty(len(ids), np.int32)
        find_all(self.pieces, _with_slack(Text(table.text, table.starts.astype(np.int64))), numbers)
        one &= numbers >= 0
        entries = np.flatnonzero(one)
        becomes = self._becomes[numbers[entries]]
        single = becomes >> np.uint64(32) == 1
        ids[entries[single]] = (becomes[single] & np.uint64(0xFFFFFFFF)).astype(np.int32)
        return ids

    def texts(self) -> pa.LargeStringArray:
        """The pieces in the order of their numbers, ``large_string`` (size,)."""
        starts = self.pieces.starts[: self.size + 1].copy()
        text = self.pieces.text[: self.text_size].copy()
        return pa.Array.from_buffers(pa.large_string(), self.size, [None, pa.py_buffer(starts), pa.py_buffer(text)])

    def and_more(self, texts: pa.LargeStringArray, rows: Ragged, *, in_place: bool = False) -> PretokenCache:
        """These and ``texts``, none of which is among them, whose ids are ``rows``.

        With ``in_place`` they are put into the same arrays where these have room, and the old object is of no use.
        """
        more = _with_slack(text_of(texts))
        size, text_size = self.size + len(texts), self.text_size + int(more.offsets[-1])
        new, ids = self._ids_in_table(rows)
        pieces, becomes = self.pieces, self._becomes
        if not in_place or not _has_room(pieces, size, text_size):
            spare = 2 if in_place else 1
            pieces, becomes = _room(spare * size, spare * text_size), np.zeros(spare * size, np.uint64)
            becomes[: self.size] = self._becomes[: self.size]
            insert(pieces, 0, Text(self.pieces.text, self.pieces.starts[: self.size + 1]), becomes)
        becomes[self.size : size] = new
        insert(pieces, self.size, more, new)
        density = int((-(-rows.lengths // np.maximum(np.diff(more.offsets), 1))).max(initial=self.density))
        return PretokenCache(pieces, size, becomes, ids, density)

    def _ids_in_table(self, rows: Ragged) -> tuple[UInt64, Int32]:
        """What the table says of pieces whose ids are ``rows``, uint64 (rows,); and ``ids`` with those of them.

        One id is kept in the table, more of them are kept in ``ids``.
        """
        single = rows.lengths == 1
        becomes = rows.lengths << 32
        becomes[~single] |= (rows.row_splits[:-1] + len(self.ids))[~single]
        becomes[single] |= rows.values[rows.row_splits[:-1][single]]
        return becomes.view(np.uint64), self.ids if single.all() else np.append(self.ids, rows.values)


def text_of(texts: pa.LargeStringArray) -> Text:
    """Arrow strings as the kernels want them."""
    offsets, data = string_buffers(texts)
    text = Text(data, offsets)
    return text if len(data) > _WORTH_NO_COPY else _with_slack(text)


def _with_slack(texts: Text) -> Text:
    """The same with bytes after the end, where a look-up may read."""
    return Text(np.append(texts.data, np.zeros(SLACK, np.uint8)), texts.offsets)


def _has_room(pieces: Pretokens, size: int, text_size: int) -> bool:
    return size < len(pieces.starts) and text_size + SLACK <= len(pieces.text) and 2 * SLOT * size <= len(pieces.slots)


def _room(size: int, text_size: int) -> Pretokens:
    slots = 1 << max(2 * size, 8).bit_length()
    return Pretokens(
        np.zeros(slots * SLOT, np.uint64), np.zeros(text_size + SLACK, np.uint8), np.zeros(size + 1, np.int64)
    )
