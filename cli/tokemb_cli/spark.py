"""The options and functions of commands that can run on a Spark cluster."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tokemb_cli import buckets, values, without_pandas
from tokemb_cli.buckets import option_name
from tokemb_cli.console import note
from tokemb_cli.corpus import Corpus

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

    from tokemb import Encoder

_ENGINE = click.option(
    "--engine",
    type=values.Choice(["local", "spark"]),
    default="local",
    show_default=True,
    help="Run on this machine, or on Spark.",
)
_MASTER = click.option(
    "--master",
    metavar="URL",
    help="URL of the Spark cluster.  [default: that of spark-submit, or the cores of this machine]",
)


def engine(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that select Spark to a command."""
    return _ENGINE(_MASTER(command))


@dataclass(frozen=True)
class Cluster:
    """A Spark cluster.

    Attributes:
        master: The URL of the cluster. ``None`` selects the one that Spark is configured with.
    """

    master: str | None

    @classmethod
    def from_options(cls, options: dict[str, Any]) -> Cluster | None:
        """Take the options of ``engine`` from ``options``. Return ``None`` for this machine."""
        engine_name, master = options.pop("engine"), options.pop("master")
        if engine_name == "spark":
            without_pandas.show()
            return cls(master)
        if master is not None:
            raise click.UsageError("--master requires --engine spark")
        return None

    def fit_vocab(self, texts: Corpus, is_counts: bool, settings: dict[str, Any]) -> Encoder:
        """Fit a vocabulary to texts. ``settings`` are the arguments of ``tokemb.fit_vocab``."""
        if is_counts:
            raise click.UsageError("counts are added on this machine: leave out --engine spark")
        settings = self._settings(settings)
        self._check_supported(texts)
        from tokemb.integrations.spark import fit_vocab
        from tokemb.integrations.spark.session import open_session
        from tokemb.vocabulary.profiles import get_profile

        profile = settings.pop("profile") or "words"
        in_order = get_profile(profile).ties == "first seen"
        with open_session(self.master) as session:
            df, column = self._read(session, texts, in_order)
            return fit_vocab(df, column, profile=profile, missing=texts.reading["missing"], **settings)

    def encode(self, texts: Corpus, vocab: Path, output: Path, settings: dict[str, Any], force: bool) -> None:
        """Encode texts to a folder of Parquet files. ``settings`` are the arguments of the Spark ``encode``."""
        settings = self._settings(settings)
        if is_pair := len(texts.columns) == 2:
            texts = texts.as_pairs("Spark encodes columns of texts")
            settings["second"] = texts.columns[1][0]
        self._check_supported(texts, is_pair=is_pair)
        if str(output) == "-":
            raise click.UsageError("Spark writes a folder: pass its path as --output; received -")
        from tokemb import Encoder

        encoder = Encoder.load(vocab)
        length = encoder.pad_truncate(settings["maxlen"], None, None).fixed_length
        if length is None and not settings["ragged"]:
            raise click.UsageError("Spark cannot pad to the longest row: pass --maxlen or --ragged")
        from tokemb.integrations.spark import encode
        from tokemb.integrations.spark.columns import quoted
        from tokemb.integrations.spark.files import write_parquet
        from tokemb.integrations.spark.session import open_session

        with open_session(self.master) as session:
            df, column = self._read(session, texts, in_order=False)
            ids = encode(df, encoder, column, missing=texts.reading["missing"], **settings)
            own = [name for name in ids.columns if name not in df.columns]
            kept = (quoted(name) for name in texts.keep)
            rows = write_parquet(ids.select(*own, *kept), str(output), force=force)
        if not texts.quiet:
            note(f"wrote {output}: int32 {'ragged' if settings['ragged'] else (rows, length)}; {rows:,} rows")

    def _read(self, session: SparkSession, texts: Corpus, in_order: bool) -> tuple[DataFrame, str]:
        from tokemb.integrations.spark.files import read_files

        reading = {name: value for name, value in texts.reading.items() if name not in ("missing", "delimiter")}
        if len(texts.columns) == 2:
            reading["column"], reading["second"] = reading["column"]
        return read_files(session, texts.files, keep=texts.keep, in_order=in_order, **reading)

    @staticmethod
    def _check_supported(texts: Corpus, *, is_pair: bool = False) -> None:
        """Raise ``click.UsageError`` for options to read files that Spark does not support, before it is started."""
        if (texts.is_table and not is_pair) or texts.group_by:
            raise click.UsageError(
                "Spark reads one column of texts: pass one --column and no --group-by, or leave out --engine spark"
            )
        if texts.reading.get("delimiter") is not None:
            raise click.UsageError("--engine spark does not support --delimiter: leave out one of them")

    @staticmethod
    def _settings(settings: dict[str, Any]) -> dict[str, Any]:
        """Return ``settings`` without those of the local engine, which must have their defaults."""
        local_only: dict[str, Any] = {"threads": None, "rows_per_shard": None, "shard_format": None, "dtype": "int32"}
        local_only |= {"round_floats": False, "stop_words": None, "keep_words": None}
        local_only |= {"segmenter": None, "user_dictionary": None}
        local_only |= {"min_documents": 1, "max_documents": None, "ngrams": None, "start": None, "end": None}
        local_only |= {"pack": False, "tags": None, "classes": None, **buckets.UNUSED}
        local_only |= {"targets": None, "target_vocab": None, "target_maxlen": None}
        for name, default in local_only.items():
            if settings.get(name, default) != default:
                raise click.UsageError(f"--engine spark does not support {option_name(name)}: leave out one of them")
        return {name: value for name, value in settings.items() if name not in local_only}
