"""Quotes in CSV and TSV: enclosing fields, or text."""

from __future__ import annotations

import csv
import io
import logging

import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import tokemb
from tests.conftest import DATA, command_here, ok
from tokemb.errors import ArgumentError, TextError
from tokemb.sources import texts
from tokemb.sources.corpus import read_table

TWEETS = 'label\ttext\n0\t"Never again\n1\tso "good"\n0\t"so so"\n1\t""\n0\tbye"\n'
TWEET_ROWS = ['"Never again', 'so "good"', '"so so"', '""', 'bye"']


def table_of(file, **settings):
    return pa.Table.from_batches(list(read_table(file, **settings)))


def rows_of(file, **settings):
    return [list(row.values()) for row in table_of(file, header=False, **settings).to_pylist()]


def rows_of_python(content, delimiter, quoting):
    """The records that Python's csv module reads, or ``None`` where they are not all of one length."""
    python = {"minimal": csv.QUOTE_MINIMAL, "none": csv.QUOTE_NONE}[quoting]
    try:
        records = list(csv.reader(io.StringIO(content, newline=""), delimiter=delimiter, quoting=python, strict=True))
    except csv.Error:
        return None
    first = next((record for record in records if record), [""])
    if len(first) == 1:
        records = [record or [""] for record in records]
    else:
        records = [record for record in records if record]
    return records if all(len(record) == len(first) for record in records) else None


@given(
    st.one_of(
        st.text(alphabet='",\t\n\ra '),
        st.lists(st.sampled_from(['"', '""', ",", "\t", "\n", "\r\n", "a", '"a"', '"\n"', '"a""b,\n"', '\n"'])).map(
            "".join
        ),
    ),
    st.sampled_from([",", "\t", ";"]),
    st.sampled_from(["minimal", "none"]),
    st.sampled_from([1, 5, 1 << 20]),
)
@example('"a"b,c\n', ",", "minimal", 1 << 20)
@example('a,"b\nc,d', ",", "minimal", 1)
def test_rows_are_those_of_python_or_an_error(tmp_path_factory, content, delimiter, quoting, block):
    file = tmp_path_factory.mktemp("quoting") / "x.csv"
    file.write_bytes(content.encode())
    expected = rows_of_python(content, delimiter, quoting)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(texts, "BATCH_BYTES", block)
        if expected is None:
            with pytest.raises(TextError, match=r"x\.csv"):
                rows_of(file, delimiter=delimiter, quoting=quoting)
        else:
            assert rows_of(file, delimiter=delimiter, quoting=quoting) == expected


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("x.tsv", {}),
        ("x.tsv", {"quoting": "none"}),
        ("x.data", {"format": "tsv"}),
        ("x.txt", {"delimiter": "\t"}),
        ("x.csv", {"delimiter": "\t"}),
    ],
)
@pytest.mark.parametrize("block", [1, 1 << 20])
def test_tsv_with_quotes_in_fields_keeps_every_row(tmp_path, monkeypatch, name, settings, block):
    monkeypatch.setattr(texts, "BATCH_BYTES", block)
    (tmp_path / name).write_text(TWEETS)
    assert table_of(tmp_path / name, **settings)["text"].to_pylist() == TWEET_ROWS
    batches = tokemb.read_corpus(tmp_path / name, keep=["label"], **settings)
    assert [row for batch in batches for row in batch["text"].to_pylist()] == TWEET_ROWS


def test_csv_with_quoting_none_keeps_quotes_as_text(tmp_path):
    (tmp_path / "x.csv").write_text('a,b\n"1,"2\n3",""\n')
    assert table_of(tmp_path / "x.csv", quoting="none").to_pydict() == {"a": ['"1', '3"'], "b": ['"2', '""']}


@pytest.mark.skipif(not (DATA / "sms_spam").exists(), reason="the corpus is not at hand")
def test_sms_messages_with_quotes_are_one_row_per_line():
    file = DATA / "sms_spam" / "sms.tsv"
    lines = file.read_bytes().decode().removesuffix("\n").split("\n")
    assert len(lines) == 5574
    assert rows_of(file) == [line.split("\t") for line in lines]


@pytest.mark.parametrize("block", [1, 1 << 20])
@pytest.mark.parametrize(
    ("content", "line"),
    [('a,b\n1,2\n"x"y,3\n', 3), ('a,b\n1,"x\n""y"z\n', 3), ('a,b\n"1" ,2\n', 2), ('""a,b\n', 1), ('\ufeff"a"b,c\n', 1)],
)
def test_text_after_a_closing_quote_is_an_error_that_names_the_line(tmp_path, monkeypatch, block, content, line):
    monkeypatch.setattr(texts, "BATCH_BYTES", block)
    (tmp_path / "x.csv").write_text(content, encoding="utf-8")
    with pytest.raises(TextError, match=rf"x\.csv, line {line}: '.' follows a closing quote .* quoting=\"none\""):
        table_of(tmp_path / "x.csv")


