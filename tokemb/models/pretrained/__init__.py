"""Pre-trained vectors: read for the tokens of a vocabulary.

``load_vectors`` reads GloVe, word2vec, fastText and gensim's, ``tokens_of_vectors`` the tokens that they hold;
``coverage`` says how much of a vocabulary has a vector; ``starting_matrix`` makes the rest.
"""

from tokemb.models.pretrained.detect_format import FORMATS
from tokemb.models.pretrained.initialize import MISSING, Coverage, coverage, real_tokens, starting_matrix
from tokemb.models.pretrained.load import load_vectors, tokens_of_vectors
from tokemb.models.pretrained.pretrained_vectors import Pretrained

__all__ = [
    "FORMATS",
    "MISSING",
    "Coverage",
    "Pretrained",
    "coverage",
    "load_vectors",
    "real_tokens",
    "starting_matrix",
    "tokens_of_vectors",
]
