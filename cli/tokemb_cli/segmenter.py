"""The options of segmenters, which find the words in languages that are written without spaces."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from tokemb_cli import options, values

OPTIONS = ("segmenter", "user_dictionary")
"""The names of the options in the settings of a command."""

_SEGMENTER = click.option(
    "--segmenter",
    metavar="NAME",
    help="Find the words of a language without spaces first: jieba for Chinese, or a name that an installed package "
    "provides. Vocabularies contain its name, so encode, embed and train need no option.",
)
_USER_DICTIONARY = click.option(
    "--user-dictionary",
    type=values.FilePath(),
    metavar="FILE",
    help="Words that the segmenter should find, in its own format; for jieba, one word per line. A vocabulary folder "
    "contains a copy.",
)


segmenter_options = options.group(_SEGMENTER, _USER_DICTIONARY)


def check_segmenter(arguments: Mapping[str, Any]) -> None:
    """Raise ``click.UsageError`` for a user dictionary without a segmenter."""
    if arguments["user_dictionary"] is not None and arguments["segmenter"] is None:
        raise click.UsageError("--user-dictionary is for a segmenter: pass also --segmenter jieba")
