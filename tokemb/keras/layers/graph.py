"""Pre-tokenize strings and pad ids with TensorFlow operations, as the scanner does, for all characters at once."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from tokemb.engine.ngrams import SEPARATOR
from tokemb.keras.layers.context_rules import (
    CASED,
    FINAL_SIGMA,
    IGNORED,
    MARK_ORDER,
    RESETS_ORDER,
    SIGMA,
    SMALL_FINAL_SIGMA,
)
from tokemb.keras.layers.unicode_table import NOTHING, UnicodeTable
from tokemb.kernels.structs import ALONE, JOINS, KEPT, PAGE, RUN_BITS
from tokemb.vocabulary.character_runs import TRANSPARENT
from tokemb.vocabulary.oov_buckets import OovBuckets

Tensor = Any  # TensorFlow is untyped


def pretokenize(texts: Tensor, characters: UnicodeTable) -> tuple[Tensor, Tensor, Tensor]:
    """Split texts into pre-tokens.

    Bytes that are not UTF-8 are an ``InvalidArgumentError`` of TensorFlow when the graph runs.

    Args:
        texts: string ``(batch,)``.
        characters: The normalization and class of each character.

    Returns:
        The pre-tokens of all texts, string ``(pre-tokens,)``, their rows, and their runs, as ``split_runs`` defines
        them, both int64 ``(pre-tokens,)`` and ascending.
    """
    decoded = tf.strings.unicode_decode(texts, "UTF-8", errors="strict")
    normalized, classes, rows = _normalize(decoded.flat_values, decoded.value_rowids(), characters)
    joins = _has(classes, JOINS)
    run = tf.bitwise.bitwise_or(tf.bitwise.bitwise_and(classes, RUN_BITS), KEPT)
    joined = joins & (_shift(classes, rows, 1) == run) & (_shift(classes, rows, -1) == run)
    classes = tf.where(joins, tf.where(joined, run, 0), classes)
    kept = _has(classes, KEPT)
    begins = kept & ((_shift(classes, rows, 1) != classes) | _has(classes, ALONE))
    starts = tf.where(tf.boolean_mask(begins, kept))[:, 0]
    pretokens = tf.RaggedTensor.from_row_starts(tf.boolean_mask(normalized, kept), starts, validate=False)
    pretoken_rows = tf.boolean_mask(rows, begins)
    separators = tf.boolean_mask(tf.cumsum(tf.cast(~kept & ~_is_transparent(normalized), tf.int64)), begins)
    runs = _runs(pretoken_rows, separators, tf.boolean_mask(_has(classes, ALONE), begins))
    return tf.strings.unicode_encode(pretokens, "UTF-8", errors="strict"), pretoken_rows, runs


def join_ngrams(pretokens: Tensor, rows: Tensor, runs: Tensor, lengths: Sequence[int]) -> tuple[Tensor, Tensor]:
    """Form the n-grams of pre-tokens.

    Args:
        pretokens: string ``(pre-tokens,)``.
        rows: The row of each pre-token, ascending, int64 ``(pre-tokens,)``.
        runs: The runs within which n-grams are formed, ascending, int64 ``(pre-tokens,)``.
        lengths: The lengths of the n-grams, in their order in a row.

    Returns:
        The n-grams, string ``(n-grams,)``, and their rows, ascending, int64 ``(n-grams,)``.
    """
    in_runs = tf.RaggedTensor.from_value_rowids(pretokens, runs, validate=False)
    row_of_run = tf.math.segment_max(rows, runs)
    parts = [tf.strings.ngrams(in_runs, length, separator=SEPARATOR) for length in lengths]
    ngram_rows = tf.concat([tf.gather(row_of_run, part.value_rowids()) for part in parts], 0)
    order = tf.argsort(ngram_rows, stable=True)
    return tf.gather(tf.concat([part.flat_values for part in parts], 0), order), tf.gather(ngram_rows, order)


def _runs(rows: Tensor, separators: Tensor, alone: Tensor) -> Tensor:
    """Return the run of each pre-token.

    Args:
        rows: The row of each pre-token.
        separators: The number of separators before it in all rows.
        alone: Whether it is a character that is a token of its own.
    """
    separated = separators[1:] > separators[:-1]
    splits = (rows[1:] > rows[:-1]) | (separated & (alone[1:] | alone[:-1]))
    return tf.concat([tf.zeros_like(rows[:1]), tf.cumsum(tf.cast(splits, tf.int64))], 0)


def _is_transparent(codes: Tensor) -> Tensor:
    ranges = [(codes >= first) & (codes <= last) for first, last in TRANSPARENT]
    return functools.reduce(tf.logical_or, ranges)


def bucket_ids(tokens: Tensor, buckets: OovBuckets) -> Tensor:
    """Return the bucket of each token, int32 ``(tokens,)``, from 0.

    Args:
        tokens: string ``(tokens,)``.
        buckets: The buckets.
    """
    if buckets.salt is None:
        hashed = tf.strings.to_hash_bucket_fast(tokens, buckets.count)
    else:
        hashed = tf.strings.to_hash_bucket_strong(tokens, buckets.count, list(buckets.salt))
    return tf.cast(hashed, tf.int32)


def pad_rows(
    ids: Tensor, rows: Tensor, batch: Tensor, maxlen: int | None, padding: str, truncating: str, pad_id: int
) -> Tensor:
    """Pad and truncate rows of ids. The settings are those of ``Encoder.encode``.

    Args:
        ids: int32 ``(total,)``.
        rows: The row of each id, ascending, int64 ``(total,)``.
        batch: The number of rows.
        maxlen: The length of all rows. ``None`` pads to the longest row.
        padding: ``"pre"`` or ``"post"``.
        truncating: ``"pre"`` or ``"post"``.
        pad_id: The id of padding.

    Returns:
        int32 ``(batch, maxlen)``.
    """
    lengths = tf.math.unsorted_segment_sum(tf.ones_like(rows), rows, batch)
    longest = tf.reduce_max(tf.concat([lengths, [0]], 0))
    length = longest if maxlen is None else tf.constant(maxlen, tf.int64)
    columns = tf.range(tf.size(rows, tf.int64)) - tf.gather(tf.cumsum(lengths, exclusive=True), rows)
    if truncating == "pre":
        columns -= tf.gather(tf.maximum(lengths - length, 0), rows)
    fits = (columns >= 0) & (columns < length)
    if padding == "pre":
        columns += tf.gather(tf.maximum(length - lengths, 0), rows)
    indices = tf.boolean_mask(tf.stack([rows, columns], axis=1), fits)
    empty = tf.fill(tf.stack([tf.cast(batch, tf.int64), length]), tf.constant(pad_id, tf.int32))
    return tf.tensor_scatter_nd_update(empty, indices, tf.boolean_mask(ids, fits))


def _normalize(codes: Tensor, rows: Tensor, characters: UnicodeTable) -> tuple[Tensor, Tensor, Tensor]:
    """Return the normalized code points of ``codes``, int32 ``(total,)``, their classes and their rows."""
    page = tf.gather(tf.constant(characters.page_of), tf.bitwise.right_shift(codes, PAGE.bit_length() - 1))
    entries = page * PAGE + tf.bitwise.bitwise_and(codes, PAGE - 1)
    if characters.rule == FINAL_SIGMA:
        codes, entries = _replace_final_sigmas(codes, entries, rows, characters)
    max_length = characters.becomes.shape[1]
    normalized = tf.reshape(codes[:, None] + tf.gather(tf.constant(characters.becomes), entries), [-1])
    classes = tf.reshape(tf.gather(tf.constant(characters.classes), entries), [-1])
    rows = tf.repeat(rows, max_length)
    if characters.rule == MARK_ORDER:
        contexts = tf.reshape(tf.gather(tf.constant(characters.contexts), entries), [-1])
        normalized, classes = _order_marks(normalized, classes, rows, contexts)
    exists = classes != NOTHING
    return tuple(tf.boolean_mask(values, exists) for values in (normalized, classes, rows))


def _replace_final_sigmas(
    codes: Tensor, entries: Tensor, rows: Tensor, characters: UnicodeTable
) -> tuple[Tensor, Tensor]:
    contexts = tf.gather(tf.constant(characters.contexts[:, 0]), entries)
    relevant = contexts != IGNORED
    relevant_rows = tf.boolean_mask(rows, relevant)
    cased = tf.cast(tf.boolean_mask(contexts, relevant) == CASED, tf.uint8)
    ends_word = (_shift(cased, relevant_rows, 1) == 1) & (_shift(cased, relevant_rows, -1) == 0)
    # A sigma is a cased letter, so it is never ignored.
    is_final = tf.scatter_nd(tf.where(relevant), ends_word, tf.shape(codes, tf.int64)) & (codes == ord(SIGMA))
    final = ord(SMALL_FINAL_SIGMA)
    entry = int(characters.page_of[final // PAGE]) * PAGE + final % PAGE
    return tf.where(is_final, final, codes), tf.where(is_final, entry, entries)


def _order_marks(normalized: Tensor, classes: Tensor, rows: Tensor, contexts: Tensor) -> tuple[Tensor, Tensor]:
    starts_sequence = (contexts == RESETS_ORDER) | (_shift(tf.ones_like(contexts), rows, 1) == 0)
    position = tf.where(contexts == RESETS_ORDER, tf.zeros_like(contexts), contexts)

    def sort() -> tuple[Tensor, Tensor]:
        key = tf.cumsum(tf.cast(starts_sequence, tf.int64)) * (RESETS_ORDER + 1) + tf.cast(position, tf.int64)
        order = tf.argsort(key, stable=True)
        return tf.gather(normalized, order), tf.gather(classes, order)

    result: tuple[Tensor, Tensor] = tf.cond(tf.reduce_any(position > 0), sort, lambda: (normalized, classes))
    return result


def _shift(values: Tensor, rows: Tensor, by: int) -> Tensor:
    """Return for each value the one before it (``by=1``) or after it (``by=-1``) in its row, or 0 at the end."""
    neighbours, neighbour_rows = tf.roll(values, by, 0), tf.roll(rows, by, 0)
    numbers = tf.range(tf.size(values))
    at_end = numbers == (0 if by == 1 else tf.size(values) - 1)
    return tf.where((neighbour_rows == rows) & ~at_end, neighbours, tf.zeros_like(neighbours))


def _has(classes: Tensor, bit: int) -> Tensor:
    return tf.bitwise.bitwise_and(classes, bit) != 0
