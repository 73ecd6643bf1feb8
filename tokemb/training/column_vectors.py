"""The embeddings of a training folder as vectors to be compared."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from tokemb.analysis.token_vectors import TokenVectors
from tokemb.errors import ArgumentError, TextError
from tokemb.models.pretrained import real_tokens
from tokemb.tables import ColumnEncoder
from tokemb.tables.tables import table_batches
from tokemb.tables.values import MISSING
from tokemb.training.column_model import embedding_layers
from tokemb.training.ratings_model import layers_of_columns
from tokemb.training.trained import TASKS, TrainedFolder, load_folder

# The column of the skills, and that of the skills and answers, of knowledge tracing.
_TRACING_LAYERS = ("skill_embedding", "answer_embedding")


def training_vectors(
    path: Path | str, column: str | None = None, names: Mapping[str, str] | None = None
) -> TokenVectors:
    """Load the embeddings of a training folder.

    Args:
        path: A folder that a ``tokemb train`` command, or ``Trained.save``, wrote.
        column: The column whose values are embedded, such as the items of ratings. It is required for a model of
            several columns, and must be left out for a model of texts or events.
        names: The name to show for each value. Values without a name are shown themselves.

    Returns:
        The vectors, whose tokens are the names or values.

    Raises:
        ArgumentError: If ``column`` is not a column of the folder.
        ModelError: If the folder is not that of a training, or was changed.
    """
    folder = load_folder(path)
    layers = _layers(folder)
    if not layers:
        if column is not None:
            raise ArgumentError(f"column must be left out: {folder.path} holds {TASKS[folder.task]}, without columns")
        return _named(TokenVectors.load(folder.model, folder.encoder), names)
    if column not in layers:
        received = "pass it as column=..." if column is None else f"received {column!r}"
        raise ArgumentError(f"column must be one of {', '.join(layers)}, the columns of {folder.path}; {received}")
    encoder = folder.columns.vocabularies[column]
    [matrix] = folder.model.get_layer(layers[column]).get_weights()
    is_value = real_tokens(encoder) & (np.array(encoder.vocabulary, object) != MISSING)
    counts = encoder.table["count"].fill_null(-1).to_numpy()
    return _named(TokenVectors(encoder.vocabulary, matrix, is_value, counts), names)


def _layers(folder: TrainedFolder) -> dict[str, str]:
    """Return the layer of the embedding of each column. Models of texts and events have none."""
    if folder.task == "ratings":
        layers = layers_of_columns(folder.model)
        return {name: layers[name][0] for name in folder.columns.names}
    if folder.task == "classify" and isinstance(folder.vocabulary, ColumnEncoder):
        return embedding_layers(folder.vocabulary)
    return dict(zip(folder.columns.names, _TRACING_LAYERS, strict=True)) if folder.task == "tracing" else {}


def _named(vectors: TokenVectors, names: Mapping[str, str] | None) -> TokenVectors:
    """Return vectors whose tokens are names. A name that several values have is followed by the value."""
    if names is None:
        return vectors
    shown = [names.get(token) or token for token in vectors.tokens]
    repeated = {name for name, count in Counter(shown).items() if count > 1}
    tokens = [
        f"{name} [{token}]" if name in repeated and name != token else name
        for name, token in zip(shown, vectors.tokens, strict=True)
    ]
    return TokenVectors(tokens, vectors.matrix, vectors.real, vectors.counts)


def read_names(table: Any) -> dict[str, str]:  # noqa: ANN401 - any table
    """Read the name to show for each value: the second column of a table, by its first column.

    Raises:
        TextError: If the table has a single column.
    """
    names: dict[str, str] = {}
    for batch in table_batches(table, None):
        if batch.num_columns < 2:
            raise TextError("names require a table of two columns, values and names; received one column")
        values, shown = (batch.column(index).cast(pa.string()).to_pylist() for index in (0, 1))
        names |= {value: name for value, name in zip(values, shown, strict=True) if value and name}
    return names
