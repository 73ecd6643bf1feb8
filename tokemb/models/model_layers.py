"""Find and extend the layers of a Keras model that take ids, or make ids from text."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterable, Iterator
from typing import Any

from tokemb.errors import ModelError
from tokemb.models.embedding_model import fingerprint_in_name
from tokemb.vocabulary.vocabulary import Vocabulary


def layers_of(model: Any) -> Iterator[Any]:  # noqa: ANN401 - Keras is untyped
    """Yield the model and all layers in it, however deeply nested."""
    yield model
    if hasattr(model, "layers"):
        inner = model.layers
    else:  # Keras has no public function that returns the layers in a layer
        inner = model._flatten_layers(include_self=False, recursive=False)
    for layer in inner:
        yield from layers_of(layer)


def names_of(model: Any) -> tuple[str, ...]:  # noqa: ANN401
    """Return the names of the model and of all layers in it."""
    return tuple(layer.name for layer in layers_of(model))


def distinct(layers: Iterable[Any]) -> list[Any]:
    """Return each layer once, in the order of the first occurrences."""
    return list({id(layer): layer for layer in layers}.values())


def all_embeddings(model: Any) -> list[Any]:  # noqa: ANN401
    """Return all ``Embedding`` layers in the model."""
    import keras

    return distinct(layer for layer in layers_of(model) if isinstance(layer, keras.layers.Embedding))


def vocabulary_embeddings(model: Any) -> list[Any]:  # noqa: ANN401
    """Return the ``Embedding`` layers that take the ids of the vocabulary.

    These are the ones in models whose name contains a fingerprint, and those that all ids go to unchanged. The list is
    empty if they cannot be determined, as with several inputs that go to different layers.
    """
    marked = [layer for layer in layers_of(model) if fingerprint_in_name(layer.name)]
    several_inputs = len(getattr(model, "inputs", None) or ()) > 1
    parts = marked if marked and several_inputs else [*marked, model]
    found = distinct(embedding for part in parts for embedding in _embeddings_of(part))
    return [] if several_inputs and not marked and len(found) > 1 else found


def _embeddings_of(model: Any) -> list[Any]:  # noqa: ANN401
    """Return the ``Embedding`` layers that the ids go to unchanged, if they can be determined."""
    import keras

    if isinstance(model, keras.Sequential):
        consumers = [layer for layer in model.layers if not _makes_ids(layer)][:1]
    elif hasattr(model, "operations"):
        ids = [*model.inputs, *_ids_made_by(model)]
        consumers = [operation for operation in model.operations if _outputs_for(operation, ids, model)]
    else:  # a user's class: its call is unknown, but a single Embedding probably takes the ids
        found = all_embeddings(model)
        return found if len(found) == 1 else []
    found = []
    for consumer in consumers:
        if isinstance(consumer, keras.layers.Embedding):
            found.append(consumer)
        elif isinstance(consumer, keras.Layer) and not _makes_ids(consumer):
            found.extend(_embeddings_of(consumer))
    return found


def _outputs_for(operation: Any, inputs: list[Any], graph: Any) -> list[Any]:  # noqa: ANN401
    """Return the outputs of an operation of the functional model ``graph`` for the tensors ``inputs``."""
    # Keras has no public function for this. A layer that is shared with other models also has nodes of theirs.
    input_ids = {id(tensor) for tensor in inputs}
    nodes = {id(node) for nodes in graph._nodes_by_depth.values() for node in nodes}
    return [
        output
        for node in operation._inbound_nodes
        if id(node) in nodes and any(id(tensor) in input_ids for tensor in node.input_tensors)
        for output in node.output_tensors
    ]


# Text


def _ids_made_by(graph: Any) -> list[Any]:  # noqa: ANN401
    """Return the tensors of a functional model that are ids made from its inputs."""
    operations = [operation for operation in graph.operations if _makes_ids(operation)]
    return [tensor for operation in operations for tensor in _outputs_for(operation, graph.inputs, graph)]


def _makes_ids(operation: Any) -> bool:  # noqa: ANN401
    """Return whether an operation turns text into ids: such a layer, or a model that consists of one."""
    import keras

    if isinstance(operation, keras.Model):
        inner = [layer for layer in operation.layers if not isinstance(layer, keras.layers.InputLayer)]
        return len(inner) == 1 and _makes_ids(inner[0])
    return is_text_to_ids(operation) or (is_lookup(operation) and operation.get_config()["output_mode"] == "int")


def is_text_to_ids(layer: Any) -> bool:  # noqa: ANN401
    """Return whether a layer is one of ``Encoder.layer``."""
    # There are no such layers before this module, which imports TensorFlow, has been imported.
    module = sys.modules.get("tokemb.keras.layers.text_to_ids")
    return module is not None and isinstance(layer, module.TextToIds)


def text_fingerprints(model: Any) -> tuple[str, ...]:  # noqa: ANN401
    """Return the fingerprints of the vocabularies in the model's layers that ``Encoder.layer`` made."""
    return tuple(layer.fingerprint for layer in layers_of(model) if is_text_to_ids(layer))


