"""What is written is what the standard library of each format reads."""

from __future__ import annotations

import io
import json
import math
import zipfile

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.outputs import COLUMNS, DAYS, outputs
from tokemb import Ragged
from tokemb.errors import ArgumentError
from tokemb.formats import OutputOptions, check_layout, ids_dtype, open_writer, vectors_dtype
from tokemb.formats.member_names import member_name
from tokemb.formats.npz_columns import WIDEST

NUMBERS = {"int32": np.dtype(np.int32), "float16": np.dtype(np.float16), "float32": np.dtype(np.float32)}


def ids_layout(row_shape=(2,), kept=None, dtype="int32"):
    return OutputOptions("ids", np.dtype(dtype), row_shape, kept or pa.schema([]))


@given(outputs({}, ragged=False))
def test_npy(tmp_path, output):
    got = np.load(output.write(tmp_path / "x.npy"), mmap_mode="r")
    np.testing.assert_array_equal(got, output.array.astype(output.layout.dtype), strict=True)


def npz_column(archive, name, rows):
    """A kept column as docs/outputs.md says to read it."""
    missing = archive[f"{name}.missing"] if f"{name}.missing" in archive.files else np.zeros(rows, bool)
    if name in archive.files:
        values = archive[name].tolist()
    else:
        offsets, utf8 = archive[f"{name}.offsets"], archive[f"{name}.utf8"].tobytes()
        values = [utf8[a:b].decode() for a, b in zip(offsets[:-1], offsets[1:], strict=True)]
    return [None if gone else value for gone, value in zip(missing, values, strict=True)]


@given(outputs({**COLUMNS, **DAYS}))
def test_npz(tmp_path, output):
    layout = output.layout
    with np.load(output.write(tmp_path / "x.npz")) as archive:
        if layout.row_shape is None:
            assert np.array_equal(archive["values"], np.concatenate([[], *output.rows]))
            assert archive["values"].dtype == layout.dtype
            assert np.array_equal(archive["row_splits"], np.cumsum([0, *map(len, output.rows)]))
        else:
            expected = output.array.astype(layout.dtype)
            np.testing.assert_array_equal(archive[layout.name], expected, strict=True)
            lengths = np.concatenate([lengths for _, lengths, _ in output.blocks])
            np.testing.assert_array_equal(archive["lengths"], lengths)
        for field in layout.kept_columns:
            values = output.kept[field.name].to_pylist()
            name = member_name(field.name).removesuffix(".npy")
            assert npz_column(archive, name, len(values)) == values
        assert ("fingerprint" in archive.files, "pad_id" in archive.files) == (
            bool(layout.fingerprint),
            layout.pad_id is not None,
        )
        if layout.fingerprint:
            assert str(archive["fingerprint"]) == "abc"
        if layout.pad_id is not None:
            assert int(archive["pad_id"]) == 7


@pytest.mark.parametrize(("longest", "is_wide"), [(WIDEST, True), (WIDEST + 1, False)])
def test_npz_has_short_texts_at_full_width(tmp_path, longest, is_wide, monkeypatch):
    monkeypatch.setattr("tokemb.formats.npz_columns._BLOCK", 100)
    texts = ["𠮷" * longest, *(f"é{i}" for i in range(50))]
    kept = pa.record_batch({"text": texts})
    with open_writer(tmp_path / "x.npz", ids_layout(kept=kept.schema)) as writer:
        for start in range(0, 51, 17):
            writer.append(np.zeros((17, 2), np.int32), None, kept.slice(start, 17))
    with np.load(tmp_path / "x.npz") as archive:
        assert ("text" in archive.files) == is_wide
        assert npz_column(archive, "text", 51) == texts
        if is_wide:
            assert archive["text"].dtype == f"<U{longest}"
    with zipfile.ZipFile(tmp_path / "x.npz") as archive:
        assert archive.testzip() is None


