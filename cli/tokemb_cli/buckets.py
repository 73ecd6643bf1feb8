"""The options of hash buckets."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import click

from tokemb_cli import values
from tokemb_cli.console import note

if TYPE_CHECKING:
    from tokemb import Encoder

# The values of options that are not given.
UNUSED: Mapping[str, Any] = {"num_oov_buckets": None, "hash_buckets": None, "salt": None}
# The names of options that differ from those of their arguments.
_OPTION_NAMES: Mapping[str, str] = {"num_oov_buckets": "--oov-buckets", "hash_buckets": "--hash"}

oov_buckets = click.option(
    "--oov-buckets",
    "num_oov_buckets",
    type=values.Integer(),
    metavar="N",
    help="Give words that are out of vocabulary N ids instead of one, by their hash, as StringLookup of Keras does.",
)
hash_buckets = click.option(
    "--hash",
    "hash_buckets",
    type=values.Integer(2),
    metavar="N",
    help="Hash all words to ids below N instead of using a vocabulary, as Hashing of Keras does.",
)
salt = click.option(
    "--salt", type=values.Salt(), metavar="N|N,N", help="Hash with this key, as the argument salt of Keras does."
)


def option_name(argument: str) -> str:
    """Return the option of an argument of the library."""
    return _OPTION_NAMES.get(argument, f"--{argument.replace('_', '-')}")


def fit_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options to a command that fits a vocabulary."""
    return oov_buckets(hash_buckets(salt(command)))


def report(encoder: Encoder) -> None:
    """Write the number of buckets, and how the tokens of the corpus share them."""
    if encoder.buckets is None:
        return
    statistics = encoder.buckets.statistics
    shared = ""
    if statistics is not None:
        shared = f" for {statistics.tokens:,} distinct tokens"
    if statistics is not None and statistics.tokens:
        shared += f"; {statistics.collision_rate:.2%} of their occurrences share the id of a more frequent token"
    note(f"buckets    {encoder.buckets}{shared}")
