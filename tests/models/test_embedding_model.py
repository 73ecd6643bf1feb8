from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tokemb
from tests.conftest import MIXED, python
from tokemb import Ragged
from tokemb.rows.pooling import pool_lookup

pytestmark = pytest.mark.keras


@pytest.fixture(scope="module")
def encoder():
    return tokemb.fit_vocab(MIXED)


@pytest.fixture(scope="module")
def model(encoder):
    return tokemb.embedding_model(encoder, 6, seed=3)


@pytest.fixture(scope="module")
def sequence_model(model):
    """A model that is more than a look-up, with the embedding model inside."""
    import keras

    ids = keras.Input((None,), dtype="int32")
    return keras.Model(ids, keras.layers.GRU(4, return_sequences=True)(model(ids)))


def test_the_model_is_plain_keras(encoder, model):
    import keras

    assert model.input_shape == (None, None)
    assert model.output_shape == (None, None, 6)
    assert (model.inputs[0].name, model.inputs[0].dtype) == ("token_ids", "int32")
    layer = model.get_layer("token_embedding")
    assert type(layer) is keras.layers.Embedding
    assert (layer.input_dim, layer.output_dim, layer.mask_zero) == (encoder.input_dim, 6, True)
    assert encoder.fingerprint.startswith(model.name.removeprefix("tokemb_"))


@pytest.mark.parametrize("wrong", ["reviews.vocab", None, np.array([1, 2])], ids=["path", "None", "array"])
def test_what_is_no_encoder_is_named(encoder, model, wrong):
    with pytest.raises(tokemb.TokembError, match="encoder must be a tokemb.Encoder; received"):
        tokemb.embedding_model(wrong, 3)
    if wrong is not None:
        with pytest.raises(tokemb.TokembError, match="encoder must be a tokemb.Encoder; received"):
            tokemb.embed(model, [[1]], encoder=wrong)
    for old, new, name in ((wrong, encoder, "old"), (encoder, wrong, "new")):
        with pytest.raises(tokemb.TokembError, match=f"{name} must be a tokemb.Encoder; received"):
            tokemb.grow_model(model, old, new)
    with pytest.raises(tokemb.TokembError, match="padding must be one of pre, post; received array"):
        encoder.encode(["a"], padding=np.array([1, 2]))


def test_seed_and_vectors(encoder):
    first, second = (tokemb.embedding_model(encoder, 3, seed=1).get_weights()[0] for _ in range(2))
    np.testing.assert_array_equal(first, second)
    matrix = np.random.default_rng(0).normal(size=(encoder.input_dim, 3))
    np.testing.assert_array_equal(
        tokemb.embedding_model(encoder, 3, vectors=matrix).get_weights()[0], matrix.astype(np.float32)
    )


def test_look_up_gives_the_bits_of_predict(encoder, model):
    ids = encoder.encode(MIXED, maxlen=20)
    vectors = tokemb.embed(model, ids)
    assert (vectors.shape, vectors.dtype) == ((len(MIXED), 20, 6), np.float32)
    np.testing.assert_array_equal(vectors, model.predict(ids, verbose=0))
    np.testing.assert_array_equal(vectors, model.get_weights()[0][ids])


def test_other_models_run_in_keras(encoder, sequence_model):
    ids = encoder.encode(MIXED, maxlen=20)
    np.testing.assert_allclose(tokemb.embed(sequence_model, ids), sequence_model.predict(ids, verbose=0), atol=1e-6)
    assert tokemb.embed(sequence_model, ids[:0]).shape == (0, 20, 4)


def by_hand(vectors, lengths, pooling):
    pooled = np.zeros((len(lengths), vectors.shape[-1]), np.float32)
    for row, length in enumerate(lengths):
        if length:
            pooled[row] = getattr(vectors[row, :length], pooling)(axis=0)
    return pooled


@pytest.mark.parametrize("pooling", ["mean", "sum", "max"])
def test_pooling_is_over_real_tokens(encoder, model, sequence_model, pooling):
    rows = encoder.encode_ragged(MIXED)
    for any_model in (model, sequence_model):
        expected = by_hand(tokemb.embed(any_model, rows.pad()), rows.lengths, pooling)
        for ids in (rows, rows.pad(), rows.pad(maxlen=int(rows.lengths.max()) + 7)):
            np.testing.assert_allclose(tokemb.embed(any_model, ids, pooling=pooling), expected, atol=1e-4, rtol=1e-5)
        assert not tokemb.embed(any_model, rows, pooling=pooling)[rows.lengths == 0].any()
    np.testing.assert_array_equal(
        tokemb.embed(model, rows, pooling=pooling), tokemb.embed(model, rows.pad(padding="pre"), pooling=pooling)
    )


