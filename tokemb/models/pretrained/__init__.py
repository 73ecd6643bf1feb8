"""Pre-trained vectors for the tokens of a vocabulary.

``load_vectors`` reads the vectors of GloVe, word2vec, fastText and gensim, and ``tokens_of_vectors`` their tokens.
``coverage`` returns how much of a vocabulary has a vector. ``starting_matrix`` initializes the other tokens.
"""

from tokemb._validation import VECTOR_FORMATS
from tokemb.models.pretrained.initialize import INITIALIZERS, Coverage, coverage, real_tokens, starting_matrix
from tokemb.models.pretrained.load import load_vectors, tokens_of_vectors
from tokemb.models.pretrained.pretrained_vectors import Pretrained

__all__ = [
    "VECTOR_FORMATS",
    "INITIALIZERS",
    "Coverage",
    "Pretrained",
    "coverage",
    "load_vectors",
    "real_tokens",
    "starting_matrix",
    "tokens_of_vectors",
]
