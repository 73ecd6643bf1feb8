"""The ids of many words, which are not a dictionary."""

import json
import pickle

import pyarrow as pa
import pytest

import tokemb
from tokemb._arrays import STRINGS
from tokemb.vocabulary.word_ids import WordIds

TEXTS = ["the film was fine", "the end of the film", "中文 film"]
OPTIONS = [
    {},
    {"num_oov_buckets": 3, "max_size": 4, "reserve": ["[MASK]"]},
    {"start": "[BOS]", "end": "[EOS]"},
    {"profile": "keras", "oov": False},
    {"ngrams": 2},
]


def word_ids():
    return WordIds({"": 0, "[UNK]": 1}, pa.array(["b", "é", "a"], STRINGS), 5)


def test_word_ids_equal_the_dictionary_of_the_same_ids():
    expected = {"": 0, "[UNK]": 1, "b": 5, "é": 6, "a": 7}
    ids = word_ids()
    assert ids == expected
    assert ids.to_dict() == dict(ids) == pickle.loads(pickle.dumps(ids)) == expected
    assert [*ids] == ids.tokens.to_pylist() == [*expected]
    assert [*ids.values()] == ids.ids.tolist() == [*expected.values()]
    assert (ids["é"], ids.get("c"), "a" in ids, "c" in ids, len(ids)) == (6, None, True, False, 5)


def test_ids_of_reserved_tokens_and_all_ids_make_no_dictionary():
    ids = word_ids()
    assert ids["[UNK]"] == 1
    assert max(ids.values()) == 7
    assert "_ids_of_words" not in vars(ids)


@pytest.mark.parametrize("options", OPTIONS)
def test_a_vocabulary_of_many_words_is_that_of_few_words(options, tmp_path, monkeypatch):
    few = tokemb.fit_vocab(TEXTS, **options)
    few.save(tmp_path / "few")
    monkeypatch.setattr("tokemb.counts.word_vocabulary.MANY_WORDS", 0)
    monkeypatch.setattr("tokemb.vocabulary.json_parts.MANY_WORDS", 0)
    many = tokemb.fit_vocab(TEXTS, **options)
    assert isinstance(many.specification["model"]["vocab"], WordIds)
    many.save(tmp_path / "many")
    for file in (tmp_path / "few").iterdir():
        assert (tmp_path / "many" / file.name).read_bytes() == file.read_bytes()
    assert many.specification == few.specification
    assert many.vocabulary == few.vocabulary
    texts = [*TEXTS, "a new film"]
    copies = many, pickle.loads(pickle.dumps(many)), tokemb.Encoder.load(tmp_path / "many")
    for each in copies:
        assert each.encode(texts).tolist() == few.encode(texts).tolist()
    if "ngrams" not in options:
        assert many.decode(many.encode(texts)) == few.decode(few.encode(texts))
    assert many.grow(texts).specification == few.grow(texts).specification


def test_a_vocabulary_of_many_words_becomes_json_where_a_library_needs_it(monkeypatch):
    few = tokemb.fit_vocab(TEXTS)
    monkeypatch.setattr("tokemb.counts.word_vocabulary.MANY_WORDS", 0)
    many = tokemb.fit_vocab(TEXTS)
    from tokemb.integrations.spark.worker import deserialize_encoder, serialize_encoder

    assert json.loads(serialize_encoder(many)) == json.loads(serialize_encoder(few))
    assert deserialize_encoder(serialize_encoder(many)).vocabulary == few.vocabulary
