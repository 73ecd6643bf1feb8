"""Predictions of knowledge tracing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from tokemb._arrays import Bool, Float32, Int32, Int64
from tokemb.errors import ArgumentError, TextError
from tokemb.keras.datasets.order import BatchOrder
from tokemb.rows.ragged import Ragged, take_padded
from tokemb.tables.values import MISSING, is_list
from tokemb.training.answer_history import FEATURES, AnswerHistory
from tokemb.training.forward import forward
from tokemb.training.knowledge_tracing import (
    MAX_POSITIONS,
    NOT_LISTS,
    forward_answers,
    history_of,
    knowledge_model,
    ragged_answers,
)
from tokemb.training.predictor import NUMBERS, TEXTS, TablePredictor, counted, equal_lists, lists, nullable, reasons
from tokemb.training.sequences import drop_first
from tokemb.training.trained import TrainedFolder

_ORDER = BatchOrder(256, positions=MAX_POSITIONS)


@dataclass(frozen=True)
class _Students:
    """The ids of the skills and answers of students, and the history of their answers."""

    skills: Ragged
    events: Ragged
    history: AnswerHistory

    @property
    def is_empty(self) -> Bool:
        """Whether a student has no answers, bool ``(students,)``."""
        return self.events.lengths == 0

    @property
    def last(self) -> Int64:
        """The position of the last answer of each student who has answers, int64 ``(rows,)``."""
        return self.events.row_splits[1:][~self.is_empty] - 1


class AnswerPredictor(TablePredictor):
    """Predict whether students answer correctly.

    The columns are ``skills`` and ``probabilities``, that of a correct answer for every skill after the last answer.
    With ``observed``, ``probabilities`` are those of a correct answer to each question, given the answers before it.
    With ``skill``, they are those of a correct answer for this skill after each answer.
    """

    options = ("observed", "skill")

    def __init__(self, folder: TrainedFolder, observed: bool = False, skill: Any = None) -> None:  # noqa: ANN401
        """Initialize the predictor.

        Args:
            folder: The training folder.
            observed: Whether to return the probabilities for the questions that were asked.
            skill: A skill, to return its probability after each answer.

        Raises:
            ArgumentError: If an option is invalid.
        """
        if observed and skill is not None:
            raise ArgumentError("skill must be left out with observed=True, which is about the skills that were asked")
        super().__init__(folder, observed=observed, skill=None if skill is None else str(skill))
        skills, self._events = folder.columns.names
        vocabulary = folder.columns.vocabularies[skills].vocabulary
        first = vocabulary.index(MISSING) + 1
        self._skills = pa.array(vocabulary[first:], pa.string())
        self._observed, self._skill = observed, None
        if skill is not None:
            if str(skill) not in vocabulary[first:]:
                raise ArgumentError(f"skill must be one that the model was trained on; received {skill!r}")
            self._skill = vocabulary.index(str(skill))
        self._knowledge, self._answer = forward(knowledge_model(folder.model)), forward_answers(folder.model)
        self._first = first
        skills_too = [("skills", TEXTS)] if skill is None and not observed else []
        self.fields = [*skills_too, ("probabilities", NUMBERS)]

    def predict_batch(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Return the predictions for the students of a batch, whose answers are lists."""
        if not all(is_list(batch[name].type) for name in self.table_columns or ()):
            raise TextError(NOT_LISTS)
        skills, events = ragged_answers(self.folder.columns.encode_batch(batch))
        students = _Students(skills, events, history_of(self.folder.columns, skills, events))
        causes = [
            (students.is_empty, "the student has no answers"),
            *counted(events.values == 1, events.row_splits, "of the answers are out of vocabulary"),
        ]
        if self._observed:
            single = (events.lengths == 1, "the student has one answer, and the first answer is not predicted")
            causes.insert(1, single)
            columns = [self._asked(students)]
        elif self._skill is not None:
            columns = [self._curve(students, self._skill)]
        else:
            columns = self._all_skills(students)
        return self.batch(*columns, reasons(len(events), causes))

    def _all_skills(self, students: _Students) -> list[pa.Array]:
        count, is_empty = len(self._skills), students.is_empty
        asked = np.tile(np.arange(self._first, self._first + count, dtype=np.int32), (int((~is_empty).sum()), 1))
        probabilities = np.zeros((len(is_empty), count), np.float32)
        probabilities[~is_empty] = self._after(students, students.last, asked)
        names = self._skills.take(pa.array(np.tile(np.arange(count), len(is_empty))))
        return [equal_lists(names, count, is_empty), equal_lists(pa.array(probabilities.ravel()), count, is_empty)]

    def _curve(self, students: _Students, skill: int) -> pa.Array:
        positions = np.arange(len(students.events.values))
        probabilities = self._after(students, positions, np.full((len(positions), 1), skill, np.int32))
        return lists(pa.array(probabilities[:, 0]), students.events.row_splits, students.is_empty)

    def _asked(self, students: _Students) -> pa.Array:
        splits = students.events.row_splits
        is_first = np.zeros(len(students.events.values), bool)
        is_first[splits[:-1][~students.is_empty]] = True
        before = np.delete(np.arange(len(is_first)), students.last)
        probabilities = np.zeros(len(is_first), np.float32)
        probabilities[~is_first] = self._after(students, before, drop_first(students.skills).values[:, None])[:, 0]
        values = nullable(probabilities, is_first | (students.skills.values < self._first))
        return lists(values, splits, students.is_empty)

    def _after(self, students: _Students, positions: Int64, asked: Int32) -> Float32:
        """Return the probabilities of correct answers to questions after some positions.

        Args:
            students: The students.
            positions: int64 ``(positions,)``, ascending.
            asked: The skills of the questions after each position, int32 ``(positions, questions)``.

        Returns:
            float32 array ``(positions, questions)``.
        """
        events = students.events
        probabilities = np.zeros(asked.shape, np.float32)
        for rows in _ORDER.batches(events.lengths, [0]):
            padded = take_padded(events, rows)
            row, column = np.nonzero(padded)
            found = np.flatnonzero(np.isin(events.row_splits[rows][row] + column, positions))
            row, column = row[found], column[found]
            questions = np.searchsorted(positions, events.row_splits[rows][row] + column)
            states = self._knowledge(padded)[row, column]
            step = max(MAX_POSITIONS // max(asked.shape[1], 1), 1)
            for part in np.split(np.arange(len(questions)), range(step, len(questions), step)):
                at = questions[part]
                features = students.history.features(np.repeat(positions[at], asked.shape[1]), asked[at].ravel())
                probabilities[at] = self._answer(
                    states[part], asked[at], features.reshape(*asked[at].shape, len(FEATURES))
                )
        return probabilities
