"""Arguments and options that several commands share."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Sequence
from functools import reduce
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, TypeVar

import click

from tokemb._validation import OUTPUT_FORMATS
from tokemb_cli import values
from tokemb_cli.console import note, quiet_tensorflow, require_standard_output

if TYPE_CHECKING:
    from tokemb import TokenCounts
    from tokemb.analysis import TokenVectors
    from tokemb.formats import OutputOptions

ABOUT_TRAINING = "--column and --names require the folder of a training, which has a training.json"

_Command = TypeVar("_Command", bound=Callable[..., Any])
_Decorator = Callable[[_Command], _Command]


def group(*members: _Decorator[Any]) -> _Decorator[Any]:
    """Return a decorator that adds several options to a command."""
    return lambda command: reduce(lambda decorated, option: option(decorated), reversed(members), command)


def integer(flag: str, default: int, text: str, *, least: int = 1) -> _Decorator[Any]:
    """Return an option for an integer of at least ``least``, whose default is shown."""
    return click.option(flag, type=values.Integer(least), default=default, show_default=True, help=text)


def choice(flag: str, choices: Sequence[str], default: str, text: str) -> _Decorator[Any]:
    """Return an option for one of several words, whose default is shown."""
    return click.option(flag, type=values.Choice(choices), default=default, show_default=True, help=text)


def seed(text: str = "Random seed.") -> _Decorator[Any]:
    """Return the option for the random seed."""
    return integer("--seed", 0, text, least=0)


def side(flag: str, participle: str, default: str | None = None, note: str = "") -> _Decorator[Any]:
    """Return an option for a side of a row. If there is no ``default``, ``note`` states how it is chosen."""
    return click.option(
        flag,
        type=values.Choice(["pre", "post"]),
        default=default,
        show_default=default is not None,
        help=f"Side of a row that is {participle}: pre is the start, post the end.{note}",
    )


def saved_shape(default: str | None = None, note: str = "") -> _Decorator[Any]:
    """Return the options for the length and the sides of rows that a vocabulary saves, as for ``side``."""
    length = click.option(
        "--maxlen",
        type=values.Integer(),
        help="Default length of the rows that encode writes.  [default: the longest row]",
    )
    padded, truncated = (
        side(flag, participle, default, note)
        for flag, participle in (("--padding", "padded"), ("--truncating", "truncated"))
    )
    return group(length, padded, truncated)


vocab = click.option(
    "--vocab",
    required=True,
    type=values.FilePath(),
    metavar="FOLDER",
    help="Vocabulary folder, or any Hugging Face tokenizer.json.",
)
maxlen = click.option(
    "--maxlen",
    type=values.Integer(),
    help="Length of the rows.  [default: that of the vocabulary, else the longest row]",
)
_OF_VOCABULARY = "  [default: that of the vocabulary]"
padding = side("--padding", "padded", note=_OF_VOCABULARY)
truncating = side("--truncating", "truncated", note=_OF_VOCABULARY)
overlap = click.option(
    "--overlap",
    type=values.Integer(0),
    help="Split texts that are longer than --maxlen into several rows instead of truncating them. Consecutive rows of "
    "a text share this many tokens: with --maxlen 50 --overlap 49, each row starts one token after the previous one. "
    "The output has two more columns: row, the index of the text, and start, the position of the first token of the "
    "row in the text.",
)

model_or_vectors = click.argument("model", metavar="MODEL", type=values.FilePath())
optional_vocab = click.option(
    "--vocab",
    type=values.FilePath(),
    metavar="FOLDER",
    help="Vocabulary of the model; not needed for a file of vectors or the folder of a training.",
)
column_of_folder = click.option(
    "--column",
    metavar="NAME",
    help="Column whose embeddings are used, for example that of the items, in the folder of a training.",
)
names = click.option(
    "--names",
    type=values.FilePath(),
    metavar="FILE",
    help="Table of the names to show for the values of --column: values in its first column, names in its second.",
)
neighbor_count = integer("-k", 10, "Maximum number of tokens to show.")
min_count = integer("--min-count", 1, "Leave out words that occur less often than this.")
as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON instead of text.")

ngrams = click.option(
    "--ngrams",
    type=values.Ngrams(),
    metavar="N",
    help="Also make tokens of pairs of neighbouring words (2), of up to N words, or of the lengths in a list (1,3).",
)
round_floats = click.option(
    "--round-floats",
    is_flag=True,
    help="Round kept float64 columns to float32, the only floats of .tfrecord and .array_record.",
)
threads = click.option(
    "--threads", type=values.Integer(), help="Number of threads; it does not change the result.  [default: all cores]"
)


def output(metavar: str, text: str) -> _Decorator[Any]:
    """Return the options for the output and for replacing an existing one."""
    path = click.option("-o", "--output", required=True, type=values.FilePath(), metavar=metavar, help=text)
    force = click.option(
        "--force",
        is_flag=True,
        help="Replace a trained model, a read-only output, or a file that this command did not write.",
    )
    return group(path, force)


def page(text: str) -> _Decorator[Any]:
    """Return the options for an optional page to write and for replacing an existing file."""
    path = click.option("-o", "--output", type=values.FilePath(), metavar="FILE.html", help=text)
    force = click.option("--force", is_flag=True, help="Replace a file that this command did not write.")
    return group(path, force)


def free_name(stem: str, suffix: str) -> str:
    """Return an unused file name that ends in ``suffix``, to suggest as an output."""
    number, name = 1, Path(f"{stem}{suffix}")
    while name.exists():
        number += 1
        name = Path(f"{stem}-{number}{suffix}")
    return str(name)


def stem_of(file: str) -> str:
    """Return the name of an input without folder and extensions, or ``""`` for globs and standard input.

    Example:
        >>> stem_of("s3://bucket/reviews.csv.gz"), stem_of("-"), stem_of("data/*.txt")
        ('reviews', '', '')
    """
    stem = file.rstrip("/").rpartition("/")[2].split(".")[0]
    return stem if re.fullmatch(r"\w[\w-]*", stem) else ""


def is_counts(path: Path) -> bool:
    """Return whether ``path`` is a file of token counts, which ``tokemb count`` writes."""
    if path.suffix != ".parquet" or not path.is_file():
        return False
    from tokemb.counts.counts_file import holds_counts

    return holds_counts(path)


def check_output(path: Path, otherwise: str = "", formats: tuple[str, ...] = OUTPUT_FORMATS) -> None:
    """Check that an output is ``-`` or has an extension that selects a format.

    Args:
        path: The output.
        otherwise: The end of the message, for commands with other outputs.
        formats: The extensions of the formats.

    Raises:
        click.BadParameter: If the extension is unknown.
    """
    if str(path) != "-" and path.suffix not in formats:
        raise click.BadParameter(
            f"must be - or end in {', '.join(formats)}; received {path}{otherwise}", param_hint="--output"
        )


def target(output: Path) -> Path | BinaryIO:
    """Return what to write to: standard output for ``-``, otherwise the path."""
    if str(output) != "-":
        return output
    require_standard_output()
    return sys.stdout.buffer


def feature_spec_lines(suffix: str, layout: OutputOptions | None) -> list[str]:
    """Return the code that parses TensorFlow's records, as lines. Other formats describe themselves."""
    if suffix not in (".tfrecord", ".array_record") or layout is None:
        return []
    from tokemb.formats.tfrecord import feature_spec

    return feature_spec(layout).splitlines()


