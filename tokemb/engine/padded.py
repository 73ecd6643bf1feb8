"""The target of padded ids."""

from __future__ import annotations

from typing import NamedTuple

from tokemb._arrays import Int32, Int64


class PaddedTarget(NamedTuple):
    """An array for padded ids, and how its rows are filled.

    Attributes:
        ids: int32 (rows, maxlen).
        room: The maximum number of ids per row, without special tokens.
        before: The ids of the special tokens before each row, int32.
        after: The ids of the special tokens after each row, int32.
        pad_id: The id that fills the rest of the row.
        dropped_id: An id that is left out. -1 for none.
        lengths: An array for the number of ids of each row, without special tokens, int64 (rows,). ``None`` if they are
            not needed.
    """

    ids: Int32
    room: int
    before: Int32
    after: Int32
    pad_id: int
    dropped_id: int
    lengths: Int64 | None = None
