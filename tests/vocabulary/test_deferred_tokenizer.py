"""A fitted word vocabulary makes its tokenizer when it is first used."""

from __future__ import annotations

import copy
import pickle

import pytest

import tokemb
from tokemb.vocabulary import deferred_tokenizer


@pytest.fixture
def loaded(monkeypatch):
    """Return the numbers of words of the tokenizers that a deferred tokenizer makes."""
    numbers = []

    def tokenizer_of(specification):
        numbers.append(len(specification["model"]["vocab"]))
        return original(specification)

    original = deferred_tokenizer.tokenizer_of
    monkeypatch.setattr(deferred_tokenizer, "tokenizer_of", tokenizer_of)
    return numbers


def test_fitting_and_saving_words_does_not_load_them_into_tokenizers(loaded, tmp_path):
    encoder = tokemb.fit_vocab(["a b c", "b"], maxlen=2, start="<s>", reserve=["new"])
    encoder.save(tmp_path / "vocab")
    assert loaded == [0]
    assert encoder.encode(["b a"]).tolist() == tokemb.Encoder.load(tmp_path / "vocab").encode(["b a"]).tolist()
    assert loaded == [0, 7]


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda encoder: pickle.loads(pickle.dumps(encoder))])
def test_copy_of_an_unused_encoder_encodes(copied):
    encoder = tokemb.fit_vocab(["a b c", "b"], maxlen=3)
    assert copied(encoder).encode(["c b"]).tolist() == encoder.encode(["c b"]).tolist() == [[4, 2, 0]]


def test_tokenizer_is_made_without_truncation_and_padding():
    tokenizer = deferred_tokenizer.DeferredTokenizer(tokemb.fit_vocab(["a b c"], maxlen=2).specification)
    assert (tokenizer.truncation["max_length"], tokenizer.padding["length"]) == (2, 2)
    assert len(tokenizer.encode("a b c")) == 3
