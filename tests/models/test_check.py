"""What does not fit between a vocabulary, a model and ids: each finding provoked."""

from __future__ import annotations

import json

import keras
import numpy as np
import pytest
from tokenizers import Tokenizer
from tokenizers.models import WordLevel

import tokemb
from tests.conftest import command_here, tokemb_command
from tokemb.models.compatibility import Finding

pytestmark = pytest.mark.keras

ENCODER = tokemb.fit_vocab(["deep learning is very deep"])  # input_dim 6


@keras.saving.register_keras_serializable("tokemb_tests")
class TokenAndPosition(keras.layers.Layer):
    """Adds the vectors of tokens and those of their places."""

    def __init__(self, vocabulary_size, sequence_length, dim, **settings):
        super().__init__(**settings)
        self.token_embedding = keras.layers.ReversibleEmbedding(vocabulary_size, dim, mask_zero=True)
        self.sequence_length, self.dim = sequence_length, dim

    def build(self, shape):
        self.token_embedding.build(shape)
        self.positions = self.add_weight(shape=(self.sequence_length, self.dim), name="positions")
        super().build(shape)

    def call(self, ids):
        return self.token_embedding(ids) + self.positions

    def compute_mask(self, ids, mask=None):
        return self.token_embedding.compute_mask(ids)

    def get_config(self):
        sizes = {"vocabulary_size": self.token_embedding.input_dim, "sequence_length": self.sequence_length}
        return {**super().get_config(), **sizes, "dim": self.dim}


def network(input_dim=6, maxlen=None, mask_zero=True):
    layers = [keras.Input((maxlen,)), keras.layers.Embedding(input_dim, 2, mask_zero=mask_zero), keras.layers.GRU(1)]
    return keras.Sequential(layers)


def found(encoder, model, *ids):
    return [(finding.level, finding.rule) for finding in tokemb.check(encoder, model, *ids)]


def foreign(vocabulary, unk_token, **settings):
    return tokemb.Encoder.from_tokenizer(Tokenizer(WordLevel(vocabulary, unk_token=unk_token)), **settings)


def test_nothing_is_found_where_all_fits(tmp_path):
    np.save(tmp_path / "ids.npy", ENCODER.encode(["deep learning"]).astype(np.int64))
    for model in (tokemb.embedding_model(ENCODER, 2), network(), network(7), network(maxlen=2)):
        model.save(tmp_path / "m.keras")
        for either in (model, tmp_path / "m.keras"):
            assert tokemb.check(ENCODER, either, tmp_path / "ids.npy", [[1, 2], [0, 5]], np.zeros((0, 2), int)) == []
    assert tokemb.check(ENCODER, network(7)) == []


def test_a_model_of_another_vocabulary():
    other = tokemb.fit_vocab(["a b"])
    made = {name: tokemb.embedding_model(encoder, 2) for name, encoder in (("other", other), ("own", ENCODER))}
    errors = tokemb.check(ENCODER, made["other"])
    assert [finding.rule for finding in errors] == ["fingerprint", "input_dim"]
    assert str(errors[0]).startswith(
        f"error    the model was made for the vocabulary {other.fingerprint[:16]}, this is "
    )
    assert errors[1].message == (
        "the model has input_dim 4, the vocabulary needs 6: "
        "use the vocabulary that the model was made for, or make the model from this one"
    )
    (first, _) = tokemb.check(ENCODER.grow(["new"]).grow(["newer"]), made["own"])
    assert "which grew from it: use the grown model, or grow this one with tokemb.grow_model" in first.message


