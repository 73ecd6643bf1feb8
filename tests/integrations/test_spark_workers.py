"""What Spark's workers and its driver do, without a cluster."""

from __future__ import annotations

import json
import re
from collections import Counter
from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tokemb
from tests.conftest import MIXED, ROOT, python
from tokemb.errors import ArgumentError, MissingPackageError, TextError
from tokemb.sources.columns import Location

pytestmark = pytest.mark.spark

pytest.importorskip("pyspark", reason="pyspark is not installed")

TEXTS = [*MIXED, "the b", "new"]


def batches(texts, size=4):
    for start in range(0, len(texts), size):
        yield pa.RecordBatch.from_pydict({"text": pa.array(texts[start : start + size], pa.string())})


def packed(texts, profile="words", missing="error"):
    from tokemb.integrations.spark.worker import count_partition

    return list(count_partition(batches(texts), column="text", profile=profile, missing=missing))


def tokens_in(batches):
    return sum(len(sizes) // 4 for batch in batches for sizes in batch["sizes"].to_pylist())


@pytest.mark.parametrize("most", [3, 1 << 19])
@pytest.mark.parametrize("profile", ["words", "keras"])
def test_a_partition_is_counted_in_parts_that_add_up(monkeypatch, most, profile):
    from tokemb.integrations.spark.sums import sum_partition

    monkeypatch.setattr("tokemb.integrations.spark.worker.MAX_DISTINCT", most)
    monkeypatch.setattr("tokemb.integrations.spark.sums.BUCKETS", 5)
    monkeypatch.setattr("tokemb.integrations.spark.sums._MERGE_ROWS", most)
    monkeypatch.setattr("tokemb.sources.texts.BATCH_ROWS", most)
    monkeypatch.setattr("tokemb.engine.SMALL_BYTES", 1)
    local = tokemb.TokenCounts.from_texts(TEXTS, profile=profile)
    parts = packed(TEXTS, profile)
    assert (tokens_in(parts) > len(local.tokens) + len(local.row_lengths)) == (most == 3)
    bucket = [bucket for batch in parts for bucket in batch["bucket"].to_pylist()]
    reducers = [[part.filter(pa.array((part["bucket"].to_numpy() % 2) == odd)) for part in parts] for odd in (0, 1)]
    assert {-1, 0, 1, 2, 3, 4} == set(bucket)
    rows = [row for each in reducers for batch in sum_partition(iter(each)) for row in batch.to_pylist()]
    tokens = sorted((row for row in rows if row["token"] is not None), key=lambda row: row["first"])
    counts = [(row["token"], row["count"], row["documents"]) for row in tokens]
    assert counts == list(zip(local.tokens.to_pylist(), local.counts, local.documents, strict=True))
    lengths = {row["length"]: row["count"] for row in rows if row["token"] is None}
    assert lengths == dict(local.row_lengths)
    assert len(rows) == len(tokens) + len(lengths)


@given(st.lists(st.dictionaries(st.text(st.characters(codec="utf-8")), st.integers(1, 1 << 40))), st.integers(0, 9))
def test_what_is_packed_is_unpacked(parts, skipped):
    from tokemb.engine.tally import Tally
    from tokemb.integrations.spark.sums import Sums, pack_tally, unpack_counts

    sums, expected = Sums(), Counter()
    for part in parts:
        numbers = np.array(list(part.values()), np.int64)
        *words, _ = pack_tally(Tally(pa.array(part, pa.large_string()), numbers, numbers, {}), 0)
        for batch in words:
            sums.add(unpack_counts(batch.slice(0, skipped)))
            sums.add(unpack_counts(batch.slice(skipped)))
        expected.update(part)
    result = sums.result()
    assert dict(zip(result["token"].to_pylist(), result["count"].to_pylist(), strict=True)) == dict(expected)


def test_bytes_that_are_no_text_are_an_error():
    from tokemb.integrations.spark.worker import count_partition

    broken = pa.RecordBatch.from_pydict({"text": pa.array([b"fine", b"\xff"], pa.binary()).view(pa.string())})
    with pytest.raises(TextError, match="'text' of partition 0 is corrupt from row 1 on"):
        list(count_partition(iter([broken]), column="text", profile="words", missing="error"))


def test_a_worker_makes_a_vocabulary_once():
    from tokemb.integrations.spark.worker import deserialize_encoder, serialize_encoder

    encoder = tokemb.fit_vocab(TEXTS, profile="keras", oov=False, maxlen=5, padding="pre")
    packs = serialize_encoder(encoder)
    again = deserialize_encoder(packs)
    assert deserialize_encoder(bytes(bytearray(packs))) is again
    assert again.fingerprint == encoder.fingerprint
    np.testing.assert_array_equal(again.encode(TEXTS), encoder.encode(TEXTS))
    others = [deserialize_encoder(serialize_encoder(tokemb.fit_vocab([f"{number}"]))) for number in range(9)]
    assert [other.vocabulary[2] for other in others] == [f"{number}" for number in range(9)]
    from tokemb.integrations.spark import worker

    assert len(worker._cache) <= worker._CACHE_SIZE


@pytest.mark.parametrize("padded", [True, False])
def test_worker_splits_texts_and_encodes_pairs_as_the_encoder_does(padded):
    from tokemb.integrations.spark.worker import pair_partition, serialize_encoder, split_partition

    encoder = tokemb.fit_vocab(TEXTS, start="[CLS]", end="[SEP]")
    settings = {"vocabulary": SimpleNamespace(value=serialize_encoder(encoder)), "missing": "error", "output": "ids"}
    shape = encoder.pad_truncate(9, "pre", None)
    parts = split_partition(batches(TEXTS), column="text", shape=shape, padded=padded, overlap=2, **settings)
    windows = encoder.encode_windows(TEXTS, maxlen=9, overlap=2, padding="pre")
    found = [row for part in parts for row in part.to_pylist()]
    assert [row["start"] for row in found] == windows.start.tolist()
    assert [row["text"] for row in found] == [TEXTS[row] for row in windows.row]
    assert [row["ids"] for row in found] == [ids[padded | (ids != 0)].tolist() for ids in windows.ids]
    shape = encoder.pair_pad_truncate(9, "pre", None, "waterfall")
    second = TEXTS[::-1]
    rows = (
        batch.append_column("b", pa.array(second[4 * number : 4 * number + 4]))
        for number, batch in enumerate(batches(TEXTS))
    )
    parts = pair_partition(rows, columns=("text", "b"), shape=shape, padded=padded, overlap=None, **settings)
    found = [row for part in parts for row in part.to_pylist()]
    pairs = encoder.encode_pairs(TEXTS, second, maxlen=9, padding="pre", pair_truncation="waterfall")
    for name, array in pairs.items():
        rows = [row if padded else row[mask] for row, mask in zip(array, pairs["attention_mask"], strict=True)]
        if padded or name != "attention_mask":
            assert [row[name] for row in found] == [row.tolist() for row in rows]


def with_second(texts, second, size=4):
    """Yield batches of texts and second texts, of another size than the parts that workers make of them."""
    for start in range(0, len(texts), size):
        columns = {"text": texts[start : start + size], "b": second[start : start + size]}
        yield pa.RecordBatch.from_pydict({name: pa.array(column, pa.string()) for name, column in columns.items()})


@pytest.mark.parametrize("overlap", [None, 2])
def test_worker_packs_the_texts_of_its_partition(monkeypatch, overlap):
    from tokemb.integrations.spark.worker import pack_partition, serialize_encoder

    monkeypatch.setattr("tokemb.integrations.spark.worker._PACKED_IDS", 20)
    encoder = tokemb.fit_vocab(TEXTS)
    settings = {"vocabulary": SimpleNamespace(value=serialize_encoder(encoder)), "missing": "error", "output": "x"}
    shape = encoder.pad_truncate(9, "pre", None)
    parts = list(pack_partition(batches(TEXTS), column="text", shape=shape, overlap=overlap, **settings))
    packed = encoder.encode_packed(TEXTS, maxlen=9, padding="pre", overlap=overlap)
    assert len(parts) > 1
    found = pa.Table.from_batches(parts).to_pydict()
    assert list(found) == ["x", "segment_ids", "positions"]
    assert list(found.values()) == [array.tolist() for array in packed[:3]]


@pytest.mark.parametrize("padded", [True, False])
def test_worker_encodes_targets_as_the_encoder_does(padded):
    from tokemb.integrations.spark.worker import serialize_encoder, target_partition

    encoder, target = tokemb.fit_vocab(TEXTS), tokemb.fit_vocab(TEXTS, start="<", end=">")
    vocabularies = {
        name: SimpleNamespace(value=serialize_encoder(each))
        for name, each in (("vocabulary", encoder), ("target_vocabulary", target))
    }
    second, maxlen = TEXTS[::-1], 7 if padded else None
    parts = target_partition(
        with_second(TEXTS, second),
        **vocabularies,
        columns=("text", "b"),
        missing="error",
        output="ids",
        shape=encoder.pad_truncate(9 if padded else None, None, None),
        padded=padded,
        maxlen=maxlen,
        targets_padded=padded,
    )
    found = pa.Table.from_batches(list(parts)).to_pydict()
    assert found["text"] == TEXTS
    targets = target.encode_targets(second, maxlen=maxlen)
    if padded:
        assert found["ids"] == encoder.encode(TEXTS, maxlen=9).tolist()
        assert [found[name] for name in targets._fields] == [array.tolist() for array in targets]
    else:
        assert found["ids"] == [row.tolist() for row in encoder.encode_ragged(TEXTS)]
        rows = [row.tolist() for row in target.encode_ragged(second)]
        assert (found["decoder_ids"], found["next_ids"]) == ([row[:-1] for row in rows], [row[1:] for row in rows])
        assert "weights" not in found


@pytest.mark.parametrize("padded", [True, False])
def test_worker_encodes_tags_as_the_encoder_does(padded):
    from tokemb.integrations.spark.worker import serialize_encoder, tag_partition

    texts = [f"row {number} is {'new ' * (number % 3)}" for number in range(20)]
    tags = [" ".join("BIO"[place % 3] for place in range(len(text.split()))) for text in texts]
    encoder = tokemb.fit_vocab(texts, start="<")
    settings = {"vocabulary": SimpleNamespace(value=serialize_encoder(encoder)), "missing": "error", "output": "ids"}
    shape = encoder.pad_truncate(5 if padded else None, None, None)
    rows = with_second(texts, tags, size=7)
    settings |= {"shape": shape, "padded": padded, "classes": ["O", "B", "I"]}
    found = pa.Table.from_batches(list(tag_partition(rows, columns=("text", "b"), **settings))).to_pydict()
    expected = encoder.encode_tags(texts, tags, classes=["O", "B", "I"], maxlen=5 if padded else None)
    lengths = encoder.encode_ragged([text.split() for text in texts]).lengths
    for name, array in zip(("ids", "tags", "weights"), expected, strict=False):
        assert found[name] == [
            row[: None if padded else size].tolist() for row, size in zip(array, lengths, strict=True)
        ]
    with pytest.raises(TextError, match="partition 0, row 2 has 4 tokens and 3 tags"):
        list(tag_partition(with_second(texts[:2], [tags[0], "B I O"]), columns=("text", "b"), **settings))


ROWS = range(len(TEXTS))
TABLE = {
    "title": TEXTS,
    "shop": [text[:1] for text in TEXTS],
    "tags": [("a|b", "", "b")[row % 3] for row in ROWS],
    "n": [("1.5", None, "")[row % 3] for row in ROWS],
}


@pytest.mark.parametrize("padded", [True, False])
def test_worker_encodes_tables_as_the_encoder_does(padded):
    from tokemb.integrations.spark.tables import serialize_tables, table_partition

    kinds = {"texts": ["title"], "multi": {"tags": "|"}, "numbers": ["n"], "columns": ["shop"]}
    encoder = tokemb.ColumnEncoder.fit(TABLE, **kinds, padding="pre")
    table = pa.table(TABLE).append_column("label", pa.array(ROWS))
    lengths = encoder.lengths({"title": 5, "tags": 3} if padded else None)
    parts = table_partition(
        iter(table.to_batches(max_chunksize=7)),
        tables=SimpleNamespace(value=serialize_tables(encoder)),
        keep=["label"],
        lengths=lengths if padded else None,
        shape=encoder.pad_truncate(None, None),
    )
    found = pa.Table.from_batches(list(parts)).to_pydict()
    assert found.pop("label") == list(ROWS)
    if padded:
        expected = encoder.encode(TABLE, maxlen={"title": 5, "tags": 3})
        assert found == {name: array.tolist() for name, array in expected.items()}
    else:
        for name, rows in encoder.encode_ragged(TABLE).items():
            assert found[name] == [row.tolist() for row in rows]


@pytest.mark.parametrize("most", [3, 1 << 19])
def test_counts_of_the_columns_of_partitions_add_up_to_those_of_the_table(monkeypatch, most):
    from tokemb.integrations.spark import fitting
    from tokemb.integrations.spark.sums import sum_partition
    from tokemb.tables.fitting import FitSettings, TableFit
    from tokemb.tables.selection import Selection

    monkeypatch.setattr(fitting, "MAX_DISTINCT", most)
    selection = Selection.of(["shop", ("shop", "row")], ["title"], {"tags": "|"}, ["n"])
    settings = FitSettings(shared=[["shop", "tags"]], threads=1)
    table = pa.table({**TABLE, "row": [row % 5 for row in ROWS]})
    local, driver = (TableFit(table.column_names, selection, settings) for _ in "12")
    fitting._add(local, table.combine_chunks().to_batches()[0], selection, Location("the table", "row", 1))
    packed = []
    for partition, part in enumerate(table.to_batches(max_chunksize=15)):
        monkeypatch.setattr(fitting, "partition_number", lambda partition=partition: partition)
        batches = iter(pa.Table.from_batches([part]).to_batches(max_chunksize=2))
        packed += fitting.count_columns(batches, selection=selection, settings=settings)
    found = pa.Table.from_batches(list(sum_partition(iter(packed)))).to_pylist()
    for row in found:
        if row["vocabulary"] == fitting._STATISTICS:
            fitting._add_statistics(driver, json.loads(row["token"]))
    assert driver.rows == len(ROWS)
    assert [(fit.missing, fit.sums) for fit in driver.numbers] == [(fit.missing, fit.sums) for fit in local.numbers]
    for number, fit in enumerate(local.vocabularies):
        counts, rows = fit.counts(), [row for row in found if row["vocabulary"] == number]
        tokens = {row["token"]: (row["count"], row["documents"]) for row in rows if row["token"] is not None}
        both = zip(counts.counts.tolist(), counts.documents.tolist(), strict=True)
        assert tokens == dict(zip(counts.tokens.to_pylist(), both, strict=True))
        assert {row["length"]: row["count"] for row in rows if row["token"] is None} == dict(counts.row_lengths)


def test_cell_that_holds_no_number_is_an_error_that_names_the_partition_and_the_row():
    from tokemb.integrations.spark.tables import serialize_tables, table_partition

    encoder = tokemb.ColumnEncoder.fit({"c": ["x"], "n": [1.0]}, columns=["c"], numbers=["n"])
    table = pa.table({"c": ["x"] * 3, "n": ["1", "2", "EUR"]})
    parts = table_partition(
        iter(table.to_batches(max_chunksize=2)),
        tables=SimpleNamespace(value=serialize_tables(encoder)),
        keep=[],
        lengths=None,
        shape=encoder.pad_truncate(None, None),
    )
    with pytest.raises(TextError, match="partition 0, row 3"):
        list(parts)


@given(
    st.dictionaries(st.integers(1, 30), st.integers(1, 20), max_size=12),
    st.integers(1, 12),
    st.none() | st.integers(1, 60),
)
def test_where_to_cut(having, min_count, max_size):
    from tokemb.integrations.spark.counting import _threshold

    counts = np.array(sorted(having, reverse=True), np.int64)
    least, tied, room = _threshold(counts, np.array([having[count] for count in counts], np.int64), min_count, max_size)
    everything = sorted((count for count, times in having.items() for _ in range(times)), reverse=True)
    expected = [count for count in everything if count >= min_count][:max_size]
    assert sorted([c for c in everything if c >= least] + [tied] * room, reverse=True) == expected
    assert room <= having.get(tied, 0)


def test_counts_that_lack_tokens_say_so(tmp_path):
    whole = tokemb.TokenCounts.from_texts(["a a b", "c"])
    some = tokemb.TokenCounts("words", whole.tokens[:1], whole.counts[:1], whole.documents[:1], whole.row_lengths, 2)
    assert (some.total, some.rows, some.distinct) == (4, 2, 3)
    assert tokemb.fit_vocab(some, max_size=1).corpus == tokemb.fit_vocab(whole, max_size=1).corpus
    rule = r"tokens were left out \(2 here\) cannot be "
    with pytest.raises(ArgumentError, match=rule + "added"):
        some + whole
    with pytest.raises(ArgumentError, match=rule + "saved"):
        some.save(tmp_path / "c.parquet")
    with pytest.raises(ArgumentError, match=rule + "split into subwords"):
        tokemb.fit_vocab(some, algorithm="bpe")
    with pytest.raises(ArgumentError, match=rule + "used to grow"):
        tokemb.fit_vocab(whole).grow(some)


@pytest.mark.parametrize(
    ("told", "message"),
    [
        (None, "Spark needs Java, and JAVA_HOME is .*: install Java 17"),
        ('openjdk version "11.0.2" 2019', "Spark needs Java 17 or newer, and .* is Java 11: install"),
        ('java version "1.8.0_2"', "is Java 8: install"),
        ("Bad", "reports no version"),
        ('openjdk version "17.0.15"', None),
        ('openjdk version "21" 2023', None),
    ],
)
def test_java(tmp_path, monkeypatch, told, message):
    from tokemb.integrations.spark.session import require_java

    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    if told is not None:
        (tmp_path / "bin").mkdir()
        java = tmp_path / "bin" / "java"
        java.write_text(f"#!/bin/sh\necho '{told}' >&2\n")
        java.chmod(0o755)
    if message is None:
        require_java()
        return
    with pytest.raises(MissingPackageError, match=message):
        require_java()


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("sys.modules['pyspark'] = None", "pip install tokemb[spark]"),
        ("sys.modules['pandas'] = None", "pip install tokemb[spark]"),
        (
            "import pyspark; pyspark.__version__ = '3.5.1'",
            "tokemb.integrations.spark requires pyspark 4; 3.5.1 is installed: pip install",
        ),
    ],
)
def test_without_the_extra(code, message):
    run = python(f"import sys\n{code}\nimport tokemb.integrations.spark")
    assert "MissingPackageError" in run.stderr and message in run.stderr


