"""Tables to files of ids, batch by batch."""

from __future__ import annotations

import io
import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.formats.test_tfrecord import parsed
from tokemb.errors import ArgumentError, OutputExistsError, TextError
from tokemb.formats import parquet
from tokemb.formats.shards import ShardFolder
from tokemb.pipeline.encode_table import encode_table
from tokemb.pipeline.files import encode_file
from tokemb.tables import ColumnEncoder

TABLE = pa.table(
    {
        "user": ["u", "v", None, "u", "w", "u", "v"],
        "tags": [["a", "b", "a"], [], ["a"], None, ["b", "b"], [], ["c"]],
        "label": [1, None, 3, 4, 5, 6, 7],
        "title": ["x", "yy", "", None, "z", "é", "w"],
    }
)


@pytest.fixture(scope="module")
def encoder():
    return ColumnEncoder.fit(TABLE, columns=["user", "tags"])


@pytest.mark.parametrize("rows", [1, 2, 3, 7])
@pytest.mark.parametrize(
    "settings", [{}, {"maxlen": 2}, {"maxlen": 5, "padding": "pre", "truncating": "pre"}, {"ragged": True}], ids=str
)
@pytest.mark.parametrize("suffix", [".npz", ".parquet"])
def test_batches_are_one_table(tmp_path, encoder, rows, settings, suffix):
    output = tmp_path / f"out{suffix}"
    report = encode_table(
        encoder, iter(TABLE.to_batches(max_chunksize=rows)), output, keep=["label", "title"], **settings
    )
    assert (report.rows, report.unknown, report.values) == (7, {"user": 0, "tags": 0}, {"user": 7, "tags": 8})
    shape = {key: value for key, value in settings.items() if key != "ragged"}
    expected = encoder.encode(TABLE, **shape)
    ragged = encoder.encode_ragged(TABLE)["tags"]
    if settings.get("ragged"):
        assert report.shapes == {"user": "(7,)", "tags": "ragged"}
    else:
        assert report.shapes == {name: str(ids.shape) for name, ids in expected.items()}
    if suffix == ".parquet":
        table = pq.read_table(output)
        tags = [row.tolist() for row in ragged] if settings.get("ragged") else expected["tags"].tolist()
        assert table["tags"].to_pylist() == tags
        assert table["user"].to_pylist() == expected["user"].tolist()
        assert table.select(["label", "title"]) == TABLE.select(["label", "title"])
        return
    with np.load(output) as arrays:
        np.testing.assert_array_equal(arrays["user"], expected["user"])
        if settings.get("ragged"):
            np.testing.assert_array_equal(arrays["tags.values"], ragged.values)
            np.testing.assert_array_equal(arrays["tags.row_splits"], ragged.row_splits)
        else:
            np.testing.assert_array_equal(arrays["tags"], expected["tags"])
        assert arrays["label"].tolist() == [1, 0, 3, 4, 5, 6, 7]
        assert arrays["label.missing"].tolist() == [False, True, *[False] * 5]
        assert arrays["title"].tolist() == ["x", "yy", "", "", "z", "é", "w"]
    assert sorted(tmp_path.iterdir()) == [output]


def test_unknown_values_are_counted(tmp_path, encoder):
    table = pa.table({"user": ["?", "u"], "tags": [["?", "?"], ["a"]]})
    report = encode_table(encoder, iter(table.to_batches()), tmp_path / "x.npz")
    assert report.shape == "user (2,), tags (2, 2)"
    assert str(report) == "2 rows read and written; out of vocabulary: user 50.00%, tags 66.67%"


@pytest.mark.parametrize(
    ("name", "keep", "message"),
    [
        ("x.npy", [], r"\.npy holds one array; the output has the columns user, tags: write \.npz or \.parquet"),
        ("x.npz", ["user"], "cannot be called 'user', a name that another column has"),
        ("x.parquet", ["fingerprint"], "a name that tokemb uses"),
        ("x.npz", ["user.missing"], "'user.missing' is an array of the column 'user'"),
        ("x.npz", ["struct"], "a .npz holds columns of numbers"),
    ],
)
def test_what_files_cannot_hold(tmp_path, encoder, name, keep, message):
    more = {"fingerprint": [1] * 7, "user.missing": [1] * 7, "struct": [{"a": 1}] * 7}
    table = pa.table({**{name: TABLE[name] for name in TABLE.column_names}, **more})
    with pytest.raises(ArgumentError, match=message):
        encode_table(encoder, iter(table.to_batches()), tmp_path / name, keep=keep)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["x.npz", "x.parquet"])
