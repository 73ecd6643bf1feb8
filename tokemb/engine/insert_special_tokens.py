"""Special tokens around rows, within the memory that the rows are in.

To move the ids a little takes less time than a second array does: a page that was not touched before costs a multiple
of what is written to it, most of all on virtual machines. A text more, before the others, makes the room.
"""

from __future__ import annotations

import numpy as np

from tokemb._arrays import Bool, Int32
from tokemb.rows.pack_rows import check_splits
from tokemb.rows.ragged import Ragged
from tokemb.rows.threads import parallel_map, split_rows, thread_count, worth_kernel
from tokemb.vocabulary.special_tokens import SpecialTokens

# A text of as many tokens as this is repeated, whatever words are cut by: so many characters for each of them.
_TOKEN = " a"
# The room is made if it is at most this part of the texts.
_SHARE = 1 / 32


def text_for_room(texts: list[str], around: SpecialTokens) -> str:
    """A text with room for ``around`` around each of ``texts``; empty if it would be too long beside them."""
    room = _TOKEN * (len(around) * len(texts))
    some = texts[:: len(texts) // 100 + 1]
    return room if len(room) * len(some) <= _SHARE * sum(map(len, some)) * len(texts) else ""


def insert_special_tokens(
    rows: Ragged, around: SpecialTokens, marked: Bool, threads: int | None
) -> tuple[Ragged, Bool]:
    """Insert special tokens around all rows but the first one, whose ids make room. ``values`` is written to."""
    check_splits(rows.values, rows.row_splits)
    texts = rows.slice(1, len(rows))
    if rows.row_splits[1] < len(around) * len(texts) or not worth_kernel(len(rows.values)):
        return around.add_and_find_special_tokens(texts, marked, threads)
    from tokemb import kernels

    starts, lengths = rows.row_splits[1:-1].copy(), texts.lengths
    splits = np.zeros(len(rows), np.int64)
    np.cumsum(lengths + len(around), out=splits[1:])
    found = np.zeros(len(texts), np.bool_)
    fixed = np.array(around.before, np.int32), np.array(around.after, np.int32), splits, rows.values, 0, 0
    looking = marked.view(np.uint8), found.view(np.uint8)

    def move(first: int, kept: int, last: int, copy: Int32) -> None:
        kernels.lay_rows(rows.values, starts, lengths, *fixed, *looking, first, kept)
        kernels.lay_rows(copy, starts - rows.row_splits[1 + kept], lengths, *fixed, *looking, kept, last)

    moves = []
    for first, last in split_rows(splits, thread_count(threads)):
        # Rows are moved to the left, so that the next part comes to lie where the last rows of this one are.
        kept = first + int(np.searchsorted(starts[first:last] + lengths[first:last], splits[last], side="right"))
        kept = last if last == len(texts) else kept
        moves.append((first, kept, last, rows.values[rows.row_splits[1 + kept] : rows.row_splits[1 + last]].copy()))
    parallel_map(move, moves)
    return Ragged(rows.values[: splits[-1]], splits), found
