"""Keras' ``TextVectorization``, to and from, where it gives the same ids."""

from __future__ import annotations

from typing import Any

import keras

from tokemb.encoder import Encoder
from tokemb.errors import ArgumentError, VocabularyError
from tokemb.fit import word_specification
from tokemb.profiles import get_profile
from tokemb.row_shape import RowShape
from tokemb.specification import tokenizer_of
from tokemb.vocabulary import PAD_TOKEN, UNK_TOKEN

_PROFILE = "text-vectorization"
_FIRST = [PAD_TOKEN, UNK_TOKEN]
# What a layer must be set to, for its ids to be those of the profile.
_SETTINGS = {
    "standardize": "lower_and_strip_punctuation",
    "split": "whitespace",
    "ngrams": None,
    "output_mode": "int",
    "encoding": "utf-8",
}


def to_text_vectorization(encoder: Encoder) -> keras.layers.TextVectorization:
    """The layer of ``Encoder.to_text_vectorization``."""
    if encoder.profile != _PROFILE or encoder.model != "word":
        raise ArgumentError(
            f"TextVectorization gives the ids of word vocabularies of the profile {_PROFILE}; this one is of "
            f"{encoder.profile or 'a foreign tokenizer'} and {encoder.model}: Encoder.layer is for any profile"
        )
    if (encoder.padding, encoder.truncating) != ("post", "post"):
        raise ArgumentError(
            "TextVectorization pads and truncates at the end; this vocabulary has "
            f"padding {encoder.padding!r} and truncating {encoder.truncating!r}: use Encoder.layer"
        )
    tokens = encoder.vocabulary[len(_FIRST) :]
    lost = next((token for token in tokens if token.endswith("\0")), None)
    if lost is not None:
        raise ArgumentError(f"TextVectorization loses a NUL that ends a token: {lost!r:.80}; use Encoder.layer")
    return keras.layers.TextVectorization(vocabulary=tokens, output_sequence_length=encoder.maxlen)


def from_text_vectorization(layer: keras.layers.TextVectorization) -> Encoder:
    """The encoder of ``Encoder.from_text_vectorization``."""
    if not isinstance(layer, keras.layers.TextVectorization):
        raise ArgumentError(f"layer must be a keras.layers.TextVectorization; received {type(layer).__name__}")
    config: dict[str, Any] = layer.get_config()
    for name, needed in _SETTINGS.items():
        if config[name] != needed:
            raise ArgumentError(
                f"an encoder gives the ids of a TextVectorization with {name}={needed!r}; "
                f"this one has {config[name]!r:.80}"
            )
    tokens = [str(token) for token in layer.get_vocabulary()]
    if len(tokens) <= len(_FIRST):
        raise VocabularyError("this TextVectorization has no vocabulary yet: adapt it first")
    if tokens[: len(_FIRST)] != _FIRST or len(set(tokens)) < len(tokens):
        raise VocabularyError(
            "this TextVectorization has a vocabulary that Keras does not show as it is: NUL in tokens"
        )
    shape = RowShape().override(config["output_sequence_length"], None, None)
    specification = word_specification(get_profile(_PROFILE), tokens, shape)
    return Encoder(specification, tokenizer_of(specification), pad_id=0, profile=_PROFILE)
