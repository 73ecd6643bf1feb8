"""On a real cluster: a master, a worker and two executors, processes of their own on the loopback."""

from __future__ import annotations

import bz2
import filecmp
import gzip
import lzma
import os
import re
import subprocess
import sys
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest

import tokemb
from tests.conftest import MIXED, ROOT, TOKENIZERS

pytest.importorskip("pyspark", reason="pyspark is not installed")
pytestmark = [pytest.mark.spark, pytest.mark.filterwarnings("ignore")]  # the warnings are those of Spark

from tokemb.errors import ArgumentError, MissingPackageError, TextError, TokembError  # noqa: E402
from tokemb.integrations.spark import count_tokens, embed, encode, encode_table, fit_columns, fit_vocab  # noqa: E402
from tokemb.integrations.spark.output import _rename, write_parquet  # noqa: E402
from tokemb.integrations.spark.session import require_java  # noqa: E402

try:
    require_java()
except MissingPackageError as error:
    pytest.skip(str(error), allow_module_level=True)

PATHS = os.pathsep.join([str(ROOT), str(ROOT / "cli")])
# Equally frequent tokens everywhere, rows without text, and the same row in every partition.
TEXTS = [None if row % 11 == 5 else f"row{row % 50} tie{row % 7} {MIXED[row % len(MIXED)]}" for row in range(160)]
SCHEMA = "id int, text string, b array<int>"
LOCAL = [text or "" for text in TEXTS]


# Spark's processes live for seconds: what they compile is not worth the second compiler.
ENVIRONMENT = {
    "JAVA_TOOL_OPTIONS": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC",
    "PYSPARK_PYTHON": sys.executable,
    "PYTHONPATH": PATHS,
    "SPARK_DAEMON_MEMORY": "256m",
    "SPARK_LOCAL_IP": "127.0.0.1",
}


@contextmanager
def process(log: Path, name: str, *arguments: str):
    """One of Spark's own processes, which ends with the block."""
    from pyspark.find_spark_home import _find_spark_home

    command = [f"{_find_spark_home()}/bin/spark-class", f"org.apache.spark.deploy.{name}"]
    with (
        log.open("wb") as file,
        subprocess.Popen(
            [*command, "--host", "127.0.0.1", "--port", "0", "--webui-port", "0", *arguments],
            stdout=file,
            stderr=file,
            env={**os.environ, **ENVIRONMENT},
        ) as running,
    ):
        try:
            yield running
        finally:
            running.terminate()


def wait_for(pattern: str, log: Path) -> str:
    """What a process wrote to its log."""
    for _ in range(600):
        found = re.search(pattern, log.read_text("utf-8", "replace"))
        if found:
            return found[1]
        time.sleep(0.2)
    raise TimeoutError(log.read_text("utf-8", "replace"))


@pytest.fixture(scope="module")
def master(tmp_path_factory):
    here = tmp_path_factory.mktemp("cluster")
    with ExitStack() as stack:
        stack.enter_context(process(here / "master.log", "master.Master"))
        url = wait_for(r"Starting Spark master at (spark://\S+)", here / "master.log")
        own = ("--cores", "2", "--memory", "2g", "--work-dir", str(here / "work"), url)
        stack.enter_context(process(here / "worker.log", "worker.Worker", *own))
        yield url


@pytest.fixture(scope="module")
def session(master, tmp_path_factory):
    from pyspark.sql import SparkSession

    with pytest.MonkeyPatch.context() as patch:
        for name, value in ENVIRONMENT.items():
            patch.setenv(name, value)
        builder = SparkSession.builder.master(master)
        for key, value in {
            "spark.driver.memory": "512m",
            "spark.executor.cores": 1,  # of two, so that there are two executors
            "spark.executor.memory": "512m",
            "spark.locality.wait": 0,
            "spark.sql.codegen.wholeStage": "false",
            "spark.sql.execution.arrow.maxRecordsPerBatch": 9,
            "spark.sql.files.maxPartitionBytes": 20_000,
            "spark.sql.shuffle.partitions": 3,
            "spark.sql.warehouse.dir": tmp_path_factory.mktemp("warehouse"),
            "spark.task.maxFailures": 2,
            "spark.ui.enabled": "false",
            "spark.ui.showConsoleProgress": "false",
        }.items():
            builder = builder.config(key, str(value))
        made = builder.getOrCreate()
        made.sparkContext.setLogLevel("OFF")
        yield made
        made.stop()


def test_cluster_has_two_executors(session):
    """So that what the other tests show, they show of processes that share nothing, as those of two machines."""
    for _ in range(300):
        executors = session.sparkContext._jsc.sc().statusTracker().getExecutorInfos()
        if len(executors) == 3:  # one of them is the driver
            return
        time.sleep(0.2)
    raise AssertionError("the cluster has not started two executors")


def frame(session, partitions, texts=TEXTS):
    rows = [(row, text, [row, row]) for row, text in enumerate(texts)]
    return session.createDataFrame(session.sparkContext.parallelize(rows, partitions), SCHEMA)


