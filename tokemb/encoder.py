"""Encode texts: make, load, save and extend an encoder, and use it with Keras."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from tokemb._validation import check_ngrams
from tokemb.engine.text_encoder import TextEncoder
from tokemb.errors import ArgumentError, VocabularyError
from tokemb.rows.corpus_statistics import CorpusStatistics
from tokemb.vocabulary.deferred_tokenizer import saved_tokenizer
from tokemb.vocabulary.folder import (
    BUCKET_STATISTICS,
    BUCKETS,
    NGRAMS,
    SEGMENTER,
    Contents,
    find_vocabulary,
    read_folder,
    write_folder,
)
from tokemb.vocabulary.pad_truncate import PadTruncate
from tokemb.vocabulary.tokenizer_json import TokenizerJson, find_pad_id, read_tokenizer, tokenizer_json_of, tokenizer_of
from tokemb.vocabulary.tokenizers_library import Tokenizer, is_library_tokenizer

if TYPE_CHECKING:
    import tensorflow as tf
    from keras.layers import TextVectorization
    from scipy.sparse import csr_matrix

    from tokemb.counts.token_counts import TokenCounts
    from tokemb.keras.datasets.py_dataset import EncodedBatches
    from tokemb.keras.datasets.tags import TaggedRows
    from tokemb.keras.datasets.targets import TargetArrays
    from tokemb.keras.layers.text_to_ids import TextToIds
    from tokemb.vocabulary.oov_buckets import OovBuckets
    from tokemb.vocabulary.segmenters.segmenter import Segmenter


class Encoder(TextEncoder):
    """Encode texts as ids and decode ids as texts with a fitted vocabulary.

    An encoder is made by ``tokemb.fit_vocab``, ``Encoder.hashing``, ``Encoder.load`` or ``Encoder.from_tokenizer``. The
    tokenizers that the last two read, if tokemb did not write them, are called foreign.

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
        segmenter: The segmenter that puts spaces between the words of a text before it is split, or ``None``.
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
            from tokemb.vocabulary.tokenizers_1 import missing_components

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
            segmenter=_saved_segmenter(contents),
            ngrams=check_ngrams(metadata.get(NGRAMS)),
            table=contents.table,
            known_fingerprint=metadata["fingerprint"],
            buckets=_saved_buckets(metadata),
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
        return _rebuild, (self.specification, self.options)

    def __deepcopy__(self, _: object) -> Encoder:
        # An encoder is immutable, and scikit-learn copies its parameters often.
        return self

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
            A dataset of ids, int32 ``(batch, maxlen)``, or of pairs of ids and labels ``(batch, ...)``. Labels are
            float32, or have the dtype of the integers. With ``second``, a dict with the three arrays of
            ``encode_pairs`` replaces the ids. With ``pack``, it is a dict with the arrays ``ids``, ``segment_ids`` and
            ``positions`` of ``encode_packed``. With ``targets``, the elements are triples: a dict with the arrays
            ``ids`` and ``decoder_ids``, the next id at each position of the decoder, and its weight, 0 for padding.

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
        **settings: Any,  # noqa: ANN401
    ) -> EncodedBatches:
        """Make a ``keras.utils.PyDataset`` of texts and labels for any Keras backend, without TensorFlow.

        The arguments, batches and errors are those of ``dataset``, without ``buffer``. The same seed gives the same
        epochs.
        """
        from tokemb.keras.datasets.py_dataset import make_py_dataset
        from tokemb.keras.datasets.settings import FeedSettings

        if unknown := sorted(settings.keys() - FeedSettings.__dataclass_fields__.keys()):
            raise TypeError(f"py_dataset has no argument {unknown[0]}: it has those of dataset, without buffer")
        return make_py_dataset(self, texts, labels, FeedSettings(**settings))

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


def _saved_segmenter(contents: Contents) -> Segmenter | None:
    """Return the segmenter of a vocabulary folder. Raise ``VocabularyError`` if what it holds is not one."""
    if (saved := contents.metadata.get(SEGMENTER)) is None:
        return None
    from tokemb.vocabulary.segmenters.segmenter import Segmenter  # imported late: most vocabularies have none

    return Segmenter.from_json(saved, contents.user_dictionary)


def _saved_buckets(metadata: dict[str, Any]) -> OovBuckets | None:
    """Return the buckets of a vocabulary folder. Raise ``VocabularyError`` if what it holds are not buckets."""
    if (saved := metadata.get(BUCKETS)) is None:
        return None
    from tokemb.vocabulary.oov_buckets import OovBuckets  # imported late: most vocabularies have none

    return OovBuckets.from_json(saved, metadata.get(BUCKET_STATISTICS))
