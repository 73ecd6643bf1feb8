"""Predictions of classifiers and regressions."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable
from typing import Any

import numpy as np
import pyarrow as pa

from tokemb._arrays import Bool, Float32
from tokemb._validation import check_optional_count
from tokemb.keras.datasets.order import BatchOrder
from tokemb.tables import ColumnEncoder
from tokemb.training.forward import forward
from tokemb.training.inputs import Inputs, Rows, TableInputs, TextInputs
from tokemb.training.predictor import (
    NUMBERS,
    TEXTS,
    TaskPredictor,
    equal_lists,
    lists,
    nullable,
    reasons,
    top_columns,
)
from tokemb.training.trained import TrainedFolder

# Large batches of short rows are the fastest. The number of positions limits the memory of long rows.
_ORDER = BatchOrder(2048, positions=1 << 17)
_NO_TOKENS = "the text has no tokens"


class _OutputPredictor(TaskPredictor):
    """A predictor with the outputs of a model of texts or of the rows of a table.

    Attributes:
        inputs: What the model predicts from.
    """

    def __init__(self, folder: TrainedFolder, top: int | None = None) -> None:
        """Initialize the predictor.

        Args:
            folder: The training folder.
            top: The number of labels in the lists. ``None`` leaves it to the kind of predictor.

        Raises:
            ArgumentError: If ``top`` is invalid.
        """
        self._top = check_optional_count("top", top)
        super().__init__(folder, top=top)
        self.inputs = inputs_of(folder)
        self.table_columns, self.cells = self.inputs.table_columns, self.inputs.cells
        self._run = forward(folder.model)

    def outputs(self, rows: Rows) -> Float32:
        """Return the outputs of the model for encoded rows, float32 ``(rows, outputs)``."""
        result = np.empty((len(rows), self.folder.model.output_shape[-1]), np.float32)
        for indices in _ORDER.batches(rows.lengths, [0]):
            result[indices] = self._run(rows.batch(indices))
        return result

    @abstractmethod
    def predict_rows(self, rows: Rows) -> pa.RecordBatch:
        """Return the predictions for encoded rows."""

    def predict_batch(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Return the predictions for the rows of a batch of a file, in their order."""
        return self.predict_rows(self.inputs.encode_batch(batch))

    def predict(self, rows: Any) -> pa.Table:  # noqa: ANN401
        """Return the predictions for texts or a table in memory."""
        return pa.Table.from_batches([self.predict_rows(self.inputs.encode(rows))])


class ClassPredictor(_OutputPredictor):
    """Predict the labels of texts.

    The columns are ``prediction``, the most probable label, and ``probability``; with ``top`` also ``predictions`` and
    ``probabilities``, the most probable labels in order. A row without tokens has no prediction.
    """

    options = ("top",)

    def __init__(self, folder: TrainedFolder, top: int | None = None) -> None:
        """Initialize the predictor. ``top`` is the number of labels in the lists, or ``None`` without lists."""
        super().__init__(folder, top)
        self.labels = pa.array(folder.classes)
        in_lists = [] if top is None else [("predictions", pa.list_(self.labels.type)), ("probabilities", NUMBERS)]
        self.fields = [("prediction", self.labels.type), ("probability", pa.float32()), *in_lists]

    def probabilities(self, rows: Rows) -> Float32:
        """Return the probability of each class, float32 ``(rows, classes)``."""
        output = self.outputs(rows)
        return np.hstack([1 - output, output]) if output.shape[1] == 1 else output

    def predict_rows(self, rows: Rows) -> pa.RecordBatch:
        """Return the predictions for encoded rows."""
        probabilities = self.probabilities(rows)
        is_empty = self.inputs.is_empty(rows)
        best = probabilities.argmax(axis=1)
        columns = [
            nullable(self.labels.take(pa.array(best)), is_empty),
            nullable(probabilities[np.arange(len(rows)), best], is_empty),
        ]
        if self._top is not None:
            columns += self._lists(probabilities, self._top, is_empty)
        return self.batch(*columns, reasons(len(rows), [(is_empty, _NO_TOKENS)]))

    def _lists(self, probabilities: Float32, top: int, is_empty: Bool) -> Iterable[pa.Array]:
        indices = top_columns(probabilities, top)
        for values in (
            self.labels.take(pa.array(indices.ravel())),
            pa.array(np.take_along_axis(probabilities, indices, axis=1).ravel()),
        ):
            yield equal_lists(values, indices.shape[1], is_empty)


class LabelsPredictor(_OutputPredictor):
    """Predict any number of labels of texts (multi-label).

    The columns are ``predictions`` and ``probabilities``: the labels with a probability above 0.5, or with ``top`` that
    many labels, the most probable ones first. A row without tokens has no prediction.
    """

    options = ("top",)
    fields = (("predictions", TEXTS), ("probabilities", NUMBERS))

    def __init__(self, folder: TrainedFolder, top: int | None = None) -> None:
        """Initialize the predictor. ``top`` is the number of labels, or ``None`` for those above 0.5."""
        super().__init__(folder, top)
        self.labels = pa.array(folder.classes, pa.string())

    def predict_rows(self, rows: Rows) -> pa.RecordBatch:
        """Return the predictions for encoded rows."""
        probabilities = self.outputs(rows)
        is_empty = self.inputs.is_empty(rows)
        order = top_columns(probabilities, self._top or len(self.labels))
        sorted_probabilities = np.take_along_axis(probabilities, order, axis=1)
        is_chosen = (sorted_probabilities > 0.5) | (self._top is not None)
        splits = np.append(0, np.cumsum(is_chosen.sum(axis=1)))
        return self.batch(
            lists(self.labels.take(pa.array(order[is_chosen])), splits, is_empty),
            lists(pa.array(sorted_probabilities[is_chosen]), splits, is_empty),
            reasons(len(rows), [(is_empty, _NO_TOKENS)]),
        )


class NumberPredictor(_OutputPredictor):
    """Predict a number for texts (regression). The column is ``prediction``. A row without tokens has none."""

    fields = (("prediction", pa.float32()),)

    def predict_rows(self, rows: Rows) -> pa.RecordBatch:
        """Return the predictions for encoded rows."""
        is_empty = self.inputs.is_empty(rows)
        return self.batch(nullable(self.outputs(rows)[:, 0], is_empty), reasons(len(rows), [(is_empty, _NO_TOKENS)]))


def inputs_of(folder: TrainedFolder) -> Inputs:
    """Return what the model of a training folder predicts from."""
    head = folder.settings["head"]
    if isinstance(folder.vocabulary, ColumnEncoder):
        return TableInputs(folder.vocabulary, head)
    return TextInputs(folder.vocabulary, head, int(folder.settings["maxlen"]))


def text_predictor(folder: TrainedFolder) -> type[_OutputPredictor]:
    """Return the kind of predictor for what a model of texts predicts: a class, several labels or a number."""
    if folder.settings.get("regression"):
        return NumberPredictor
    return ClassPredictor if folder.settings.get("label_separator") is None else LabelsPredictor