def test_the_library_does_not_import_spark():
    run = python(
        "import sys, tokemb\nfor name in tokemb.__all__: getattr(tokemb, name)\nprint('pyspark' in sys.modules)"
    )
    assert run.stdout == "False\n", run.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("fit-vocab t.txt -o v --master local", "--master requires --engine spark"),
        ("fit-vocab t.txt -o v --engine spark --threads 2", "--engine spark does not support --threads"),
        (
            "encode t.txt --vocab v -o i --engine spark --maxlen 3 --dtype int64",
            "--engine spark does not support --dtype",
        ),
        (
            "encode t.txt --vocab v -o i --engine spark --maxlen 3 --rows-per-shard 4",
            "--engine spark does not support --rows-per-shard",
        ),
        ("encode t.txt --vocab v -o - --engine spark --maxlen 3", "Spark writes a folder: pass its path as --output"),
        ("encode t.txt --vocab v -o i --engine spark", "pass --maxlen or --ragged"),
        ("fit-vocab c.parquet -o w --engine spark", "counts are added on this machine"),
        ("fit-vocab x --format documents -o w --engine spark", "--engine spark does not read documents files: leave"),
        ("encode x.conll.gz --tags tags --vocab v -o i --maxlen 3 --engine spark", "does not read conll files: leave"),
        ("fit-vocab x --text a --format conll -o w --engine spark", "does not read conll files: leave it out, or"),
        ("fit-vocab x.csv --text a --ngrams 2 -o w --engine spark", "--engine spark does not support --ngrams"),
        ("fit-vocab x.csv --column a --column b --threads 2 -o w --engine spark", "does not support --threads"),
        (
            "fit-vocab x.csv --column a --column b --group-by c -o w --engine spark",
            "--engine spark does not support --group-by",
        ),
    ],
)
def test_wrong_usage(tmp_path, monkeypatch, arguments, message):
    from click.testing import CliRunner
    from tokemb_cli.main import cli

    monkeypatch.chdir(tmp_path)
    tokemb.fit_vocab(["a"]).save("v")
    tokemb.TokenCounts.from_texts(["a"]).save("c.parquet")
    done = CliRunner().invoke(cli, arguments.split())
    assert (done.exit_code, message in done.output) == (2, True), done.output


