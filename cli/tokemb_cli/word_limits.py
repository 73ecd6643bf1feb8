"""The options of words that a vocabulary leaves out or keeps."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from tokemb_cli import options, values

# The values of options that are not given.
UNUSED: Mapping[str, Any] = {"min_documents": 1, "max_documents": None, "stop_words": None, "keep_words": None}

word_limits = options.group(
    click.option(
        "--min-documents",
        type=values.Documents(),
        default=1,
        metavar="ROWS",
        help="Leave out words in fewer rows than this: a number such as 5, or a share such as 0.001.  [default: 1]",
    ),
    click.option(
        "--max-documents",
        type=values.Documents(),
        metavar="ROWS",
        help="Leave out words in more rows than this: a number, or a share such as 0.5.",
    ),
    click.option(
        "--stop-words",
        type=values.FilePath(),
        metavar="FILE",
        help="Leave out the words in this text file, one per line. They become out of vocabulary.",
    ),
    click.option(
        "--keep-words",
        type=values.FilePath(),
        metavar="FILE",
        help="Text file of words, one per line, that are never left out if they occur.",
    ),
)
