"""Grow the layers of a model that turn text into ids, so that new tokens get their ids in it."""

from __future__ import annotations

import warnings
from typing import Any

from tokemb.errors import ModelError
from tokemb.models.model_layers import distinct, is_lookup, is_text_to_ids, layers_of
from tokemb.vocabulary.vocabulary import Vocabulary


def check_lookups(model: Any, old: Vocabulary) -> None:  # noqa: ANN401 - Keras is untyped
    """Look at Keras' own layers with a vocabulary (``TextVectorization``, ``StringLookup``), which cannot grow.

    Keras saves such a layer with the vocabulary that it was made with, whatever it was set to afterwards.
    Warns (``UserWarning``) of those that hold other tokens than ``old``: they may be for other columns.

    Raises:
        ModelError: If one holds the tokens of ``old``: it would give new tokens the id of unknown ones.
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
            f"layers with a vocabulary of their own stay as they are: {', '.join(layer.name for layer in lookups)}; "
            "if the ids of the model come from them, new tokens are out-of-vocabulary",
            stacklevel=3,
        )


def grow_text_layers(model: Any, new: Vocabulary) -> None:  # noqa: ANN401
    """Give the layers of ``Encoder.layer`` in the model the vocabulary ``new``, which grew from the one they hold."""
    for layer in distinct(layers_of(model)):
        if is_text_to_ids(layer):
            layer.grow(new)
