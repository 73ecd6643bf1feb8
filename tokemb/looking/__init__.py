"""Looking at embeddings: nearest neighbours, analogies, maps, and files for TensorBoard's projector.

``TokenVectors.load`` reads the vectors of a model or of a file once, for many questions.
"""

from tokemb.looking.analogies import analogy
from tokemb.looking.evaluate import Accuracy, Correlation, analogy_accuracy, similarity_correlation
from tokemb.looking.nearest import Neighbor, Neighbors, neighbors
from tokemb.looking.token_vectors import TokenVectors

__all__ = [
    "Accuracy",
    "Correlation",
    "Neighbor",
    "Neighbors",
    "TokenVectors",
    "analogy",
    "analogy_accuracy",
    "neighbors",
    "similarity_correlation",
]
