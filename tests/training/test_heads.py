"""The heads mean, tfidf and attention of text classifiers."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tokemb
from tests.conftest import command_here, eagerly, examples, ok
from tokemb.errors import ArgumentError
from tokemb.models.embedding_model import EMBEDDING_NAME
from tokemb.rows.ragged import Ragged
from tokemb.training.classify import Labelled, train_classifier
from tokemb.training.heads import text_model
from tokemb.training.inputs import TextInputs
from tokemb.training.schedule import Schedule
from tokemb.training.token_weights import inverse_document_frequency

pytestmark = pytest.mark.keras

ONCE = Schedule(epochs=1, refit=False)
TEXTS = ["good film good plot", "bad film", "", "plot plot plot", "the bad plot of the good film"]


def features(head, matrix, encoder, **settings):
    """A model whose output are the features of its head, for these vectors of the tokens."""
    model = text_model(encoder, lambda output: output, head=head, dim=matrix.shape[1], **settings)
    model.get_layer(EMBEDDING_NAME).set_weights([matrix])
    return model


def test_features_of_the_head_tfidf_are_those_of_scikit_learn():
    from sklearn.feature_extraction.text import TfidfVectorizer

    encoder = tokemb.fit_vocab(TEXTS)
    ids = encoder.encode_ragged(TEXTS)
    idf = inverse_document_frequency(ids, encoder.input_dim)
    model = features("tfidf", np.eye(encoder.input_dim, dtype=np.float32), encoder, token_weights=idf)
    vectorizer = TfidfVectorizer(binary=True, token_pattern=r"\w+", vocabulary=encoder.vocabulary[2:])
    expected = vectorizer.fit_transform(TEXTS).toarray()
    np.testing.assert_allclose(np.asarray(model(ids.pad()))[:, 2:], expected, atol=1e-6)


def test_features_of_the_head_attention_are_a_weighted_mean_of_the_tokens():
    encoder = tokemb.fit_vocab(TEXTS)
    matrix = np.random.default_rng(0).normal(size=(encoder.input_dim, 3)).astype(np.float32)
    model = features("attention", matrix, encoder, units=4)
    ids = encoder.encode_ragged(["film", "good film", ""]).pad()
    found = np.asarray(model(ids))
    np.testing.assert_allclose(found[[0, 2]], [matrix[ids[0, 0]], np.zeros(3)], atol=1e-6)
    good, film = matrix[ids[1, :2]]
    share = (found[1] / np.sqrt(2) - film) / (good - film)
    np.testing.assert_allclose(share, share[0], rtol=1e-3)
    assert 0 < share[0] < 1


@pytest.mark.parametrize("padding", ["pre", "post"])
def test_first_tokens_are_those_in_the_vocabulary_at_the_beginning_of_a_row_of_any_padding(padding):
    encoder = tokemb.fit_vocab(TEXTS, ngrams=2, min_count=2)
    matrix = np.random.default_rng(0).normal(size=(encoder.input_dim, 3)).astype(np.float32)
    weights = np.linspace(0.0, 2.0, encoder.input_dim).astype(np.float32)
    model = features("mean", matrix, encoder, token_weights=weights, first_tokens=(2, 1))
    rows = encoder.encode_ragged(["unseen good plot film", "film", "unseen", ""])

    def scaled_mean(ids):
        return (matrix[ids] * weights[ids, None]).sum(axis=0) / max(len(ids), 1) ** 0.5

    known = [row[row != encoder.unk_id] for row in rows]
    assert [len(ids) for ids in known] == [3, 1, 0, 0]
    expected = [np.hstack([scaled_mean(ids), scaled_mean(ids[:2]), scaled_mean(ids[:1])]) for ids in known]
    found = model(rows.pad(rows.lengths.max() + 2, padding=padding))
    np.testing.assert_allclose(np.asarray(found), expected, atol=1e-6)


@pytest.fixture(scope="module")
def convolved():
    """A model of means and convolutions, whose output are its features."""
    encoder = tokemb.fit_vocab(TEXTS, ngrams=2, min_count=2)
    return encoder, text_model(encoder, lambda output: output, dim=3, units=2, convolutions=True, seed=1)


@examples(5)
@given(rows=st.lists(st.lists(st.integers(1, 5), max_size=6), min_size=1, max_size=4), extra=st.integers(0, 5))
def test_padding_at_either_end_does_not_change_features_of_convolutions(convolved, rows, extra):
    _, model = convolved
    ids = Ragged.from_rows(rows)
    expected = [np.asarray(model(np.array([row], np.int32).reshape(1, -1)))[0] for row in rows]
    for padding in ("pre", "post"):
        found = model(ids.pad(max(ids.lengths.max(), 1) + extra, padding=padding))
        np.testing.assert_allclose(np.asarray(found), expected, atol=1e-5)


def test_features_of_convolutions_depend_on_the_order_and_on_tokens_out_of_vocabulary(convolved):
    encoder, model = convolved
    ids = encoder.encode_ragged(["good film plot", "plot good film", "good film unseen plot"]).pad(9)
    means, others = np.split(np.asarray(model(ids)), [3], axis=1)
    np.testing.assert_allclose(means, means[[0, 0, 0]], atol=1e-6)
    assert not np.allclose(others[0], others[1])
    assert not np.allclose(others[0], others[2])


def test_each_row_trains_either_the_means_or_the_convolutions(convolved):
    encoder, model = convolved
    without_dropout = text_model(encoder, lambda output: output, dim=3, units=2, dropout=0.0, convolutions=True, seed=1)
    without_dropout.set_weights(model.get_weights())
    ids = np.repeat(encoder.encode(["good film plot film good"]), 200, axis=0)
    predicted, trained = np.asarray(without_dropout(ids)), np.asarray(without_dropout(ids, training=True))
    parts = np.split(trained, [3], axis=1)
    has_means, has_convolutions = (part.any(axis=1) for part in parts)
    assert (has_means != has_convolutions).all()
    assert 0.5 < has_means.mean() < 0.7
    # In predictions, each kind is weighted by its share of the training rows.
    np.testing.assert_allclose(parts[0][has_means] * 0.6, predicted[has_means, :3], rtol=1e-5)
    np.testing.assert_allclose(parts[1][has_convolutions] * 0.4, predicted[has_convolutions, 3:], rtol=1e-5)


@eagerly
def test_classifiers_of_short_texts_have_convolutions_and_predict_the_same_when_loaded_and_exported(tmp_path):
    import keras
    import tensorflow as tf

    texts, labels = [*TEXTS, "unseen"] * 100, ["x", "y", "z"] * 200
    trained = train_classifier(Labelled(texts, labels), dim=3, units=2, schedule=ONCE)
    assert trained.settings["convolutions"] == [3, 4, 5]
    trained.save(tmp_path / "c")
    trained.model.export(tmp_path / "e", verbose=False)
    loaded, exported = keras.models.load_model(tmp_path / "c" / "model.keras"), tf.saved_model.load(tmp_path / "e")
    rows = trained.vocabulary.encode_ragged(["bad film", "", "unseen", "good plot of the film"])
    for ids in (rows.pad(), np.zeros((1, 0), np.int32)):
        expected = np.asarray(trained.model(ids))
        assert np.isfinite(expected).all()
        np.testing.assert_allclose(loaded(ids), expected, atol=1e-6)
        np.testing.assert_allclose(exported.serve(ids), expected, atol=1e-6)
    predicted = tokemb.load_trained(tmp_path / "c").predict(["bad film", "", "unseen", "good plot of the film"])
    found = predicted["probability"].to_numpy(zero_copy_only=False)
    np.testing.assert_allclose(
        found[[0, 2, 3]], np.asarray(trained.model(rows.pad())).max(axis=1)[[0, 2, 3]], atol=1e-6
    )


@eagerly
@pytest.mark.parametrize(
    ("text", "rows", "settings", "convolutions"),
    [
        ("film", 500, {}, [3, 4, 5]),
        ("film", 499, {}, None),
        ("film", 500, {"regression": True}, None),
        ("film " * 33, 500, {}, None),
    ],
)
def test_classifiers_of_at_least_500_short_texts_have_convolutions(text, rows, settings, convolutions):
    schedule = Schedule(epochs=1, batch_size=256, validation_split=0)
    texts = Labelled([text] * rows, [row % 2 for row in range(rows)])
    trained = train_classifier(texts, ngrams=1, dim=1, units=1, schedule=schedule, **settings)
    assert trained.settings["convolutions"] == convolutions


@eagerly
@pytest.mark.parametrize(
    ("text", "settings", "profile"),
    [
        ("Who? film", {}, "words-and-punctuation"),
        ("Who film", {}, "words"),
        ("中文 who", {"ngrams": 2}, "words"),
        ("Who? film", {"profile": "words"}, "words"),
        ("Who? film", {"head": "tfidf"}, "words"),
        ("Who? film " + "word " * 31, {}, "words"),
        ("Who? film " + "?" * 30, {}, "words"),
    ],
    ids=["short", "no marks", "pairs across spaces", "given", "tfidf", "33 words", "33 words and marks"],
)
def test_punctuation_marks_of_short_texts_are_tokens(text, settings, profile):
    labelled = Labelled((text for _ in range(20)), [0, 1] * 10)
    trained = train_classifier(labelled, dim=1, schedule=ONCE, **{"ngrams": 1, **settings})
    assert trained.vocabulary.profile == profile
    assert any("punctuation marks are tokens" in note for note in trained.notes) == (profile != "words")


def test_only_the_head_mean_of_short_texts_has_first_tokens():
    for ngrams, maxlen, head, first_tokens in [
        (1, 32, "mean", [1, 2, 4, 8]),
        (1, 33, "mean", None),
        (2, 64, "mean", [1, 2, 4, 8]),
        (2, 65, "mean", None),
        (1, 8, "conv", None),
    ]:
        encoder = tokemb.fit_vocab(TEXTS, ngrams=ngrams)
        assert TextInputs(encoder, head, maxlen).settings["first_tokens"] == first_tokens


@eagerly
def test_rows_of_a_length_that_is_chosen_are_truncated_as_those_of_a_length_that_is_given():
    texts, labels = [f"{'film ' * 400}{word}" for word in ("good", "bad")] * 10, ["yes", "no"] * 10
    encoder = tokemb.fit_vocab(texts, truncating="pre", end="[END]")
    train = partial(train_classifier, Labelled(texts, labels), encoder=encoder, head="flatten", dim=1, schedule=ONCE)
    chosen, given = train(), train(maxlen=400)
    assert chosen.settings == given.settings
    assert chosen.fitted.history == given.fitted.history


@eagerly
@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"head": "conv", "first_tokens": (1,)}, "first_tokens requires head='mean'; received head='conv'"),
        ({"head": "conv", "convolutions": True}, "convolutions requires head='mean'; received head='conv'"),
        ({"first_tokens": (0,)}, "first_tokens must be"),
        ({"first_tokens": 6}, "first_tokens must be a sequence"),
    ],
)
def test_invalid_first_tokens_or_convolutions_are_an_error(settings, message):
    with pytest.raises(ArgumentError, match=message):
        text_model(tokemb.fit_vocab(TEXTS), lambda vectors: vectors, **settings)


@pytest.mark.parametrize("head", ["tfidf", "attention"])
def test_command_trains_a_model_of_each_head_that_predicts(head, tmp_path):
    (tmp_path / "r.csv").write_text("text,label\n" + "good film,1\nbad film,0\n" * 20)
    options = f"--head {head} --dim 4 --units 4 --dropout 0 --learning-rate 0.5 --epochs 2 --no-refit -o c"
    ok(command_here(*f"train classify r.csv --column text --label label {options}".split(), cwd=tmp_path))
    model = tokemb.load_trained(tmp_path / "c")
    assert model.folder.settings["ngrams"] == [1, 2]
    assert model.predict(["a good film", "a bad film", "good"])["prediction"].to_pylist() == [1, 0, 1]
