"""Sources of texts: values in memory, or files."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Set
from itertools import chain, islice
from pathlib import Path
from typing import Any

import pyarrow as pa

from tokemb._arrays import STRINGS
from tokemb.errors import ArgumentError, TextTypeError
from tokemb.sources.corpus import read_corpus
from tokemb.sources.tensorflow_texts import is_tensorflow
from tokemb.sources.texts import batches


def text_batches(texts: Path | Iterable[Any]) -> Iterator[pa.Array]:
    """Yield texts as Arrow arrays of a few megabytes.

    Args:
        texts: One or several ``pathlib.Path``, which are read with ``tokemb.read_corpus``. Anything else is passed to
            ``tokemb.sources.texts.batches``.

    Yields:
        Arrow arrays ``(rows,)``: ``large_string``, or ``large_list<large_string>`` for rows of tokens.
    """
    if isinstance(texts, Path):
        return _read([texts])
    if isinstance(texts, Iterator) and not is_tensorflow(texts):
        # A generator yields paths, as Path.glob does, or texts. The first item decides.
        first = list(islice(texts, 1))
        texts, has_paths = chain(first, texts), any(isinstance(item, Path) for item in first)
    else:
        has_paths = isinstance(texts, (list, tuple, Set)) and any(isinstance(item, Path) for item in islice(texts, 1))
    return _read(_only_paths(texts)) if has_paths else batches(texts)


def pair_batches(first: Iterator[pa.Array], second: Iterator[pa.Array]) -> Iterator[tuple[int, pa.Array, pa.Array]]:
    """Yield two columns, as ``text_batches`` yields them, in arrays of the same length.

    Yields:
        The number of the first row, and that row and the following ones of both columns.

    Raises:
        ArgumentError: If one column has more texts than the other.
    """
    row, left, right = 0, pa.array([], STRINGS), pa.array([], STRINGS)
    while True:
        left = left if len(left) else next(first, left)
        right = right if len(right) else next(second, right)
        size = min(len(left), len(right))
        if not size:
            break
        yield row, left.slice(0, size), right.slice(0, size)
        row, left, right = row + size, left.slice(size), right.slice(size)
    if len(left) or len(right):
        longer, shorter = ("first", "second") if len(left) else ("second", "first")
        raise ArgumentError(
            f"first and second must have the same number of texts; {longer} has more than the {row} of {shorter}"
        )


def _read(paths: Iterable[Path]) -> Iterator[pa.Array]:
    for batch in read_corpus(paths):
        if len(batch):
            yield batch.column(0)


def _only_paths(paths: Iterable[Any]) -> Iterator[Path]:
    for path in paths:
        if not isinstance(path, Path):
            raise TextTypeError(
                f"texts and files cannot be mixed: every item must be a pathlib.Path; received {path!r:.80}"
            )
        yield path