def test_a_failure_leaves_what_was_there(tmp_path, encoder, name):
    (tmp_path / name).write_bytes(b"before")
    wrong = pa.record_batch({"user": ["u"], "tags": ["no list"]})
    with pytest.raises(TextError):
        encode_table(
            encoder,
            iter([*TABLE.select(["user", "tags"]).to_batches(), wrong]),
            tmp_path / name,
            maxlen=2,
            force=True,
        )
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert (tmp_path / name).read_bytes() == b"before"


def batches(rows=2):
    return iter(TABLE.to_batches(max_chunksize=rows))


def read_back(path, layout):
    """The columns of a file, without tokemb's readers."""
    if path.suffix == ".parquet":
        return pq.read_table(path).to_pydict()
    if path.suffix in (".jsonl", ".tfrecord"):
        read = path.read_text().splitlines() if path.suffix == ".jsonl" else parsed(path, layout)
        rows = map(json.loads, read) if path.suffix == ".jsonl" else read
        columns = pa.Table.from_pylist([{name: np.asarray(row[name]).tolist() for name in row} for row in rows])
        return columns.to_pydict()
    with np.load(path) as arrays:
        columns = {name: arrays[name].tolist() for name in arrays if name != "fingerprint" and "." not in name}
        if "tags.values" in arrays:
            columns["tags"] = [part.tolist() for part in np.split(arrays["tags.values"], arrays["tags.row_splits"])][
                1:-1
            ]
        return columns


@pytest.mark.parametrize("settings", [{"maxlen": 2}, {}, {"ragged": True}], ids=str)
@pytest.mark.parametrize("dtype", ["int32", "uint16", "int64"])
@pytest.mark.parametrize("suffix", [".npz", ".parquet", ".tfrecord", ".jsonl"])
def test_every_format_holds_a_table(tmp_path, encoder, suffix, dtype, settings):
    path = tmp_path / f"x{suffix}"
    report = encode_table(encoder, batches(), path, keep=["label"], dtype=dtype, **settings)
    ids = encoder.encode_ragged(TABLE) if settings.get("ragged") else encoder.encode(TABLE, **settings)
    expected = {name: [np.asarray(row).tolist() for row in rows] for name, rows in ids.items()}
    missing = {".npz": 0, ".tfrecord": -1}.get(suffix)
    read = read_back(path, report.layout)
    assert read.pop("label") == [1, missing, 3, 4, 5, 6, 7]
    assert read == expected
    if suffix == ".npz":
        with np.load(path) as arrays:
            assert {str(arrays[name].dtype) for name in ("user", "tags", "tags.values") if name in arrays} == {dtype}
    if suffix == ".parquet":
        value_type = pa.from_numpy_dtype(dtype)
        assert pq.read_schema(path).types[:2] == [value_type, pa.list_(value_type)]
        assert pq.read_schema(path).metadata == {b"tokemb.fingerprint": encoder.fingerprint.encode()}


def test_lines_go_to_a_stream(encoder):
    stream = io.BytesIO()
    encode_table(encoder, batches(), stream, keep=["title"], ragged=True)
    assert stream.getvalue().decode().splitlines()[:2] == [
        '{"user":3,"tags":[3,4,3],"title":"x"}',
        '{"user":4,"tags":[],"title":"yy"}',
    ]


class StoppedError(Exception):
    """A run that is interrupted."""


def stopping(batches, after):
    for number, batch in enumerate(batches):
        if number == after:
            raise StoppedError
        yield batch


@pytest.mark.parametrize("settings", [{"maxlen": 2}, {"ragged": True}], ids=str)
@pytest.mark.parametrize("suffix", [".npz", ".parquet", ".tfrecord", ".jsonl"])
def test_shards_of_a_table_are_resumed(tmp_path, encoder, suffix, settings):
    def run(name, table, **more):
        folder = ShardFolder(tmp_path / name, {}, 3, suffix)
        return folder, encode_table(encoder, table, folder, keep=["label", "title"], **settings, **more)

    whole, report = run("whole", batches())
    assert (whole.rows, whole.complete, report.read, report.rows) == ([3, 3, 1], True, 7, 7)
    with pytest.raises(StoppedError):
        run("parts", stopping(batches(), 3))
    resumed, report = run("parts", batches())
    assert (resumed.rows, report.read, report.rows) == ([3, 3, 1], 7, 4)
    for file in (tmp_path / "whole").iterdir():
        assert (tmp_path / "parts" / file.name).read_bytes() == file.read_bytes()
    assert run("parts", stopping(batches(), 0))[1].layout is None
    with pytest.raises(OutputExistsError, match="other settings, dtype 'int32' and not 'int64'"):
        run("parts", batches(), dtype="int64")
    encode_table(encoder, batches(), tmp_path / f"x{suffix}", keep=["label", "title"], **settings)
    shards = [read_back(whole.shard(number), report.layout) for number in range(3)]
    for name, values in read_back(tmp_path / f"x{suffix}", report.layout).items():
        assert [value for shard in shards for value in shard[name]] == values


