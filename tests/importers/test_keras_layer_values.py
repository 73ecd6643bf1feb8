"""The config, weights and vocabulary of a ``TextVectorization`` that a script pickled without a model."""

from __future__ import annotations

import json
import pickle

import numpy as np
import pytest

from tests.conftest import MIXED, command_here
from tokemb.errors import ArgumentError, VocabularyError
from tokemb.importers import import_vocabulary, read_foreign, verify

pytestmark = pytest.mark.keras

TEXTS = [text.replace("\0", "") for text in MIXED]


@pytest.fixture(scope="module")
def layer():
    import keras

    layer = keras.layers.TextVectorization(output_sequence_length=7)
    layer.adapt(TEXTS)
    return layer


def write(path, value, protocol=None):
    path.write_bytes(pickle.dumps(value, protocol))
    return path


def weights_of(layer, release):
    """The weights as releases of TensorFlow had them: bytes, since 2.6 without ids."""
    words = layer.get_vocabulary()[2:]
    tokens = np.array([word.encode() for word in words], object)
    if release == "2.6":
        return [tokens]
    order = np.random.default_rng(0).permutation(len(words))
    return [tokens[order], np.arange(2, len(words) + 2)[order]]


@pytest.mark.parametrize("release", ["2.3", "2.6"])
@pytest.mark.parametrize("protocol", [2, 4, 5])
def test_config_and_weights_of_a_layer_keep_its_ids(layer, tmp_path, release, protocol):
    config = {**layer.get_config(), "batch_input_shape": (None,)}
    path = write(tmp_path / "tv_layer.pkl", {"config": config, "weights": weights_of(layer, release)}, protocol)
    imported = read_foreign(path)
    assert (imported.kind, imported.assumed, imported.encoder.maxlen) == ("text-vectorization", (), 7)
    np.testing.assert_array_equal(imported.encoder.encode(TEXTS), np.asarray(layer(np.array(TEXTS))))
    assert verify(imported, TEXTS) == (len(TEXTS), None)


def test_config_and_vocabulary_of_a_layer_keep_its_ids(layer, tmp_path):
    value = {"config": layer.get_config(), "weights": layer.get_weights(), "vocabulary": layer.get_vocabulary()}
    imported = read_foreign(write(tmp_path / "tv_layer.pkl", value))
    np.testing.assert_array_equal(imported.encoder.encode(TEXTS), np.asarray(layer(np.array(TEXTS))))
    config = {**layer.get_config(), "vocabulary": layer.get_vocabulary()[2:]}
    for path in (write(tmp_path / "config.pkl", config), tmp_path / "config.json"):
        if path.suffix == ".json":
            path.write_text(json.dumps(config))
        assert import_vocabulary(path).fingerprint == imported.encoder.fingerprint


def test_config_without_a_vocabulary_is_refused_with_the_remedy(layer, tmp_path):
    path = write(tmp_path / "tv_layer.pkl", {"config": layer.get_config(), "weights": layer.get_weights()})
    with pytest.raises(VocabularyError, match=r'in Keras 3: save \{"config": layer.get_config\(\), "vocabulary"'):
        import_vocabulary(path)


@pytest.mark.parametrize(
    ("changes", "weights", "reason"),
    [
        ({"ngrams": 0}, [np.array([b"a"], object)], "cannot be imported: ngrams must be an integer"),
        ({"output_mode": "tf_idf"}, [np.array([b"a"], object)], "output_mode='tf_idf'"),
        ({}, [np.array([b"\xff"], object)], "not UTF-8"),
        ({}, [np.array([b"a", b"b"], object), np.array([2, 4])], "must be consecutive"),
        ({}, [np.zeros((2, 2))], "lists or arrays of texts"),
        ({}, [5], "lists or arrays of texts"),
        ({}, [np.zeros(3)], "contains no vocabulary"),
    ],
)
def test_layer_that_cannot_be_followed_is_refused(layer, tmp_path, changes, weights, reason):
    path = write(tmp_path / "tv_layer.pkl", {"config": {**layer.get_config(), **changes}, "weights": weights})
    with pytest.raises(VocabularyError, match=reason):
        import_vocabulary(path)


def test_pickled_vocabulary_of_a_layer_keeps_its_ids(layer, tmp_path):
    vocabulary = layer.get_vocabulary()  # NumPy strings
    (tmp_path / "v.json").write_text(json.dumps(vocabulary))
    (tmp_path / "map.json").write_text(json.dumps({word: index for index, word in enumerate(vocabulary)}))
    for path in (write(tmp_path / "v.pkl", vocabulary), tmp_path / "v.json", tmp_path / "map.json"):
        imported = read_foreign(path)
        assert imported.encoder.vocabulary == vocabulary
        assert imported.assumed == ("standardize", "split", "ngrams")
        np.testing.assert_array_equal(imported.encoder.encode(TEXTS, maxlen=7), np.asarray(layer(np.array(TEXTS))))
        assert verify(imported, TEXTS) == (len(TEXTS), None)


def test_vocabulary_with_words_that_the_defaults_do_not_yield_needs_a_profile(tmp_path):
    path = write(tmp_path / "v.pkl", [b"", b"[UNK]", b"New", b"so-so"])
    with pytest.raises(VocabularyError, match="'New'.*save the config of the layer too"):
        import_vocabulary(path)
    encoder = import_vocabulary(path, profile="whitespace")
    assert encoder.encode(["New so-so"]).tolist() == [[2, 3]]
    with pytest.raises(ArgumentError, match="num_words does not apply to this file"):
        import_vocabulary(path, num_words=4)


def test_command_says_what_the_comparison_took_for_granted(tmp_path):
    write(tmp_path / "v.pkl", ["", "[UNK]", "fine"])
    (tmp_path / "texts.txt").write_text("Fine!\nother\n")
    run = command_here("import", "v.pkl", "-o", "v", "--verify", "texts.txt", cwd=tmp_path)
    told = run.stderr.decode()
    assert run.returncode == 0, told
    assert "provided that its standardize, split, ngrams are as assumed above: the file does not contain them" in told
