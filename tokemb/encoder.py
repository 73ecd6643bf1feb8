"""The encoder, which maps texts to ids and back."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tokemb._arrays import STRINGS, Int32, Int64
from tokemb._validation import UNIGRAMS, check_ngrams
from tokemb.engine import Explanation
from tokemb.engine.batch_encoder import BatchEncoder, EncodableWords, EncodedBatch
from tokemb.engine.encoded_pairs import EncodedPairs, pad_pairs
from tokemb.errors import ArgumentError, VocabularyError
from tokemb.rows.corpus_statistics import CorpusStatistics
from tokemb.rows.packing import PackedTexts, pack_pools
from tokemb.rows.pair_windows import PairWindowPlaces, PairWindows
from tokemb.rows.ragged import Ragged, check_id_rows
from tokemb.rows.string_buffers import list_splits
from tokemb.rows.threads import map_batches, thread_count
from tokemb.rows.windows import Windows
from tokemb.sources.text_source import pair_batches, text_batches
from tokemb.vocabulary.decoder import Decoder
from tokemb.vocabulary.deferred_tokenizer import saved_tokenizer
from tokemb.vocabulary.folder import (
    BUCKET_STATISTICS,
    BUCKETS,
    NGRAMS,
    SEGMENTER,
    find_vocabulary,
    read_folder,
    write_folder,
)
from tokemb.vocabulary.oov_buckets import OovBuckets
from tokemb.vocabulary.pad_truncate import PadTruncate
from tokemb.vocabulary.pair_template import PairArrays
from tokemb.vocabulary.segmenters.segmenter import Segmenter
from tokemb.vocabulary.tokenizer_json import TokenizerJson, find_pad_id, read_tokenizer, tokenizer_json_of, tokenizer_of
from tokemb.vocabulary.tokenizers_1 import missing_components
from tokemb.vocabulary.tokenizers_library import Tokenizer, is_library_tokenizer
from tokemb.vocabulary.vocabulary import Vocabulary

if TYPE_CHECKING:
    import tensorflow as tf
    from keras.layers import TextVectorization
    from scipy.sparse import csr_matrix

    from tokemb.counts.token_counts import TokenCounts
    from tokemb.keras.datasets.py_dataset import EncodedBatches
    from tokemb.keras.datasets.tags import TaggedRows
    from tokemb.keras.datasets.targets import TargetArrays
    from tokemb.keras.layers.text_to_ids import TextToIds


class Encoder(Vocabulary):
    """Encode texts as ids and decode ids as texts with a fitted vocabulary.

    An encoder is made by ``tokemb.fit_vocab``, ``Encoder.hashing``, ``Encoder.load`` or ``Encoder.from_tokenizer``.

    Attributes:
        input_dim: The ``input_dim`` of a Keras ``Embedding`` for these ids: the highest id plus one.
        pad_id: The id of padding. ``None`` if a foreign tokenizer has none.
        unk_id: The id of tokens out of vocabulary. ``None`` if they are dropped or cannot occur.
        oov: Whether a token out of vocabulary becomes ``unk_id``. Otherwise it is dropped, as in Keras without
            ``oov_token``.
        profile: The name of the profile. ``None`` for a foreign tokenizer.
        algorithm: The algorithm that makes the tokens: ``"word"``, ``"bpe"``, ``"wordpiece"`` or ``"unigram"``.
        settings: The arguments of ``fit_vocab``. ``None`` for a foreign tokenizer.
        corpus: Statistics of the corpus that the vocabulary was fitted to. ``None`` for a foreign tokenizer.
        segmenter: What puts spaces between the words of a text before it is split, or ``None``.
        ngrams: The lengths of n-grams, in the order of the ids in a row. ``(1,)`` if every token stands for itself.
        buckets: The hash buckets of tokens out of vocabulary. ``None`` if all of them get ``unk_id``.

    Example:
        >>> import tokemb
        >>> encoder = tokemb.fit_vocab(["deep learning is very deep"])
        >>> encoder.vocabulary
        ['', '[UNK]', 'deep', 'is', 'learning', 'very']
        >>> encoder.encode(["deep learning is very deep", "very new"])
        array([[2, 4, 3, 5, 2],
               [5, 1, 0, 0, 0]], dtype=int32)
        >>> encoder.encode("deep learning")
        Traceback (most recent call last):
        tokemb.errors.TextTypeError: texts must be a column of texts, not one str: pass [text] for a text, or \
