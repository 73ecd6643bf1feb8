"""Weights of tokens by naive Bayes, and models that train with them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tokemb
from tests.conftest import examples
from tokemb.models.embedding_model import EMBEDDING_NAME
from tokemb.rows.ragged import Ragged
from tokemb.training.classify import Labelled, train_classifier
from tokemb.training.heads import fold_token_weights, text_model
from tokemb.training.schedule import Schedule
from tokemb.training.targets import OneClass
from tokemb.training.token_weights import token_weights

ONCE = Schedule(epochs=1, refit=False)


@examples(30)
@given(st.integers(1, 3), st.integers(1, 12), st.integers(0, 99))
def test_weights_are_log_count_ratios_of_scikit_learn(classes, rows, seed):
    bayes = pytest.importorskip("sklearn.naive_bayes")
    rng = np.random.default_rng(seed)
    targets = (rng.random((rows, classes)) < 0.5).astype(np.float32)
    ids = Ragged.from_rows([rng.integers(0, 9, rng.integers(0, 5)).astype(np.int32) for _ in range(rows)])
    counts = np.stack([np.bincount(row, minlength=9) for row in ids])
    squares = np.zeros(9)
    for label in targets.T:
        if 0 < label.sum() < rows:
            model = bayes.MultinomialNB().fit(counts, label)
            squares += np.diff(model.feature_log_prob_, axis=0)[0] ** 2
    found = token_weights(ids, *np.nonzero(targets), input_dim=9)
    scale = squares[ids.values].mean() if len(ids.values) else 0
    expected = np.sqrt(squares / scale) if scale > 1e-12 else np.ones(9)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-6)


@pytest.mark.keras
def test_model_with_folded_weights_has_the_outputs_of_the_weighted_model():
    encoder = tokemb.fit_vocab(["a good film", "a bad film"], ngrams=2)
    weights = np.linspace(0.0, 2.0, encoder.input_dim).astype(np.float32)
    output = OneClass([1, 2, 3]).output
    weighted = text_model(encoder, output, dim=4, token_weights=weights, seed=1)
    folded = fold_token_weights(weighted, text_model(encoder, output, dim=4, seed=2))
    ids = encoder.encode(["a good film", "bad", "", "other"], maxlen=6)
    np.testing.assert_allclose(folded(ids), weighted(ids), atol=1e-6)
    assert [layer.name for layer in folded.layers if layer.weights] == [EMBEDDING_NAME, "probabilities"]


@pytest.mark.keras
def test_words_that_all_classes_have_in_common_get_short_vectors_by_default():
    texts, labels = ["the good film", "the bad film"] * 20, ["yes", "no"] * 20
    trained = train_classifier(Labelled(texts, labels), dim=8, schedule=ONCE)
    assert trained.settings["token_weights"] == "log-count ratios"
    (vectors,) = trained.model.get_layer(EMBEDDING_NAME).get_weights()
    good, the = (np.abs(vectors[trained.vocabulary.vocabulary.index(word)]).max() for word in ("good", "the"))
    assert good > 3 * the


@pytest.mark.keras
def test_regressions_have_no_token_weights():
    trained = train_classifier(Labelled(["one", "two"] * 10, [1.0, 2.0] * 10), regression=True, dim=2, schedule=ONCE)
    assert trained.settings["token_weights"] is None


@pytest.mark.keras
def test_rows_with_the_weight_0_do_not_change_the_token_weights():
    texts, labels = ["good film", "bad film"] * 20, ["yes", "no"] * 20
    schedule = Schedule(epochs=1, validation_split=0)
    plain = train_classifier(Labelled(texts, labels, [1.0] * 40), dim=2, schedule=schedule)
    opposite = Labelled([*texts, *texts], [*labels, *reversed(labels)], [1.0] * 40 + [0.0] * 40)
    both = train_classifier(opposite, encoder=plain.vocabulary, dim=2, schedule=schedule)
    words = [both.vocabulary.vocabulary.index(word) for word in ("film", "good")]
    for trained in (plain, both):
        film, good = np.abs(trained.model.get_layer(EMBEDDING_NAME).get_weights()[0][words]).max(axis=1)
        assert good > 3 * film
