"""Predictions of knowledge tracing."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tokemb.errors import ArgumentError, TextError
from tokemb.keras.datasets.order import BatchOrder
from tokemb.rows.ragged import Ragged, take_padded
from tokemb.tables.values import MISSING, is_list
from tokemb.training.forward import forward
from tokemb.training.knowledge_tracing import MAX_POSITIONS, knowledge_model, skill_weights
from tokemb.training.predictor import REASON, TablePredictor, equal_lists, lists, nullable, reasons
from tokemb.training.sequences import drop_first
from tokemb.training.trained import TrainedFolder

_ORDER = BatchOrder(256, positions=MAX_POSITIONS)


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
        self._knowledge = forward(knowledge_model(folder.model))
        self._weights, self._bias = skill_weights(folder.model)
        self._first = first

    @property
    def schema(self) -> pa.Schema:
        """The columns of the predictions."""
        fields = [("skills", pa.list_(pa.string()))] if self._skill is None and not self._observed else []
        return pa.schema([*fields, ("probabilities", pa.list_(pa.float32())), (REASON, pa.string())])

    def predict_batch(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Return the predictions for the students of a batch, whose answers are lists."""
        if not all(is_list(batch[name].type) for name in self.table_columns or ()):
            raise TextError("answers must be lists, one list per student: make them with group_events")
        skills, events = self.folder.columns.encode_batch(batch).values()
        if not isinstance(skills, Ragged) or not isinstance(events, Ragged):
            raise TextError("answers must be lists, one list per student: make them with group_events")
        is_empty = events.lengths == 0
        unknown = _row_sums(events.values == 1, events.row_splits)
        causes = [
            (is_empty, "the student has no answers"),
            *(
                (unknown == count, f"{count} of the answers are out of vocabulary")
                for count in np.unique(unknown[unknown > 0])
            ),
        ]
        if self._observed:
            single = (events.lengths == 1, "the student has one answer, and the first answer is not predicted")
            causes.insert(1, single)
            columns = [self._asked(skills, events, is_empty)]
        elif self._skill is not None:
            columns = [self._curve(events, self._skill, is_empty)]
        else:
            columns = self._all_skills(events, is_empty)
        return self.batch(*columns, reasons(len(events), causes))

    def _all_skills(self, events: Ragged, is_empty: npt.NDArray[np.bool_]) -> list[pa.Array]:
        count = len(self._skills)
        probabilities = np.zeros((len(events), count), np.float32)
        weights, bias = self._weights[self._first :], self._bias[self._first :]
        for rows in _ORDER.batches(events.lengths, [0]):
            # At padding, the state of the last answer is unchanged.
            state = self._knowledge(take_padded(events, rows))[:, -1]
            probabilities[rows] = _sigmoid(state @ weights.T + bias)
        names = self._skills.take(pa.array(np.tile(np.arange(count), len(events))))
        return [equal_lists(names, count, is_empty), equal_lists(pa.array(probabilities.ravel()), count, is_empty)]

    def _curve(self, events: Ragged, skill: int, is_empty: npt.NDArray[np.bool_]) -> pa.Array:
        probabilities = self._at_positions(events, np.full(len(events.values), skill))
        return lists(pa.array(probabilities), events.row_splits, is_empty)

    def _asked(self, skills: Ragged, events: Ragged, is_empty: npt.NDArray[np.bool_]) -> pa.Array:
        is_last = np.zeros(len(events.values), bool)
        is_last[events.row_splits[1:][~is_empty] - 1] = True
        asked_next = np.zeros(len(events.values), np.int64)
        asked_next[~is_last] = drop_first(skills).values
        after = self._at_positions(events, asked_next)
        is_first = np.zeros(len(events.values), bool)
        is_first[events.row_splits[:-1][~is_empty]] = True
        probabilities = np.zeros(len(events.values), np.float32)
        probabilities[~is_first] = after[~is_last]
        values = nullable(probabilities, is_first | (skills.values < self._first))
        return lists(values, events.row_splits, is_empty)

    def _at_positions(self, events: Ragged, skills: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
        """Return the probability for a skill after each answer, float32 ``(answers,)``."""
        probabilities = np.zeros(len(events.values), np.float32)
        for rows in _ORDER.batches(events.lengths, [0]):
            padded = take_padded(events, rows)
            row, column = np.nonzero(padded)
            positions = events.row_splits[rows][row] + column
            state = self._knowledge(padded)[row, column]
            asked = skills[positions]
            probabilities[positions] = _sigmoid((state * self._weights[asked]).sum(axis=1) + self._bias[asked])
        return probabilities


def _row_sums(values: npt.NDArray[Any], row_splits: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    sums = np.concatenate([[0], np.cumsum(values, dtype=np.int64)])
    return sums[row_splits[1:]] - sums[row_splits[:-1]]


def _sigmoid(logits: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    return (1 / (1 + np.exp(-logits))).astype(np.float32)