def test_what_a_worker_raised_is_raised_here():
    from pyspark.errors import PythonException

    from tokemb.integrations.spark.columns import workers_errors

    told = "An exception was thrown: Traceback\n  File x\n{}\n\n\tat org.apache"
    with pytest.raises(TextError, match="^row 3 has no 'text'$"), workers_errors():
        raise PythonException(told.format("tokemb.errors.TextError: row 3 has no 'text'"))
    with pytest.raises(MissingPackageError, match="workers have no tokemb: install"), workers_errors():
        raise PythonException(told.format("ModuleNotFoundError: No module named 'tokemb'"))
    with pytest.raises(PythonException), workers_errors():
        raise PythonException(told.format("ValueError: x"))


@pytest.mark.parametrize(("library", "shown"), [("datasets", "table['ids']"), ("ray", "made")])
def test_other_libraries_map_over_batches(tmp_path, library, shown):
    pytest.importorskip(library)
    page = (ROOT / "docs" / "spark.md").read_text("utf-8")
    (block,) = re.findall(rf"```python\n((?:import pyarrow as pa\n)?import {library}\n.*?)```", page, re.DOTALL)
    start = "import tokemb\nencoder = tokemb.fit_vocab(['deep learning', 'fun'])\n"
    run = python(f"{start}{block}\nprint({shown})", HF_HOME=str(tmp_path))
    assert run.returncode == 0, run.stderr
    ids = tokemb.fit_vocab(["deep learning", "fun"]).encode(["deep learning", "fun"], maxlen=6).tolist()
    assert str(ids[0]) in run.stdout


def test_documents_are_written_to_parquet_as_the_page_shows(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for label in ("neg", "pos"):
        (tmp_path / "aclImdb" / "train" / label).mkdir(parents=True)
        (tmp_path / "aclImdb" / "train" / label / "0_1.txt").write_text(f"it is {label}")
    page = (ROOT / "docs" / "spark.md").read_text("utf-8")
    (block,) = re.findall(r"```python\n(import pyarrow.parquet.*?)```", page, re.DOTALL)
    exec(block, {"tokemb": tokemb})
    rows = pyarrow.parquet.read_table("train.parquet").to_pylist()
    assert rows == [{"text": f"it is {label}", "label": label} for label in ("neg", "pos")]


@pytest.mark.parametrize("kind", ["arrow", "conll", "documents"])
def test_formats_that_spark_does_not_read_are_refused(kind):
    from tokemb.integrations.spark.files import read_files

    with pytest.raises(ArgumentError, match=f"format must be one of text, csv, tsv, jsonl, parquet; received '{kind}'"):
        read_files(None, ["x"], format=kind)
