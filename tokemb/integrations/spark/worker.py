"""Functions that run in Spark's Python workers.

Spark sends these functions by name, so workers need tokemb. Each worker uses one thread, as Spark runs one worker per
core.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Callable, Iterator, Sequence
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
from tokemb.keras.datasets.tags import class_ids, place_tags
from tokemb.keras.datasets.targets import TargetRows, shifted_rows
from tokemb.models.embedder import Embedder
from tokemb.rows.column_names import PACKED_COLUMNS, PAIR_COLUMNS, PAIR_STARTS, TARGET_COLUMNS
from tokemb.rows.packing import pack_pools
from tokemb.rows.ragged import Ragged
from tokemb.sources.columnar import validate
from tokemb.sources.columns import Columns, Location
from tokemb.sources.tag_columns import TagColumns
from tokemb.vocabulary.oov_buckets import OovBuckets
from tokemb.vocabulary.pad_truncate import PadTruncate
from tokemb.vocabulary.profiles import Profile, get_profile
from tokemb.vocabulary.tokenizer_json import tokenizer_of

Batches = Iterator[pa.RecordBatch]

# The distance between the indices of the first tokens of two partitions. No partition has as many tokens.
PARTITION_TOKENS = 1 << 40
# The approximate maximum number of distinct tokens in a worker. It then yields its counts and starts again.
MAX_DISTINCT = 1 << 19
# The number of vocabularies and models that a worker caches for further partitions.
_CACHE_SIZE = 4

# The approximate number of ids of a batch of packed rows.
_PACKED_IDS = 1 << 20

_cache: dict[tuple[Any, ...], Any] = {}
_Cached = TypeVar("_Cached")


def call_with_names(batches: Batches, *, function: Callable[[Batches], Batches], names: Sequence[str]) -> Batches:
    """Call a function for the batches of one partition, with these names of their columns."""
    return function(pa.RecordBatch.from_arrays(batch.columns, names=list(names)) for batch in batches)


def count_partition(batches: Batches, *, column: str, profile: str, missing: str) -> Batches:
    """Count the texts of one partition and yield rows of ``sums.PACKED``. A token can occur several times."""
    first = partition_number() * PARTITION_TOKENS
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
            ids = padded_lists(encoder.encode(texts, threads=1, **options))
        else:
            ids = ragged_lists(encoder.encode_ragged(texts, threads=1, **options))
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
        ids = _row_lists(encoder, encoded.rows, shape, padded)
        yield batch.take(pa.array(row)).append_column(output, ids).append_column("start", pa.array(start))


def pack_partition(
    batches: Batches,
    *,
    vocabulary: Broadcast[bytes],
    column: str,
    missing: str,
    output: str,
    shape: PadTruncate,
    overlap: int | None,
) -> Batches:
    """Yield rows that are filled with the texts of one partition, in the columns of ``PACKED_COLUMNS`` only."""
    encoder, maxlen = deserialize_encoder(vocabulary.value), shape.packed_length
    step = max(_PACKED_IDS // max(maxlen, 1), 1)
    texts = (batch for _, batch in _texts(batches, column, missing))
    rows = (encoder.encode_column_to_pack(batch, shape, overlap, 1) for batch in texts)
    for packed in pack_pools(rows, maxlen, 1):
        for start in range(0, len(packed), step):
            block = packed.slice(start, min(start + step, len(packed)))
            arrays = block.padded(maxlen, encoder.require_pad_id(), shape.padding)
            names = [output, *PACKED_COLUMNS[1:]]
            yield pa.RecordBatch.from_arrays([*map(padded_lists, arrays)], names=names)


def target_partition(
    batches: Batches,
    *,
    vocabulary: Broadcast[bytes],
    target_vocabulary: Broadcast[bytes],
    columns: tuple[str, str],
    missing: str,
    output: str,
    shape: PadTruncate,
    padded: bool,
    maxlen: int | None,
    targets_padded: bool,
) -> Batches:
    """Append columns of ids, and of target texts those of ``TARGET_COLUMNS``, the last with ``targets_padded`` only."""
    encoder, target_encoder = (deserialize_encoder(each.value) for each in (vocabulary, target_vocabulary))
    target_rows = TargetRows.of(target_encoder, maxlen)
    for batch, texts, target_texts, _ in _text_pairs(batches, columns, missing):
        rows, targets = encoder.encode_column(texts, shape, 1).rows, target_rows.encode(target_texts, 1)
        arrays = [_row_lists(encoder, rows, shape, padded)]
        if targets_padded:
            arrays += map(padded_lists, target_rows.shifted(targets, np.arange(len(targets))))
        else:
            arrays += map(ragged_lists, shifted_rows(targets))
        for name, array in zip([output, *TARGET_COLUMNS], arrays, strict=False):
            batch = batch.append_column(name, array)
        yield batch


def tag_partition(
    batches: Batches,
    *,
    vocabulary: Broadcast[bytes],
    columns: tuple[str, str],
    missing: str,
    output: str,
    shape: PadTruncate,
    padded: bool,
    classes: Sequence[str],
) -> Batches:
    """Append columns of ids, and of the ids and the weights of tags. ``columns`` hold tokens and tags."""
    encoder, (token_column, tag_column) = deserialize_encoder(vocabulary.value), columns
    tagged, row = TagColumns(token_column, tag_column, missing=missing), 1
    for batch in batches:
        location, start = Location(f"partition {partition_number()}", "row", row), 0
        tokens, tags = (validate(batch.column(name), name, location, "strict") for name in columns)
        for part in tagged.batches(token_column, tokens, {tag_column: tags}, location):
            encoded, words = encoder.encode_column_words(part.column(0), shape, 1)
            placed, weights = place_tags(words, class_ids(part.column(1), classes))
            rows = batch.slice(start, len(part)).append_column(output, _row_lists(encoder, encoded.rows, shape, padded))
            for name, values in (("tags", placed), ("weights", weights)):
                lists = padded_lists(shape.pad(values, 0)) if padded else ragged_lists(values)
                rows = rows.append_column(name, lists.cast(pa.list_(pa.float32())) if name == "weights" else lists)
            yield rows
            start += len(part)
        row += len(batch)


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
    encoder = deserialize_encoder(vocabulary.value)
    for batch, texts, second, first_row in _text_pairs(batches, columns, missing):
        starts: list[pa.Array] = []
        if overlap is None:
            encoded, first_lengths = encoder.encode_column_pairs(texts, second, shape, first_row, 1)
        else:
            encoded, first_lengths, places = encoder.encode_column_pair_windows(
                texts, second, shape, overlap, first_row, 1
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
        return [ragged_lists(rows), ragged_lists(template.type_ids(rows, first_lengths))]
    ids, fill_first = shape.pad(rows, encoder.require_pad_id()), shape.padding == "pre"
    masks = template.padded_masks(first_lengths, rows.lengths, ids.shape[1], fill_first=fill_first)
    return [padded_lists(ids), *map(padded_lists, masks)]


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
        yield batch.append_column(output, padded_lists(vectors))


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
    return cached(("encoder", hashlib.sha256(vocabulary).digest()), lambda: make_encoder(vocabulary))


def make_encoder(vocabulary: bytes) -> Encoder:
    """Return the encoder of the result of ``serialize_encoder``."""
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

    return cached(("embedder", hashlib.sha256(model).digest(), encoder.fingerprint, encoder.pad_id), load)


def cached(key: tuple[Any, ...], make: Callable[[], _Cached]) -> _Cached:
    """Return what ``make`` returned for this key, or call it. A worker caches a few vocabularies and models."""
    if key not in _cache:
        while len(_cache) >= _CACHE_SIZE:
            del _cache[next(iter(_cache))]
        _cache[key] = make()
    value: _Cached = _cache[key]
    return value


def partition_number() -> int:
    """Return the number of the partition of this worker."""
    context = TaskContext.get()
    return 0 if context is None else context.partitionId()


def _texts(batches: Batches, column: str, missing: str) -> Iterator[tuple[pa.RecordBatch, pa.Array]]:
    """Split batches to a suitable size. Yield rows of all columns and their validated texts."""
    columns, source, row = Columns(column, (), missing), f"partition {partition_number()}", 1
    for batch in batches:
        location = Location(source, "row", row)
        texts = validate(batch.column(column), column, location, "strict")
        start = 0
        for part in columns.batches(column, texts, {}, location):
            yield batch.slice(start, len(part)), part.column(0)
            start += len(part)
        row += len(batch)


def _text_pairs(
    batches: Batches, columns: tuple[str, str], missing: str
) -> Iterator[tuple[pa.RecordBatch, pa.Array, pa.Array, int]]:
    """Yield rows of all columns, the validated texts of two of them, and the number of the first row, from 0 on."""
    (first_column, second_column), row = columns, 1
    seconds = Columns(second_column, (), missing)
    for batch, texts in _texts(batches, first_column, missing):
        location = Location(f"partition {partition_number()}", "row", row)
        second = validate(batch.column(second_column), second_column, location, "strict")
        yield batch, texts, seconds.as_text(second_column, second, location), row - 1
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


def _row_lists(encoder: Encoder, rows: Ragged, shape: PadTruncate, padded: bool) -> pa.ListArray:
    return padded_lists(shape.pad(rows, encoder.require_pad_id())) if padded else ragged_lists(rows)


def ragged_lists(rows: Ragged) -> pa.ListArray:
    """Return rows as a column of lists."""
    return _lists(rows.values, rows.row_splits)


def padded_lists(array: Any) -> pa.ListArray:  # noqa: ANN401
    """Return the rows of an array ``(rows, length)`` as a column of lists."""
    return _lists(array.reshape(-1), np.arange(len(array) + 1, dtype=np.int64) * array.shape[1])


def _lists(values: Any, splits: Any) -> pa.ListArray:  # noqa: ANN401 - arrays
    return pa.ListArray.from_arrays(pa.array(splits.astype(np.int32)), pa.array(values))