def test_masks_and_padding():
    assert found(ENCODER, network(mask_zero=False)) == [("warning", "mask_zero")]
    late = foreign({"a": 0, "[PAD]": 1}, "a")
    (finding,) = tokemb.check(late, network(2))
    message = "the model masks id 0, but the vocabulary pads with 1: make the model with "
    message += "embedding_model(..., mask_zero=False)"
    assert finding == Finding("error", "mask_zero", message)
    assert tokemb.check(late, network(2, mask_zero=False)) == []
    without = foreign({"a": 0, "b": 1}, "a")
    assert "the vocabulary has no padding: make" in tokemb.check(without, network(2))[0].message
    both = foreign({"<pad>": 0, "a": 1}, "<pad>")
    (finding,) = tokemb.check(both, network(2))
    assert (finding.level, finding.rule) == ("warning", "padding")
    assert finding.message.startswith("id 0 is both padding and out-of-vocabulary: a mask hides both: give")


@pytest.mark.parametrize("number", [np.nan, np.inf, -np.inf])
def test_weights_that_are_not_finite_are_an_error(number, tmp_path):
    for model in (tokemb.embedding_model(ENCODER, 2), network()):
        for weights in model.weights:
            numbers = weights.numpy().copy()
            numbers.flat[-1] = number
            weights.assign(numbers)
            model.save(tmp_path / "m.keras")
            assert found(ENCODER, model) == found(ENCODER, tmp_path / "m.keras") == [("error", "weights")]
            with pytest.raises(tokemb.TokembError, match="weights of the model are NaN or infinite"):
                tokemb.embed(tmp_path / "m.keras", [[1, 2]])
    assert tokemb.embed(tokemb.embedding_model(ENCODER, vectors=np.full((6, 2), 3e38)), [[1]]).max() > 1e38
    tokemb.embedding_model(ENCODER, vectors=np.full((6, 2), 3e38)).save(tmp_path / "large.keras")
    assert tokemb.check(ENCODER, tmp_path / "large.keras") == []


def test_vectors_that_are_not_finite_make_no_model():
    with pytest.raises(tokemb.TokembError, match="vectors must be finite float32 numbers; those of row 2 are not"):
        tokemb.embedding_model(ENCODER, vectors=np.where(np.arange(6)[:, None] == 2, np.nan, np.ones((6, 3))))


def test_ids_out_of_range(tmp_path):
    np.save(tmp_path / "high.npy", np.array([[2, 2**30]]))
    np.save(tmp_path / "low.npy", np.array([[2, -1]]))
    model = network(8)
    findings = tokemb.check(ENCODER, model, tmp_path / "high.npy", [[7]], tmp_path / "low.npy", [[5]])
    assert {finding.level for finding in findings} == {"error"}
    assert [finding.message for finding in findings] == [
        f"{tmp_path / 'high.npy'}: the model has input_dim 8, so ids go up to 7; received {2**30}: "
        "use the vocabulary that the model was made for, or make the model from this one",
        "array 2: the vocabulary has ids up to 5; received 7: "
        "use the vocabulary that made these ids, or encode the texts again",
        f"{tmp_path / 'low.npy'}: ids must not be negative; received -1",
    ]
    assert {finding.rule for finding in findings} == {"ids"}


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.array([[1.0, 2.0]]), "it holds float64 (1, 2)"),
        (np.array([1, 2]), "it holds int64 (2,)"),
        (np.array([["a"]]), "it holds <U1 (1, 1)"),
        (np.array([[True]]), "it holds bool (1, 1)"),
        (np.array([[{}]], object), "is not a .npy file of numbers"),
    ],
    ids=str,
)
def test_files_that_hold_no_ids(tmp_path, array, message):
    np.save(tmp_path / "ids.npy", array, allow_pickle=True)
    (finding,) = tokemb.check(ENCODER, network(), tmp_path / "ids.npy")
    assert (finding.level, finding.rule) == ("error", "dtype")
    assert message in finding.message
    assert finding.message.endswith(": encode the texts again, or save the ids as int32 (rows, maxlen)")
    if array.dtype != object:
        assert found(ENCODER, network(), array) == [("error", "dtype")]


