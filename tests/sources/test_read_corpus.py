"""The same rows from every format."""

from __future__ import annotations

import bz2
import csv
import gzip
import io
import json
import lzma
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.feather as feather
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tokemb
from tests.conftest import examples, python
from tokemb import TokembError, read_corpus
from tokemb.sources import texts
from tokemb.sources.records import scan_records

pytestmark = pytest.mark.slow

# Python before 3.11 writes no CSV with NUL.
NUL = "\0" * (sys.version_info >= (3, 11))
ANY_TEXT = st.text(
    st.one_of(
        st.sampled_from('"\n\r,\t\\\x1f\x85\u2028\ufeff🙂é{}' + NUL),
        st.characters(codec="utf-8", exclude_characters="\0" * (not NUL)),
    )
)
BLOCKS = st.sampled_from([1, 7, 64, 1 << 20])


def zstd(content: bytes) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.CompressedOutputStream(sink, "zstd") as stream:
        stream.write(content)
    return sink.getvalue().to_pybytes()


COMPRESS = {"": bytes, ".gz": gzip.compress, ".bz2": bz2.compress, ".zst": zstd, ".xz": lzma.compress}


def write_csv(path, rows, delimiter=",", **dialect):
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, ["text", "label"], delimiter=delimiter, **dialect)
        writer.writeheader()
        writer.writerows(rows)


def write_jsonl(path, rows, **settings):
    lines = [json.dumps(row, **settings) + "\n" for row in rows]
    path.write_text("".join(lines), encoding="utf-8", newline="")


def table_of(rows):
    return pa.Table.from_pylist(rows, pa.schema([("text", pa.string()), ("label", pa.int64())]))


WRITE = {
    "csv": write_csv,
    "tsv": lambda path, rows: write_csv(path, rows, "\t"),
    "jsonl": write_jsonl,
    "ndjson": lambda path, rows: write_jsonl(path, rows, ensure_ascii=False, separators=(" , ", " :\t")),
    "parquet": lambda path, rows: pq.write_table(table_of(rows), path, row_group_size=3),
    "arrow": lambda path, rows: feather.write_feather(table_of(rows), str(path), chunksize=2),
}
# Python's csv module quotes fields of TSV files, whose quotes are text by default.
QUOTING = {"tsv": "minimal"}


def collect(files, **settings):
    """The rows, and checks of what all batches have."""
    batches = list(read_corpus(files, **settings))
    assert batches
    assert {str(batch.schema) for batch in batches} == {str(batches[0].schema)}
    for batch in batches:
        batch.validate(full=True)
    return pa.Table.from_batches(batches).to_pylist()


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@given(rows=st.lists(st.fixed_dictionaries({"text": ANY_TEXT, "label": st.integers(-5, 1 << 50)})), block=BLOCKS)
@examples(12)
@pytest.mark.parametrize("kind", WRITE)
def test_the_same_rows_from_every_format(tmp_path_factory, kind, rows, block):
    path = tmp_path_factory.mktemp("rows") / f"plain.{kind}"
    WRITE[kind](path, rows)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(texts, "BATCH_BYTES", block)
        patch.setattr("tokemb.sources.compressed._WORTH_A_THREAD", 0 if len(rows) % 2 else 1 << 60)
        for ending, compress in COMPRESS.items():
            packed = path.with_name(f"packed.{kind}{ending}")
            packed.write_bytes(compress(path.read_bytes()))
            assert collect(packed, keep=["label"], quoting=QUOTING.get(kind)) == rows
        assert collect(path, quoting=QUOTING.get(kind)) == [{"text": row["text"]} for row in rows]


