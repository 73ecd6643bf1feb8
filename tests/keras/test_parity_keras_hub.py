"""Rows with start and end tokens, and pairs, have the ids of KerasHub's ``StartEndPacker`` and ``MultiSegmentPacker``.

The cases have the inputs that KerasHub's own tests cover, and always run. With KerasHub, its layers are compared, too.
"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer, models, processors

import tokemb
from tests.conftest import examples

# Ids of a vocabulary whose tokens are numbers: each token is spelled as its id.
START, END, MORE_START, MORE_END, PAD = 1, 2, 3, 4, 5
_SIDES = {"post": "right", "pre": "left"}


def with_keras_hub(test):
    """Mark a test that needs KerasHub, whose warnings are not ours."""
    ignored = pytest.mark.filterwarnings("ignore")
    return pytest.mark.keras(pytest.mark.keras_hub(ignored(test)))


def encoder_of(*, start=(), end=(), separators=None, pad=0):
    """Make an encoder of rows of numbers, with these special tokens around a row and between two texts."""
    tokenizer = Tokenizer(models.WordLevel({str(index): index for index in range(40)}))
    names = {index: f"<{index}>" for index in (*start, *end, *(separators or ()))}
    before, after, between = (
        [names[index] for index in ids] for ids in (start, end, end if separators is None else separators)
    )
    tokenizer.post_processor = processors.TemplateProcessing(
        single=[*before, "$A", *after],
        pair=[*before, "$A", *between, "$B:1", *(f"{name}:1" for name in after)],
        special_tokens=[(name, index) for index, name in names.items()],
    )
    return tokemb.Encoder.from_tokenizer(tokenizer, pad_token=str(pad))


def tokens(rows):
    return [[str(index) for index in row] for row in rows]


@pytest.fixture(scope="module")
def layers():
    """The layers of KerasHub."""
    return pytest.importorskip("keras_hub").layers


def start_end_packer(layers, rows, maxlen, padding, *, start=(), end=(), pad=0):
    """Return the ids and the padding mask of KerasHub."""
    packer = layers.StartEndPacker(
        maxlen,
        start_value=list(start) or None,
        end_value=list(end) or None,
        pad_value=pad,
        padding_side=_SIDES[padding],
        return_padding_mask=True,
    )
    return tuple(map(np.asarray, packer(rows)))


def multi_segment_packer(layers, first, second, maxlen, padding, truncation, *, start, end, separators=None, pad=0):
    """Return the ids and the segment ids of KerasHub."""
    packer = layers.MultiSegmentPacker(
        maxlen,
        start_value=list(start),
        end_value=list(end),
        sep_value=None if separators is None else list(separators),
        pad_value=pad,
        truncate=truncation,
        padding_side=_SIDES[padding],
    )
    return tuple(map(np.asarray, packer((first, second))))


BOTH = {"start": (START,), "end": (END,)}
# The special tokens, the rows, the length and the side of padding, and the result.
ROWS = [
    ({}, [[15, 16, 17]], 5, "post", [[15, 16, 17, 0, 0]]),
    ({}, [[15, 16, 17], [18, 19, 20, 21]], 5, "pre", [[0, 0, 15, 16, 17], [0, 18, 19, 20, 21]]),
    (BOTH, [[15, 16, 17], [18, 19, 20, 21]], 6, "post", [[1, 15, 16, 17, 2, 0], [1, 18, 19, 20, 21, 2]]),
    (BOTH, [[15, 16, 17], [18, 19, 20, 21]], 6, "pre", [[0, 1, 15, 16, 17, 2], [1, 18, 19, 20, 21, 2]]),
    (BOTH, [[15, 16], [18, 19, 20, 21, 22]], 5, "post", [[1, 15, 16, 2, 0], [1, 18, 19, 20, 2]]),
    (BOTH, [[15, 16], [18, 19, 20, 21, 22]], 5, "pre", [[0, 1, 15, 16, 2], [1, 18, 19, 20, 2]]),
    ({"start": (START,)}, [list(range(10, 20))], 7, "post", [[1, 10, 11, 12, 13, 14, 15]]),
    ({"end": (END,)}, [list(range(10, 20))], 7, "pre", [[10, 11, 12, 13, 14, 15, 2]]),
    (BOTH, [[15, 16, 17]], 2, "post", [[1, 2]]),
    (
        {"start": (START, MORE_START), "end": (END, MORE_END)},
        [[15, 16, 17], [18, 19, 20, 21, 22, 23]],
        8,
        "post",
        [[1, 3, 15, 16, 17, 2, 4, 0], [1, 3, 18, 19, 20, 21, 2, 4]],
    ),
    (
        {"start": (END, START), "end": (END,)},
        [[15, 16, 17], [18]],
        6,
        "pre",
        [[2, 1, 15, 16, 17, 2], [0, 0, 2, 1, 18, 2]],
    ),
    ({**BOTH, "pad": PAD}, [[15, 16, 17], [18]], 7, "post", [[1, 15, 16, 17, 2, 5, 5], [1, 18, 2, 5, 5, 5, 5]]),
    ({**BOTH, "pad": PAD}, [[15, 16, 17], [18]], 6, "pre", [[5, 1, 15, 16, 17, 2], [5, 5, 5, 1, 18, 2]]),
    (BOTH, [[]], 3, "post", [[1, 2, 0]]),
]


@pytest.mark.parametrize(("special", "rows", "maxlen", "padding", "expected"), ROWS)
def test_start_and_end_tokens_are_placed_as_in_the_tests_of_start_end_packer(special, rows, maxlen, padding, expected):
    ids = encoder_of(**special).encode(tokens(rows), maxlen=maxlen, padding=padding)
    assert ids.tolist() == expected


@with_keras_hub
@pytest.mark.parametrize(("special", "rows", "maxlen", "padding", "expected"), ROWS)
def test_start_end_packer_gives_the_expected_rows(layers, special, rows, maxlen, padding, expected):
    ids, mask = start_end_packer(layers, rows, maxlen, padding, **special)
    assert ids.tolist() == expected
    np.testing.assert_array_equal(mask, ids != special.get("pad", 0))


THREE = [[21, 22, 23]], [[31, 32, 33]]
# The special tokens, the texts, the length, the side of padding, the truncation, and the ids and type ids.
PAIRS = [
    (BOTH, THREE, 7, "post", "round_robin", [1, 21, 22, 2, 31, 32, 2], [0, 0, 0, 0, 1, 1, 1]),
    (BOTH, THREE, 7, "pre", "round_robin", [1, 21, 22, 2, 31, 32, 2], [0, 0, 0, 0, 1, 1, 1]),
    (BOTH, THREE, 7, "post", "waterfall", [1, 21, 22, 23, 2, 31, 2], [0, 0, 0, 0, 0, 1, 1]),
    (BOTH, ([[21, 22]], [[31, 32, 33]]), 7, "pre", "waterfall", [1, 21, 22, 2, 31, 32, 2], [0, 0, 0, 0, 1, 1, 1]),
    (BOTH, THREE, 8, "post", "round_robin", [1, 21, 22, 23, 2, 31, 32, 2], [0, 0, 0, 0, 0, 1, 1, 1]),
    (BOTH, ([[21, 22, 23]], [[]]), 4, "post", "waterfall", [1, 21, 2, 2], [0, 0, 0, 1]),
    (BOTH, THREE, 3, "post", "round_robin", [1, 2, 2], [0, 0, 1]),
    ({**BOTH, "pad": PAD}, ([[21]], [[31]]), 6, "post", "round_robin", [1, 21, 2, 31, 2, 5], [0, 0, 0, 1, 1, 0]),
    ({**BOTH, "pad": PAD}, ([[21]], [[31]]), 6, "pre", "round_robin", [5, 1, 21, 2, 31, 2], [0, 0, 0, 0, 1, 1]),
    (
        {**BOTH, "separators": (END, END)},
        ([[21, 22]], [[31]]),
        8,
        "post",
        "round_robin",
        [1, 21, 22, 2, 2, 31, 2, 0],
        [0, 0, 0, 0, 0, 1, 1, 0],
    ),
    (
        {**BOTH, "separators": (END, END)},
        ([[21, 22]], [[31]]),
        8,
        "pre",
        "waterfall",
        [0, 1, 21, 22, 2, 2, 31, 2],
        [0, 0, 0, 0, 0, 0, 1, 1],
    ),
    ({**BOTH, "separators": ()}, THREE, 7, "post", "round_robin", [1, 21, 22, 23, 31, 32, 2], [0, 0, 0, 0, 1, 1, 1]),
    ({"end": (END,), "separators": ()}, THREE, 6, "post", "round_robin", [21, 22, 23, 31, 32, 2], [0, 0, 0, 1, 1, 1]),
    ({"start": (START,), "separators": ()}, THREE, 5, "post", "waterfall", [1, 21, 22, 23, 31], [0, 0, 0, 0, 1]),
]
_PAIR_NAMES = ("special", "texts", "maxlen", "padding", "truncation", "ids", "type_ids")


@pytest.mark.parametrize(_PAIR_NAMES, PAIRS)
def test_pairs_are_joined_as_in_the_tests_of_multi_segment_packer(
    special, texts, maxlen, padding, truncation, ids, type_ids
):
    pairs = encoder_of(**special).encode_pairs(
        *map(tokens, texts), maxlen=maxlen, padding=padding, pair_truncation=truncation
    )
    assert (pairs["ids"].tolist(), pairs["type_ids"].tolist()) == ([ids], [type_ids])


@with_keras_hub
@pytest.mark.parametrize(_PAIR_NAMES, PAIRS)
def test_multi_segment_packer_gives_the_expected_pairs(
    layers, special, texts, maxlen, padding, truncation, ids, type_ids
):
    special = {"start": (), "end": (), **special}
    packed = multi_segment_packer(layers, *texts, maxlen, padding, truncation, **special)
    assert [array.tolist() for array in packed] == [[ids], [type_ids]]


ids_of_rows = st.lists(st.lists(st.integers(10, 39), max_size=9), min_size=1, max_size=4)
special_ids = st.lists(st.integers(1, 9), max_size=2)


@with_keras_hub
@examples(60)
@given(
    rows=ids_of_rows,
    start=special_ids,
    end=special_ids,
    pad=st.sampled_from([0, 9]),
    room=st.integers(0, 10),
    padding=st.sampled_from(["pre", "post"]),
)
def test_rows_equal_those_of_start_end_packer(layers, rows, start, end, pad, room, padding):
    maxlen = max(room + len(start) + len(end), 1)
    special = {"start": start, "end": end, "pad": pad}
    expected, mask = start_end_packer(layers, rows, maxlen, padding, **special)
    encoder = encoder_of(**special)
    np.testing.assert_array_equal(encoder.encode(tokens(rows), maxlen=maxlen, padding=padding), expected)
    lengths = encoder.encode_ragged(tokens(rows), maxlen=maxlen).lengths
    np.testing.assert_array_equal(mask.sum(axis=1), lengths)


@with_keras_hub
@examples(60)
@given(
    pairs=st.lists(st.tuples(*[st.lists(st.integers(10, 39), max_size=9)] * 2), min_size=1, max_size=8),
    start=special_ids,
    end=special_ids,
    separators=st.none() | special_ids,
    pad=st.sampled_from([0, 9]),
    room=st.integers(0, 9),
    padding=st.sampled_from(["pre", "post"]),
    truncation=st.sampled_from(["round_robin", "waterfall"]),
)
def test_pairs_equal_those_of_multi_segment_packer(
    layers, pairs, start, end, separators, pad, room, padding, truncation
):
    first, second = map(list, zip(*pairs, strict=True))
    special_count = len(start) + len(end) + len(end if separators is None else separators)
    maxlen = max(room + special_count, 1)
    special = {"start": start, "end": end, "separators": separators, "pad": pad}
    expected = multi_segment_packer(layers, first, second, maxlen, padding, truncation, **special)
    encoded = encoder_of(**special).encode_pairs(
        tokens(first), tokens(second), maxlen=maxlen, padding=padding, pair_truncation=truncation
    )
    for name, array in zip(("ids", "type_ids"), expected, strict=True):
        np.testing.assert_array_equal(encoded[name], array)
    lengths = [min(len(one) + len(two) + special_count, maxlen) for one, two in pairs]
    np.testing.assert_array_equal(encoded["attention_mask"].sum(axis=1), lengths)
