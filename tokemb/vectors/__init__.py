"""Pre-trained vectors: read for the tokens of a vocabulary, and written for other programs.

``load_vectors`` reads GloVe, word2vec, fastText and gensim's, ``tokens_of_vectors`` the tokens that they hold;
``coverage`` says how much of a vocabulary has a vector; ``starting_matrix`` makes the rest; ``export_vectors`` writes
the vectors of a model.
"""

from tokemb.vectors.export import export_vectors
from tokemb.vectors.formats import FORMATS
from tokemb.vectors.load import load_vectors, tokens_of_vectors
from tokemb.vectors.pretrained import Pretrained
from tokemb.vectors.start import MISSING, Coverage, coverage, real_tokens, starting_matrix

__all__ = [
    "FORMATS",
    "MISSING",
    "Coverage",
    "Pretrained",
    "coverage",
    "export_vectors",
    "load_vectors",
    "real_tokens",
    "starting_matrix",
    "tokens_of_vectors",
]