@given(st.text(alphabet='",\n\ra '))
def test_csv_is_cut_where_arrow_ends_records(text):
    """Quotes wherever they are: parts give the rows that the whole gives."""
    content = ("h,i\n" + text).encode()

    def rows(data, names):
        options = pyarrow.csv.ReadOptions(column_names=names, block_size=1 << 20)
        parse = pyarrow.csv.ParseOptions(newlines_in_values=True, invalid_row_handler=lambda row: "skip")
        types = pyarrow.csv.ConvertOptions(column_types={"h": pa.string(), "i": pa.string()}, strings_can_be_null=False)
        return pyarrow.csv.read_csv(io.BytesIO(data), options, parse, types).to_pylist() if data.strip(b"\r\n") else []

    scan = scan_records(content, ",")
    if scan.open_quote is None:
        for end in scan.ends.tolist():
            assert content[end - 1 : end] == b"\n"
            assert rows(content[:end], ["h", "i"]) + rows(content[end:], ["h", "i"]) == rows(content, ["h", "i"])


@given(
    st.lists(
        st.sampled_from(
            [
                '{"text":"a","text":"b"}',
                '{"text":"\\ud83d\\ude00 \\u0000"}',
                '{"te\\u0078t":"a"}',
                '{"text":"a"}{"text":"b"}',
                '{"text":"a"} {"text":"b"}',
                '{"text":',
                '"a"}',
                '{"x":{}',
                '{"text":"a","x":[1,{"y":null}]}',
                '{"text":"a","x":NaN,"y":1e999}',
                '{"text":"a","x":"\\ud800"}',
                '{"text":"\\ud800"}',
                '{"text":"\x01"}',
                '{"text":"a",}',
                ' {"text":"a"}\r',
                '{"text":"a","x":{"text":"b"}}',
                '{"text":"b","text":null}',
                '{"text":7}',
                '{"text":true}',
                "null",
                "",
                "\0",
                '\ufeff{"text":"a"}',
            ]
        ),
        max_size=3,
    )
)
def test_json_is_what_python_reads_or_an_error(tmp_path_factory, lines):
    path = tmp_path_factory.mktemp("json") / "a.jsonl"
    path.write_text('{"text":"first"}\n' + "\n".join(lines), encoding="utf-8", newline="")
    try:
        rows = collect(path)
    except TokembError as error:
        assert "a.jsonl, line " in str(error)
        with pytest.raises((ValueError, TypeError, KeyError, AssertionError, UnicodeError)):
            read_with_python(lines)
    else:
        assert rows[1:] == read_with_python(lines)


def without_two_texts(pairs):
    assert [key for key, _ in pairs].count("text") < 2
    return dict(pairs)


def read_with_python(lines):
    while lines and not lines[-1].strip():
        lines = lines[:-1]
    rows = [{"text": json.loads(line, object_pairs_hook=without_two_texts)["text"]} for line in lines]
    for row in rows:
        assert isinstance(row["text"], str)
        row["text"].encode()
    return rows


@pytest.mark.parametrize("kind", ["csv", "jsonl", "parquet", "arrow"])
def test_everything_takes_every_format(kind, folder):
    rows = [{"text": "deep learning", "label": 1}, {"text": "learning", "label": 0}]
    WRITE[kind](folder / f"a.{kind}", rows)
    (folder / f"a.{kind}.gz").write_bytes(gzip.compress((folder / f"a.{kind}").read_bytes()))
    for path in (Path(f"a.{kind}"), Path(f"a.{kind}.gz"), [Path(f"a.{kind}")]):
        encoder = tokemb.fit_vocab(path)
        assert encoder.vocabulary == ["", "[UNK]", "learning", "deep"]
        assert np.array_equal(encoder.encode(path), encoder.encode([row["text"] for row in rows]))


# Columns


def test_the_text_column(folder):
    write_jsonl(folder / "one.jsonl", [{"review": "a"}])
    write_jsonl(folder / "text.jsonl", [{"id": 1, "text": "a"}])
    write_jsonl(folder / "two.jsonl", [{"id": 1, "review": "a"}])
    assert collect("one.jsonl") == [{"review": "a"}]
    assert collect("text.jsonl") == [{"text": "a"}]
    assert collect("two.jsonl", column="review", keep=["id", "review"]) == [{"review": "a", "id": 1}]
    assert collect("two.jsonl", column="id", keep="review") == [{"id": "1", "review": "a"}]
    with pytest.raises(TokembError, match="two.jsonl has the columns 'id', 'review': pass the text column, for ex"):
        collect("two.jsonl")


