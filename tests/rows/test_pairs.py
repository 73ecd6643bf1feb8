"""Rows of several parts, and the lengths of truncated pairs."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.conftest import use_kernels
from tokemb._validation import PAIR_TRUNCATIONS
from tokemb.errors import ArgumentError
from tokemb.rows.pairs import Part, fill_runs, join_parts, truncated_lengths
from tokemb.rows.ragged import Ragged

LENGTHS = st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=6)


def kept(pairs, room, pair_truncation):
    first, second = (np.array([pair[number] for pair in pairs], np.int64) for number in (0, 1))
    return list(
        zip(*(column.tolist() for column in truncated_lengths(first, second, room, pair_truncation)), strict=True)
    )


def in_turn(first, second, room):
    """Give one id after the other to the two texts that still need some, the first text first."""
    lengths = [0, 0]
    while sum(lengths) < min(room, first + second):
        for number, wanted in enumerate((first, second)):
            if lengths[number] < wanted and sum(lengths) < room:
                lengths[number] += 1
    return tuple(lengths)


@given(LENGTHS, st.integers(0, 12))
def test_round_robin_gives_ids_in_turn_and_waterfall_gives_the_first_text_all_it_needs(pairs, room):
    assert kept(pairs, room, "round_robin") == [in_turn(*pair, room) for pair in pairs]
    expected = [(min(first, room), min(second, room - min(first, room))) for first, second in pairs]
    assert kept(pairs, room, "waterfall") == expected


@given(LENGTHS, st.integers(0, 12), st.sampled_from(PAIR_TRUNCATIONS))
def test_truncated_pairs_fill_the_room_and_others_are_unchanged(pairs, room, pair_truncation):
    try:
        lengths = kept(pairs, room, pair_truncation)
    except ArgumentError:
        other = 1 if pair_truncation == "only_first" else 0
        assert any(sum(pair) > room and pair[other] >= room for pair in pairs)
        return
    for before, after in zip(pairs, lengths, strict=True):
        assert after == before if sum(before) <= room else sum(after) == room
        assert all(0 <= new <= old for new, old in zip(after, before, strict=True))


def test_longest_first_leaves_a_short_text_whole():
    pairs = [(2, 9), (9, 2), (9, 8), (8, 8), (8, 9)]
    assert kept(pairs, 7, "longest_first") == [(2, 5), (5, 2), (4, 3), (3, 4), (3, 4)]


def test_message_names_the_first_pair_that_cannot_be_truncated():
    lengths = np.array([1, 8, 9], np.int64)
    with pytest.raises(ArgumentError, match=r"the first text of pair number 12 alone fills the 8 ids"):
        truncated_lengths(lengths, lengths, 8, "only_second", 10)


ROW = st.lists(st.integers(-9, 9), max_size=4)


@given(st.lists(st.tuples(ROW, ROW, ROW, st.integers(0, 3)), max_size=6), st.booleans(), st.integers(1, 3))
def test_parts_are_joined_the_same_in_numpy_and_in_kernels(rows, fill_first, threads):
    columns = [Ragged.from_rows([row[number] for row in rows]) for number in range(3)]
    parts = [Part(column.values, column.row_splits[:-1], column.lengths) for column in columns]
    joined = [[*first, *second, *third] for first, second, third, _ in rows]
    filled = [row[-1] for row in rows]
    expected = [
        [77] * more + ids if fill_first else ids + [77] * more for ids, more in zip(joined, filled, strict=True)
    ]
    splits = np.cumsum([0, *map(len, expected)])
    for kernels in (False, True):
        out = np.zeros(splits[-1], np.int32)
        with pytest.MonkeyPatch.context() as patch:
            use_kernels(patch, kernels)
            join_parts(parts, splits, out, fill=77, fill_first=fill_first, threads=threads)
        assert out.tolist() == [token for row in expected for token in row]


@given(st.lists(st.tuples(*3 * [st.integers(0, 3)]), max_size=6), st.booleans(), st.booleans(), st.integers(1, 3))
def test_runs_and_their_mask_are_the_same_in_numpy_and_in_kernels(rows, fill_first, with_mask, threads):
    lengths = np.array([row[:2] for row in rows], np.int64).reshape(len(rows), 2)
    expected = [[5] * a + [6] * b for a, b, _ in rows]
    expected = [[9] * c + r if fill_first else r + [9] * c for r, (_, _, c) in zip(expected, rows, strict=True)]
    splits = np.cumsum([0, *map(len, expected)])
    for kernels in (False, True):
        out, mask = np.zeros(splits[-1], np.int32), np.zeros(splits[-1], np.bool_)
        with pytest.MonkeyPatch.context() as patch:
            use_kernels(patch, kernels)
            fill_runs(
                np.array([5, 6], np.int32),
                lengths,
                splits,
                out,
                mask if with_mask else None,
                fill=9,
                fill_first=fill_first,
                threads=threads,
            )
        assert out.tolist() == [number for row in expected for number in row]
        assert mask.tolist() == [with_mask and number != 9 for number in out.tolist()]