def same_folder(encoder, expected, tmp_path):
    encoder.save(tmp_path / "spark")
    expected.save(tmp_path / "local")
    names = ["tokemb.json", "tokenizer.json", "vocabulary.parquet"]
    assert filecmp.cmpfiles(tmp_path / "spark", tmp_path / "local", names, shallow=False)[0] == names


def same_columns(made: Path, expected: Path):
    """Check that two folders of columns have the same files with the same bytes."""
    files, others = ({path.relative_to(root) for path in root.rglob("*.*")} for root in (made, expected))
    assert files == others
    assert [path for path in files if path.suffix in (".json", ".parquet")]
    for path in files:
        assert (made / path).is_dir() or (made / path).read_bytes() == (expected / path).read_bytes(), path


def killing(flag: Path, partition: int):
    """A function on batches that kills its executor with the second batch of a partition, the first time."""

    def pass_on(batches):
        import os
        import signal
        import time

        from pyspark import TaskContext

        for number, batch in enumerate(batches):
            if number == 1 and TaskContext.get().partitionId() == partition and not os.path.exists(flag):
                daemon = os.getppid()
                with open(f"/proc/{daemon}/stat") as file:
                    executor = int(file.read().rsplit(")", 1)[1].split()[1])
                with open(f"/proc/{executor}/cmdline") as file:
                    assert "CoarseGrainedExecutorBackend" in file.read()
                with open(flag, "x") as file:
                    file.write(str(executor))
                os.kill(executor, signal.SIGKILL)
                time.sleep(5)  # until it is dead
            yield batch

    return pass_on


@pytest.mark.parametrize(
    ("partitions", "settings"),
    [
        (1, {"profile": "keras", "max_size": 40}),
        (2, {"max_size": 30, "reserve": ["tie1", "absent"]}),
        (7, {"profile": "keras", "oov": False, "min_count": 4}),
        (7, {"profile": "text-vectorization", "max_size": 20, "min_count": 2, "maxlen": 9}),
        (9, {}),
        (2, {"algorithm": "wordpiece", "max_size": 600}),
    ],
)
def test_vocabulary_has_the_bytes_of_the_local_one_for_any_partitions(session, tmp_path, partitions, settings):
    encoder = fit_vocab(frame(session, partitions), "text", missing="empty", **settings)
    same_folder(encoder, tokemb.fit_vocab(LOCAL, **settings), tmp_path)


def test_sorted_frame_defines_the_order_of_first_occurrence(session, tmp_path):
    shuffled = frame(session, 3).repartition(5, "text").orderBy("id")
    encoder = fit_vocab(shuffled, "text", profile="keras", missing="empty")
    same_folder(encoder, tokemb.fit_vocab(LOCAL, profile="keras"), tmp_path)


def test_counts_without_limits_equal_the_local_counts(session):
    tokens = [text.split() for text in LOCAL]
    lists = session.createDataFrame(session.sparkContext.parallelize([(row,) for row in tokens], 3), "t array<string>")
    counts, local = count_tokens(lists, "t"), tokemb.TokenCounts.from_texts(tokens)
    assert (counts.row_lengths, counts.left_out) == (local.row_lengths, 0)
    columns = ((c.tokens.to_pylist(), c.counts, c.documents) for c in (counts, local))
    spark, here = (sorted(zip(*each, strict=True)) for each in columns)
    assert spark == here


@pytest.mark.parametrize("partitions", [1, 7])
def test_encode_gives_the_ids_of_the_encoder_for_any_partitions(session, partitions):
    bert = TOKENIZERS / "all_minilm_l6_v2" / "tokenizer.json"
    for encoder in (
        tokemb.fit_vocab(LOCAL, max_size=60),
        tokemb.fit_vocab(LOCAL, max_size=60, profile="keras", oov=False),
        tokemb.Encoder.load(bert if bert.exists() else ROOT / "vocab" / "bert.vocab"),
    ):
        df = frame(session, partitions).where("id < 20 or id > 70")
        kept = [row for row in range(len(LOCAL)) if not 20 <= row <= 70]
        texts = [LOCAL[row] for row in kept]
        padded = encode(df, encoder, "text", maxlen=7, padding="pre", missing="empty")
        both = encode(padded, encoder, "text", ragged=True, output="all", missing="empty").collect()
        assert [(row.id, row.text, row.b) for row in both] == [(row, TEXTS[row], [row, row]) for row in kept]
        assert [row.ids for row in both] == encoder.encode(texts, maxlen=7, padding="pre").tolist()
        rows = encoder.encode_ragged(texts)
        assert [row.all for row in both] == [part.tolist() for part in np.split(rows.values, rows.row_splits[1:-1])]


