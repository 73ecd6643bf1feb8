"""Predictions of ratings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pyarrow as pa

from tokemb._arrays import Bool, Float32, Int32
from tokemb._validation import UNKNOWN, check_choice
from tokemb.training.forward import Forward, forward
from tokemb.training.predictor import TablePredictor, nullable, reasons
from tokemb.training.trained import TrainedFolder

# Pairs are short rows, so large batches are the fastest.
_BATCH = 1 << 16
# The ids of values out of vocabulary and of missing values.
OOV_ID, MISSING_ID = 1, 2


class RatingPredictor(TablePredictor):
    """Predict the ratings of pairs of users and items, the column ``prediction``."""

    options = ("unknown",)
    fields = (("prediction", pa.float32()),)

    def __init__(self, folder: TrainedFolder, unknown: str = "missing") -> None:
        """Initialize the predictor.

        Args:
            folder: The training folder.
            unknown: The rating of a pair whose user or item is out of vocabulary: ``"missing"``, or ``"average"`` for
                the prediction with the mean embedding. The column ``reason`` names the user or item in either case.

        Raises:
            ArgumentError: If an option is invalid.
        """
        super().__init__(folder, unknown=check_choice("unknown", unknown, UNKNOWN))
        self._average = unknown == "average"
        self._run = forward(folder.model)

    def predict_batch(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Return the predictions for the pairs of a batch."""
        ids: Mapping[str, Any] = self.folder.columns.encode_batch(batch)
        causes = list(unknown_values(ids))
        ratings = rate(self._run, ids)
        is_null = np.zeros(len(ratings), bool)
        if not self._average:
            is_null = np.logical_or.reduce([rows for rows, _ in causes])
        return self.batch(nullable(ratings, is_null), reasons(len(ratings), causes))


def rate(run: Forward, ids: Mapping[str, Int32]) -> Float32:
    """Return the ratings of pairs, float32 ``(rows,)``.

    Args:
        run: The model.
        ids: The ids by column, int32 ``(rows,)``.
    """
    count = len(next(iter(ids.values())))
    ratings = np.empty(count, np.float32)
    for start in range(0, count, _BATCH):
        block = slice(start, start + _BATCH)
        ratings[block] = run({name: column[block] for name, column in ids.items()})[:, 0]
    return ratings


def unknown_values(ids: Mapping[str, Int32]) -> Iterator[tuple[Bool, str]]:
    """Yield the rows with a value that is out of vocabulary or missing, bool ``(rows,)``, and a text that says so."""
    for name, column in ids.items():
        yield column == OOV_ID, f"{name} is out of vocabulary"
        yield column == MISSING_ID, f"{name} is missing"