def are_counts(files: Sequence[str]) -> bool:
    """Return whether the inputs are token counts.

    Raises:
        click.UsageError: If some are counts and others are texts.
    """
    kinds = {is_counts(Path(file)) for file in files}
    if len(kinds) > 1:
        raise click.UsageError("texts and counts cannot be mixed: count the texts with tokemb count first")
    return kinds == {True}


def added_counts(files: Sequence[str]) -> TokenCounts:
    """Load files of counts and add them."""
    from tokemb import TokenCounts

    counts = [TokenCounts.load(file) for file in files]
    return TokenCounts.merge(counts, counts[0].profile)


def check_ending(path: Path, ending: str, option: str = "--output") -> None:
    """Raise ``click.BadParameter`` unless ``path``, the value of ``option``, ends in ``ending``."""
    if path.suffix != ending:
        raise click.BadParameter(f"must end in {ending}; received {path}", param_hint=option)


def is_training(model: Path) -> bool:
    """Return whether ``model`` is the folder of a training."""
    from tokemb.files.folders import is_training_folder

    return is_training_folder(model)


def check_vocab(model: Path, vocab: Path | None) -> None:
    """Raise ``click.UsageError`` if ``model`` is a Keras model and no vocabulary is given."""
    from tokemb.analysis.token_vectors import is_model

    if vocab is None and is_model(model) and not (model / "tokenizer.json").exists():
        raise click.UsageError("a Keras model requires --vocab, the vocabulary that it was made for")


def token_vectors(
    model: Path, vocab: Path | None, column: str | None = None, names: Path | None = None
) -> TokenVectors:
    """Load the vectors of tokens. Warn if they look random, like those of a new model.

    Args:
        model: A Keras model, a file of vectors, or the folder of a training.
        vocab: The vocabulary of a Keras model.
        column: The column of a training folder.
        names: A table of names to show.

    Raises:
        click.UsageError: If an option is missing, or does not belong to the kind of ``model``.
    """
    if is_training(model):
        if vocab is not None:
            raise click.UsageError("a training folder holds its vocabulary: leave out --vocab")
        vectors = _training_vectors(model, column, names)
    else:
        if column is not None or names is not None:
            raise click.UsageError(ABOUT_TRAINING)
        check_vocab(model, vocab)
        from tokemb import Encoder
        from tokemb.analysis import TokenVectors

        with quiet_tensorflow():
            vectors = TokenVectors.load(model, None if vocab is None else Encoder.load(vocab))
    if vectors.untrained:
        note("warning    the vectors look random, like those of a new model: train the model first")
    return vectors


def _training_vectors(folder: Path, column: str | None, names: Path | None) -> TokenVectors:
    with quiet_tensorflow():
        from tokemb.training.column_vectors import read_names, training_vectors

        return training_vectors(folder, column, None if names is None else read_names(names))


def map_title(model: Path, column: str | None) -> str:
    """Return the title of a map: the name of a model, and with a column that of its training folder."""
    return model.stem if column is None else f"{model.stem}: {column}"


def with_count(token: str, count: int | None) -> str:
    """Return an escaped token with its count, if that is known."""
    return token if count is None else f"{token}  {count:,}"