def test_windows_and_pairs_are_those_of_the_encoder(session):
    encoder = tokemb.fit_vocab(LOCAL, max_size=60, start="[CLS]", end="[SEP]")
    df = frame(session, 2)
    windows = encoder.encode_windows(LOCAL, maxlen=9, overlap=2)
    found = encode(df, encoder, "text", maxlen=9, overlap=2, missing="empty").collect()
    assert [row.ids for row in found] == windows.ids.tolist()
    assert [row.start for row in found] == windows.start.tolist()
    pairs = encoder.encode_pairs(LOCAL, LOCAL, maxlen=9)
    found = encode(df, encoder, "text", second="text", maxlen=9, missing="empty").collect()
    for name, array in pairs.items():
        assert [row[name] for row in found] == array.tolist()
    split = encoder.encode_pair_windows(LOCAL, LOCAL, maxlen=9, overlap=2)
    found = encode(df, encoder, "text", second="text", maxlen=9, overlap=2, missing="empty").collect()
    for name, array in {**split.inputs, "start": split.start, "second_start": split.second_start}.items():
        assert [row[name] for row in found] == array.tolist()
    for settings, message in (
        ({"overlap": 9, "maxlen": 9}, "overlap must be smaller"),
        ({"overlap": 9, "maxlen": 9, "second": "text"}, "overlap must be smaller"),
        ({"pair_truncation": "waterfall"}, "pair_truncation must be left out for single texts"),
        ({"second": "no"}, "the DataFrame has no column 'no'"),
    ):
        with pytest.raises(ArgumentError, match=message):
            encode(df, encoder, "text", **settings)


def test_packed_rows_targets_and_tables_are_those_of_the_encoders(session):
    encoder = tokemb.fit_vocab(LOCAL, max_size=60, start="[BOS]", end="[EOS]")
    df = frame(session, 2)
    found = encode(df, encoder, "text", maxlen=9, pack=True, missing="empty").collect()
    halves = [encoder.encode_packed(half, maxlen=9) for half in (LOCAL[:80], LOCAL[80:])]
    for name in ("ids", "segment_ids", "positions"):
        assert [row[name] for row in found] == [row.tolist() for half in halves for row in getattr(half, name)]
    settings = {"targets": "text", "target_maxlen": 5, "missing": "empty"}
    found = encode(df, encoder, "text", maxlen=9, **settings).collect()
    for name, array in encoder.encode_targets(LOCAL, maxlen=5)._asdict().items():
        assert [row[name] for row in found] == array.tolist()
    table = {"text": TEXTS, "b": [[row, row] for row in range(len(TEXTS))], "id": range(len(TEXTS))}
    columns = tokemb.ColumnEncoder.fit(table, texts=["text"], columns=["b"], numbers=["id"])
    found = encode_table(df.withColumn("label", df.id), columns, maxlen={"text": 4, "b": 2}, keep=["label"]).collect()
    for name, array in columns.encode(table, maxlen={"text": 4, "b": 2}).items():
        assert [row[name] for row in found] == array.tolist()
    assert [row.label for row in found] == list(range(len(TEXTS)))
    for settings, message in (
        ({"maxlen": 9, "pack": True, "second": "text"}, "pack must be left out with second"),
        ({"maxlen": 9, "pack": True, "ragged": True}, "ragged must be left out with pack=True"),
        ({"tags": "id"}, "classes must be given with tags on Spark"),
        ({"tags": "text", "classes": ["O"]}, "tags must be another column"),
        ({"classes": ["O"]}, "classes must be left out without tags"),
        ({"tags": "id", "classes": ["O"], "overlap": 1}, "overlap must be left out with tags"),
        ({"pack": True}, "maxlen must be given for packed rows"),
        ({"targets": "text", "overlap": 1, "maxlen": 9}, "overlap must be left out with targets"),
        ({"target_maxlen": 3}, "target_maxlen must be left out without targets"),
        (
            {"targets": "text", "target_encoder": tokemb.fit_vocab(["a"])},
            "target_encoder must be a vocabulary whose rows",
        ),
        ({"targets": "no"}, "the DataFrame has no column 'no'"),
    ):
        with pytest.raises(ArgumentError, match=message):
            encode(df, encoder, "text", **settings)
    for keep, message in ((["no"], "the DataFrame has no column 'no'"), (["text"], "keep must not contain 'text'")):
        with pytest.raises(ArgumentError, match=message):
            encode_table(df, columns, keep=keep)


@pytest.mark.parametrize(
    ("partitions", "settings"),
    [
        (7, {"profile": "keras", "min_count": {"text": 4, "day": 9}, "num_oov_buckets": {"shop": 3}, "salt": 5}),
        (
            2,
            {
                "shared": [["shop", "shop_day"]],
                "algorithm": "bpe",
                "max_size": {"text": 300, "shop": 9},
                "hash_buckets": {"tags": 4},
                "padding": "pre",
                "maxlen": 5,
            },
        ),
    ],
)
def test_columns_have_the_bytes_of_the_local_ones_for_any_partitions(session, tmp_path, partitions, settings):
    rows = [
        (text, f"s{row % 9}", row % 4, f"s{row % 5}| s{row % 3}|", None if row % 13 == 3 else row / 7 - 1e9 * (row % 2))
        for row, text in enumerate(TEXTS)
    ]
    schema = "text string, shop string, day int, tags string, n double"
    df = session.createDataFrame(session.sparkContext.parallelize(rows, partitions), schema)
    kinds = {"texts": ["text"], "columns": ["day", ("shop", "day"), "shop"], "multi": {"tags": "|"}, "numbers": ["n"]}
    fit_columns(df, **kinds, **settings).save(tmp_path / "spark")
    table = {name: list(values) for name, values in zip(df.columns, zip(*rows, strict=True), strict=True)}
    tokemb.ColumnEncoder.fit(table, **kinds, **settings).save(tmp_path / "local")
    same_columns(tmp_path / "spark", tmp_path / "local")


