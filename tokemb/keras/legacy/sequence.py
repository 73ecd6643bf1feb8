"""``keras.preprocessing.sequence``: ``pad_sequences``, ``skipgrams`` and ``make_sampling_table``.

Random numbers come from Python's ``random``, drawn as the original draws them, so that a seed gives the same pairs.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from tokemb.keras.legacy.padding import pad_sequences

__all__ = ["make_sampling_table", "pad_sequences", "skipgrams"]

# Euler's, as the original rounds it.
_GAMMA = 0.577


def make_sampling_table(size: int, sampling_factor: float = 1e-5) -> npt.NDArray[np.float64]:
    """With which probability ``skipgrams`` is to keep the word of each rank, float64 (size,): frequent ones seldom.

    Word2vec's formula, for words whose frequencies follow Zipf's law. ``sampling_factor``: the frequency from which
    words are left out.

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
    """Pairs of a word and one near it, labelled 1, and of a word and a random one, labelled 0.

    ``sequence``: ids, of which 0 stands for no word. ``vocabulary_size``: the highest id + 1.
    ``window_size``: how far apart the words of a pair may be. ``negative_samples``: random pairs for each real one.
    ``categorical``: labels are ``[0, 1]`` and ``[1, 0]``. ``sampling_table``: from ``make_sampling_table``.
    ``seed``: of the shuffling, which sets that of Python's ``random``; the random words are drawn before.

    Returns pairs of ids, and as many labels.

    >>> skipgrams([1, 2, 3], vocabulary_size=4, window_size=1, negative_samples=0, shuffle=False)
    ([[1, 2], [2, 1], [2, 3], [3, 2]], [1, 1, 1, 1])
    """
    couples: list[list[int]] = []
    for place, word in enumerate(sequence):
        if not word or (sampling_table is not None and sampling_table[word] < random.random()):
            continue
        window = range(max(0, place - window_size), min(len(sequence), place + window_size + 1))
        couples += [[word, sequence[near]] for near in window if near != place and sequence[near]]
    labels: list[Any] = [[0, 1] if categorical else 1 for _ in couples]
    if negative_samples > 0:
        words = [word for word, _ in couples]
        random.shuffle(words)
        count = int(len(words) * negative_samples)
        couples += [[words[i % len(words)], random.randint(1, vocabulary_size - 1)] for i in range(count)]
        labels += [[1, 0] if categorical else 0 for _ in range(count)]
    if shuffle:
        seed = random.randint(0, 10_000_000) if seed is None else seed
        for each in (couples, labels):
            random.seed(seed)
            random.shuffle(each)
    return couples, labels
