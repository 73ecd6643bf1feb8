"""Raw text, event logs and categorical columns to padded index tensors and embedded arrays for Keras.

Four nouns: ``Encoder`` (a fitted vocabulary: texts to ids and back), ``Ragged`` (rows of ids without padding),
``TokenCounts`` (exact, mergeable counts), and embedding models, which are plain saved Keras models.
A few verbs: ``fit_vocab``, ``encode``, ``decode``, ``pad``, ``embedding_model``, ``embed``.

TensorFlow is imported by the functions that need it, never by ``import tokemb``.
"""

from tokemb._version import __version__
from tokemb.counts import TokenCounts
from tokemb.embedder import embed
from tokemb.embedding import embedding_model
from tokemb.encoder import Encoder
from tokemb.errors import TokembError
from tokemb.fit import fit_vocab
from tokemb.ragged import Ragged, pad

__all__ = [
    "Encoder",
    "Ragged",
    "TokembError",
    "TokenCounts",
    "__version__",
    "embed",
    "embedding_model",
    "fit_vocab",
    "pad",
]
