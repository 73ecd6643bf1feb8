"""Insertion of special tokens around rows, in the array that contains the rows.

Moving the ids within an array takes less time than writing a second array, because the first access to a memory page
costs a multiple of the write, above all on virtual machines. An extra text before the others makes room for the special
tokens.
"""

from __future__ import annotations

import numpy as np

from tokemb._arrays import Bool, Int32
from tokemb.rows.pack_rows import check_splits
from tokemb.rows.ragged import Ragged
from tokemb.rows.threads import parallel_map, split_rows, thread_count, worth_kernel
from tokemb.vocabulary.special_tokens import SpecialTokens

# Any pre-tokenizer splits n repetitions of this text into at least n tokens.
_TOKEN = " a"
# The extra text is added only if it is at most this share of the texts.
_SHARE = 1 / 32


def text_for_room(texts: list[str], special_tokens: SpecialTokens) -> str:
    """Return a text whose ids leave room for ``special_tokens`` around each text, or ``""`` if it would be too long."""
    room = _TOKEN * (len(special_tokens) * len(texts))
    sample = texts[:: len(texts) // 100 + 1]
    return room if len(room) * len(sample) <= _SHARE * sum(map(len, sample)) * len(texts) else ""


def insert_special_tokens(
    rows: Ragged, special_tokens: SpecialTokens, marked: Bool, threads: int | None
) -> tuple[Ragged, Bool]:
    """Insert special tokens around all rows but the first one, whose ids make room. Overwrite the values of ``rows``.

    Args:
        rows: The ids. The first row is that of ``text_for_room``.
        special_tokens: The ids to insert before and after each row.
        marked: bool (ids + 1,), which ids to look for. The last entry stands for all higher ids.
        threads: The number of threads.

    Returns:
        The rows without the first one, and bool (rows,): whether each row contains a marked id.
    """
    check_splits(rows.values, rows.row_splits)
    texts = rows.slice(1, len(rows))
    if rows.row_splits[1] < len(special_tokens) * len(texts) or not worth_kernel(len(rows.values)):
        return special_tokens.add_and_find_special_tokens(texts, marked, threads)
    from tokemb import kernels

    starts, lengths = rows.row_splits[1:-1].copy(), texts.lengths
    splits = np.zeros(len(rows), np.int64)
    np.cumsum(lengths + len(special_tokens), out=splits[1:])
    found = np.zeros(len(texts), np.bool_)
    fixed = (
        np.array(special_tokens.before, np.int32),
        np.array(special_tokens.after, np.int32),
        splits,
        rows.values,
        0,
        0,
    )
    screen = marked.view(np.uint8), found.view(np.uint8)

    def move(first: int, middle: int, last: int, copy: Int32) -> None:
        kernels.pack_rows(rows.values, starts, lengths, *fixed, *screen, first, middle)
        kernels.pack_rows(copy, starts - rows.row_splits[1 + middle], lengths, *fixed, *screen, middle, last)

    moves = []
    for first, last in split_rows(splits, thread_count(threads)):
        # Rows move to the left, so the next part overwrites the last rows of this part. Those rows are copied first.
        middle = first + int(np.searchsorted(starts[first:last] + lengths[first:last], splits[last], side="right"))
        middle = last if last == len(texts) else middle
        moves.append((first, middle, last, rows.values[rows.row_splits[1 + middle] : rows.row_splits[1 + last]].copy()))
    parallel_map(move, moves)
    return Ragged(rows.values[: splits[-1]], splits), found
