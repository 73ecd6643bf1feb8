"""Encode texts and decode ids with the engine of a vocabulary."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from tokemb._arrays import STRINGS, Array, Int32, Int64
from tokemb._validation import UNIGRAMS
from tokemb.engine import Explanation
from tokemb.engine.batch_encoder import BatchEncoder, EncodableWords, EncodedBatch
from tokemb.engine.encoded_pairs import EncodedPairs, pad_pairs
from tokemb.rows.packing import PackedTexts, pack_pools
from tokemb.rows.pair_windows import PairWindowPlaces, PairWindows
from tokemb.rows.ragged import Ragged, check_id_rows
from tokemb.rows.string_buffers import list_splits
from tokemb.rows.threads import map_batches, thread_count
from tokemb.rows.windows import Windows
from tokemb.sources.text_source import pair_batches, text_batches
from tokemb.vocabulary.decoder import Decoder
from tokemb.vocabulary.pad_truncate import PadTruncate
from tokemb.vocabulary.pair_template import PairArrays
from tokemb.vocabulary.tokenizer_json import TokenizerJson
from tokemb.vocabulary.tokenizers_library import Tokenizer
from tokemb.vocabulary.vocabulary import Vocabulary


class TextEncoder(Vocabulary):
    """A vocabulary that encodes texts and decodes ids.

    ``tokemb.Encoder`` adds methods to make, load, save and extend it, and to use it with Keras.
    """

    def __init__(self, specification: TokenizerJson, tokenizer: Tokenizer, **saved: Any) -> None:  # noqa: ANN401
        """Initialize the encoder. The arguments are those of ``Vocabulary``."""
        super().__init__(specification, tokenizer, **saved)
        # Tokens that will be dropped first get an id beyond the vocabulary, so that they can be counted.
        oov_id = self.unk_id if self.oov else self.input_dim
        ngrams = None if self.ngrams == UNIGRAMS else self.ngrams
        self._encoding = BatchEncoder(specification, tokenizer, self._ids, oov_id, self.oov, ngrams, self.buckets)

    def encode(
        self,
        texts: Path | Iterable[Any],
        *,
        maxlen: int | None = None,
        padding: str | None = None,
        truncating: str | None = None,
        threads: int | None = None,
    ) -> Int32:
        """Encode texts as padded ids.

        Args:
            texts: An iterable of ``str`` or of lists of tokens (looked up unchanged), a column of strings, or files as
                ``pathlib.Path``, which are read as by ``tokemb.read_corpus``.
            maxlen: The length of all rows, as in Keras' ``pad_sequences``. ``None`` uses the saved length, by default
                that of the longest row.
            padding: ``"pre"`` or ``"post"``. ``None`` uses the saved side, by default ``"post"``.
            truncating: ``"pre"`` or ``"post"``. ``None`` uses the saved side, by default ``"post"``.
            threads: The number of threads. ``None`` uses all cores. The ids do not depend on it.

        Returns:
            int32 array ``(rows, maxlen)``. Row ``i`` is text ``i``. An empty text is a row of padding.

        Raises:
            TextTypeError: If ``texts`` has the wrong type.
            TextError: If a row is not text.
            ArgumentError: If another argument is invalid.
        """
        shape = self.pad_truncate(maxlen, padding, truncating)
        return self._encoding.padded(self._segmented(texts, threads), shape, self.require_pad_id(), threads)

    def encode_ragged(
        self,
        texts: Path | Iterable[Any],
        *,
        maxlen: int | None = None,
        truncating: str | None = None,
        threads: int | None = None,
    ) -> Ragged:
        """Encode texts as ids without padding. The arguments and errors are those of ``encode``."""
        shape = self.pad_truncate(maxlen, None, truncating)
        return self._encoding.ragged(self._segmented(texts, threads), shape, threads)

    def _segmented(self, texts: Path | Iterable[Any], threads: int | None) -> Path | Iterable[Any]:
        """Return ``texts`` with spaces between the words that the segmenter finds, if there is one."""
        return texts if self.segmenter is None else self.segmenter.batches(text_batches(texts), threads)

    def encode_windows(
        self,
        texts: Path | Iterable[Any],
        *,
        maxlen: int | None = None,
        overlap: int = 0,
        padding: str | None = None,
        threads: int | None = None,
    ) -> Windows:
        """Encode texts as padded ids without truncation: a text that is too long becomes several rows.

        Args:
            texts: Texts, as for ``encode``.
            maxlen: The length of all rows, including the special tokens that each has. ``None`` uses the saved length.
            overlap: The number of tokens that two neighbouring rows of a text share.
            padding: ``"pre"`` or ``"post"``.
            threads: The number of threads.

        Returns:
            The ids, int32 ``(windows, maxlen)``, the index of the text of each row and the position of its first token
            in the text, both int64 ``(windows,)``.

        Raises:
            ArgumentError: If an argument is invalid, there is no ``maxlen``, or tokens are n-grams. Errors of texts are
                those of ``encode``.

        Example:
            >>> import tokemb
            >>> encoder = tokemb.fit_vocab(["deep learning is very deep"])
            >>> windows = encoder.encode_windows(["deep learning is very deep", "is"], maxlen=3, overlap=1)
            >>> windows.ids.tolist(), windows.row.tolist(), windows.start.tolist()
            ([[2, 4, 3], [3, 5, 2], [3, 0, 0]], [0, 0, 1], [0, 2, 0])
        """
        self.require_unigrams("split into windows")
        shape, pad_id = self.pad_truncate(maxlen, padding, None), self.require_pad_id()
        return self._encoding.padded_windows(self._segmented(texts, threads), shape, overlap, pad_id, threads)

    def encode_column_windows(
        self, texts: pa.Array, shape: PadTruncate, overlap: int, threads: int | None = None
    ) -> tuple[EncodedBatch, Int64, Int64]:
        """Encode a column of ``tokemb.read_corpus`` as ``encode_windows`` does, without padding."""
        return self._encoding.windows(self._segment(texts, threads), shape, overlap, thread_count(threads))

    def encode_packed(
        self,
        texts: Path | Iterable[Any],
        *,
        maxlen: int | None = None,
        overlap: int | None = None,
        padding: str | None = None,
        truncating: str | None = None,
        threads: int | None = None,
    ) -> PackedTexts:
        """Encode texts as rows of one length, each of which is filled with several texts. See docs/keras.md.

        Texts are placed by best fit: the longest first, each in the row with the least remaining room that is
        sufficient. Texts without ids are left out.

        Args:
            texts: Texts, as for ``encode``.
            maxlen: The length of all rows. ``None`` uses the saved length.
            overlap: The number of tokens that neighbouring windows of a text share. A text that is longer than
                ``maxlen`` then becomes several windows, as by ``encode_windows``. ``None`` truncates it.
            padding: ``"pre"`` or ``"post"``.
            truncating: ``"pre"`` or ``"post"``.
            threads: The number of threads.

        Returns:
            The ids, the number of the text of each id in its row, and the position of each id in its text, all int32
            ``(rows, maxlen)``; and the index of each text, or window, in the order of the rows.

        Raises:
            ArgumentError: If an argument is invalid, or there is no ``maxlen``. Errors of texts are those of
                ``encode``.

        Example:
            >>> import tokemb
            >>> encoder = tokemb.fit_vocab(["deep learning is very deep"])
            >>> packed = encoder.encode_packed(["is", "deep learning is", "very deep"], maxlen=4)
            >>> packed.ids.tolist(), packed.segment_ids.tolist(), packed.text.tolist()
            ([[2, 4, 3, 3], [5, 2, 0, 0]], [[1, 1, 1, 2], [1, 1, 0, 0]], [1, 0, 2])
        """
        shape = self.row_shape(
            maxlen, padding, truncating, overlap=overlap, is_pair=False, pair_truncation=None, pairs_by="encode_pairs"
        )
        pad_id, length = self.require_pad_id(), shape.packed_length

        rows = (self.encode_column_to_pack(batch, shape, overlap, threads) for batch in text_batches(texts))
        pools = list(pack_pools(rows, length, threads))
        arrays = [(*pool.padded(length, pad_id, shape.padding), pool.texts) for pool in pools]
        none = (*np.zeros((3, 0, length), np.int32), np.zeros(0, np.int64))
        return PackedTexts(*map(np.concatenate, zip(none, *arrays, strict=True)))

    def encode_column_to_pack(
        self, texts: pa.Array, shape: PadTruncate, overlap: int | None, threads: int | None = None
    ) -> Ragged:
        """Encode a column of ``tokemb.read_corpus`` as the texts or windows that ``encode_packed`` places in rows."""
        if overlap is None:
            return self.encode_column(texts, shape, threads).rows
        return self.encode_column_windows(texts, shape, overlap, threads)[0].rows

    def encode_pairs(
        self,
        first: Path | Iterable[Any],
        second: Path | Iterable[Any],
        *,
        maxlen: int | None = None,
        padding: str | None = None,
        truncating: str | None = None,
        pair_truncation: str | None = None,
        threads: int | None = None,
    ) -> PairArrays:
        """Encode pairs of texts, such as questions and answers, as one padded row each. See docs/pairs.md.

        The special tokens and type ids are those that the post-processor of the ``tokenizer.json`` defines for two
        texts. Without one, type ids are 0 in the first and 1 in the second text, and no token is between them.

        Args:
            first: The first texts, as for ``encode``.
            second: As many second texts.
            maxlen: The length of all rows, including special tokens. ``None`` uses the saved length, by default that of
                the longest row.
            padding: ``"pre"`` or ``"post"``.
            truncating: ``"pre"`` or ``"post"``, the end at which each text loses tokens.
            pair_truncation: Which text of a pair that is too long loses tokens: ``"longest_first"`` (the longer one),
                ``"only_first"``, ``"only_second"``, ``"round_robin"`` (both get one token in turn until the row is
                full) or ``"waterfall"`` (the second before the first). ``None`` uses the saved one, by default
                ``"longest_first"``.
            threads: The number of threads.

        Returns:
            Three arrays ``(rows, maxlen)`` by name: ``"ids"`` int32; ``"type_ids"`` int32, the text of each id; and
            ``"attention_mask"`` bool, true for ids and false for padding.

        Raises:
            ArgumentError: If an argument is invalid, or there are more texts of one kind than of the other. Errors of
                texts are those of ``encode``.

        Example:
            >>> import tokemb
            >>> encoder = tokemb.fit_vocab(["is it deep", "very"], start="[CLS]", end="[SEP]")
            >>> pairs = encoder.encode_pairs(["is it deep"], ["very"], maxlen=8)
            >>> pairs["ids"], pairs["type_ids"]
            (array([[2, 5, 6, 4, 3, 7, 3, 0]], dtype=int32), array([[0, 0, 0, 0, 0, 1, 1, 0]], dtype=int32))
        """
        shape = self.pair_pad_truncate(maxlen, padding, truncating, pair_truncation)
        pad_id = self.require_pad_id()
        columns = (text_batches(self._segmented(texts, threads)) for texts in (first, second))

        def encode(batch: tuple[int, pa.Array, pa.Array], inner: int) -> EncodedPairs:
            row, texts, other_texts = batch
            return self._encoding.uncounted_pairs(texts, other_texts, self.pair_template, shape, inner, row)

        encoded = map_batches(encode, pair_batches(*columns), thread_count(threads))
        return pad_pairs(encoded, self.pair_template, shape, pad_id, threads)

    def encode_column_pairs(
        self, first: pa.Array, second: pa.Array, shape: PadTruncate, first_row: int = 0, threads: int | None = None
    ) -> tuple[EncodedBatch, Int64]:
        """Encode two text columns of ``tokemb.read_corpus`` as ``encode_pairs`` does, without padding.

        Args:
            first: The first texts.
            second: The second texts.
            shape: The result of ``pair_pad_truncate``.
            first_row: The number of the first row, for messages.
            threads: The number of threads.

        Returns:
            The rows, and the number of ids of the first text of each, int64 ``(rows,)``.
        """
        columns = self._segment(first, threads), self._segment(second, threads)
        pairs = self._encoding.pairs(*columns, self.pair_template, shape, thread_count(threads), first_row)
        encoded = EncodedBatch(pairs.rows(threads), pairs.tokens, pairs.unknown, pairs.truncated)
        return encoded, pairs.first.lengths

    def encode_pair_windows(
        self,
        first: Path | Iterable[Any],
        second: Path | Iterable[Any],
        *,
        maxlen: int | None = None,
        overlap: int = 0,
        padding: str | None = None,
        pair_truncation: str | None = None,
        threads: int | None = None,
    ) -> PairWindows:
        """Encode pairs of texts without truncation: a pair that is too long becomes several rows. See docs/pairs.md.

        The text that ``encode_pairs`` would truncate is split into windows, and each row has the other text, too. If
        both are too long, there is a row for each combination of their windows.

        Args:
            first: The first texts, as for ``encode``.
            second: As many second texts.
            maxlen: The length of all rows, including special tokens. ``None`` uses the saved length.
            overlap: The number of tokens of a text that two neighbouring windows share.
            padding: ``"pre"`` or ``"post"``.
            pair_truncation: As for ``encode_pairs``, for example ``"only_second"`` for questions and long documents.
            threads: The number of threads.

        Returns:
            The arrays of ``encode_pairs`` by name; and for each row the index of its pair, and the positions of its
            first tokens in both texts, all int64 ``(windows,)``.

        Raises:
            ArgumentError: If an argument is invalid, or there is no ``maxlen``. Errors of texts are those of
                ``encode``.

        Example:
            >>> import tokemb
            >>> encoder = tokemb.fit_vocab(["why", "it is very deep"], start="[CLS]", end="[SEP]")
            >>> pairs = encoder.encode_pair_windows(["why"], ["it is very deep"], maxlen=7, overlap=1)
            >>> pairs.inputs["ids"].tolist(), pairs.second_start.tolist()
            ([[2, 8, 3, 6, 5, 7, 3], [2, 8, 3, 7, 4, 3, 0]], [0, 2])
        """
        shape = self.pair_pad_truncate(maxlen, padding, None, pair_truncation)
        pad_id = self.require_pad_id()
        columns = (text_batches(self._segmented(texts, threads)) for texts in (first, second))
        encoded, places = [], []
        for row, texts, others in pair_batches(*columns):
            template, count = self.pair_template, thread_count(threads)
            pairs, where = self._encoding.pair_windows(texts, others, template, shape, overlap, count, row)
            encoded.append(pairs)
            places.append(where._replace(row=where.row + row))
        arrays = pad_pairs(encoded, self.pair_template, shape, pad_id, threads)
        none = PairWindowPlaces(*np.zeros((3, 0), np.int64))
        return PairWindows(arrays, *map(np.concatenate, zip(none, *places, strict=True)))

    def encode_column_pair_windows(
        self,
        first: pa.Array,
        second: pa.Array,
        shape: PadTruncate,
        overlap: int,
        first_row: int = 0,
        threads: int | None = None,
    ) -> tuple[EncodedBatch, Int64, PairWindowPlaces]:
        """Encode two text columns as ``encode_pair_windows`` does, without padding.

        Args:
            first: As for ``encode_column_pairs``.
            second: As for ``encode_column_pairs``.
            shape: As for ``encode_column_pairs``.
            overlap: As for ``encode_pair_windows``.
            first_row: As for ``encode_column_pairs``.
            threads: The number of threads.

        Returns:
            The rows, the number of ids of the first text of each, and their pairs and positions within these columns.
        """
        columns = self._segment(first, threads), self._segment(second, threads)
        template, count = self.pair_template, thread_count(threads)
        pairs, places = self._encoding.pair_windows(*columns, template, shape, overlap, count, first_row)
        return EncodedBatch(pairs.rows(threads), pairs.tokens, pairs.unknown, 0), pairs.first.lengths, places

    def encode_column_words(
        self, rows: pa.LargeListArray, shape: PadTruncate, threads: int | None = None
    ) -> tuple[EncodedBatch, Ragged]:
        """Encode a column of rows of tokens as ``encode_tags`` does, without padding.

        Returns:
            The rows, and for each of their ids the index of its token among the tokens of all rows, -1 for special
            tokens.

        Raises:
            ArgumentError: If tokens are n-grams.
        """
        self.require_unigrams("tagged")
        tokens = rows.flatten()
        words = EncodableWords(tokens, self._segment(tokens, threads), list_splits(rows))
        # The tokens of a vocabulary of words may be those of lists, which were not normalized.
        look_up = self.profile is not None and self.algorithm == "word"
        return self._encoding.words(words, shape, thread_count(threads), look_up=look_up)

    def encode_batches(
        self,
        batches: Iterable[Any],
        *,
        maxlen: int | None = None,
        padding: str | None = None,
        truncating: str | None = None,
        threads: int | None = None,
    ) -> Iterator[Int32]:
        """Encode texts that are larger than memory, batch by batch. The other arguments are those of ``encode``.

        Args:
            batches: Columns of texts as for ``encode``, or record batches whose first column is the text, as
                ``tokemb.read_corpus`` yields them.
            maxlen: The length of all rows. ``None`` pads each batch to its longest row.
            padding: ``"pre"`` or ``"post"``.
            truncating: ``"pre"`` or ``"post"``.
            threads: The number of threads.

        Yields:
            int32 array ``(rows, maxlen)`` for each batch.

        Example:
            >>> import tokemb
            >>> encoder = tokemb.fit_vocab(["deep learning is very deep"])
            >>> [ids.tolist() for ids in encoder.encode_batches([["deep", "is it"], ["very"]], maxlen=2)]
            [[[2, 0], [3, 1]], [[5, 0]]]
        """
        for batch in batches:
            texts = batch.column(0) if isinstance(batch, pa.RecordBatch) else batch
            yield self.encode(texts, maxlen=maxlen, padding=padding, truncating=truncating, threads=threads)

    def encode_column(self, texts: pa.Array, shape: PadTruncate, threads: int | None = None) -> EncodedBatch:
        """Encode a column of ``tokemb.read_corpus``, truncated according to ``shape``."""
        return self._encoding.batch(self._segment(texts, threads), shape, thread_count(threads))

    def token_ids(self, tokens: pa.LargeStringArray, *, empty_id: int = -1, threads: int | None = None) -> Int32:
        """Look up tokens without splitting them.

        Args:
            tokens: ``large_string`` ``(tokens,)`` without nulls.
            empty_id: The id of empty tokens. If it is negative, they are out of vocabulary.
            threads: The number of threads.

        Returns:
            int32 array ``(tokens,)``.
        """
        self.require_unigrams("looked up")
        return self._encoding.token_ids(tokens, empty_id, thread_count(threads))

    def _segment(self, texts: pa.Array, threads: int | None) -> pa.Array:
        return texts if self.segmenter is None else self.segmenter.segment(texts, threads)

    def explain(self, text: str | None = None) -> Explanation:
        """Return which backend encodes with this vocabulary, or this text, and what prevents a faster one."""
        if self.segmenter is None:
            return self._encoding.engine.explain(text)
        if text is not None:
            text = self.segmenter.segment(pa.array([text], STRINGS), 1)[0].as_py()
        explanation = self._encoding.engine.explain(text)
        return replace(explanation, reason=f"{explanation.reason}; words are found by {self.segmenter} first")

    def decode(self, ids: Ragged | Array | Sequence[Sequence[int]], *, skip_special_tokens: bool = True) -> list[str]:
        """Decode ids to texts. Padding is dropped. Normalization is not undone.

        Args:
            ids: A ``Ragged``, an integer array ``(rows, maxlen)``, or rows of integers.
            skip_special_tokens: Whether to leave out the special tokens of a foreign tokenizer, and the start token of
                each row. The end token then ends the text.

        Returns:
            One text per row.

        Raises:
            ArgumentError: If an id is not in the vocabulary, or tokens are n-grams, of which a row contains each word
                several times.
        """
        self.require_unigrams("decoded to texts")
        rows = (
            ids
            if isinstance(ids, Ragged)
            else Ragged.from_rows(check_id_rows(ids) if isinstance(ids, np.ndarray) else ids)
        )
        self.check_ids(rows.values)
        if self.pad_id is not None:
            rows = rows.select(rows.values != self.pad_id)
        if skip_special_tokens:
            rows = self._without_start_and_end(rows)
        if self.buckets is not None:
            in_bucket = (rows.values >= self.oov_ids.start) & (rows.values < self.oov_ids.stop)
            rows = Ragged(np.where(in_bucket, np.int32(self.oov_ids.start), rows.values), rows.row_splits)
        return self._decoding.decode(rows, skip_special_tokens=bool(skip_special_tokens))

    def _without_start_and_end(self, rows: Ragged) -> Ragged:
        """Return the ids up to the first end token of each row, without start tokens."""
        if self.end_id is not None:
            rows = rows.before(self.end_id)
        return rows if self.start_id is None else rows.select(rows.values != self.start_id)

    @cached_property
    def _decoding(self) -> Decoder:
        return Decoder(self.specification, self._tokenizer, self.input_dim)
