"""Analysis of embeddings: nearest neighbours, analogies, maps, and files for TensorBoard's projector.

``TokenVectors.load`` reads the vectors of a model or of a file once, for many queries.
"""

from tokemb.analysis.analogies import analogy
from tokemb.analysis.evaluate import Accuracy, Correlation, analogy_accuracy, similarity_correlation
from tokemb.analysis.html_map import write_html
from tokemb.analysis.maps import WordMap, word_map
from tokemb.analysis.nearest import Neighbor, Neighbors, neighbors
from tokemb.analysis.picture import write_picture
from tokemb.analysis.projector import export_projector
from tokemb.analysis.token_vectors import TokenVectors

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
