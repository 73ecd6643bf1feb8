"""The functions of ``keras.preprocessing.sequence``: ``pad_sequences``, ``skipgrams`` and ``make_sampling_table``.

The functions draw the same numbers from Python's ``random`` as the originals, so that a seed gives the same pairs.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from tokemb._arrays import Float64
from tokemb.keras.legacy.padding import pad_sequences

__all__ = ["make_sampling_table", "pad_sequences", "skipgrams"]

# Euler's constant, rounded as in the original.
_GAMMA = 0.577


def make_sampling_table(size: int, sampling_factor: float = 1e-5) -> Float64:
    """Return the probability with which ``skipgrams`` samples the word of each rank.

    Frequent words are sampled less often, by word2vec's formula for words whose frequencies follow Zipf's law.

    Args:
        size: The number of words.
        sampling_factor: The frequency above which words are sampled less often.

    Returns:
        float64 array ``(size,)``.

    Example:
        >>> make_sampling_table(3).round(4)
        array([0.0032, 0.0032, 0.0055])
    """
    rank = np.arange(size)
    rank[0] = 1
    rarity = rank * (np.log(rank) + _GAMMA) + 0.5 - 1.0 / (12.0 * rank)  # one over the frequency
    relative = sampling_factor * rarity
    return np.minimum(1.0, relative / np.sqrt(relative))


def skipgrams(
    sequence: Sequence[int],
    vocabulary_size: int,
    window_size: int = 4,
    negative_samples: float = 1.0,
    shuffle: bool = True,
    categorical: bool = False,
    sampling_table: Sequence[float] | npt.NDArray[np.floating[Any]] | None = None,
    seed: int | None = None,
) -> tuple[list[list[int]], list[Any]]:
    """Make pairs of a word and a nearby word, labelled 1, and of a word and a random word, labelled 0.

    Args:
        sequence: Ids. 0 is not a word.
        vocabulary_size: The highest id plus one.
        window_size: The maximum distance between the words of a pair.
        negative_samples: The number of random pairs for each pair of nearby words.
        shuffle: Whether to shuffle the pairs.
        categorical: Whether labels are ``[0, 1]`` and ``[1, 0]`` instead of 1 and 0.
        sampling_table: The result of ``make_sampling_table``. ``None`` samples all words.
        seed: Seed of the shuffling. It seeds Python's ``random`` after the random words are drawn.

    Returns:
        The pairs of ids, and their labels.

    Example:
        >>> skipgrams([1, 2, 3], vocabulary_size=4, window_size=1, negative_samples=0, shuffle=False)
        ([[1, 2], [2, 1], [2, 3], [3, 2]], [1, 1, 1, 1])
    """
    couples: list[list[int]] = []
    for position, word in enumerate(sequence):
        if not word or (sampling_table is not None and sampling_table[word] < random.random()):
            continue
        window = range(max(0, position - window_size), min(len(sequence), position + window_size + 1))
        couples += [[word, sequence[other]] for other in window if other != position and sequence[other]]
    labels: list[Any] = [[0, 1] if categorical else 1 for _ in couples]
    if negative_samples > 0:
        words = [word for word, _ in couples]
        random.shuffle(words)
        count = int(len(words) * negative_samples)
        couples += [[words[i % len(words)], random.randint(1, vocabulary_size - 1)] for i in range(count)]
        labels += [[1, 0] if categorical else 0 for _ in range(count)]
    if shuffle:
        seed = random.randint(0, 10_000_000) if seed is None else seed
        for items in (couples, labels):
            random.seed(seed)
            random.shuffle(items)
    return couples, labels
