"""Files with two text columns."""

from __future__ import annotations

import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tokemb import read_corpus
from tokemb.errors import ArgumentError, TextError

ROWS = [{"q": "a", "n": 1, "a": "07"}, {"q": "b, c", "n": 2, "a": ""}, {"q": "d", "n": 3, "a": "9"}]


def write(folder, kind):
    path = folder / f"x.{kind}"
    if kind == "csv":
        path.write_text('q,n,a\na,1,07\n"b, c",2,\nd,3,9\n')
    elif kind == "jsonl":
        path.write_text("".join(f"{json.dumps(row)}\n" for row in ROWS))
    else:
        pq.write_table(pa.Table.from_pylist(ROWS), path)
    return path


@pytest.mark.parametrize("kind", ["csv", "jsonl", "parquet"])
def test_both_columns_are_texts_and_kept_columns_have_their_types(tmp_path, kind):
    batches = list(read_corpus(write(tmp_path, kind), column=["a", "q"], keep=["n", "q"]))
    table = pa.Table.from_batches(batches)
    assert table.column_names == ["a", "q", "n"]
    assert table.schema.types == [pa.large_string(), pa.large_string(), pa.int64()]
    assert table.to_pylist() == [{"a": row["a"], "q": row["q"], "n": row["n"]} for row in ROWS]


def test_integers_become_digits_and_lists_are_tokens(tmp_path):
    (tmp_path / "x.jsonl").write_text('{"q": 7, "a": ["b", "c"]}\n{"q": 8, "a": []}\n')
    [batch] = read_corpus(tmp_path / "x.jsonl", column=("q", "a"))
    assert batch.to_pydict() == {"q": ["7", "8"], "a": [["b", "c"], []]}


def test_missing_text_is_an_error_with_its_place_unless_it_is_empty(tmp_path):
    (tmp_path / "x.jsonl").write_text('{"q": "b", "a": "c"}\n{"q": "d", "a": null}\n')
    with pytest.raises(TextError, match=r"x.jsonl, line 2 has no 'a': fill it, or pass missing=\"empty\""):
        list(read_corpus(tmp_path / "x.jsonl", column=["q", "a"]))
    [batch] = read_corpus(tmp_path / "x.jsonl", column=["q", "a"], missing="empty")
    assert batch.column(1).to_pylist() == ["c", ""]


def test_columns_that_cannot_be_are_errors(tmp_path):
    path = write(tmp_path, "csv")
    with pytest.raises(TextError, match="has no column 'z'; it has the columns 'q', 'n', 'a'"):
        list(read_corpus(path, column=["q", "z"]))
    for names in (["q", "q"], ["q"], ["q", "a", "n"]):
        with pytest.raises(ArgumentError, match="the name of a text column, or two different names"):
            read_corpus(path, column=names)
    (tmp_path / "x.txt").write_text("a\n")
    with pytest.raises(TextError, match="is read as text, with one row per line, and has no columns"):
        list(read_corpus(tmp_path / "x.txt", column=["q", "a"]))


def test_large_files_come_in_small_batches(tmp_path, monkeypatch):
    monkeypatch.setattr("tokemb.sources.texts.BATCH_BYTES", 1000)
    rows = [{"q": "x" * (i % 50), "a": "y" * (i % 70)} for i in range(300)]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "x.parquet")
    batches = list(read_corpus(tmp_path / "x.parquet", column=["q", "a"]))
    assert len(batches) > 5
    assert pa.Table.from_batches(batches).to_pylist() == rows