@given(
    st.lists(st.lists(st.integers(0, 4), max_size=9), max_size=9), st.sampled_from(["mean", "sum", "max"]), st.data()
)
def test_pooling_in_blocks_of_any_size(rows, pooling, data):
    matrix = np.random.default_rng(1).normal(size=(5, 3)).astype(np.float32)
    ragged = Ragged.from_rows(rows)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tokemb.rows.pooling._GATHER_BYTES", data.draw(st.integers(1, 200)))
        pooled = pool_lookup(matrix, ragged, pooling)
    expected = [getattr(matrix[row], pooling)(axis=0) if row else np.zeros(3) for row in rows]
    np.testing.assert_allclose(pooled, np.reshape(expected, (-1, 3)), atol=1e-6)


def test_nothing_to_embed(model, sequence_model):
    for any_model in (model, sequence_model):
        dim = any_model.output_shape[-1]
        assert tokemb.embed(any_model, np.zeros((0, 5), np.int32)).shape == (0, 5, dim)
        assert tokemb.embed(any_model, Ragged.from_rows([]), pooling="mean").shape == (0, dim)
        assert tokemb.embed(any_model, np.zeros((0, 5), np.int32), pooling="max").shape == (0, dim)
        assert not tokemb.embed(any_model, Ragged.from_rows([[], []]), pooling="mean").any()


def test_a_users_own_model(encoder):
    import keras

    own = keras.Sequential([keras.layers.Embedding(encoder.input_dim, 3)])
    own.build((None, None))
    ids = encoder.encode(MIXED, maxlen=4)
    np.testing.assert_array_equal(tokemb.embed(own, ids, encoder=encoder), own.predict(ids, verbose=0))
    with pytest.raises(tokemb.TokembError, match="padding cannot be distinguished from tokens"):
        tokemb.embed(own, ids, pooling="mean")
    rows = encoder.encode_ragged(MIXED)
    assert tokemb.embed(own, rows, pooling="mean").shape == (len(MIXED), 3)
    unmasked = keras.Sequential([own, keras.layers.Dense(2)])
    with pytest.raises(tokemb.TokembError, match="would read the padding"):
        tokemb.embed(unmasked, rows, pooling="mean")


def test_half_precision_and_positions_run_in_keras(encoder):
    """What looks like a look-up but is not: other precision, another function of the ids."""
    import keras

    half = keras.Sequential([keras.layers.Embedding(encoder.input_dim, 3, dtype="mixed_float16")])
    ids = encoder.encode(MIXED, maxlen=4)
    expected = half.predict(ids, verbose=0)
    np.testing.assert_array_equal(tokemb.embed(half, ids), expected.astype(np.float32))

    class Doubled(keras.Sequential):
        def call(self, inputs):
            return 2 * super().call(inputs)

    doubled = Doubled([keras.layers.Embedding(encoder.input_dim, 3)])
    np.testing.assert_array_equal(tokemb.embed(doubled, ids), doubled.predict(ids, verbose=0))


@pytest.mark.parametrize(
    ("ids", "settings", "message"),
    [
        ([[10**6]], {}, "so ids go up to .*; received 1000000"),
        ([[-1]], {}, "ids must not be negative; received -1"),
        ([1, 2], {}, r"integer array \(rows, maxlen\); received shape \(2,\)"),
        ([[0.5]], {}, "received dtype float64"),
        ([[1]], {"pooling": "median"}, "pooling must be one of mean, sum, max; received 'median'"),
        (Ragged.from_rows([[1]]), {}, "must be padded or pooled"),
        (Ragged.from_rows([[10**6]]), {"pooling": "sum"}, "received 1000000"),
    ],
)
def test_ids_that_cannot_be_embedded(model, ids, settings, message):
    with pytest.raises(ValueError, match=message) as caught:
        tokemb.embed(model, ids, **settings)
    assert isinstance(caught.value, tokemb.TokembError)


def test_an_id_too_high_is_found_in_any_model(encoder, sequence_model):
    with pytest.raises(tokemb.TokembError, match="so ids go up to"):
        tokemb.embed(sequence_model, [[encoder.input_dim]])


def test_models_for_another_vocabulary(encoder, model, sequence_model):
    other = tokemb.fit_vocab(["a b"])
    for any_model in (model, sequence_model):
        with pytest.raises(tokemb.TokembError, match="made for the vocabulary .*: use the vocabulary that it was made"):
            tokemb.embed(any_model, other.encode(["a"]), encoder=other)
    small = tokemb.embedding_model(other, 2)
    small.name = "renamed"
    with pytest.raises(tokemb.TokembError, match=f"has input_dim 4, the vocabulary needs {encoder.input_dim}"):
        tokemb.embed(small, [[1]], encoder=encoder)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"output_dim": 0}, "output_dim must be an integer of at least 1; received 0"),
        ({"output_dim": 2.0}, "received 2.0"),
        ({"output_dim": 2, "vectors": np.zeros((3, 2))}, r"shape \(4, 2\); received shape \(3, 2\)"),
    ],
)
def test_models_that_cannot_be(settings, message):
    with pytest.raises(tokemb.TokembError, match=message):
        tokemb.embedding_model(tokemb.fit_vocab(["a b"]), **settings)


