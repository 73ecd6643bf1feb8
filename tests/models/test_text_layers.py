"""Models that turn text into ids themselves: they are loaded, checked, embedded with and grown as all others."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

import tokemb
from tests.conftest import command_here, ok, tokemb_command
from tokemb.errors import ModelError

pytestmark = pytest.mark.keras

OLD = tokemb.fit_vocab(["one two three four", "two one"], profile="whitespace")
NEW = OLD.grow(["five six"])
TEXTS = ["one five", "six six two", "zero"]


def functional(layer, base):
    text = keras.Input((), dtype="string")
    return keras.Model(text, keras.layers.GlobalAveragePooling1D()(base(layer(text))))


def sequential(layer, base):
    return keras.Sequential([keras.Input((), dtype="string"), layer, base, keras.layers.GlobalAveragePooling1D()])


def nested(layer, base):
    """The text layer is in a model of its own."""
    text = keras.Input((), dtype="string")
    return functional(keras.Model(text, layer(text)), base)


def marked():
    return tokemb.embedding_model(OLD, 3, seed=0)


def plain():
    return keras.layers.Embedding(OLD.input_dim, 3, mask_zero=True)


def means(model, encoder, texts=TEXTS):
    """What the model must give: the mean of the vectors of the tokens of each text."""
    from tokemb.models.model_layers import all_embeddings

    (embedding,) = all_embeddings(model)
    (matrix,) = embedding.get_weights()
    return np.array([matrix[[index for index in row if index]].mean(axis=0) for row in encoder.encode(texts, maxlen=4)])


def answers(model, texts=TEXTS):
    return model.predict(tf.constant(texts), verbose=0)


@pytest.mark.parametrize(
    ("make", "base"), [(functional, marked), (functional, plain), (sequential, marked), (nested, plain)]
)
def test_a_grown_model_gives_new_tokens_their_ids_in_the_graph(make, base, tmp_path):
    model = make(OLD.layer(4), base())
    before = model(tf.constant(TEXTS))
    grown = tokemb.grow_model(model, OLD, NEW, seed=0)
    grown.save(tmp_path / "grown.keras")
    for one in (grown, keras.models.load_model(tmp_path / "grown.keras")):
        np.testing.assert_allclose(answers(one), means(one, NEW), atol=1e-6)
        np.testing.assert_allclose(tokemb.embed(one, NEW.encode(TEXTS, maxlen=4)), means(one, NEW), atol=1e-6)
        assert tokemb.check(NEW, one) == []
    assert tokemb.check(NEW, tmp_path / "grown.keras") == []
    np.testing.assert_array_equal(model(tf.constant(TEXTS)), before)
    assert tokemb.check(OLD, model) == []


def test_check_reports_a_text_layer_that_holds_another_vocabulary():
    model = functional(OLD.layer(4), tokemb.embedding_model(NEW, 3))
    (finding,) = tokemb.check(NEW, model)
    assert (finding.level, finding.rule) == ("error", "fingerprint")
    assert finding.message.startswith(f"a text layer in the model holds the vocabulary {OLD.fingerprint[:16]}, this is")
    assert "which grew from it" in finding.message
    with pytest.raises(ModelError, match="a text layer in the model holds the vocabulary"):
        tokemb.grow_model(model, NEW, NEW.grow(["seven"]))
    with pytest.raises(ModelError, match="a text layer in the model holds the vocabulary"):
        tokemb.embed(model, NEW.encode(TEXTS, maxlen=4), encoder=NEW)


def test_a_model_that_only_looks_up_the_ids_of_its_text_layer_is_read_as_a_look_up():
    text = keras.Input((), dtype="string")
    model = keras.Model(text, marked()(OLD.layer()(text)))
    np.testing.assert_array_equal(tokemb.embed(model, OLD.encode(TEXTS)), answers(model))
    pooled = tokemb.embed(model, OLD.encode_ragged(TEXTS), pooling="mean", encoder=OLD)
    np.testing.assert_allclose(pooled, means(model, OLD), atol=1e-6)
    assert tokemb.neighbors(model, OLD, ["one"], 1)[0].token == "one"


def test_a_model_whose_text_layer_cannot_be_told_apart_takes_no_ids():
    first, second = keras.Input((), dtype="string"), keras.Input((), dtype="string")
    layer, base = OLD.layer(4), marked()
    model = keras.Model([first, second], base(layer(first)) + base(layer(second)))
    assert tokemb.check(OLD, model) == []
    with pytest.raises(ModelError, match="the model takes text and not ids: pass texts to its own predict method"):
        tokemb.embed(model, [[1, 2, 3, 4]])


@pytest.mark.parametrize("layer", [OLD.layer(4), keras.layers.StringLookup(vocabulary=["one", "two"])])
def test_a_model_that_ends_with_its_text_layer_takes_no_ids(layer):
    text = keras.Input((), dtype="string")
    for model in (keras.Model(text, layer(text)), keras.Sequential([text, layer])):
        tokemb.check(OLD, model)
        with pytest.raises(ModelError, match="the model takes text and not ids: pass texts to its own predict method"):
            tokemb.embed(model, [[1, 2, 3, 4]])


# Keras' own, which its module's filter misses once pytest.warns has seen it
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
def test_keras_layers_with_a_vocabulary_are_refused_or_named():
    old = tokemb.fit_vocab(["one two three four"], profile="text-vectorization")
    new = old.grow(["five"])
    model = functional(old.to_text_vectorization(), tokemb.embedding_model(old, 3))
    with pytest.raises(ModelError, match="is a TextVectorization that holds the vocabulary, and such a layer cannot"):
        tokemb.grow_model(model, old, new)
    ids, country = keras.Input((None,), dtype="int32"), keras.Input((1,), dtype="string")
    countries = keras.layers.StringLookup(vocabulary=["fr", "de"], name="countries")(country)
    vectors = tokemb.embedding_model(old, 3)(ids) + keras.layers.Embedding(3, 3)(countries)
    with pytest.warns(UserWarning, match="Keras layers with a vocabulary cannot grow and are unchanged: countries; if"):
        grown = tokemb.grow_model(keras.Model([ids, country], vectors), old, new)
    assert grown.get_layer(tokemb.embedding_model(new, 3).name).get_layer("token_embedding").input_dim == new.input_dim


def test_every_command_that_loads_a_model_loads_one_with_a_text_layer(tmp_path):
    OLD.save(tmp_path / "v")
    functional(OLD.layer(4), marked()).save(tmp_path / "m.keras")
    (tmp_path / "texts.txt").write_text("one two\nthree\n")
    (tmp_path / "new.txt").write_text("five six\n")
    model = "--vocab v --model m.keras".split()
    # A process in which nothing has imported the layer.
    assert ok(tokemb_command("check", *model, cwd=tmp_path)).stdout == b""
    ok(command_here("embed", "texts.txt", *model, "--maxlen", 4, "-o", "vectors.npy", cwd=tmp_path))
    expected = means(keras.models.load_model(tmp_path / "m.keras"), OLD, ["one two", "three"])
    np.testing.assert_allclose(np.load(tmp_path / "vectors.npy"), expected, atol=1e-6)
    assert b"one" in ok(command_here("neighbors", "m.keras", "one", "--vocab", "v", cwd=tmp_path)).stdout
    ok(command_here("export-vectors", "m.keras", "--vocab", "v", "-o", "m.vec", cwd=tmp_path))
    ok(command_here("grow", "new.txt", *model, "-o", "w", "--grown-model", "g.keras", cwd=tmp_path))
    assert ok(command_here("check", "--vocab", "w", "--model", "g.keras", cwd=tmp_path)).stdout == b""
    grown = keras.models.load_model(tmp_path / "g.keras")
    np.testing.assert_allclose(answers(grown), means(grown, NEW), atol=1e-6)
    assert command_here("check", "--vocab", "w", "--model", "m.keras", cwd=tmp_path).returncode == 1
    refused = command_here("export", *model, "-o", "saved", cwd=tmp_path)
    assert (refused.returncode, b"takes text already" in refused.stderr) == (1, True)