def test_wrong_columns_are_errors(session):
    df = frame(session, 2).selectExpr("id", "text", "cast(id as decimal(9, 2)) as price", "'5 EUR' as n")
    encoder = tokemb.fit_vocab(LOCAL)
    columns = fit_columns(df, texts={"text": encoder}, numbers=["id"])  # nothing but the numbers is fitted
    assert (columns.rows, columns.columns[1].numbers.mean) == (len(TEXTS), (len(TEXTS) - 1) / 2)
    for arguments, message in (
        ({"columns": ["no"]}, "the DataFrame has no column 'no'"),
        ({"numbers": ["id"]}, "at least one column of texts or values"),
        ({"columns": ["price"]}, r"'price' holds decimal128\(9, 2\): pass texts"),
        ({"columns": ["id"], "numbers": ["n"]}, "partition 0, row 1 has '5 EUR' in the column 'n', which must hold"),
        ({"columns": ["id"], "min_count": 2}, "no value of 'id' occurs 2 times in 160 rows"),
        ({"columns": ["id", "text"], "shared": [["id", "no"]]}, "'no' is none of id, text"),
    ):
        with pytest.raises((ArgumentError, TextError, TypeError), match=message):
            fit_columns(df.repartition(1), **arguments)


def test_start_and_end_tokens_are_those_of_the_local_vocabulary(session, tmp_path):
    settings = {"max_size": 9, "reserve": ["[X]"], "start": "[BOS]", "end": "[EOS]"}
    encoder = fit_vocab(frame(session, 3), "text", missing="empty", **settings)
    same_folder(encoder, tokemb.fit_vocab(LOCAL, **settings), tmp_path)
    with pytest.raises(ArgumentError, match="start must be a token that the texts do not contain; the count of 'row1'"):
        fit_vocab(frame(session, 3), "text", missing="empty", max_size=1, start="row1")


def test_embed_gives_the_vectors_of_the_model(session, tmp_path):
    encoder = tokemb.fit_vocab(LOCAL, max_size=60)
    model = tokemb.embedding_model(encoder, 5, seed=1)
    model.save(tmp_path / "m.keras")
    rows = embed(frame(session, 2), encoder, tmp_path / "m.keras", "text", pooling="max", missing="empty").collect()
    expected = tokemb.embed(model, encoder.encode_ragged(LOCAL), pooling="max")
    np.testing.assert_array_equal(np.array([row.vector for row in rows], np.float32), expected)


def test_columns_are_found_by_their_whole_names(session):
    rows = [(("wrong",), "the right text", "other")]
    table = session.createDataFrame(rows, "a struct<b: string>, `a.b` string, `c``d` string")
    encoder = tokemb.fit_vocab(["the right text"])
    assert count_tokens(table, "a.b").tokens.to_pylist() == ["right", "text", "the"]
    row = encode(table, encoder, "a.b", output="e.f").collect()[0]
    assert (row["a"].b, row["c`d"], row["e.f"]) == ("wrong", "other", encoder.encode(["the right text"])[0].tolist())
    columns = tokemb.ColumnEncoder.fit({"c`d": ["other"]}, columns=["c`d"])
    assert encode_table(table, columns, keep=["a.b"]).collect() == [(3, "the right text")]


def test_missing_texts_are_an_error_that_names_the_row(session):
    with pytest.raises(TextError, match=r"^partition [01], row \d+ has no 'text': fill it"):
        count_tokens(frame(session, 2), "text")
    with pytest.raises(Exception, match=r"TextError: partition [01], row \d+ has no 'text': fill it"):
        encode(frame(session, 2), tokemb.fit_vocab(["a"]), "text").collect()


