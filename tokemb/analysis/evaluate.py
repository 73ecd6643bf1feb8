"""Evaluation of vectors against human judgements: the similarity of pairs of words, and analogies."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tokemb._arrays import Int64
from tokemb.analysis.analogies import solve_analogies
from tokemb.analysis.queries import find_row
from tokemb.analysis.token_vectors import TokenVectors
from tokemb.errors import MissingPackageError, TextError, TextTypeError

Pair = tuple[str, str, float]
Question = tuple[str, str, str, str]


@dataclass(frozen=True)
class Correlation:
    """The agreement of cosines with human similarity scores.

    Attributes:
        spearman: Spearman's rank correlation. NaN if it is not defined.
        pairs: The number of pairs.
        found: The number of pairs whose words both have a vector.
    """

    spearman: float
    pairs: int
    found: int


@dataclass(frozen=True)
class Accuracy:
    """The result of an analogy test.

    Attributes:
        questions: The number of questions.
        asked: The number of questions whose four words all have a vector.
        correct: The number of questions that were answered correctly.
    """

    questions: int
    asked: int
    correct: int

    @property
    def accuracy(self) -> float:
        """The fraction of the asked questions that were answered correctly. NaN if none was asked."""
        return self.correct / self.asked if self.asked else float("nan")


def similarity_correlation(vectors: TokenVectors, pairs: Path | Iterable[Pair]) -> Correlation:
    """Compute Spearman's rank correlation of cosines with human similarity scores. This function requires SciPy.

    Args:
        vectors: The vectors.
        pairs: Two words and a number each, or a file with one pair per line, separated by white space (WordSim-353,
            SimLex-999, MEN). Pairs with a word out of vocabulary or a zero vector are left out.

    Raises:
        TextTypeError: If ``pairs`` is a text.
        TextError: If a line of the file is not a pair.
        MissingPackageError: If SciPy is not installed.
    """
    spearmanr = rank_correlation()
    _check_no_text("pairs", pairs)
    pairs = read_pairs(pairs) if isinstance(pairs, Path) else list(pairs)
    rows = [(find_row(vectors, first), find_row(vectors, second), score) for first, second, score in pairs]
    known = [(a, b, score) for a, b, score in rows if a is not None and b is not None]
    known = [(a, b, score) for a, b, score in known if vectors.has_direction[a] and vectors.has_direction[b]]
    first = vectors.unit[[a for a, _, _ in known]].astype(np.float64)
    second = vectors.unit[[b for _, b, _ in known]].astype(np.float64)
    cosines, scores = (first * second).sum(axis=1), np.array([score for *_, score in known], np.float64)
    defined = len(set(cosines.tolist())) > 1 and len(set(scores.tolist())) > 1
    spearman = float(spearmanr(cosines, scores).statistic) if defined else float("nan")
    return Correlation(spearman, len(pairs), len(known))


def analogy_accuracy(vectors: TokenVectors, questions: Path | Iterable[Question]) -> Accuracy:
    """Compute how often the first answer to "a is to b as c is to ?" is correct, by the method of ``analogy``.

    Args:
        vectors: The vectors.
        questions: Four words each, or a file with one question per line, separated by white space. Lines that begin
            with ``:`` are headings (word2vec's ``questions-words.txt``). Questions with a word out of vocabulary or a
            zero vector are left out.

    Raises:
        TextTypeError: If ``questions`` is a text.
        TextError: If a line of the file is not a question.
    """
    _check_no_text("questions", questions)
    questions = read_questions(questions) if isinstance(questions, Path) else list(questions)
    rows_of = {word: find_row(vectors, word) for word in {word for question in questions for word in question}}
    rows = [[rows_of[word] for word in question] for question in questions]
    known: Int64 = np.array([row for row in rows if None not in row], np.int64).reshape(-1, 4)
    known = known[vectors.has_direction[known].all(axis=1)]
    is_correct = [
        len(found) > 0 and found[0] == expected
        for (found, _), expected in zip(solve_analogies(vectors, known[:, :3], 1), known[:, 3], strict=True)
    ]
    return Accuracy(len(questions), len(known), int(sum(is_correct)))


def rank_correlation() -> Callable[..., Any]:
    """Return the function for rank correlations.

    Raises:
        MissingPackageError: If SciPy is not installed.
    """
    try:
        from scipy.stats import spearmanr
    except ImportError as error:
        raise MissingPackageError("rank correlations need SciPy: pip install tokemb[scipy]") from error
    function: Callable[..., Any] = spearmanr
    return function


def read_pairs(path: Path) -> list[Pair]:
    """Read a file of pairs of words and their similarity.

    Raises:
        TextError: If a line is not a pair.
    """
    pairs = []
    for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
        fields = line.split()
        try:
            first, second, score = fields
            pairs.append((first, second, float(score)))
        except ValueError:
            if fields:
                raise TextError(
                    f"{path}, line {number} must be two words and a number; received {line!r:.100}"
                ) from None
    return pairs


def read_questions(path: Path) -> list[Question]:
    """Read a file of analogies.

    Raises:
        TextError: If a line is not a question.
    """
    questions: list[Question] = []
    for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
        fields = line.split()
        if not fields or fields[0].startswith(":"):
            continue
        if len(fields) != 4:
            raise TextError(f"{path}, line {number} must be four words; received {line!r:.100}")
        questions.append((fields[0], fields[1], fields[2], fields[3]))
    return questions


def _check_no_text(name: str, value: object) -> None:
    """Raise ``TextTypeError`` for a text, which could be the name of a file."""
    if isinstance(value, str):
        raise TextTypeError(
            f"{name} must be a list of tuples or the pathlib.Path of a file; received the text {value!r:.80}: pass "
            "Path(...) if it is the name of a file"
        )