@given(outputs({**COLUMNS, **DAYS}))
def test_parquet(tmp_path, output):
    layout = output.layout
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tokemb.formats.parquet._ROW_GROUP", 60)
        table = pq.read_table(output.write(tmp_path / "x.parquet"))
    assert table[layout.name].to_pylist() == output.rows
    if layout.kept_columns.names:
        kept = table.drop_columns([layout.name])
        assert kept.schema.equals(output.kept.schema)
        assert kept.to_pylist() == output.kept.to_pylist()
    number = table.schema.field(layout.name).type
    for axis in range(1 if layout.row_shape is None else len(layout.row_shape)):
        assert pa.types.is_fixed_size_list(number) == (layout.name == "vectors" and axis == len(layout.row_shape) - 1)
        number = number.value_type
    assert number == pa.from_numpy_dtype(layout.dtype)
    facts = {
        b"tokemb.fingerprint": layout.fingerprint.encode() or None,
        b"tokemb.pad_id": None if layout.pad_id is None else b"7",
        b"tokemb.maxlen": str(layout.row_shape[0]).encode() if layout.name == "ids" and layout.row_shape else None,
    }
    assert (table.schema.metadata or {}) == {key: value for key, value in facts.items() if value is not None}


def test_parquet_types(tmp_path):
    for name, dtype, row_shape, kind in (
        ("ids", "int32", (2,), pa.list_(pa.int32())),
        ("ids", "uint16", None, pa.list_(pa.uint16())),
        ("vectors", "float32", (3,), pa.list_(pa.float32(), 3)),
        ("vectors", "float16", (2, 3), pa.list_(pa.list_(pa.float16(), 3))),
    ):
        with open_writer(tmp_path / "x.parquet", OutputOptions(name, np.dtype(dtype), row_shape), force=True):
            pass
        assert pq.read_schema(tmp_path / "x.parquet").field(name).type == kind


@given(outputs({**COLUMNS, **DAYS}))
def test_jsonl(tmp_path, output):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tokemb.formats.jsonl._BLOCK_WRITTEN", 5)
        content = output.write(tmp_path / "x.jsonl").read_bytes().decode()
    lines = [json.loads(line) for line in content.split("\n")[:-1]]
    kept = [
        {name: value.isoformat() if hasattr(value, "isoformat") else value for name, value in row.items()}
        for row in output.kept_rows
    ]
    for line, row in zip(lines, kept, strict=True):
        if row.get("single") is not None:
            line["single"] = float(np.float32(line["single"]))
    single = np.float32 if output.layout.name == "vectors" else np.int64
    assert [np.asarray(line.pop(output.layout.name), single).tolist() for line in lines] == output.rows
    assert lines == kept
    stream = io.BytesIO()
    output.write(stream)
    assert stream.getvalue().decode() == content


def test_jsonl_numbers_look_alike(tmp_path):
    kept = pa.record_batch({"x": [3.0, math.nan, 1e300], "d": [[1, None], [], None]})
    with open_writer(
        tmp_path / "x.jsonl", OutputOptions("vectors", np.dtype("float32"), (1, 2), kept.schema)
    ) as writer:
        writer.append(np.array([[[0, 0.1]], [[-1, 1e20]], [[2, 3e-8]]], np.float32), None, kept)
    assert (tmp_path / "x.jsonl").read_text() == (
        '{"vectors":[[0.0,0.1]],"x":3.0,"d":[1,null]}\n'
        '{"vectors":[[-1.0,1e+20]],"x":null,"d":[]}\n'
        '{"vectors":[[2.0,3e-8]],"x":1e+300,"d":null}\n'
    )


@given(outputs(), st.sampled_from([".npz", ".parquet", ".jsonl"]))
def test_the_same_rows_give_the_same_bytes(tmp_path, output, suffix):
    first, second = (output.write(tmp_path / f"{name}{suffix}").read_bytes() for name in "ab")
    assert first == second


