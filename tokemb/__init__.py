"""Raw text, event logs and categorical columns to padded index tensors and embedded arrays for Keras.

Four nouns: ``Encoder`` (a fitted vocabulary: texts to ids and back), ``Ragged`` (rows of ids without padding),
``TokenCounts`` (exact, mergeable counts), and embedding models, which are plain saved Keras models.
A few verbs: ``fit_vocab``, ``import_vocabulary``, ``encode``, ``decode``, ``pad``, ``embedding_model``, ``embed``,
``check``, ``diff``, ``grow_model``, ``neighbors``.

TensorFlow is imported by the functions that need it, never by ``import tokemb``.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from tokemb._version import __version__

if TYPE_CHECKING:
    from tokemb.checking import check
    from tokemb.columns.encoder import ColumnEncoder
    from tokemb.columns.events import group_events
    from tokemb.counts import TokenCounts
    from tokemb.difference import diff
    from tokemb.embedder import embed
    from tokemb.embedding import embedding_model
    from tokemb.encoder import Encoder
    from tokemb.errors import TokembError
    from tokemb.fit import fit_vocab
    from tokemb.growing_model import grow_model
    from tokemb.importing import import_vocabulary
    from tokemb.looking import neighbors
    from tokemb.ragged import Ragged, pad
    from tokemb.reading import read_corpus

# Imported when they are asked for (PEP 562): a command needs a few of them, and answers sooner without the others.
_MODULES = {
    "ColumnEncoder": "columns.encoder",
    "Encoder": "encoder",
    "Ragged": "ragged",
    "TokembError": "errors",
    "TokenCounts": "counts",
    "check": "checking",
    "diff": "difference",
    "embed": "embedder",
    "embedding_model": "embedding",
    "fit_vocab": "fit",
    "group_events": "columns.events",
    "grow_model": "growing_model",
    "import_vocabulary": "importing",
    "neighbors": "looking",
    "pad": "ragged",
    "read_corpus": "reading",
}

__all__ = [
    "ColumnEncoder",
    "Encoder",
    "Ragged",
    "TokembError",
    "TokenCounts",
    "__version__",
    "check",
    "diff",
    "embed",
    "embedding_model",
    "fit_vocab",
    "group_events",
    "grow_model",
    "import_vocabulary",
    "neighbors",
    "pad",
    "read_corpus",
]


def __getattr__(name: str) -> Any:  # noqa: ANN401
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(importlib.import_module(f"{__name__}.{_MODULES[name]}"), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
