"""Answers of students in their order: whether the next one will be right."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as pt

from tokemb._arrays import Int64
from tokemb._validation import check_choice, check_count
from tokemb.errors import ArgumentError, TextError
from tokemb.models.embedding_model import model_name
from tokemb.rows.ragged import Ragged
from tokemb.tables import ColumnEncoder
from tokemb.tables.tables import table_batches
from tokemb.training.batching import Buckets, padded, taken
from tokemb.training.fitting import Batch, Feed, OnEpoch, Schedule, Trained, fit, outputs, repeatable
from tokemb.training.heads import CELLS, check_dropout
from tokemb.training.metrics import roc_auc
from tokemb.training.sequences import after, before, shuffled, unshuffled, windows

if TYPE_CHECKING:
    import keras

MAXLEN = 200

# Events of a batch on which a model is tried: whole sequences, which may be long.
_TRIED = 50_000
_RIGHT = {"0": 0, "1": 1, "false": 0, "true": 1}


def train_tracing(
    table: Any,  # noqa: ANN401 - anything a user may hold
    *,
    skill: str = "skill",
    correct: str = "correct",
    encoder: ColumnEncoder | None = None,
    test: Any = None,  # noqa: ANN401
    cell: str = "lstm",
    maxlen: int = MAXLEN,
    dim: int = 100,
    units: int = 128,
    dropout: float = 0.3,
    schedule: Schedule | None = None,
    on_epoch: OnEpoch | None = None,
) -> Trained:
    """Train a model of knowledge: from the answers so far, the probability that the next one is right.

    ``table``: a row a student, of lists as long as each other: ``skill``, what was asked, and ``correct``, 0 or 1;
    as ``ColumnEncoder.fit`` takes it and ``group_events`` gives it. ``test``: another one, to report on; without it
    the report is about the students held back for validation.
    ``encoder``: of the columns ``skill`` and (``skill``, ``correct``); ``None`` fits one.
    ``cell``: ``"gru"`` or ``"lstm"`` of ``units``. ``maxlen``: answers of a window; training sees windows, the report
    is about whole sequences.

    The model takes ``answers`` and ``next_skill``, int32 (batch, maxlen): the answers so far and what is asked next at
    each place, ids of the two columns, 0 for padding at the end; it gives probabilities float32 (batch, maxlen).
    The metrics are of all answers but the first of each student: ``accuracy``, ``loss``, ``roc_auc``.
    Raises ``TextError`` for answers that are not 0 or 1, ``ArgumentError`` for settings that cannot be.
    """
    schedule = schedule or Schedule()
    check_choice("cell", cell, CELLS)
    check_dropout(dropout)
    sizes = {name: check_count(name, value) for name, value in (("maxlen", maxlen), ("dim", dim), ("units", units))}
    table, test = _whole(table, skill, correct), None if test is None else _whole(test, skill, correct)
    encoder = encoder or ColumnEncoder.fit(table, columns=[skill, (skill, correct)])
    if [column.parts for column in encoder.columns] != [(skill,), (skill, correct)]:
        raise ArgumentError(f"encoder must be of the columns {skill!r} and {(skill, correct)}; received {encoder}")
    answers = Answers.of(encoder, table, correct)
    training, held = schedule.split(len(answers.events))
    validation = answers.select(held)
    tested = validation if test is None else Answers.of(encoder, test, correct)
    if not tested.lengths.any() and (len(held) or test is not None):
        raise ArgumentError("no student has enough answers to compute metrics on: a student requires at least two")
    cut = answers.select(training).windows(sizes["maxlen"])
    if not len(cut.events):
        raise ArgumentError("no student has enough answers to train on: a student requires at least two")
    repeatable(schedule.seed)
    model = tracing_model(encoder, cell=cell, dim=dim, units=units, dropout=dropout)
    _compile(model, schedule)
    fitted = fit(
        model,
        shuffled(cut.batch, Buckets(cut.lengths, schedule.batch_size), schedule.seed),
        validation.feed() if validation.lengths.any() else None,
        schedule,
        on_epoch,
    )
    metrics: dict[str, Any] = {}
    if len(tested.events):
        metrics = {"on": "validation" if test is None else "test", **evaluate(model, tested)}
    return Trained(
        "tracing", model, encoder, {"cell": cell, **sizes, "dropout": dropout, **asdict(schedule)}, metrics, fitted
    )


def tracing_model(encoder: ColumnEncoder, *, cell: str, dim: int, units: int, dropout: float) -> keras.Model:
    """The model of ``train_tracing``, for the ids of ``encoder``, whose columns are the skill and the answer."""
    import keras
    from keras import layers, ops

    skills, events = encoder.input_dims.values()
    answers = keras.Input((None,), dtype="int32", name="answers")
    next_skill = keras.Input((None,), dtype="int32", name="next_skill")
    vectors = layers.Embedding(events, dim, mask_zero=True, name="answer_embedding")(answers)
    known = getattr(layers, cell.upper())(units, return_sequences=True, name="knowledge")(vectors)
    known = layers.Dropout(dropout)(known)
    # What a dense layer with an output for each skill gives, for the one that is asked.
    asked = layers.Embedding(skills, units, name="skill_embedding")(next_skill)
    ease = layers.Embedding(skills, 1, embeddings_initializer="zeros", name="skill_ease")(next_skill)
    logits = ops.add(ops.sum(ops.multiply(known, asked), -1), ops.squeeze(ease, -1))
    return keras.Model([answers, next_skill], ops.sigmoid(logits), name=model_name(encoder.fingerprint))


@dataclass(frozen=True)
class Answers:
    """Places of sequences: the ``events`` up to each, the ``skills`` asked next, and whether those are ``right``."""

    events: Ragged
    skills: Ragged
    right: Ragged

    @classmethod
    def of(cls, encoder: ColumnEncoder, table: pa.Table, correct: str) -> Answers:
        """The answers of all students, all but the first of each asked."""
        skills, events = encoder.encode_ragged(table).values()
        if not isinstance(skills, Ragged) or not isinstance(events, Ragged):
            raise TextError("answers must be lists, one for each student: make them with group_events")
        right = Ragged(_right(table[correct].combine_chunks().values), skills.row_splits)
        return cls(before(events), after(skills), after(right))

    @property
    def lengths(self) -> Int64:
        """Places of each sequence, int64 (rows,)."""
        return self.events.lengths

    def select(self, rows: Int64) -> Answers:
        """The sequences of these numbers."""
        return Answers(taken(self.events, rows), taken(self.skills, rows), taken(self.right, rows))

    def windows(self, maxlen: int | None) -> Answers:
        """The same places in sequences of at most ``maxlen``; empty ones go."""
        return Answers(windows(self.events, maxlen), windows(self.skills, maxlen), windows(self.right, maxlen))

    def batch(self, rows: Int64) -> Batch:
        """The sequences of these numbers as the model takes them, and a weight of 0 for padding."""
        events = padded(self.events, rows)
        inputs = {"answers": events, "next_skill": padded(self.skills, rows)}
        asked = (events != 0).astype(np.float32)
        # Keras divides by all places: this makes it the mean over the real ones.
        return inputs, padded(self.right, rows).astype(np.float32), asked * (asked.size / max(asked.sum(), 1))

    def feed(self) -> Feed:
        """All sequences, whole."""
        whole = self.windows(None)
        return unshuffled(whole.batch, Buckets(whole.lengths, 256, _TRIED))


def _whole(table: Any, skill: str, correct: str) -> pa.Table:  # noqa: ANN401
    return pa.Table.from_batches(list(table_batches(table, [skill, correct])))


def _right(column: pa.Array) -> Any:  # noqa: ANN401 - an array
    """Whether answers are right, int32 (total,), 0 or 1; raises ``TextError`` for anything else."""
    if pt.is_floating(column.type):
        column = (
            column.cast(pa.int64(), safe=False) if pc.all(pc.is_in(column, pa.array([0.0, 1.0]))).as_py() else column
        )
    texts = pc.utf8_lower(column.cast(pa.large_string()))
    place = pc.index_in(texts, pa.array(list(_RIGHT), pa.large_string()))
    first = pc.index(pc.is_null(place), True).as_py()
    if first >= 0:
        raise TextError(f"an answer must be 0 or 1, wrong or right; received {column[first].as_py()!r}")
    return np.array(list(_RIGHT.values()), np.int32)[place.to_numpy(zero_copy_only=False)]


def _compile(model: keras.Model, schedule: Schedule) -> None:
    import keras

    def cross_entropy(targets: Any, given: Any) -> Any:  # noqa: ANN401 - of each place, which has a weight of its own
        return keras.ops.binary_crossentropy(targets, given)

    model.compile(keras.optimizers.Adam(schedule.rate, clipnorm=1.0), cross_entropy)


def evaluate(model: keras.Model, answers: Answers) -> dict[str, Any]:
    """How good the model's predictions of these answers are."""
    right, given = [], []
    for (_, targets, weights), output in outputs(model, answers.feed()):
        right.append(targets[weights > 0])
        given.append(output[weights > 0].astype(np.float64))
    targets, probabilities = np.concatenate(right), np.clip(np.concatenate(given), 1e-7, 1 - 1e-7)
    area = roc_auc(targets, probabilities)
    return {
        "answers": len(targets),
        "accuracy": round(float(((probabilities > 0.5) == (targets == 1)).mean()), 4),
        "loss": round(float(-np.log(np.where(targets == 1, probabilities, 1 - probabilities)).mean()), 4),
        "roc_auc": area if area is None else round(area, 4),
        "most_frequent": round(float(max(targets.mean(), 1 - targets.mean())), 4),
    }
