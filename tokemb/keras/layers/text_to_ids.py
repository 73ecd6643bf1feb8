"""The Keras layer from strings to ids."""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tokemb._validation import UNIGRAMS
from tokemb.engine.components import UnprovableError
from tokemb.engine.ngrams import has_runs
from tokemb.errors import ArgumentError
from tokemb.keras.layers.graph import Tensor, bucket_ids, join_ngrams, pad_rows, pretokenize
from tokemb.keras.layers.unicode_table import UnicodeTable, unicode_table
from tokemb.kernels.structs import PAGE
from tokemb.vocabulary.oov_buckets import OovBuckets
from tokemb.vocabulary.pad_truncate import PadTruncate
from tokemb.vocabulary.vocabulary import Vocabulary

# No table of all characters is larger, in bytes. A few bytes of a saved model could unpack to gigabytes.
_MAX_TABLE = 1 << 26
_DTYPES = {"page_of": "<i4", "becomes": "<i4", "classes": "u1", "contexts": "u1"}


@keras.saving.register_keras_serializable(package="tokemb")
class TextToIds(keras.layers.Layer):  # type: ignore[misc]  # Keras is untyped
    """Map strings ``(batch,)`` or ``(batch, 1)`` to the int32 ids ``(batch, maxlen)`` of ``Encoder.encode``.

    A single string, of shape ``()``, gives int32 ``(maxlen,)``, so that ``dataset.map(layer)`` also works before
    ``batch``. Bytes that are not UTF-8 are an ``InvalidArgumentError``.

    ``Encoder.layer`` makes the layer. Its config is complete, so a saved model needs no vocabulary. Import
    ``tokemb.keras.layers`` before Keras loads the model.
    """

    def __init__(
        self,
        *,
        tokens: Sequence[str],
        characters: dict[str, Any],
        unk_id: int | None,
        pad_id: int,
        maxlen: int | None,
        padding: str,
        truncating: str,
        fingerprint: str,
        ngrams: Sequence[int] = UNIGRAMS,
        has_runs: bool = False,
        buckets: dict[str, Any] | None = None,
        **kwargs: Any,  # noqa: ANN401
    ) -> None:
        """Initialize the layer.

        Args:
            tokens: The token of each id, without the ids of ``buckets``.
            characters: A ``UnicodeTable`` as JSON.
            unk_id: The id of tokens out of vocabulary. ``None`` drops them.
            pad_id: The id of padding.
            maxlen: The length of all rows. ``None`` pads to the longest row.
            padding: ``"pre"`` or ``"post"``.
            truncating: ``"pre"`` or ``"post"``.
            fingerprint: The fingerprint of the vocabulary.
            ngrams: The lengths of n-grams, in the order of the ids in a row.
            has_runs: Whether separators next to characters that are tokens of their own end n-grams.
            buckets: ``OovBuckets`` as JSON, the buckets of tokens out of vocabulary. The first has the id ``unk_id``.
            **kwargs: The arguments of any Keras layer.
        """
        super().__init__(**kwargs)
        self._settings: dict[str, Any] = {
            "tokens": list(tokens),
            "characters": characters,
            "unk_id": unk_id,
            "pad_id": pad_id,
            "maxlen": maxlen,
            "padding": padding,
            "truncating": truncating,
            "fingerprint": fingerprint,
        }
        if tuple(ngrams) != UNIGRAMS:
            self._settings |= {"ngrams": list(ngrams), "has_runs": has_runs}
        self._ngrams, self._has_runs = tuple(ngrams), has_runs
        if buckets is not None:
            self._settings["buckets"] = buckets
        self._buckets = OovBuckets.from_json(buckets)
        self.maxlen = maxlen
        self._unk_id, self._shape = unk_id, (maxlen, padding, truncating, pad_id)
        self._characters = _from_json(characters)
        # Only TensorFlow processes strings. Keras must not cast the inputs, and XLA must not compile the layer.
        self._convert_input_args = False
        self._allow_non_tensor_positional_args = True
        self.supports_jit = False
        self.built = True  # it has no weights
        self._make_table()

    def _make_table(self) -> None:
        # TensorFlow has no empty tables, and no pre-token is empty.
        ids = _ids_of_tokens(self._settings["tokens"], self._unk_id, self._buckets) or {"": -1}
        with tf.init_scope():
            initializer = tf.lookup.KeyValueTensorInitializer(
                tf.constant(list(ids), tf.string), tf.constant(list(ids.values()), tf.int32)
            )
            is_unk_id = self._unk_id is not None and self._buckets is None
            self._table = tf.lookup.StaticHashTable(initializer, self._unk_id if is_unk_id else -1)

    @property
    def compute_dtype(self) -> str:
        """The dtype of the inputs: a ``Sequential`` model that begins with the layer casts its inputs to it."""
        return "string"

    @property
    def variable_dtype(self) -> str:
        """The dtype of the weights of text layers in Keras. There are none."""
        return "string"

    @property
    def fingerprint(self) -> str:
        """The fingerprint of the vocabulary."""
        return str(self._settings["fingerprint"])

    def grow(self, encoder: Vocabulary) -> None:
        """Replace the vocabulary of the layer by one that grew from it.

        A function that was traced before, for example by ``predict``, must be traced again.
        """
        self._settings |= {"tokens": _tokens_outside_buckets(encoder), "fingerprint": encoder.fingerprint}
        self._make_table()

    def call(self, inputs: Tensor) -> Tensor:
        """Map strings ``(batch,)`` or ``(batch, 1)`` to int32 ``(batch, maxlen)``, or one string to ``(maxlen,)``."""
        texts = tf.convert_to_tensor(inputs, tf.string)
        shape = tuple(texts.shape)
        _check_shape(shape)
        with tf.device("CPU:0"):
            texts = tf.reshape(texts, [-1])
            tokens, rows, runs = pretokenize(texts, self._characters)
            if self._ngrams != UNIGRAMS:
                tokens, rows = join_ngrams(tokens, rows, runs if self._has_runs else rows, self._ngrams)
            ids = self._table.lookup(tokens)
            if self._buckets is not None:
                ids = tf.where(ids < 0, self._unk_id + bucket_ids(tokens, self._buckets), ids)
            if self._unk_id is None:
                in_vocabulary = ids >= 0
                ids, rows = tf.boolean_mask(ids, in_vocabulary), tf.boolean_mask(rows, in_vocabulary)
            padded = pad_rows(ids, rows, tf.size(texts), *self._shape)
        return padded[0] if shape == () else tf.ensure_shape(padded, [shape[0], self.maxlen])

    def compute_output_spec(self, inputs: Any) -> keras.KerasTensor:  # noqa: ANN401 - a symbolic tensor
        """Return the spec of int32 ``(batch, maxlen)``, or ``(maxlen,)`` for one string."""
        _check_shape(tuple(inputs.shape))
        return keras.KerasTensor((*inputs.shape[:1], self.maxlen), dtype="int32")

    def get_config(self) -> dict[str, Any]:
        """Return the arguments of the layer."""
        return {**super().get_config(), **self._settings}


