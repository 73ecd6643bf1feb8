"""Files that are not text, read as text, CSV or JSON Lines."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import pickle
import sqlite3
import tarfile
import zipfile

import numpy as np
import pyarrow as pa
import pyarrow.feather as feather
import pyarrow.parquet as pq
import pytest

import tokemb
from tests.conftest import MIXED, command_here
from tests.sources.test_read_corpus import collect, zstd
from tokemb import TokembError
from tokemb.sources import texts

LINES = "".join(f"row {number}\n" for number in range(40))
CYRILLIC = "Привет, мир!\nКак дела?\n" * 20


def archive(kind):
    sink = io.BytesIO()
    if kind == "zip":
        with zipfile.ZipFile(sink, "w") as file:
            file.writestr("a.txt", LINES)
    else:
        with tarfile.open(fileobj=sink, mode="w", format=kind) as file:
            info = tarfile.TarInfo("a.txt")
            info.size = len(LINES)
            file.addfile(info, io.BytesIO(LINES.encode()))
    return sink.getvalue()


def written(write, content):
    sink = io.BytesIO()
    write(content, sink)
    return sink.getvalue()


def database():
    connection = sqlite3.connect(":memory:")
    connection.execute("CREATE TABLE a (text)")
    return connection.serialize() if hasattr(connection, "serialize") else b"SQLite format 3\0" + bytes(100)


TABLE = pa.table({"text": ["a", "b"]})
CONTENTS = {
    "gzip": (gzip.compress(LINES.encode()), "contains gzip data, not text: decompress it, .* ends in .gz"),
    "bzip2": (bz2.compress(LINES.encode()), "contains bzip2 data"),
    "empty bzip2": (bz2.compress(b""), "contains bzip2 data"),
    "xz": (lzma.compress(LINES.encode()), "contains xz data"),
    "zstd": (zstd(LINES.encode()), "contains zstd data"),
    "zip": (archive("zip"), "contains a ZIP archive"),
    "tar": (archive(tarfile.PAX_FORMAT), "contains a tar archive"),
    "GNU tar": (archive(tarfile.GNU_FORMAT), "contains a tar archive"),
    "parquet": (written(pq.write_table, TABLE), 'contains a Parquet file, not text: pass format="parquet"'),
    "arrow": (written(feather.write_feather, TABLE), 'contains Arrow data, not text: pass format="arrow"'),
    "numpy": (written(lambda array, sink: np.save(sink, array), np.zeros(3)), "contains a NumPy array"),
    "pickle": (pickle.dumps(["a", "b"]), "contains a Python pickle"),
    "old pickle": (pickle.dumps(["a", "b"], 2), "contains a Python pickle"),
    "HDF5": (b"\x89HDF\r\n\x1a\n" + bytes(100), "contains an HDF5 file"),
    "SQLite": (database(), "contains an SQLite database"),
    "PDF": (b"%PDF-1.7\n1 0 obj\n", "contains a PDF document"),
    "PNG": (b"\x89PNG\r\n\x1a\n" + bytes(100), "contains an image"),
    "JPEG": (b"\xff\xd8\xff\xe0" + bytes(100), "contains an image"),
    "integers": (np.arange(100, dtype=np.int32).tobytes(), "contains binary data, not text: .* of its first 400 bytes"),
    **{
        f"{encoding} {language} {mark!r}": (
            (mark + text).encode(encoding),
            f"is {name or encoding.upper()}, but .*UTF-8",
        )
        for encoding in ("utf-16le", "utf-16be", "utf-32le", "utf-32be")
        for language, text in (("English", LINES), ("Russian", CYRILLIC), ("short", "a\nb\n"))
        for mark, name in (("", None), ("\ufeff", encoding[:6].upper()))
    },
}


@pytest.mark.parametrize("name", ["a.txt", "a.csv", "a.tsv", "a.jsonl", "a.log", "a.txt.gz"])
@pytest.mark.parametrize("content", CONTENTS)
def test_binary_content_of_a_text_file_is_an_error_that_names_it(tmp_path, name, content):
    data, message = CONTENTS[content]
    path = tmp_path / name
    path.write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
    for errors in ("strict", "replace"):
        with pytest.raises(TokembError, match=rf"{name} {message}"):
            collect(path, errors=errors)


@pytest.mark.parametrize("block", [1, 100, 1 << 20])
@pytest.mark.parametrize(
    "text",
    [
        *MIXED,
        "\0",
        "\0\n\0\n",
        "a\0b\0",
        "PK and PAR1, ARROW1, BZh9, %PDF and GIF89a",
        "x" * 5000 + "\0" * 5000,
        "中文\0\n" * 50,
        "path/to/a\0path/to/b\0" * 300,
    ],
)
def test_text_with_nul_characters_is_read_as_it_is(tmp_path, monkeypatch, block, text):
    monkeypatch.setattr(texts, "BATCH_BYTES", block)
    path = tmp_path / "a.txt"
    path.write_text(text + "\n", encoding="utf-8", newline="")
    assert [row["text"] for row in collect(path)] == [line.removesuffix("\r") for line in text.split("\n")]


@pytest.mark.any_message  # it names options of iconv
def test_command_says_how_to_convert_a_file_that_is_utf_16(tmp_path):
    (tmp_path / "a.txt").write_bytes("Grüße\n".encode("utf-16"))
    run = command_here("fit-vocab", "a.txt", "-o", "v", cwd=tmp_path)
    assert run.returncode == 1
    assert run.stderr.decode() == (
        "Error: a.txt is UTF-16, but files must be UTF-8: convert it, for example with iconv -f UTF-16 -t UTF-8\n"
    )
    assert not (tmp_path / "v").exists()


# JSON


def test_json_file_of_json_lines_is_read_and_skipped_in_folders(tmp_path):
    rows = [{"text": "a"}, {"text": "b"}]
    (tmp_path / "a.json").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (tmp_path / "b.json.gz").write_bytes(gzip.compress(b'{"text": "c"}\n'))
    (tmp_path / "c.txt").write_text("d\n")
    assert collect(tmp_path / "a.json") == rows
    assert collect(str(tmp_path / "*.json*")) == [*rows, {"text": "c"}]
    assert collect(tmp_path) == [{"text": "d"}]
    assert collect(tmp_path / "a.json", format="text") == [{"text": json.dumps(row)} for row in rows]


@pytest.mark.parametrize("content", ['[{"text": "a"}]', '[\n  {"text": "a"}\n]\n', '\ufeff["a", "b"]'])
@pytest.mark.parametrize("name", ["a.json", "a.jsonl"])
def test_json_array_is_an_error_that_says_what_to_write(tmp_path, name, content):
    (tmp_path / name).write_text(content, encoding="utf-8")
    with pytest.raises(TokembError, match=f"{name} contains a JSON array, not JSON Lines: write one object per line"):
        collect(tmp_path / name)


def test_json_document_of_several_lines_is_an_error(tmp_path):
    (tmp_path / "a.json").write_text(json.dumps({"text": "a"}, indent=2))
    with pytest.raises(TokembError, match=r"a\.json, line 1 is not JSON: .*; every line must be one JSON object"):
        collect(tmp_path / "a.json")


# Delimiters


@pytest.mark.parametrize(
    ("name", "content", "settings", "separator"),
    [
        ("a.csv", "text;label\na, b;1\n", {}, ";"),
        ("a.csv", 'text;label\n"a; b";1\n', {}, ";"),
        ("a.csv", "text\tlabel\na\t1\n", {}, r"\\t"),
        ("a.csv", "text|label", {}, r"\|"),
        ("a.csv", "text;label\n", {}, ";"),
        ("a.tsv", "text,label\na,1\nb,2\n", {}, ","),
        ("a.csv", "a;1\nb;2\nc;3\n", {"header": False}, ";"),
        ("a.csv", '"a";1\n"b";2\n', {"header": False}, ";"),
        ("a.csv", '"text";"label"\n"a";"1"\n', {}, ";"),
        ("a.data", "a;1\nb;2\nc;3\n", {"header": False, "format": "csv"}, ";"),
    ],
)
def test_other_delimiter_than_that_of_the_format_is_an_error(tmp_path, name, content, settings, separator):
    (tmp_path / name).write_text(content)
    with pytest.raises(TokembError, match=f'{name}.* pass delimiter="{separator}"'):
        collect(tmp_path / name, **settings)
    delimiter = separator.replace("\\\\t", "\t").removeprefix("\\")
    assert len(next(tokemb.sources.corpus.read_table(tmp_path / name, delimiter=delimiter, **settings)).schema) == 2


@pytest.mark.parametrize(
    ("content", "settings"),
    [
        ("text\na; b\nc; d\ne; f\n", {}),
        ("a; b\nc\nd\n", {"header": False}),
        ("a; b\nc; d; e\nf; g\n", {"header": False}),
        ("text;label\na;1\nb;2\n", {"delimiter": ","}),
        ("a;1\nb;2\nc;3\n", {"header": False, "delimiter": ","}),
    ],
)
def test_one_column_of_texts_with_semicolons_is_read(tmp_path, content, settings):
    (tmp_path / "a.csv").write_text(content)
    lines = content.splitlines()[0 if "header" in settings else 1 :]
    assert [text for row in collect(tmp_path / "a.csv", **settings) for text in row.values()] == lines
