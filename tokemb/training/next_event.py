"""Sequences of events: what comes next."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tokemb._arrays import Int64
from tokemb._validation import check_choice, check_count
from tokemb.errors import ArgumentError
from tokemb.fit import fit_vocab
from tokemb.rows.ragged import Ragged
from tokemb.sources.texts import tee_if_iterator
from tokemb.training.batching import Buckets, padded, taken
from tokemb.training.fitting import Batch, Fitted, OnEpoch, Schedule, Trained, fit, outputs, repeatable
from tokemb.training.heads import CELLS, check_dropout
from tokemb.training.metrics import ranking, ranks_of
from tokemb.training.next_model import (
    Candidates,
    features_model,
    finish,
    last_layer,
    next_model,
    too_many,
    training_model,
)
from tokemb.training.sequences import MakeBatch, after, before, shuffled, unshuffled, windows

if TYPE_CHECKING:
    import keras

    from tokemb.encoder import Encoder

MAXLEN = 50

# Probabilities of a batch at most, of all candidates at all places: about a quarter of a gigabyte.
_PROBABILITIES = 1 << 26
# Candidates of so large a batch, at most.
_CANDIDATES = 1 << 13
# Scores of all ids for some rows that are in memory at once.
_SCORES = 1 << 24


def train_next(
    sequences: Any,  # noqa: ANN401 - anything a user may hold
    *,
    encoder: Encoder | None = None,
    test: Any = None,  # noqa: ANN401
    cell: str = "gru",
    maxlen: int = MAXLEN,
    dim: int = 64,
    units: int = 64,
    dropout: float = 0.2,
    schedule: Schedule | None = None,
    on_epoch: OnEpoch | None = None,
) -> Trained:
    """Train a model of the next event of a sequence.

    ``sequences``: texts or rows of tokens as ``Encoder.encode`` takes them, one sequence each. The last event of each
    is left out of training, and the report is about it, given all before; with ``test``, other sequences, about theirs.
    ``encoder``: the vocabulary; ``None`` fits one to the sequences, texts split at white space.
    ``cell``: ``"gru"`` or ``"lstm"`` of ``units``. ``maxlen``: events of a window in training, and so many of the last
    before the one that is predicted.

    The model takes ``token_ids`` int32 (batch, maxlen), padded at the end, and gives at each place the probability that
    each id is next, float32 (batch, maxlen, input_dim).
    The metrics are the shares of rows in which the next event is among the 1, 3 and 10 most probable ids of all, the
    mean of 1 / its rank, and the same for ranking by how often an event was trained on (``popular_``), and how often
    the event is the one before again (``repeated``). An event that the vocabulary does not have counts as missed.
    Raises ``ArgumentError`` for settings that cannot be, and if no sequence is long enough.
    """
    schedule = schedule or Schedule()
    check_choice("cell", cell, CELLS)
    check_dropout(dropout)
    sizes = {name: check_count(name, value) for name, value in (("maxlen", maxlen), ("dim", dim), ("units", units))}
    if encoder is None:
        counted, sequences = tee_if_iterator(sequences)
        encoder = fit_vocab(counted, profile="whitespace")
    whole = encoder.encode_ragged(sequences)
    known = before(whole) if test is None else whole
    training, held = schedule.split(len(known))
    places, validation = (Places.of(taken(known, part), sizes["maxlen"]) for part in (training, held))
    if not len(places.events):
        raise ArgumentError(
            "no sequence is long enough to train on: a sequence requires at least three events, or two with a test set"
        )
    tested = whole if test is None else encoder.encode_ragged(test)
    tested = taken(tested, np.flatnonzero(tested.lengths > 1))
    if not len(tested):
        raise ArgumentError("no sequence is long enough to compute metrics on: a sequence requires at least two events")
    repeatable(schedule.seed)
    model = next_model(encoder, cell=cell, dim=dim, units=units, dropout=dropout, seed=schedule.seed)
    fitted = _fit(model, encoder.input_dim, places, validation, schedule, on_epoch)
    popularity = np.bincount(known.values, minlength=encoder.input_dim)
    metrics = {"on": "last events" if test is None else "last events of test"}
    metrics |= evaluate(model, encoder, tested, popularity, sizes["maxlen"])
    settings = {"cell": cell, **sizes, "dropout": dropout, **asdict(schedule)}
    return Trained("next", model, encoder, settings, metrics, fitted)


@dataclass(frozen=True)
class Places:
    """Windows of events, and what comes next at each place of them."""

    events: Ragged
    targets: Ragged

    @classmethod
    def of(cls, sequences: Ragged, maxlen: int) -> Places:
        """All places of ``sequences`` that something follows, in windows of ``maxlen``."""
        return cls(windows(before(sequences), maxlen), windows(after(sequences), maxlen))

    def batches(self, candidates: Candidates | None, seed: int) -> MakeBatch:
        """What makes the batch of some windows: with candidates, if any, and a weight of 0 for padding."""

        def batch(rows: Int64) -> Batch:
            events, targets = padded(self.events, rows), padded(self.targets, rows)
            real = events != 0
            if candidates is None:
                return events, targets, real.astype(np.float32)
            # Follows from the rows, so that validation is among the same candidates in every pass.
            inputs = candidates.inputs(targets[real], np.random.default_rng((seed, *rows.tolist())))
            places = np.searchsorted(inputs["candidates"], targets) * real
            # Keras divides by all places: this makes it the mean over the real ones.
            weights = real.astype(np.float32) * (real.size / max(real.sum(), 1))
            return {"token_ids": events, **inputs}, places, weights

        return batch


def _fit(
    model: keras.Model,
    input_dim: int,
    places: Places,
    validation: Places,
    schedule: Schedule,
    on_epoch: OnEpoch | None,
) -> Fitted:
    """Train a ``next_model`` by its ``training_model``."""
    import keras

    drawn = too_many(input_dim)
    trained = training_model(model) if drawn else model
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=drawn)
    trained.compile(keras.optimizers.Adam(schedule.rate), loss)
    candidates = Candidates.of(places.targets.values, input_dim) if drawn else None
    positions = max(1, _PROBABILITIES // min(input_dim, _CANDIDATES))

    def fed(part: Places) -> tuple[MakeBatch, Buckets]:
        return part.batches(candidates, schedule.seed), Buckets(part.events.lengths, schedule.batch_size, positions)

    held = unshuffled(*fed(validation)) if len(validation.events) else None
    fitted = fit(trained, shuffled(*fed(places), schedule.seed), held, schedule, on_epoch)
    if drawn:
        finish(model, trained)
    return fitted


def evaluate(model: keras.Model, encoder: Encoder, sequences: Ragged, popularity: Int64, maxlen: int) -> dict[str, Any]:
    """Where the last event of each sequence, of two at least, ranks among all ids, given the ``maxlen`` before it.

    ``popularity``: how often each id was trained on, int64 (input_dim,).
    """
    targets = sequences.values[sequences.row_splits[1:] - 1]
    history = before(sequences).truncate(maxlen, "pre")
    reserved = [index for index in (encoder.pad_id, encoder.unk_id) if index is not None]
    frequent = popularity.astype(np.float32)
    frequent[reserved] = -np.inf
    ranks, popular = np.zeros(len(targets), np.int64), np.zeros(len(targets), np.int64)
    for rows, scores in _scores(model, history):
        scores[:, reserved] = -np.inf
        ranks[rows] = ranks_of(targets[rows], scores)
        popular[rows] = ranks_of(targets[rows], np.broadcast_to(frequent, scores.shape))
    repeated = history.values[history.row_splits[1:] - 1] == targets
    return {
        "rows": len(targets),
        **ranking(ranks),
        **ranking(popular, "popular_"),
        "repeated": round(float(repeated.mean()), 4),
    }


def _scores(model: keras.Model, history: Ragged) -> Iterator[tuple[Int64, Any]]:
    """The numbers of some rows, and scores of all ids after their last event, float32 (rows, input_dim)."""
    # The last place alone goes through the last layer, which is the large one.
    features = features_model(model)
    kernel, bias = last_layer(model)
    rows_at_once = max(1, _SCORES // len(bias))

    def batch(rows: Int64) -> Batch:
        # The targets are the numbers of the rows; at padding the state of the last event stays.
        return padded(history, rows), rows, np.ones(len(rows), np.float32)

    for (_, rows, _), output in outputs(features, unshuffled(batch, Buckets(history.lengths, 512))):
        last = output[:, -1]
        for start in range(0, len(rows), rows_at_once):
            part = slice(start, start + rows_at_once)
            yield rows[part], last[part] @ kernel + bias
