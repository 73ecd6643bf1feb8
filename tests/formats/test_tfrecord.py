"""``.tfrecord`` files, read with exactly the specification that is printed for them."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.conftest import examples
from tests.outputs import COLUMNS, outputs
from tokemb import Ragged
from tokemb.errors import ArgumentError
from tokemb.formats import OutputOptions, open_writer
from tokemb.formats.tfrecord import feature_spec

pytestmark = pytest.mark.keras


def parsed(path, layout):
    import tensorflow as tf

    spec = eval(feature_spec(layout), {"tf": tf, "float": float})
    records = tf.data.TFRecordDataset(str(path))
    return [
        {name: value.numpy() for name, value in tf.io.parse_single_example(record, spec).items()} for record in records
    ]


def expected(value, kind):
    if pa.types.is_floating(kind):
        return np.float32(np.nan if value is None else value)
    if pa.types.is_integer(kind) or pa.types.is_boolean(kind):
        return -1 if value is None else int(value)
    return ("" if value is None else value).encode()


# Features are float32: any other double is an error.
FITTING = COLUMNS | {"real": (pa.float64(), st.floats(-(2.0**120), 2.0**120, width=32))}


@examples(20)
@given(outputs(FITTING))
def test_what_is_parsed_is_what_was_written(tmp_path, output):
    layout = output.layout
    got = parsed(output.write(tmp_path / "x.tfrecord"), layout)
    assert [row[layout.name].tolist() for row in got] == output.rows
    for field in layout.kept_columns:
        kind = field.type.value_type if pa.types.is_dictionary(field.type) else field.type
        for row, value in zip(got, output.kept[field.name].to_pylist(), strict=True):
            assert str(row[field.name]) == str(expected(value, kind))
    assert (tmp_path / "x.tfrecord").read_bytes() == output.write(tmp_path / "y.tfrecord").read_bytes()


def serialized(layout, row, kept):
    """The Example of a row, as TensorFlow makes it."""
    import tensorflow as tf

    example = tf.train.Example()
    features = example.features.feature
    main = features[layout.name]
    (main.int64_list if layout.name == "ids" else main.float_list).value.extend(np.array(row).reshape(-1).tolist())
    for field in layout.kept_columns:
        value = kept[field.name]
        if value is None:
            continue
        if isinstance(value, str | bytes):
            features[field.name].bytes_list.value.append(value.encode() if isinstance(value, str) else value)
        elif pa.types.is_floating(field.type):
            features[field.name].float_list.value.append(value)
        else:
            features[field.name].int64_list.value.append(int(value))
    return example.SerializeToString(deterministic=True)


MORE = FITTING | {
    "bytes": (pa.binary(), st.binary(max_size=300)),
    "whole": (pa.int64(), st.integers(-(2**63), 2**63 - 1)),
    "é" * 100: (pa.int16(), st.integers(-(2**15), 2**15 - 1)),
    "Z": (pa.float16(), st.floats(width=16).map(np.float16)),
}


@examples(30)
@given(outputs(MORE), st.integers(1, 20))
def test_records_are_those_of_tensorflow(tmp_path, monkeypatch, output, size):
    import tensorflow as tf

    monkeypatch.setattr("tokemb.formats.tfrecord._PART", size)
    records = list(tf.data.TFRecordDataset(str(output.write(tmp_path / "x.tfrecord"))).as_numpy_iterator())
    expected = [serialized(output.layout, row, kept) for row, kept in zip(output.rows, output.kept_rows, strict=True)]
    assert records == expected


@given(st.lists(st.lists(st.integers(0, 2**31 - 1), max_size=300), max_size=4))
@examples(15)
def test_long_rows(tmp_path, rows):
    import tensorflow as tf

    layout = OutputOptions("ids", np.dtype("int64"), None)
    (tmp_path / "x.tfrecord").unlink(missing_ok=True)
    with open_writer(tmp_path / "x.tfrecord", layout) as writer:
        writer.append(Ragged.from_rows(rows))
    records = list(tf.data.TFRecordDataset(str(tmp_path / "x.tfrecord")).as_numpy_iterator())
    assert records == [serialized(layout, row, {}) for row in rows]


def test_the_specification():
    kept = pa.schema({"label": pa.string(), 'a"b': pa.bool_(), "score": pa.float64()})
    assert feature_spec(OutputOptions("ids", np.dtype("uint16"), (128,), kept)) == (
        "{\n"
        '    "ids": tf.io.FixedLenFeature([128], tf.int64),\n'
        '    "label": tf.io.FixedLenFeature([], tf.string, default_value=""),\n'
        "    'a\"b': tf.io.FixedLenFeature([], tf.int64, default_value=-1),\n"
        '    "score": tf.io.FixedLenFeature([], tf.float32, default_value=float("nan")),\n'
        "}"
    )
    assert "RaggedFeature(tf.int64)" in feature_spec(OutputOptions("ids", np.dtype("int32"), None))
    assert "FixedLenFeature([4, 3], tf.float32)" in feature_spec(OutputOptions("vectors", np.dtype("float16"), (4, 3)))


def test_a_dataset_of_batches(tmp_path):
    import tensorflow as tf

    layout = OutputOptions("ids", np.dtype("int32"), None)
    with open_writer(tmp_path / "x.tfrecord", layout) as writer:
        writer.append(Ragged.from_rows([[1, 2], [], [3]]))
    spec = eval(feature_spec(layout), {"tf": tf})
    records = tf.data.TFRecordDataset(str(tmp_path / "x.tfrecord")).batch(3)
    (batch,) = records.map(lambda batch: tf.io.parse_example(batch, spec))
    assert batch["ids"].to_list() == [[1, 2], [], [3]]


def test_a_number_beyond_int64(tmp_path):
    kept = pa.record_batch({"n": pa.array([2**63], pa.uint64())})
    with (
        pytest.raises(ArgumentError, match="integers up to 9223372036854775807; 'n' holds a larger one: "),
        open_writer(tmp_path / "x.tfrecord", OutputOptions("ids", np.dtype("int32"), (1,), kept.schema)) as writer,
    ):
        writer.append(np.zeros((1, 1), np.int32), None, kept)
    assert not list(tmp_path.iterdir())


def write_number(path, number, **layout):
    kept = pa.record_batch({"x": [0.5, number]})
    with open_writer(path, OutputOptions("ids", np.dtype("int32"), (1,), kept.schema, **layout)) as writer:
        writer.append(np.zeros((2, 1), np.int32), None, kept)


@pytest.mark.parametrize("number", [123456789.0, 0.1, 2.0**24 + 1, 1e-50])
def test_double_that_float32_does_not_hold_is_refused_or_rounded_on_request(tmp_path, number):
    path = tmp_path / "x.tfrecord"
    with pytest.raises(ArgumentError, match=f"does not hold {number} of 'x': write .* or pass round_floats=True"):
        write_number(path, number)
    assert not path.exists()
    write_number(path, number, round_floats=True)
    layout = OutputOptions("ids", np.dtype("int32"), (1,), pa.schema({"x": pa.float64()}))
    assert parsed(path, layout)[1]["x"] == np.float32(number)


def test_double_beyond_float32_is_refused_always(tmp_path):
    for rounds in (False, True):
        with pytest.raises(ArgumentError, match=r"does not hold 1e\+300 of 'x': write \.npz or \.parquet$"):
            write_number(tmp_path / "x.tfrecord", 1e300, round_floats=rounds)


@pytest.mark.parametrize("number", [np.inf, -np.inf, -0.0, 2.0**24, 2.0**-149, 123456792.0])
def test_double_that_float32_holds_is_kept(tmp_path, number):
    write_number(tmp_path / "x.tfrecord", number)
    layout = OutputOptions("ids", np.dtype("int32"), (1,), pa.schema({"x": pa.float64()}))
    got = parsed(tmp_path / "x.tfrecord", layout)[1]["x"]
    assert (got, np.signbit(got)) == (number, np.signbit(number))
