"""What Spark's workers make of the lines of files, without a cluster."""

from __future__ import annotations

import re

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tokemb
from tokemb.errors import TextError, TokembError

pytest.importorskip("pyspark", reason="pyspark is not installed")
pytestmark = [pytest.mark.spark, pytest.mark.filterwarnings("ignore")]

from tokemb.integrations.spark.file_rows import (  # noqa: E402
    LINE_COLUMNS,
    Reading,
    parse_partition,
    probe_partition,
    probed,
)

BOM = b"\xef\xbb\xbf"
_FIELDS = [
    b"1",
    b"2.5",
    b"",
    b"x y",
    b'"',
    b'""',
    b'"a, ""b"',
    b'"m\nn"',
    b"007",
    b"\xff",
    b"\0",
    BOM,
    b"\xc3\xa9",
    b"\r",
]
_VALUES = ["1", "1.5", "9007199254740993", "18446744073709551616", "NaN", "null", '"a"', r'"\ud800"', "[1]", '{"x":1}']
_LINES = [*(f'{{"text":"a","n":{value}}}' for value in _VALUES), '{"text":"a"}', "", "[]", '{"text":"b","text":"c"}']


def lines_of(data: bytes, cuts: list[int], rows: int) -> list[pa.RecordBatch]:
    """Return the batches that Hadoop's readers make: a part has the lines that start after its first byte."""
    bounds = [0, *sorted({cut for cut in cuts if 3 < cut < len(data)}), len(data)]
    content, position, found = data.removeprefix(BOM), len(data) - len(data.removeprefix(BOM)), []
    for line in content.split(b"\n")[: None if content and not content.endswith(b"\n") else -1]:
        part = next(k for k in range(len(bounds) - 1) if position <= bounds[k + 1])
        found.append((line + b"\n", "file:/x", bounds[part], bounds[part + 1] - bounds[part], len(data)))
        position += len(line) + 1
    types = [pa.binary(), pa.string(), pa.int64(), pa.int64(), pa.int64()]
    return [
        pa.record_batch(
            [
                pa.array(column, kind)
                for column, kind in zip(zip(*found[k : k + rows], strict=True), types, strict=True)
            ],
            names=list(LINE_COLUMNS),
        )
        for k in range(0, len(found), rows)
    ]


def on_spark(data: bytes, reading: Reading, cuts: list[int], rows: int) -> list[dict]:
    text = pa.schema([("text", pa.large_string())])
    first = (text, ["text"])
    if reading.kind != "text":
        probes = list(probe_partition(iter(lines_of(data, [], rows)), reading=reading))
        if not probes:
            return []
        first = probed(probes[0]["schema"][0].as_py())
    parts = lines_of(data, cuts if reading.can_split else [], rows)
    found = parse_partition(iter(parts), reading=reading, schema=first[0], names=first[1], result=first[0])
    return [row for batch in found for row in batch.to_pylist()]


def check_equal(data: bytes, reading: Reading, cuts: list[int], rows: int, path) -> None:
    path.write_bytes(data)
    settings = {"format": reading.kind, "errors": reading.errors, "quoting": reading.quoting}
    try:
        batches = tokemb.read_corpus(path, column="text", keep=reading.keep, **settings)
        local = [row for batch in batches for row in batch.to_pylist()]
    except TokembError as error:
        with pytest.raises(TokembError) as raised:
            on_spark(data, reading, cuts, rows)
        if not cuts and not str(error).startswith("no row of the files has"):  # Spark requires all columns at once
            assert re.sub(r"\S*/x\b", "x", str(raised.value)) == str(error).replace(str(path), "x")
        return
    assert repr(on_spark(data, reading, cuts, rows)) == repr(local)


@st.composite
def contents(draw):
    kind = draw(st.sampled_from(["text", "csv", "tsv", "jsonl"]))
    start, end = draw(st.sampled_from([b"", b"", BOM, BOM + BOM])), draw(st.sampled_from([b"\n", b"\r\n"]))
    if kind == "jsonl":
        rows = draw(st.lists(st.sampled_from(_LINES[:1] * 9 + _LINES), max_size=6))
        return kind, ("n",), start + end.join(row.encode() for row in rows)
    separator = {"csv": b",", "tsv": b"\t", "text": b" "}[kind]
    fields = st.sampled_from(_FIELDS)
    rows = draw(st.lists(st.lists(fields, min_size=2, max_size=2).map(separator.join), max_size=6))
    head = [] if kind == "text" else [separator.join(draw(st.permutations([b"text", b"n"])))]
    return kind, () if kind == "text" else ("n",), start + end.join([*head, *rows, b""])


@given(
    contents(),
    st.sampled_from(["strict", "replace"]),
    st.lists(st.integers(0, 60), max_size=2),
    st.sampled_from([1, 2, 9]),
)
def test_lines_of_any_parts_give_the_rows_and_the_errors_of_the_local_reader(
    tmp_path_factory, content, errors, cuts, rows
):
    kind, keep, data = content
    reading = Reading(kind, "text", (), keep, (), errors, True, None)
    check_equal(data, reading, cuts, rows, tmp_path_factory.getbasetemp() / "x")


@pytest.mark.parametrize(
    "data",
    ["Grüße aus\nKöln".encode("utf-16-le"), "Grüße aus\nKöln\n".encode("utf-16-be"), b"PK\3\4\n", b"a\r\nb\r", BOM],
)
def test_whole_files_are_checked_and_keep_their_last_bytes(tmp_path, data):
    check_equal(data, Reading("text", "text", (), (), (), "strict", True, None), [], 1, tmp_path / "x")


def test_file_of_which_lines_are_missing_is_an_error():
    reading = Reading("text", "text", (), (), (), "strict", True, None)
    schema = pa.schema([("text", pa.large_string())])
    parts = lines_of(b"a\nb\nlong\n", [], 9)
    with pytest.raises(TextError, match="/x has 9 bytes, and Spark read 4: it was changed meanwhile"):
        list(parse_partition(iter([parts[0][:2]]), reading=reading, schema=schema, names=["text"], result=schema))


@pytest.mark.parametrize("ending", [b"\n", b"\r\n"])
def test_compressed_lines_of_which_only_the_last_may_lack_a_newline_after_cr_are_an_error(ending):
    reading = Reading("text", "text", (), (), (), "strict", True, None)
    schema = pa.schema([("text", pa.large_string())])

    def rows(data):
        parts = [part.set_column(1, "path", pa.array(["file:/x.gz"] * len(part))) for part in lines_of(data, [], 2)]
        found = parse_partition(iter(parts), reading=reading, schema=schema, names=["text"], result=schema)
        return [row["text"] for batch in found for row in batch.to_pylist()]

    assert rows(b"a" + ending + b"b\n" + b"c") == ["a", "b", "c"]
    assert rows(b"a\r\nb\r\n") == ["a", "b"]
    with pytest.raises(TextError, match=r"/x.gz has lines that end in .n and a last one that ends in .r, and Spark"):
        rows(b"a" + ending + b"b\nc\r")


def test_split_file_without_rows_has_no_columns_to_compare():
    reading, schema = Reading("tsv", "text", (), (), (), "strict", True, None), pa.schema([("text", pa.string())])
    parts = lines_of(b"text\tn\n", [4], 9)
    assert list(parse_partition(iter(parts), reading=reading, schema=schema, names=[], result=schema)) == []