def make_layer(encoder: Vocabulary, maxlen: int | None, padding: str | None, truncating: str | None) -> TextToIds:
    """Make the layer of ``Encoder.layer``."""
    shape = encoder.pad_truncate(maxlen, padding, truncating)
    encoder.require_no_segmenter("a TensorFlow graph")
    if encoder.profile is None:
        raise ArgumentError(
            "a layer needs a vocabulary that tokemb fitted, since TensorFlow cannot reproduce every tokenizer.json "
            "exactly: encode texts before the model"
        )
    if encoder.algorithm != "word":
        raise ArgumentError(
            f"a layer needs a vocabulary of words, since TensorFlow cannot split words into subwords exactly; received "
            f"the algorithm {encoder.algorithm}: encode texts before the model"
        )
    encoder.require_no_start_and_end("a layer, which adds none")
    return TextToIds(
        tokens=_tokens_outside_buckets(encoder),
        characters=_to_json(_unicode_table_of(encoder)),
        unk_id=encoder.unk_id,
        pad_id=encoder.require_pad_id(),
        maxlen=_length(shape),
        padding=shape.padding,
        truncating=shape.truncating,
        fingerprint=encoder.fingerprint,
        ngrams=encoder.ngrams,
        has_runs=has_runs(encoder.splitting[1]),
        buckets=None if encoder.buckets is None else encoder.buckets.to_json(),
    )


def _tokens_outside_buckets(encoder: Vocabulary) -> list[str]:
    """Return the token of each id, without the ids of buckets. A config would contain their token many times."""
    tokens = encoder.vocabulary
    return tokens if encoder.buckets is None else [*tokens[: encoder.oov_ids.start], *tokens[encoder.oov_ids.stop :]]


def _ids_of_tokens(tokens: Sequence[str], unk_id: int | None, buckets: OovBuckets | None) -> dict[str, int]:
    """Return the id of each token, where the ids of ``buckets`` have no token."""
    if buckets is None or unk_id is None:
        return {token: index for index, token in enumerate(tokens) if token}
    ids = [*range(unk_id), *range(unk_id + buckets.count, len(tokens) + buckets.count)]
    return {token: index for token, index in zip(tokens, ids, strict=True) if token}


def _unicode_table_of(encoder: Vocabulary) -> UnicodeTable:
    """Return the table of all characters, or raise ``ArgumentError`` if it would not be exact."""
    components = (json.dumps(component) for component in encoder.splitting)
    try:
        return unicode_table(*components)
    except UnprovableError as reason:
        raise ArgumentError(f"this vocabulary cannot be a layer: {reason}; encode texts before the model") from None


def _length(shape: PadTruncate) -> int | None:
    if shape != PadTruncate().override(shape.fixed_length, shape.padding, shape.truncating):
        raise ArgumentError("this vocabulary pads and truncates to different lengths: pass maxlen=...")
    return shape.fixed_length


def _check_shape(shape: tuple[int | None, ...]) -> None:
    if len(shape) > 1 and shape[1:] != (1,):
        raise ArgumentError(f"texts must be strings of shape (batch,), (batch, 1) or (); received {shape}")


def _to_json(characters: UnicodeTable) -> dict[str, Any]:
    arrays = {name: getattr(characters, name).astype(dtype).tobytes() for name, dtype in _DTYPES.items()}
    return {name: base64.b64encode(zlib.compress(data, 9)).decode() for name, data in arrays.items()} | {
        "rule": characters.rule
    }


def _from_json(content: dict[str, Any]) -> UnicodeTable:
    arrays = {name: np.frombuffer(_unpack(content[name]), dtype) for name, dtype in _DTYPES.items()}
    entries = (int(arrays["page_of"].max()) + 1) * PAGE
    becomes, classes, contexts = (arrays[name].reshape(entries, -1) for name in ("becomes", "classes", "contexts"))
    return UnicodeTable(arrays["page_of"], becomes, classes, contexts, content["rule"])


def _unpack(text: str) -> bytes:
    decompressor = zlib.decompressobj()
    data = decompressor.decompress(base64.b64decode(text), _MAX_TABLE)
    if not decompressor.eof:
        raise ValueError(f"a table of characters must be complete and at most {_MAX_TABLE:,} bytes")
    return data
