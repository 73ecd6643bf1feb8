"""A model whose ``Embedding`` has rows for a vocabulary that grew; all else that it has learned stays."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy.typing as npt

from tokemb.arguments import check_count
from tokemb.contract import vocabulary_errors
from tokemb.encoder import Encoder
from tokemb.errors import ArgumentError, ModelError
from tokemb.network import Network

if TYPE_CHECKING:
    import keras

Array = npt.NDArray[Any]


def grow_model(
    model: keras.Model | Path | str,
    old: Encoder,
    new: Encoder,
    *,
    embedding: str | Iterable[str] | None = None,
    seed: int | None = None,
    compiled: bool = True,
) -> keras.Model:
    """A copy of ``model``, made for the vocabulary ``old``, that takes the ids of ``new``, which grew from it.

    Rows that the ``Embedding`` has stay bit for bit, also those above ``old``'s ids; new rows are drawn from a normal
    distribution with the mean and standard deviation that those of the old tokens have in each dimension. Everything
    else stays: layers, weights, masks, and, with ``compiled``, how the model is compiled and the optimizer's state, in
    which new rows start as they do in a new optimizer. Names that carry ``old``'s fingerprint carry ``new``'s.

    ``model``: any Keras model, or the path of a saved one; the given one does not change.
    ``embedding``: the names of the ``Embedding`` layers to grow; needed only where ids do not go to them as they are, or
    a model of several inputs has several. ``seed``: makes the new rows repeatable.

    Warns (``UserWarning``) of other weights with as many rows as the ``Embedding``, such as an output over the vocabulary:
    they stay as they are. Raises ``ArgumentError`` if ``new`` did not grow from ``old``; ``ModelError`` if the model is
    of another vocabulary, cannot be loaded, or its ``Embedding`` cannot be told or cannot grow.
    """
    seed = None if seed is None else check_count("seed", seed, least=0)
    if new.vocabulary[: old.input_dim] != old.vocabulary or (new.pad_id, new.unk_id) != (old.pad_id, old.unk_id):
        raise ArgumentError(
            "new must be a vocabulary that grew from old, with the same ids for its tokens: "
            "make it with Encoder.grow or tokemb grow"
        )
    model = _copy(model, compiled)
    for finding in vocabulary_errors(Network(model), old):
        raise ModelError(finding.message)
    layers = _layers_to_grow(model, old, embedding)
    for layer in layers:
        _check_layer(layer)
    _warn_of_others(model, layers)
    state = _optimizer_state(model)
    for number, layer in enumerate(layers):
        _grow_layer(layer, old, new, None if seed is None else seed + number)
    _check_shared_weights(model, layers)
    _rename(model, old, new)
    if state is not None:
        _restore_optimizer(model, state)
    return model