@given(outputs(ragged=True, name="ids"), st.sampled_from([".npz", ".jsonl"]))
def test_blocks_do_not_show(tmp_path, output, suffix):
    """Only row groups of Parquet depend on how rows came."""
    whole = output.kept.combine_chunks().to_batches() or [pa.RecordBatch.from_pylist([], output.layout.kept_columns)]
    apart = output.write(tmp_path / f"a{suffix}").read_bytes()
    output.blocks = [(Ragged.from_rows(output.rows), None, whole[0] if output.layout.kept_columns.names else None)]
    assert output.write(tmp_path / f"b{suffix}").read_bytes() == apart


@pytest.mark.parametrize("suffix", [".npy", ".npz", ".parquet", ".jsonl"])
def test_rows_of_no_ids(tmp_path, suffix):
    for row_shape in ((0,), (0, 3)):
        layout = OutputOptions(
            "ids" if len(row_shape) == 1 else "vectors",
            NUMBERS["int32" if len(row_shape) == 1 else "float32"],
            row_shape,
        )
        with open_writer(tmp_path / f"x{suffix}", layout, force=True) as writer:
            writer.append(np.zeros((2, *row_shape), layout.dtype))
        path = tmp_path / f"x{suffix}"
        if suffix == ".jsonl":
            assert path.read_text() == f'{{"{layout.name}":[]}}\n' * 2
        elif suffix == ".parquet":
            assert pq.read_table(path)[layout.name].to_pylist() == [[], []]
        elif suffix == ".npy":
            assert np.load(path).shape == (2, *row_shape)
        else:
            with np.load(path) as archive:
                assert archive[layout.name].shape == (2, *row_shape)


def test_a_slice_of_a_ragged_has_only_its_ids(tmp_path):
    rows = Ragged(np.arange(9, dtype=np.int32), np.array([0, 2, 4, 7, 9])).slice(1, 3)
    for suffix, read in (
        (".npz", lambda path: np.load(path)["values"].tolist()),
        (".parquet", lambda path: pq.read_table(path)["ids"].combine_chunks().flatten().to_pylist()),
    ):
        with open_writer(tmp_path / f"x{suffix}", ids_layout(None)) as writer:
            writer.append(rows)
        assert read(tmp_path / f"x{suffix}") == [2, 3, 4, 5, 6]


LABEL = pa.schema({"label": pa.int8()})


@pytest.mark.parametrize(
    ("suffix", "kept", "row_shape", "message"),
    [
        (
            ".npy",
            LABEL,
            (2,),
            r"\.npy holds one array; the output has kept columns \(label\): write \.npz or \.parquet",
        ),
        (".npy", None, None, r"\.npy holds rows of one length: pad the rows, or write \.npz or \.parquet"),
        (
            ".txt",
            None,
            (2,),
            r"must end in one of \.npy, \.npz, \.parquet, \.tfrecord, \.array_record, \.jsonl; received .*x\.txt",
        ),
        (".npz", pa.schema({"x": pa.list_(pa.int8())}), (2,), r"'x' is list<item: int8>: write \.parquet"),
        (".npz", pa.schema({"x.npy": pa.int8()}), (2,), r"cannot be called 'x\.npy'"),
        (".npz", pa.schema({"x": pa.string(), "x.utf8": pa.int8()}), (2,), r"'x\.utf8' is an array of the column 'x'"),
        (".tfrecord", pa.schema({"x": pa.date32()}), (2,), r"'x' is date32\[day\]: write \.parquet"),
        (".jsonl", pa.schema({"x": pa.binary()}), (2,), r"JSON cannot hold bytes, the type of column 'x'"),
        (".parquet", pa.schema({"x": pa.month_day_nano_interval()}), (2,), r"Parquet cannot hold these columns"),
    ],
)
def test_what_a_format_cannot_hold_is_known_at_once(tmp_path, suffix, kept, row_shape, message):
    path, layout = tmp_path / f"x{suffix}", ids_layout(row_shape, kept)
    with pytest.raises(ArgumentError, match=message):
        check_layout(path, layout)
    with pytest.raises(ArgumentError, match=message), open_writer(path, layout):
        pass
    assert not list(tmp_path.iterdir())


