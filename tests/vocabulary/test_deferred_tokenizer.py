"""A fitted word vocabulary makes its tokenizer when it is first used."""

from __future__ import annotations

import copy
import json
import pickle

import pytest
import tokenizers

import tokemb
from tests.conftest import MIXED
from tokemb.errors import VocabularyError
from tokemb.vocabulary import deferred_tokenizer


@pytest.fixture
def loaded(monkeypatch):
    """Return the numbers of words of the tokenizers that a deferred tokenizer makes."""
    numbers = []

    def tokenizer_of(specification):
        content = json.loads(specification) if isinstance(specification, bytes) else specification
        numbers.append(len(content["model"]["vocab"]))
        return original(specification)

    original = deferred_tokenizer.tokenizer_of
    monkeypatch.setattr(deferred_tokenizer, "tokenizer_of", tokenizer_of)
    return numbers


def test_fitting_and_saving_words_does_not_load_them_into_tokenizers(loaded, tmp_path):
    encoder = tokemb.fit_vocab(["a b c", "b"], maxlen=2, start="<s>", reserve=["new"])
    encoder.save(tmp_path / "vocab")
    assert loaded == [0]
    assert encoder.encode(["b a"]).tolist() == tokemb.Encoder.load(tmp_path / "vocab").encode(["b a"]).tolist()
    assert loaded == [0, 7]  # the saved one has start tokens and is loaded at once


def test_loading_words_and_encoding_a_few_texts_does_not_load_them_into_tokenizers(loaded, tmp_path):
    tokemb.fit_vocab(MIXED, max_size=50).save(tmp_path / "vocab")
    encoder, reference = (tokemb.Encoder.load(tmp_path / "vocab") for _ in range(2))
    words = tokenizers.Tokenizer.from_file(str(tmp_path / "vocab" / "tokenizer.json"))
    words.no_padding()
    expected = [encoding.ids for encoding in words.encode_batch(MIXED)]
    assert [row.tolist() for row in encoder.encode_ragged(MIXED)] == expected
    assert loaded == [0, 0, 0]
    for _ in range(20):
        assert [row.tolist() for row in reference.encode_ragged(MIXED)] == expected
    assert loaded == [0, 0, 0, 52]


@pytest.mark.parametrize(
    "vocab", ['{"a": -1}', '{"a": 1.0}', '{"a": true}', '{"\\ud800": 1}', '{"a": 4294967296}', "[]"]
)
def test_words_that_tokenizers_cannot_load_are_an_error_at_once(vocab):
    specification = tokemb.fit_vocab(["a"]).specification
    content = json.dumps({**specification, "model": {**specification["model"], "vocab": "VOCAB"}})
    content = content.replace('"VOCAB"', vocab)
    with pytest.raises(VocabularyError):
        deferred_tokenizer.saved_tokenizer(json.loads(content), content.encode())


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda encoder: pickle.loads(pickle.dumps(encoder))])
def test_copy_of_an_unused_encoder_encodes(copied):
    encoder = tokemb.fit_vocab(["a b c", "b"], maxlen=3)
    assert copied(encoder).encode(["c b"]).tolist() == encoder.encode(["c b"]).tolist() == [[4, 2, 0]]


def test_tokenizer_is_made_without_truncation_and_padding():
    tokenizer = deferred_tokenizer.DeferredTokenizer(tokemb.fit_vocab(["a b c"], maxlen=2).specification)
    assert (tokenizer.truncation["max_length"], tokenizer.padding["length"]) == (2, 2)
    assert len(tokenizer.encode("a b c")) == 3
