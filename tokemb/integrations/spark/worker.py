"""What runs in Spark's Python workers.

Spark sends these functions by their names, so tokemb is to be installed there too. A worker has one thread: Spark runs
as many of them as there are cores.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pyarrow as pa
from pyspark import Broadcast, TaskContext

from tokemb._arrays import STRINGS
from tokemb.counts.token_counts import tally_tokens
from tokemb.encoder import Encoder
from tokemb.engine import TokenCounter
from tokemb.engine.tally import Tally
from tokemb.integrations.spark import sums
from tokemb.models.embedder import Embedder
from tokemb.rows.ragged import Ragged
from tokemb.sources.columnar import validate
from tokemb.sources.columns import Columns, Location
from tokemb.vocabulary.profiles import Profile, get_profile
from tokemb.vocabulary.tokenizer_json import tokenizer_of

Batches = Iterator[pa.RecordBatch]

# Where the first token of a partition stands, and those of the next one: no partition has as many tokens.
PARTITION_TOKENS = 1 << 40
# A worker keeps at most about so many distinct tokens; then it hands over what it counted, and starts again.
MOST_DISTINCT = 1 << 19
# Vocabularies, and models, that a worker keeps ready for the next partition.
_MOST_KEPT = 4

_kept: dict[tuple[Any, ...], Any] = {}
_Kept = TypeVar("_Kept")


def count_partition(batches: Batches, *, column: str, profile: str, missing: str) -> Batches:
    """Count the texts of one partition: rows of ``sums.PACKED``, in which a token can come several times."""
    first = _partition() * PARTITION_TOKENS
    for tally in _tallies((texts for _, texts in _texts(batches, column, missing)), get_profile(profile)):
        yield from sums.packed(tally, first)
        first += len(tally.tokens)


def encode_partition(
    batches: Batches,
    *,
    vocabulary: Broadcast[bytes],
    column: str,
    missing: str,
    output: str,
    padded: bool,
    settings: dict[str, Any],
) -> Batches:
    """Put a column of ids beside the columns of one partition; ``settings`` are arguments of ``Encoder.encode``."""
    encoder = unpacked(vocabulary.value)
    for batch, texts in _texts(batches, column, missing):
        if padded:
            ids = encoder.encode(texts, threads=1, **settings)
            rows = Ragged(ids.reshape(-1), np.arange(len(ids) + 1, dtype=np.int64) * ids.shape[1])
        else:
            rows = encoder.encode_ragged(texts, threads=1, **settings)
        yield batch.append_column(output, _lists(rows.values, rows.row_splits))


def embed_partition(
    batches: Batches,
    *,
    vocabulary: Broadcast[bytes],
    model: Broadcast[bytes],
    column: str,
    missing: str,
    output: str,
    pooling: str,
) -> Batches:
    """Put a column of pooled vectors beside the columns of one partition."""
    encoder = unpacked(vocabulary.value)
    embedder = _embedder(model.value, encoder)
    for batch, texts in _texts(batches, column, missing):
        vectors = embedder.pool_rows(encoder.encode_ragged(texts, threads=1), pooling)
        splits = np.arange(len(vectors) + 1, dtype=np.int64) * vectors.shape[1]
        yield batch.append_column(output, _lists(vectors.reshape(-1), splits))


def packed(encoder: Encoder) -> bytes:
    """What a worker needs of a vocabulary, as JSON."""
    kept = {"pad_id": encoder.pad_id, "profile": encoder.profile, "oov": encoder.oov}
    about = {"fingerprint": encoder.fingerprint, "kept": kept, "specification": encoder.specification}
    return json.dumps(about, ensure_ascii=False).encode()


def unpacked(vocabulary: bytes) -> Encoder:
    """The encoder of what ``packed`` made: made, and its kernels' tables filled, once in the life of a worker."""
    return _once(("encoder", hashlib.sha256(vocabulary).digest()), lambda: _unpack(vocabulary))


def _unpack(vocabulary: bytes) -> Encoder:
    about = json.loads(vocabulary)
    specification = about["specification"]
    return Encoder(specification, tokenizer_of(specification), known_fingerprint=about["fingerprint"], **about["kept"])


def _embedder(model: bytes, encoder: Encoder) -> Embedder:
    def load() -> Embedder:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "model.keras"
            path.write_bytes(model)
            return Embedder(path, encoder, threads=1)

    return _once(("embedder", hashlib.sha256(model).digest(), encoder.fingerprint, encoder.pad_id), load)


def _once(key: tuple[Any, ...], make: Callable[[], _Kept]) -> _Kept:
    if key not in _kept:
        while len(_kept) >= _MOST_KEPT:
            del _kept[next(iter(_kept))]
        _kept[key] = make()
    made: _Kept = _kept[key]
    return made


def _partition() -> int:
    context = TaskContext.get()
    return 0 if context is None else context.partitionId()


def _texts(batches: Batches, column: str, missing: str) -> Iterator[tuple[pa.RecordBatch, pa.Array]]:
    """Cut batches to a good size: some rows of all columns, and the texts in them, checked."""
    columns, where, row = Columns(column, (), missing), f"partition {_partition()}", 1
    for batch in batches:
        place = Location(where, "row", row)
        texts = validate(batch.column(column), column, place, "strict")
        start = 0
        for part in columns.batches(column, texts, {}, place):
            yield batch.slice(start, len(part)), part.column(0)
            start += len(part)
        row += len(batch)


def _tallies(texts: Iterator[pa.Array], profile: Profile) -> Iterator[Tally]:
    """Count texts, or rows of tokens; what is counted is handed over before it is too much."""
    counter = TokenCounter(profile, 1)
    for batch in texts:
        if batch.type != STRINGS:
            yield tally_tokens(batch)
            continue
        counter.add(batch)
        if counter.distinct > MOST_DISTINCT:
            yield counter.result()
            counter = TokenCounter(profile, 1)
    yield counter.result()


def _lists(values: Any, splits: Any) -> pa.ListArray:  # noqa: ANN401 - arrays
    return pa.ListArray.from_arrays(pa.array(splits.astype(np.int32)), pa.array(values))
