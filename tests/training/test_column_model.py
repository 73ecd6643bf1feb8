"""Keras models with an input for each column of a table."""

from __future__ import annotations

import numpy as np
import pytest

import tokemb
from tests.conftest import eagerly
from tokemb.errors import ArgumentError
from tokemb.models.embedding_model import fingerprint_in_name
from tokemb.training.column_model import column_model, embedding_layers

pytestmark = pytest.mark.keras

BOOKS = {
    "title": ["good tea", "tea with me and you", None, "dogs"],
    "blurb": ["all about tea", "more", "tea, tea", ""],
    "shop": ["x", "y", None, "x"],
    "genres": ["food|new", "", "new | food|new", "new"],
    "price": ["2.5", None, "10", "4"],
    "sold": [1, 0, 1, 0],
    "kind": ["b", "a", "b", "c"],
}
KINDS = {"texts": ["title", "blurb"], "columns": ["shop"], "multi": {"genres": "|"}, "numbers": ["price"]}


@pytest.fixture(scope="module")
def encoder():
    return tokemb.ColumnEncoder.fit(BOOKS, **KINDS, shared=[["title", "blurb"]])


def test_features_are_those_of_each_column(encoder):
    model = column_model(encoder, dim=3, dims={"shop": 2}, seed=0)
    assert fingerprint_in_name(model.name) == encoder.fingerprint[:16]
    assert {tensor.name: (tensor.shape, tensor.dtype) for tensor in model.inputs} == {
        "title": ((None, None), "int32"),
        "blurb": ((None, None), "int32"),
        "shop": ((None,), "int32"),
        "genres": ((None, None), "int32"),
        "price": ((None,), "float32"),
    }
    layers = embedding_layers(encoder)
    assert layers["title"] == layers["blurb"] == "title_embedding"
    weights = {name: model.get_layer(layer).get_weights()[0] for name, layer in layers.items()}
    ids = encoder.encode(BOOKS)
    found = model.predict_on_batch(ids)

    def scaled_mean(name):
        rows = [weights[name][row[row > 0]] for row in ids[name]]
        return np.stack([row.sum(axis=0) / max(len(row), 1) ** 0.5 for row in rows])

    statistics = encoder.columns[-1].numbers
    price = (ids["price"][:, None] - statistics.mean) / statistics.deviation
    expected = [scaled_mean("title"), scaled_mean("blurb"), weights["shop"][ids["shop"]], scaled_mean("genres"), price]
    np.testing.assert_allclose(found, np.hstack(expected), rtol=1e-5, atol=1e-6)
    assert not found[2, :3].any()  # a missing text has no tokens


