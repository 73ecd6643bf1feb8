"""SavedModels that take raw text, and Keras' TextVectorization."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

import tokemb
from tests.conftest import CORPORA, MIXED, ROOT, command_here, python
from tokemb.models.saved_model import export_saved_model

pytestmark = pytest.mark.keras

# Nothing of ours, nor Keras, may be imported where a SavedModel runs.
RUN = """
import json, sys
for name in ("tokemb", "keras", "tokenizers"):
    sys.modules[name] = None
import tensorflow as tf
loaded = tf.saved_model.load(sys.argv[1])
answer = loaded.signatures["serving_default"](texts=tf.constant(json.loads(sys.argv[2])))
print(json.dumps({name: value.numpy().tolist() for name, value in answer.items()}))
"""
TEXTS = [text for text in MIXED if len(text) < 1000 and "\0" not in text]


@pytest.fixture(scope="module")
def encoder():
    return tokemb.fit_vocab(MIXED, profile="whitespace")


@pytest.fixture(scope="module")
def model(encoder):
    keras.utils.set_random_seed(0)
    ids = keras.Input((None,), dtype="int32")
    pooled = keras.layers.GlobalAveragePooling1D()(keras.layers.Embedding(encoder.input_dim, 3, mask_zero=True)(ids))
    return keras.Model(ids, keras.layers.Dense(2)(pooled))


def answers(path, texts):
    run = python(RUN, str(path), json.dumps(texts))
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout)


def test_predictions_where_tokemb_is_not_installed(encoder, model, tmp_path):
    encoder.save(tmp_path / "v")
    model.save(tmp_path / "m.keras")
    run = command_here(*"export --vocab v --model m.keras --maxlen 9 -o saved".split(), cwd=tmp_path)
    assert (run.returncode, run.stdout) == (0, b""), run.stderr
    assert run.stderr.decode() == "wrote      saved: texts to predictions, rows of 9 ids\n"
    served = answers(tmp_path / "saved", TEXTS)
    assert list(served) == ["predictions"]
    expected = model.predict(encoder.encode(TEXTS, maxlen=9), verbose=0)
    np.testing.assert_allclose(served["predictions"], expected, rtol=1e-5, atol=1e-6)


def served(path, texts):
    loaded = tf.saved_model.load(path)
    texts = tf.constant([text.encode() for text in texts], tf.string, shape=(len(texts),))
    return {name: value.numpy() for name, value in loaded.signatures["serving_default"](texts=texts).items()}


def test_ids_and_vectors(encoder, model, tmp_path):
    layer = export_saved_model(encoder, tmp_path / "ids")
    assert (layer.maxlen, layer.fingerprint) == (None, encoder.fingerprint)
    np.testing.assert_array_equal(served(tmp_path / "ids", MIXED)["ids"], encoder.encode(MIXED))
    settings = {"maxlen": 5, "padding": "pre", "truncating": "pre"}
    export_saved_model(encoder, tmp_path / "vectors", model=model, returns="vectors", **settings)
    vectors = served(tmp_path / "vectors", MIXED)["vectors"]
    matrix = model.layers[1].get_weights()[0]
    np.testing.assert_array_equal(vectors, matrix[encoder.encode(MIXED, **settings)])
    assert served(tmp_path / "vectors", [])["vectors"].shape == (0, 5, 3)


def test_a_model_of_one_length_decides_it(encoder, tmp_path):
    ids = keras.Input((4,), dtype="int32")
    flat = keras.Model(ids, keras.layers.Flatten()(keras.layers.Embedding(encoder.input_dim, 2)(ids)))
    assert export_saved_model(encoder, tmp_path / "saved", model=flat).maxlen == 4
    with pytest.raises(tokemb.TokembError, match="the model takes rows of 4 ids; received maxlen 7"):
        export_saved_model(encoder, tmp_path / "other", model=flat, maxlen=7)
    images = keras.Sequential([keras.Input((4, 4)), keras.layers.Dense(2)])
    with pytest.raises(tokemb.TokembError, match=r"cannot take ids of shape \(batch, None\): Invalid input shape"):
        export_saved_model(encoder, tmp_path / "other", model=images)
    assert [path.name for path in tmp_path.iterdir()] == ["saved"]


def test_what_cannot_be_is_refused(encoder, model, tmp_path):
    other = tokemb.embedding_model(tokemb.fit_vocab(["a b c"]), 2)
    with pytest.raises(tokemb.TokembError, match="the model was made for the vocabulary"):
        export_saved_model(encoder, tmp_path / "x", model=other)
    with pytest.raises(tokemb.TokembError, match="returns=vectors needs a model"):
        export_saved_model(encoder, tmp_path / "x", returns="vectors")
    with pytest.raises(tokemb.TokembError, match="returns=ids needs no model"):
        export_saved_model(encoder, tmp_path / "x", model=model, returns="ids")
    with pytest.raises(tokemb.TokembError, match="returns must be one of"):
        export_saved_model(encoder, tmp_path / "x", returns="words")
    text = keras.Input((), dtype="string")
    whole = keras.Model(text, model(encoder.layer(3)(text)))
    with pytest.raises(tokemb.TokembError, match="the model takes text already"):
        export_saved_model(encoder, tmp_path / "x", model=whole)
    ids = keras.Input((None,), dtype="int32")
    two = keras.Model(ids, [model(ids), model(ids)])
    with pytest.raises(tokemb.TokembError, match="must have one output; it gives 2"):
        export_saved_model(encoder, tmp_path / "x", model=two)
    unbuilt = keras.Sequential([keras.layers.Dense(2)])
    with pytest.raises(tokemb.TokembError, match="the model has no weights yet"):
        export_saved_model(encoder, tmp_path / "x", model=unbuilt)
    assert not list(tmp_path.iterdir())


def test_export_into_a_new_folder_creates_its_parents(encoder, tmp_path):
    export_saved_model(encoder, tmp_path / "serving" / "reviews" / "1", maxlen=3)
    assert (tmp_path / "serving" / "reviews" / "1" / "saved_model.pb").is_file()


def test_export_that_fails_leaves_no_parent_folders(encoder, tmp_path, monkeypatch):
    monkeypatch.setattr("tokemb.models.saved_model.ABOUT", Path("none", "none", "tokemb.json"))
    with pytest.raises(OSError, match="none"):
        export_saved_model(encoder, tmp_path / "serving" / "reviews" / "1", maxlen=3)
    assert list(tmp_path.iterdir()) == []


def test_only_its_own_folder_is_replaced(encoder, tmp_path):
    for _ in range(2):
        export_saved_model(encoder, tmp_path / "saved", maxlen=3)
    assert json.loads((tmp_path / "saved/assets.extra/tokemb.json").read_text()) == {
        "fingerprint": encoder.fingerprint,
        "answer": "ids",
        "maxlen": 3,
    }
    (tmp_path / "saved" / "notes.txt").write_text("mine")
    with pytest.raises(FileExistsError):
        export_saved_model(encoder, tmp_path / "saved", maxlen=3)
    assert (tmp_path / "saved" / "notes.txt").read_text() == "mine"


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        ("--returns vectors", 2, "--returns vectors requires --model"),
        ("--returns ids --model m.keras", 2, "--returns ids does not use a model: leave out --model"),
        ("--model m.keras", 1, "there is no model at m.keras"),
        ("--maxlen 0", 2, "must be an integer from 1 to 2147483647; received 0"),
    ],
)
def test_wrong_commands(encoder, tmp_path, arguments, code, said):
    encoder.save(tmp_path / "v")
    run = command_here("export", "--vocab", "v", "-o", "saved", *arguments.split(), cwd=tmp_path)
    assert run.returncode == code
    assert said in run.stderr.decode()
    assert not (tmp_path / "saved").exists()


def test_text_vectorization_there_and_back():
    texts = [text.replace("\0", "") for text in CORPORA["mixed"]]
    adapted = keras.layers.TextVectorization(max_tokens=40, output_sequence_length=6)
    adapted.adapt(texts)
    encoder = tokemb.import_vocabulary(adapted)
    assert (encoder.profile, encoder.maxlen, encoder.input_dim) == ("text-vectorization", 6, 40)
    np.testing.assert_array_equal(encoder.encode(MIXED), adapted(tf.constant(MIXED)))
    again = encoder.to_text_vectorization()
    assert again.get_vocabulary() == adapted.get_vocabulary()
    np.testing.assert_array_equal(again(tf.constant(MIXED)), adapted(tf.constant(MIXED)))
    np.testing.assert_array_equal(encoder.layer()(tf.constant(MIXED)), adapted(tf.constant(MIXED)))


def test_an_encoder_of_a_layer_is_saved_as_any(tmp_path):
    encoder = tokemb.import_vocabulary(keras.layers.TextVectorization(vocabulary=["b", "a"]))
    encoder.save(tmp_path / "v")
    again = tokemb.Encoder.load(tmp_path / "v")
    assert again.fingerprint == encoder.fingerprint
    assert again.encode(["A b, c"]).tolist() == [[3, 2, 1]]
    assert command_here("inspect", "v", cwd=tmp_path).returncode == 0


@pytest.mark.parametrize(
    "settings",
    [
        {"standardize": None},
        {"standardize": "lower"},
        {"standardize": tf.strings.lower},
        {"split": "character"},
        {"output_mode": "multi_hot"},
        {"encoding": "latin-1"},
    ],
)
def test_other_layers_are_refused(settings):
    layer = keras.layers.TextVectorization(vocabulary=["a", "b"], **settings)
    (name,) = settings
    with pytest.raises(tokemb.TokembError, match=f"the TextVectorization must have {name}="):
        tokemb.import_vocabulary(layer)


def test_layers_without_a_vocabulary_and_encoders_of_other_kinds():
    with pytest.raises(tokemb.TokembError, match="adapt it first"):
        tokemb.import_vocabulary(keras.layers.TextVectorization())
    with pytest.raises(tokemb.TokembError, match="layer must be a keras"):
        tokemb.import_vocabulary(keras.layers.Flatten())
    with pytest.raises(
        tokemb.TokembError, match="word vocabularies of the profile text-vectorization; this one is of words"
    ):
        tokemb.fit_vocab(["a"]).to_text_vectorization()
    with pytest.raises(tokemb.TokembError, match="pads and truncates at the end"):
        tokemb.fit_vocab(["a"], profile="text-vectorization", padding="pre").to_text_vectorization()
    with pytest.raises(tokemb.TokembError, match="loses a NUL at the end"):
        tokemb.fit_vocab(["a\0"], profile="text-vectorization").to_text_vectorization()


def test_the_commands_in_the_page(encoder, model, tmp_path):
    (tmp_path / "build").mkdir()
    encoder.save(tmp_path / "build" / "reviews.vocab")
    model.save(tmp_path / "build" / "reviews.keras")
    (block,) = re.findall(r"```\n\$ (tokemb .*?)```", (ROOT / "docs" / "serving.md").read_text("utf-8"), re.DOTALL)
    line, *shown = block.splitlines()
    run = command_here(*shlex.split(line)[1:], cwd=tmp_path)
    assert (run.returncode, run.stderr.decode().splitlines()) == (0, shown)
