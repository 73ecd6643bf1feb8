"""Runs of text within which n-grams are formed.

In scripts without spaces, the profile ``words`` makes each character a token. Two such characters next to each other
are often a word, but not with a space or a punctuation mark between them. A text is therefore split where a separator
stands between a token and a character that is a token of its own. Words form n-grams across separators, as in Keras and
scikit-learn.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import pyarrow as pa

from tokemb._arrays import STRINGS, Bool, Int64, UInt8, UInt32
from tokemb.vocabulary import character_ranges

_SEPARATOR, _WORD, _ALONE, _TRANSPARENT = range(4)

TRANSPARENT = (0x200C, 0x200D), (0xFE00, 0xFE0F), (0xE0100, 0xE01EF)
"""The ranges of characters that are neither part of a token nor a separator, such as selectors of the form of emoji."""


def split_runs(texts: pa.LargeStringArray) -> tuple[pa.LargeStringArray, Int64]:
    """Split texts into runs, without copying them.

    Args:
        texts: ``large_string`` (rows,) without nulls.

    Returns:
        The runs, ``large_string`` (runs,), and the first run of each row, int64 (rows + 1,).
    """
    _, offsets_buffer, data_buffer = texts.buffers()
    rows: Int64 = np.arange(len(texts) + 1)
    if not len(texts) or data_buffer is None:
        return texts, rows
    offsets = np.frombuffer(offsets_buffer, np.int64)[texts.offset : texts.offset + len(texts) + 1]
    may_be_alone = _lead_bytes()[np.frombuffer(data_buffer, np.uint8)[offsets[0] : offsets[-1]]]
    candidates = np.flatnonzero(_count_within(np.flatnonzero(may_be_alone), offsets - offsets[0]))
    splits = _splits(texts.take(pa.array(candidates)), offsets[candidates])
    if not len(splits):
        return texts, rows
    bounds = np.sort(np.concatenate([offsets, splits]))
    runs = pa.Array.from_buffers(STRINGS, len(bounds) - 1, [None, pa.py_buffer(bounds), data_buffer])
    return runs, rows + np.searchsorted(splits, offsets)


def _splits(texts: pa.LargeStringArray, starts: Int64) -> Int64:
    """Return where texts are split, int64 (splits,), ascending.

    Args:
        texts: ``large_string`` (texts,).
        starts: The position of each text among all, int64 (texts,), ascending.
    """
    _, offsets_buffer, data_buffer = texts.buffers()
    if not len(texts) or data_buffer is None:
        return np.zeros(0, np.int64)
    offsets = np.frombuffer(offsets_buffer, np.int64)[: len(texts) + 1]
    codes = np.frombuffer(data_buffer.to_pybytes()[: offsets[-1]].decode().encode("utf-32-le"), np.uint32)
    classes = _classes()[codes]
    in_token = np.flatnonzero((classes == _WORD) | (classes == _ALONE))
    separators = np.cumsum(classes == _SEPARATOR)[in_token]
    alone = classes[in_token] == _ALONE
    after = in_token[1:][(separators[1:] > separators[:-1]) & (alone[1:] | alone[:-1])]
    positions = np.cumsum(_utf8_lengths(codes))[after - 1]  # a token before it exists, so that `after` is not 0
    result: Int64 = positions + np.repeat(starts - offsets[:-1], _count_within(positions, offsets))
    return result


def _count_within(positions: Int64, offsets: Int64) -> Int64:
    """Return how many of ``positions``, which ascend, are in each text, int64 (texts,)."""
    return np.diff(np.searchsorted(positions, offsets))


def _utf8_lengths(codes: UInt32) -> Int64:
    return 1 + (codes >= 0x80).astype(np.int64) + (codes >= 0x800) + (codes >= 0x10000)


@cache
def _classes() -> UInt8:
    """Return the class of each character, uint8 (0x110000,)."""
    classes = np.full(0x110000, _SEPARATOR, np.uint8)
    for ranges, value in ((character_ranges.WORD, _WORD), (character_ranges.ALONE, _ALONE)):
        for span in ranges.split():
            classes[int(span.partition("-")[0], 16) : int(span.rpartition("-")[2], 16) + 1] = value
    for first, last in TRANSPARENT:
        classes[first : last + 1] = _TRANSPARENT
    return classes


@cache
def _lead_bytes() -> Bool:
    """Return which bytes may begin a character that is a token of its own, bool (256,)."""
    leads = np.zeros(256, np.bool_)
    codes = np.flatnonzero(_classes() == _ALONE)
    for shift, prefix in ((6, 0xC0), (12, 0xE0), (18, 0xF0)):
        lengths = _utf8_lengths(codes.astype(np.uint32))
        leads[np.unique(codes[lengths == shift // 6 + 1] >> shift) | prefix] = True
    return leads
