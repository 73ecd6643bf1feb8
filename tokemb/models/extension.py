"""A model whose ``Embedding`` has rows for a vocabulary that grew; all else that it has learned stays."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from tokemb._validation import check_count
from tokemb.encoder import Encoder
from tokemb.errors import ArgumentError, ModelError
from tokemb.models.compatibility import fingerprint_errors
from tokemb.models.embedder import load_model
from tokemb.models.embedding_model import model_name
from tokemb.models.model_layers import all_embeddings, layers_of, names_of, text_fingerprints, vocabulary_embeddings
from tokemb.models.optimizer_slots import numbers_of, optimizer_slots, restore_slots
from tokemb.models.text_layers import check_lookups, grow_text_layers
from tokemb.vocabulary.vocabulary import check_vocabulary

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
    check_vocabulary("old", old)
    check_vocabulary("new", new)
    if new.vocabulary[: old.input_dim] != old.vocabulary or (new.pad_id, new.unk_id) != (old.pad_id, old.unk_id):
        raise ArgumentError(
            "new must be a vocabulary that grew from old, its tokens with the ids that they had: "
            "make it with Encoder.grow"
        )
    model = _copy(model)
    grown_from = (old.settings or {}).get("grown_from", ())
    for finding in fingerprint_errors(names_of(model), text_fingerprints(model), old.fingerprint, grown_from):
        raise ModelError(finding.message)
    layers = _named(model, embedding) if embedding is not None else _told(model)
    for layer in layers:
        _check_can_grow(layer, old)
    check_lookups(model, old)
    lengths = {old.input_dim, *(layer.input_dim for layer in layers)}
    optimizer = optimizer_slots(model)
    for number, layer in enumerate(layers):
        _grow_layer(model, layer, old, new, None if seed is None else seed + number)
    grow_text_layers(model, new)
    for layer in layers_of(model):
        layer.name = layer.name.replace(model_name(old.fingerprint), model_name(new.fingerprint), 1)
    if optimizer is not None:
        restore_slots(model, optimizer)
    grown = _reloaded(model) if _may_not_reload(model) else model
    _warn_of_others(model, layers, lengths, getattr(grown, "outputs", None) or ())
    return grown


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
        raise ModelError(f"Keras cannot copy the model: {_first_cause(error)}") from error


def _first_cause(error: BaseException) -> str:
    """Return the message of the first of several chained errors, which says most, as one line."""
    while error.__context__ is not None:
        error = error.__context__
    return f"{' '.join(str(error).split()):.300}"


def _may_not_reload(model: Any) -> bool:  # noqa: ANN401
    """Return whether the model holds layers that may not follow from the size of the ``Embedding`` when it is loaded.

    These are classes of the user's, whose config may hold a size of its own, and outputs with the weights of the
    ``Embedding``, whose shape the graph holds.
    """
    return any(
        isinstance(layer, _reversible_embedding()) or not type(layer).__module__.startswith(("keras.", "tokemb."))
        for layer in layers_of(model)
    )


def _reloaded(model: Any) -> Any:  # noqa: ANN401
    """Return the grown model as it is when it is saved and loaded; raise ``ModelError`` if that is another model."""
    remedy = "have get_config give the size of the Embedding as it is now, for example self.embedding.input_dim"
    try:
        again = copy.deepcopy(model)
    except Exception as error:  # Keras raises all kinds, with messages of many lines
        raise ModelError(f"the grown model cannot be loaded again: {_first_cause(error)}: {remedy}") from error
    if [tuple(weight.shape) for weight in again.weights] != [tuple(weight.shape) for weight in model.weights]:
        raise ModelError(f"the grown model cannot be loaded again: its weights have other shapes then: {remedy}")
    return again


# Which layers


def _told(model: Any) -> list[Any]:  # noqa: ANN401
    """Return the ``Embedding`` layers that take the ids of the vocabulary; raise ``ModelError`` if it is not clear."""
    found = vocabulary_embeddings(model)
    if not found and len(getattr(model, "inputs", ())) > 1:
        raise ModelError(f"the model has several inputs and Embeddings: {_name_one(model)}")
    if not found:
        raise ModelError(f"no Embedding takes the ids of the model as they are: {_name_one(model)}")
    return found


def _named(model: Any, names: str | Iterable[str]) -> list[Any]:  # noqa: ANN401
    wanted = {names} if isinstance(names, str) else set(names)
    found = [layer for layer in all_embeddings(model) if layer.name in wanted]
    if not wanted or wanted != {layer.name for layer in found}:
        raise ModelError(f"embedding must name layers of the model; received {sorted(wanted)}: {_name_one(model)}")
    return found


def _name_one(model: Any) -> str:  # noqa: ANN401
    names = ", ".join(layer.name for layer in all_embeddings(model))
    return f"name the layers to grow with embedding=..., of {names}" if names else "it has none at all"


def _check_can_grow(layer: Any, old: Encoder) -> None:  # noqa: ANN401
    """Raise ``ModelError`` for an ``Embedding`` that is more than a matrix, or too small for ``old``."""
    import keras

    tied = type(layer) is _reversible_embedding() and layer.tie_weights
    if (type(layer) is not keras.layers.Embedding and not tied) or not layer.built:
        raise ModelError(f"{layer.name} is a {type(layer).__name__}: only a built keras.layers.Embedding grows")
    if getattr(layer, "lora_enabled", False) or getattr(layer, "quantization_mode", None):
        raise ModelError(f"{layer.name} has LoRA or is quantised: grow it before that, or merge it first")
    if layer.input_dim < old.input_dim:
        raise ModelError(
            f"{layer.name} has input_dim {layer.input_dim}, the vocabulary needs {old.input_dim}: "
            "use the vocabulary that the model was made for"
        )


def _reversible_embedding() -> Any:  # noqa: ANN401
    """Return the class of Keras whose weights are also those of an output; older versions have none."""
    import keras

    return getattr(keras.layers, "ReversibleEmbedding", ())


def _warn_of_others(model: Any, layers: list[Any], lengths: set[int], outputs: Iterable[Any]) -> None:  # noqa: ANN401
    """Warn of weights of a grown model, except those of ``layers``, and of its outputs that still have old lengths."""
    own = {id(weight) for layer in layers for weight in layer.weights}
    weights = [weight for weight in model.weights if id(weight) not in own]
    named = [(weight.path, tuple(weight.shape)) for weight in weights if not lengths.isdisjoint(weight.shape)]
    named += [("output", tuple(output.shape)) for output in outputs if output.shape[-1] in lengths]
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
    from tokemb.models.pretrained import Pretrained, starting_matrix

    if not np.isfinite(matrix[: old.input_dim].astype(np.float32)).all():
        raise ModelError(
            "the vectors of the model are NaN or infinite: train it again from good weights, with a smaller "
            "learning rate"
        )
    known = np.zeros((new.input_dim, matrix.shape[1]), np.float32)
    known[: old.input_dim] = matrix[: old.input_dim]
    found = np.arange(new.input_dim) < old.input_dim
    start = starting_matrix(new, Pretrained(known, found, "the model", "Embedding", old.input_dim), seed=seed)
    return np.concatenate([matrix, start[len(matrix) :].astype(matrix.dtype)])
