"""How well vectors agree with what people say of words: the similarity of pairs, and analogies."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tokemb._arrays import Int64
from tokemb.analysis.analogies import answers
from tokemb.analysis.queries import find_row
from tokemb.analysis.token_vectors import TokenVectors
from tokemb.errors import MissingPackageError, TextError

Pair = tuple[str, str, float]
Question = tuple[str, str, str, str]


@dataclass(frozen=True)
class Correlation:
    """Spearman's rank correlation, NaN if it is not defined; of ``pairs`` pairs, ``found`` had two known words."""

    spearman: float
    pairs: int
    found: int


@dataclass(frozen=True)
class Accuracy:
    """Of ``questions`` analogies ``asked`` had four known words, and ``correct`` of these were answered right."""

    questions: int
    asked: int
    correct: int

    @property
    def accuracy(self) -> float:
        """The share of the asked that was right, NaN if none was asked."""
        return self.correct / self.asked if self.asked else float("nan")


def similarity_correlation(vectors: TokenVectors, pairs: Path | Iterable[Pair]) -> Correlation:
    """Spearman's rank correlation of the cosines of pairs of words with how similar people find them. Needs SciPy.

    ``pairs``: two words and a number, or a file of them, a pair a line with white space between (WordSim-353,
    SimLex-999, MEN). A pair is left out, and not counted as found, if a word is unknown or its vector is zeros.
    Raises ``TextError`` for a line that is no pair, ``MissingPackageError`` without SciPy.
    """
    try:
        from scipy.stats import spearmanr
    except ImportError as error:
        raise MissingPackageError("rank correlations need SciPy: pip install tokemb[scipy]") from error
    pairs = _read_pairs(pairs) if isinstance(pairs, Path) else list(pairs)
    rows = [(find_row(vectors, first), find_row(vectors, second), score) for first, second, score in pairs]
    known = [(a, b, score) for a, b, score in rows if a is not None and b is not None]
    known = [(a, b, score) for a, b, score in known if vectors.directed[a] and vectors.directed[b]]
    first = vectors.unit[[a for a, _, _ in known]].astype(np.float64)
    second = vectors.unit[[b for _, b, _ in known]].astype(np.float64)
    cosines, scores = (first * second).sum(axis=1), np.array([score for *_, score in known], np.float64)
    defined = len(set(cosines.tolist())) > 1 and len(set(scores.tolist())) > 1
    spearman = float(spearmanr(cosines, scores).statistic) if defined else float("nan")
    return Correlation(spearman, len(pairs), len(known))


def analogy_accuracy(vectors: TokenVectors, questions: Path | Iterable[Question]) -> Accuracy:
    """How often the first answer to "a is to b as c is to ?" is the right one; see ``analogy`` for the method.

    ``questions``: four words each, or a file of them, a question a line with white space between; lines that begin
    with ``:`` are headings (word2vec's ``questions-words.txt``). A question is not asked if a word is unknown or its
    vector is zeros.
    Raises ``TextError`` for a line that is no question.
    """
    questions = _read_questions(questions) if isinstance(questions, Path) else list(questions)
    rows_of = {word: find_row(vectors, word) for word in {word for question in questions for word in question}}
    rows = [[rows_of[word] for word in question] for question in questions]
    known: Int64 = np.array([row for row in rows if None not in row], np.int64).reshape(-1, 4)
    known = known[vectors.directed[known].all(axis=1)]
    right = [
        len(found) > 0 and found[0] == expected
        for (found, _), expected in zip(answers(vectors, known[:, :3], 1), known[:, 3], strict=True)
    ]
    return Accuracy(len(questions), len(known), int(sum(right)))


def _read_pairs(path: Path) -> list[Pair]:
    pairs = []
    for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
        fields = line.split()
        try:
            first, second, score = fields
            pairs.append((first, second, float(score)))
        except ValueError:
            if fields:
                raise TextError(f"{path}, line {number} must be two words and a number; it is {line!r:.100}") from None
    return pairs


def _read_questions(path: Path) -> list[Question]:
    questions: list[Question] = []
    for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
        fields = line.split()
        if not fields or fields[0].startswith(":"):
            continue
        if len(fields) != 4:
            raise TextError(f"{path}, line {number} must be four words; it is {line!r:.100}")
        questions.append((fields[0], fields[1], fields[2], fields[3]))
    return questions
