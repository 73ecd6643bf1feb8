"""A Keras layer from strings to ids.

Importing this imports TensorFlow and registers the layer with Keras, so that saved models that contain one can be
loaded.
"""

from tokemb.keras.layers.text_to_ids import TextToIds, make_layer
from tokemb.keras.layers.text_vectorization import to_text_vectorization

__all__ = ["TextToIds", "make_layer", "to_text_vectorization"]
