"""From strings to rows of ids with TensorFlow's operations: what the scanner does, for all characters at once."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from tokemb.keras.layers.context_rules import (
    BEGINS_ANEW,
    CASED,
    FINAL_SIGMA,
    MARK_ORDER,
    PASSED_OVER,
    SIGMA,
    SMALL_FINAL_SIGMA,
)
from tokemb.keras.layers.unicode_table import NOTHING, UnicodeTable
from tokemb.kernels.structs import ALONE, JOINS, KEPT, PAGE, RUN_BITS

# Of TensorFlow, which is untyped.
Tensor = Any


def pretokenize(texts: Tensor, characters: UnicodeTable) -> tuple[Tensor, Tensor]:
    """The pieces of ``texts``, string (batch,), one after the other: string (pieces,), and their rows, int64 (pieces,).

    Fails in the graph, with ``InvalidArgumentError``, for bytes that are not UTF-8.
    """
    decoded = tf.strings.unicode_decode(texts, "UTF-8", errors="strict")
    normal, classes, rows = _normalize(decoded.flat_values, decoded.value_rowids(), characters)
    joins = _has(classes, JOINS)
    run = tf.bitwise.bitwise_or(tf.bitwise.bitwise_and(classes, RUN_BITS), KEPT)
    joined = joins & (_shift(classes, rows, 1) == run) & (_shift(classes, rows, -1) == run)
    classes = tf.where(joins, tf.where(joined, run, 0), classes)
    kept = _has(classes, KEPT)
    begins = kept & ((_shift(classes, rows, 1) != classes) | _has(classes, ALONE))
    starts = tf.where(tf.boolean_mask(begins, kept))[:, 0]
    pieces = tf.RaggedTensor.from_row_starts(tf.boolean_mask(normal, kept), starts, validate=False)
    return tf.strings.unicode_encode(pieces, "UTF-8", errors="strict"), tf.boolean_mask(rows, begins)


def pad_rows(
    ids: Tensor, rows: Tensor, batch: Tensor, maxlen: int | None, padding: str, truncating: str, pad_id: int
) -> Tensor:
    """Put ``ids``, int32 (total,), of ``rows``, int64 (total,), ascending, into int32 (batch, maxlen).

    ``maxlen``: ``None`` for the longest row. The other settings are those of ``Encoder.encode``.
    """
    lengths = tf.math.unsorted_segment_sum(tf.ones_like(rows), rows, batch)
    longest = tf.reduce_max(tf.concat([lengths, [0]], 0))
    length = longest if maxlen is None else tf.constant(maxlen, tf.int64)
    places = tf.range(tf.size(rows, tf.int64)) - tf.gather(tf.cumsum(lengths, exclusive=True), rows)
    if truncating == "pre":
        places -= tf.gather(tf.maximum(lengths - length, 0), rows)
    fits = (places >= 0) & (places < length)
    if padding == "pre":
        places += tf.gather(tf.maximum(length - lengths, 0), rows)
    where = tf.boolean_mask(tf.stack([rows, places], axis=1), fits)
    empty = tf.fill(tf.stack([tf.cast(batch, tf.int64), length]), tf.constant(pad_id, tf.int32))
    return tf.tensor_scatter_nd_update(empty, where, tf.boolean_mask(ids, fits))


def _normalize(codes: Tensor, rows: Tensor, characters: UnicodeTable) -> tuple[Tensor, Tensor, Tensor]:
    """What the characters ``codes``, int32 (total,), become, their classes and their rows."""
    page = tf.gather(tf.constant(characters.page_of), tf.bitwise.right_shift(codes, PAGE.bit_length() - 1))
    entries = page * PAGE + tf.bitwise.bitwise_and(codes, PAGE - 1)
    if characters.rule == FINAL_SIGMA:
        codes, entries = _with_final_sigmas(codes, entries, rows, characters)
    most = characters.becomes.shape[1]
    normal = tf.reshape(codes[:, None] + tf.gather(tf.constant(characters.becomes), entries), [-1])
    classes = tf.reshape(tf.gather(tf.constant(characters.classes), entries), [-1])
    rows = tf.repeat(rows, most)
    if characters.rule == MARK_ORDER:
        contexts = tf.reshape(tf.gather(tf.constant(characters.contexts), entries), [-1])
        normal, classes = _with_marks_in_order(normal, classes, rows, contexts)
    there = classes != NOTHING
    return tuple(tf.boolean_mask(values, there) for values in (normal, classes, rows))


def _with_final_sigmas(codes: Tensor, entries: Tensor, rows: Tensor, characters: UnicodeTable) -> tuple[Tensor, Tensor]:
    contexts = tf.gather(tf.constant(characters.contexts[:, 0]), entries)
    seen = contexts != PASSED_OVER
    seen_rows = tf.boolean_mask(rows, seen)
    cased = tf.cast(tf.boolean_mask(contexts, seen) == CASED, tf.uint8)
    ends_word = (_shift(cased, seen_rows, 1) == 1) & (_shift(cased, seen_rows, -1) == 0)
    # A sigma has case, so it is among those that are seen.
    is_final = tf.scatter_nd(tf.where(seen), ends_word, tf.shape(codes, tf.int64)) & (codes == ord(SIGMA))
    final = ord(SMALL_FINAL_SIGMA)
    entry = int(characters.page_of[final // PAGE]) * PAGE + final % PAGE
    return tf.where(is_final, final, codes), tf.where(is_final, entry, entries)


def _with_marks_in_order(normal: Tensor, classes: Tensor, rows: Tensor, contexts: Tensor) -> tuple[Tensor, Tensor]:
    anew = (contexts == BEGINS_ANEW) | (_shift(tf.ones_like(contexts), rows, 1) == 0)
    place = tf.where(contexts == BEGINS_ANEW, tf.zeros_like(contexts), contexts)

    def ordered() -> tuple[Tensor, Tensor]:
        key = tf.cumsum(tf.cast(anew, tf.int64)) * (BEGINS_ANEW + 1) + tf.cast(place, tf.int64)
        order = tf.argsort(key, stable=True)
        return tf.gather(normal, order), tf.gather(classes, order)

    in_order: tuple[Tensor, Tensor] = tf.cond(tf.reduce_any(place > 0), ordered, lambda: (normal, classes))
    return in_order


def _shift(values: Tensor, rows: Tensor, by: int) -> Tensor:
    """For each of ``values`` the one before it (``by`` 1) or after it (-1) in its row, 0 where there is none."""
    neighbours, theirs = tf.roll(values, by, 0), tf.roll(rows, by, 0)
    numbers = tf.range(tf.size(values))
    at_end = numbers == (0 if by == 1 else tf.size(values) - 1)
    return tf.where((theirs == rows) & ~at_end, neighbours, tf.zeros_like(neighbours))


def _has(classes: Tensor, bit: int) -> Tensor:
    return tf.bitwise.bitwise_and(classes, bit) != 0
