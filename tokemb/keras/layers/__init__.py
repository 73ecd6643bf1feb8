"""Keras layers from strings to ids.

Importing this package imports TensorFlow and registers ``TextToIds`` with Keras, so that saved models with this layer
can be loaded.
"""

from tokemb.keras.layers.text_to_ids import TextToIds, make_layer
from tokemb.keras.layers.text_vectorization import to_text_vectorization

__all__ = ["TextToIds", "make_layer", "to_text_vectorization"]
