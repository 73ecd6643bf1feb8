"""The options and functions of commands that can run on a Spark cluster."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tokemb_cli import buckets, hidden_imports, values
from tokemb_cli.buckets import option_name
from tokemb_cli.console import note
from tokemb_cli.corpus import Corpus

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

    from tokemb import ColumnEncoder, Encoder

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


# Formats that only this machine reads.
_LOCAL_FORMATS = ("arrow", "conll", "documents")
_NO_LENGTH = "Spark cannot pad to the longest row: pass {} or --ragged"


def engine(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that select Spark to a command."""
    return _ENGINE(_MASTER(command))


@dataclass(frozen=True, eq=False)
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
            hidden_imports.show()
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

    def check_table(self, texts: Corpus, settings: dict[str, Any]) -> None:
        """Raise ``click.UsageError`` for options that Spark does not support for tables."""
        if texts.group_by:
            raise click.UsageError("--engine spark does not support --group-by: leave out one of them")
        self._settings({name: settings[name] for name in ("threads", "ngrams")})
        self._check_reading(texts)

    def fit_columns(self, texts: Corpus, names: Sequence[str], settings: dict[str, Any]) -> ColumnEncoder:
        """Fit the vocabularies of a table with the columns ``names``.

        Args:
            texts: The table.
            names: The columns to read.
            settings: The arguments of the Spark ``fit_columns``, and ``ngrams``, which must be ``None``.
        """
        from tokemb.integrations.spark import fit_columns
        from tokemb.integrations.spark.session import open_session
        from tokemb.vocabulary.profiles import get_profile

        in_order = get_profile(settings["profile"]).ties == "first seen"
        with open_session(self.master) as session:
            df = self._read_table(session, texts, names, in_order=in_order)
            return fit_columns(df, **{name: value for name, value in settings.items() if name != "ngrams"})

    def encode(self, texts: Corpus, vocab: Path, output: Path, settings: dict[str, Any], force: bool) -> None:
        """Encode texts to a folder of Parquet files. ``settings`` are the arguments of the Spark ``encode``."""
        settings = self._settings(settings)
        if settings["targets"] is not None:
            texts = texts.with_targets(settings["targets"])
        elif len(texts.columns) == 2:
            texts = texts.as_pairs("Spark encodes columns of texts")
            for name in ("pack", "tags"):
                if settings[name]:
                    raise click.UsageError(
                        f"{option_name(name)} must be left out for pairs of texts: pass one --column"
                    )
            settings["second"] = texts.columns[1][0]
        if settings["classes"] is not None:
            settings["classes"] = settings["classes"].split(",")
        self._check_supported(texts, two_columns=len(texts.columns) == 2)
        if settings["pack"] and texts.keep:
            raise click.UsageError("--keep must be left out with --pack, which makes one row of several texts")
        _check_folder(output)
        from tokemb import Encoder

        encoder, target_vocab = Encoder.load(vocab), settings.pop("target_vocab")
        target_encoder = None if target_vocab is None else Encoder.load(target_vocab)
        length = _padded_length(encoder, "maxlen", settings)
        if settings["targets"] is not None:
            _padded_length(target_encoder or encoder, "target_maxlen", settings)
        from tokemb.integrations.spark import encode
        from tokemb.integrations.spark.columns import quoted
        from tokemb.integrations.spark.output import write_parquet
        from tokemb.integrations.spark.session import open_session

        with open_session(self.master) as session:
            df, column = self._read(session, texts, in_order=False)
            if texts.tags is not None:  # one of the new columns may have its name
                settings["tags"] = f"{texts.tags} of {column}"
                df = df.withColumnRenamed(texts.tags, settings["tags"])
            missing = texts.reading["missing"]
            ids = encode(df, encoder, column, missing=missing, target_encoder=target_encoder, **settings)
            own = [name for name in ids.columns if name not in df.columns]
            columns = _with_kept(own, texts.keep, {texts.tags: settings["tags"]})
            selected = (quoted(column).alias(name) for name, column in columns.items())
            rows = write_parquet(ids.select(*selected), str(output), force=force)
        if not texts.quiet:
            note(f"wrote {output}: int32 {'ragged' if settings['ragged'] else (rows, length)}; {rows:,} rows")

    def encode_table(self, texts: Corpus, vocab: Path, output: Path, settings: dict[str, Any], force: bool) -> None:
        """Encode a table to a folder of Parquet files. ``settings`` are arguments of the Spark ``encode_table``."""
        settings = self._settings(settings)
        if texts.columns or texts.group_by:
            raise click.UsageError(f"{vocab} determines the columns: leave out --column and --group-by")
        self._check_supported(texts)
        _check_folder(output)
        from tokemb import ColumnEncoder

        encoder = ColumnEncoder.load(vocab)
        lengths = encoder.lengths(settings["maxlen"])
        if not settings["ragged"] and any(
            each.has_rows_of_ids and lengths[each.name] is None for each in encoder.columns
        ):
            raise click.UsageError(_NO_LENGTH.format("--maxlen"))
        from tokemb.integrations.spark import encode_table
        from tokemb.integrations.spark.output import write_parquet
        from tokemb.integrations.spark.session import open_session

        with open_session(self.master) as session:
            df = self._read_table(session, texts, encoder.parts)
            ids = encode_table(df, encoder, keep=texts.keep, **settings)
            rows = write_parquet(ids, str(output), force=force)
        if not texts.quiet:
            note(f"wrote {output}: {', '.join(encoder.names)}; {rows:,} rows")

    def _read(self, session: SparkSession, texts: Corpus, in_order: bool) -> tuple[DataFrame, str]:
        from tokemb.integrations.spark.files import read_files

        reading = self._reading(texts)
        if len(texts.columns) == 2:
            reading["column"], *reading["others"] = reading["column"]
        elif texts.tags is not None:
            reading["others"] = [texts.tags]
        return read_files(session, texts.files, keep=texts.keep, in_order=in_order, **reading)

    def _read_table(
        self, session: SparkSession, texts: Corpus, names: Sequence[str], in_order: bool = False
    ) -> DataFrame:
        from tokemb.integrations.spark.files import read_files

        first, *others = names
        reading = {**self._reading(texts), "column": first, "others": others}
        return read_files(session, texts.files, keep=texts.keep, in_order=in_order, **reading)[0]

    @staticmethod
    def _reading(texts: Corpus) -> dict[str, Any]:
        """Return the arguments of ``read_files`` that options determine."""
        return {name: value for name, value in texts.reading.items() if name not in ("missing", "delimiter")}

    @classmethod
    def _check_supported(cls, texts: Corpus, *, two_columns: bool = False) -> None:
        """Raise ``click.UsageError`` for options to read files that Spark does not support, before it is started."""
        if (texts.is_table and not two_columns) or texts.group_by:
            raise click.UsageError(
                "Spark reads one column of texts: pass one --column and no --group-by, or leave out --engine spark"
            )
        cls._check_reading(texts)

    @staticmethod
    def _check_reading(texts: Corpus) -> None:
        from tokemb.sources.listing import format_of

        named = texts.reading["format"]
        for kind in [named] if named else [format_of(file)[0] for file in texts.files]:
            if kind in _LOCAL_FORMATS:
                raise click.UsageError(
                    f"--engine spark does not read {kind} files: leave it out, or write them to a Parquet file first, "
                    "as docs/spark.md shows"
                )
        if texts.reading.get("delimiter") is not None:
            raise click.UsageError("--engine spark does not support --delimiter: leave out one of them")

    @staticmethod
    def _settings(settings: dict[str, Any]) -> dict[str, Any]:
        """Return ``settings`` without those of the local engine, which must have their defaults."""
        local_only: dict[str, Any] = {"threads": None, "rows_per_shard": None, "shard_format": None, "dtype": "int32"}
        local_only |= {"round_floats": False, "stop_words": None, "keep_words": None}
        local_only |= {"segmenter": None, "user_dictionary": None}
        local_only |= {"min_documents": 1, "max_documents": None, "ngrams": None}
        local_only |= buckets.UNUSED
        for name, default in local_only.items():
            if settings.get(name, default) != default:
                raise click.UsageError(f"--engine spark does not support {option_name(name)}: leave out one of them")
        return {name: value for name, value in settings.items() if name not in local_only}


def _check_folder(output: Path) -> None:
    """Raise ``click.UsageError`` if the output is standard output."""
    if str(output) == "-":
        raise click.UsageError("Spark writes a folder: pass its path as --output; received -")


def _with_kept(own: Sequence[str], keep: Sequence[str], renamed: Mapping[str | None, str | None]) -> dict[str, str]:
    """Return the columns of the DataFrame by their names in the output: ``own``, and those to ``keep``.

    Raises:
        click.UsageError: If one has the name of one of ``own``.
    """
    if made := [name for name in keep if name in own]:
        raise click.UsageError(f"--keep must not name {made[0]}, which is written beside the ids: rename it")
    return {name: name for name in own} | {name: renamed.get(name) or name for name in keep}


def _padded_length(encoder: Encoder, name: str, settings: dict[str, Any]) -> int | None:
    """Return the length of padded rows, which the argument ``name`` or the vocabulary determines.

    Raises:
        click.UsageError: If rows are padded, and nothing determines it.
    """
    length = encoder.pad_truncate(settings[name], None, None).fixed_length
    if length is None and not settings["ragged"]:
        raise click.UsageError(_NO_LENGTH.format(option_name(name)))
    return length
