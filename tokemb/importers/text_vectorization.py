"""Import of an adapted Keras ``TextVectorization`` layer in memory."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa

from tokemb._arrays import STRINGS
from tokemb._validation import check_ngrams
from tokemb.counts.select_tokens import PAD_TOKEN, UNK_TOKEN
from tokemb.counts.word_vocabulary import word_specification
from tokemb.encoder import Encoder
from tokemb.errors import ArgumentError, VocabularyError
from tokemb.vocabulary.pad_truncate import PadTruncate
from tokemb.vocabulary.profiles import get_profile
from tokemb.vocabulary.tokenizer_json import tokenizer_of

if TYPE_CHECKING:
    import keras

_PROFILE = "text-vectorization"
_FIRST = [PAD_TOKEN, UNK_TOKEN]
# The settings of a layer with the ids of the profile.
_SETTINGS = {
    "standardize": "lower_and_strip_punctuation",
    "split": "whitespace",
    "output_mode": "int",
    "encoding": "utf-8",
}


def is_keras_layer(value: object) -> bool:
    """Return whether a value is a Keras layer, without importing Keras."""
    return any(base.__module__.startswith("keras.") and base.__name__ == "Layer" for base in type(value).__mro__)


def read_text_vectorization(layer: keras.layers.TextVectorization) -> Encoder:
    """Make an encoder with the ids of a layer.

    Args:
        layer: An adapted layer.

    Raises:
        ArgumentError: If the layer is not a ``TextVectorization``, or has an unsupported setting (another
            ``standardize`` or ``split``, an ``output_mode`` other than ``"int"``).
        VocabularyError: If the layer has no vocabulary.
    """
    import keras

    if not isinstance(layer, keras.layers.TextVectorization):
        raise ArgumentError(f"layer must be a keras.layers.TextVectorization; received {type(layer).__name__}")
    config: dict[str, Any] = layer.get_config()
    for name, supported in _SETTINGS.items():
        if config[name] != supported:
            raise ArgumentError(
                f"the TextVectorization must have {name}={supported!r}, so that an encoder can produce its ids; "
                f"this one has {config[name]!r:.80}"
            )
    ngrams = check_ngrams(config["ngrams"])
    tokens = [str(token) for token in layer.get_vocabulary()]
    if len(tokens) <= len(_FIRST):
        raise VocabularyError("this TextVectorization has no vocabulary yet: adapt it first")
    if tokens[: len(_FIRST)] != _FIRST or len(set(tokens)) < len(tokens):
        raise VocabularyError(
            "the tokens of this TextVectorization must not contain NUL, which Keras does not return unchanged"
        )
    shape = PadTruncate().override(config["output_sequence_length"], None, None)
    words = pa.array(tokens[len(_FIRST) :], STRINGS)
    specification = word_specification(get_profile(_PROFILE), _FIRST, words, shape)
    return Encoder(specification, tokenizer_of(specification), pad_id=0, profile=_PROFILE, ngrams=ngrams)
