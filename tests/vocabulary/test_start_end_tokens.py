"""Tokens that begin and end every row."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer

import tokemb
from tests.conftest import tokemb_command
from tokemb.errors import ArgumentError

TEXTS = ["deep learning is very deep", "yes", ""]


def fit(**settings):
    return tokemb.fit_vocab(TEXTS, **{"start": "[BOS]", "end": "[EOS]", **settings})


def test_rows_begin_and_end_with_the_tokens_and_truncation_keeps_them():
    encoder = fit()
    assert encoder.vocabulary[:5] == ["", "[UNK]", "[BOS]", "[EOS]", "deep"]
    assert (encoder.start_id, encoder.end_id) == (2, 3)
    np.testing.assert_array_equal(encoder.encode(TEXTS, maxlen=5), [[2, 4, 6, 5, 3], [2, 8, 3, 0, 0], [2, 3, 0, 0, 0]])
    assert encoder.encode([TEXTS[0]], maxlen=4, truncating="pre").tolist() == [[2, 7, 4, 3]]
    assert encoder.encode([["deep", "new"]]).tolist() == [[2, 4, 1, 3]]


@pytest.mark.parametrize("algorithm", ["word", "bpe", "wordpiece", "unigram"])
@given(texts=st.lists(st.sampled_from(["deep", "very", "new", "is"]).map(lambda word: f"{word} learning"), max_size=4))
def test_ids_are_those_of_the_saved_tokenizer(algorithm, texts, tmp_path):
    encoder = fit(algorithm=algorithm, max_size=40)
    encoder.save(tmp_path / "v")
    assert tokemb.Encoder.load(tmp_path / "v").end_id == 3
    reference = Tokenizer.from_file(str(tmp_path / "v" / "tokenizer.json"))
    reference.no_padding()
    reference.no_truncation()
    expected = [encoding.ids for encoding in reference.encode_batch(texts)]
    assert [row.tolist() for row in encoder.encode_ragged(texts)] == expected


@pytest.mark.parametrize(("settings", "row"), [({"end": None}, [2, 3]), ({"start": None}, [3, 2])])
def test_one_of_the_two_tokens_is_enough(settings, row):
    encoder = fit(**settings)
    assert encoder.encode(["deep"]).tolist() == [row]
    assert None in (encoder.start_id, encoder.end_id)


def test_tokens_follow_the_buckets_of_tokens_out_of_vocabulary():
    encoder = fit(num_oov_buckets=3)
    assert (encoder.start_id, encoder.end_id) == (4, 5)
    [[first, *others, last]] = encoder.encode(["deep new"]).tolist()
    assert (first, last) == (4, 5)
    assert others[0] == 6 and others[1] in (1, 2, 3)
    assert encoder.decode([[4, 6, 2, 5]]) == ["deep [UNK]"]


def test_decode_drops_the_start_and_stops_at_the_end():
    encoder = fit()
    ids = [[2, 4, 6, 3, 0, 0], [2, 4, 3, 5, 5, 3], [4, 6, 5, 0, 0, 0]]
    assert encoder.decode(ids) == ["deep learning", "deep", "deep learning is"]
    assert encoder.decode(ids, skip_special_tokens=False)[1] == "[BOS] deep [EOS] is is [EOS]"


@given(st.lists(st.lists(st.integers(0, 3), max_size=6)), st.integers(0, 3))
def test_ids_before_a_token_are_those_up_to_its_first_occurrence(rows, token):
    expected = [row[: row.index(token)] if token in row else row for row in rows]
    assert [row.tolist() for row in tokemb.Ragged.from_rows(rows).before(token)] == expected


def test_grown_vocabulary_keeps_the_tokens():
    grown = fit().grow(["entirely new words"])
    assert grown.encode(["deep new"], maxlen=4).tolist()[0][::3] == [2, 3]
    assert (grown.start_id, grown.end_id) == (2, 3)


def test_texts_that_contain_the_tokens_do_not_grow_a_vocabulary():
    encoder = tokemb.fit_vocab(["deep new"], start="[S]", end="[E]", profile="whitespace")
    with pytest.raises(ArgumentError, match=r"end must be a token that the texts do not contain; the count of '\[E\]'"):
        encoder.grow(["words [E] words"])


def test_bag_of_words_leaves_out_the_tokens():
    pytest.importorskip("scipy")
    assert fit().vectorize(["deep deep"], mode="count").toarray()[0, :5].tolist() == [0, 0, 0, 0, 2]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"end": "[BOS]"}, r"end must differ from start='\[BOS\]'; received '\[BOS\]'"),
        ({"start": "[UNK]"}, r"start must be a non-empty token other than '\[UNK\]'; received '\[UNK\]'"),
        ({"start": ""}, r"start must be a token such as '\[BOS\]'; received ''"),
        ({"reserve": ["[EOS]"]}, r"other than '\[UNK\]' and those of start and end; received '\[EOS\]'"),
        ({"start": "deep"}, "start must be a token that the texts do not contain; the count of 'deep' is 2"),
        ({"ngrams": 2}, r"start must be left out with ngrams=\[1, 2\], which are not in the order of the text"),
    ],
)
def test_tokens_that_cannot_be_are_errors(settings, message):
    with pytest.raises(ArgumentError, match=message):
        fit(**settings)


@pytest.mark.keras
def test_layer_refuses_start_and_end_tokens():
    with pytest.raises(ArgumentError, match="cannot be a layer, which adds none: fit one without start and end"):
        fit().layer()


def test_command_writes_rows_with_the_tokens(tmp_path):
    (tmp_path / "x.txt").write_text("deep learning\nyes\n")
    for arguments in ("fit-vocab x.txt -o v --start [BOS] --end [EOS]", "encode x.txt --vocab v -o ids.jsonl"):
        run = tokemb_command(*arguments.split(), cwd=tmp_path)
        assert run.returncode == 0, run.stderr
        if arguments.startswith("fit"):
            assert b"each row   starts with [BOS] (id 2), ends with [EOS] (id 3)" in run.stderr
            assert b"--maxlen 4" in run.stderr
    lines = (tmp_path / "ids.jsonl").read_text().splitlines()
    assert [json.loads(line)["ids"] for line in lines] == [[2, 4, 5, 3], [2, 6, 3, 0]]


def test_maxlen_below_the_number_of_start_and_end_tokens_is_an_error():
    assert tokemb.fit_vocab(["a b"], start="[BOS]", end="[EOS]", maxlen=2).encode(["a b"]).tolist() == [[2, 3]]
    with pytest.raises(ArgumentError, match="maxlen must be at least 2"):
        tokemb.fit_vocab(["a b"], start="[BOS]", end="[EOS]", maxlen=1)