def test_shards_of_lists_need_a_length(tmp_path, encoder):
    with pytest.raises(ArgumentError, match=r"must have one length, those of 'tags' too: pass it as maxlen=\.\.\., or"):
        encode_table(encoder, batches(), ShardFolder(tmp_path / "x", {}, 3))
    assert not list(tmp_path.iterdir())
    single = ColumnEncoder.fit(TABLE, columns=["user"])
    encode_table(single, batches(), ShardFolder(tmp_path / "x", {}, 3))


def test_ids_that_a_dtype_does_not_hold(tmp_path):
    table = pa.table({"user": range(70_000)})
    encoder = ColumnEncoder.fit(table)
    with pytest.raises(ArgumentError, match="uint16 holds ids up to 65535; the highest of this vocabulary is 70002"):
        encode_table(encoder, iter(table.to_batches()), tmp_path / "x.npz", dtype="uint16")


@pytest.mark.parametrize("settings", [{}, {"ragged": True}], ids=str)
def test_offsets_of_lists_fit_int32(tmp_path, encoder, monkeypatch, settings):
    monkeypatch.setattr(parquet, "_LISTED", 12)
    list_array, ends = parquet._list_array, []
    monkeypatch.setattr(parquet, "_list_array", lambda splits, ids: ends.append(splits[-1]) or list_array(splits, ids))
    encode_table(encoder, batches(7), tmp_path / "x.parquet", **settings)
    assert len(ends) > 1
    assert max(ends) < 12
    ids = encoder.encode_ragged(TABLE) if settings else encoder.encode(TABLE)
    assert pq.read_table(tmp_path / "x.parquet")["tags"].to_pylist() == [row.tolist() for row in ids["tags"]]
    monkeypatch.setattr(parquet, "_LISTED", 1)
    with pytest.raises(ArgumentError, match="holds rows of up to 1 values; 'tags' has a longer one: write .npz"):
        encode_table(encoder, batches(7), tmp_path / "x.parquet", **settings)


def test_kept_columns_named_like_arrays_of_a_ragged_column(tmp_path, encoder):
    for name in ("tags.values", "tags.row_splits"):
        table = TABLE.append_column(name, TABLE["label"])
        for path, settings in (("x.npz", {"maxlen": 2}), ("x.parquet", {"ragged": True})):
            encode_table(encoder, iter(table.to_batches()), tmp_path / path, keep=[name], **settings)
        with pytest.raises(ArgumentError, match=f"'{name}' is an array of the column 'tags': rename one, or write"):
            encode_table(encoder, iter(table.to_batches()), tmp_path / "y.npz", keep=[name], ragged=True)
    assert not (tmp_path / "y.npz").exists()


@pytest.mark.parametrize("suffix", [".jsonl", ".tfrecord"])
def test_a_file_that_does_not_say_what_it_is_stays(tmp_path, encoder, suffix):
    path = tmp_path / f"x{suffix}"
    encode_table(encoder, batches(), path)
    before = path.read_bytes()
    with pytest.raises(OutputExistsError, match=rf"x{suffix} exists and is not known to be a file of ids of columns"):
        encode_table(encoder, batches(), path)
    assert path.read_bytes() == before
    encode_table(encoder, batches(), path, force=True)


def test_files_of_tables_are_encoded_from_python(tmp_path):
    (tmp_path / "x.csv").write_text("user,item,rating\nu1,x,4.5\nu2,y,3\nu1,y,\n")
    encoder = ColumnEncoder.fit(tmp_path / "x.csv", columns=["user", "item"])
    encoder.save(tmp_path / "columns")
    for vocabulary in (encoder, tmp_path / "columns", str(tmp_path / "columns")):
        report = encode_file(tmp_path / "x.csv", vocabulary, tmp_path / "x.parquet", keep=["rating"])
        assert str(report) == "3 rows read and written; out of vocabulary: user 0.00%, item 0.00%"
    assert pq.read_table(tmp_path / "x.parquet").to_pydict() == {
        **{name: ids.tolist() for name, ids in encoder.encode(tmp_path / "x.csv").items()},
        "rating": [4.5, 3.0, None],
    }
    encode_file(tmp_path / "x.csv", encoder, tmp_path / "s", rows_per_shard=2, shard_format="jsonl")
    assert (tmp_path / "s" / "part-00001.jsonl").read_text() == '{"user":3,"item":3}\n'
    with pytest.raises(ArgumentError, match="column must be left out for a table"):
        encode_file(tmp_path / "x.csv", encoder, tmp_path / "y.npz", column="user")
    with pytest.raises(ArgumentError, match="is also read: name another file"):
        encode_file(tmp_path / "x.csv", encoder, tmp_path / "x.csv")