def test_padding_that_is_not_zero_cannot_be_masked():
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel

    encoder = tokemb.Encoder.from_tokenizer(Tokenizer(WordLevel({"a": 0, "[PAD]": 1}, unk_token="a")))
    assert not tokemb.embedding_model(encoder, 2).get_layer("token_embedding").mask_zero
    with pytest.raises(tokemb.TokembError, match="mask_zero needs padding to be id 0; this vocabulary pads with 1"):
        tokemb.embedding_model(encoder, 2, mask_zero=True)


def test_padding_is_the_vocabularys():
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel
    from tokenizers.pre_tokenizers import WhitespaceSplit

    tokenizer = Tokenizer(WordLevel({"a": 0, "[PAD]": 1, "b": 2}, unk_token="a"))
    tokenizer.pre_tokenizer = WhitespaceSplit()
    encoder = tokemb.Encoder.from_tokenizer(tokenizer)
    matrix = np.array([[2, 2], [9, 9], [4, 4]])
    model = tokemb.embedding_model(encoder, 2, vectors=matrix)
    ids = encoder.encode(["a", "a b"])
    assert tokemb.embed(model, ids, pooling="mean", encoder=encoder).tolist() == [[2, 2], [3, 3]]
    with pytest.raises(tokemb.TokembError, match="padding cannot be distinguished from tokens, .*: pass encoder=..."):
        tokemb.embed(model, ids, pooling="mean")

    import keras

    masked = keras.Sequential([keras.layers.Embedding(3, 2, mask_zero=True)])
    with pytest.raises(tokemb.TokembError, match="masks id 0, but the vocabulary pads with 1"):
        tokemb.embed(masked, ids, encoder=encoder)


def test_files_that_are_no_model(tmp_path):
    (tmp_path / "bad.keras").write_bytes(b"no")
    with pytest.raises(tokemb.TokembError, match="Keras cannot load .*bad.keras"):
        tokemb.embed(tmp_path / "bad.keras", [[1]])
    with pytest.raises(tokemb.TokembError, match="there is no model at"):
        tokemb.embed(tmp_path / "none.keras", [[1]])
    with pytest.raises(
        tokemb.TokembError, match="model must be a Keras model or the path of a saved one; received int"
    ):
        tokemb.embed(3, [[1]])


PLAIN_KERAS = """
import sys
sys.modules["tokemb"] = None  # an import would fail
import keras, numpy as np
here = sys.argv[1]
model = keras.models.load_model(here + "/made.keras")
ids = np.load(here + "/ids.npy")
np.save(here + "/predicted.npy", model.predict(ids, verbose=0))
classifier = keras.Sequential([model, keras.layers.GlobalAveragePooling1D(), keras.layers.Dense(1)])
classifier.compile("adam", "mse", run_eagerly=True)
classifier.fit(ids, np.arange(len(ids)), epochs=1, verbose=0)
model.save(here + "/trained.keras")
classifier.save(here + "/classifier.keras")
np.save(here + "/trained.npy", model.predict(ids, verbose=0))
"""


def test_plain_keras_opens_trains_and_saves_the_model(tmp_path, encoder, model):
    from tokemb.pipeline.inspect import inspect

    ids = encoder.encode(MIXED, maxlen=8)
    np.save(tmp_path / "ids.npy", ids)
    model.save(tmp_path / "made.keras")
    run = python(PLAIN_KERAS, str(tmp_path))
    assert run.returncode == 0, run.stderr
    np.testing.assert_array_equal(np.load(tmp_path / "predicted.npy"), tokemb.embed(tmp_path / "made.keras", ids))
    trained = tokemb.embed(tmp_path / "trained.keras", ids, encoder=encoder)
    np.testing.assert_array_equal(np.load(tmp_path / "trained.npy"), trained)
    assert not np.array_equal(np.load(tmp_path / "predicted.npy"), trained)
    for name in ("made", "trained", "classifier"):
        description = inspect(tmp_path / f"{name}.keras")
        assert encoder.fingerprint.startswith(description["vocabulary"])
        assert description["embeddings"] == [
            {"name": "token_embedding", "input_dim": encoder.input_dim, "output_dim": 6, "mask_zero": True}
        ]
    other = tokemb.fit_vocab(["a"])
    with pytest.raises(tokemb.TokembError, match="made for the vocabulary"):
        tokemb.embed(tmp_path / "classifier.keras", ids, encoder=other)


