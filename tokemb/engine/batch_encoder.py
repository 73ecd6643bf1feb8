"""Encode texts as rows of ids: the engine, then truncation, special tokens and padding."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence, Sized
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import numpy as np
import pyarrow as pa

from tokemb._arrays import STRINGS, Bool, Int32, Int64
from tokemb.engine import Engine, is_small
from tokemb.engine.padded import PaddedTarget
from tokemb.errors import ArgumentError
from tokemb.rows.ragged import Ragged
from tokemb.rows.string_buffers import string_buffers
from tokemb.rows.threads import map_batches, thread_count
from tokemb.sources.text_source import text_batches
from tokemb.vocabulary.pad_truncate import PadTruncate
from tokemb.vocabulary.special_tokens import SpecialTokens
from tokemb.vocabulary.tokenizer_json import TokenizerJson
from tokemb.vocabulary.tokenizers_library import Tokenizer

if TYPE_CHECKING:
    from tokemb.engine.encoded_pairs import EncodedPairs
    from tokemb.engine.ngram_buckets import HashedNgramEngine
    from tokemb.engine.ngrams import NgramEngine, NgramTokenIndex
    from tokemb.engine.token_index import TokenIndex
    from tokemb.rows.pair_windows import PairWindowPlaces
    from tokemb.rows.pairs import Part
    from tokemb.rows.windows import Windows
    from tokemb.vocabulary.oov_buckets import OovBuckets
    from tokemb.vocabulary.pair_template import PairTemplate


# An estimate of the bytes of text for each id.
_BYTES_PER_ID = 5
# If the share of long texts is at most this, all texts are read to their end, which then takes little time.
_MIN_LONG = 0.25
# If the share of pairs of two long texts is greater than this, all texts are read to their end. Otherwise, most texts
# would be read twice to find the longer one.
_MAX_BOTH_LONG = 0.2


class EncodedBatch(NamedTuple):
    """Rows of ids, truncated and with special tokens, and statistics of their tokens.

    Attributes:
        rows: The ids.
        tokens: The number of tokens before truncation.
        unknown: The number of tokens out of vocabulary before truncation.
        truncated: The number of rows that lost tokens.
    """

    rows: Ragged
    tokens: int
    unknown: int
    truncated: int


class EncodableWords(NamedTuple):
    """Rows of words.

    Attributes:
        tokens: All words, ``large_string`` ``(words,)``.
        texts: The same words, with spaces where a segmenter splits them.
        row_splits: The first word of each row, and the number of words, int64 ``(rows + 1,)``.
    """

    tokens: pa.LargeStringArray
    texts: pa.LargeStringArray
    row_splits: Int64


class BatchEncoder:
    """Encode batches of texts with one vocabulary."""

    def __init__(
        self,
        specification: TokenizerJson,
        tokenizer: Tokenizer,
        ids: Mapping[str, int],
        unknown: int | None,
        oov: bool,
        ngrams: tuple[int, ...] | None = None,
        buckets: OovBuckets | None = None,
    ) -> None:
        """Initialize the encoder.

        Args:
            specification: The content of a ``tokenizer.json``.
            tokenizer: The tokenizer made from ``specification``, without truncation and padding.
            ids: The id of every token.
            unknown: The id of tokens out of vocabulary, if there is one. Without ``oov``, an id that no token has.
            oov: Whether tokens out of vocabulary get ``unknown``. Otherwise they are dropped.
            ngrams: The lengths of the n-grams that are encoded. ``None`` if every token stands for itself.
            buckets: The buckets of tokens out of vocabulary. The id of the first is ``unknown``.
        """
        self.special_tokens = SpecialTokens.of(specification)
        self._ids = ids
        self._oov_id = unknown
        self._buckets = buckets
        self.engine: Engine | NgramEngine | HashedNgramEngine
        if ngrams is None:
            token_index = None if buckets is None else self._make_token_index()
            self.engine = Engine(specification, tokenizer, None if oov else unknown, buckets, token_index)
        elif unknown is not None and buckets is not None:
            from tokemb.engine.ngram_buckets import (
                HashedNgramEngine,
            )  # slow imports that other vocabularies do not need

            self.engine = HashedNgramEngine(specification, ids, unknown, ngrams, buckets)
        else:
            from tokemb.engine.ngrams import NgramEngine

            self.engine = NgramEngine(specification, ids, unknown, ngrams)
        self._dropped_id = None if oov else unknown

    def ragged(self, texts: Path | Iterable[Any], shape: PadTruncate, threads: int | None) -> Ragged:
        """Encode all texts without padding."""
        count = thread_count(threads)
        if isinstance(texts, list) and shape.truncate_to is None:
            rows = self.engine.encode_list(texts, self.special_tokens, count)
            if rows is not None:
                return rows
        from tokemb.rows.pairs import part_of, truncate_part  # imported late: most rows are padded

        def encode(batch: pa.Array, inner: int) -> Part:
            room, part = shape.room(self.special_tokens), part_of(self._row_ids(batch, inner))
            return part if room is None else truncate_part(part, np.minimum(part.lengths, room), shape.truncating)

        return self._join(map_batches(encode, text_batches(texts), count), count)

    def _join(self, parts: Sequence[Part], threads: int) -> Ragged:
        """Return the rows of all parts with special tokens. Each id is copied once."""
        from tokemb.rows.pack_rows import pack_rows

        before, after = self.special_tokens.before, self.special_tokens.after
        lengths = np.concatenate([np.zeros(0, np.int64), *(part.lengths for part in parts)]) + len(self.special_tokens)
        joined = Ragged.from_lengths(np.empty(int(lengths.sum()), np.int32), lengths)
        first = 0
        for values, starts, part_lengths in parts:
            splits = joined.row_splits[first : first + len(starts) + 1]
            out = joined.values[splits[0] : splits[-1]]
            splits = splits - splits[0]
            pack_rows(values, starts, part_lengths, splits, out, before=before, after=after, threads=threads)
            first += len(starts)
        return joined

    def padded(self, texts: Path | Iterable[Any], shape: PadTruncate, pad_id: int, threads: int | None) -> Int32:
        """Encode all texts. Return int32 (rows, maxlen)."""
        count = thread_count(threads)
        if not self._can_write_in_place(shape):
            return shape.pad(self.ragged(texts, shape, threads), pad_id)
        length = shape.fixed_length or 0
        known_rows = len(texts) if isinstance(texts, (list, tuple, pa.Array, pa.ChunkedArray)) else None
        if isinstance(texts, np.ndarray) and texts.ndim:  # text_batches rejects an array without dimensions
            known_rows = len(texts)
        result = np.empty((known_rows or 0, length), np.int32)
        blocks, filled = [], 0

        def targets() -> Iterator[tuple[Int32, pa.Array]]:
            """Yield each batch with its block: a part of ``result`` if the number of rows is known, or a new array."""
            nonlocal filled
            for batch in text_batches(texts):
                block = result[filled : filled + len(batch)]
                if len(block) < len(batch):
                    block = np.empty((len(batch), length), np.int32)
                    blocks.append(block)
                filled += len(batch)
                yield block, batch

        map_batches(lambda target, inner: self._encode_into(*target, shape, pad_id, inner), targets(), count)
        # Another thread may have appended rows to the list in the meantime.
        return np.concatenate([result[: filled - sum(map(len, blocks))], *blocks]) if blocks else result[:filled]

    def bare_rows(self, texts: Path | Iterable[Any], pad_id: int | None, threads: int | None) -> Iterator[Ragged]:
        """Yield the ids of some megabytes of texts at a time, without truncation, padding and special tokens."""
        count = thread_count(threads)
        for batch in text_batches(texts):
            rows, _, _ = self._rows(batch, count)
            # A text can contain the padding token of a foreign tokenizer.
            yield rows if pad_id is None else rows.select(rows.values != pad_id)

    def batch(self, batch: pa.Array, shape: PadTruncate, threads: int) -> EncodedBatch:
        """Encode one batch of ``text_batches``, truncated as ``shape`` specifies."""
        rows, tokens, unknown = self._rows(batch, threads)
        shortened = shape.truncate(rows, self.special_tokens)
        truncated = int(np.count_nonzero(shortened.lengths < rows.lengths))
        return EncodedBatch(self.special_tokens.add_special_tokens(shortened), tokens, unknown, truncated)

    def token_ids(self, tokens: pa.LargeStringArray, empty_id: int, threads: int) -> Int32:
        """Look up whole tokens, as ``TokenIndex.ids``. The vocabulary must not have n-grams."""
        return cast("TokenIndex", self._token_index).ids(tokens, threads, empty_id)

    def windows(
        self, batch: pa.Array, shape: PadTruncate, overlap: int, threads: int
    ) -> tuple[EncodedBatch, Int64, Int64]:
        """Encode one batch. A text that is longer than ``shape`` allows becomes several rows, each with special tokens.

        Returns:
            The rows, and for each its text and the position of its first token, both int64 ``(rows,)``.
        """
        from tokemb.rows.windows import split_windows  # imported late, as for pairs: most texts are truncated

        room, overlap = self._window_size(shape, overlap, self.special_tokens)
        rows, tokens, unknown = self._rows(batch, threads)
        special = self.special_tokens
        windows, row, start = split_windows(rows, room, overlap, threads, before=special.before, after=special.after)
        return EncodedBatch(windows, tokens, unknown, 0), row, start

    def padded_windows(
        self, texts: Path | Iterable[Any], shape: PadTruncate, overlap: int, pad_id: int, threads: int | None
    ) -> Windows:
        """Encode all texts as ``windows`` does, and pad the windows."""
        from tokemb.rows.windows import SplitTexts, pad_windows

        room, overlap = self._window_size(shape, overlap, self.special_tokens)

        def split(batch: pa.Array, inner: int) -> SplitTexts:
            return SplitTexts.of(self._row_ids(batch, inner), room, overlap)

        parts, special = map_batches(split, text_batches(texts), thread_count(threads)), self.special_tokens
        longest = max((int(part.lengths.max(initial=0)) + len(special) for part in parts), default=0)
        padding: dict[str, Any] = {"fill": pad_id, "fill_first": shape.padding == "pre", "threads": threads}
        return pad_windows(parts, shape.padded_length(longest), (special.before, special.after), **padding)

    @staticmethod
    def _window_size(shape: PadTruncate, overlap: int, special_tokens: Sized) -> tuple[int, int]:
        """Return the number of ids of a window beside ``special_tokens``, and ``overlap``.

        Raises:
            ArgumentError: If the length of the windows is not known, or ``overlap`` does not fit it.
        """
        from tokemb.rows.windows import check_overlap

        room = shape.room(special_tokens)
        if room is None:
            raise ArgumentError("overlap must be left out without a length of the rows: pass maxlen=...")
        return room, check_overlap(overlap, room)

    def pairs(
        self,
        first: pa.Array,
        second: pa.Array,
        template: PairTemplate,
        shape: PadTruncate,
        threads: int,
        first_row: int = 0,
    ) -> EncodedPairs:
        """Encode one batch of pairs of texts, two columns of the same length, truncated as ``shape`` specifies.

        Args:
            first: The first texts.
            second: The second texts.
            template: The special tokens of a pair.
            shape: The truncation.
            threads: The number of threads.
            first_row: The number of the first row, for messages.
        """
        from tokemb.engine.encoded_pairs import EncodedPairs  # imported late: most rows are single texts
        from tokemb.rows.pairs import part_of, truncate_part, truncated_lengths

        rows, tokens, unknown = self._rows(first, threads)
        other_rows, other_tokens, other_unknown = self._rows(second, threads)
        lengths, other_lengths = rows.lengths, other_rows.lengths
        room = shape.room(template)
        if room is not None:
            lengths, other_lengths = truncated_lengths(lengths, other_lengths, room, shape.pair_truncation, first_row)
        is_shorter = (lengths < rows.lengths) | (other_lengths < other_rows.lengths)
        return EncodedPairs(
            template,
            truncate_part(part_of(rows), lengths, shape.truncating),
            truncate_part(part_of(other_rows), other_lengths, shape.truncating),
            tokens + other_tokens,
            unknown + other_unknown,
            int(np.count_nonzero(is_shorter)),
        )

    def uncounted_pairs(
        self,
        first: pa.Array,
        second: pa.Array,
        template: PairTemplate,
        shape: PadTruncate,
        threads: int,
        first_row: int = 0,
    ) -> EncodedPairs:
        """Encode one batch of pairs as ``pairs`` does, without counting tokens.

        Long texts are not read to their end, unless their length decides which text is truncated.
        """
        from tokemb.engine.encoded_pairs import EncodedPairs
        from tokemb.rows.pairs import part_of, truncate_part, truncated_lengths

        room, columns = shape.room(template), (first, second)
        if room is None:
            parts = [part_of(self._row_ids(column, threads)) for column in columns]
            return EncodedPairs(template, parts[0], parts[1])
        limit = room + 1  # one id more shows whether a text is too long
        # Of two long texts, the longer one keeps one id more.
        needs_longer = room % 2 == 1 and shape.pair_truncation == "longest_first"
        can_stop = shape.truncating == "post" and not (needs_longer and _share_of_long(columns, limit) > _MAX_BOTH_LONG)
        parts = [self._beginnings(column, limit if can_stop else None, threads) for column in columns]
        lengths = [part.lengths for part in parts]
        if needs_longer and can_stop:
            both_long = np.logical_and(*(length >= limit for length in lengths))
            lengths = [self._with_lengths(*each, both_long, threads) for each in zip(columns, lengths, strict=True)]
        kept = truncated_lengths(lengths[0], lengths[1], room, shape.pair_truncation, first_row)
        part, other_part = (truncate_part(*each, shape.truncating) for each in zip(parts, kept, strict=True))
        return EncodedPairs(template, part, other_part)

    def _beginnings(self, batch: pa.Array, limit: int | None, threads: int) -> Part:
        """Return the ids of texts, all of them or the first ``limit``."""
        from tokemb.rows.pairs import Part, part_of

        # The ids are written to rows of the length ``limit``, which short texts would leave empty.
        if limit is None or _share_of_long([batch], limit) <= _MIN_LONG:
            return part_of(self._row_ids(batch, threads))
        ids, lengths = np.empty((len(batch), limit), np.int32), np.empty(len(batch), np.int64)
        no_ids, dropped_id = np.zeros(0, np.int32), -1 if self._dropped_id is None else self._dropped_id
        target = PaddedTarget(ids, limit, no_ids, no_ids, 0, dropped_id, lengths)
        remaining = self.engine.encode_padded(batch, target, threads)
        if remaining is None:
            return part_of(self._row_ids(batch, threads))
        if len(remaining):
            rows = self._row_ids(batch.take(pa.array(remaining)), threads)
            ids[remaining], lengths[remaining] = rows.pad(limit), np.minimum(rows.lengths, limit)
        return Part(ids.reshape(-1), np.arange(len(batch)) * limit, lengths)

    def _with_lengths(self, batch: pa.Array, lengths: Int64, rows: Bool, threads: int) -> Int64:
        """Return ``lengths`` with those of the whole texts at ``rows``, bool ``(rows,)``."""
        if rows.any():
            lengths = lengths.copy()
            lengths[rows] = self._row_ids(batch.filter(pa.array(rows)), threads).lengths
        return lengths

    def pair_windows(
        self,
        first: pa.Array,
        second: pa.Array,
        template: PairTemplate,
        shape: PadTruncate,
        overlap: int,
        threads: int,
        first_row: int = 0,
    ) -> tuple[EncodedPairs, PairWindowPlaces]:
        """Encode one batch of pairs as ``pairs`` does, but split the texts that would be truncated into windows."""
        from tokemb.engine.encoded_pairs import EncodedPairs
        from tokemb.rows.pair_windows import PairWindowPlaces, check_pair_overlap, pair_windows
        from tokemb.rows.pairs import truncated_lengths
        from tokemb.rows.windows import window_counts, window_parts

        room, overlap = self._window_size(shape, overlap, template)
        rows, tokens, unknown = self._rows(first, threads)
        other_rows, other_tokens, other_unknown = self._rows(second, threads)
        sizes = truncated_lengths(rows.lengths, other_rows.lengths, room, shape.pair_truncation, first_row)
        check_pair_overlap((rows.lengths, other_rows.lengths), sizes, overlap, first_row)
        size, other_size = sizes
        counts = window_counts(rows.lengths, size, overlap), window_counts(other_rows.lengths, other_size, overlap)
        pair, window, other_window = pair_windows(*counts)
        part, start = window_parts(rows, pair, window, size[pair], overlap)
        other_part, other_start = window_parts(other_rows, pair, other_window, other_size[pair], overlap)
        encoded = EncodedPairs(template, part, other_part, tokens + other_tokens, unknown + other_unknown, 0)
        return encoded, PairWindowPlaces(pair, start, other_start)

    def words(
        self, words: EncodableWords, shape: PadTruncate, threads: int, *, look_up: bool
    ) -> tuple[EncodedBatch, Ragged]:
        """Encode rows of words. Each word is a text of its own, as with ``is_pretokenized`` in `tokenizers`.

        Args:
            words: The words of a batch.
            shape: The truncation of the rows.
            threads: The number of threads.
            look_up: Whether a word that is a token of the vocabulary gets the id of that token.

        Returns:
            The rows, and for each of their ids the index of its word among the words of all rows, -1 for special
            tokens.
        """
        ids, tokens, unknown = self._rows(words.texts, threads) if not look_up else self._known_or_split(words, threads)
        splits = ids.row_splits[words.row_splits]
        indices = np.repeat(np.arange(len(ids), dtype=np.int32), ids.lengths)
        rows, index_rows = (
            shape.truncate(Ragged(values, splits), self.special_tokens) for values in (ids.values, indices)
        )
        truncated = int(np.count_nonzero(rows.lengths < np.diff(splits)))
        around = SpecialTokens(*((-1,) * len(part) for part in (self.special_tokens.before, self.special_tokens.after)))
        encoded = EncodedBatch(self.special_tokens.add_special_tokens(rows), tokens, unknown, truncated)
        return encoded, around.add_special_tokens(index_rows)

    def _known_or_split(self, words: EncodableWords, threads: int) -> tuple[Ragged, int, int]:
        """Return the id of each word that is a token, and the ids of the tokens of other words, as ``_rows`` does."""
        one_row = pa.LargeListArray.from_arrays(pa.array([0, len(words.tokens)], pa.int64()), words.tokens)
        token_ids = self._token_index.encode(one_row, threads).values
        is_other = self._is_oov(token_ids)
        others, _, unknown = self._rows(words.texts.filter(pa.array(is_other)), threads)
        lengths = np.ones(len(token_ids), np.int64)
        lengths[is_other] = others.lengths
        ids = Ragged.from_lengths(np.empty(int(lengths.sum()), np.int32), lengths)
        of_others = np.repeat(is_other, lengths)
        ids.values[of_others], ids.values[~of_others] = others.values, token_ids[~is_other]
        return ids, len(ids.values), unknown

    def _is_oov(self, ids: Int32) -> Bool:
        """Return which ids are out of vocabulary. There must be such an id."""
        if self._oov_id is None or self._buckets is None:
            return ids == self._oov_id
        return (ids >= self._oov_id) & (ids < self._oov_id + self._buckets.count)

    def _rows(self, batch: pa.Array, threads: int) -> tuple[Ragged, int, int]:
        """Return the ids of a batch, the number of its tokens, and how many of them were out of vocabulary."""
        is_text = batch.type == STRINGS
        rows = self.engine.encode(batch, threads) if is_text else self._token_index.encode(batch, threads)
        tokens, unknown = len(rows.values), 0
        if self._oov_id is not None:
            is_oov = self._is_oov(rows.values)
            unknown = int(np.count_nonzero(is_oov))
            if self._dropped_id is not None and unknown:
                rows = rows.select(~is_oov)
        return rows, tokens, unknown

    def _row_ids(self, batch: pa.Array, threads: int) -> Ragged:
        """Return the ids of a batch, as ``_rows`` does, without counting tokens."""
        rows = self.engine.encode(batch, threads) if batch.type == STRINGS else self._token_index.encode(batch, threads)
        return rows if self._dropped_id is None else rows.select(rows.values != self._dropped_id)

    def _can_write_in_place(self, shape: PadTruncate) -> bool:
        """Return whether ids can be written directly into a padded array."""
        return shape.fixed_length is not None and (shape.padding, shape.truncating) == ("post", "post")

    def _encode_into(self, block: Int32, batch: pa.Array, shape: PadTruncate, pad_id: int, threads: int) -> None:
        """Encode a batch into ``block``, int32 (rows, maxlen)."""
        remaining_rows = None
        room = shape.room(self.special_tokens)
        if batch.type == STRINGS and not is_small(batch) and room is not None:
            target = PaddedTarget(
                block,
                room,
                np.array(self.special_tokens.before, np.int32),
                np.array(self.special_tokens.after, np.int32),
                pad_id,
                -1 if self._dropped_id is None else self._dropped_id,
            )
            remaining_rows = self.engine.encode_padded(batch, target, threads)
        if remaining_rows is None:
            block[:] = shape.pad(self.batch(batch, shape, threads).rows, pad_id)
        elif len(remaining_rows):
            block[remaining_rows] = shape.pad(
                self.batch(batch.take(pa.array(remaining_rows)), shape, threads).rows, pad_id
            )

    @cached_property
    def _token_index(self) -> TokenIndex | NgramTokenIndex | HashedNgramEngine:
        return self._make_token_index() if isinstance(self.engine, Engine) else self.engine.token_index

    def _make_token_index(self) -> TokenIndex:
        from tokemb.engine.token_index import TokenIndex  # imported late: most texts are split

        return TokenIndex(self._ids, self._oov_id, self._buckets)


def _share_of_long(columns: Sequence[pa.Array], limit: int) -> float:
    """Estimate, from bytes, the share of rows whose texts in all ``columns`` have at least ``limit`` ids."""
    if any(column.type != STRINGS for column in columns) or not len(columns[0]):
        return 0.0
    sizes = np.min([np.diff(string_buffers(column)[0]) for column in columns], axis=0)
    return float(np.mean(sizes >= _BYTES_PER_ID * limit))
