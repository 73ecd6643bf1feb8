"""Arguments and options that several commands share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

# The library's, written again so that --help need not wait for it; a test compares the two.
PROFILES = ("words", "keras", "text-vectorization", "whitespace", "chars", "bert")

_PATH = click.Path(path_type=Path)
_Command = TypeVar("_Command", bound=Callable[..., Any])
_Decorator = Callable[[_Command], _Command]


def text_files() -> _Decorator[Any]:
    """One or more text files, a row a line; ``-`` is standard input."""
    return click.argument("files", metavar="FILE...", nargs=-1, required=True, type=_PATH)


vocab = click.option(
    "--vocab", required=True, type=_PATH, metavar="FOLDER", help="Vocabulary folder, or a tokenizer.json by anyone."
)
maxlen = click.option(
    "--maxlen", type=int, help="Length of the rows.  [default: the vocabulary's, or that of the longest row]"
)
padding = click.option(
    "--padding", type=click.Choice(["pre", "post"]), help="End that is padded.  [default: the vocabulary's]"
)
truncating = click.option(
    "--truncating", type=click.Choice(["pre", "post"]), help="End that is cut.  [default: the vocabulary's]"
)

threads = click.option("--threads", type=int, help="Threads to use; results are the same.  [default: all cores]")


def output(metavar: str, text: str) -> _Decorator[Any]:
    """Where the result goes."""
    return click.option("-o", "--output", required=True, type=_PATH, metavar=metavar, help=text)


def is_counts(path: Path) -> bool:
    """Whether ``path`` is named as token counts, which ``tokemb count`` writes."""
    return path.suffix == ".parquet"


def check_npy(path: Path) -> None:
    """Wrong usage unless ``path`` ends in ``.npy``."""
    if path.suffix != ".npy":
        raise click.BadParameter(f"must end in .npy; received {path}", param_hint="--output")