@pytest.mark.parametrize("head", ["mean", "attention", "gru"])
def test_padding_and_neighbours_have_no_effect(encoder, head):
    model = column_model(encoder, head=head, units=3, hidden=4, dropout=0.5, seed=0)
    whole = model.predict_on_batch(encoder.encode(BOOKS))
    longer = model.predict_on_batch(encoder.encode(BOOKS, maxlen=9))
    np.testing.assert_allclose(longer, whole, rtol=1e-5, atol=1e-6)
    first = model.predict_on_batch({name: rows[:1] for name, rows in encoder.encode(BOOKS).items()})
    np.testing.assert_allclose(first, whole[:1], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("head", ["gru", "lstm", "conv"])
def test_padding_before_the_ids_has_no_effect(encoder, head):
    before = tokemb.ColumnEncoder(encoder.columns, encoder.encoders, rows=4, padding="pre", truncating="pre")
    model = column_model(before, head=head, units=3, seed=0)
    rows = model.predict_on_batch(before.encode(BOOKS))
    longer = model.predict_on_batch(before.encode(BOOKS, maxlen=9))
    np.testing.assert_allclose(longer, rows, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(rows, model.predict_on_batch(encoder.encode(BOOKS)), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("scale", [1e-30, 1e-9, 1.0, 1e25])
def test_numbers_are_normalized_on_any_scale(scale):
    table = {"shop": ["x", "y", "x"], "price": [1 * scale, 2 * scale, 3 * scale]}
    encoder = tokemb.ColumnEncoder.fit(table, columns=["shop"], numbers=["price"])
    prices = column_model(encoder).predict_on_batch(encoder.encode(table))[:, -1]
    np.testing.assert_allclose(prices, [-(1.5**0.5), 0, 1.5**0.5], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("head", ["mean", "attention", "gru"])
def test_features_are_finite_with_mixed_precision(encoder, head):
    import keras

    table = BOOKS | {"price": [1e5, 2e5, -3e5, 1e5]}
    fitted = tokemb.ColumnEncoder.fit(table, **KINDS)
    plain = column_model(fitted, head=head, units=3)
    keras.config.set_dtype_policy("mixed_float16")
    try:
        mixed = column_model(fitted, head=head, units=3)
    finally:
        keras.config.set_dtype_policy("float32")
    mixed.set_weights(plain.get_weights())
    ids = fitted.encode(table)
    np.testing.assert_allclose(mixed.predict_on_batch(ids), plain.predict_on_batch(ids), rtol=1e-2, atol=1e-2)


def test_columns_that_share_an_embedding_share_its_dimension():
    table = {"from": ["a", "b"], "to": ["b", "c"]}
    encoder = tokemb.ColumnEncoder.fit(table, shared=[["from", "to"]])
    for dims in ({"from": 7}, {"to": 7}, {"from": 7, "to": 7}):
        assert column_model(encoder, dims=dims).output_shape == (None, 14)
    with pytest.raises(ArgumentError, match="dims must be the same for 'from' and 'to', which share an embedding"):
        column_model(encoder, dims={"from": 7, "to": 8})


@eagerly
def test_model_of_several_outputs_is_trained_on_a_dataset_saved_and_loaded(encoder, tmp_path):
    import keras

    outputs = {"sold": keras.layers.Dense(1, "sigmoid"), "kind": keras.layers.Dense(3, "softmax")}
    model = tokemb.column_model(encoder, outputs, seed=0)
    model.compile("adam", {"sold": "binary_crossentropy", "kind": "sparse_categorical_crossentropy"})
    labels = {"sold": "sold", "kind": "kind"}
    batches = encoder.dataset(BOOKS, labels, classes={"kind": ["a", "b", "c"]}, batch_size=3, shuffle=True, seed=1)
    model.fit(batches, epochs=2, shuffle=False, verbose=0)
    assert [len(inputs["shop"]) for inputs, _ in batches] == [3, 1]
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    ids = encoder.encode(BOOKS)
    for name, expected in model.predict_on_batch(ids).items():
        np.testing.assert_array_equal(loaded.predict_on_batch(ids)[name], expected)


def test_dataset_has_all_rows_with_their_labels(encoder):
    ids, numbers = encoder.encode(BOOKS, maxlen=5), np.arange(4, dtype=np.float32)
    rows = {}
    for inputs, labels in encoder.dataset(BOOKS, numbers, batch_size=3, bucket=True, maxlen=5, shuffle=True, seed=0):
        for row, label in enumerate(labels.numpy()):
            rows[int(label)] = {name: column[row].numpy() for name, column in inputs.items()}
    assert sorted(rows) == [0, 1, 2, 3]
    for label, row in rows.items():
        for name, values in row.items():
            assert np.ravel(values).tolist() == np.ravel(ids[name][label])[: np.size(values)].tolist()
    fixed = encoder.dataset(BOOKS, batch_size=4, maxlen=5, padding="pre", drop_remainder=True)
    assert fixed.element_spec["title"].shape == (4, 5)
    [only] = fixed
    assert only["title"].numpy().tolist() == encoder.encode(BOOKS, maxlen=5, padding="pre")["title"].tolist()


def test_columns_may_have_the_names_of_operations():
    table = {"sum": ["a b"], "not_equal": ["c"], "dropout": ["x"], "concatenate": [1.5], "release year": [2]}
    kinds = {"texts": ["sum", "not_equal"], "columns": ["dropout"], "numbers": ["concatenate", "release year"]}
    encoder = tokemb.ColumnEncoder.fit(table, **kinds)
    model = column_model(encoder, dims={"dropout": 4})
    assert model.predict_on_batch(encoder.encode(table)).shape == (1, 50 + 50 + 4 + 1 + 1)


def test_flatten_has_one_length(encoder):
    with pytest.raises(ArgumentError, match="fit 'title' with the length as maxlen="):
        column_model(encoder, head="flatten")
    fixed = encoder.with_maxlen({"title": 3, "blurb": 2})
    assert column_model(fixed, head="flatten", dim=4, dims={"genres": 1, "shop": 1}).output_shape == (None, 12 + 8 + 3)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"head": "median"}, "head must be one of"),
        ({"head": "tfidf"}, "head must not be 'tfidf' for a table"),
        ({"dropout": 1.0}, "dropout must be at least 0 and less than 1"),
        ({"dims": {"price": 3}}, r"dims must name columns of texts or values \(title, .*\); received 'price'"),
        ({"dims": {"shop": 0}}, r"dims\['shop'\] must be an integer of at least 1"),
        ({"hidden": -1}, "hidden must be an integer of at least 0"),
    ],
)
def test_invalid_settings_are_errors(encoder, settings, message):
    with pytest.raises(ArgumentError, match=message):
        column_model(encoder, **settings)


@pytest.mark.parametrize(
    ("labels", "settings", "message"),
    [
        ([1, 2], {}, "received 2 labels for 4 rows"),
        ("kind", {}, "labels must be numbers; received strings: pass their order"),
        ({"sold": "sold"}, {"classes": {"kind": ["a"]}}, r"classes must name outputs \(sold\); received 'kind'"),
        ("sold", {"classes": {"sold": ["a"]}}, "classes must be a list of strings unless labels are a mapping"),
        ("sold", {"batch_size": 5, "drop_remainder": True}, "must have at least one batch; received 4 rows"),
    ],
)
def test_invalid_labels_are_errors(encoder, labels, settings, message):
    with pytest.raises(ArgumentError, match=message):
        encoder.dataset(BOOKS, labels, **settings)
    with pytest.raises(ArgumentError, match=r"encoder must be a tokemb.ColumnEncoder; received Encoder"):
        column_model(tokemb.fit_vocab(["a"]))
