"""The heads tfidf and attention of text classifiers."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest

import tokemb
from tests.conftest import command_here, eagerly, ok
from tokemb.models.embedding_model import EMBEDDING_NAME
from tokemb.training.classify import Labelled, train_classifier
from tokemb.training.heads import text_model
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


@eagerly
def test_rows_of_a_length_that_is_chosen_are_truncated_as_those_of_a_length_that_is_given():
    texts, labels = [f"{'film ' * 400}{word}" for word in ("good", "bad")] * 10, ["yes", "no"] * 10
    encoder = tokemb.fit_vocab(texts, truncating="pre", end="[END]")
    train = partial(train_classifier, Labelled(texts, labels), encoder=encoder, head="flatten", dim=1, schedule=ONCE)
    chosen, given = train(), train(maxlen=400)
    assert chosen.settings == given.settings
    assert chosen.fitted.history == given.fitted.history


@eagerly
@pytest.mark.parametrize("head", ["tfidf", "attention"])
def test_command_trains_a_model_of_each_head_that_predicts(head, tmp_path):
    (tmp_path / "r.csv").write_text("text,label\n" + "good film,1\nbad film,0\n" * 20)
    options = f"--head {head} --dim 4 --units 4 --dropout 0 --learning-rate 0.5 --epochs 2 --no-refit -o c"
    ok(command_here(*f"train classify r.csv --column text --label label {options}".split(), cwd=tmp_path))
    model = tokemb.load_trained(tmp_path / "c")
    assert model.folder.settings["ngrams"] == [1, 2]
    assert model.predict(["a good film", "a bad film", "good"])["prediction"].to_pylist() == [1, 0, 1]
