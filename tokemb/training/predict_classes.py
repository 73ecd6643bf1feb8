"""Predictions of classifiers."""

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
    nullable,
    reasons,
    top_columns,
)
from tokemb.training.trained import TrainedFolder

# Large batches of short rows are the fastest. The number of positions limits the memory of long rows.
_ORDER = BatchOrder(2048, positions=1 << 17)


class ClassPredictor(TextPredictor):
    """Predict the labels of texts.

    The columns are ``prediction``, the most probable label, and ``probability``; with ``top`` also ``predictions`` and
    ``probabilities``, the most probable labels in order. A row without tokens has no prediction.
    """

    options = ("top",)

    def __init__(self, folder: TrainedFolder, top: int | None = None) -> None:
        """Initialize the predictor.

        Args:
            folder: The training folder.
            top: The number of labels in the lists. ``None`` leaves the lists out.

        Raises:
            ArgumentError: If ``top`` is invalid.
        """
        self._top = check_optional_count("top", top)
        super().__init__(folder, top=top)
        self.maxlen = int(folder.settings["maxlen"])
        self._length = batch_length(folder.settings["head"], self.maxlen)
        self._run: Forward = forward(folder.model)
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
        result = np.empty((len(ids), len(self.labels)), np.float32)
        for rows in _ORDER.batches(ids.lengths, [0]):
            output = self._run(take_padded(ids, rows, self._length))
            result[rows] = np.hstack([1 - output, output]) if output.shape[1] == 1 else output
        return result

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
        return self.batch(*columns, reasons(len(ids), [(is_empty, "the text has no tokens")]))

    def _lists(
        self, probabilities: npt.NDArray[np.float32], top: int, is_empty: npt.NDArray[np.bool_]
    ) -> Iterable[pa.Array]:
        indices = top_columns(probabilities, top)
        for values in (
            self.labels.take(pa.array(indices.ravel())),
            pa.array(np.take_along_axis(probabilities, indices, axis=1).ravel()),
        ):
            yield equal_lists(values, indices.shape[1], is_empty)
