"""Tables in files: columns of which none is the text."""

from __future__ import annotations

import gzip
import json

import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet as pq
import pytest

from tokemb import read_corpus
from tokemb.errors import ArgumentError, TextError
from tokemb.sources import texts
from tokemb.sources.corpus import read_table

ROWS = [
    {"user": "7", "item": "007", "time": 20},
    {"user": "8", "item": "", "time": 9},
    {"user": "7", "item": 'a "b", c', "time": 100},
]
CSV = 'user,item,time\n7,007,20\n8,,9\n7,"a ""b"", c",100\n'


def table_of(files, columns=None, **settings):
    return pa.Table.from_batches(list(read_table(files, columns, **settings)))


def test_csv_fields_are_texts_unless_their_column_is_typed(tmp_path):
    file = tmp_path / "rows.csv"
    file.write_text(CSV)
    assert table_of(file, typed=["time"]).to_pylist() == ROWS
    assert table_of(file).to_pylist() == [{**row, "time": str(row["time"])} for row in ROWS]
    table = table_of(file, ["time", "user"], typed=["time"])
    assert table.schema == pa.schema([("time", pa.int64()), ("user", pa.large_string())])
    assert table.to_pylist() == [{"time": row["time"], "user": row["user"]} for row in ROWS]


@pytest.mark.parametrize("name", ["rows.csv", "rows.csv.gz", "rows.jsonl", "rows.parquet", "rows.arrow", "rows.tsv"])
def test_every_format_gives_the_same_table(tmp_path, name):
    file = tmp_path / name
    rows = pa.Table.from_pylist(ROWS)
    if name == "rows.parquet":
        pq.write_table(rows, file)
    elif name == "rows.arrow":
        pa.feather.write_feather(rows, file)
    elif name == "rows.jsonl":
        file.write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    elif name == "rows.tsv":
        file.write_text('user\titem\ttime\n7\t007\t20\n8\t\t9\n7\t"a ""b"", c"\t100\n')
    else:
        file.write_bytes(gzip.compress(CSV.encode()) if name.endswith("gz") else CSV.encode())
    quoting = "minimal" if name == "rows.tsv" else None
    assert table_of(file, typed=["time"], quoting=quoting).to_pylist() == ROWS
    assert table_of([file, file], ["item"], quoting=quoting).to_pylist() == [{"item": row["item"]} for row in ROWS] * 2


@pytest.mark.parametrize(
    ("content", "delimiter"), [("1 5 2\n3 5 4\n", " "), ("1|5|2\n3|5|4\n", "|"), ("1\t5\t2\n3\t5\t4\n", "\t")]
)
@pytest.mark.parametrize("name", ["u.data", "rows.txt", "rows.csv"])
def test_delimiters_of_files_without_header_and_of_any_name(tmp_path, content, delimiter, name):
    file = tmp_path / name
    file.write_text(content)
    table = table_of(file, ["2", "0"], header=False, delimiter=delimiter)
    assert table.to_pydict() == {"2": ["2", "4"], "0": ["1", "3"]}
    batches = read_corpus(file, column="1", keep=["0"], header=False, delimiter=delimiter)
    assert [batch.to_pydict() for batch in batches] == [{"1": ["5", "5"], "0": [1, 3]}]


def test_tsv_of_an_unknown_extension(tmp_path):
    (tmp_path / "u.data").write_text("196\t242\n186\t302\n")
    table = table_of(tmp_path / "u.data", format="tsv", header=False)
    assert table.to_pydict() == {"0": ["196", "186"], "1": ["242", "302"]}


@pytest.mark.parametrize("delimiter", ["", ",,", "é", "\n", '"'])
def test_delimiters_that_cannot_be(tmp_path, delimiter):
    (tmp_path / "x.csv").write_text("a\n1\n")
    with pytest.raises(ArgumentError, match="one ASCII character"):
        read_table(tmp_path / "x.csv", delimiter=delimiter)


@pytest.mark.parametrize("settings", [{"format": "text"}, {"format": "jsonl"}])
def test_delimiters_are_for_csv(tmp_path, settings):
    (tmp_path / "x").write_text("{}\n")
    with pytest.raises(ArgumentError, match="delimiter is for CSV files"):
        read_table(tmp_path / "x", delimiter=";", **settings)


def test_json_keys_may_come_late_or_never(tmp_path):
    file = tmp_path / "x.jsonl"
    file.write_text('{"a": 1.5}\n{"b": [1, null]}\n{"a": null, "b": null}\n')
    assert table_of(file, ["b", "a"]).to_pydict() == {"b": [None, [1, None], None], "a": [1.5, None, None]}
    with pytest.raises(TextError, match="no row of the files has the column 'c'"):
        table_of(file, ["c", "a"])
    with pytest.raises(TextError, match="no row of the files has the column 'c'"):
        table_of(file, ["a", "c"])


