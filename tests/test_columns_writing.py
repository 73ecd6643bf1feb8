"""Tables to files of ids, batch by batch."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tokemb.errors import ArgumentError, TextError
from tokemb.tables import ColumnEncoder
from tokemb.pipeline.encode_table import encode_table

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
        ("x.npy", [], r"\.npy holds one array and no columns of a table, here user, tags: write \.npz or \.parquet"),
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
