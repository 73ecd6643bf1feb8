"""Extend the layers of a model that turn text into ids by the tokens of a vocabulary that grew."""

from __future__ import annotations

import warnings
from typing import Any

from tokemb.errors import ModelError
from tokemb.models.model_layers import distinct, is_lookup, is_text_to_ids, layers_of
from tokemb.vocabulary.vocabulary import Vocabulary


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
