"""Predict the next event of a sequence."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from tokemb._arrays import Int32, Int64
from tokemb._validation import NEXT_HEADS, check_choice, check_count, check_fraction
from tokemb.errors import ArgumentError
from tokemb.fit import fit_vocab
from tokemb.keras.datasets.order import BatchOrder
from tokemb.rows.ragged import Ragged, take, take_padded
from tokemb.sources.texts import tee_if_iterator
from tokemb.training.baselines import describe_unbeaten
from tokemb.training.checkpoint_lock import locks_checkpoints
from tokemb.training.early_stopping import OnEpoch
from tokemb.training.loop import Batch, Feed, MakeBatch, fit, make_reproducible
from tokemb.training.metrics import ranking_metrics, ranks_of
from tokemb.training.next_model import (
    Candidates,
    copy_output_weights,
    next_model,
    training_model,
    uses_sampled_softmax,
)
from tokemb.training.next_scores import NextScorer
from tokemb.training.refitting import InitialState, refit
from tokemb.training.result import Fitted, Trained
from tokemb.training.schedule import Schedule
from tokemb.training.sequences import MARKS, UNLIMITED, Marks, drop_first, drop_last, mark, mark_beginning, windows
from tokemb.training.transitions import Transitions, combined_model
from tokemb.vocabulary.profiles import EVENT_PROFILE

if TYPE_CHECKING:
    import keras

    from tokemb.encoder import Encoder

MAXLEN = 50
LEARNING_RATE = 0.002
_SMALL_DROPOUT, _LARGE_DROPOUT = 0.2, 0.5

# The maximum number of scores of a batch, of all candidates at all positions: 256 MiB of float32.
_MAX_BATCH_SCORES = 1 << 26
# An upper bound of the candidates of a batch of this size.
_TYPICAL_CANDIDATES = 1 << 13


@locks_checkpoints
def train_next(
    sequences: Any,  # noqa: ANN401 - any texts
    *,
    encoder: Encoder | None = None,
    test: Any = None,  # noqa: ANN401
    head: str = "gru",
    marks: bool = False,
    train_last: bool = False,
    maxlen: int = MAXLEN,
    dim: int = 64,
    units: int = 64,
    dropout: float | None = None,
    schedule: Schedule | None = None,
    on_epoch: OnEpoch | None = None,
) -> Trained:
    """Train a model that predicts the next event of a sequence.

    The last event of each sequence is left out of training, and the metrics are computed on it.

    Args:
        sequences: Texts or rows of tokens, as for ``Encoder.encode``. Each is one sequence.
        encoder: The vocabulary, without n-grams and without special tokens around rows. Its ``maxlen`` does not
            truncate the sequences. ``None`` fits one to the sequences. Texts are then split at white space.
        test: Test sequences. The metrics are then computed on their last events, and the last events of ``sequences``
            are trained on.
        head: ``"gru"``, ``"lstm"`` or ``"attention"``.
        marks: Whether to mark the beginning and the end of each sequence, with the tokens ``[BEGIN]`` and ``[END]``, so
            that the first event and the end are predicted too. It implies ``train_last``.
        train_last: Whether to train on the last event of each sequence too. Without ``test``, the metrics are then
            computed on the last events of the validation split, which is not trained on.
        maxlen: The number of events in a training window, and the number of previous events that a metric uses.
        dim: The embedding dimension.
        units: The number of units of the head.
        dropout: The dropout rate. ``None`` chooses 0.5 for more than 2,048 ids, most of which are then rare, and
            otherwise 0.2.
        schedule: The epochs, batch size and learning rate.
        on_epoch: A function that is called after each epoch.

    Returns:
        The model and its metrics. The model maps ``token_ids``, int32 ``(batch, maxlen)`` padded at the end, to the
        probability of each id to be next, float32 ``(batch, maxlen, input_dim)``. The metrics are the hit rates at 1, 3
        and 10 and the mean reciprocal rank among all ids; the same for two baselines, a ranking by the counts of what
        followed the last event (``markov_``) and one by frequency (``popular_``); and the fraction of events that equal
        the previous one (``repeated``). An event out of vocabulary counts as missed.

    Raises:
        ArgumentError: If an argument is invalid, or no sequence is long enough.
    """
    schedule = schedule or Schedule(learning_rate=LEARNING_RATE)
    check_choice("head", head, NEXT_HEADS)
    if dropout is not None:
        check_fraction("dropout", dropout)
    sizes = {name: check_count(name, value) for name, value in (("maxlen", maxlen), ("dim", dim), ("units", units))}
    encoder, sequences = _vocabulary(encoder, sequences, marks)
    marked = Marks.of(encoder) if marks else None
    rows = encoder.encode_ragged(sequences, maxlen=UNLIMITED)
    train_last = train_last or marks
    training_rows = rows if test is not None or train_last else drop_last(rows)
    training, validation = schedule.split(len(training_rows))
    everything = mark(training_rows, marked)
    training_part = take(everything, training)
    training_windows, validation_windows, all_windows = (
        EventWindows.of(part, sizes["maxlen"]) for part in (training_part, take(everything, validation), everything)
    )
    schedule = schedule.for_rows(len(training))
    if not len(training_windows.events):
        raise ArgumentError(
            "no sequence is long enough to train on: a sequence requires at least three events, or two with a test set"
        )
    is_held_out = train_last and test is None
    test_rows = take(rows, validation) if is_held_out else rows
    test_rows = test_rows if test is None else encoder.encode_ragged(test, maxlen=UNLIMITED)
    test_rows = mark_beginning(take(test_rows, np.flatnonzero(test_rows.lengths > 1)), marked)
    if not len(test_rows):
        raise ArgumentError("no sequence is long enough to compute metrics on: a sequence requires at least two events")
    make_reproducible(schedule.seed)
    if dropout is None:
        dropout = _LARGE_DROPOUT if uses_sampled_softmax(encoder.input_dim) else _SMALL_DROPOUT
    model = next_model(encoder, head=head, **sizes, dropout=dropout, seed=schedule.seed)
    loop = _TrainingLoop(model, encoder.input_dim, schedule, on_epoch)
    fitted = loop.fit(training_windows, validation_windows)
    prior = _select_prior(model, encoder, training_part, validation_windows, marked)

    def combine(counted: Ragged) -> tuple[keras.Model, Callable[[], dict[str, Any]]]:
        baselines = Baselines.count(counted, encoder.input_dim)
        combined = combined_model(model, baselines.transitions, prior)
        return combined, partial(evaluate, combined, encoder, test_rows, baselines, sizes["maxlen"], marked)

    # The rows of the metrics must neither be trained on nor counted.
    combined, measure = combine(training_part if is_held_out else everything)
    metrics = measure() if is_held_out else {}
    fitted = loop.refit(all_windows, fitted)
    metrics = metrics or measure()
    if is_held_out and fitted.refitted:
        combined, _ = combine(everything)
    metrics = {"on": _measured_on(test is not None, train_last), **metrics}
    settings = {"head": head, "marks": marks, "train_last": train_last, **sizes, "dropout": dropout}
    settings |= {"prior": round(prior, 4), **schedule.to_json()}
    return Trained("next", combined, encoder, settings, metrics, fitted, notes=_notes(metrics))


def _vocabulary(encoder: Encoder | None, sequences: Any, marks: bool) -> tuple[Encoder, Any]:  # noqa: ANN401
    """Return the vocabulary, fitted to the sequences if there is none, and the sequences, which can be read again.

    Raises:
        ArgumentError: If rows of the vocabulary are not sequences of events.
    """
    if encoder is None:
        counted, sequences = tee_if_iterator(sequences)
        encoder = fit_vocab(counted, profile=EVENT_PROFILE, reserve=MARKS if marks else ())
    encoder.require_unigrams("trained on as sequences of events")
    if len(encoder.encode_ragged([""]).values):
        raise ArgumentError(
            "rows with special tokens, such as start and end tokens, are not sequences of events, whose last event is "
            "predicted: use a vocabulary without them"
        )
    return encoder, sequences


def _measured_on(has_test: bool, train_last: bool) -> str:
    if has_test:
        return "last events of test"
    return "last events of validation" if train_last else "last events"


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


class _TrainingLoop:
    """The training of a ``next_model``, with sampled softmax if it has many ids."""

    def __init__(self, model: keras.Model, input_dim: int, schedule: Schedule, on_epoch: OnEpoch | None) -> None:
        import keras

        self._model, self._input_dim, self._schedule, self._on_epoch = model, input_dim, schedule, on_epoch
        self._is_sampled = uses_sampled_softmax(input_dim)
        self._trained = training_model(model) if self._is_sampled else model
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=self._is_sampled)
        schedule.compile(self._trained, loss)
        self._start = InitialState(self._trained)
        self._order = schedule.order(max(1, _MAX_BATCH_SCORES // min(input_dim, _TYPICAL_CANDIDATES)))

    def fit(self, training: EventWindows, validation: EventWindows) -> Fitted:
        """Train with early stopping, if there are validation windows."""
        candidates = self._candidates(training)
        watched = None
        if len(validation.events):
            watched = self._feed(validation, candidates, replace(self._order, shuffle=False))
        fitted = fit(
            self._trained, self._feed(training, candidates, self._order), watched, self._schedule, self._on_epoch
        )
        self._copy_output_weights()
        return fitted

    def refit(self, everything: EventWindows, fitted: Fitted) -> Fitted:
        """Train again on all windows."""
        rows = self._feed(everything, self._candidates(everything), self._order)
        fitted = refit(self._start, self._trained, rows, fitted, self._schedule, self._on_epoch)
        self._copy_output_weights()
        return fitted

    def _candidates(self, windows: EventWindows) -> Candidates | None:
        return Candidates.of(windows.targets.values, self._input_dim) if self._is_sampled else None

    def _feed(self, windows: EventWindows, candidates: Candidates | None, order: BatchOrder) -> Feed:
        return Feed.of(windows.batches(candidates, self._schedule.seed), windows.events.lengths, order)

    def _copy_output_weights(self) -> None:
        if self._is_sampled:
            copy_output_weights(self._model, self._trained)


def _select_prior(
    model: keras.Model, encoder: Encoder, training: Ragged, validation: EventWindows, marks: Marks | None
) -> float:
    """Select the weight of a ``next_model`` beside the counts of transitions, for the validation split."""
    reserved = reserved_ids(encoder, marks)
    targets = validation.targets
    known = Ragged(targets.values * ~np.isin(targets.values, reserved), targets.row_splits)
    _, probabilities = NextScorer(model, reserved).observed(validation.events, known)
    is_known = known.values > 0
    return Transitions.count(training, encoder.input_dim).select_prior(
        validation.events.values[is_known], known.values[is_known], probabilities[is_known]
    )


def reserved_ids(encoder: Encoder, marks: Marks | None) -> list[int]:
    """Return the ids that are no events: padding, out of vocabulary and the mark of the beginning."""
    ids = (encoder.pad_id, *encoder.oov_ids, None if marks is None else marks.begin)
    return [index for index in ids if index is not None]


@dataclass(frozen=True)
class Baselines:
    """Simple predictions of the next event.

    Attributes:
        popularity: The number of occurrences of each id in training, int64 ``(input_dim,)``.
        transitions: The events that followed each other in training.
    """

    popularity: Int64
    transitions: Transitions

    @classmethod
    def count(cls, sequences: Ragged, input_dim: int) -> Baselines:
        """Count the events of sequences."""
        return cls(np.bincount(sequences.values, minlength=input_dim), Transitions.count(sequences, input_dim))

    def ranks(self, events: Int32, targets: Int32, reserved: list[int]) -> dict[str, Int64]:
        """Return the ranks of targets after ``events`` by popularity, and by transitions, int64 ``(targets,)`` each.

        Equal counts of transitions are ordered by popularity.
        """
        popular = self.popularity.astype(np.float32)
        popular[reserved] = -np.inf
        scores = np.repeat(popular[None], len(events), axis=0)
        by_popularity = ranks_of(targets, scores)
        scores /= popular.max() + 1
        self.transitions.add_to(scores, events)
        scores[:, reserved] = -np.inf
        return {"popular_": by_popularity, "markov_": ranks_of(targets, scores)}


def evaluate(
    model: keras.Model,
    encoder: Encoder,
    sequences: Ragged,
    baselines: Baselines,
    maxlen: int,
    marks: Marks | None = None,
) -> dict[str, Any]:
    """Return the ranking metrics of the last event of each sequence, given the ``maxlen`` events before it.

    Args:
        model: The model.
        encoder: Its vocabulary.
        sequences: Sequences of at least two events.
        baselines: The baselines, counted on the training sequences.
        maxlen: The number of previous events.
        marks: The marks that the model was trained with. The sequences have the one of the beginning. The end is no
            candidate, because it is never the last event.
    """
    targets = sequences.values[sequences.row_splits[1:] - 1]
    history = drop_last(sequences).truncate(maxlen, "pre")
    last_events = history.values[history.row_splits[1:] - 1]
    reserved = reserved_ids(encoder, marks) + ([] if marks is None else [marks.end])
    ranks = {name: np.zeros(len(targets), np.int64) for name in ("", "popular_", "markov_")}
    for rows, scores in NextScorer(model, reserved).last(history):
        ranks[""][rows] = ranks_of(targets[rows], scores)
        for name, found in baselines.ranks(last_events[rows], targets[rows], reserved).items():
            ranks[name][rows] = found
    metrics: dict[str, Any] = {"rows": len(targets)}
    for name, found in ranks.items():
        metrics |= ranking_metrics(found, name)
    return {**metrics, "repeated": round(float((last_events == targets).mean()), 4)}


def _notes(metrics: dict[str, Any]) -> list[str]:
    descriptions = {"popular_": "the most frequent events", "markov_": "the counts of what followed the last event"}
    baselines = {description: metrics[f"{name}mrr"] for name, description in descriptions.items()}
    return describe_unbeaten(metrics["mrr"], baselines, higher_is_better=True, metric="MRR")