def test_examples_of_the_page_on_spark_run(session, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    page = (ROOT / "docs" / "spark.md").read_text("utf-8")
    names = {"spark": session}
    blocks = re.findall(r"```python\n(.*?)```", page, re.DOTALL)[:3]
    for block in blocks:
        exec(block, names)
    ids = names["encoder"].encode(["deep learning is very deep", "learning is fun"], maxlen=6).tolist()
    assert [(row.label, row.ids) for row in names["ids"].collect()] == [(0, ids[0]), (1, ids[1])]
    assert [row.ids for row in names["rows"].collect()] == [ids[0][:5], ids[1][:3]]
    assert [len(row.vector) for row in names["vectors"].collect()] == [50, 50]
    assert names["counts"].left_out == 2
    assert [row.segment_ids for row in names["packed"].collect()][0][:3] == [1, 1, 1]
    assert [(row.text, row.label) for row in names["table"].collect()] == [(ids[0], 3), (ids[1], 4)]


# The command


def command(*arguments):
    """Run the command in this process, in the session that runs."""
    from click.testing import CliRunner
    from tokemb_cli.main import cli

    done = CliRunner().invoke(cli, [*map(str, arguments)], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.output


def write_corpus(folder: Path, kind: str) -> Path:
    folder.mkdir()
    texts = [text.replace("\n", " ") for text in LOCAL]
    for number, part in enumerate((texts[:20], texts[20:])):
        path = folder / f"{number}.{kind}"
        table = pa.table({"label": list(range(len(part))), "text": part})
        if kind == "txt":
            path.write_bytes(b"\xef\xbb\xbf" + "\r\n".join(part).encode() + b"\r\n")
        elif kind == "csv":
            pa.csv.write_csv(table, path)
        elif kind == "tsv":
            rows = [f"{row}\t" + re.sub(r"[\t\r]", " ", f'"{text}') for row, text in enumerate(part)]
            path.write_bytes("\n".join(["label\ttext", *rows]).encode())
        elif kind == "parquet":
            pq.write_table(table, path, row_group_size=10)
        else:
            path.write_text(table.to_pandas().to_json(orient="records", lines=True, force_ascii=False), "utf-8")
    return folder


@pytest.mark.parametrize("kind", ["txt", "csv", "tsv", "jsonl", "parquet"])
def test_command_fits_the_local_vocabulary_from_every_format(session, tmp_path, kind):
    folder = write_corpus(tmp_path / "corpus", kind)
    spark = ("--engine", "spark", "--format", "text" if kind == "txt" else kind)
    settings = ("--profile", "keras", "--max-size", 50, "--maxlen", 5)
    command("fit-vocab", folder, "-o", tmp_path / "local", *settings)
    told = command("fit-vocab", folder, "-o", tmp_path / "spark", *settings, *spark)
    assert "160 rows" in told
    assert not filecmp.dircmp(tmp_path / "local", tmp_path / "spark").diff_files


def test_command_encodes_to_a_folder_that_a_second_run_replaces(session, tmp_path, caplog):
    folder = write_corpus(tmp_path / "corpus", "parquet")
    command("fit-vocab", folder, "-o", tmp_path / "v", "--max-size", 50)
    encoding = ("encode", folder, "--vocab", tmp_path / "v", "--maxlen", 5, "--keep", "label")
    command(*encoding, "-o", tmp_path / "local.parquet")
    (tmp_path / "spark.parquet").mkdir()
    spark = (*encoding, "-o", tmp_path / "spark.parquet", "--engine", "spark", "--format", "parquet")
    with pytest.raises(AssertionError, match="something at .*spark.parquet that Spark did not write"):
        command(*spark)
    (tmp_path / "spark.parquet").rmdir()
    for _ in "12":  # the second run replaces what the first wrote
        assert "int32 (160, 5); 160 rows" in command(*spark)
    assert not caplog.messages
    (tmp_path / "spark.parquet.tokemb-0123456789ab").mkdir()
    command(*spark)
    (tmp_path / "spark.parquet.tokemb-0123456789ab").rmdir()
    assert "spark.parquet.tokemb-0123456789ab belongs to a run that was killed" in caplog.text
    made, local = (pq.read_table(tmp_path / f"{name}.parquet").to_pylist() for name in ("spark", "local"))
    assert sorted([row["label"], *row["ids"]] for row in made) == sorted([row["label"], *row["ids"]] for row in local)
    assert {path.name for path in tmp_path.iterdir()} == {"corpus", "v", "local.parquet", "spark.parquet"}


def test_command_encodes_windows_of_pairs_as_locally(session, tmp_path):
    rows = [f"{n},{'a b ' * n},{'c d ' * (5 - n)}\n" for n in range(6)]
    (tmp_path / "x.csv").write_text("n,question,answer\n" + "".join(rows))
    tokemb.fit_vocab(["a b c d"], start="<", end=">").save(tmp_path / "v")
    encoding = ["encode", tmp_path / "x.csv", "--vocab", tmp_path / "v", "--maxlen", 9, "--keep", "n"]
    encoding += ["--column", "question", "--column", "answer", "--pair-truncation", "longest_first", "--overlap", 1]
    command(*encoding, "-o", tmp_path / "local.parquet")
    assert "int32 (" in command(*encoding, "-o", tmp_path / "spark.parquet", "--engine", "spark")
    made, local = (pq.read_table(tmp_path / f"{name}.parquet").to_pylist() for name in ("spark", "local"))
    assert len(local) > 6
    for found, expected in zip(made, local, strict=True):
        assert {**found, "n": int(found["n"]), "row": int(found["n"])} == expected  # Spark does not number rows


def test_command_encodes_tables_targets_and_packed_rows_as_locally(session, tmp_path):
    rows = [f"{n},{'a b ' * n},{'c d ' * (5 - n)},{n}|x,{n / 2}\n" for n in range(6)]
    (tmp_path / "x.csv").write_text("n,source,target,tags,price\n" + "".join(rows))
    (tmp_path / "y.csv").write_text("n,text,tags\n0,a b,B O\n1,c d a,O O B\n")
    (tmp_path / "z.csv").write_text((tmp_path / "y.csv").read_text().replace("tags", "ner"))
    tokemb.fit_vocab(["a b c d"], start="<", end=">").save(tmp_path / "v")
    kinds = ("--text", "source,target", "--multi", "tags=|", "--number", "price")
    for name, options in (("columns", ()), ("spark_columns", ("--engine", "spark"))):
        command("fit-vocab", tmp_path / "x.csv", *kinds, *options, "-o", tmp_path / name)
    same_columns(tmp_path / "spark_columns", tmp_path / "columns")
    targets = ("--vocab", tmp_path / "v", "--column", "source", "--targets", "target", "--target-maxlen", 7)
    tags = ("--vocab", tmp_path / "v", "--column", "text", "--tags", "tags", "--classes", "O,B", "--keep", "n")
    for name, file, options in (
        ("table", "x.csv", ("--vocab", tmp_path / "columns", "--keep", "n")),
        ("targets", "x.csv", (*targets, "--keep", "n")),
        ("packed", "x.csv", ("--vocab", tmp_path / "v", "--column", "source", "--pack")),
        ("tagged", "y.csv", tags),
        ("kept", "z.csv", (*tags, "--tags", "ner", "--keep", "ner")),
    ):
        arguments = ("encode", tmp_path / file, *options, "--maxlen", 8)
        command(*arguments, "-o", tmp_path / "local.parquet", "--force")
        for _ in "12":  # the second run replaces what the first wrote
            assert " rows" in command(*arguments, "-o", tmp_path / name, "--engine", "spark")
        made, local = (pq.read_table(tmp_path / folder).to_pylist() for folder in (name, "local.parquet"))
        for row in [*made, *local]:
            row["n"] = str(row.get("n"))
            if "ner" in row:  # a text of a CSV file on Spark, and the list of the tags elsewhere
                row["ner"] = "".join(row["ner"]).replace(" ", "")
        assert sorted(made, key=str) == sorted(local, key=str)
    with pytest.raises(AssertionError, match="--keep must not name tags, which is written beside the ids"):
        command(
            "encode", tmp_path / "y.csv", *tags, "--keep", "tags", "--ragged", "--engine", "spark", "-o", tmp_path / "x"
        )


def test_files_have_the_values_of_the_local_reader_or_are_an_error(session, tmp_path):
    """Spark's readers would take columns of CSV files by position, replace bytes, and round integers."""
    from tokemb.integrations.spark.columns import workers_errors
    from tokemb.integrations.spark.files import read_files

    def rows(name, **settings):
        with workers_errors():
            frame, _ = read_files(session, [str(tmp_path / name)], column="text", keep=["n"], **settings)
            return sorted(map(tuple, frame.collect()))

    for name, content in {
        "order/a.csv": b"text,n\na,1\n",
        "order/b.csv": b"n,text\n2,b\n",
        "bytes.csv": b"text,n\na\xff,1\n",
        "kept.tsv": b"text\tn\na\t\xff1\n",
        "empty.csv": b'text,n\n"",""\nb,\n',
        "numbers.jsonl": b'{"text":"a","n":9007199254740993}\n{"text":"b","n":1.5}\n',
        "json.jsonl": b'{"text":"a","n":null}\n\n{"n":9007199254740993,"text":"\xc3\xa4"}\r\n',
    }.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(content)
    assert rows("order", format="csv") == [("a", 1), ("b", 2)]
    (tmp_path / "header.csv").write_bytes(b"text,n\n")
    paths = [str(tmp_path / name) for name in ("header.csv", "order/b.csv")]
    frame, _ = read_files(session, paths, column="text", keep=["n"])
    assert frame.collect() == [("b", 2)]  # files without rows decide no types
    assert read_files(session, paths[:1], column="text", keep=["n"])[0].collect() == []
    for name in ("bytes.csv", "kept.tsv"):
        with pytest.raises(TextError, match=f"{name}, line 2: byte [0-9]+ .0xff. is not UTF-8"):
            rows(name)
        assert "\ufffd" in "".join(map(str, *rows(name, errors="replace")))
    with pytest.raises(TextError, match="numbers.jsonl, line 1 has 9007199254740993 in the column 'n'"):
        rows("numbers.jsonl")
    assert rows("empty.csv") == [("", ""), ("b", "")]
    with pytest.raises(TextError, match="json.jsonl, line 2 is empty: every line must be a JSON object"):
        rows("json.jsonl")


def test_last_row_of_a_split_text_file_keeps_its_cr(session, tmp_path):
    from tokemb.integrations.spark.files import read_files

    for end in ("\r", "\r\n", "\n"):
        (tmp_path / "x.txt").write_bytes(b"row\n" * 9000 + b"last" + end.encode())
        frame, _ = read_files(session, [str(tmp_path / "x.txt")])
        assert (frame.rdd.getNumPartitions() == 1) == (end == "\r")
        assert [row[0] for row in frame.collect()] == ["row"] * 9000 + ["last\r" if end == "\r" else "last"]


def test_files_that_spark_would_leave_out_confuse_or_convert_are_an_error_or_are_read(session, tmp_path):
    from tokemb.integrations.spark.files import read_files

    def rows(*names, **settings):
        frame, _ = read_files(session, [str(tmp_path / name) for name in names], **settings)
        return [row[0] for row in frame.collect()]

    names = ("1[2].txt", "12.txt", "a b.txt", "a%20b.txt", "_x.txt", "x.txt.xz", "d/1.txt", "d/e/2.txt", "k/n=1/1.txt")
    for name in names:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    for name in names[:4]:
        assert rows(name) == rows(name, in_order=True) == [name]
    assert rows("k", format="text") == ["k/n=1/1.txt"]
    for name, message in {
        "_x.txt": "Spark skips names that begin with _ or ., and .*_x.txt does",
        "x.txt.xz": "Spark does not decompress .xz",
        "d": "Spark reads no subfolders, and .*/d/e/2.txt is in one",
    }.items():
        for kind in ("text", "csv"):
            with pytest.raises(TokembError, match=message):
                rows(name, format=kind)
    for name, texts in {"texts": ["007"], "integers": [7]}.items():
        pq.write_table(pa.table({"text": texts}), tmp_path / f"{name}.parquet")
    with pytest.raises(TextError, match="'text' must be of one type in all files: .*integers.parquet contains bigint"):
        rows("texts.parquet", "integers.parquet")


def test_files_that_spark_would_read_differently_are_refused_in_one_sentence(session, tmp_path):
    from tokemb.integrations.spark.columns import workers_errors
    from tokemb.integrations.spark.files import read_files

    lines = b"".join(b"row %d\n" % row for row in range(99))
    for name, content in {
        "a.lz4": lines,
        "a.snappy": lines,
        "a.XZ": lzma.compress(lines),
        "a:b.txt": lines,
        "a\\b.txt": lines,
        "glob/_a.txt": lines,
        "glob/b.txt": lines,
        "mixed/README": lines,
        "mixed/b.txt": lines,
        "cut.txt.bz2": bz2.compress(lines)[:-9],
        "cut.txt.gz": gzip.compress(lines)[:-20],
        "none.txt.gz": b"",
        "wide.txt": "Grüße\nKöln".encode("utf-16-be"),
        "quotes.csv": b'text\n"a"b\n',
    }.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(content)
    (tmp_path / "links").mkdir()
    (tmp_path / "links" / "a.txt").symlink_to(tmp_path / "absent")
    for name, message in {
        "a.lz4": "Spark would decompress .lz4 differently: decompress or rename .*/a.lz4 first",
        "a.snappy": "Spark would decompress .snappy differently",
        "a.XZ": "Spark does not decompress .XZ: decompress .*/a.XZ first",
        "a:b.txt": "Spark cannot read names that contain a colon: rename .*/a:b.txt",
        "a*.txt": "Spark cannot read names that contain a colon, and finds one at .*/a[*].txt: rename the file",
        "a\\b.txt": "Spark cannot read names that contain a backslash",
        "glob/*": "Spark skips names that begin with _ or ., and .*/glob/_a.txt does: rename it",
        "**": "Spark has no [*][*] in globs",
        "mixed": "mixed/README has no extension of a known format, and other files of the folder have one",
        "cut.txt.bz2": "cut.txt.bz2 is not a valid bz2 file or is truncated",
        "cut.txt.gz": "^Spark cannot read .*/cut.txt.gz: EOFException: Unexpected end of input stream$",
        "none.txt.gz": "none.txt.gz is not a valid gzip file or is truncated: it has no bytes",
        "wide.txt": "wide.txt is UTF-16BE, but files must be UTF-8",
        "quotes.csv": "quotes.csv, line 2: 'b' follows a closing quote",
        "links": "No such file or directory",
    }.items():
        with pytest.raises((TokembError, OSError), match=message), workers_errors():
            kind = "csv" if name.endswith("csv") else "text"
            read_files(session, [str(tmp_path / name)], format=kind)[0].collect()


def test_columns_that_a_file_lacks_or_that_folders_are_named_like_are_not_replaced_by_spark(session, tmp_path):
    from tokemb.integrations.spark.files import read_files

    def rows(name, kind, **settings):
        frame, _ = read_files(session, [str(tmp_path / name)], column="text", keep=["n"], format=kind, **settings)
        return [tuple(row) for row in frame.collect()]

    for name in ("csv/n=7", "text/text=7", "folders/n=7", "lacking", "types"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "csv/n=7/1.csv").write_text("text,n\na,1\n")
    assert rows("csv", "csv") == [("a", 1)]
    pq.write_table(pa.table({"text": ["b"], "n": ["2"]}), tmp_path / "text/text=7/1.parquet")
    assert rows("text", "parquet") == [("b", "2")]
    pq.write_table(pa.table({"text": ["b"]}), tmp_path / "folders/n=7/1.parquet")
    assert rows("folders", "parquet") == rows("folders", "parquet", in_order=True) == [("b", 7)]
    pq.write_table(pa.table({"text": ["b"], "n": [b"\xff"]}), tmp_path / "types/1.parquet")
    pq.write_table(pa.table({"text": ["b"], "n": [7]}), tmp_path / "types/2.parquet")
    with pytest.raises(TextError, match="'n' must be of one type in all files: .*/2.parquet contains bigint"):
        rows("types", "parquet")
    pq.write_table(pa.table({"text": ["b"], "n": ["2"]}), tmp_path / "lacking/1.parquet")
    pq.write_table(pa.table({"text": ["c"]}), tmp_path / "lacking/2.parquet")
    with pytest.raises(TextError, match="lacking/2.parquet has no column 'n'; it has the column 'text'"):
        rows("lacking", "parquet")


def test_output_that_is_read_is_not_replaced(session, tmp_path):
    folder = tmp_path / "a folder"
    session.createDataFrame([("a b",), ("c",)], "text string").write.parquet(str(folder))
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    tokemb.fit_vocab(["a b c"]).save(tmp_path / "v")
    (tmp_path / "link").symlink_to(folder)
    for read, output in ((folder, folder), (f"{folder}/*.parquet", folder), (tmp_path / "link", folder)):
        reading = ("encode", read, "--vocab", tmp_path / "v", "--ragged", "--engine", "spark", "--format", "parquet")
        with pytest.raises(AssertionError, match="the output is also an input"):
            command(*reading, "-o", output, "--force")
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_command_under_spark_submit_fits_the_local_vocabulary(tmp_path):
    (tmp_path / "run.py").write_text("from tokemb_cli.main import main\nmain()\n")
    (tmp_path / "text.txt").write_text("b a\nb\n" * 50)
    from pyspark.find_spark_home import _find_spark_home

    submit = [f"{_find_spark_home()}/bin/spark-submit", "--master", "local[1]"]
    for setting in ("spark.ui.enabled=false", "spark.sql.codegen.wholeStage=false", "spark.sql.shuffle.partitions=2"):
        submit += ["--conf", setting]
    run = subprocess.run(
        [*submit, "run.py", "fit-vocab", "text.txt", "-o", "spark", "--engine", "spark"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        env={**os.environ, **ENVIRONMENT},
        check=False,
    )
    assert run.returncode == 0, run.stderr
    assert "read       100 rows, 150 tokens, 2 distinct" in run.stdout + run.stderr  # Spark puts both together
    tokemb.fit_vocab(tmp_path / "text.txt").save(tmp_path / "local")
    assert not filecmp.dircmp(tmp_path / "local", tmp_path / "spark").diff_files


# Last: the workers that come after have everything to import again.


def test_executor_that_dies_while_counting_changes_no_count(session, tmp_path):
    dying = frame(session, 4).mapInArrow(killing(tmp_path / "killed", 3), SCHEMA)
    encoder = fit_vocab(dying, "text", missing="empty", max_size=30, profile="keras")
    assert (tmp_path / "killed").exists()
    same_folder(encoder, tokemb.fit_vocab(LOCAL, max_size=30, profile="keras"), tmp_path)


def test_executor_that_dies_while_encoding_changes_no_id(session, tmp_path):
    encoder = tokemb.fit_vocab(LOCAL, max_size=60)
    encoded = encode(frame(session, 4), encoder, "text", maxlen=6, missing="empty")
    rows = encoded.mapInArrow(killing(tmp_path / "killed", 2), encoded.schema).collect()
    assert (tmp_path / "killed").exists()
    assert [row.ids for row in rows] == encoder.encode(LOCAL, maxlen=6).tolist()


def test_columns_that_differ_in_case_only_are_an_error_unless_spark_distinguishes_them(session):
    df = session.createDataFrame([("a", "b")], "text string, Text string")
    with pytest.raises(ArgumentError, match=r"does not distinguish the columns 'text', 'Text': rename one"):
        fit_columns(df, columns=["text"])
    session.conf.set("spark.sql.caseSensitive", "true")
    try:
        assert fit_columns(df, columns=["text", "Text"]).names == ["text", "Text"]
    finally:
        session.conf.unset("spark.sql.caseSensitive")


def test_output_that_cannot_be_created_is_an_error_before_texts_are_read(session, tmp_path):
    (tmp_path / "file").write_text("")
    df = session.createDataFrame([([1],)], "ids array<int>")
    with pytest.raises(OSError, match="the folder of the output cannot be created"):
        write_parquet(df, str(tmp_path / "file" / "ids"))


def test_output_that_another_run_wrote_in_the_meantime_is_an_error_that_leaves_both(session, tmp_path):
    for name in ("out", "out.tokemb-1"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "part").write_text(name)
    path = session.sparkContext._jvm.org.apache.hadoop.fs.Path
    target, temporary = path(str(tmp_path / "out")), path(str(tmp_path / "out.tokemb-1"))
    system = target.getFileSystem(session.sparkContext._jsc.hadoopConfiguration())
    with pytest.raises(OSError, match="another run wrote the output at the same time"):
        _rename(system, temporary, target, path(target, "out.tokemb-1"))
    assert {file.relative_to(tmp_path).as_posix(): file.read_text() for file in tmp_path.rglob("part")} == {
        "out/part": "out",
        "out.tokemb-1/part": "out.tokemb-1",
    }


def test_kept_timestamps_keep_their_values_and_their_zone(session, tmp_path):
    stamps = pa.array([-62135596800000000, 0, 253402300799999999], pa.timestamp("us", "UTC"))
    pq.write_table(pa.table({"t": stamps}), tmp_path / "x.parquet")
    write_parquet(session.read.parquet(str(tmp_path / "x.parquet")), str(tmp_path / "kept"))
    kept = pq.read_table(tmp_path / "kept")["t"]
    assert kept.combine_chunks() == stamps
    assert session.conf.get("spark.sql.parquet.outputTimestampType") == "INT96"
