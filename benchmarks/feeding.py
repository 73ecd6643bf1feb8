"""Benchmarks of datasets: texts and labels to batches, and the time of an epoch."""

from __future__ import annotations

from typing import Any

import numpy as np

import tokemb
from benchmarks import peers
from benchmarks.agreement import Array, close_vectors, same_ids
from benchmarks.measuring import Comparison, Outcome, Party, compare
from benchmarks.setting import MAX_SIZE, MAXLEN, Setting

BATCH_SIZE, DIM = 128, 16
ROWS = 10_000
# One epoch takes from 0.7 to 2 times the median, and the bound is a tenth above the peer: so many for a repetition.
EPOCHS = 3
LAYER = "TextVectorization under tf.data"
ARRAY = "model.fit on an array of ids"


def dataset(setting: Setting) -> Outcome:
    """Measure iterating over all batches of texts in memory, repeatedly."""
    texts, like = setting.texts, setting.fit("text-vectorization")
    labels = _labels(texts)

    def epoch(made: list[Any]) -> list[Any]:
        if not made:
            made.append(like.dataset(texts, labels, batch_size=BATCH_SIZE, maxlen=MAXLEN))
        return [ids for ids, _ in made[0]]

    layer = peers.adapted(texts, MAX_SIZE, MAXLEN)
    parties = [
        Party("tokemb", epoch, list, _whole),
        Party(LAYER, lambda data: [ids for ids, _ in data], lambda: _by_layer(layer, texts, labels), _whole),
    ]
    turns = "first epoch, with encoding", "every other epoch"
    return compare(
        f"texts to batches ({BATCH_SIZE}, {MAXLEN}), profile text-vectorization",
        parties,
        [Comparison(LAYER, turn=turn) for turn in turns],
        lambda results: same_ids(results, "tokemb", LAYER),
        repeat=setting.repeat,
        touch=setting.touch,
        turns=turns,
        size=setting.size,
    )


def train(setting: Setting) -> Outcome:
    """Measure an epoch of a small model. It takes as long as with an array of ids if it never waits for batches."""
    like = setting.fit("text-vectorization")
    # Keras' mean over a row without any token is NaN.
    lengths = like.encode_ragged(setting.texts[:ROWS]).lengths.tolist()
    texts = [text for text, length in zip(setting.texts, lengths, strict=False) if length]
    labels, ids = _labels(texts), like.encode(texts, maxlen=MAXLEN)
    settings = {"shuffle": False, "verbose": 0}
    layer = peers.adapted(texts, MAX_SIZE, MAXLEN)
    data = like.dataset(texts, labels, batch_size=BATCH_SIZE, maxlen=MAXLEN)
    by_layer = _by_layer(layer, texts, labels)

    def fit(model: Any, *fed: Any, **more: Any) -> Array:
        return np.array(model.fit(*fed, **settings, **more).history["loss"])

    def make() -> Any:
        return _model(like)

    parties = [
        Party("tokemb", lambda model: fit(model, data), make),
        Party(ARRAY, lambda model: fit(model, ids, labels, batch_size=BATCH_SIZE), make),
        Party(LAYER, lambda model: fit(model, by_layer), make),
    ]

    def check(results: dict[str, Array]) -> None:
        close_vectors("tokemb", results["tokemb"], ARRAY, results[ARRAY], 1e-4)

    work = f"an epoch of {len(texts):,} rows, Embedding, mean, Dense"
    comparisons = [Comparison(ARRAY, most=1.1), Comparison(LAYER)]
    return compare(work, parties, comparisons, check, repeat=EPOCHS * setting.repeat, touch=setting.touch)


def _labels(texts: list[str]) -> Array:
    return np.array([len(text) % 2 for text in texts])


def _by_layer(layer: Any, texts: list[str], labels: Array) -> Any:
    import tensorflow as tf

    data = tf.data.Dataset.from_tensor_slices((texts, labels)).batch(BATCH_SIZE)
    data = data.map(lambda text, label: (layer(text), label), num_parallel_calls=tf.data.AUTOTUNE)
    return data.prefetch(tf.data.AUTOTUNE)


def _model(encoder: tokemb.Encoder) -> Any:
    import keras

    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [
            keras.layers.Embedding(encoder.input_dim, DIM, mask_zero=True),
            keras.layers.GlobalAveragePooling1D(),
            keras.layers.Dense(1, activation="sigmoid"),
        ]
    )
    model.compile("adam", "binary_crossentropy")
    return model


def _whole(batches: list[Any]) -> Array:
    return np.concatenate([batch.numpy() for batch in batches]).astype(np.int32)
