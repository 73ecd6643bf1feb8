"""Predictions of classifiers and regressions."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tokemb._validation import check_optional_count
from tokemb.keras.datasets.order import BatchOrder
from tokemb.rows.ragged import Ragged, take_padded
from tokemb.training.classify import batch_length
from tokemb.training.forward import Forward, forward
from tokemb.training.predictor import (
    REASON,
    TextPredictor,
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


class _OutputPredictor(TextPredictor):
    """A predictor with the outputs of a model of texts."""

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
        self.maxlen = int(folder.settings["maxlen"])
        self._length = batch_length(folder.settings["head"], self.maxlen)
        self._run: Forward = forward(folder.model)

    def outputs(self, ids: Ragged) -> npt.NDArray[np.float32]:
        """Return the outputs of the model for rows of ids, float32 ``(rows, outputs)``."""
        result = np.empty((len(ids), self.folder.model.output_shape[-1]), np.float32)
        for rows in _ORDER.batches(ids.lengths, [0]):
            result[rows] = self._run(take_padded(ids, rows, self._length))
        return result


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

    @property
    def schema(self) -> pa.Schema:
        """The columns of the predictions."""
        fields = [("prediction", self.labels.type), ("probability", pa.float32())]
        if self._top is not None:
            fields += [("predictions", pa.list_(self.labels.type)), ("probabilities", pa.list_(pa.float32()))]
        return pa.schema([*fields, (REASON, pa.string())])

    def probabilities(self, ids: Ragged) -> npt.NDArray[np.float32]:
        """Return the probability of each class, float32 ``(rows, classes)``."""
        output = self.outputs(ids)
        return np.hstack([1 - output, output]) if output.shape[1] == 1 else output

    def predict_ids(self, ids: Ragged) -> pa.RecordBatch:
        """Return the predictions for rows of ids."""
        probabilities = self.probabilities(ids)
        is_empty = ids.lengths == 0
        best = probabilities.argmax(axis=1)
        columns = [
            nullable(self.labels.take(pa.array(best)), is_empty),
            nullable(probabilities[np.arange(len(ids)), best], is_empty),
        ]
        if self._top is not None:
            columns += self._lists(probabilities, self._top, is_empty)
        return self.batch(*columns, reasons(len(ids), [(is_empty, _NO_TOKENS)]))

    def _lists(
        self, probabilities: npt.NDArray[np.float32], top: int, is_empty: npt.NDArray[np.bool_]
    ) -> Iterable[pa.Array]:
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

    def __init__(self, folder: TrainedFolder, top: int | None = None) -> None:
        """Initialize the predictor. ``top`` is the number of labels, or ``None`` for those above 0.5."""
        super().__init__(folder, top)
        self.labels = pa.array(folder.classes, pa.string())

    @property
    def schema(self) -> pa.Schema:
        """The columns of the predictions."""
        lists_of = [("predictions", pa.list_(pa.string())), ("probabilities", pa.list_(pa.float32()))]
        return pa.schema([*lists_of, (REASON, pa.string())])

    def predict_ids(self, ids: Ragged) -> pa.RecordBatch:
        """Return the predictions for rows of ids."""
        probabilities = self.outputs(ids)
        is_empty = ids.lengths == 0
        order = top_columns(probabilities, self._top or len(self.labels))
        sorted_probabilities = np.take_along_axis(probabilities, order, axis=1)
        is_chosen = (sorted_probabilities > 0.5) | (self._top is not None)
        splits = np.append(0, np.cumsum(is_chosen.sum(axis=1)))
        return self.batch(
            lists(self.labels.take(pa.array(order[is_chosen])), splits, is_empty),
            lists(pa.array(sorted_probabilities[is_chosen]), splits, is_empty),
            reasons(len(ids), [(is_empty, _NO_TOKENS)]),
        )


class NumberPredictor(_OutputPredictor):
    """Predict a number for texts (regression). The column is ``prediction``. A row without tokens has none."""

    def __init__(self, folder: TrainedFolder) -> None:
        """Initialize the predictor of a training folder."""
        super().__init__(folder)

    @property
    def schema(self) -> pa.Schema:
        """The columns of the predictions."""
        return pa.schema([("prediction", pa.float32()), (REASON, pa.string())])

    def predict_ids(self, ids: Ragged) -> pa.RecordBatch:
        """Return the predictions for rows of ids."""
        is_empty = ids.lengths == 0
        return self.batch(nullable(self.outputs(ids)[:, 0], is_empty), reasons(len(ids), [(is_empty, _NO_TOKENS)]))


def text_predictor(folder: TrainedFolder) -> type[_OutputPredictor]:
    """Return the kind of predictor for what a model of texts predicts: a class, several labels or a number."""
    if folder.settings.get("regression"):
        return NumberPredictor
    return ClassPredictor if folder.settings.get("label_separator") is None else LabelsPredictor
