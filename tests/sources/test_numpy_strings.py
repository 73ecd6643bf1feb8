"""NumPy arrays of strings, against lists of the same strings."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tokemb
from tokemb.keras.datasets.labels import encode_labels
from tokemb.sources.numpy_strings import from_numpy

# NumPy itself drops the NULs at the end of a string.
STRINGS = st.lists(st.text("a\0é𠮷", max_size=4).map(lambda text: text.rstrip("\0")), max_size=5)


@given(STRINGS, st.sampled_from(["=", "<", ">"]), st.sampled_from([1, -1, 2]))
def test_strings_of_fixed_width_are_complete_in_any_byte_order_and_stride(strings, order, step):
    array = np.array(strings, f"{order}U4")[::step]
    assert from_numpy(array).to_pylist() == strings[::step]


@given(STRINGS)
def test_bytes_of_fixed_width_are_complete(strings):
    values = [text.encode() for text in strings]
    assert from_numpy(np.array(values, "S16")).to_pylist() == values


def test_texts_with_nul_in_an_array_get_the_ids_of_the_list():
    texts = ["a\0b c", "c"]
    encoder = tokemb.fit_vocab(texts, profile="whitespace")
    assert encoder.encode(np.array(texts)).tolist() == encoder.encode(texts).tolist() == [[3, 2], [2, 0]]


def test_values_and_labels_that_differ_after_a_nul_are_different():
    names = np.array(["a\0b", "a", "a\0c"])
    encoder = tokemb.ColumnEncoder.fit({"user": names})
    assert len(set(encoder.encode({"user": names})["user"].tolist())) == 3
    assert encode_labels(names, ["a", "a\0b", "a\0c"]).tolist() == [1, 0, 2]
    with pytest.raises(tokemb.TokembError, match="must be one of the classes"):
        encode_labels(names, ["a"])