def test_shapes_of_rows():
    for name, dtype, row_shape in (("ids", "int32", (2, 3)), ("ids", "int32", ()), ("vectors", "float32", None)):
        with pytest.raises(ArgumentError, match=f"{name} cannot have rows of shape"):
            OutputOptions(name, np.dtype(dtype), row_shape)


def test_names_that_are_taken():
    for name in ("ids", "values", "row_splits", "lengths", "fingerprint", "pad_id", "vectors"):
        with pytest.raises(ArgumentError, match=f"must not be called '{name}'"):
            ids_layout(kept=pa.schema({name: pa.int8()}))
    with pytest.raises(ArgumentError, match="different names; 2 are called 'x'"):
        ids_layout(kept=pa.schema([("x", pa.int8()), ("x", pa.int8())]))


def test_dtypes(tmp_path):
    assert ids_dtype("uint16", 65536) == np.uint16
    with pytest.raises(ArgumentError, match="uint16 holds ids up to 65535; the highest of this vocabulary is 65536: "):
        ids_dtype("uint16", 65537)
    for name, function in (("float32", lambda name: ids_dtype(name, 5)), ("int32", vectors_dtype)):
        with pytest.raises(ArgumentError, match="dtype must be one of"):
            function(name)
    for dtype, number, message in (
        ("uint16", 65536, "uint16 holds integers from 0 to 65535; received 65536"),
        ("uint16", -1, "uint16 holds integers from 0 to 65535; received -1"),
        ("float16", 65520.0, "float16 holds numbers up to 65504; received 65520.0"),
        ("float16", -1e9, "received -1000000000.0"),
    ):
        rows = np.array([[0, number]], np.float32 if dtype == "float16" else np.int32)
        layout = OutputOptions("vectors" if dtype == "float16" else "ids", np.dtype(dtype), (2,))
        with pytest.raises(ArgumentError, match=message), open_writer(tmp_path / "x.npy", layout) as writer:
            writer.append(rows)
    with open_writer(tmp_path / "x.npy", OutputOptions("vectors", np.dtype("float16"), (3,))) as writer:
        writer.append(np.array([[np.nan, np.inf, 65504.0]], np.float32))
    np.testing.assert_array_equal(np.load(tmp_path / "x.npy"), np.array([[np.nan, np.inf, 65504]], np.float16))


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_json_has_no_such_number(tmp_path, number):
    with (
        pytest.raises(ArgumentError, match=f"JSON cannot hold {number}"),
        open_writer(tmp_path / "x.jsonl", OutputOptions("vectors", np.dtype("float32"), (2,))) as writer,
    ):
        writer.append(np.array([[0, number]], np.float32))
    if not math.isnan(number):
        kept = pa.record_batch({"x": [number]})
        with (
            pytest.raises(ArgumentError, match="JSON cannot hold the infinity in column 'x'"),
            open_writer(tmp_path / "x.jsonl", ids_layout(kept=kept.schema)) as writer,
        ):
            writer.append(np.zeros((1, 2), np.int32), None, kept)
    assert not list(tmp_path.iterdir())


def test_blocks_of_another_layout(tmp_path):
    kept = pa.record_batch({"x": [1, 2]})
    rows = np.zeros((2, 2), np.int32)
    for block, message in (
        ((rows[:, :1], None, kept), r"rows must have the shape \(2,\); received \(1,\)"),
        ((rows,), "kept columns must be"),
        ((rows[:1], None, kept), "kept columns must have 1 rows, as the ids; received 2"),
        ((rows.astype(float), None, kept), "values must be of the kind of int32; received float64"),
    ):
        with (
            pytest.raises(ValueError, match=message),
            open_writer(tmp_path / "x.npz", ids_layout(kept=kept.schema)) as writer,
        ):
            writer.append(*block)
    for order in ([None, np.ones(2, int)], [np.ones(2, int), None]):
        with (
            pytest.raises(ValueError, match="with every block or with none"),
            open_writer(tmp_path / "x.npz", ids_layout()) as writer,
        ):
            for lengths in order:
                writer.append(rows, lengths)
    assert not list(tmp_path.iterdir())
