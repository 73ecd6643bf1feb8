"""Features of the answers that a student gave before a question, for knowledge tracing.

Counts and averages need all earlier answers. A recurrent layer that is trained on windows of them does not learn these
features well.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from tokemb._arrays import Float32, Float64, Int32, Int64

# The names of the features. Numbers of answers are ``log(1 + n)``.
FEATURES = (
    "correct_answers_of_skill",
    "wrong_answers_of_skill",
    "slow_average_of_skill",
    "fast_average_of_skill",
    "answers",
    "mean",
    "slow_average",
    "fast_average",
    "is_skill_of_last_answer",
    "repeated_answers",
    "mean_after_repeated_answers",
)

# The weight of the last answer in the slow and the fast average of a skill, and of all skills.
_SKILL_RATES, _RATES = (0.15, 0.5), (0.05, 0.4)
# All averages and means before the first answer.
_START = 0.5
_WITHOUT_ANSWERS = np.array([_START * ("average" in name or "mean" in name) for name in FEATURES], np.float32)
# Values with a smaller weight are left out of an average.
_NEGLIGIBLE = 1e-9
# The maximum length of a series of repeated answers, a power of two.
_LONGEST = 32
# The number of pairs of answers that are compared at a time.
_PAIRS = 1 << 18


@dataclass(frozen=True)
class AnswerHistory:
    """The answers of students, in order. Answers of unknown correctness are left out.

    Attributes:
        skills: The skill of each answer, int32 ``(answers,)``.
        correct: Whether it is correct, 0 or 1, int32 ``(answers,)``.
        starts: The index of the first answer of its student, int64 ``(answers,)``.
        counts: The number of answers of the student up to each position, int64 ``(positions,)``.
        last: The index of the last answer up to each position, int64 ``(positions,)``.
    """

    skills: Int32
    correct: Int32
    starts: Int64
    counts: Int64
    last: Int64

    @classmethod
    def of(cls, skills: Int32, correct: Int32, row_splits: Int64) -> AnswerHistory:
        """Make the history of sequences of answers.

        Args:
            skills: The skill at each position, int32 ``(positions,)``.
            correct: 1 for a correct answer, 0 for a wrong one, and -1 if it is not known, int32 ``(positions,)``.
            row_splits: int64 ``(students + 1,)``.
        """
        is_known = correct >= 0
        known = np.concatenate([[0], np.cumsum(is_known, dtype=np.int64)])
        before = np.repeat(known[row_splits[:-1]], np.diff(row_splits))
        return cls(skills[is_known], correct[is_known], before[is_known], known[1:] - before, known[1:] - 1)

    def features(self, positions: Int64, asked: Int32) -> Float32:
        """Return the features of questions, which depend on the answers of the student up to a position.

        Args:
            positions: The position after which each question is asked, int64 ``(questions,)``.
            asked: The skill of each question, int32 ``(questions,)``.

        Returns:
            float32 array ``(questions, features)``, in the order of ``FEATURES``.
        """
        has_answers = self.counts[positions] > 0
        last, asked = self.last[positions][has_answers], asked[has_answers]
        features = np.tile(_WITHOUT_ANSWERS, (len(positions), 1))
        features[has_answers] = np.concatenate(
            [
                self._of_skill(last, asked),
                self._of_all[last],
                (self.skills[last] == asked)[:, None],
                self._repeated(last, asked),
            ],
            axis=1,
        )
        return features

    @cached_property
    def _of_all(self) -> Float64:
        """The features of all skills after each answer, ``(answers, 4)``."""
        counts, sums = _sums(self.correct, self.starts)
        averages = (_averages(self.correct, self.starts, rate) for rate in _RATES)
        return np.stack([np.log1p(counts), (sums + _START) / (counts + 1), *averages], axis=1)

    @cached_property
    def _by_skill(self) -> tuple[Int64, Int64, Float64]:
        """The answers ordered by skill, the index of the first of each student, and features ``(answers, 4)``."""
        order = np.argsort(self.skills, kind="stable")
        is_first = np.ones(len(order), bool)
        for values in (self.skills[order], self.starts[order]):
            is_first[1:] &= values[1:] == values[:-1]
        is_first[1:] = ~is_first[1:]
        starts = np.maximum.accumulate(np.where(is_first, np.arange(len(order)), 0))
        counts, sums = _sums(self.correct[order], starts)
        averages = (_averages(self.correct[order], starts, rate) for rate in _SKILL_RATES)
        return order, starts, np.stack([np.log1p(sums), np.log1p(counts - sums), *averages], axis=1)

    def _of_skill(self, last: Int64, asked: Int32) -> Float64:
        """Return the features of the skills that are asked after the answers ``last``, ``(questions, 4)``."""
        order, _, features = self._by_skill
        answers = len(order)
        keys = self.skills[order].astype(np.int64) * answers + order
        # The last answer in this skill, which may be one of another student.
        found = np.searchsorted(keys, asked.astype(np.int64) * answers + last, "right") - 1
        answer = order[found]
        is_found = (found >= 0) & (self.skills[answer] == asked) & (self.starts[answer] == self.starts[last])
        return np.where(is_found[:, None], features[found], [0, 0, _START, _START])

    @cached_property
    def _bits(self) -> tuple[Int64, Int64]:
        """The last answers up to each one, as bits of int64 ``(answers,)``, and a mask of the bits that are not used.

        Bit 0 is the answer itself, and bit 1 the one before it. The bits of answers of other students are not used.
        """
        index, bits, reach = np.arange(len(self.correct)), self.correct.astype(np.int64), 1
        while reach < _LONGEST:
            inside = np.flatnonzero(index - reach >= self.starts)
            bits[inside] |= bits[inside - reach] << reach
            reach *= 2
        return bits, np.int64(-1) << np.minimum(index - self.starts + 1, _LONGEST)

    def _repeated(self, last: Int64, asked: Int32) -> Float64:
        """Find the longest series of answers up to ``last`` that also occurred earlier, before another skill.

        In some data, a question of several skills occurs once for each of them, so that answers are repeated.

        Returns:
            The length of the series, and the mean of the answers after its earlier occurrences, ``(questions, 2)``.
        """
        bits, is_outside = self._bits
        features = np.zeros((len(last), 2))
        for questions in self._parts(last):
            latest = last[questions].max()
            earlier = np.arange(self.starts[latest], latest)
            of_other_skill = self.skills[earlier + 1] != asked[questions, None]
            is_candidate = (earlier < last[questions, None]) & of_other_skill
            different = (bits[earlier] ^ bits[last[questions], None]) | is_outside[earlier]
            # The lowest bit that is different is 2 to the power of the number of equal answers.
            equal = np.where(is_candidate, different & -different, 1)
            longest = equal.max(axis=1, initial=1, keepdims=True)
            is_longest = (equal == longest) & (longest > 1)
            correct = (is_longest * self.correct[earlier + 1]).sum(axis=1)
            features[questions, 0] = np.log1p(np.log2(longest[:, 0]))
            features[questions, 1] = (correct + _START) / (is_longest.sum(axis=1) + 1)
        return features

    def _parts(self, last: Int64) -> Iterator[Int64]:
        """Yield the indices of questions of one student each, in parts that limit the memory of a comparison."""
        order = np.argsort(last, kind="stable")
        _, first = np.unique(self.starts[last[order]], return_index=True)
        for questions in np.split(order, first[1:]) if len(order) else []:
            latest = last[questions[-1]]
            step = max(_PAIRS // (latest - self.starts[latest] + 1), 1)
            yield from np.split(questions, range(step, len(questions), step))


def _sums(correct: Int32, starts: Int64) -> tuple[Int64, Int64]:
    """Return the number of answers, and of correct ones, from ``starts`` up to each answer, int64 ``(answers,)``."""
    sums = np.concatenate([[0], np.cumsum(correct, dtype=np.int64)])
    return np.arange(len(correct)) - starts + 1, sums[1:] - sums[starts]


def _averages(correct: Int32, starts: Int64, rate: float) -> Float64:
    """Return the exponentially decaying averages from ``starts`` up to each answer, float64 ``(answers,)``.

    The last answer has the weight ``rate``.
    """
    index, sums, reach = np.arange(len(correct)), correct.astype(np.float64), 1
    # Each step doubles the number of answers in the sums.
    while (1 - rate) ** reach > _NEGLIGIBLE:
        inside = np.flatnonzero(index - reach >= starts)
        sums[inside] += (1 - rate) ** reach * sums[inside - reach]
        reach *= 2
    return rate * sums + _START * (1 - rate) ** (index - starts + 1)