@pytest.mark.parametrize("block", [1, 1 << 20])
def test_unclosed_quote_is_an_error_that_names_the_line_where_it_opened(tmp_path, monkeypatch, block):
    monkeypatch.setattr(texts, "BATCH_BYTES", block)
    (tmp_path / "x.csv").write_text('a,b\n"1\n",2\n3,"4 ""\n5,6\n7,8\n')
    with pytest.raises(TextError, match=r"x\.csv ends within the quoted field that starts on line 4: close it"):
        table_of(tmp_path / "x.csv")


@pytest.mark.parametrize("block", [1, 1 << 20])
def test_quoted_field_that_spans_lines_of_a_tsv_gives_one_warning(tmp_path, monkeypatch, caplog, block):
    monkeypatch.setattr(texts, "BATCH_BYTES", block)
    content = 'a\tb\n1\t2\n3\t"4\n\n5"\n6\t"7\n8"\n'
    (tmp_path / "x.tsv").write_text(content)
    with caplog.at_level(logging.WARNING, "tokemb"):
        table = table_of(tmp_path / "x.tsv", quoting="minimal")
    assert table["b"].to_pylist() == ["2", "4\n\n5", "7\n8"]
    (record,) = caplog.records
    assert "x.tsv, line 3: a quoted field spans several lines" in record.getMessage()
    caplog.clear()
    (tmp_path / "x.csv").write_text(content.replace("\t", ","))
    table_of(tmp_path / "x.csv")
    assert not caplog.records


def test_quotes_after_a_byte_order_mark_enclose_the_first_field(tmp_path, monkeypatch):
    monkeypatch.setattr(texts, "BATCH_BYTES", 1)
    (tmp_path / "x.csv").write_text('"a,\n","b"\n1,2\n', encoding="utf-8-sig")
    assert table_of(tmp_path / "x.csv").to_pydict() == {"a,\n": ["1"], "b": ["2"]}


@pytest.mark.parametrize("block", [1, 1 << 20])
def test_byte_order_marks_after_the_start_of_a_file_are_text(tmp_path, monkeypatch, block):
    monkeypatch.setattr(texts, "BATCH_BYTES", block)
    (tmp_path / "x.csv").write_text('a,b\n\ufeffx,1\n\ufeff"y",2\n', encoding="utf-8-sig")
    assert table_of(tmp_path / "x.csv")["a"].to_pylist() == ["\ufeffx", '\ufeff"y"']


def test_wrong_quoting_is_an_error(tmp_path):
    (tmp_path / "x.csv").write_text("a\n1\n")
    (tmp_path / "x.txt").write_text("a\n1\n")
    with pytest.raises(ArgumentError, match="quoting must be one of minimal, none; .* 'all'"):
        read_table(tmp_path / "x.csv", quoting="all")
    with pytest.raises(ArgumentError, match=r"quoting is for CSV and TSV files, but .*x\.txt is read as text"):
        tokemb.read_corpus(tmp_path / "x.txt", quoting="none")


# On the command line


def test_next_command_repeats_the_quoting_and_a_tab_as_delimiter(tmp_path):
    (tmp_path / "x.data").write_text('text\tn\n"a\tb"\t1\n')
    arguments = ("x.data", "--delimiter", r"\t", "--quoting", "minimal")
    run = ok(command_here("fit-vocab", *arguments, "-o", "v", cwd=tmp_path))
    assert r"encode x.data --quoting minimal --delimiter '\t' --vocab v" in run.stderr.decode()
    ok(command_here("encode", *arguments, "--vocab", "v", "-o", "x.npy", cwd=tmp_path))
    run = command_here("encode", "x.data", "--delimiter", r"\t", "--vocab", "v", "-o", "x.npy", cwd=tmp_path)
    assert run.returncode == 1
    assert b"x.data, row 1 has 3 fields, but the first row has 2" in run.stderr


@pytest.mark.parametrize("quoting", [(), ("--quoting", "none")])
def test_command_reads_tsv_without_quoting(tmp_path, quoting):
    (tmp_path / "x.tsv").write_text(TWEETS)
    run = ok(command_here("count", "x.tsv", *quoting, "-o", "counts.parquet", cwd=tmp_path))
    assert b"5 rows" in run.stderr
