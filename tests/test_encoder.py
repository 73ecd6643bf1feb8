from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tokemb
from tests.conftest import MIXED, use_kernels
from tokemb import Ragged

EMPTY = ({}, {"maxlen": 3}, {"maxlen": 3, "padding": "pre"})


def test_the_example_of_the_articles():
    """Index "deep learning is very deep" as 1 2 3 4 1, and embed it with six latent factors a word."""
    text = ["deep learning is very deep"]
    encoder = tokemb.fit_vocab(text, profile="keras", oov=False)
    assert encoder.encode(text).tolist() == [[1, 2, 3, 4, 1]]
    assert tokemb.fit_vocab(text).encode(text).tolist() == [[2, 4, 3, 5, 2]]

    matrix = np.arange(encoder.input_dim * 6, dtype=np.float32).reshape(-1, 6)
    model = tokemb.embedding_model(encoder, output_dim=6, vectors=matrix)
    ids = encoder.encode(text)
    vectors = tokemb.embed(model, ids)
    assert vectors.shape == (1, 5, 6)
    np.testing.assert_array_equal(vectors[0], matrix[[1, 2, 3, 4, 1]])
    one_hot = np.eye(encoder.input_dim, dtype=np.float32)[ids]
    np.testing.assert_array_equal(vectors, one_hot @ matrix)
    assert (ids.nbytes, one_hot.nbytes) == (20, 100)


@pytest.mark.parametrize("settings", EMPTY, ids=str)
def test_an_empty_text_is_a_row_of_padding_and_no_text_no_row(settings):
    encoder = tokemb.fit_vocab(["a b"])
    assert encoder.encode(["", "a", " "], **settings).shape == (3, settings.get("maxlen", 1))
    assert not encoder.encode(["", "a", " "], **settings)[[0, 2]].any()
    assert encoder.encode([], **settings).shape == (0, settings.get("maxlen", 0))
    assert encoder.encode([""], **settings).shape == (1, settings.get("maxlen", 0))
    assert len(encoder.encode_ragged([])) == 0


def test_settings_are_the_vocabularys_unless_told():
    encoder = tokemb.fit_vocab(["a b c"], maxlen=2, padding="pre", truncating="pre")
    assert (encoder.maxlen, encoder.padding, encoder.truncating) == (2, "pre", "pre")
    assert encoder.encode(["a b c", "a"]).tolist() == [[3, 4], [0, 2]]
    assert encoder.encode(["a b c", "a"], maxlen=3, padding="post").tolist() == [[2, 3, 4], [2, 0, 0]]
    assert encoder.encode(["a b c", "a"], truncating="post").tolist() == [[2, 3], [0, 2]]
    assert [row.tolist() for row in encoder.encode_ragged(["a b c", "a"])] == [[3, 4], [2]]
    with pytest.raises(tokemb.TokembError, match="maxlen must be an integer of at least 1"):
        encoder.encode(["a"], maxlen=0)


def test_rows_of_tokens_are_looked_up_as_they_are():
    encoder = tokemb.fit_vocab(["a b", "a"], reserve=["[BOS]"])
    rows = [["[BOS]", "A", "a", "", "b"], [], ["[UNK]", "a b"]]
    expected = [[2, 1, 3, 1, 4], [], [1, 1]]
    for tokens in (rows, pa.array(rows), pa.array(rows, pa.large_list(pa.large_string()))):
        assert [row.tolist() for row in encoder.encode_ragged(tokens)] == expected
    assert encoder.encode(rows).tolist() == [[2, 1, 3, 1, 4], [0] * 5, [1, 1, 0, 0, 0]]


TOKEN_ROWS = st.lists(st.lists(st.sampled_from(["a", "b", "é", "", "word of many bytes" * 9, "A", "\0", "new"])))


@pytest.mark.filterwarnings("ignore:every row is a list of one token")
@given(rows=TOKEN_ROWS, known=st.lists(st.sampled_from(["a", "é", "word of many bytes" * 9, "\0"]), min_size=1))
@pytest.mark.parametrize("kernels", [False, True])
@pytest.mark.parametrize("threads", [1, 3])
def test_any_rows_of_tokens(rows, known, kernels, threads):
    encoder = tokemb.fit_vocab([known], profile="whitespace")
    ids = {token: index for index, token in enumerate(encoder.vocabulary) if token}
    expected = [[ids.get(token, 1) for token in row] for row in rows]
    with pytest.MonkeyPatch.context() as patch:
        use_kernels(patch, kernels)
        for tokens in (rows, [tuple(row) for row in rows], pa.array([["x"], *rows], pa.list_(pa.string()))[1:]):
            assert [row.tolist() for row in encoder.encode_ragged(tokens, threads=threads)] == expected


