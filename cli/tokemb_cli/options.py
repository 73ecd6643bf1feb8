"""Arguments and options that several commands share."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, TypeVar

import click

from tokemb_cli import values
from tokemb_cli.console import note, quiet_tensorflow, require_standard_output

if TYPE_CHECKING:
    from tokemb import Encoder, TokenCounts
    from tokemb.analysis import TokenVectors
    from tokemb.formats import OutputOptions

# The library's, written again so that --help need not wait for it; tests compare them.
PROFILES = ("words", "keras", "text-vectorization", "whitespace", "chars", "bert")
OUTPUTS = (".npy", ".npz", ".parquet", ".tfrecord", ".jsonl")
LINE_KINDS = ("bert", "gensim", "words")
ANSWERS = ("ids", "vectors", "predictions")
HEADS = ("mean", "flatten", "conv", "gru", "lstm")
CELLS = ("gru", "lstm")
RATING_HEADS = ("dot", "dense")
VECTOR_FORMATS = ("glove", "word2vec", "word2vec-binary", "fasttext", "npz")
MAP_METHODS = ("tsne", "pca")

_PATH = click.Path(path_type=Path)
_Command = TypeVar("_Command", bound=Callable[..., Any])
_Decorator = Callable[[_Command], _Command]


vocab = click.option(
    "--vocab",
    required=True,
    type=_PATH,
    metavar="FOLDER",
    help="Vocabulary folder, or any Hugging Face tokenizer.json.",
)
maxlen = click.option(
    "--maxlen",
    type=values.Integer(),
    help="Length of the rows.  [default: that of the vocabulary, else the longest row]",
)
padding = click.option(
    "--padding",
    type=values.Choice(["pre", "post"]),
    help="End of a row that is padded.  [default: that of the vocabulary]",
)
truncating = click.option(
    "--truncating",
    type=values.Choice(["pre", "post"]),
    help="End of a row that is truncated.  [default: that of the vocabulary]",
)

vectors_of = click.argument("model", metavar="MODEL", type=_PATH)
optional_vocab = click.option(
    "--vocab", type=_PATH, metavar="FOLDER", help="Vocabulary of the model; not needed for a file of vectors."
)
nearest = click.option(
    "-k", type=values.Integer(), default=10, show_default=True, help="Maximum number of tokens to show."
)
as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON instead of text.")

round_floats = click.option(
    "--round-floats", is_flag=True, help="Round kept float64 columns to the float32 of .tfrecord."
)
threads = click.option(
    "--threads", type=values.Integer(), help="Number of threads; it does not change the result.  [default: all cores]"
)


def output(metavar: str, text: str) -> _Decorator[Any]:
    """Where the result goes, and whether it may replace what is there."""
    where = click.option("-o", "--output", required=True, type=_PATH, metavar=metavar, help=text)
    force = click.option(
        "--force",
        is_flag=True,
        help="Replace a trained model, a read-only output, or a file that this command did not write.",
    )
    return lambda command: where(force(command))


def free_name(stem: str, suffix: str) -> str:
    """Return a name that ends in ``suffix`` and that nothing has yet, for a command to suggest as an output."""
    number, name = 1, Path(f"{stem}{suffix}")
    while name.exists():
        number += 1
        name = Path(f"{stem}-{number}{suffix}")
    return str(name)


def stem_of(file: str) -> str:
    """Return the name of an input without folder and extensions, ``""`` if it has no such name.

    >>> stem_of("s3://bucket/reviews.csv.gz"), stem_of("-"), stem_of("data/*.txt")
    ('reviews', '', '')
    """
    stem = file.rstrip("/").rpartition("/")[2].split(".")[0]
    return stem if re.fullmatch(r"\w[\w-]*", stem) else ""


def is_counts(path: Path) -> bool:
    """Whether ``path`` holds token counts, which ``tokemb count`` writes."""
    if path.suffix != ".parquet" or not path.is_file():
        return False
    from tokemb.counts.counts_file import holds_counts

    return holds_counts(path)


def check_output(path: Path, otherwise: str = "") -> None:
    """Wrong usage unless ``path`` is ``-`` or its extension says how to write it; ``otherwise``: what else there is."""
    if str(path) != "-" and path.suffix not in OUTPUTS:
        raise click.BadParameter(
            f"must be - or end in {', '.join(OUTPUTS)}; received {path}{otherwise}", param_hint="--output"
        )


def target(output: Path) -> Path | BinaryIO:
    """What to write to: standard output for ``-``."""
    if str(output) != "-":
        return output
    require_standard_output()
    return sys.stdout.buffer


def specification(suffix: str, layout: OutputOptions | None) -> str:
    """How to parse what was written, on lines of its own; nothing for formats that say it themselves."""
    if suffix != ".tfrecord" or layout is None:
        return ""
    from tokemb.formats.tfrecord import feature_spec

    return f"\n{feature_spec(layout)}"


def are_counts(files: Sequence[str]) -> bool:
    """Whether ``files`` are all counts, or none is; both together is wrong usage."""
    of_counts = {is_counts(Path(file)) for file in files}
    if len(of_counts) > 1:
        raise click.UsageError("texts and counts cannot be mixed: count the texts with tokemb count first")
    return of_counts == {True}


def added_counts(files: Sequence[str]) -> TokenCounts:
    """The sum of the counts in ``files``."""
    from tokemb import TokenCounts

    counts = [TokenCounts.load(file) for file in files]
    return TokenCounts.merge(counts, counts[0].profile)


def check_ending(path: Path, ending: str, option: str = "--output") -> None:
    """Wrong usage unless ``path``, the value of ``option``, ends in ``ending``."""
    if path.suffix != ending:
        raise click.BadParameter(f"must end in {ending}; received {path}", param_hint=option)


def check_vocab(model: Path, vocab: Path | None) -> None:
    """Wrong usage if ``model`` is a Keras model and no vocabulary is named."""
    from tokemb.analysis.token_vectors import is_model

    if vocab is None and is_model(model) and not (model / "tokenizer.json").exists():
        raise click.UsageError("a Keras model requires --vocab, the vocabulary that it was made for")


def token_vectors(model: Path, encoder: Encoder | None) -> TokenVectors:
    """Load the vectors to look at, and warn if they look like those of a new model."""
    from tokemb.analysis import TokenVectors

    with quiet_tensorflow():
        vectors = TokenVectors.load(model, encoder)
    if vectors.untrained:
        note("warning    the vectors look like those of a new model, which are random: train the model first")
    return vectors


def counted(token: str, count: int | None) -> str:
    """A token as it is shown and how often it occurs, if that is known."""
    return token if count is None else f"{token}  {count:,}"
