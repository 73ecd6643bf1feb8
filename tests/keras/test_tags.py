"""Tags of tokens at the ids of rows are those of Hugging Face's word_ids()."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer

import tokemb
from tests.conftest import CORPORA, TOKENIZERS, examples, use_kernels
from tokemb.errors import ArgumentError, TextError, TextTypeError

WORDS = ["EU", "rejects", "German", "U.S.", "O'Neill-Smith", "學而", "3.14%", "#tag", "naïve", "don't", "", "🙂x"]
CLASSES = ["B-X", "I-X", "O"]
SENTENCES = st.lists(st.lists(st.tuples(st.sampled_from(WORDS), st.sampled_from(CLASSES)), max_size=9), max_size=4)


def split(sentences):
    return [[word for word, _ in row] for row in sentences], [[tag for _, tag in row] for row in sentences]


def of_tokenizers(tokenizer, tokens, tags, maxlen, direction):
    """The ids and tags of the recipe for token classification in the documentation of transformers."""
    tokenizer.no_padding()
    tokenizer.no_truncation()
    if maxlen is not None:
        tokenizer.enable_truncation(maxlen, direction=direction)
    for row, names in zip(tokens, tags, strict=True):
        encoding = tokenizer.encode(row, is_pretokenized=True)
        labels, previous = [], None
        for word in encoding.word_ids:
            labels.append(None if word is None or word == previous else names[word])
            previous = word
        yield encoding.ids, labels


def check_parity(encoder, tokenizer, tokens, tags, maxlen, direction):
    truncating = {"right": "post", "left": "pre"}[direction]
    rows = encoder.encode_tags(tokens, tags, classes=CLASSES, maxlen=maxlen, padding="post", truncating=truncating)
    assert rows.classes == CLASSES
    expected = list(of_tokenizers(tokenizer, tokens, tags, maxlen, direction))
    assert len(rows.ids) == len(expected)
    for row, (ids, labels) in enumerate(expected):
        padding = rows.ids.shape[1] - len(ids)
        assert rows.ids[row].tolist() == ids + [encoder.pad_id] * padding
        found = zip(rows.tags[row], rows.weights[row], strict=True)
        assert [CLASSES[tag] if weight else None for tag, weight in found] == labels + [None] * padding


FOREIGN = sorted(path.parent.name for path in TOKENIZERS.glob("*/tokenizer.json"))


@pytest.mark.parametrize("name", FOREIGN)
def test_tags_of_foreign_tokenizers_are_at_the_first_subwords(name, monkeypatch):
    path = TOKENIZERS / name / "tokenizer.json"
    try:
        tokenizer = Tokenizer.from_file(str(path))
    except Exception as error:  # noqa: BLE001 - that of a Rust library
        pytest.skip(f"tokenizers cannot load this file: {error}")
    try:
        encoder = tokemb.Encoder.load(path)
        encoder.require_pad_id()
    except tokemb.TokembError:
        encoder = tokemb.Encoder.from_tokenizer(path, pad_token=tokenizer.id_to_token(0))
    tokens = [text.split(" ")[:40] for corpus in CORPORA.values() for text in corpus[:3]] + [WORDS, []]
    tags = [[CLASSES[(len(word) + index) % 3] for index, word in enumerate(row)] for row in tokens]
    for kernels, maxlen, direction in ((False, 9, "left"), (True, 20, "right")):
        use_kernels(monkeypatch, kernels)
        check_parity(encoder, tokenizer, tokens, tags, maxlen, direction)


@pytest.fixture(scope="module")
def encoders(tmp_path_factory):
    """Vocabularies of all algorithms, and their tokenizers."""
    text, made = [" ".join(WORDS)] * 2, {}
    settings = {name: {"algorithm": name, "max_size": 60} for name in ("bpe", "wordpiece", "unigram")}
    for name, arguments in {**settings, "word": {}, "ends": {"start": "[BOS]", "end": "[EOS]"}}.items():
        encoder = tokemb.fit_vocab(text, **arguments)
        path = tmp_path_factory.mktemp(name)
        encoder.save(path / "v")
        made[name] = encoder, Tokenizer.from_file(str(path / "v" / "tokenizer.json"))
    return made


@pytest.mark.parametrize("name", ["bpe", "wordpiece", "unigram", "word", "ends"])
@examples(15)
@given(sentences=SENTENCES, maxlen=st.sampled_from([None, 2, 5]), direction=st.sampled_from(["left", "right"]))
def test_tags_of_fitted_vocabularies_are_at_the_first_subwords(encoders, name, sentences, maxlen, direction):
    check_parity(*encoders[name], *split(sentences), maxlen, direction)


def test_token_of_a_word_vocabulary_has_its_id_and_others_are_split():
    encoder = tokemb.fit_vocab([["EU", "U.S."], ["u", "s", "eu"]])
    rows = encoder.encode_tags([["EU", "Eu", "U.S.", "U/S"], ["..", "new"]], [["O", "A", "O", "B"], ["A", "B"]])
    names = [[encoder.vocabulary[index] for index in row] for row in rows.ids]
    assert names == [["EU", "eu", "U.S.", "u", "s"], ["[UNK]", "", "", "", ""]]
    assert rows.tags.tolist() == [[2, 0, 2, 1, 0], [1, 0, 0, 0, 0]]
    assert rows.weights.tolist() == [[1, 1, 1, 1, 0], [1, 0, 0, 0, 0]]
    assert rows.tags.dtype == np.int32 and rows.weights.dtype == np.float32


@pytest.mark.parametrize(
    "settings", [{"num_oov_buckets": 3}, {"hash_buckets": 50}, {"profile": "keras", "oov": False}], ids=str
)
def test_words_out_of_vocabulary_have_the_ids_of_texts(settings):
    encoder = tokemb.fit_vocab(["deep learning"], **settings)
    rows = encoder.encode_tags([["deep", "new", "learning"]], [["A", "B", "C"]])
    assert rows.ids.tolist() == encoder.encode(["deep new learning"]).tolist()
    assert rows.tags.tolist() == [[0, 2] if "oov" in settings else [0, 1, 2]]


def test_texts_are_split_and_integers_are_their_own_ids():
    encoder = tokemb.fit_vocab(["a b"])
    for tokens in (["a  b ", "b"], pa.array(["a b", "b"]), np.array(["a b", "b"]), [("a", "b"), ["b"]]):
        for tags in ([[3, 0], [1]], ["3 0", "1"], pa.array([[3, 0], [1]])):
            rows = encoder.encode_tags(tokens, tags, padding="pre")
            assert rows.ids.tolist() == [[2, 3], [0, 3]]
            assert rows.tags.tolist() == [[3, 0], [0, 1]]
            assert rows.weights.tolist() == [[1, 1], [0, 1]]
            assert rows.classes == ["0", "1", "2", "3"]
    assert encoder.encode_tags([], []).ids.shape == (0, 0)


@pytest.mark.parametrize(
    ("tokens", "tags", "settings", "error", "message"),
    [
        (["a b"], ["O"], {}, TextError, "tokens, row 1 has 2 tokens and 1 tags"),
        (["a"], ["O", "O"], {}, TextError, "received 1 rows and the tags of 2"),
        (["a"], [[""]], {}, TextError, "row 1 contains an empty tag"),
        (
            ["a"],
            [["X"]],
            {"classes": ["O"]},
            ArgumentError,
            r"must not contain 'X', which is none of the classes \(O\)",
        ),
        (["a"], [["O"]], {"classes": "O"}, ArgumentError, "classes must be a list of distinct strings"),
        (["a"], [[None]], {}, TextError, r"tags\[0\] is missing"),
        ("a", ["O"], {}, TextTypeError, "tokens must be rows, not one text"),
        ([["a"], "b"], ["O", "O"], {}, TextTypeError, "tokens must be lists of texts"),
        ([1.5], ["O"], {}, TextTypeError, "tokens must be lists of texts, or texts; received double"),
        ({"a", "b"}, ["O", "X"], {}, TextTypeError, "tokens must be in an order, and a set has none"),
        (["a b"], [{"O", "X"}], {}, TextTypeError, "tags must be in an order, and a set has none"),
    ],
)
def test_rows_and_tags_that_do_not_fit_are_errors(tokens, tags, settings, error, message):
    with pytest.raises(error, match=message):
        tokemb.fit_vocab(["a b"]).encode_tags(tokens, tags, **settings)


def test_ngrams_have_no_tags():
    with pytest.raises(ArgumentError, match="n-grams cannot be tagged"):
        tokemb.fit_vocab(["a b"], ngrams=2).encode_tags(["a"], ["O"])
