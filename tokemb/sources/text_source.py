"""Sources of texts: values in memory, or files."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Set
from itertools import chain, islice
from pathlib import Path
from typing import Any

import pyarrow as pa

from tokemb.errors import TextTypeError
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