def test_small_batches_are_joined_and_large_ones_cut(tmp_path, monkeypatch):
    file = tmp_path / "x.csv"
    file.write_text("a,b\n" + "".join(f"{row},{row % 7}\n" for row in range(5000)))
    whole = table_of(file, typed=["b"])
    assert whole["a"].to_pylist() == [str(row) for row in range(5000)]
    monkeypatch.setattr(texts, "BATCH_BYTES", 4096)
    monkeypatch.setattr(texts, "BATCH_ROWS", 100)
    batches = list(read_table(file, typed=["b"]))
    assert {len(batch) for batch in batches[:-1]} <= set(range(50, 150))
    assert pa.Table.from_batches(batches) == whole


def test_files_without_rows(tmp_path):
    (tmp_path / "x.csv").write_text("a,b\n")
    (tmp_path / "y.csv").write_text("a,b\n1,2\n")
    assert table_of(tmp_path / "x.csv").to_pydict() == {"a": [], "b": []}
    assert table_of([tmp_path / "x.csv", tmp_path / "y.csv"]).to_pydict() == {"a": ["1"], "b": ["2"]}


@pytest.mark.parametrize("end", ["", "\n", "\r\n", "\r"])
@pytest.mark.parametrize(
    ("record", "fields"), [("a,b", ["a", "b"]), ("a", ["a"]), ('"a"', ["a"]), ("\ufeffa", ["a"]), (",", ["", ""])]
)
def test_csv_of_one_record_is_read_with_and_without_a_final_newline(tmp_path, record, fields, end):
    file = tmp_path / "x.csv"
    file.write_bytes((record + end).encode())
    assert table_of(file, header=False).to_pylist() == [{str(index): field for index, field in enumerate(fields)}]
    if all(fields):
        assert table_of(file).to_pydict() == {field: [] for field in fields}


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("end", ["", "\n"])
def test_csv_line_endings_and_empty_lines_give_the_same_rows(tmp_path, newline, end):
    file = tmp_path / "x.csv"
    file.write_bytes(("\na,b\n\n1,2\n3,4" + end).replace("\n", newline).encode())
    assert table_of(file).to_pydict() == {"a": ["1", "3"], "b": ["2", "4"]}
    file.write_bytes(("a\n\n1" + end).replace("\n", newline).encode())
    assert table_of(file).to_pydict() == {"a": ["", "1"]}


@pytest.mark.parametrize(
    ("name", "content", "settings", "message"),
    [
        (
            "a.csv",
            "id,my review\n",
            {},
            ': pass the text column, for example column="id", or header=False if the first',
        ),
        ("a.csv", "1,a\n", {"header": False}, "the columns '0', '1': pass the text column, for example column=\"1\"$"),
        ("a.tsv", "spam\tSome text, long enough to be one\n", {}, ", or header=False if the first row is not a header"),
        (
            "a.tsv",
            "spam\t" + "long " * 20 + "\n",
            {},
            "the columns 'spam', 'long long long long long long long lo...'",
        ),
        ("a.tsv", "x y\t" + "long " * 20 + "\n", {}, ": pass the text column, column=NAME, or header=False"),
        ("a.tsv", '"n"\t"m"\n', {}, 'quoting="minimal" if fields are quoted, or header=False'),
        ("a.tsv", '"n"\t"m"\n', {"column": "n"}, ': pass one of these, quoting="minimal" if fields are quoted'),
        (
            "a.csv",
            "a,b\n",
            {"column": "c"},
            "'a', 'b': pass one of these, or header=False if the first row is not a header",
        ),
        (
            "a.txt",
            "a,b\n",
            {"column": "c"},
            "no column 'c'; if it is a table, pass its format, for example format=\"csv\", or",
        ),
        ("a.csv", "text,b\n1,2,3\n", {}, 'row 1 has 3 fields, .* or pass another delimiter, such as delimiter=";"'),
        ("a.tsv", "text\tb\n1\t2\t3\n", {}, 'row 1 has 3 fields, .* pass quoting="minimal" if fields are quoted'),
        ("a.jsonl", '{"text": null}\n', {}, "line 1 has no 'text': fill it, or pass missing=\"empty\""),
    ],
)
def test_message_about_columns_names_the_argument_that_resolves_it(tmp_path, name, content, settings, message):
    (tmp_path / name).write_text(content)
    with pytest.raises(TextError, match=message) as caught:
        list(read_corpus(tmp_path / name, **settings))
    assert "--" not in str(caught.value)


def test_errors(tmp_path):
    (tmp_path / "x.csv").write_text("a,b\n1,2\n")
    (tmp_path / "x.txt").write_text("a,b\n1,2\n")
    pq.write_table(pa.table({"a": [1], "b": [2]}), tmp_path / "x.parquet")
    with pytest.raises(TextError, match="has no column 'c'; it has the columns 'a', 'b'"):
        table_of(tmp_path / "x.csv", ["a", "c"])
    with pytest.raises(TextError, match="one row per line, and has no columns; if it is a table, pass its format"):
        table_of(tmp_path / "x.txt", ["a"])
    with pytest.raises(TextError, match="'a' must be of one type in all files: .*x.parquet contains int64"):
        table_of([tmp_path / "x.csv", tmp_path / "x.parquet"])
    with pytest.raises(ArgumentError, match="errors must be one of"):
        read_table(tmp_path / "x.csv", errors="ignore")
