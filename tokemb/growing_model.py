"""A model whose ``Embedding`` has rows for a vocabulary that grew; all else that it has learned stays."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from tokemb.arguments import check_count
from tokemb.contract import fingerprint_errors
from tokemb.embedder import load_model
from tokemb.embedding import fingerprint_in_name, model_name
from tokemb.encoder import Encoder
from tokemb.errors import ArgumentError, ModelError
from tokemb.growing_optimizer import numbers_of, optimizer_state, restore_optimizer
from tokemb.network import embeddings_of, layers_of

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
) -> keras.Model:
    """A copy of ``model``, made for the vocabulary ``old``, that takes the ids of ``new``, which grew from it.

    Rows that the ``Embedding`` has stay bit for bit, also those above ``old``'s ids; new rows are drawn from a normal
    distribution with the mean and standard deviation that the rows of ``old``'s tokens have in each dimension. All else
    stays: layers, weights, masks, how the model is compiled, and the optimizer's state, in which new rows start as in
    a new optimizer; moving averages of the weights (``use_ema``) start as the new rows themselves. Names that carry
    ``old``'s fingerprint carry ``new``'s.

    ``model``: any Keras model, or the path of a saved one; what is given does not change.
    ``embedding``: the names of the ``Embedding`` layers to grow, needed only where that cannot be told: ids do not go
    to them as they are, or a model of several inputs has several. ``seed``: makes the new rows repeatable.

    Warns (``UserWarning``) of other weights, and of outputs, that are as long as the vocabulary: they stay as they are.
    Raises ``ArgumentError`` if ``new`` did not grow from ``old``; ``ModelError`` if the model is of
    another vocabulary, cannot be loaded or copied, or its ``Embedding`` cannot be told or cannot grow.
    """
    seed = None if seed is None else check_count("seed", seed, least=0)
    if new.vocabulary[: old.input_dim] != old.vocabulary or (new.pad_id, new.unk_id) != (old.pad_id, old.unk_id):
        raise ArgumentError(
            "new must be a vocabulary that grew from old, its tokens with the ids that they had: "
            "make it with Encoder.grow"
        )
    model = _copy(model)
    names = [layer.name for layer in layers_of(model)]
    for finding in fingerprint_errors(names, old.fingerprint, (old.settings or {}).get("grown_from", ())):
        raise ModelError(finding.message)
    layers = _named(model, embedding) if embedding is not None else _told(model)
    for layer in layers:
        _check_can_grow(layer, old)
    _warn_of_others(model, layers, old)
    optimizer = optimizer_state(model)
    for number, layer in enumerate(layers):
        _grow_layer(model, layer, old, new, None if seed is None else seed + number)
    for layer in layers_of(model):
        layer.name = layer.name.replace(model_name(old.fingerprint), model_name(new.fingerprint), 1)
    if optimizer is not None:
        restore_optimizer(model, optimizer)
    return model


def _copy(model: keras.Model | Path | str) -> Any:  # noqa: ANN401 - Keras is untyped
    """A model of our own, compiled as ``model`` is."""
    if isinstance(model, (Path, str)):
        try:
            return load_model(model, compiled=True)
        except ModelError as error:
            load_model(model)  # if that fails too, its error says more
            raise ModelError(
                f"{error}: the optimizer, loss or metrics of the model cannot be loaded; to grow it without them, "
                "load it with keras.models.load_model(..., compile=False)"
            ) from error
    import keras

    if not isinstance(model, keras.Model):
        raise ModelError(f"model must be a Keras model or the path of a saved one; received {type(model).__name__}")
    try:
        return copy.deepcopy(model)
    except Exception as error:  # Keras raises all kinds, with messages of many lines
        cause: BaseException = error
        while cause.__context__ is not None:  # the first of the errors says most
            cause = cause.__context__
        raise ModelError(f"Keras cannot copy the model: {' '.join(str(cause).split()):.300}") from error


# Which layers


def _told(model: Any) -> list[Any]:  # noqa: ANN401
    """The ``Embedding`` layers of the vocabulary: those in models that carry its name, or that all ids go to."""
    marked = [layer for layer in layers_of(model) if fingerprint_in_name(layer.name)]
    found = _distinct(embedding for part in marked or [model] for embedding in embeddings_of(part))
    if not found:
        raise ModelError(f"no Embedding takes the ids of the model as they are: {_name_one(model)}")
    if not marked and len(found) > 1 and len(getattr(model, "inputs", ())) > 1:
        raise ModelError(f"the model has several inputs and Embeddings: {_name_one(model)}")
    return found


def _named(model: Any, names: str | Iterable[str]) -> list[Any]:  # noqa: ANN401
    wanted = {names} if isinstance(names, str) else set(names)
    found = [layer for layer in _all_embeddings(model) if layer.name in wanted]
    if not wanted or wanted != {layer.name for layer in found}:
        raise ModelError(f"embedding must name layers of the model; received {sorted(wanted)}: {_name_one(model)}")
    return found


def _all_embeddings(model: Any) -> list[Any]:  # noqa: ANN401
    import keras

    return _distinct(layer for layer in layers_of(model) if isinstance(layer, keras.layers.Embedding))


def _distinct(layers: Iterable[Any]) -> list[Any]:
    return list({id(layer): layer for layer in layers}.values())


def _name_one(model: Any) -> str:  # noqa: ANN401
    names = ", ".join(layer.name for layer in _all_embeddings(model))
    return f"name the layers to grow with embedding=..., of {names}" if names else "it has none at all"


def _check_can_grow(layer: Any, old: Encoder) -> None:  # noqa: ANN401
    """Raise ``ModelError`` for an ``Embedding`` that is more than a matrix, or too small for ``old``."""
    import keras

    if type(layer) is not keras.layers.Embedding or not layer.built:
        raise ModelError(f"{layer.name} is a {type(layer).__name__}: only a built keras.layers.Embedding grows")
    if getattr(layer, "lora_enabled", False) or getattr(layer, "quantization_mode", None):
        raise ModelError(f"{layer.name} has LoRA or is quantised: grow it before that, or merge it first")
    if layer.input_dim < old.input_dim:
        raise ModelError(
            f"{layer.name} has input_dim {layer.input_dim}, the vocabulary needs {old.input_dim}: "
            "use the vocabulary that the model was made for"
        )


def _warn_of_others(model: Any, layers: list[Any], old: Encoder) -> None:  # noqa: ANN401
    own = {id(weight) for layer in layers for weight in layer.weights}
    lengths = {old.input_dim, *(layer.input_dim for layer in layers)}
    weights = [weight for weight in model.weights if id(weight) not in own]
    named = [(weight.path, tuple(weight.shape)) for weight in weights if not lengths.isdisjoint(weight.shape)]
    named += [
        ("output", tuple(output.shape)) for output in getattr(model, "outputs", ()) if output.shape[-1] in lengths
    ]
    if named:
        left = ", ".join(f"{name} {shape}" for name, shape in named)
        warnings.warn(
            f"what is as long as the vocabulary stays as it is: {left}; an output over the vocabulary does not give "
            "the new tokens",
            stacklevel=3,
        )


# What grows


def _grow_layer(model: Any, layer: Any, old: Encoder, new: Encoder, seed: int | None) -> None:  # noqa: ANN401
    if layer.input_dim >= new.input_dim:
        return
    replaced = layer.embeddings
    # Keras has no public way to give a built layer other weights in its place in a graph.
    layer._untrack_variable(replaced)
    layer._tracker.unlock()
    layer.input_dim = new.input_dim
    layer.built = False
    layer.build(None)
    layer.embeddings.assign(_with_new_rows(numbers_of(replaced), old, new, seed))
    if any(weight is replaced for weight in model.weights):
        raise ModelError(f"the weights of {layer.name} are also those of another layer, so that it cannot grow alone")


def _with_new_rows(matrix: Array, old: Encoder, new: Encoder, seed: int | None) -> Array:
    """``matrix``, of at least ``old``'s rows, with the rows that ``new`` needs more."""
    from tokemb.vectors import Pretrained, starting_matrix

    if not np.isfinite(matrix[: old.input_dim].astype(np.float32)).all():
        raise ModelError(
            "the model holds vectors that are not finite: it was trained too fast, or on what is no number"
        )
    known = np.zeros((new.input_dim, matrix.shape[1]), np.float32)
    known[: old.input_dim] = matrix[: old.input_dim]
    found = np.arange(new.input_dim) < old.input_dim
    start = starting_matrix(new, Pretrained(known, found, "the model", "Embedding", old.input_dim), seed=seed)
    return np.concatenate([matrix, start[len(matrix) :].astype(matrix.dtype)])
