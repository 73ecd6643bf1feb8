"""Extend the ``Embedding`` of a trained model for a vocabulary that grew."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from tokemb._arrays import STRINGS, Array
from tokemb._validation import check_count
from tokemb.encoder import Encoder
from tokemb.engine.hash_tokens import hash_tokens
from tokemb.errors import ArgumentError, ModelError, one_line
from tokemb.models.compatibility import fingerprint_errors
from tokemb.models.embedder import load_model
from tokemb.models.embedding_model import model_name
from tokemb.models.model_layers import (
    all_embeddings,
    check_lookups,
    grow_text_layers,
    layers_of,
    names_of,
    text_fingerprints,
    vocabulary_embeddings,
)
from tokemb.models.optimizer_slots import optimizer_slots, restore_slots, variable_to_numpy
from tokemb.vocabulary.vocabulary import check_vocabulary

if TYPE_CHECKING:
    import keras


def grow_model(
    model: keras.Model | Path | str,
    old: Encoder,
    new: Encoder,
    *,
    embedding: str | Iterable[str] | None = None,
    seed: int | None = None,
) -> keras.Model:
    """Make a copy of a model that takes the ids of a vocabulary that grew.

    Existing embedding rows are unchanged, bit for bit. New rows are sampled from a normal distribution with the mean
    and standard deviation of the rows of ``old``'s tokens in each dimension. If ``old`` has hash buckets, a new row is
    a copy of that of the token's bucket, so that the output of the model is unchanged. Layers, other weights, masks,
    compilation and optimizer state are unchanged. New rows of the optimizer state start as in a new optimizer. Moving
    averages of the weights (``use_ema``) start as the new rows themselves. Names that contain the fingerprint of
    ``old`` get that of ``new``. A ``UserWarning`` names other weights and outputs that are as long as the vocabulary,
    since they are not extended.

    Args:
        model: A Keras model, or the path of a saved one. It is not changed.
        old: The vocabulary that the model was made for.
        new: The vocabulary that grew from ``old``.
        embedding: The names of the ``Embedding`` layers to extend. Needed only if they cannot be determined: the ids do
            not go to them unchanged, or a model with several inputs has several of them.
        seed: Seed of the new rows.

    Returns:
        A new model.

    Raises:
        ArgumentError: If ``new`` did not grow from ``old``.
        ModelError: If the model was made for another vocabulary, cannot be loaded or copied, or its ``Embedding``
            cannot be determined or extended.
    """
    seed = None if seed is None else check_count("seed", seed, least=0)
    check_vocabulary("old", old)
    check_vocabulary("new", new)
    is_same = (new.pad_id, new.unk_id, new.buckets) == (old.pad_id, old.unk_id, old.buckets)
    if not is_same or new.vocabulary[: old.input_dim] != old.vocabulary:
        raise ArgumentError(
            "new must be a vocabulary that grew from old, with the same ids for the tokens of old: "
            "make it with Encoder.grow"
        )
    model = _copy(model)
    grown_from = (old.settings or {}).get("grown_from", ())
    for finding in fingerprint_errors(names_of(model), text_fingerprints(model), old.fingerprint, grown_from):
        raise ModelError(finding.message)
    layers = _find_embeddings(model) if embedding is None else _embeddings_by_name(model, embedding)
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
    grown = _reload(model) if _may_not_reload(model) else model
    _warn_if_not_extended(model, layers, lengths, getattr(grown, "outputs", None) or ())
    return grown


def _copy(model: keras.Model | Path | str) -> Any:  # noqa: ANN401 - Keras is untyped
    """Return a copy of a model, compiled in the same way."""
    if isinstance(model, (Path, str)):
        try:
            return load_model(model, compiled=True)
        except ModelError as error:
            load_model(model)  # if this fails too, its error is more precise
            raise ModelError(
                f"{error}: the optimizer, loss or metrics of the model cannot be loaded; to grow it without them, "
                "load it with keras.models.load_model(..., compile=False)"
            ) from error
    import keras

    if not isinstance(model, keras.Model):
        raise ModelError(f"model must be a Keras model or the path of a saved one; received {type(model).__name__}")
    try:
        return copy.deepcopy(model)
    except Exception as error:  # Keras raises errors of any type, with messages of many lines
        raise ModelError(f"Keras cannot copy the model: {_first_cause(error)}") from error


def _first_cause(error: BaseException) -> str:
    """Return the message of the first of several chained errors, which is the most precise, as one line."""
    while error.__context__ is not None:
        error = error.__context__
    return f"{one_line(error):.300}"


def _may_not_reload(model: Any) -> bool:  # noqa: ANN401
    """Return whether the model has layers that may not get the new size of the ``Embedding`` when it is loaded.

    These are the user's own classes, whose config may contain a size, and outputs with the weights of the
    ``Embedding``, whose shape is part of the graph.
    """
    return any(
        isinstance(layer, _reversible_embedding()) or not type(layer).__module__.startswith(("keras.", "tokemb."))
        for layer in layers_of(model)
    )


def _reload(model: Any) -> Any:  # noqa: ANN401
    """Return the grown model as it will be after saving and loading.

    Raises:
        ModelError: If it cannot be loaded, or its weights would have other shapes.
    """
    remedy = "return the current size of the Embedding from get_config, for example self.embedding.input_dim"
    try:
        reloaded = copy.deepcopy(model)
    except Exception as error:  # Keras raises errors of any type, with messages of many lines
        raise ModelError(f"the grown model cannot be loaded again: {_first_cause(error)}: {remedy}") from error
    if [tuple(weight.shape) for weight in reloaded.weights] != [tuple(weight.shape) for weight in model.weights]:
        raise ModelError(f"the grown model cannot be loaded again: its weights would have other shapes: {remedy}")
    return reloaded


# Find the layers


def _find_embeddings(model: Any) -> list[Any]:  # noqa: ANN401
    """Return the ``Embedding`` layers that take the ids of the vocabulary.

    Raises:
        ModelError: If they cannot be determined.
    """
    found = vocabulary_embeddings(model)
    if not found and len(getattr(model, "inputs", ())) > 1:
        raise ModelError(f"the model has several inputs and Embeddings: {_selection_remedy(model)}")
    if not found:
        raise ModelError(f"no Embedding takes the ids of the model unchanged: {_selection_remedy(model)}")
    return found


def _embeddings_by_name(model: Any, embedding: str | Iterable[str]) -> list[Any]:  # noqa: ANN401
    names = {embedding} if isinstance(embedding, str) else set(embedding)
    found = [layer for layer in all_embeddings(model) if layer.name in names]
    if not names or names != {layer.name for layer in found}:
        raise ModelError(
            f"embedding must name layers of the model; received {sorted(names)}: {_selection_remedy(model)}"
        )
    return found


def _selection_remedy(model: Any) -> str:  # noqa: ANN401
    names = ", ".join(layer.name for layer in all_embeddings(model))
    return f"select the layers to grow with embedding=..., from {names}" if names else "the model has no Embedding"


def _check_can_grow(layer: Any, old: Encoder) -> None:  # noqa: ANN401
    """Raise ``ModelError`` for an ``Embedding`` that is more than a matrix or is too small for ``old``."""
    import keras

    tied = type(layer) is _reversible_embedding() and layer.tie_weights
    if (type(layer) is not keras.layers.Embedding and not tied) or not layer.built:
        raise ModelError(f"{layer.name} is a {type(layer).__name__}: only a built keras.layers.Embedding can grow")
    if getattr(layer, "lora_enabled", False) or getattr(layer, "quantization_mode", None):
        raise ModelError(
            f"{layer.name} has LoRA or is quantized: grow the model before that, or merge the LoRA weights first"
        )
    if layer.input_dim < old.input_dim:
        raise ModelError(
            f"{layer.name} has input_dim {layer.input_dim}, the vocabulary needs {old.input_dim}: "
            "use the vocabulary that the model was made for"
        )


def _reversible_embedding() -> Any:  # noqa: ANN401
    """Return the Keras class whose weights are shared with an output, or ``()`` in older versions without it."""
    import keras

    return getattr(keras.layers, "ReversibleEmbedding", ())


def _warn_if_not_extended(
    model: Any,  # noqa: ANN401
    layers: list[Any],
    lengths: set[int],
    outputs: Iterable[Any],
) -> None:
    """Warn if outputs of a grown model, or weights of other layers than ``layers``, have the old ``lengths``."""
    extended = {id(weight) for layer in layers for weight in layer.weights}
    weights = [weight for weight in model.weights if id(weight) not in extended]
    unchanged = [(weight.path, tuple(weight.shape)) for weight in weights if not lengths.isdisjoint(weight.shape)]
    unchanged += [("output", tuple(output.shape)) for output in outputs if output.shape[-1] in lengths]
    if unchanged:
        names = ", ".join(f"{name} {shape}" for name, shape in unchanged)
        warnings.warn(
            f"only Embedding layers grow; these are as long as the vocabulary and are unchanged: {names}; an output "
            "over the vocabulary does not predict the new tokens",
            stacklevel=3,
        )


# Extend the layers


def _grow_layer(model: Any, layer: Any, old: Encoder, new: Encoder, seed: int | None) -> None:  # noqa: ANN401
    if layer.input_dim >= new.input_dim:
        return
    replaced = layer.embeddings
    # Keras has no public function to replace the weights of a built layer in a graph.
    layer._untrack_variable(replaced)
    layer._tracker.unlock()
    layer.input_dim = new.input_dim
    layer.built = False
    layer.build(None)
    layer.embeddings.assign(_append_rows(variable_to_numpy(replaced), old, new, seed))
    if any(weight is replaced for weight in model.weights):
        raise ModelError(f"the weights of {layer.name} are shared with another layer, so they cannot grow")


def _append_rows(matrix: Array, old: Encoder, new: Encoder, seed: int | None) -> Array:
    """Return ``matrix``, with at least ``old.input_dim`` rows, and the new rows of ``new`` below it."""
    from tokemb.models.pretrained import Pretrained, starting_matrix

    if not np.isfinite(matrix[: old.input_dim].astype(np.float32)).all():
        raise ModelError(
            "the vectors of the model are NaN or infinite: train it again from finite weights and a smaller "
            "learning rate"
        )
    if old.buckets is not None:
        tokens = pa.array(new.vocabulary[old.input_dim :], STRINGS)
        buckets = old.oov_ids.start + hash_tokens(tokens, old.buckets)
        return np.concatenate([matrix, matrix[buckets][len(matrix) - old.input_dim :]])
    known = np.zeros((new.input_dim, matrix.shape[1]), np.float32)
    known[: old.input_dim] = matrix[: old.input_dim]
    found = np.arange(new.input_dim) < old.input_dim
    start = starting_matrix(new, Pretrained(known, found, "the model", "Embedding", old.input_dim), seed=seed)
    return np.concatenate([matrix, start[len(matrix) :].astype(matrix.dtype)])
