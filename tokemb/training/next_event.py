"""Predict the next event of a sequence."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from tokemb._arrays import Int64
from tokemb._validation import CELLS, check_choice, check_count
from tokemb.errors import ArgumentError
from tokemb.fit import fit_vocab
from tokemb.keras.datasets.order import BatchOrder
from tokemb.rows.ragged import Ragged, take, take_padded
from tokemb.sources.texts import tee_if_iterator
from tokemb.training.fitting import (
    Batch,
    Feed,
    Fitted,
    MakeBatch,
    OnEpoch,
    Schedule,
    Trained,
    fit,
    make_reproducible,
)
from tokemb.training.heads import check_dropout
from tokemb.training.metrics import ranking_metrics, ranks_of
from tokemb.training.next_model import (
    Candidates,
    copy_output_weights,
    next_model,
    training_model,
    uses_sampled_softmax,
)
from tokemb.training.next_scores import NextScorer
from tokemb.training.sequences import MARKS, Marks, drop_first, drop_last, mark, mark_beginning, windows
from tokemb.vocabulary.profiles import EVENT_PROFILE

if TYPE_CHECKING:
    import keras

    from tokemb.encoder import Encoder

MAXLEN = 50

# The maximum number of scores of a batch, of all candidates at all positions: 256 MiB of float32.
_MAX_BATCH_SCORES = 1 << 26
# An upper bound of the candidates of a batch of this size.
_TYPICAL_CANDIDATES = 1 << 13


def train_next(
    sequences: Any,  # noqa: ANN401 - any texts
    *,
    encoder: Encoder | None = None,
    test: Any = None,  # noqa: ANN401
    cell: str = "gru",
    marks: bool = False,
    maxlen: int = MAXLEN,
    dim: int = 64,
    units: int = 64,
    dropout: float = 0.2,
    schedule: Schedule | None = None,
    on_epoch: OnEpoch | None = None,
) -> Trained:
    """Train a model that predicts the next event of a sequence.

    The last event of each sequence is left out of training, and the metrics are computed on it.

    Args:
        sequences: Texts or rows of tokens, as for ``Encoder.encode``. Each is one sequence.
        encoder: The vocabulary. ``None`` fits one to the sequences. Texts are then split at white space.
        test: Test sequences. The metrics are then computed on their last events, and the last events of ``sequences``
            are trained on.
        cell: ``"gru"`` or ``"lstm"``.
        marks: Whether to mark the beginning and the end of each sequence, with the tokens ``[BEGIN]`` and ``[END]``, so
            that the first event and the end are predicted too. Without ``test``, the metrics are then computed on the
            validation split, whose events are not trained on.
        maxlen: The number of events in a training window, and the number of previous events that a metric uses.
        dim: The embedding dimension.
        units: The number of units of the recurrent layer.
        dropout: The dropout rate.
        schedule: The epochs, batch size and learning rate.
        on_epoch: A function that is called after each epoch.

    Returns:
        The model and its metrics. The model maps ``token_ids``, int32 ``(batch, maxlen)`` padded at the end, to the
        probability of each id to be next, float32 ``(batch, maxlen, input_dim)``. The metrics are the hit rates at 1, 3
        and 10 and the mean reciprocal rank among all ids, the same for a ranking by frequency (``popular_``), and the
        fraction of events that equal the previous one (``repeated``). An event out of vocabulary counts as missed.

    Raises:
        ArgumentError: If an argument is invalid, or no sequence is long enough.
    """
    schedule = schedule or Schedule()
    check_choice("cell", cell, CELLS)
    check_dropout(dropout)
    sizes = {name: check_count(name, value) for name, value in (("maxlen", maxlen), ("dim", dim), ("units", units))}
    if encoder is None:
        counted, sequences = tee_if_iterator(sequences)
        encoder = fit_vocab(counted, profile=EVENT_PROFILE, reserve=MARKS if marks else ())
    marked = Marks.of(encoder) if marks else None
    rows = encoder.encode_ragged(sequences)
    training_rows = drop_last(rows) if test is None and marked is None else rows
    training, validation = schedule.split(len(training_rows))
    training_windows, validation_windows = (
        EventWindows.of(mark(take(training_rows, indices), marked), sizes["maxlen"])
        for indices in (training, validation)
    )
    if not len(training_windows.events):
        raise ArgumentError(
            "no sequence is long enough to train on: a sequence requires at least three events, or two with a test set"
        )
    held_out = rows if marked is None else take(rows, validation)
    test_rows = held_out if test is None else encoder.encode_ragged(test)
    test_rows = take(test_rows, np.flatnonzero(test_rows.lengths > 1))
    if not len(test_rows):
        raise ArgumentError("no sequence is long enough to compute metrics on: a sequence requires at least two events")
    make_reproducible(schedule.seed)
    model = next_model(encoder, cell=cell, dim=dim, units=units, dropout=dropout, seed=schedule.seed)
    fitted = _fit(model, encoder.input_dim, training_windows, validation_windows, schedule, on_epoch)
    popularity = np.bincount(training_rows.values, minlength=encoder.input_dim)
    metrics = {"on": _measured_on(test is not None, marks)}
    metrics |= evaluate(model, encoder, mark_beginning(test_rows, marked), popularity, sizes["maxlen"], marked)
    settings = {"cell": cell, "marks": marks, **sizes, "dropout": dropout, **schedule.to_json()}
    return Trained("next", model, encoder, settings, metrics, fitted)


def _measured_on(has_test: bool, marks: bool) -> str:
    if has_test:
        return "last events of test"
    return "last events of validation" if marks else "last events"


@dataclass(frozen=True)
class EventWindows:
    """Windows of events.

    Attributes:
        events: The events of each window.
        targets: The next event at each position.
    """

    events: Ragged
    targets: Ragged

    @classmethod
    def of(cls, sequences: Ragged, maxlen: int) -> EventWindows:
        """Split ``sequences`` into windows of ``maxlen``. The last event of each sequence is a target only."""
        return cls(windows(drop_last(sequences), maxlen), windows(drop_first(sequences), maxlen))

    def batches(self, candidates: Candidates | None, seed: int) -> MakeBatch:
        """Return a function that makes the batch of some windows, with candidates if given. Padding has weight 0."""

        def batch(rows: Int64) -> Batch:
            events, targets = take_padded(self.events, rows), take_padded(self.targets, rows)
            is_event = events != 0
            if candidates is None:
                return events, targets, is_event.astype(np.float32)
            # The seed follows from the rows, so that validation has the same candidates in every epoch.
            inputs = candidates.inputs(targets[is_event], np.random.default_rng((seed, *rows.tolist())))
            target_columns = np.searchsorted(inputs["candidates"], targets) * is_event
            # Keras divides the loss by all positions. These weights make it the mean over those that are not padding.
            weights = is_event.astype(np.float32) * (is_event.size / max(is_event.sum(), 1))
            return {"token_ids": events, **inputs}, target_columns, weights

        return batch


def _fit(
    model: keras.Model,
    input_dim: int,
    training_windows: EventWindows,
    validation: EventWindows,
    schedule: Schedule,
    on_epoch: OnEpoch | None,
) -> Fitted:
    """Train a ``next_model``, with sampled softmax if it has many ids."""
    import keras

    is_sampled = uses_sampled_softmax(input_dim)
    trained = training_model(model) if is_sampled else model
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=is_sampled)
    trained.compile(keras.optimizers.Adam(schedule.learning_rate), loss)
    candidates = Candidates.of(training_windows.targets.values, input_dim) if is_sampled else None
    positions = max(1, _MAX_BATCH_SCORES // min(input_dim, _TYPICAL_CANDIDATES))

    def feed(split: EventWindows, order: BatchOrder) -> Feed:
        return Feed.of(split.batches(candidates, schedule.seed), split.events.lengths, order)

    order = schedule.order(positions)
    validation_feed = feed(validation, replace(order, shuffle=False)) if len(validation.events) else None
    fitted = fit(trained, feed(training_windows, order), validation_feed, schedule, on_epoch)
    if is_sampled:
        copy_output_weights(model, trained)
    return fitted


def reserved_ids(encoder: Encoder, marks: Marks | None) -> list[int]:
    """Return the ids that are no events: padding, out of vocabulary and the mark of the beginning."""
    ids = (encoder.pad_id, *encoder.oov_ids, None if marks is None else marks.begin)
    return [index for index in ids if index is not None]


def evaluate(
    model: keras.Model,
    encoder: Encoder,
    sequences: Ragged,
    popularity: Int64,
    maxlen: int,
    marks: Marks | None = None,
) -> dict[str, Any]:
    """Return the ranking metrics of the last event of each sequence, given the ``maxlen`` events before it.

    Args:
        model: The model.
        encoder: Its vocabulary.
        sequences: Sequences of at least two events.
        popularity: The number of occurrences of each id in training, int64 ``(input_dim,)``.
        maxlen: The number of previous events.
        marks: The marks that the model was trained with. The sequences have the one of the beginning.
    """
    targets = sequences.values[sequences.row_splits[1:] - 1]
    history = drop_last(sequences).truncate(maxlen, "pre")
    reserved = reserved_ids(encoder, marks)
    frequent = popularity.astype(np.float32)
    frequent[reserved] = -np.inf
    ranks, popular = np.zeros(len(targets), np.int64), np.zeros(len(targets), np.int64)
    for rows, scores in NextScorer(model, reserved).last(history):
        ranks[rows] = ranks_of(targets[rows], scores)
        popular[rows] = ranks_of(targets[rows], np.broadcast_to(frequent, scores.shape))
    repeated = history.values[history.row_splits[1:] - 1] == targets
    return {
        "rows": len(targets),
        **ranking_metrics(ranks),
        **ranking_metrics(popular, "popular_"),
        "repeated": round(float(repeated.mean()), 4),
    }