def test_without_oov_unknown_tokens_go():
    encoder = tokemb.fit_vocab(["a b"], profile="keras", oov=False, maxlen=2)
    assert (encoder.unk_id, encoder.input_dim, encoder.oov) == (None, 3, False)
    assert encoder.encode(["x a y b z a", "x"]).tolist() == [[1, 2], [0, 0]]
    assert [row.tolist() for row in encoder.encode_ragged([["x", "b", "", "\t"]])] == [[2]]
    batch = encoder.encode_column(pa.array(["x a y b a b"], pa.large_string()), encoder.pad_truncate(None, None, None))
    assert (batch.rows[0].tolist(), batch.tokens, batch.unknown, batch.truncated) == ([1, 2], 6, 2, 1)


def test_a_vocabulary_without_oov_whose_tokens_are_tabs():
    encoder = tokemb.fit_vocab([["\t", "a"], ["\t\t"]], profile="keras", oov=False)
    assert encoder.encode(["a b"]).tolist() == [[2]]


@given(st.lists(st.text("ab c."), max_size=5))
def test_decode_goes_back(texts):
    encoder = tokemb.fit_vocab(["a b c"], profile="whitespace")
    known = [" ".join(token if token in {"a", "b", "c"} else "[UNK]" for token in text.split()) for text in texts]
    ids = encoder.encode(texts)
    assert encoder.decode(ids) == known
    assert encoder.decode(encoder.encode_ragged(texts)) == known
    assert encoder.decode(ids.tolist()) == known
    assert encoder.decode(encoder.encode(texts, padding="pre", maxlen=20)) == known


@pytest.mark.parametrize("algorithm", ["bpe", "wordpiece", "unigram"])
def test_subwords_decode_to_words(algorithm):
    text = "deep learning is very deep and very learned"
    encoder = tokemb.fit_vocab([text] * 3, algorithm=algorithm, max_size=40)
    assert encoder.decode(encoder.encode([text])) == [text]


def test_chars_decode_without_spaces():
    encoder = tokemb.fit_vocab(["a b\n中"], profile="chars")
    assert encoder.decode(encoder.encode(["b a\n中"])) == ["b a\n中"]


@pytest.mark.parametrize(
    ("ids", "message"),
    [
        ([[4]], "ids must be from 0 to 3, the highest id of the vocabulary; received 4"),
        ([[-1, 2]], "received -1"),
        ([2, 3], r"received \[2, 3\]"),
        (np.array([2, 3]), r"ids must be an integer array \(rows, maxlen\); received shape \(2,\)"),
        (np.array([[1.5]]), "received dtype float64"),
    ],
)
def test_decode_refuses_what_are_no_ids(ids, message):
    with pytest.raises(tokemb.TokembError, match=message):
        tokemb.fit_vocab(["a b"]).decode(ids)


def test_one_row_of_many_megabytes():
    encoder = tokemb.fit_vocab(["a b"])
    rows = encoder.encode_ragged(["a b " * 1_000_000, "b"])
    assert rows.lengths.tolist() == [2_000_000, 1]


def test_ragged_of_every_batch(monkeypatch):
    from tokemb.sources import texts

    encoder = tokemb.fit_vocab(MIXED)
    whole = encoder.encode_ragged(MIXED)
    monkeypatch.setattr(texts, "BATCH_BYTES", 40)
    parts = encoder.encode_ragged(MIXED)
    assert isinstance(parts, Ragged)
    np.testing.assert_array_equal(parts.values, whole.values)
    np.testing.assert_array_equal(parts.row_splits, whole.row_splits)


def test_a_list_that_grows_while_it_is_encoded(monkeypatch):
    """By another thread: no row that was there before is lost."""
    from tokemb.sources import texts

    class Growing(list):
        def __getitem__(self, key):
            self.append("b")
            return super().__getitem__(key)

    monkeypatch.setattr(texts, "BATCH_ROWS", 256)
    encoder = tokemb.fit_vocab(["a b"])
    a, b = encoder.encode(["a", "b"]).ravel().tolist()
    ids = encoder.encode(Growing(["a"] * 1000), maxlen=1)
    assert ids[:1000].tolist() == [[a]] * 1000
    assert len(ids) > 1000 and set(ids[1000:].ravel().tolist()) == {b}


@pytest.mark.parametrize("ids", [5, None, [[[1, 2]]], [["a"]]])
def test_decode_of_anything_else(ids):
    with pytest.raises(tokemb.TokembError, match="ids must be"):
        tokemb.fit_vocab(["a b"]).decode(ids)
