"""An encoder as a step of scikit-learn's pipelines.

scikit-learn is imported here and nowhere else; it is an extra.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from tokemb._arrays import Int32
from tokemb._validation import check_choice
from tokemb.encoder import Encoder
from tokemb.errors import ArgumentError, MissingPackageError, TextTypeError
from tokemb.fit import fit_vocab

if TYPE_CHECKING:
    import keras
    from scipy.sparse import csr_matrix

    from tokemb.rows.pooling import Float32

try:
    from sklearn.base import BaseEstimator, TransformerMixin
    from sklearn.utils.validation import check_is_fitted
except ImportError as error:
    raise MissingPackageError("EncoderTransformer needs scikit-learn: pip install tokemb[sklearn]") from error

MODES = ("multi_hot", "count", "tf_idf", "ids", "vectors")

# What fit makes besides the encoder.
_MADE_BY_FIT = {"ids": "maxlen_", "vectors": "embedder_"}

# What fit_vocab is told besides the texts and threads.
_FITTING = ("profile", "algorithm", "max_size", "min_count", "reserve", "oov")


class EncoderTransformer(TransformerMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn is untyped
    """Texts to bags of words, padded ids or vectors; ``fit`` fits the vocabulary.

    ``encoder``: a vocabulary that is kept instead, an ``Encoder`` or the path of a saved one.
    ``mode``: ``"multi_hot"``, ``"count"`` or ``"tf_idf"`` for what ``Encoder.vectorize`` gives, a SciPy ``csr_matrix``
    float32 (rows, input_dim); ``"ids"`` for what ``Encoder.encode`` gives, int32 (rows, maxlen); ``"vectors"`` for what
    ``tokemb.embed`` gives with ``pooling``, float32 (rows, dim).
    ``maxlen``, ``padding``, ``truncating``: of ids, as for ``Encoder.encode``, but where nothing says how long rows
    are, the longest that was fitted does, and longer ones are cut. Vectors are pooled over ``maxlen`` ids at most.
    ``embedding``: for vectors, a Keras model whose input is ids, or the path of a saved one, which ``fit`` reads.
    ``pooling``: ``"mean"``, ``"sum"`` or ``"max"``.
    ``profile``, ``algorithm``, ``max_size``, ``min_count``, ``reserve``, ``oov``: as for ``tokemb.fit_vocab``.
    ``threads``: how many to use, ``None`` for all cores.

    After ``fit`` there are ``encoder_``; ``maxlen_`` in the mode ``"ids"``; ``embedder_`` in the mode ``"vectors"``.

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
        algorithm: str = "word",
        max_size: int | None = None,
        min_count: int = 1,
        reserve: Iterable[str] = (),
        oov: bool = True,
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
        self.algorithm = algorithm
        self.max_size = max_size
        self.min_count = min_count
        self.reserve = reserve
        self.oov = oov
        self.threads = threads

    def fit(self, X: Path | Iterable[Any], y: object = None) -> EncoderTransformer:  # noqa: N803 - scikit-learn's name
        """Fit the vocabulary to the texts ``X``, or take over ``encoder``.

        ``X``: one column, or files, as ``Encoder.encode`` takes them, but no iterator: ``transform`` reads them again.
        Raises ``ArgumentError`` for settings that cannot be, ``TextTypeError`` and ``TextError`` for texts that are
        none, ``VocabularyError`` and ``ModelError`` for a vocabulary or model that cannot be used.
        """
        check_choice("mode", self.mode, MODES)
        if isinstance(X, Iterator):
            raise TextTypeError(
                f"texts must be a column that can be read again; received {type(X).__name__}: pass a list"
            )
        self.encoder_ = self._vocabulary(X)
        if self.mode == "ids":
            self.maxlen_ = self._row_length(X)
        elif self.mode == "vectors":
            self._load_embedding()
        else:
            self.encoder_.vectorize([], mode=self.mode)  # whether it can
        return self

    def transform(self, X: Path | Iterable[Any]) -> csr_matrix | Int32 | Float32:  # noqa: N803
        """Turn the texts ``X`` into what ``mode`` says; row ``i`` is text ``i``.

        Raises scikit-learn's ``NotFittedError`` without a ``fit`` in this mode; for texts as ``Encoder.encode``.
        """
        check_is_fitted(self, _MADE_BY_FIT.get(self.mode, "encoder_"))
        if self.mode == "ids":
            return self.encoder_.encode(
                X, maxlen=self.maxlen_, padding=self.padding, truncating=self.truncating, threads=self.threads
            )
        if self.mode == "vectors":
            rows = self.encoder_.encode_ragged(X, maxlen=self.maxlen, truncating=self.truncating, threads=self.threads)
            return self.embedder_.pool_rows(rows, self.pooling)
        return self.encoder_.vectorize(X, mode=self.mode, threads=self.threads)

    def get_feature_names_out(self, input_features: object = None) -> npt.NDArray[np.object_]:
        """The name of each column of what ``transform`` gives.

        That is the token in bags of words, ``[id 0]`` for an id that has none; else ``ids0``, or ``vectors0``, and so
        on. ``input_features``: not used. Returns object (columns,) of ``str``.
        """
        check_is_fitted(self, _MADE_BY_FIT.get(self.mode, "encoder_"))
        if self.mode in ("ids", "vectors"):
            width = self.maxlen_ if self.mode == "ids" else self.embedder_.output_dim
            names = [f"{self.mode}{i}" for i in range(width)]
        else:
            names = [token or f"[id {i}]" for i, token in enumerate(self.encoder_.vocabulary)]
        return np.array(names, dtype=object)

    def _vocabulary(self, texts: Path | Iterable[Any]) -> Encoder:
        told = {name: getattr(self, name) for name in _FITTING}
        if self.encoder is None:
            return fit_vocab(texts, **told, threads=self.threads)
        defaults = EncoderTransformer().get_params()
        for name, value in told.items():
            if value not in (defaults[name], []):
                raise ArgumentError(
                    f"{name} is for a vocabulary that is fitted, not for a given encoder: leave one out"
                )
        return self.encoder if isinstance(self.encoder, Encoder) else Encoder.load(self.encoder)

    def _row_length(self, texts: Path | Iterable[Any]) -> int:
        """The length of all rows; it must not depend on what is transformed."""
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
            raise ArgumentError("mode='vectors' needs an embedding: a Keras model, or the path of a saved one")
        self.embedder_ = Embedder(self.embedding, self.encoder_, threads=self.threads)

    def __sklearn_tags__(self) -> Any:  # noqa: ANN401
        tags = super().__sklearn_tags__()
        tags.input_tags.string = True
        tags.input_tags.two_d_array = False  # one column of texts
        tags.transformer_tags.preserves_dtype = []
        return tags
