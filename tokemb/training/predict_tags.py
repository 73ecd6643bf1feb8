"""Predictions of taggers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from tokemb.keras.datasets.tags import token_column_of
from tokemb.sources.tag_columns import token_rows
from tokemb.training.forward import forward
from tokemb.training.predictor import NUMBERS, TEXTS, TaskPredictor, counted, lists, reasons
from tokemb.training.tag_model import predict_tokens
from tokemb.training.trained import TrainedFolder


class TagPredictor(TaskPredictor):
    """Predict the tags of tokens.

    The columns are ``predictions``, the tag of each token of a row, and ``probabilities``. A token without ids gets the
    most frequent tag of the training, and the column ``reason`` says so.
    """

    fields = (("predictions", TEXTS), ("probabilities", NUMBERS))

    def __init__(self, folder: TrainedFolder) -> None:
        """Initialize the predictor."""
        super().__init__(folder)
        self._run = forward(folder.model)
        self._classes = pa.array(folder.classes, pa.string())
        self._tag_without_ids = str(folder.settings["tag_without_ids"])

    def predict_batch(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Return the predictions for the rows of a batch of a file, in their order."""
        return self._predict(token_rows(batch.column(0)))

    def predict(self, rows: Any) -> pa.Table:  # noqa: ANN401
        """Return the predictions for rows of tokens in memory, as for ``Encoder.encode_tags``."""
        return pa.Table.from_batches([self._predict(token_column_of("tokens", rows))])

    def _predict(self, rows: pa.LargeListArray) -> pa.RecordBatch:
        found = predict_tokens(self._run, self.folder.encoder, rows)
        has_no_ids = found.classes < 0
        default = self.folder.classes.index(self._tag_without_ids)
        tags = self._classes.take(pa.array(np.where(has_no_ids, default, found.classes)))
        is_empty = np.diff(found.row_splits) == 0
        text = f"of the tokens have no ids and get the tag {self._tag_without_ids}"
        causes = [(is_empty, "the row has no tokens"), *counted(has_no_ids, found.row_splits, text)]
        return self.batch(
            lists(tags, found.row_splits, is_empty),
            lists(pa.array(found.probabilities, mask=has_no_ids), found.row_splits, is_empty),
            reasons(len(rows), causes),
        )
