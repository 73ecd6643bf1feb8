"""Predictions of the next event."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from tokemb._arrays import Bool, Float32, Int64
from tokemb._validation import check_optional_count
from tokemb.errors import ArgumentError, TextError
from tokemb.rows.ragged import Ragged, take
from tokemb.training.metrics import ranks_of
from tokemb.training.next_event import reserved_ids
from tokemb.training.next_scores import NextScorer, overlapping_windows, softmax
from tokemb.training.predictor import (
    NUMBERS,
    TEXTS,
    TaskPredictor,
    counted,
    equal_lists,
    lists,
    nullable,
    reasons,
    top_columns,
)
from tokemb.training.sequences import UNLIMITED, Marks, drop_first, drop_last, mark, mark_beginning
from tokemb.training.trained import TrainedFolder

TOP = 10
# The maximum number of predicted events of a batch.
_MAX_EVENTS = 1 << 22


class EventPredictor(TaskPredictor):
    """Predict the next event of sequences.

    The columns are ``predictions`` and ``probabilities``, the most probable events in order. With ``observed`` they are
    ``ranks`` and ``probabilities``, those of each event of the sequence given the events before it, and
    ``highest_rank``, that of the least expected event. They are null for events out of vocabulary, and for the first
    event unless the model was trained with marks. With marks, a last entry is that of the end of the sequence.
    """

    options = ("top", "observed")

    def __init__(self, folder: TrainedFolder, top: int | None = None, observed: bool = False) -> None:
        """Initialize the predictor.

        Args:
            folder: The training folder.
            top: The number of events to predict, by default 10.
            observed: Whether to return the ranks and probabilities of the events that occurred.

        Raises:
            ArgumentError: If an option is invalid.
        """
        if observed and top is not None:
            raise ArgumentError("top must be left out with observed=True, which ranks the events that occurred")
        self._top, self._observed = check_optional_count("top", top) or TOP, observed
        super().__init__(folder, top=top, observed=observed)
        self._maxlen = int(folder.settings["maxlen"])
        self._marks = Marks.of(folder.encoder) if folder.settings.get("marks") else None
        self._reserved = reserved_ids(folder.encoder, self._marks)
        self._scorer = NextScorer(folder.model, self._reserved)
        self._tokens = pa.array(folder.encoder.vocabulary, pa.string())
        self._has_known = False
        self.fields = [("predictions", TEXTS), ("probabilities", NUMBERS)]
        if not observed:
            self.max_rows = max(_MAX_EVENTS // min(self._top, len(self._tokens)), 1)
        else:
            self.fields = [("ranks", pa.list_(pa.int64())), ("probabilities", NUMBERS), ("highest_rank", pa.int64())]

    def encode(self, sequences: pa.Array) -> Ragged:
        """Return the ids of a column of sequences. The last events are selected after encoding."""
        encoder = self.folder.encoder
        return encoder.encode_column(sequences, encoder.pad_truncate(UNLIMITED, None, None)).rows

    def predict_batch(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Return the predictions for the sequences in the first column of a batch of a file, in their order."""
        return self.predict_ids(self.encode(batch.column(0)))

    def predict(self, rows: Any) -> pa.Table:  # noqa: ANN401
        """Return the predictions for sequences in memory, as for ``Encoder.encode``."""
        self._has_known = False  # of an earlier call
        ids = self.folder.encoder.encode_ragged(rows, maxlen=UNLIMITED)
        self._check_known(ids)
        step = self.max_rows or max(len(ids), 1)
        parts = np.split(np.arange(len(ids)), range(step, len(ids), step))
        return pa.Table.from_batches([self.predict_ids(take(ids, part)) for part in parts])

    def predict_ids(self, ids: Ragged) -> pa.RecordBatch:
        """Return the predictions for rows of ids.

        Raises:
            TextError: If no event so far was in the vocabulary, so that the rows cannot be those of the model.
        """
        is_unknown = self._check_known(ids)
        return self._ranked(ids, is_unknown) if self._observed else self._next(ids)

    def _check_known(self, ids: Ragged) -> Bool:
        """Return which events are out of vocabulary, bool ``(events,)``, or raise the errors of ``predict_ids``."""
        is_unknown: Bool = np.isin(ids.values, self.folder.encoder.oov_ids)
        self._has_known = self._has_known or not is_unknown.all()
        if len(ids.values) and not self._has_known:
            raise TextError(
                f"none of the {len(ids.values):,} events occurs in the vocabulary of {self.folder.path}: pass "
                "sequences of the events that the model was trained on"
            )
        return is_unknown

    def last_ranks(self, ids: Ragged) -> Int64:
        """Return the rank of the last event of each row that has events before it, int64 ``(rows,)``.

        With marks, the first event has the mark of the beginning before it. The end of a sequence is no candidate,
        because it is never the last event.
        """
        marked = mark_beginning(ids, self._marks)
        rows = take(marked, np.flatnonzero(marked.lengths > 1))
        targets = rows.values[rows.row_splits[1:] - 1]
        ranks = np.zeros(len(rows), np.int64)
        for indices, scores in self._scorer.last(drop_last(rows).truncate(self._maxlen, "pre")):
            if self._marks is not None:
                scores[:, self._marks.end] = -np.inf
            ranks[indices] = ranks_of(targets[indices], scores)
        return ranks

    def _next(self, ids: Ragged) -> pa.RecordBatch:
        top = min(self._top, len(self._tokens) - len(self._reserved))
        events = np.zeros((len(ids), top), np.int64)
        probabilities = np.zeros((len(ids), top), np.float32)
        history = mark_beginning(ids, self._marks).truncate(self._maxlen, "pre")
        for rows, scores in self._scorer.last(history):
            events[rows] = top_columns(scores, top)
            probabilities[rows] = np.take_along_axis(softmax(scores), events[rows], axis=1)
        is_empty = ids.lengths == 0
        return self.batch(
            equal_lists(self._tokens.take(pa.array(events.ravel())), top, is_empty),
            equal_lists(pa.array(probabilities.ravel()), top, is_empty),
            reasons(len(ids), [(is_empty, "the sequence has no events")]),
        )

    def _ranked(self, ids: Ragged, is_unknown: Bool) -> pa.RecordBatch:
        rows = mark(ids, self._marks)
        ranks, probabilities = self._observe(rows)
        if self._marks is not None:  # the mark of the beginning is not an event
            first = rows.row_splits[:-1][rows.lengths > 0]
            ranks, probabilities = np.delete(ranks, first), np.delete(probabilities, first)
            rows = drop_first(rows)
        is_empty = rows.lengths == 0
        highest = np.maximum.reduceat(np.append(ranks, 0), rows.row_splits[:-1]) * ~is_empty
        single = np.zeros(len(ids), bool) if self._marks is not None else ids.lengths == 1
        causes = [
            (is_empty, "the sequence has no events"),
            (single, "the sequence has one event, and the first event is not predicted"),
            *counted(is_unknown, ids.row_splits, "of the events are out of vocabulary"),
        ]
        return self.batch(
            lists(nullable(ranks, ranks == 0), rows.row_splits, is_empty),
            lists(nullable(probabilities, ranks == 0), rows.row_splits, is_empty),
            nullable(highest, highest == 0),
            reasons(len(ids), causes),
        )

    def _observe(self, rows: Ragged) -> tuple[Int64, Float32]:
        """Return the rank and the probability of each event of ``rows``, 0 where they are not known."""
        events, targets = drop_last(rows), drop_first(rows)
        indices, is_new = overlapping_windows(events, self._maxlen)
        known = targets.values * ~np.isin(targets.values, self._reserved)
        windows = Ragged(events.values[indices.values], indices.row_splits)
        window_targets = Ragged(known[indices.values] * is_new.values, indices.row_splits)
        window_ranks, window_probabilities = self._scorer.observed(windows, window_targets)
        # Each event except the first of its row is the target of one position.
        is_first = np.zeros(len(rows.values), bool)
        is_first[rows.row_splits[:-1][rows.lengths > 0]] = True
        ranks, probabilities = np.zeros(len(is_first), np.int64), np.zeros(len(is_first), np.float32)
        position = np.flatnonzero(~is_first)[indices.values[is_new.values > 0]]
        ranks[position] = window_ranks[is_new.values > 0]
        probabilities[position] = window_probabilities[is_new.values > 0]
        return ranks, probabilities
