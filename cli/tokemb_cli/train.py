"""``tokemb train``: the group of its commands."""

from __future__ import annotations

import click

from tokemb_cli.lazy import LazyGroup


class _Trainings(LazyGroup):
    """What can be trained, a file each."""

    commands_in = {
        "classify": ("train_classify", "Train a classifier of texts or sequences of events."),
        "next": ("train_next", "Train a model of the next event of a sequence."),
        "tracing": ("train_tracing", "Train a model of whether the next answer is right."),
        "ratings": ("train_ratings", "Train embeddings of users and items that tell a rating."),
        "skipgram": ("train_skipgram", "Train vectors of words or items by what is near them."),
    }


@click.group("train", cls=_Trainings)
def command() -> None:
    """Train a model on texts, events or tables.

    Every training writes a folder: model.keras, a plain Keras model; vocabulary, that of its ids; training.json, how it
    was trained and what it reached. The same seed on the same machine gives the same figures.
    """
