"""``tokemb train``: the group of its commands."""

from __future__ import annotations

import click

from tokemb_cli.lazy import LazyGroup


class _Trainings(LazyGroup):
    """The training commands. Each has its own module."""

    command_modules = {
        "classify": ("train_classify", "Train a classifier of texts or sequences of events."),
        "tag": ("train_tag", "Train a tagger: a model that predicts a tag for each token."),
        "next": ("train_next", "Train a model that predicts the next event of a sequence."),
        "knowledge-tracing": (
            "train_knowledge_tracing",
            "Train a model that predicts whether the next answer is correct.",
        ),
        "ratings": ("train_ratings", "Train a matrix factorization of ratings by users and items."),
        "skipgram": ("train_skipgram", "Train word or item vectors with skip-gram (word2vec)."),
    }


@click.group("train", cls=_Trainings)
def command() -> None:
    """Train a model on texts, events or tables.

    Every command writes a folder with model.keras, a plain Keras model; vocabulary, the vocabulary of its ids; and
    training.json, the settings and the metrics. The same seed gives the same metrics on the same machine.
    """
