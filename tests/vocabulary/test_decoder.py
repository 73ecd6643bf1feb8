"""Decoding by joining gives the very texts of ``decode_batch``."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import AddedToken, Tokenizer, decoders
from tokenizers.models import BPE, WordLevel

import tokemb
from tests.conftest import CORPORA
from tests.test_parity_tokenizers import FOREIGN
from tokemb import Encoder, Ragged
from tokemb.vocabulary.decoder import separator_of

DECODERS = {"none": None, "Fuse": decoders.Fuse()}

JOINING = [path for path in FOREIGN if separator_of(json.loads(path.read_text("utf-8"))) is not None]

# Ids 5 and 7 have no token.
VOCABULARY = {"": 0, "[UNK]": 1, "a": 2, "b c": 3, "<s>": 4, " ": 6, "[PAD]": 8, "𠮷\n": 9, "é": 10}


def foreign(decoder, *, padding=None):
    """A tokenizer with all that a foreign one may hold."""
    tokenizer = Tokenizer(WordLevel(VOCABULARY, unk_token="[UNK]"))
    tokenizer.add_special_tokens(["<s>", "[CLS]", "[PAD]"])
    tokenizer.add_tokens(["plain", AddedToken("two words", normalized=False)])
    if decoder is not None:
        tokenizer.decoder = decoder
    if padding is not None:
        tokenizer.enable_padding(pad_id=padding)
    return tokenizer


def assert_decodes_alike(encoder, tokenizer, rows, **settings):
    """``decode`` against ``decode_batch`` of the same rows without padding."""
    expected = tokenizer.decode_batch([[index for index in row if index != encoder.pad_id] for row in rows], **settings)
    assert encoder.decode(rows, **settings) == expected
    assert encoder.decode(Ragged.from_rows(rows), **settings) == expected


@pytest.mark.parametrize("padding", [None, 8, 0, 5])
@pytest.mark.parametrize("name", DECODERS)
@given(st.data(), st.booleans())
def test_a_foreign_tokenizer(name, padding, data, skip):
    tokenizer = foreign(DECODERS[name], padding=padding)
    encoder = Encoder.from_tokenizer(tokenizer)
    assert encoder._decoding._joiner is not None
    rows = data.draw(st.lists(st.lists(st.integers(0, encoder.input_dim - 1), max_size=8), max_size=6))
    assert_decodes_alike(encoder, tokenizer, rows, skip_special_tokens=skip)


def test_two_tokens_of_one_id(tmp_path):
    content = json.loads(foreign(None).to_str())
    content["model"]["vocab"]["twin"] = content["model"]["vocab"]["a"]
    (tmp_path / "tokenizer.json").write_text(json.dumps(content), "utf-8")
    for _ in range(8):  # each time `tokenizers` reads the file it may choose another of the two
        encoder = Encoder.load(tmp_path / "tokenizer.json")
        assert_decodes_alike(encoder, encoder._tokenizer, [[2, 3]])


@pytest.mark.parametrize("special", [(True, False), (False, True)])
def test_an_added_token_that_is_named_twice(tmp_path, special):
    content = json.loads(foreign(None).to_str())
    first = content["added_tokens"][0]
    content["added_tokens"][:1] = [{**first, "special": each} for each in special]
    (tmp_path / "tokenizer.json").write_text(json.dumps(content), "utf-8")
    encoder = Encoder.load(tmp_path / "tokenizer.json")
    for skip in (True, False):
        assert_decodes_alike(encoder, encoder._tokenizer, [[4, 2, 4]], skip_special_tokens=skip)


@pytest.mark.parametrize("profile", ["words", "keras", "text-vectorization", "whitespace", "chars", "bert"])
def test_every_profile(corpus, profile, tmp_path):
    encoder = tokemb.fit_vocab(corpus, profile=profile, max_size=50)
    encoder.save(tmp_path / "v")
    tokenizer = Tokenizer.from_file(str(tmp_path / "v" / "tokenizer.json"))
    assert encoder._decoding._joiner is not None
    assert_decodes_alike(encoder, tokenizer, encoder.encode(corpus))


@pytest.mark.parametrize("algorithm", ["bpe", "wordpiece", "unigram"])
def test_other_decoders_stay_with_tokenizers(algorithm):
    encoder = tokemb.fit_vocab(["deep learning is very deep"] * 3, algorithm=algorithm, max_size=40)
    assert encoder._decoding._joiner is None
    assert_decodes_alike(encoder, encoder._tokenizer, encoder.encode(["deep is", "very learning"]))


def test_the_decoder_decides_whatever_the_model():
    tokenizer = Tokenizer(BPE({"a": 0, "b": 1, "ab": 2}, [("a", "b")]))
    encoder = Encoder.from_tokenizer(tokenizer)
    assert encoder._decoding._joiner is not None
    assert_decodes_alike(encoder, tokenizer, [[0, 2], [], [1]])


@pytest.mark.parametrize("path", JOINING, ids=lambda path: path.parent.name)
def test_tokenizers_at_hand(path):
    encoder, tokenizer = Encoder.load(path), Tokenizer.from_file(str(path))
    assert encoder._decoding._joiner is not None
    rows = [row.tolist() for row in encoder.encode_ragged(CORPORA["mixed"])]
    rng = np.random.default_rng(0)
    rows += [rng.integers(0, encoder.input_dim, 20).tolist() for _ in range(20)]
    for skip in (True, False):
        assert_decodes_alike(encoder, tokenizer, rows, skip_special_tokens=skip)


def test_rows_without_ids():
    encoder = tokemb.fit_vocab(["a b"])
    assert encoder.decode(np.zeros((0, 3), np.int32)) == []
    assert encoder.decode(np.zeros((2, 0), np.int32)) == ["", ""]
    assert encoder.decode([]) == []
    assert encoder.decode([[], [0, 0]]) == ["", ""]