def test_code_in_a_model_is_not_run(tmp_path):
    import keras

    ids = keras.Input((None,), dtype="int32")
    model = keras.Model(ids, keras.layers.Lambda(lambda x: x)(ids))
    model.save(tmp_path / "lambda.keras")
    with pytest.raises(tokemb.TokembError, match="Keras cannot load"):
        tokemb.embed(tmp_path / "lambda.keras", [[1]])


def _saved(tmp_path, model):
    model.save(tmp_path / "m.keras")
    return tmp_path / "m.keras"


def test_a_saved_look_up_is_read_without_keras(tmp_path, model):
    from tokemb.models.embedding_lookup import read_lookup

    lookup = read_lookup(_saved(tmp_path, model))
    assert (lookup.names, lookup.mask_zero) == ((model.name,), True)
    np.testing.assert_array_equal(lookup.matrix, model.get_weights()[0])
    model.compile("adam", "mse")
    np.testing.assert_array_equal(read_lookup(_saved(tmp_path, model)).matrix, lookup.matrix)


def test_what_is_more_than_a_look_up_is_left_to_keras(tmp_path):
    import keras

    from tokemb.models.embedding_lookup import read_lookup

    def graph(*layers):
        ids = keras.Input((None,), dtype="int32")
        output = ids
        for layer in layers:
            output = layer(output)
        return keras.Model(ids, output)

    embedding = keras.layers.Embedding
    for model in (
        graph(embedding(5, 3), keras.layers.Dense(2)),
        graph(embedding(5, 3, dtype="mixed_float16")),
        graph(embedding(5, 3, dtype="float64")),
        graph(keras.layers.Dropout(0.1), embedding(5, 3)),
        keras.Sequential([keras.Input((None,)), embedding(5, 3)]),
    ):
        path = _saved(tmp_path, model)
        assert read_lookup(path) is None
        ids = np.array([[1, 2, 4], [0, 0, 3]])
        np.testing.assert_array_equal(tokemb.embed(path, ids), model.predict(ids, verbose=0).astype(np.float32))


@pytest.mark.parametrize("size", [0, 10, 200, 2000])
def test_a_cut_model_file_is_an_error(tmp_path, model, size):
    path = _saved(tmp_path, model)
    path.write_bytes(path.read_bytes()[:size])
    with pytest.raises(tokemb.TokembError, match="Keras cannot load"):
        tokemb.embed(path, [[1]])


def _graphs():
    """Functional models with one Embedding that are not look-ups, by what is done beside it."""
    import keras
    from keras import ops

    def graph(function, shape=(None,)):
        ids = keras.Input(shape, dtype="int32")
        return keras.Model(ids, function(ids))

    def embedding(rows=8):
        return keras.layers.Embedding(rows, 3)

    return {
        "product": graph(lambda i: embedding()(i) * 2.0),
        "softmax": graph(lambda i: ops.softmax(embedding()(i))),
        "turned": graph(lambda i: embedding()(i)[:, ::-1]),
        "shifted ids": graph(lambda i: embedding()(i + 1)),
        "ids into range": graph(lambda i: embedding(3)(ops.mod(i, 3))),
        "positions": graph(lambda i: embedding()(i) + embedding()(ops.arange(4))),
        "fixed length": graph(lambda i: embedding()(i), (4,)),
    }


@pytest.mark.parametrize("saved", [False, True])
@pytest.mark.parametrize(
    "name", ["product", "softmax", "turned", "shifted ids", "ids into range", "positions", "fixed length"]
)
def test_a_graph_around_an_embedding_is_what_keras_predicts(tmp_path, name, saved):
    model = _graphs()[name]
    ids = np.array([[1, 2, 4, 0], [0, 5, 3, 6]], np.int32)
    expected = model.predict(ids, verbose=0)
    np.testing.assert_array_equal(tokemb.embed(_saved(tmp_path, model) if saved else model, ids), expected)


def test_ids_of_a_shape_that_the_model_does_not_take(tmp_path):
    for model in (_graphs()["fixed length"], _saved(tmp_path, _graphs()["fixed length"])):
        with pytest.raises(tokemb.TokembError, match=r"the model cannot take ids of shape \(1, 2\): "):
            tokemb.embed(model, [[1, 2]])


def test_a_model_of_two_embeddings_takes_the_ids_that_both_know():
    import keras

    ids = keras.Input((None,), dtype="int32")
    model = keras.Model(ids, keras.layers.Embedding(8, 3)(ids) + keras.layers.Embedding(5, 3)(ids))
    assert tokemb.embed(model, [[4]]).shape == (1, 1, 3)
    with pytest.raises(tokemb.TokembError, match="so ids go up to 4; received 5"):
        tokemb.embed(model, [[5]])