@pytest.mark.parametrize("kind", ["csv", "jsonl", "parquet", "arrow"])
def test_a_column_that_is_not_there(kind, folder):
    WRITE[kind](folder / f"a.{kind}", [{"text": "a", "label": 1}])
    with pytest.raises(TokembError, match="has no column 'body'; it has the columns 'text', 'label'"):
        collect(f"a.{kind}", column="body")
    with pytest.raises(TokembError, match="no (row|column).*'lable'"):
        collect(f"a.{kind}", keep=["lable"])


def test_text_files_have_one_column(folder):
    (folder / "a.txt").write_text("a")
    assert collect("a.txt", column="text", keep=["text"]) == [{"text": "a"}]
    for wrong in ({"column": "body"}, {"keep": ["label"]}):
        with pytest.raises(TokembError, match="a.txt is read as text, with one row per line, and has no column"):
            collect("a.txt", **wrong)


@pytest.mark.parametrize("kind", ["jsonl", "parquet", "arrow"])
@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([3, -1], ["3", "-1"]),
        ([["a", "b c"], []], [["a", "b c"], []]),
        ([[], []], [[], []]),
        ([[1, 22], []], [["1", "22"], []]),
    ],
)
def test_numbers_and_lists_are_texts(kind, values, expected, folder):
    rows = [{"events": value} for value in values]
    if kind == "jsonl":
        write_jsonl(folder / "a.jsonl", rows)
    else:
        table = pa.Table.from_pylist(rows)
        pq.write_table(table, "a.parquet")
        feather.write_feather(table, "a.arrow")
    assert collect(f"a.{kind}") == [{"events": value} for value in expected]


@pytest.mark.parametrize(
    "column",
    [
        pa.array(["a", "b", "a"]).dictionary_encode(),
        pa.array([1, 2, 1], pa.uint8()).dictionary_encode(),
        pa.DictionaryArray.from_arrays([0, 1, 0], pa.array(["a", "b"], pa.string_view())),
        pa.array([["a"], ["b"], ["a"]], pa.list_(pa.string(), 1)),
        pa.ListArray.from_arrays([0, 1, 2, 3], pa.array(["x", "y", "x"]).dictionary_encode()),
        pa.array(["a", "b", "a"], pa.string_view()),
    ],
)
def test_other_arrow_types(column, folder):
    feather.write_feather(pa.table({"text": column, "kept": column}), "a.arrow")
    (batch,) = read_corpus("a.arrow", keep=["kept"])
    expected = [str(value) if isinstance(value, int) else value for value in column.to_pylist()]
    assert batch["text"].to_pylist() == expected
    assert batch["kept"].to_pylist() == column.to_pylist()
    assert not pa.types.is_dictionary(batch["kept"].type)
    assert batch["kept"].take(pa.array([2, 0])).to_pylist() == column.to_pylist()[::-2]  # as for windows of texts


@pytest.mark.parametrize("value", [1.5, {"a": 1}, True, [[1]], [1.5], b"bytes"])
def test_what_is_no_text_column(value, folder):
    pq.write_table(pa.table({"text": [value]}), "a.parquet")
    with pytest.raises(
        TokembError, match=r"the column 'text' of a.parquet contains .*: pass a column of texts, integers"
    ):
        collect("a.parquet")
    if not isinstance(value, bytes):
        write_jsonl(folder / "a.jsonl", [{"text": None}, {"text": value}])
        with pytest.raises(TokembError, match=r"a.jsonl.*'text'|'text' of a.jsonl"):
            collect("a.jsonl", missing="empty")


