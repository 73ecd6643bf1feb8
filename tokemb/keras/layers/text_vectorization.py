"""Convert vocabularies to Keras' ``TextVectorization``, where it returns the same ids."""

from __future__ import annotations

import keras

from tokemb._validation import UNIGRAMS
from tokemb.errors import ArgumentError
from tokemb.vocabulary.vocabulary import Vocabulary

_PROFILE = "text-vectorization"


def to_text_vectorization(encoder: Vocabulary) -> keras.layers.TextVectorization:
    """Make the layer of ``Encoder.to_text_vectorization``."""
    encoder.require_no_segmenter("TextVectorization")
    if encoder.profile != _PROFILE or encoder.algorithm != "word":
        raise ArgumentError(
            f"TextVectorization returns the ids of word vocabularies of the profile {_PROFILE}; this one is of "
            f"{encoder.profile or 'a foreign tokenizer'} and {encoder.algorithm}: use Encoder.layer for other profiles"
        )
    if encoder.buckets is not None:
        raise ArgumentError(
            f"TextVectorization has one id for tokens out of vocabulary; this vocabulary has {encoder.buckets}: "
            "use Encoder.layer"
        )
    if (encoder.padding, encoder.truncating) != ("post", "post"):
        raise ArgumentError(
            "TextVectorization pads and truncates at the end; this vocabulary has "
            f"padding {encoder.padding!r} and truncating {encoder.truncating!r}: use Encoder.layer"
        )
    tokens = encoder.vocabulary[2:]  # after padding and OOV
    with_nul = next((token for token in tokens if token.endswith("\0")), None)
    if with_nul is not None:
        raise ArgumentError(
            f"TextVectorization loses a NUL at the end of a token; received {with_nul!r:.80}: use Encoder.layer"
        )
    return keras.layers.TextVectorization(
        ngrams=None if encoder.ngrams == UNIGRAMS else encoder.ngrams,
        vocabulary=tokens,
        output_sequence_length=encoder.maxlen,
    )