def test_the_length_of_rows():
    model = network(maxlen=3)
    assert found(ENCODER, model) == [("warning", "maxlen")]
    shorter = tokemb.fit_vocab(["deep learning is very deep"], maxlen=2)
    (finding,) = tokemb.check(shorter, model)
    message = "the model takes rows of 3 ids, the vocabulary makes rows of 2: use encode(..., maxlen=3)"
    assert finding == Finding("error", "maxlen", message)
    assert found(tokemb.fit_vocab(["deep learning is very deep"], maxlen=3), model) == []
    # Ids that are there decide, not what the vocabulary would make.
    assert found(shorter, model, [[1, 2, 0]]) == []
    assert found(shorter, model, [[1, 2]]) == [("error", "maxlen")]


def test_models_whose_embedding_cannot_be_told():
    first, second = (keras.Input((None,), dtype="int32") for _ in range(2))
    one, other = keras.layers.Embedding(6, 2), keras.layers.Embedding(6, 2)
    for model in (
        keras.Model(first, one(first + 0)),
        keras.Model([first, second], one(first) + other(second)),
    ):
        assert found(ENCODER, model) == [("warning", "input_dim")]


def token_and_position(input_dim):
    """A model with a layer of the user's around its Embedding, as keras_hub's TokenAndPositionEmbedding is."""
    ids = keras.Input((4,), dtype="int32")
    return keras.Model(ids, keras.layers.GlobalAveragePooling1D()(TokenAndPosition(input_dim, 4, 2)(ids)))


@pytest.mark.parametrize("input_dim", [6, 5])
def test_the_embedding_is_found_where_grow_model_finds_it(input_dim):
    first, second = (keras.Input((None,), dtype="int32") for _ in range(2))
    shared = keras.layers.Embedding(input_dim, 2, mask_zero=True)
    base = keras.Sequential([keras.Input((None,)), keras.layers.Embedding(input_dim, 2, mask_zero=True)])
    expected = [] if input_dim == 6 else [("error", "input_dim")]
    for model in (
        keras.Model([first, second], shared(first) + shared(second)),
        keras.Model([first, second], base(first) + base(second)),
        token_and_position(input_dim),
    ):
        assert found(ENCODER, model, [[0, 1, 2, 3]]) == expected


def test_errors_come_first():
    model = network(8, maxlen=3, mask_zero=False)
    assert found(ENCODER, model, [[5, 1]]) == [("error", "maxlen"), ("warning", "mask_zero")]


def test_no_model_is_an_error():
    with pytest.raises(tokemb.TokembError, match="there is no model at none.keras"):
        tokemb.check(ENCODER, "none.keras")


def test_the_command(tmp_path):
    def run(*arguments, code, command=command_here):
        done = command("check", "--vocab", "v", "--model", "m.keras", *arguments, cwd=tmp_path)
        assert done.returncode == code, done.stderr.decode()
        return done.stdout.decode(), done.stderr.decode()

    ENCODER.save(tmp_path / "v")
    tokemb.embedding_model(ENCODER, 2).save(tmp_path / "m.keras")
    np.save(tmp_path / "ids.npy", [[5, 0]])
    np.save(tmp_path / "bad.npy", [[6, 0]])
    assert run("ids.npy", code=0, command=tokemb_command) == ("", "found      0 errors, 0 warnings\n")
    shown, notes = run("ids.npy", "bad.npy", code=1)
    assert shown.startswith("error    bad.npy: the model has input_dim 6, so ids go up to 5; received 6: ")
    assert (len(shown.splitlines()), notes) == (1, "found      1 errors, 0 warnings\n")
    ((finding,), _) = (json.loads(part or "0") for part in (run("bad.npy", "--json", code=1)[0], ""))
    assert (finding["level"], finding["rule"]) == ("error", "ids")
    assert json.loads(run("--json", code=0)[0]) == []
    network(mask_zero=False).save(tmp_path / "m.keras")
    assert run(code=0)[0].startswith("warning  the Embedding of the model does not mask padding")
    assert run("none.npy", code=1)[0] == ""
