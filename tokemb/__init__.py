"""Convert raw text, event logs and categorical columns to padded index tensors and embedded arrays for Keras.

The concepts are ``Encoder`` (a fitted vocabulary that maps texts to ids and back), ``Ragged`` (rows of ids without
padding), ``TokenCounts`` (exact, mergeable counts), and embedding models, which are plain saved Keras models.
The verbs are ``fit_vocab``, ``import_vocabulary``, ``encode``, ``decode``, ``pad``, ``embedding_model``,
``column_model``, ``embed``, ``load_trained``, ``predict_file``, ``check``, ``diff``, ``grow_model``, ``neighbors`` and
``report``.

TensorFlow is imported by the functions that need it, never by ``import tokemb``.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from tokemb.analysis import neighbors
    from tokemb.analysis.diff import diff
    from tokemb.counts.token_counts import TokenCounts
    from tokemb.encoder import Encoder
    from tokemb.errors import TokembError
    from tokemb.fit import fit_vocab
    from tokemb.importers import import_vocabulary
    from tokemb.models.check import check
    from tokemb.models.embedder import embed
    from tokemb.models.embedding_model import embedding_model
    from tokemb.models.extension import grow_model
    from tokemb.pipeline.files import embed_file, encode_file
    from tokemb.pipeline.predict import predict_file
    from tokemb.pipeline.reports import report
    from tokemb.rows.ragged import Ragged, pad
    from tokemb.sources.corpus import read_corpus
    from tokemb.tables.encoder import ColumnEncoder
    from tokemb.tables.events import group_events
    from tokemb.training.column_model import column_model
    from tokemb.training.load import load_trained

# Each name is imported on first access (PEP 562): a command needs few of them and starts faster without the others.
_MODULES = {
    "ColumnEncoder": "tables.encoder",
    "Encoder": "encoder",
    "Ragged": "rows.ragged",
    "TokembError": "errors",
    "TokenCounts": "counts.token_counts",
    "check": "models.check",
    "column_model": "training.column_model",
    "diff": "analysis.diff",
    "embed": "models.embedder",
    "embed_file": "pipeline.files",
    "embedding_model": "models.embedding_model",
    "encode_file": "pipeline.files",
    "fit_vocab": "fit",
    "group_events": "tables.events",
    "grow_model": "models.extension",
    "import_vocabulary": "importers",
    "load_trained": "training.load",
    "neighbors": "analysis",
    "pad": "rows.ragged",
    "predict_file": "pipeline.predict",
    "read_corpus": "sources.corpus",
    "report": "pipeline.reports",
}

__all__ = [
    "ColumnEncoder",
    "Encoder",
    "Ragged",
    "TokembError",
    "TokenCounts",
    "__version__",
    "check",
    "column_model",
    "diff",
    "embed",
    "embed_file",
    "embedding_model",
    "encode_file",
    "fit_vocab",
    "group_events",
    "grow_model",
    "import_vocabulary",
    "load_trained",
    "neighbors",
    "pad",
    "predict_file",
    "read_corpus",
    "report",
]


def __getattr__(name: str) -> Any:  # noqa: ANN401
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(importlib.import_module(f"{__name__}.{_MODULES[name]}"), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
