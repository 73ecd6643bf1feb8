"""The inputs of ``tokemb report``: texts, counts, vocabularies and tables."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tokemb_cli import corpus, options
from tokemb_cli.console import quoted

if TYPE_CHECKING:
    import pyarrow as pa

    from tokemb import ColumnEncoder, Encoder, TokenCounts

    # A function that opens a corpus, because some figures require that it is read twice.
    Opened = Callable[[], Iterator[pa.RecordBatch]]


def is_vocabulary(texts: corpus.Corpus) -> bool:
    """Return whether the input is a vocabulary."""
    from tokemb.vocabulary.folder import TOKENIZER

    path = Path(texts.files[0])
    return len(texts.files) == 1 and ((path / TOKENIZER).is_file() or path.suffix == ".json")


def splitting_flags(texts: corpus.Corpus) -> list[str]:
    """Return the options with which ``tokemb fit-vocab`` makes rows as the vocabulary that is the input does."""
    if not is_vocabulary(texts):
        return []
    from tokemb import Encoder

    encoder = Encoder.load(texts.files[0])
    from tokemb.vocabulary.folder import USER_DICTIONARY

    segmenter, buckets = encoder.segmenter, encoder.buckets
    dictionary = None
    if segmenter is not None and segmenter.user_dictionary is not None:
        dictionary = str(Path(texts.files[0]) / USER_DICTIONARY)
    start, end = (None if index is None else encoder.vocabulary[index] for index in (encoder.start_id, encoder.end_id))
    values = {
        "profile": encoder.profile if encoder.profile != "words" else None,
        "segmenter": None if segmenter is None else segmenter.name,
        "user-dictionary": dictionary,
        "ngrams": ",".join(map(str, encoder.beyond_tokenizer_json.get("ngrams", ()))),
        "start": start,
        "end": end,
        "oov-buckets": None if buckets is None else str(buckets.count),
        "salt": None if buckets is None or buckets.salt is None else ",".join(map(str, buckets.salt)),
    }
    return [f"--{name} {quoted(value)}" for name, value in values.items() if value]


def columns(texts: corpus.Corpus) -> ColumnEncoder | None:
    """Load a folder of columns, if that is the input."""
    from tokemb import ColumnEncoder
    from tokemb.files.folders import is_columns_folder

    path = Path(texts.files[0])
    return ColumnEncoder.load(path) if len(texts.files) == 1 and is_columns_folder(path) else None


def source(texts: corpus.Corpus) -> Encoder | TokenCounts | Opened:
    """Return the vocabulary, the counts, or a function that reads the texts."""
    if is_vocabulary(texts):
        from tokemb import Encoder

        return Encoder.load(texts.files[0])
    return options.added_counts(texts.files) if options.are_counts(texts.files) else lambda: _read(texts)


def new_texts(texts: corpus.Corpus, on: tuple[str, ...]) -> TokenCounts | Opened | None:
    """Return the new counts, or a function that reads the new texts with the options of ``texts``."""
    if not on:
        return None
    return options.added_counts(on) if options.are_counts(on) else lambda: _read(replace(texts, files=on))


def table(texts: corpus.Corpus, names: Sequence[Sequence[str]]) -> Opened:
    """Return a function that reads the columns ``names``."""

    def read() -> Iterator[pa.RecordBatch]:
        with texts.open_table(names) as batches:
            yield from batches

    return read


def check_read_twice(texts: corpus.Corpus, option: str) -> None:
    """Raise ``click.UsageError`` if the input of ``option`` cannot be read twice."""
    if texts.identity() is None:
        raise click.UsageError(f"{option} reads the input twice, which a pipe does not allow: pass files")


def _read(texts: corpus.Corpus) -> Iterator[pa.RecordBatch]:
    with texts.open() as batches:
        yield from batches
