"""Functions that run in Spark's Python workers.

Spark sends these functions by name, so workers need tokemb. Each worker uses one thread, as Spark runs one worker per
core.
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

from tokemb._arrays import STRINGS, Int64
from tokemb.counts.token_counts import tally_tokens
from tokemb.encoder import Encoder
from tokemb.engine import TokenCounter
from tokemb.engine.tally import Tally
from tokemb.integrations.spark import sums
from tokemb.models.embedder import Embedder
from tokemb.rows.pair_windows import PAIR_STARTS
from tokemb.rows.ragged import Ragged
from tokemb.sources.columnar import validate
from tokemb.sources.columns import Columns, Location
from tokemb.vocabulary.oov_buckets import OovBuckets
from tokemb.vocabulary.pad_truncate import PadTruncate
from tokemb.vocabulary.pair_template import PAIR_COLUMNS
from tokemb.vocabulary.profiles import Profile, get_profile
from tokemb.vocabulary.tokenizer_json import tokenizer_of

Batches = Iterator[pa.RecordBatch]

# The distance between the indices of the first tokens of two partitions. No partition has as many tokens.
PARTITION_TOKENS = 1 << 40
# The approximate maximum number of distinct tokens in a worker. It then yields its counts and starts again.
MAX_DISTINCT = 1 << 19
# The number of vocabularies and models that a worker caches for further partitions.
_CACHE_SIZE = 4

_cache: dict[tuple[Any, ...], Any] = {}
_Cached = TypeVar("_Cached")


def count_partition(batches: Batches, *, column: str, profile: str, missing: str) -> Batches:
    """Count the texts of one partition and yield rows of ``sums.PACKED``. A token can occur several times."""
    first = _partition() * PARTITION_TOKENS
    for tally in _tallies((texts for _, texts in _texts(batches, column, missing)), get_profile(profile)):
        yield from sums.pack_tally(tally, first)
        first += len(tally.tokens)


def encode_partition(
    batches: Batches,
    *,
    vocabulary: Broadcast[bytes],
    column: str,
    missing: str,
    output: str,
    padded: bool,
    options: dict[str, Any],
) -> Batches:
    """Append a column of ids to the batches of one partition. ``options`` are arguments of ``Encoder.encode``."""
    encoder = deserialize_encoder(vocabulary.value)
    for batch, texts in _texts(batches, column, missing):
        if padded:
            ids = _padded_lists(encoder.encode(texts, threads=1, **options))
        else:
            ids = _ragged(encoder.encode_ragged(texts, threads=1, **options))
        yield batch.append_column(output, ids)


def split_partition(
    batches: Batches,
    *,
    vocabulary: Broadcast[bytes],
    column: str,
    missing: str,
    output: str,
    shape: PadTruncate,
    padded: bool,
    overlap: int,
) -> Batches:
    """Append columns of ids and of the start of each window. The rows of the partition are repeated for each window."""
    encoder = deserialize_encoder(vocabulary.value)
    for batch, texts in _texts(batches, column, missing):
        encoded, row, start = encoder.encode_column_windows(texts, shape, overlap, 1)
        ids = _padded_lists(shape.pad(encoded.rows, encoder.require_pad_id())) if padded else _ragged(encoded.rows)
        yield batch.take(pa.array(row)).append_column(output, ids).append_column("start", pa.array(start))


def pair_partition(
    batches: Batches,
    *,
    vocabulary: Broadcast[bytes],
    columns: tuple[str, str],
    missing: str,
    output: str,
    shape: PadTruncate,
    padded: bool,
    overlap: int | None,
) -> Batches:
    """Append columns of ids and type ids of pairs of texts, and with ``padded`` of their attention mask.

    With ``overlap``, the columns of the starts of each window follow, and rows are repeated for each window.
    """
    encoder, (first_column, second_column) = deserialize_encoder(vocabulary.value), columns
    seconds, row = Columns(second_column, (), missing), 1
    for batch, texts in _texts(batches, first_column, missing):
        location = Location(f"partition {_partition()}", "row", row)
        second = validate(batch.column(second_column), second_column, location, "strict")
        second = seconds.as_text(second_column, second, location)
        starts: list[pa.Array] = []
        row += len(batch)
        if overlap is None:
            encoded, first_lengths = encoder.encode_column_pairs(texts, second, shape, location.first - 1, 1)
        else:
            encoded, first_lengths, places = encoder.encode_column_pair_windows(
                texts, second, shape, overlap, location.first - 1, 1
            )
            batch, starts = batch.take(pa.array(places.row)), [*map(pa.array, places[1:])]
        arrays = _pair_arrays(encoder, encoded.rows, first_lengths, shape if padded else None)
        names = [output, *PAIR_COLUMNS[1 : len(arrays)], *PAIR_STARTS[: len(starts)]]
        for name, array in zip(names, [*arrays, *starts], strict=True):
            batch = batch.append_column(name, array)
        yield batch


def _pair_arrays(encoder: Encoder, rows: Ragged, first_lengths: Int64, shape: PadTruncate | None) -> list[pa.ListArray]:
    """Return the ids and type ids of pairs, and with the ``shape`` of padded rows their attention mask."""
    template = encoder.pair_template
    if shape is None:
        return [_ragged(rows), _ragged(template.type_ids(rows, first_lengths))]
    ids, fill_first = shape.pad(rows, encoder.require_pad_id()), shape.padding == "pre"
    masks = template.padded_masks(first_lengths, rows.lengths, ids.shape[1], fill_first=fill_first)
    return [_padded_lists(ids), *map(_padded_lists, masks)]


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
    """Append a column of pooled vectors to the batches of one partition."""
    encoder = deserialize_encoder(vocabulary.value)
    embedder = _embedder(model.value, encoder)
    for batch, texts in _texts(batches, column, missing):
        vectors = embedder.pool_rows(encoder.encode_ragged(texts, threads=1), pooling)
        yield batch.append_column(output, _padded_lists(vectors))


def serialize_encoder(encoder: Encoder) -> bytes:
    """Return everything that a worker needs of a vocabulary, as JSON.

    Raises:
        ArgumentError: If its tokens are n-grams, or it has a segmenter.
    """
    encoder.require_no_segmenter("Spark")
    encoder.require_unigrams("encoded with Spark")
    options = {"pad_id": encoder.pad_id, "profile": encoder.profile, "oov": encoder.oov}
    buckets = None if encoder.buckets is None else encoder.buckets.to_json()
    contents = {
        "fingerprint": encoder.fingerprint,
        "options": options,
        "buckets": buckets,
        "specification": encoder.specification,
    }
    # The words of a large vocabulary are a map that is no dictionary.
    return json.dumps(contents, ensure_ascii=False, default=dict).encode()


def deserialize_encoder(vocabulary: bytes) -> Encoder:
    """Return the encoder of the result of ``serialize_encoder``. A worker caches it with the tables of its kernels."""
    return _cached(("encoder", hashlib.sha256(vocabulary).digest()), lambda: _make_encoder(vocabulary))


def _make_encoder(vocabulary: bytes) -> Encoder:
    contents = json.loads(vocabulary)
    specification = contents["specification"]
    return Encoder(
        specification,
        tokenizer_of(specification),
        known_fingerprint=contents["fingerprint"],
        buckets=OovBuckets.from_json(contents["buckets"]),
        **contents["options"],
    )


def _embedder(model: bytes, encoder: Encoder) -> Embedder:
    def load() -> Embedder:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "model.keras"
            path.write_bytes(model)
            return Embedder(path, encoder, threads=1)

    return _cached(("embedder", hashlib.sha256(model).digest(), encoder.fingerprint, encoder.pad_id), load)


def _cached(key: tuple[Any, ...], make: Callable[[], _Cached]) -> _Cached:
    if key not in _cache:
        while len(_cache) >= _CACHE_SIZE:
            del _cache[next(iter(_cache))]
        _cache[key] = make()
    value: _Cached = _cache[key]
    return value


def _partition() -> int:
    context = TaskContext.get()
    return 0 if context is None else context.partitionId()


def _texts(batches: Batches, column: str, missing: str) -> Iterator[tuple[pa.RecordBatch, pa.Array]]:
    """Split batches to a suitable size. Yield rows of all columns and their validated texts."""
    columns, source, row = Columns(column, (), missing), f"partition {_partition()}", 1
    for batch in batches:
        location = Location(source, "row", row)
        texts = validate(batch.column(column), column, location, "strict")
        start = 0
        for part in columns.batches(column, texts, {}, location):
            yield batch.slice(start, len(part)), part.column(0)
            start += len(part)
        row += len(batch)


def _tallies(texts: Iterator[pa.Array], profile: Profile) -> Iterator[Tally]:
    """Count texts or rows of tokens. Yield the counts whenever they have too many distinct tokens."""
    counter = TokenCounter(profile, 1)
    for batch in texts:
        if batch.type != STRINGS:
            yield tally_tokens(batch)
            continue
        counter.add(batch)
        if counter.distinct > MAX_DISTINCT:
            yield counter.result()
            counter = TokenCounter(profile, 1)
    yield counter.result()


def _ragged(rows: Ragged) -> pa.ListArray:
    return _lists(rows.values, rows.row_splits)


def _padded_lists(array: Any) -> pa.ListArray:  # noqa: ANN401 - an array (rows, length)
    return _lists(array.reshape(-1), np.arange(len(array) + 1, dtype=np.int64) * array.shape[1])


def _lists(values: Any, splits: Any) -> pa.ListArray:  # noqa: ANN401 - arrays
    return pa.ListArray.from_arrays(pa.array(splits.astype(np.int32)), pa.array(values))
