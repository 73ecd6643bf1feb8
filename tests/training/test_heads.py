"""The heads mean, tfidf and attention of text classifiers."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest

import tokemb
from tests.conftest import command_here, eagerly, ok
from tokemb.errors import ArgumentError
from tokemb.models.embedding_model import EMBEDDING_NAME
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
    ("head", "first_tokens", "message"),
    [
        ("conv", (1,), "first_tokens requires head='mean'; received head='conv'"),
        ("mean", (0,), "first_tokens must be"),
        ("mean", 6, "first_tokens must be a sequence"),
    ],
)
def test_invalid_first_tokens_are_an_error(head, first_tokens, message):
    with pytest.raises(ArgumentError, match=message):
        text_model(tokemb.fit_vocab(TEXTS), lambda vectors: vectors, head=head, first_tokens=first_tokens)


@pytest.mark.parametrize("head", ["tfidf", "attention"])
def test_command_trains_a_model_of_each_head_that_predicts(head, tmp_path):
    (tmp_path / "r.csv").write_text("text,label\n" + "good film,1\nbad film,0\n" * 20)
    options = f"--head {head} --dim 4 --units 4 --dropout 0 --learning-rate 0.5 --epochs 2 --no-refit -o c"
    ok(command_here(*f"train classify r.csv --column text --label label {options}".split(), cwd=tmp_path))
    model = tokemb.load_trained(tmp_path / "c")
    assert model.folder.settings["ngrams"] == [1, 2]
    assert model.predict(["a good film", "a bad film", "good"])["prediction"].to_pylist() == [1, 0, 1]
