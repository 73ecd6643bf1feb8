"""Where texts come from: values in memory, or files."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain, islice
from pathlib import Path
from typing import Any

import pyarrow as pa

from tokemb.textfiles import read_lines
from tokemb.texts import batches


def corpus_batches(texts: Path | Iterable[Any]) -> Iterator[pa.Array]:
    """Yield texts as Arrow arrays of a few megabytes: ``large_string``, or ``large_list<large_string>`` for tokens.

    ``texts``: a ``pathlib.Path`` or several, which are text files, a row a line; anything else is texts themselves,
    as ``tokemb.texts.batches`` takes them.
    """
    if isinstance(texts, Path):
        return read_lines(texts)
    if isinstance(texts, Iterator):  # a generator, of paths as Path.glob gives or of texts: look at the first
        first = list(islice(texts, 1))
        texts = chain(first, texts)
        return read_lines(texts) if first and isinstance(first[0], Path) else batches(texts)
    if isinstance(texts, (list, tuple)) and texts and isinstance(texts[0], Path):
        return read_lines(texts)
    return batches(texts)
