"""``.tfrecord`` files, read with exactly the specification that is printed for them."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.outputs import COLUMNS, outputs
from tokemb import Ragged
from tokemb.errors import ArgumentError
from tokemb.writing import Layout, open_writer
from tokemb.writing.tfrecord import feature_spec


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


# Features are float32: a larger double is an error.
FITTING = COLUMNS | {"real": (pa.float64(), st.floats(-1e38, 1e38))}


@settings(max_examples=40)
@given(outputs(FITTING))
def test_what_is_parsed_is_what_was_written(tmp_path, output):
    layout = output.layout
    got = parsed(output.write(tmp_path / "x.tfrecord"), layout)
    assert [row[layout.name].tolist() for row in got] == output.rows
    for field in layout.kept:
        kind = field.type.value_type if pa.types.is_dictionary(field.type) else field.type
        for row, value in zip(got, output.kept[field.name].to_pylist(), strict=True):
            assert str(row[field.name]) == str(expected(value, kind))
    assert (tmp_path / "x.tfrecord").read_bytes() == output.write(tmp_path / "y.tfrecord").read_bytes()


def test_the_specification():
    kept = pa.schema({"label": pa.string(), 'a"b': pa.bool_(), "score": pa.float64()})
    assert feature_spec(Layout("ids", np.dtype("uint16"), (128,), kept)) == (
        "{\n"
        '    "ids": tf.io.FixedLenFeature([128], tf.int64),\n'
        '    "label": tf.io.FixedLenFeature([], tf.string, default_value=""),\n'
        "    'a\"b': tf.io.FixedLenFeature([], tf.int64, default_value=-1),\n"
        '    "score": tf.io.FixedLenFeature([], tf.float32, default_value=float("nan")),\n'
        "}"
    )
    assert "RaggedFeature(tf.int64)" in feature_spec(Layout("ids", np.dtype("int32"), None))
    assert "FixedLenFeature([4, 3], tf.float32)" in feature_spec(Layout("vectors", np.dtype("float16"), (4, 3)))


def test_a_dataset_of_batches(tmp_path):
    import tensorflow as tf

    layout = Layout("ids", np.dtype("int32"), None)
    with open_writer(tmp_path / "x.tfrecord", layout) as writer:
        writer.append(Ragged.from_rows([[1, 2], [], [3]]))
    spec = eval(feature_spec(layout), {"tf": tf})
    records = tf.data.TFRecordDataset(str(tmp_path / "x.tfrecord")).batch(3)
    (batch,) = records.map(lambda batch: tf.io.parse_example(batch, spec))
    assert batch["ids"].to_list() == [[1, 2], [], [3]]


def test_a_number_beyond_int64(tmp_path):
    kept = pa.record_batch({"n": pa.array([2**63], pa.uint64())})
    with (
        pytest.raises(ArgumentError, match="whole numbers up to 9223372036854775807; 'n' holds a larger one"),
        open_writer(tmp_path / "x.tfrecord", Layout("ids", np.dtype("int32"), (1,), kept.schema)) as writer,
    ):
        writer.append(np.zeros((1, 1), np.int32), None, kept)
    assert not list(tmp_path.iterdir())