@pytest.mark.parametrize("kind", ["jsonl", "parquet", "arrow"])
@pytest.mark.parametrize(("values", "empty"), [(["a", None, "b"], ""), ([["a"], None, []], []), ([1, None], "")])
def test_missing_texts(kind, values, empty, folder):
    if kind == "jsonl":
        write_jsonl(folder / "a.jsonl", [{"text": value, "n": 1} for value in values])
    else:
        table = pa.table({"text": values})
        pq.write_table(table, "a.parquet")
        feather.write_feather(table, "a.arrow")
    with pytest.raises(TokembError, match=f"a.{kind}, {'line' if kind == 'jsonl' else 'row'} 2 has no 'text'"):
        collect(f"a.{kind}")
    assert collect(f"a.{kind}", missing="empty")[1] == {"text": empty}


def test_a_missing_token_is_always_an_error(folder):
    write_jsonl(folder / "a.jsonl", [{"text": ["a"]}, {"text": ["a", None]}])
    with pytest.raises(TokembError, match="a.jsonl, line 2 contains a missing token"):
        collect("a.jsonl", missing="empty")


def test_kept_columns_have_their_types_and_nulls(folder):
    table = pa.table(
        {"text": ["a", "b"], "x": pa.array([1, None], pa.int8()), "y": [[1.5], None], "z": [{"a": 1}, None]}
    )
    pq.write_table(table, "a.parquet")
    feather.write_feather(table, "a.arrow")
    for name in ("a.parquet", "a.arrow"):
        (batch,) = read_corpus(name, keep=["z", "x", "y"])
        assert pa.Table.from_batches([batch]).select(["x", "y", "z"]).equals(table.select(["x", "y", "z"]))
        assert batch.schema.names == ["text", "z", "x", "y"]


def test_kept_columns_of_json(folder, monkeypatch):
    monkeypatch.setattr(texts, "BATCH_BYTES", 60)
    rows = [
        {"text": "a", "i": 1, "f": 1, "s": "2020-01-01", "b": True, "l": [1], "n": None},
        {"text": "b", "i": None, "f": 1.5, "s": None, "b": None, "l": None},
        *({"text": "c", "i": 2, "f": 2.5, "s": "x", "b": False, "l": [], "late": str(i)} for i in range(9)),
    ]
    write_jsonl(folder / "a.jsonl", rows)
    keep = ["i", "f", "s", "b", "l", "n", "late"]
    with monkeypatch.context() as patch:
        patch.setattr(texts, "BATCH_BYTES", 180)
        assert collect("a.jsonl", keep=keep) == [{key: row.get(key) for key in ["text", *keep]} for row in rows]


def test_a_kept_column_must_stay_what_it_was(folder, monkeypatch):
    write_jsonl(folder / "a.jsonl", [{"text": "a", "n": 1}] * 9 + [{"text": "a", "n": "x"}])
    write_csv(folder / "a.csv", [{"text": "a", "label": 1}] * 9 + [{"text": "a", "label": "x"}])
    assert collect("a.csv", keep=["label"])[0]["label"] == "1"
    with pytest.raises(TokembError, match="the column 'n' of a.jsonl contains int and str"):
        collect("a.jsonl", keep=["n"])
    monkeypatch.setattr(texts, "BATCH_BYTES", 30)
    with pytest.raises(TokembError, match="a.jsonl, line 10 has 'x' in the column 'n', which contains integers below"):
        collect("a.jsonl", keep=["n"])
    with pytest.raises(TokembError, match="a.csv, row 10 has 'x' in the column 'label', which contained only integers"):
        collect("a.csv", keep=["label"])


def test_files_must_agree(folder):
    write_csv(folder / "a.csv", [{"text": "a", "label": 1}])
    write_csv(folder / "b.csv", [{"text": "b", "label": "x"}])
    pq.write_table(pa.table({"text": ["c"], "label": pa.array([1], pa.int8())}), "c.parquet")
    write_jsonl(folder / "d.jsonl", [{"text": ["d"], "label": 3}])
    assert collect(["a.csv", "c.parquet"]) == [{"text": "a"}, {"text": "c"}]
    assert collect(["c.parquet", "a.csv"], column="label") == [{"label": "1"}, {"label": "1"}]
    with pytest.raises(TokembError, match="b.csv, row 1 has 'x' in the column 'label', which contained only integers"):
        collect(["a.csv", "b.csv"], keep=["label"])
    with pytest.raises(
        TokembError, match="'label' must be of one type in all files: c.parquet contains int8, .* int64"
    ):
        collect(["a.csv", "c.parquet"], keep=["label"])
    with pytest.raises(TokembError, match="that of d.jsonl contains lists"):
        collect(["a.csv", "d.jsonl"])


