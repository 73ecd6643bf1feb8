"""Texts to a folder of files of ids, some rows in each; a run that was stopped goes on where it was."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any

import pyarrow as pa

from tokemb.atomic import remove_temporaries
from tokemb.encoder import Encoder
from tokemb.errors import ArgumentError
from tokemb.pipeline.encoded_corpus import EncodedCorpus, Form, Piece
from tokemb.pipeline.encoding import append, ids_layout
from tokemb.pipeline.manifest import Manifest, shard_path
from tokemb.pipeline.report import EncodingReport
from tokemb.writing import FORMATS, check_layout, open_writer


@dataclass(frozen=True)
class Sharding:
    """How rows are spread: ``rows`` in each file but the last, of the format ``suffix``, such as ``".npz"``."""

    rows: int = 100_000
    suffix: str = ".npz"

    def __post_init__(self) -> None:
        if self.rows < 1:
            raise ArgumentError(f"rows per shard must be at least 1; received {self.rows}")
        if self.suffix not in FORMATS:
            raise ArgumentError(f"the format of shards must be one of {', '.join(FORMATS)}; received {self.suffix}")

    def path(self, folder: Path, index: int) -> Path:
        """Where the shard with this index, from 0, lies."""
        return shard_path(folder, index, self.suffix)


def encode_to_shards(
    encoder: Encoder,
    corpus: Iterator[pa.RecordBatch],
    inputs: dict[str, Any] | None,
    folder: Path,
    form: Form,
    sharding: Sharding,
    dtype: str = "int32",
    threads: int | None = None,
) -> tuple[EncodingReport, Manifest]:
    """Encode a corpus, as ``tokemb.read_corpus`` gives it, into ``folder``: ``part-00000.npz``, ..., and a manifest.

    ``inputs``: what tells this corpus from others, names and sizes of its files for instance. Shards that an earlier
    run of the same vocabulary, settings and inputs completed stay, and their rows are only read; the bytes are those
    of one run. ``None`` for a corpus that cannot be read again; then no run goes on.
    Returns what became of the rows of this run, and the manifest.
    Raises ``ArgumentError`` if the folder holds anything else, or rows are to be padded to the longest.
    """
    if not form.ragged and form.shape.fixed_length is None:
        raise ArgumentError("rows of many files must be of one length: pass maxlen (--maxlen), or write them ragged")
    manifest = Manifest(encoder.fingerprint, _settings(encoder, form, sharding, dtype), inputs)
    manifest.goes_on(folder)
    manifest.forget_damaged(sharding.path(folder, index) for index in range(len(manifest.rows)))
    if manifest.complete:
        return EncodingReport(), manifest
    encoded = EncodedCorpus(encoder, _without_first(corpus, sum(manifest.rows)), form, threads)
    check_layout(sharding.path(folder, 0), ids_layout(encoder, encoded, form, dtype))
    folder.mkdir(exist_ok=True)
    remove_temporaries(folder)
    manifest.save(folder)

    def write(pieces: Iterable[Piece]) -> None:
        path = sharding.path(folder, len(manifest.rows))
        with open_writer(path, ids_layout(encoder, encoded, form, dtype)) as writer:
            for piece in pieces:
                append(writer, encoded, piece)
        manifest.complete = writer.rows < sharding.rows  # no other comes after it
        manifest.add(path, writer.rows)
        manifest.save(folder)

    with encoded.pieces(folder) as pieces:
        encoded.report.layout = ids_layout(encoder, encoded, form, dtype)
        for _, parts in groupby(_cut(pieces, sharding.rows), key=itemgetter(0)):
            write(piece for _, piece in parts)
    if not manifest.rows:  # a loader finds the columns, if no rows
        write([])
    manifest.complete = True
    manifest.save(folder)
    return encoded.report, manifest


def _settings(encoder: Encoder, form: Form, sharding: Sharding, dtype: str) -> dict[str, Any]:
    shape = asdict(form.shape)
    return {
        **shape,
        "pad_id": encoder.pad_id,
        "keep": list(form.keep),
        "ragged": form.ragged,
        "dtype": dtype,
        "rows_per_shard": sharding.rows,
        "format": sharding.suffix,
    }


def _without_first(corpus: Iterator[pa.RecordBatch], rows: int) -> Iterator[pa.RecordBatch]:
    """The corpus without its first rows; at least one batch, if only of no rows."""
    for batch in corpus:
        skipped = min(rows, len(batch))
        rows -= skipped
        if not rows:
            yield batch.slice(skipped)
    if rows:
        raise ArgumentError("the texts have fewer rows than those of the shards that are there: name a new folder")


def _cut(pieces: Iterator[Piece], rows: int) -> Iterator[tuple[int, Piece]]:
    """Pieces that do not lie across shards, each after the number of its shard."""
    filled = 0
    for ids, kept in pieces:
        start = 0
        while start < len(ids):
            stop = min(len(ids), start + rows - filled % rows)
            yield filled // rows, (ids.slice(start, stop), kept.slice(start, stop - start))
            filled += stop - start
            start = stop
