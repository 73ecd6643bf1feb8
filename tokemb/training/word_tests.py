"""Tests of word vectors after a training: similarities of words and analogies."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tokemb.analysis.evaluate import (
    Pair,
    Question,
    analogy_accuracy,
    rank_correlation,
    read_pairs,
    read_questions,
    similarity_correlation,
)
from tokemb.analysis.token_vectors import TokenVectors


@dataclass(frozen=True)
class WordTests:
    """The content of test files, by their names without extensions, or by their paths if names occur twice."""

    similarities: Mapping[str, list[Pair]]
    analogies: Mapping[str, list[Question]]

    @classmethod
    def read(cls, similarities: Sequence[Path], analogies: Sequence[Path]) -> WordTests:
        """Read the files. Errors are raised before a long training.

        Raises:
            TextError: If a line is not what its file should contain.
            MissingPackageError: If SciPy is not installed, which similarities require.
        """
        if similarities:
            rank_correlation()
        return cls(
            {name: read_pairs(path) for name, path in _names(similarities).items()},
            {name: read_questions(path) for name, path in _names(analogies).items()},
        )

    def metrics(self, vectors: TokenVectors) -> dict[str, Any]:
        """Return Spearman's correlation or the accuracy for each file, and how many of its lines have vectors."""
        metrics: dict[str, Any] = {}
        for name, pairs in self.similarities.items():
            found = similarity_correlation(vectors, pairs)
            metrics[f"{name} spearman"] = None if math.isnan(found.spearman) else round(found.spearman, 4)
            metrics[f"{name} pairs"] = f"{found.found} of {found.pairs}"
        for name, questions in self.analogies.items():
            answers = analogy_accuracy(vectors, questions)
            metrics[f"{name} accuracy"] = round(answers.accuracy, 4) if answers.asked else None
            metrics[f"{name} questions"] = f"{answers.asked} of {answers.questions}"
        return metrics


def _names(paths: Sequence[Path]) -> dict[str, Path]:
    count = Counter(path.stem for path in paths)
    return {path.stem if count[path.stem] == 1 else str(path): path for path in paths}