# CSV


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (["1", "-20"], [1, -20]),
        (["1", ""], [1, None]),
        (["1", "2.5", "1e3", ".5"], [1.0, 2.5, 1000.0, 0.5]),
        (["007", "1"], ["007", "1"]),
        (["NA", ""], ["NA", ""]),
        (["", ""], ["", ""]),
        (["12345678901234567890", "1"], ["12345678901234567890", "1"]),
        (["true", "false"], ["true", "false"]),
        (["2020-01-01", "x"], ["2020-01-01", "x"]),
        (["0x10", "1"], ["0x10", "1"]),
        (["9007199254740993", "1"], [2**53 + 1, 1]),
        (["9007199254740993", "0.5"], ["9007199254740993", "0.5"]),
        (["0.5", "9007199254740993"], ["0.5", "9007199254740993"]),
        (["18446744073709551616"], ["18446744073709551616"]),
        (["1e999", "NaN"], ["1e999", "NaN"]),
    ],
)
def test_types_of_kept_csv_columns(values, expected, folder):
    write_csv(folder / "a.csv", [{"text": "t", "label": value} for value in values])
    assert [row["label"] for row in collect("a.csv", keep=["label"])] == expected


@pytest.mark.parametrize(
    ("first", "later", "message"),
    [
        ("0.5", "9007199254740993", "numbers of at most 15 digits before the decimal point"),
        ("1", "9223372036854775808", "integers of at most 18 digits"),
    ],
)
def test_csv_number_that_would_lose_digits_in_a_later_block_is_an_error(first, later, message, folder, monkeypatch):
    monkeypatch.setattr(texts, "BATCH_BYTES", 1)
    (folder / "a.csv").write_text(f"text,label\na,{first}\nb,{later}\n")
    with pytest.raises(
        TokembError, match=f"a.csv, row 2 has '{later}' in the column 'label', which contained only {message}"
    ):
        collect("a.csv", keep=["label"])


def test_csv_texts_stay_as_they_are(folder):
    rows = ["007", "NA", "", "null", " a ", "1.50", 'q""q', "true", "l1\r\nl2"]
    write_csv(folder / "a.csv", [{"text": row, "label": 1} for row in rows])
    assert [row["text"] for row in collect("a.csv")] == rows


def test_csv_without_a_header(folder):
    (folder / "a.csv").write_bytes(b'\xef\xbb\xbf"x, y",1\nz,2\n')
    assert collect("a.csv", header=False, column="0", keep=["1"]) == [{"0": "x, y", "1": 1}, {"0": "z", "1": 2}]


def test_empty_lines_of_csv(folder):
    (folder / "one.csv").write_text("text\na\n\nb\n")
    (folder / "two.csv").write_text("text,n\na,1\n\nb,2\n\n\n")
    assert [row["text"] for row in collect("one.csv")] == ["a", "", "b"]
    assert [row["text"] for row in collect("two.csv")] == ["a", "b"]


@pytest.mark.parametrize("block", [1, 16, 1 << 20])
@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("text,n\na,1\nb\n", "a.csv, row 2 has 1 fields, but the first row has 2"),
        ('text,n\n"a\n",1\nb,2,3\n', "a.csv, row 2 has 3 fields, but the first row has 2"),
        ('text,n\na,1\nb,"2\nc,3\n', "a.csv ends within the quoted field that starts on line 3: close it"),
        ("text,text\na,b\n", "a.csv has more than one column 'text'"),
    ],
)
def test_broken_csv(content, message, block, folder, monkeypatch):
    monkeypatch.setattr(texts, "BATCH_BYTES", block)
    (folder / "a.csv").write_text(content)
    with pytest.raises(TokembError, match=message):
        collect("a.csv")


