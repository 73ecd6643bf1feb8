"""The methods of ``Encoder`` that put text into Keras models; ``tokemb.serving``, behind them, imports TensorFlow."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from keras.layers import TextVectorization

    from tokemb.encoder import Encoder
    from tokemb.serving import TextToIds


class ServingMethods:
    """A vocabulary as a layer of Keras, and of one. See docs/serving.md."""

    def layer(self, maxlen: int | None = None, padding: str | None = None, truncating: str | None = None) -> TextToIds:
        """A Keras layer of this vocabulary: strings (batch,) to the int32 (batch, maxlen) of ``encode``.

        The arguments are those of ``encode``; see ``tokemb.serving.TextToIds``. The first one of a profile takes some
        seconds. Raises ``ArgumentError`` for subwords and foreign vocabularies, which TensorFlow cannot do exactly.
        """
        from tokemb.serving import make_layer

        return make_layer(cast("Encoder", self), maxlen, padding, truncating)

    def to_text_vectorization(self) -> TextVectorization:
        """Keras' ``TextVectorization`` with this vocabulary and the ids of ``encode``.

        Raises ``ArgumentError`` unless that is possible: for words of the profile ``"text-vectorization"``, padded and
        truncated at the end.
        """
        from tokemb.serving import to_text_vectorization

        return to_text_vectorization(cast("Encoder", self))

    @classmethod
    def from_text_vectorization(cls, layer: TextVectorization) -> Encoder:
        """The encoder of the ids that an adapted ``keras.layers.TextVectorization`` gives.

        Raises ``ArgumentError`` for settings that no profile has (ngrams, another ``standardize`` or ``split``, an
        ``output_mode`` that is not ``"int"``), ``VocabularyError`` for a layer without a vocabulary.
        """
        from tokemb.serving import from_text_vectorization

        return from_text_vectorization(layer)
