"""Benchmarks of Spark on two cores of this machine, beside tokemb without Spark: the cost of a cluster."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow.dataset as ds

import tokemb
from benchmarks.agreement import DisagreementError
from benchmarks.commands import large_text
from benchmarks.measuring import Comparison, Finding, Outcome, Party, SkipError, compare, say
from benchmarks.setting import MAX_SIZE, MAXLEN, Setting
from tokemb.errors import MissingPackageError

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

CORES = 2
MOST = 2.5
MEGABYTES = 700
LOCAL, SPARK = f"tokemb, {CORES} threads", f"tokemb.integrations.spark, local[{CORES}]"


def spark(setting: Setting) -> Outcome:
    """Measure fitting and encoding of a large text to Parquet, without the start of Spark."""
    if not setting.gigabytes:
        raise SkipError("GB is 0")
    try:
        from tokemb.integrations.spark.session import require_java

        require_java()
    except MissingPackageError as error:
        raise SkipError(str(error)) from error
    text, rows, size = large_text(setting)
    with _session(setting) as session:
        outcome = _fit(setting, session, text, size) + _encode(setting, session, text, rows, size)
        peak = max(_workers_peaks(session), default=0) / 1e3
    text.unlink()
    if peak:
        work = "peak memory of a Python worker of Spark"
        say(f"  {peak:8.0f} MB {work}")
        outcome += Outcome([Finding(work, "", peak, "MB", most=MEGABYTES)])
    return outcome


def _fit(setting: Setting, session: SparkSession, text: Path, size: int) -> Outcome:
    from tokemb.integrations.spark import fit_vocab

    frame = session.read.option("lineSep", "\n").text(str(text))
    parties = [
        Party(LOCAL, lambda _: tokemb.fit_vocab(text, max_size=MAX_SIZE, threads=CORES)),
        Party(SPARK, lambda _: fit_vocab(frame, "value", max_size=MAX_SIZE)),
    ]

    def check(results: dict[str, tokemb.Encoder]) -> None:
        folders = [setting.saved(encoder, f"spark{number}") for number, encoder in enumerate(results.values())]
        for name in os.listdir(folders[0]):
            if len({(folder / name).read_bytes() for folder in folders}) != 1:
                raise DisagreementError(f"{name} of the two vocabularies differs")

    return _compare(f"fit, {size / 1e9:.3g} GB of text", parties, check, setting, size)


def _encode(setting: Setting, session: SparkSession, text: Path, rows: int, size: int) -> Outcome:
    from tokemb.integrations.spark import encode
    from tokemb.integrations.spark.output import write_parquet
    from tokemb.pipeline.encode import encode_corpus
    from tokemb.pipeline.encoded_stream import RowOptions

    encoder, here, there = setting.words, setting.folder / "here.parquet", setting.folder / "there.parquet"
    form = RowOptions(encoder.pad_truncate(MAXLEN, None, None), (), ragged=False)
    frame = encode(session.read.option("lineSep", "\n").text(str(text)), encoder, "value", maxlen=MAXLEN)

    def local(_: None) -> Path:
        encode_corpus(encoder, tokemb.read_corpus([text]), here, form, "int32", CORES)
        return here

    def on_spark(_: None) -> Path:
        write_parquet(frame.select("ids"), str(there))
        return there

    def check(results: dict[str, Path]) -> None:
        ids = [ds.dataset(path, format="parquet") for path in results.values()]
        if {each.count_rows() for each in ids} != {rows}:
            raise DisagreementError(f"the ids are not {rows} rows")
        first, second = (each.head(len(setting.texts), columns=["ids"])["ids"].to_pylist() for each in ids)
        if first != second:
            raise DisagreementError("the ids of the two differ")

    parties = [Party(LOCAL, local), Party(SPARK, on_spark)]
    return _compare(f"encode to Parquet, {size / 1e9:.3g} GB of text", parties, check, setting, size)


def _compare(work: str, parties: list[Party], check: Any, setting: Setting, size: int) -> Outcome:  # noqa: ANN401
    comparisons = [Comparison(LOCAL, most=MOST, party=SPARK)]
    return compare(work, parties, comparisons, check, repeat=setting.repeat, touch=setting.touch, size=size)


@contextmanager
def _session(setting: Setting) -> Iterator[SparkSession]:
    from pyspark.sql import SparkSession

    os.environ |= {**setting.environment, "PYSPARK_PYTHON": sys.executable, "SPARK_LOCAL_IP": "127.0.0.1"}
    builder = SparkSession.builder.master(f"local[{CORES}]").config("spark.driver.memory", "2g")
    for name in ("spark.ui.enabled", "spark.ui.showConsoleProgress"):
        builder = builder.config(name, "false")
    session = builder.config("spark.local.dir", str(setting.folder)).getOrCreate()
    session.sparkContext.setLogLevel("ERROR")
    try:
        yield session
    finally:
        session.stop()


def _workers_peaks(session: SparkSession) -> Iterator[int]:
    """Return the peak kilobytes of each Python worker, or nothing without ``/proc``."""
    java: Any = session.sparkContext._jvm
    parents = {str(java.ProcessHandle.current().pid())}
    for _ in ("the daemon", "its workers"):
        status = [_status(path) for path in Path("/proc").glob("[0-9]*/status")]
        children = [each for each in status if each.get("PPid") in parents]
        parents = {each["Pid"] for each in children}
    return (int(each["VmHWM"].split()[0]) for each in children if "VmHWM" in each)


def _status(path: Path) -> dict[str, str]:
    try:
        lines = path.read_text("utf-8").splitlines()
    except OSError:  # it has ended
        return {}
    return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}
