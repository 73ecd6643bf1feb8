"""An encoder as a step of scikit-learn's pipelines.

This is the only module that imports scikit-learn, which is an extra.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from inspect import signature
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from tokemb._arrays import Float32, Int32
from tokemb._validation import check_choice
from tokemb.encoder import Encoder
from tokemb.errors import ArgumentError, MissingPackageError, TextTypeError
from tokemb.fit import fit_vocab

if TYPE_CHECKING:
    import keras
    from scipy.sparse import csr_matrix


try:
    from sklearn.base import BaseEstimator, TransformerMixin
    from sklearn.utils.validation import check_is_fitted
except ImportError as error:
    raise MissingPackageError("EncoderTransformer needs scikit-learn: pip install tokemb[sklearn]") from error

MODES = ("multi_hot", "count", "tf_idf", "ids", "vectors")

# The attributes that fit sets besides encoder_, by mode.
_FITTED_ATTRIBUTES = {"ids": "maxlen_", "vectors": "embedder_"}

# The arguments of fit_vocab, except the texts, those for rows of ids, and threads.
_OTHER_ARGUMENTS = ("texts", "maxlen", "padding", "truncating", "threads")
_FIT_ARGUMENTS = tuple(name for name in signature(fit_vocab).parameters if name not in _OTHER_ARGUMENTS)
# Those that may be iterables of words.
_WORDS = ("reserve", "stop_words", "keep_words")


class EncoderTransformer(TransformerMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn is untyped
    """Transform texts to bags of words, padded ids or vectors. ``fit`` fits the vocabulary.

    Args:
        encoder: A vocabulary to use instead of fitting one: an ``Encoder`` or the path of a saved one.
        mode: ``"multi_hot"``, ``"count"`` or ``"tf_idf"`` for the result of ``Encoder.vectorize``, a SciPy
            ``csr_matrix`` float32 ``(rows, input_dim)``. ``"ids"`` for that of ``Encoder.encode``, int32 ``(rows,
            maxlen)``. ``"vectors"`` for that of ``tokemb.embed``, float32 ``(rows, dim)``.
        maxlen: The length of rows of ids, as for ``Encoder.encode``. If neither it nor the vocabulary defines the
            length, that of the longest fitted row is used, and longer rows are truncated. For vectors, the maximum
            number of ids that are pooled.
        padding: As for ``Encoder.encode``.
        truncating: As for ``Encoder.encode``.
        embedding: For vectors, a Keras model of ids or the path of a saved one, which ``fit`` loads.
        pooling: For vectors, ``"mean"``, ``"sum"`` or ``"max"``.
        profile: As for ``tokemb.fit_vocab``.
        segmenter: As for ``tokemb.fit_vocab``.
        user_dictionary: As for ``tokemb.fit_vocab``.
        algorithm: As for ``tokemb.fit_vocab``.
        ngrams: As for ``tokemb.fit_vocab``.
        max_size: As for ``tokemb.fit_vocab``.
        min_count: As for ``tokemb.fit_vocab``.
        min_documents: As for ``tokemb.fit_vocab``.
        max_documents: As for ``tokemb.fit_vocab``.
        stop_words: As for ``tokemb.fit_vocab``.
        keep_words: As for ``tokemb.fit_vocab``.
        reserve: As for ``tokemb.fit_vocab``.
        start: As for ``tokemb.fit_vocab``.
        end: As for ``tokemb.fit_vocab``.
        oov: As for ``tokemb.fit_vocab``.
        num_oov_buckets: As for ``tokemb.fit_vocab``.
        hash_buckets: As for ``tokemb.fit_vocab``.
        salt: As for ``tokemb.fit_vocab``.
        threads: The number of threads. ``None`` uses all cores.

    Attributes:
        encoder_: The vocabulary.
        maxlen_: The length of rows. Only in the mode ``"ids"``.
        embedder_: The loaded model. Only in the mode ``"vectors"``.

    Example:
        >>> texts = ["deep learning is very deep", "learning is fun"]
        >>> bags = EncoderTransformer(mode="count", max_size=2)
        >>> bags.fit_transform(texts).toarray()
        array([[0., 2., 2., 1.],
               [0., 2., 0., 1.]], dtype=float32)
        >>> list(bags.get_feature_names_out())
        ['[id 0]', '[UNK]', 'deep', 'is']
    """

    def __init__(
        self,
        encoder: Encoder | Path | str | None = None,
        *,
        mode: str = "multi_hot",
        maxlen: int | None = None,
        padding: str | None = None,
        truncating: str | None = None,
        embedding: keras.Model | Path | str | None = None,
        pooling: str = "mean",
        profile: str | None = None,
        segmenter: str | None = None,
        user_dictionary: Path | None = None,
        algorithm: str = "word",
        ngrams: int | Sequence[int] | None = None,
        max_size: int | None = None,
        min_count: int = 1,
        min_documents: int | float = 1,
        max_documents: int | float | None = None,
        stop_words: Path | Iterable[str] | None = None,
        keep_words: Path | Iterable[str] | None = None,
        reserve: Iterable[str] = (),
        start: str | None = None,
        end: str | None = None,
        oov: bool = True,
        num_oov_buckets: int | None = None,
        hash_buckets: int | None = None,
        salt: int | Sequence[int] | None = None,
        threads: int | None = None,
    ) -> None:
        self.encoder = encoder
        self.mode = mode
        self.maxlen = maxlen
        self.padding = padding
        self.truncating = truncating
        self.embedding = embedding
        self.pooling = pooling
        self.profile = profile
        self.segmenter = segmenter
        self.user_dictionary = user_dictionary
        self.algorithm = algorithm
        self.ngrams = ngrams
        self.max_size = max_size
        self.min_count = min_count
        self.min_documents = min_documents
        self.max_documents = max_documents
        self.stop_words = stop_words
        self.keep_words = keep_words
        self.reserve = reserve
        self.start = start
        self.end = end
        self.oov = oov
        self.num_oov_buckets = num_oov_buckets
        self.hash_buckets = hash_buckets
        self.salt = salt
        self.threads = threads

    def fit(self, X: Path | Iterable[Any], y: object = None) -> EncoderTransformer:  # noqa: N803 - scikit-learn's name
        """Fit the vocabulary to the texts ``X``, or use ``encoder``.

        Args:
            X: One column of texts or files, as for ``Encoder.encode``. Iterators are refused, as ``transform`` reads
                the texts again.
            y: Ignored.

        Raises:
            ArgumentError: If an argument is invalid.
            TextTypeError: If ``X`` has the wrong type.
            TextError: If a row is not text.
            VocabularyError: If the vocabulary cannot be used.
            ModelError: If the model cannot be used.
        """
        check_choice("mode", self.mode, MODES)
        if isinstance(X, Iterator):
            raise TextTypeError(
                f"texts must be a column that can be read twice; received {type(X).__name__}: pass a list"
            )
        self.encoder_ = self._vocabulary(X)
        if self.mode == "ids":
            self.maxlen_ = self._row_length(X)
        elif self.mode == "vectors":
            self._load_embedding()
        else:
            self.encoder_.vectorize([], mode=self.mode)  # checks that the vocabulary supports the mode
        return self

    def transform(self, X: Path | Iterable[Any]) -> csr_matrix | Int32 | Float32:  # noqa: N803
        """Transform the texts ``X`` as ``mode`` defines. Row ``i`` is text ``i``.

        Raises:
            NotFittedError: If ``fit`` was not called in this mode (scikit-learn's exception). Other errors are those of
                ``Encoder.encode``.
        """
        check_is_fitted(self, _FITTED_ATTRIBUTES.get(self.mode, "encoder_"))
        if self.mode == "ids":
            return self.encoder_.encode(
                X, maxlen=self.maxlen_, padding=self.padding, truncating=self.truncating, threads=self.threads
            )
        if self.mode == "vectors":
            rows = self.encoder_.encode_ragged(X, maxlen=self.maxlen, truncating=self.truncating, threads=self.threads)
            return self.embedder_.pool_rows(rows, self.pooling)
        return self.encoder_.vectorize(X, mode=self.mode, threads=self.threads)

    def get_feature_names_out(self, input_features: object = None) -> npt.NDArray[np.object_]:
        """Return the names of the columns of ``transform``.

        Args:
            input_features: Ignored.

        Returns:
            Object array ``(columns,)`` of ``str``: tokens for bags of words (``[id 0]`` for an id without a token of
            its own, ``[UNK] 1`` for a bucket), otherwise ``ids0``, ``ids1`` or ``vectors0``, ``vectors1`` and so on.
        """
        check_is_fitted(self, _FITTED_ATTRIBUTES.get(self.mode, "encoder_"))
        if self.mode in ("ids", "vectors"):
            width = self.maxlen_ if self.mode == "ids" else self.embedder_.output_dim
            names = [f"{self.mode}{i}" for i in range(width)]
        else:
            buckets = self.encoder_.oov_ids if self.encoder_.buckets is not None else range(0)
            names = [
                f"{token} {i}" if i in buckets else token or f"[id {i}]"
                for i, token in enumerate(self.encoder_.vocabulary)
            ]
        return np.array(names, dtype=object)

    def _vocabulary(self, texts: Path | Iterable[Any]) -> Encoder:
        fit_arguments = {name: getattr(self, name) for name in _FIT_ARGUMENTS}
        for name in _WORDS:
            if isinstance(fit_arguments[name], Iterator):
                kind = type(fit_arguments[name]).__name__
                raise ArgumentError(f"{name} must be read in each fit; received {kind}: pass a list of tokens")
        if self.encoder is None:
            return fit_vocab(texts, **fit_arguments, threads=self.threads)
        defaults = EncoderTransformer().get_params()
        for name, value in fit_arguments.items():
            if value not in (defaults[name], []):
                raise ArgumentError(
                    f"{name} requires that fit fits a vocabulary, and encoder was passed: leave out one of them"
                )
        return self.encoder if isinstance(self.encoder, Encoder) else Encoder.load(self.encoder)

    def _row_length(self, texts: Path | Iterable[Any]) -> int:
        """Return the length of all rows, which must not depend on the transformed texts."""
        encoder = self.encoder_
        encoder.require_pad_id()
        shape = encoder.pad_truncate(self.maxlen, self.padding, self.truncating)
        if shape.fixed_length is not None:
            return shape.fixed_length
        rows = encoder.encode_ragged(texts, truncating=self.truncating, threads=self.threads)
        return max(shape.padded_length(int(rows.lengths.max(initial=0))), 1)

    def _load_embedding(self) -> None:
        from tokemb.models.embedder import Embedder
        from tokemb.rows.pooling import POOLINGS

        check_choice("pooling", self.pooling, POOLINGS)
        if self.embedding is None:
            raise ArgumentError("mode='vectors' requires a Keras model or the path of a saved one: pass embedding=...")
        self.embedder_ = Embedder(self.embedding, self.encoder_, threads=self.threads)

    def __sklearn_tags__(self) -> Any:  # noqa: ANN401
        tags = super().__sklearn_tags__()
        tags.input_tags.string = True
        tags.input_tags.two_d_array = False  # one column of texts
        tags.transformer_tags.preserves_dtype = []
        return tags
