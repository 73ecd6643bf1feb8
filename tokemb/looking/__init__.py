"""Looking at embeddings: nearest neighbours, analogies, maps, and files for TensorBoard's projector.

``TokenVectors.load`` reads the vectors of a model or of a file once, for many questions.
"""

from tokemb.looking.analogies import analogy
from tokemb.looking.evaluate import Accuracy, Correlation, analogy_accuracy, similarity_correlation
from tokemb.looking.html_map import write_html
from tokemb.looking.maps import WordMap, word_map
from tokemb.looking.nearest import Neighbor, Neighbors, neighbors
from tokemb.looking.picture import write_picture
from tokemb.looking.projector import export_projector
from tokemb.looking.token_vectors import TokenVectors

__all__ = [
    "Accuracy",
    "Correlation",
    "Neighbor",
    "Neighbors",
    "TokenVectors",
    "WordMap",
    "analogy",
    "analogy_accuracy",
    "export_projector",
    "neighbors",
    "similarity_correlation",
    "word_map",
    "write_html",
    "write_picture",
]
