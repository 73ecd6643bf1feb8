"""The encoder: a fitted vocabulary and how text is split; texts to ids and back."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from tokenizers import Tokenizer

from tokemb.decoding import Decoding
from tokemb.encoding import EncodedBatch, Encoding
from tokemb.engine import Explanation
from tokemb.errors import ArgumentError, VocabularyError
from tokemb.feeding.methods import FeedingMethods
from tokemb.folder import find_vocabulary, read_folder, write_folder
from tokemb.highest_id import check_highest_id
from tokemb.ragged import Int32, Ragged, check_id_rows
from tokemb.row_shape import RowShape
from tokemb.serving_methods import ServingMethods
from tokemb.special_tokens import SpecialTokens
from tokemb.specification import (
    Specification,
    find_pad_id,
    ids_of_tokens,
    read_tokenizer,
    specification_of,
    tokenizer_of,
    unk_id,
)
from tokemb.statistics import CorpusStatistics
from tokemb.threads import thread_count
from tokemb.vocabulary_properties import VocabularyProperties

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

    from tokemb.counts import TokenCounts


class Encoder(VocabularyProperties, FeedingMethods, ServingMethods):
    """Texts to ids and back, made by ``tokemb.fit_vocab``, ``Encoder.load`` or ``Encoder.from_tokenizer``.

    ``input_dim``: that of an ``Embedding`` for these ids, the highest id + 1.
    ``pad_id``: the id of padding; ``None`` for a foreign tokenizer that has none.
    ``unk_id``: the id of unknown tokens; ``None`` if they are dropped or cannot occur.
    ``oov``: whether an unknown token becomes ``unk_id``; if not it is dropped, as in Keras without ``oov_token``.
    ``profile``: the name of the profile; ``None`` for a foreign tokenizer.
    ``model``: ``"word"``, ``"bpe"``, ``"wordpiece"`` or ``"unigram"``.
    ``settings``, ``corpus``: what the vocabulary was fitted with, and to (``CorpusStatistics``); ``None`` for a foreign
    tokenizer.

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

    def __init__(
        self,
        specification: Specification,
        tokenizer: Tokenizer,
        *,
        pad_id: int | None,
        profile: str | None = None,
        oov: bool = True,
        settings: dict[str, Any] | None = None,
        corpus: CorpusStatistics | None = None,
        table: pa.Table | bytes | None = None,
        known_fingerprint: str | None = None,
    ) -> None:
        """For the library itself; ``fit_vocab``, ``load`` and ``from_tokenizer`` are the ways to an encoder.

        ``specification``: the content of a ``tokenizer.json``; ``tokenizer``: made from it, and changed here.
        ``table``: the content of ``vocabulary.parquet``, or its bytes.
        ``known_fingerprint``: that of ``specification``, where a folder vouches for it.
        """
        self._shape = RowShape.of(tokenizer)
        tokenizer.no_truncation()
        tokenizer.no_padding()
        self._specification = specification
        self._known_fingerprint = known_fingerprint
        self._tokenizer = tokenizer
        self._ids = ids_of_tokens(specification, tokenizer)
        self._table = table
        special_tokens = SpecialTokens.of(specification)
        self.input_dim = special_tokens.input_dim(max([*self._ids.values(), pad_id or 0]) + 1)
        if self.input_dim > np.iinfo(np.int32).max:
            raise VocabularyError(f"ids must fit int32; this tokenizer has one of {self.input_dim - 1}")
        check_highest_id(self.input_dim - 1, len(self._ids))
        self.pad_id = pad_id
        self.unk_id = unk_id(specification) if oov else None
        self.oov = oov
        self.profile = profile
        self.model = type(tokenizer.model).__name__.lower().replace("wordlevel", "word")
        self.settings = settings
        self.corpus = corpus
        # Where unknown tokens are dropped, they first get an id that is no token's, so that they can be counted.
        unknown = self.unk_id if oov else self.input_dim
        self._encoding = Encoding(specification, tokenizer, self._ids, unknown, oov)

    # Making, keeping

    @classmethod
    def from_tokenizer(cls, tokenizer: Tokenizer | Path, *, pad_token: str | None = None) -> Encoder:
        """An encoder of the ids that any ``tokenizers.Tokenizer``, or ``tokenizer.json`` file, gives.

        Its truncation and padding are kept. ``pad_token``: the token to pad with, needed only if the file names none.
        Raises ``VocabularyError`` if the file is not a tokenizer that `tokenizers` can load.
        """
        if isinstance(tokenizer, Path):
            tokenizer, specification = read_tokenizer(tokenizer)
        elif isinstance(tokenizer, Tokenizer):
            vocabulary, specification = tokenizer.get_vocab(), specification_of(tokenizer)
            tokenizer = tokenizer_of(specification)  # the caller's stays as it is
            if tokenizer.get_vocab() != vocabulary:
                raise VocabularyError("two tokens of this tokenizer share an id, so it cannot be copied: load its file")
        else:
            raise ArgumentError(
                f"tokenizer must be a tokenizers.Tokenizer or a pathlib.Path; received {type(tokenizer).__name__}"
            )
        return cls(specification, tokenizer, pad_id=find_pad_id(tokenizer, pad_token))

    @classmethod
    def load(cls, path: Path | str) -> Encoder:
        """Load a vocabulary folder, or a ``tokenizer.json`` by anyone (or a folder that holds one).

        Raises ``VocabularyError``, naming what is wrong, if it is missing, newer than this library, or was changed.
        """
        path = find_vocabulary(Path(path))
        if path.is_file():
            return cls.from_tokenizer(path)
        contents = read_folder(path)
        metadata, padding = contents.metadata, contents.specification.get("padding")
        return cls(
            contents.specification,
            tokenizer_of(contents.tokenizer),
            pad_id=padding["pad_id"] if padding else None,
            profile=metadata["profile"],
            oov=metadata["oov"],
            settings=metadata["settings"],
            corpus=metadata["corpus"] and CorpusStatistics.from_json(metadata["corpus"]),
            table=contents.table,
            known_fingerprint=metadata["fingerprint"],
        )

    def grow(
        self,
        texts: Path | Iterable[Any] | TokenCounts,
        *,
        max_new: int | None = None,
        min_count: int = 1,
        threads: int | None = None,
    ) -> Encoder:
        """The vocabulary with the tokens of new texts appended; every id stays what it is. See docs/growing.md.

        ``texts``, ``min_count``, ``threads``: as for ``fit_vocab``. ``max_new``: at most so many new tokens.
        Raises ``VocabularyError`` for subwords and foreign vocabularies; the rest as ``fit_vocab``.
        """
        from tokemb.growing import growth  # counting, which encoding does not wait for

        return _again(*growth(self, texts, max_new, min_count, threads))

    def save(self, path: Path | str, *, force: bool = False) -> None:
        """Write the vocabulary folder, whole or not at all; one that is there and holds nothing else is replaced.

        ``force``: replace a read-only folder too.
        Raises ``OSError`` if something else is there, or the folder cannot be written.
        """
        metadata = {
            "profile": self.profile,
            "model": self.model,
            "oov": self.oov,
            "settings": self.settings,
            "corpus": self.corpus and self.corpus.to_json(),
        }
        write_folder(Path(path), self._saved_specification(), self.table, metadata, force=force)

    def _saved_specification(self) -> Specification:
        saved_pad_id = (self._specification.get("padding") or {}).get("pad_id")
        if self.pad_id in (None, saved_pad_id):
            return self._specification
        return self._shape.write(self._specification, self.pad_id, self.vocabulary[self.pad_id])

    def __repr__(self) -> str:
        return (
            f"<Encoder {self.profile or 'foreign'}/{self.model}, input_dim {self.input_dim}, "
            f"fingerprint {self.fingerprint[:12]}>"
        )

    def __reduce__(self) -> tuple[Callable[..., Encoder], tuple[Any, ...]]:
        kept = {
            "pad_id": self.pad_id,
            "profile": self.profile,
            "oov": self.oov,
            "settings": self.settings,
            "corpus": self.corpus,
            "table": self._table,
        }
        return _again, (self._specification, kept)

    def __deepcopy__(self, _: object) -> Encoder:
        # Nothing changes an encoder, and scikit-learn copies those that it is given again and again.
        return self

    # Encoding, decoding

    def encode(
        self,
        texts: Path | Iterable[Any],
        *,
        maxlen: int | None = None,
        padding: str | None = None,
        truncating: str | None = None,
        threads: int | None = None,
    ) -> Int32:
        """Turn texts into padded ids.

        ``texts``: an iterable of ``str`` or of lists of tokens (looked up as they are), a column of strings, or
        files as ``pathlib.Path``, read as ``tokemb.read_corpus`` does.
        ``maxlen``, ``padding``, ``truncating``: as in Keras' ``pad_sequences``; ``None`` for what the vocabulary was
        saved with, which is at first the longest row, ``"post"`` and ``"post"``.
        ``threads``: how many, ``None`` for as many as there are cores; the ids do not depend on it.

        Returns int32 (rows, maxlen); row ``i`` is text ``i``, an empty text a row of padding.
        Raises ``TextTypeError`` or ``TextError`` for rows that are not text, ``ArgumentError`` for wrong settings.
        """
        shape = self.row_shape(maxlen, padding, truncating)
        return self._encoding.padded(texts, shape, self.require_pad_id(), threads)

    def encode_ragged(
        self,
        texts: Path | Iterable[Any],
        *,
        maxlen: int | None = None,
        truncating: str | None = None,
        threads: int | None = None,
    ) -> Ragged:
        """Turn texts into ids without padding; the arguments and errors are those of ``encode``."""
        return self._encoding.ragged(texts, self.row_shape(maxlen, None, truncating), threads)

    def vectorize(
        self, texts: Path | Iterable[Any], *, mode: str = "multi_hot", threads: int | None = None
    ) -> csr_matrix:
        """Turn texts into bags of words, one a row, as scikit-learn and Keras take them. Needs SciPy.

        ``texts``: as ``encode`` takes them; nothing is truncated. ``mode``, as in Keras' ``TextVectorization``:
        ``"multi_hot"`` (1 for each id in the text), ``"count"`` (how often it occurs), or ``"tf_idf"`` (that times
        log(1 + rows / (1 + documents)), of the corpus that the vocabulary was fitted to; for unknown tokens the mean
        of all others).

        Returns float32 (rows, ``input_dim``), a SciPy ``csr_matrix`` in which column ``j`` is id ``j``: unknown tokens
        count in that of ``unk_id``, and that of ``pad_id`` is empty. The special tokens that a foreign tokenizer puts
        around every text are left out.
        Raises ``ArgumentError`` for another mode, or ``"tf_idf"`` with a foreign vocabulary or one of subwords, and
        ``MissingPackageError`` without SciPy; for texts as ``encode``.

        >>> import tokemb
        >>> encoder = tokemb.fit_vocab(["deep learning is very deep"])
        >>> encoder.vectorize(["deep deep deep", "very new"], mode="count").toarray()
        array([[0., 0., 3., 0., 0., 0.],
               [0., 1., 0., 0., 0., 1.]], dtype=float32)
        """
        from tokemb.bag_of_words import bags_of_words  # SciPy is an extra

        return bags_of_words(self, self._encoding.bare_rows(texts, self.pad_id, threads), mode)

    def encode_batches(
        self,
        batches: Iterable[Any],
        *,
        maxlen: int | None = None,
        padding: str | None = None,
        truncating: str | None = None,
        threads: int | None = None,
    ) -> Iterator[Int32]:
        """Encode batch by batch what is larger than memory.

        ``batches``: each is a column of texts as ``encode`` takes it, or a ``pyarrow.RecordBatch`` whose first column
        that is, as ``tokemb.read_corpus`` gives them. The other arguments are those of ``encode``.

        Yields int32 (rows, maxlen) for each batch; without a ``maxlen`` each is as long as its longest row.
        Raises what ``encode`` raises.

        >>> import tokemb
        >>> encoder = tokemb.fit_vocab(["deep learning is very deep"])
        >>> [ids.tolist() for ids in encoder.encode_batches([["deep", "is it"], ["very"]], maxlen=2)]
        [[[2, 0], [3, 1]], [[5, 0]]]
        """
        for batch in batches:
            texts = batch.column(0) if isinstance(batch, pa.RecordBatch) else batch
            yield self.encode(texts, maxlen=maxlen, padding=padding, truncating=truncating, threads=threads)

    def encode_column(self, texts: pa.Array, shape: RowShape, threads: int | None = None) -> EncodedBatch:
        """Encode a column as ``tokemb.read_corpus`` gives it; ``shape`` says how rows are truncated."""
        return self._encoding.batch(texts, shape, thread_count(threads))

    def explain(self, text: str | None = None) -> Explanation:
        """Which way this tokenizer goes, or ``text`` with it, and what keeps it from a faster one."""
        return self._encoding.engine.explain(text)

    def decode(
        self, ids: Ragged | npt.NDArray[Any] | Sequence[Sequence[int]], *, skip_special_tokens: bool = True
    ) -> list[str]:
        """Turn rows of ids back into texts, as far as the vocabulary keeps them; padding goes.

        ``ids``: a ``Ragged``, an integer array (rows, maxlen), or rows of whole numbers. ``skip_special_tokens``
        leaves out what a foreign tokenizer marks as special.
        Raises ``ArgumentError`` for an id outside the vocabulary.
        """
        rows = (
            ids
            if isinstance(ids, Ragged)
            else Ragged.from_rows(check_id_rows(ids) if isinstance(ids, np.ndarray) else ids)
        )
        self.check_ids(rows.values)
        if self.pad_id is not None:
            rows = rows.select(rows.values != self.pad_id)
        return self._decoding.decode(rows, skip_special_tokens=bool(skip_special_tokens))

    @cached_property
    def _decoding(self) -> Decoding:
        return Decoding(self._specification, self._tokenizer, self.input_dim)


def _again(specification: Specification, kept: dict[str, Any]) -> Encoder:
    """An encoder that was pickled, or grown; its kernels' tables are made anew."""
    return Encoder(specification, tokenizer_of(specification), **kept)