def is_lookup(layer: Any) -> bool:  # noqa: ANN401
    """Return whether a layer is one of Keras' own layers with a vocabulary."""
    import keras

    return isinstance(layer, (keras.layers.TextVectorization, keras.layers.StringLookup, keras.layers.IntegerLookup))


def takes_text(model: Any) -> bool:  # noqa: ANN401
    """Return whether an input of the model is strings."""
    return any(getattr(tensor, "dtype", None) == "string" for tensor in getattr(model, "inputs", None) or ())


def part_after_text(model: Any) -> Any:  # noqa: ANN401
    """Return the part of a model after its text layer, from ids to the output.

    Returns:
        A model that shares the layers. ``None`` if there is no such part: the model has several inputs, ends with its
        text layer, or processes text in another way.
    """
    import keras

    # Keras has no public attribute for the graph of a Sequential. It is None until the model is built.
    graph = model._functional if isinstance(model, keras.Sequential) else model
    if not hasattr(graph, "operations") or len(graph.inputs) != 1:
        return None
    ids = _ids_made_by(graph)
    if len(ids) != 1 or any(output is ids[0] for output in graph.outputs):
        return None
    return keras.Model(ids[0], graph.outputs)


def check_lookups(model: Any, old: Vocabulary) -> None:  # noqa: ANN401 - Keras is untyped
    """Check Keras' own layers with a vocabulary (``TextVectorization``, ``StringLookup``), which cannot grow.

    Keras saves such a layer with its first vocabulary, even if it was changed later. A ``UserWarning`` names layers
    with other tokens than ``old``, which may belong to other columns.

    Raises:
        ModelError: If a layer has the tokens of ``old``. It would map new tokens to the OOV id.
    """
    lookups = [layer for layer in distinct(layers_of(model)) if is_lookup(layer)]
    for layer in lookups:
        if list(layer.get_vocabulary()) == old.vocabulary:
            raise ModelError(
                f"{layer.name} is a {type(layer).__name__} that holds the vocabulary, and such a layer cannot grow: "
                "grow the part of the model after it, and put Encoder.layer of the grown vocabulary in its place"
            )
    if lookups:
        warnings.warn(
            f"Keras layers with a vocabulary cannot grow and are unchanged: "
            f"{', '.join(layer.name for layer in lookups)}; if they make the ids of the model, new tokens are "
            "out-of-vocabulary",
            stacklevel=3,
        )


def grow_text_layers(model: Any, new: Vocabulary) -> None:  # noqa: ANN401
    """Replace the vocabulary in the model's layers of ``Encoder.layer`` by ``new``, which grew from it."""
    for layer in distinct(layers_of(model)):
        if is_text_to_ids(layer):
            layer.grow(new)