pathlib.Path(text) for a file
    """

    def __init__(self, specification: TokenizerJson, tokenizer: Tokenizer, **saved: Any) -> None:  # noqa: ANN401
        """Initialize the encoder. The arguments are those of ``Vocabulary``."""
        super().__init__(specification, tokenizer, **saved)
        # Dropped tokens first get an id beyond the vocabulary, so that they can be counted.
        oov_id = self.unk_id if self.oov else self.input_dim
        ngrams = None if self.ngrams == UNIGRAMS else self.ngrams
        self._encoding = BatchEncoder(specification, tokenizer, self._ids, oov_id, self.oov, ngrams, self.buckets)

    @classmethod
    def from_tokenizer(cls, tokenizer: Tokenizer | Path, *, pad_token: str | None = None) -> Encoder:
        """Make an encoder from any Hugging Face tokenizer. Its truncation and padding are kept.

        Args:
            tokenizer: A ``tokenizers.Tokenizer``, or the path of a ``tokenizer.json``.
            pad_token: The token to pad with. Needed only if the file does not name one.

        Raises:
            VocabularyError: If `tokenizers` cannot load the file.
            ArgumentError: If ``tokenizer`` has another type.
        """
        if isinstance(tokenizer, Path):
            tokenizer, specification = read_tokenizer(tokenizer)
        elif isinstance(tokenizer, Tokenizer):
            vocabulary, specification = tokenizer.get_vocab(), tokenizer_json_of(tokenizer)
            tokenizer = tokenizer_of(specification)  # a copy: the tokenizer of the caller is not changed
            if tokenizer.get_vocab() != vocabulary:
                raise VocabularyError("two tokens of this tokenizer share an id, so it cannot be copied: load its file")
        elif is_library_tokenizer(tokenizer):  # of version 1.0, which does not tell its content
            missing_components()
        else:
            raise ArgumentError(
                f"tokenizer must be a tokenizers.Tokenizer or a pathlib.Path; received {type(tokenizer).__name__}"
            )
        return cls(specification, tokenizer, pad_id=find_pad_id(tokenizer, pad_token))

    @classmethod
    def hashing(
        cls,
        hash_buckets: int,
        *,
        profile: str = "words",
        ngrams: int | Sequence[int] | None = None,
        salt: int | Sequence[int] | None = None,
        reserve: Iterable[str] = (),
        maxlen: int | None = None,
        padding: str = "post",
        truncating: str = "post",
    ) -> Encoder:
        """Make an encoder that hashes tokens and needs neither texts nor a vocabulary. See docs/buckets.md.

        The ids are those of ``fit_vocab(texts, hash_buckets=...)``.

        Args:
            hash_buckets: The ``input_dim``, as ``num_bins`` of Keras' ``Hashing(mask_value="")``. Tokens get ids from 1
                to ``hash_buckets - 1``, and ``reserve`` the ids after them.
            profile: How text is split, as for ``fit_vocab``.
            ngrams: N-grams as tokens, as for ``fit_vocab``.
            salt: An integer or two for another hash, as in Keras.
            reserve: As for ``fit_vocab``.
            maxlen: As for ``fit_vocab``.
            padding: As for ``fit_vocab``.
            truncating: As for ``fit_vocab``.

        Raises:
            ArgumentError: If an argument is invalid.

        Example:
            >>> Encoder.hashing(1000).encode(["deep learning"])
            array([[285, 970]], dtype=int32)
        """
        from tokemb.counts.word_vocabulary import hashed_vocabulary  # encoding does not import the counting modules

        shape = PadTruncate().override(maxlen, padding, truncating)
        return _rebuild(*hashed_vocabulary(hash_buckets, profile, check_ngrams(ngrams), salt, reserve, shape))

    @classmethod
    def load(cls, path: Path | str) -> Encoder:
        """Load a vocabulary folder or any Hugging Face ``tokenizer.json``.

        Args:
            path: A vocabulary folder, a ``tokenizer.json``, or a folder that contains one.

        Raises:
            VocabularyError: If the file is missing, newer than this library, or was changed.
        """
        path = find_vocabulary(Path(path))
        if path.is_file():
            return cls.from_tokenizer(path)
        contents = read_folder(path)
        metadata, padding = contents.metadata, contents.specification.get("padding")
        return cls(
            contents.specification,
            saved_tokenizer(contents.specification, contents.tokenizer),
            pad_id=padding["pad_id"] if padding else None,
            profile=metadata["profile"],
            oov=metadata["oov"],
            settings=metadata["settings"],
            corpus=None if metadata["corpus"] is None else CorpusStatistics.from_json(metadata["corpus"]),
            segmenter=Segmenter.from_json(metadata.get(SEGMENTER), contents.user_dictionary),
            ngrams=check_ngrams(metadata.get(NGRAMS)),
            table=contents.table,
            known_fingerprint=metadata["fingerprint"],
            buckets=OovBuckets.from_json(metadata.get(BUCKETS), metadata.get(BUCKET_STATISTICS)),
        )

    def grow(
        self,
        texts: Path | Iterable[Any] | TokenCounts,
        *,
        max_new: int | None = None,
        min_count: int = 1,
        threads: int | None = None,
    ) -> Encoder:
        """Append the tokens of new texts to the vocabulary. Every existing id is unchanged. See docs/growing.md.

        Args:
            texts: New texts, as for ``fit_vocab``, or their counts.
            max_new: The maximum number of new tokens.
            min_count: The minimum count of a new token.
            threads: The number of threads, as for ``fit_vocab``.

        Returns:
            A new encoder.

        Raises:
            VocabularyError: For subword models and foreign vocabularies. Other errors are those of ``fit_vocab``.
        """
        from tokemb.counts.extension import extend_vocabulary  # encoding does not import the counting modules

        return _rebuild(*extend_vocabulary(self, texts, max_new, min_count, threads))

    def save(self, path: Path | str, *, force: bool = False) -> None:
        """Write the vocabulary folder. It appears complete or not at all. An existing vocabulary folder is replaced.

        Args:
            path: The folder.
            force: Whether to replace a read-only folder.

        Raises:
            OSError: If something else is there, or the folder cannot be written.
        """
        metadata = {
            "profile": self.profile,
            "model": self.algorithm,
            "oov": self.oov,
            "settings": self.settings,
            "corpus": self.corpus and self.corpus.to_json(),
            **self.beyond_tokenizer_json,
        }
        if self.buckets is not None and self.buckets.statistics is not None:
            metadata[BUCKET_STATISTICS] = asdict(self.buckets.statistics)
        user_dictionary = self.segmenter and self.segmenter.user_dictionary
        specification = self.saved_specification()
        write_folder(
            Path(path), specification, self.table, metadata, user_dictionary=user_dictionary or None, force=force
        )

    def __repr__(self) -> str:
        return (
            f"<Encoder {self.profile or 'foreign'}/{self.algorithm}, input_dim {self.input_dim}, "
            f"fingerprint {self.fingerprint[:12]}>"
        )

    def __reduce__(self) -> tuple[Callable[..., Encoder], tuple[Any, ...]]:
        options = {
            "pad_id": self.pad_id,
            "profile": self.profile,
            "oov": self.oov,
            "settings": self.settings,
            "corpus": self.corpus,
            "segmenter": self.segmenter,
            "ngrams": self.ngrams,
            "table": self._table,
            "buckets": self.buckets,
        }
        return _rebuild, (self.specification, options)

    def __deepcopy__(self, _: object) -> Encoder:
        # An encoder is immutable, and scikit-learn copies its parameters often.
        return self

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

        Texts are placed by best fit: the longest first, each in the row with the least room that it fits. Texts without
        ids are in no row.

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

        def rows() -> Iterator[Ragged]:
            for batch in text_batches(texts):
                if overlap is None:
                    yield self.encode_column(batch, shape, threads).rows
                else:
                    yield self.encode_column_windows(batch, shape, overlap, threads)[0].rows

        pools = list(pack_pools(rows(), length, threads))
        arrays = [(*pool.padded(length, pad_id, shape.padding), pool.texts) for pool in pools]
        none = (*np.zeros((3, 0, length), np.int32), np.zeros(0, np.int64))
        return PackedTexts(*map(np.concatenate, zip(none, *arrays, strict=True)))

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

    def encode_tags(
        self,
        tokens: Iterable[Any],
        tags: Iterable[Any],
        *,
        classes: Sequence[str] | None = None,
        maxlen: int | None = None,
        padding: str | None = None,
        truncating: str | None = None,
        threads: int | None = None,
    ) -> TaggedRows:
        """Encode rows of tokens that have one tag each, for models that predict tags. See docs/tagging.md.

        A token is encoded like a text of its own, as with ``is_split_into_words=True`` in `transformers`.
        If it is split into several subwords, the first one has the tag. With a vocabulary of words, a token that the
        vocabulary contains has its id, also if it would be split or normalized in a text.

        Args:
            tokens: Rows of tokens: lists, or texts that are split at white space.
            tags: Rows of as many tags: lists of texts or integers, or texts that are split at white space.
            classes: The different tags in order, whose indices are their ids. ``None`` sorts those that occur. Integers
                are their own ids.
            maxlen: The length of all rows, as for ``encode``.
            padding: ``"pre"`` or ``"post"``.
            truncating: ``"pre"`` or ``"post"``.
            threads: The number of threads.

        Returns:
            A tuple with names: ``ids`` and ``tags`` (the ids of the tags), int32 ``(rows, maxlen)``; ``weights``,
            float32 ``(rows, maxlen)``, 1 where a token has its tag and otherwise 0; and ``classes``.

        Raises:
            TextError: If the numbers of tokens and tags of a row differ, or a tag is missing.
            TextTypeError: If rows are neither lists nor texts.
            ArgumentError: If an argument is invalid, or a tag is none of ``classes``. Errors of tokens are those of
                ``encode``.

        Example:
            >>> import tokemb
            >>> encoder = tokemb.fit_vocab([["Ada", "met", "Babbage"]])
            >>> rows = encoder.encode_tags([["Ada", "met"], ["Babbage"]], [["PER", "O"], ["PER"]])
            >>> rows.ids.tolist(), rows.tags.tolist(), rows.weights.tolist(), rows.classes
            ([[2, 4], [3, 0]], [[1, 0], [1, 0]], [[1.0, 1.0], [1.0, 0.0]], ['O', 'PER'])
        """
        from tokemb.keras.datasets.tags import TaggedRows, class_ids, classes_of, place_tags, tagged_columns

        token_column, tag_column = tagged_columns(tokens, tags)
        order = classes_of(tag_column, classes)
        targets = class_ids(tag_column, order)
        shape, pad_id = self.pad_truncate(maxlen, padding, truncating), self.require_pad_id()
        encoded, words = self.encode_column_words(token_column, shape, threads)
        placed, weights = place_tags(words, targets)
        ids = shape.pad(encoded.rows, pad_id)
        return TaggedRows(ids, shape.pad(placed, 0), shape.pad(weights, 0).astype(np.float32), order)

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

    def encode_targets(
        self, texts: Path | Iterable[Any], *, maxlen: int | None = None, threads: int | None = None
    ) -> TargetArrays:
        """Encode target texts for the decoder of a sequence-to-sequence model. See docs/sequences.md.

        Args:
            texts: Texts, as for ``encode``.
            maxlen: The length of the inputs of the decoder. Longer texts are truncated, and keep their start and end
                token. ``None`` uses the saved length, by default that of the longest row.
            threads: The number of threads.

        Returns:
            A tuple with names: ``decoder_ids`` and ``next_ids`` (the next id at each position), int32
            ``(rows, maxlen)``; and ``weights``, float32 ``(rows, maxlen)``, 0 for padding. Padding is at the end.

        Raises:
            ArgumentError: If an argument is invalid, or rows do not begin and end with special tokens. Errors of texts
                are those of ``encode``.

        Example:
            >>> import tokemb
            >>> encoder = tokemb.fit_vocab(["very deep"], start="[BOS]", end="[EOS]")
            >>> targets = encoder.encode_targets(["very deep", "deep"])
            >>> targets.decoder_ids.tolist(), targets.next_ids.tolist()
            ([[2, 5, 4], [2, 4, 3]], [[5, 4, 3], [4, 3, 0]])
        """
        from tokemb.keras.datasets.targets import TargetRows

        target_rows = TargetRows.of(self, maxlen)
        rows = target_rows.encode(texts, threads)
        return target_rows.shifted(rows, np.arange(len(rows)), least_length=0)

    def vectorize(
        self, texts: Path | Iterable[Any], *, mode: str = "multi_hot", threads: int | None = None
    ) -> csr_matrix:
        """Encode texts as bags of words for scikit-learn or Keras. This method requires SciPy.

        Args:
            texts: Texts, as for ``encode``. They are not truncated. Special tokens that a foreign tokenizer adds to
                each text are left out.
            mode: As in Keras' ``TextVectorization``: ``"multi_hot"`` (1 for each id in the text), ``"count"`` (the
                number of occurrences), or ``"tf_idf"`` (the number of occurrences times
                log(1 + rows / (1 + documents)) of the fitted corpus; for tokens out of vocabulary, the mean weight).
            threads: The number of threads.

        Returns:
            float32 SciPy ``csr_matrix`` ``(rows, input_dim)``. Column ``j`` is id ``j``: tokens out of vocabulary count
            in column ``unk_id``, and column ``pad_id`` is empty.

        Raises:
            ArgumentError: For an unknown mode, or for ``"tf_idf"`` with a foreign or a subword vocabulary.
            MissingPackageError: If SciPy is not installed.

        Example:
            >>> import tokemb
            >>> encoder = tokemb.fit_vocab(["deep learning is very deep"])
            >>> encoder.vectorize(["deep deep deep", "very new"], mode="count").toarray()
            array([[0., 0., 3., 0., 0., 0.],
                   [0., 1., 0., 0., 0., 1.]], dtype=float32)
        """
        from tokemb.vocabulary.bag_of_words import bags_of_words  # SciPy is an extra

        return bags_of_words(
            self, self._encoding.bare_rows(self._segmented(texts, threads), self.pad_id, threads), mode
        )

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

    def decode(
        self, ids: Ragged | npt.NDArray[Any] | Sequence[Sequence[int]], *, skip_special_tokens: bool = True
    ) -> list[str]:
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

    def dataset(
        self,
        texts: Path | Iterable[Any] | Callable[[], Iterator[pa.RecordBatch]],
        labels: Any = None,  # noqa: ANN401 - any column of numbers
        *,
        column: str | None = None,
        classes: Sequence[str] | None = None,
        batch_size: int = 32,
        shuffle: bool = False,
        seed: int | None = None,
        bucket: bool | Sequence[int] = False,
        maxlen: int | None = None,
        padding: str | None = None,
        truncating: str | None = None,
        drop_remainder: bool = False,
        second: Any = None,  # noqa: ANN401
        pair_truncation: str | None = None,
        overlap: int | None = None,
        validation_split: float | None = None,
        subset: str | None = None,
        pack: bool = False,
        targets: Any = None,  # noqa: ANN401
        target_encoder: Encoder | None = None,
        target_maxlen: int | None = None,
        buffer: int | None = None,
        threads: int | None = None,
    ) -> tf.data.Dataset:
        """Make a ``tf.data.Dataset`` of texts and labels for ``fit``, ``evaluate`` and ``predict``. See docs/keras.md.

        Args:
            texts: Texts, as for ``encode``, or a function that returns record batches as ``tokemb.read_corpus`` does.
            labels: A column of numbers, one or several per row. For files and record batches also a column name.
            column: The column of the texts, for files.
            classes: The classes in order, if the labels are strings.
            batch_size: The number of rows in a batch.
            shuffle: Whether to shuffle the rows in each epoch.
            seed: Seed of the shuffling. Epochs are repeatable with a seed.
            bucket: ``True`` groups rows of similar length and pads each batch to its longest row. Ascending lengths,
                such as ``[64, 256]``, are the lengths to pad to.
            maxlen: The length of all rows, as for ``encode``. ``None`` pads each batch to its longest row. With
                ``bucket``, rows are truncated to it but not padded to it.
            padding: ``"pre"`` or ``"post"``.
            truncating: ``"pre"`` or ``"post"``.
            drop_remainder: Whether to drop a last batch with fewer rows.
            second: The second texts of pairs: as many texts, or for files and record batches a column name.
            pair_truncation: As for ``encode_pairs``.
            overlap: The number of tokens that neighbouring rows of a text share. A text or a pair that is longer than
                ``maxlen`` then becomes several rows with the same label, as by ``encode_windows`` and
                ``encode_pair_windows``, and is not truncated.
            validation_split: The fraction of the texts in the validation split. Requires ``subset`` and ``seed``.
            subset: ``"training"`` or ``"validation"``. All rows of a text are in the same subset.
            pack: Whether to fill each row of ``maxlen`` ids with several texts, as ``encode_packed`` does. There are no
                labels then.
            targets: The target texts of sequence-to-sequence training: as many texts, or for files and record batches a
                column name. There are no labels then.
            target_encoder: The vocabulary of the targets, whose rows have start and end tokens. ``None`` uses this one.
            target_maxlen: The length of the inputs of the decoder. Longer targets are truncated. ``None`` uses the
                saved length of the vocabulary, by default that of the longest row of each batch.
            buffer: The number of rows to hold in memory, for files that are larger. The files are read again in each
                epoch and shuffled within the buffer. ``None`` encodes all rows once and holds their ids.
            threads: The number of threads.

        Returns:
            A dataset of ids, int32 ``(batch, maxlen)``, or of ids with labels ``(batch, ...)``. Labels are float32, or
            have the dtype of the integers. With ``second``, the three arrays of ``encode_pairs``, by name, are in place
            of the ids, and with ``pack`` the arrays ``ids``, ``segment_ids`` and ``positions`` of ``encode_packed``.
            With ``targets``, the ids and the inputs of the decoder by the names ``ids`` and ``decoder_ids``, the next
            id at each position of the decoder, and its weight, which is 0 for padding.

        Raises:
            ArgumentError: If an argument or a label is invalid. Errors of texts are those of ``encode``.
        """
        from tokemb.keras.datasets.settings import FeedSettings
        from tokemb.keras.datasets.tf_dataset import make_dataset

        rows = maxlen, padding, truncating, drop_remainder, threads
        kinds = second, pair_truncation, overlap, validation_split, subset
        decoder = {"targets": targets, "target_encoder": target_encoder, "target_maxlen": target_maxlen}
        settings = FeedSettings(column, classes, batch_size, shuffle, seed, bucket, *rows, *kinds, pack=pack, **decoder)
        return make_dataset(self, texts, labels, settings, buffer)

    def py_dataset(
        self,
        texts: Path | Iterable[Any] | Callable[[], Iterator[pa.RecordBatch]],
        labels: Any = None,  # noqa: ANN401
        *,
        column: str | None = None,
        classes: Sequence[str] | None = None,
        batch_size: int = 32,
        shuffle: bool = False,
        seed: int | None = None,
        bucket: bool | Sequence[int] = False,
        maxlen: int | None = None,
        padding: str | None = None,
        truncating: str | None = None,
        drop_remainder: bool = False,
        second: Any = None,  # noqa: ANN401
        pair_truncation: str | None = None,
        overlap: int | None = None,
        validation_split: float | None = None,
        subset: str | None = None,
        pack: bool = False,
        targets: Any = None,  # noqa: ANN401
        target_encoder: Encoder | None = None,
        target_maxlen: int | None = None,
        threads: int | None = None,
    ) -> EncodedBatches:
        """Make a ``keras.utils.PyDataset`` of texts and labels for any Keras backend, without TensorFlow.

        The arguments, batches and errors are those of ``dataset``. The same seed gives the same epochs.
        """
        from tokemb.keras.datasets.py_dataset import make_py_dataset
        from tokemb.keras.datasets.settings import FeedSettings

        rows = maxlen, padding, truncating, drop_remainder, threads
        kinds = second, pair_truncation, overlap, validation_split, subset
        decoder = {"targets": targets, "target_encoder": target_encoder, "target_maxlen": target_maxlen}
        settings = FeedSettings(column, classes, batch_size, shuffle, seed, bucket, *rows, *kinds, pack=pack, **decoder)
        return make_py_dataset(self, texts, labels, settings)

    def layer(self, maxlen: int | None = None, padding: str | None = None, truncating: str | None = None) -> TextToIds:
        """Make a Keras layer that maps strings ``(batch,)`` to the int32 ``(batch, maxlen)`` of ``encode``.

        The arguments are those of ``encode``. The first layer of a profile takes some seconds. See docs/serving.md.

        Raises:
            ArgumentError: For subword and foreign vocabularies, which TensorFlow cannot reproduce exactly.
        """
        from tokemb.keras.layers.text_to_ids import make_layer

        return make_layer(self, maxlen, padding, truncating)

    def to_text_vectorization(self) -> TextVectorization:
        """Make a Keras ``TextVectorization`` layer with this vocabulary and the ids of ``encode``.

        Raises:
            ArgumentError: Unless this is a word vocabulary of the profile ``"text-vectorization"``, padded and
                truncated at the end.
        """
        from tokemb.keras.layers.text_vectorization import to_text_vectorization

        return to_text_vectorization(self)


def _rebuild(specification: TokenizerJson, options: dict[str, Any]) -> Encoder:
    """Make an encoder that was pickled or extended. The tables of its kernels are made again."""
    return Encoder(specification, tokenizer_of(specification), **options)
