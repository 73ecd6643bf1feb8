"""Text inside TensorFlow graphs: a Keras layer from strings to ids, and SavedModels that take raw text.

Importing this imports TensorFlow, and tells Keras of the layer, so that saved models which hold one can be loaded.
"""

from tokemb.serving.layer import TextToIds, make_layer
from tokemb.serving.saved_model import ANSWERS, export_saved_model
from tokemb.serving.text_vectorization import from_text_vectorization, to_text_vectorization

__all__ = [
    "ANSWERS",
    "TextToIds",
    "export_saved_model",
    "from_text_vectorization",
    "make_layer",
    "to_text_vectorization",
]