def test_a_byte_order_mark(folder):
    (folder / "a.csv").write_bytes(b"\xef\xbb\xbftext,n\na,1\n")
    (folder / "a.jsonl").write_bytes(b'\xef\xbb\xbf{"text": "a"}\n')
    assert collect(["a.csv", "a.jsonl"]) == [{"text": "a"}] * 2


# JSON Lines


@pytest.mark.parametrize("block", [1, 16, 1 << 20])
@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"text":"a"}\n[1]\n', r"line 2 must be a JSON object; it is \[1\]"),
        ('{"text":"a"}\n{"text":\n', "line 2 is not JSON: Expecting value at character 9"),
        ('{"text":"a"}\n\n{"text":"b"}\n', "line 2 is empty"),
        ('{"text":"a"}\n\n\n \n{"text":"b"}\n', "line 2 is empty"),
        ('\n{"text":"b"}\n', "line 1 is empty"),
        ('{"text":"a"}\n{"n":1}\n', "line 2 has no 'text'"),
        ('{"text":"a"}\n{"text":"\\udc00"}\n', "line 2 has .* which contains texts without lone surrogates"),
        ('{"text":"a"}\n{"text":5}\n', "line 2 has 5 in the column 'text', which contains texts"),
        (
            '{"text":5}\n{"text":9223372036854775808}\n',
            "line 2 has 9223372036854775808 in the column 'text', which contains integers below",
        ),
        ('{"text":5}\n{"text":1.0}\n', "line 2 has 1.0 in the column 'text', which contains integers below"),
        ('{"text":"a"}\n' + "[" * 100_000 + "\n", "line 2 cannot be read as JSON: it is nested too deeply"),
    ],
)
def test_broken_json(content, message, block, folder, monkeypatch):
    monkeypatch.setattr(texts, "BATCH_BYTES", block)
    (folder / "a.jsonl").write_text(content)
    with pytest.raises(TokembError, match=f"a.jsonl, {message}"):
        collect("a.jsonl")


def test_empty_lines_at_the_end_of_json(folder):
    for end in ("", "\n", "\n\n", "\r\n \r\n", "\n\n  "):
        (folder / "a.jsonl").write_bytes(b'{"text":"a"}\r\n{"text":"b"}' + end.encode())
        assert collect("a.jsonl") == [{"text": "a"}, {"text": "b"}]


@pytest.mark.skipif(sys.platform != "linux", reason="peak memory is read as Linux tells it")
def test_memory_does_not_follow_the_size_of_the_file(folder):
    line = json.dumps({"text": "some words " * 50, "label": 1}).encode() + b"\n"
    (folder / "a.jsonl.gz").write_bytes(gzip.compress(line * 60_000, 1) * 20)  # 690 MB
    run = python(
        "import tokemb\n"
        "from tests.peak import peak\n"
        "before = peak()\n"
        "print(sum(map(len, tokemb.read_corpus('a.jsonl.gz', keep=['label']))), (peak() - before) // 1024)"
    )
    assert run.returncode == 0, run.stderr
    rows, grown = map(int, run.stdout.split())
    assert rows == 1_200_000
    assert grown < 330  # MiB on Linux


@pytest.mark.parametrize(("kind", "settings"), [("csv", {}), ("csv", {"quoting": "none"}), ("jsonl", {})])
def test_types_of_kept_columns_do_not_depend_on_the_final_newline(tmp_path, kind, settings):
    rows = {"csv": b"text,n\na,2\nb,1.5", "jsonl": b'{"text":"a","n":2}\n{"text":"b","n":1.5}'}[kind]
    for end in (b"", b"\n"):
        (tmp_path / f"x.{kind}").write_bytes(rows + end)
        (batch,) = tokemb.read_corpus(tmp_path / f"x.{kind}", column="text", keep=["n"], **settings)
        assert batch.to_pydict() == {"text": ["a", "b"], "n": [2.0, 1.5]}
