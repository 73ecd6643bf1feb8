"""Knowledge tracing: predict whether the next answer of a student is correct."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as pt

from tokemb._arrays import Array, Float32, Int32, Int64
from tokemb._validation import CELLS, check_choice, check_count, check_fraction
from tokemb.errors import ArgumentError, TextError
from tokemb.keras.datasets.order import BatchOrder
from tokemb.models.embedding_model import model_name
from tokemb.rows.ragged import Ragged, take, take_padded
from tokemb.tables import ColumnEncoder
from tokemb.tables.encoded_table import Rows
from tokemb.tables.tables import joined_batches, table_batches
from tokemb.tables.values import JOINT
from tokemb.training.answer_history import FEATURES, AnswerHistory
from tokemb.training.checkpoint_lock import locks_checkpoints
from tokemb.training.early_stopping import OnEpoch
from tokemb.training.forward import forward
from tokemb.training.loop import Batch, Feed, make_reproducible, predict_batches
from tokemb.training.metrics import roc_auc
from tokemb.training.refitting import fit_and_measure
from tokemb.training.result import Trained
from tokemb.training.schedule import Schedule
from tokemb.training.sequences import drop_first, drop_last, windows

if TYPE_CHECKING:
    import keras

MAXLEN = 200
LEARNING_RATE = 0.002
# The dropout rate of the hidden layer, relative to that of the state of the recurrent layer.
_HIDDEN_DROPOUT = 0.4

# The maximum number of positions in a batch for validation, whose sequences are not split.
MAX_POSITIONS = 50_000
NOT_LISTS = "answers must be lists, one list per student: make them with group_events"
_CORRECT_VALUES = {"0": 0, "1": 1, "false": 0, "true": 1}


@locks_checkpoints
def train_knowledge_tracing(
    table: Any,  # noqa: ANN401 - any table
    *,
    skill: str = "skill",
    correct_column: str = "correct",
    encoder: ColumnEncoder | None = None,
    test: Any = None,  # noqa: ANN401
    cell: str = "lstm",
    maxlen: int = MAXLEN,
    dim: int = 100,
    units: int = 200,
    dropout: float = 0.5,
    schedule: Schedule | None = None,
    on_epoch: OnEpoch | None = None,
) -> Trained:
    """Train a model that predicts from the previous answers whether the next one is correct.

    It predicts from the state of a recurrent layer, the skill of the question, and the features of ``AnswerHistory``.

    Args:
        table: A table with one row per student, as for ``ColumnEncoder.fit`` and as ``group_events`` returns it. The
            lists of a row have equal lengths.
        skill: The column with the skill of each question.
        correct_column: The column with the correctness of each answer, 0 or 1.
        encoder: The vocabulary of the columns ``skill`` and (``skill``, ``correct_column``). ``None`` fits one.
        test: The test table. ``None`` computes the metrics on the students of the validation split.
        cell: ``"gru"`` or ``"lstm"``.
        maxlen: The number of answers in a training window. Metrics are computed on whole sequences.
        dim: The embedding dimension.
        units: The number of units of the recurrent layer.
        dropout: The dropout rate of the recurrent states. That of the hidden layer after them is 0.4 times this.
        schedule: The epochs, batch size and learning rate.
        on_epoch: A function that is called after each epoch.

    Returns:
        The model and its metrics ``accuracy``, ``loss`` and ``roc_auc``, computed on all answers except the first of
        each student. The inputs of the model are ``answers`` (the previous answers) and ``next_skill`` (the skill of
        the next question), ids int32 ``(batch, maxlen)`` padded at the end with 0, and ``history``, the features of
        ``AnswerHistory``, float32 ``(batch, maxlen, features)``, which ``history_of`` computes from these ids. Its
        output is the probability, float32 ``(batch, maxlen)``.

    Raises:
        TextError: If an answer is not 0 or 1.
        ArgumentError: If an argument is invalid.
    """
    schedule = schedule or Schedule(learning_rate=LEARNING_RATE)
    check_choice("cell", cell, CELLS)
    check_fraction("dropout", dropout)
    sizes = {name: check_count(name, value) for name, value in (("maxlen", maxlen), ("dim", dim), ("units", units))}
    table = _read_table(table, skill, correct_column)
    test = None if test is None else _read_table(test, skill, correct_column)
    encoder = encoder or ColumnEncoder.fit(table, columns=[skill, (skill, correct_column)])
    if [column.parts for column in encoder.columns] != [(skill,), (skill, correct_column)]:
        raise ArgumentError(
            f"encoder must be fitted to the columns {skill!r} and {(skill, correct_column)}; received {encoder}"
        )
    answers = Answers.of(encoder, table, correct_column)
    training, validation_rows = schedule.split(len(answers.events))
    schedule = schedule.for_rows(len(training))
    validation = answers.select(validation_rows)
    test_answers = None if test is None else Answers.of(encoder, test, correct_column)
    measured = validation if test_answers is None else test_answers
    if not measured.lengths.any() and (len(validation_rows) or test is not None):
        raise ArgumentError("no student has enough answers to compute metrics on: a student requires at least two")
    training_windows = answers.select(training).windows(sizes["maxlen"])
    if not len(training_windows.events):
        raise ArgumentError("no student has enough answers to train on: a student requires at least two")
    make_reproducible(schedule.seed)
    model = knowledge_tracing_model(encoder, cell=cell, dim=dim, units=units, dropout=dropout)
    _compile(model, schedule)
    fitted, metrics = fit_and_measure(
        model,
        training_windows.training_feed(schedule),
        validation.feed() if validation.lengths.any() else None,
        lambda: answers.windows(sizes["maxlen"]).training_feed(schedule),
        schedule,
        on_epoch,
        on_validation=partial(evaluate, model, validation) if len(validation_rows) else None,
        on_test=None if test_answers is None else partial(evaluate, model, test_answers),
    )
    return Trained(
        "tracing", model, encoder, {"cell": cell, **sizes, "dropout": dropout, **schedule.to_json()}, metrics, fitted
    )


def knowledge_tracing_model(encoder: ColumnEncoder, *, cell: str, dim: int, units: int, dropout: float) -> keras.Model:
    """Make the model of ``train_knowledge_tracing`` for the two columns of ``encoder``: the skill and the answer."""
    import keras
    from keras import layers, ops

    skills, events = encoder.input_dims.values()
    answers = keras.Input((None,), dtype="int32", name="answers")
    next_skill = keras.Input((None,), dtype="int32", name="next_skill")
    history = keras.Input((None, len(FEATURES)), dtype="float32", name="history")
    vectors = layers.Embedding(events, dim, mask_zero=True, name="answer_embedding")(answers)
    knowledge = getattr(layers, cell.upper())(units, return_sequences=True, name="knowledge")(vectors)
    skill_vectors = layers.Embedding(skills, dim, name="skill_embedding")(next_skill)
    features = layers.Concatenate()([layers.Dropout(dropout)(knowledge), skill_vectors, history])
    hidden = layers.Dropout(_HIDDEN_DROPOUT * dropout)(layers.Dense(units, "relu")(features))
    bias = layers.Embedding(skills, 1, embeddings_initializer="zeros", name="skill_ease")(next_skill)
    logits = ops.squeeze(ops.add(layers.Dense(1)(hidden), bias), -1)
    return keras.Model([answers, next_skill, history], ops.sigmoid(logits), name=model_name(encoder.fingerprint))


def knowledge_model(model: keras.Model) -> keras.Model:
    """Return the part of a model from ``answers`` to the state after each, float32 ``(batch, maxlen, units)``."""
    import keras

    return keras.Model(model.get_layer("answers").output, model.get_layer("knowledge").output)


def forward_answers(model: keras.Model) -> Callable[[Float32, Int32, Float32], Float32]:
    """Return the part of a model from states to probabilities, as a function.

    Returns:
        A function from the states after some answers, float32 ``(rows, units)``, the skills that are asked, int32
        ``(rows, questions)``, and the features of ``AnswerHistory``, float32 ``(rows, questions, features)``, to the
        probabilities, float32 ``(rows, questions)``.
    """
    import keras

    inputs = [
        model.get_layer("knowledge").output,
        *(model.get_layer(name).output for name in ("next_skill", "history")),
    ]
    answer = keras.Model(inputs, model.output)
    run, (state, skill, history) = forward(answer), (tensor.name for tensor in answer.inputs)

    def probabilities(states: Float32, asked: Int32, features: Float32) -> Float32:
        repeated = np.repeat(states[:, None], asked.shape[1], axis=1)
        return run({state: repeated, skill: asked, history: features})

    return probabilities


def ragged_answers(columns: Mapping[str, Rows]) -> tuple[Ragged, Ragged]:
    """Return the ids of the skills and of the answers, or raise ``TextError`` if they are not lists."""
    skills, events = columns.values()
    if not isinstance(skills, Ragged) or not isinstance(events, Ragged):
        raise TextError(NOT_LISTS)
    return skills, events


def history_of(encoder: ColumnEncoder, skills: Ragged, events: Ragged) -> AnswerHistory:
    """Return the history of students. Answers out of vocabulary are left out.

    Args:
        encoder: The vocabulary of the columns of skills and of answers.
        skills: The ids of the skills.
        events: The ids of the answers.
    """
    *_, column = encoder.names
    last_parts = (token.rpartition(JOINT)[2].lower() for token in encoder.vocabularies[column].vocabulary)
    correct = np.array([_CORRECT_VALUES.get(part.removesuffix(".0"), -1) for part in last_parts], np.int32)
    return AnswerHistory.of(skills.values, correct[events.values], skills.row_splits)


@dataclass(frozen=True)
class Answers:
    """The positions of sequences of answers.

    Attributes:
        events: The previous answer at each position.
        skills: The skill of the next question.
        correct: Whether the next answer is correct, 0 or 1.
        positions: The row of ``history`` for each position. The first row is that of padding.
        history: The features of ``AnswerHistory``, float32 ``(rows, features)``.
    """

    events: Ragged
    skills: Ragged
    correct: Ragged
    positions: Ragged
    history: Float32

    @classmethod
    def of(cls, encoder: ColumnEncoder, table: pa.Table, correct_column: str) -> Answers:
        """Encode the answers of all students. The first answer of each is not predicted."""
        skills, events = ragged_answers(encoder.encode_ragged(table))
        lists = table[correct_column].combine_chunks()
        if lists.null_count:
            row = pc.index(pc.is_null(lists), True).as_py()
            raise TextError(f"row {row + 1} has no list in the column {correct_column!r}: fill it, or drop the row")
        correct = Ragged(_parse_correct(lists.flatten()), skills.row_splits)
        asked = drop_first(skills)
        before = drop_last(Ragged(np.arange(len(skills.values), dtype=np.int32), skills.row_splits)).values
        features = history_of(encoder, skills, events).features(before.astype(np.int64), asked.values)
        history = np.concatenate([np.zeros((1, len(FEATURES)), np.float32), features])
        positions = Ragged(np.arange(1, len(history), dtype=np.int32), asked.row_splits)
        return cls(drop_last(events), asked, drop_first(correct), positions, history)

    @property
    def lengths(self) -> Int64:
        """The number of positions of each sequence, int64 ``(rows,)``."""
        return self.events.lengths

    def select(self, rows: Int64) -> Answers:
        """Return the sequences at these indices."""
        return self._each(lambda sequences: take(sequences, rows))

    def windows(self, maxlen: int | None) -> Answers:
        """Split the sequences into windows of at most ``maxlen`` positions. Empty sequences are dropped."""
        return self._each(lambda sequences: windows(sequences, maxlen))

    def _each(self, function: Callable[[Ragged], Ragged]) -> Answers:
        events, skills, correct = map(function, (self.events, self.skills, self.correct))
        return Answers(events, skills, correct, function(self.positions), self.history)

    def batch(self, rows: Int64) -> Batch:
        """Return the sequences at these indices as inputs of the model. Padding has weight 0."""
        events = take_padded(self.events, rows)
        history = self.history[take_padded(self.positions, rows)]
        inputs = {"answers": events, "next_skill": take_padded(self.skills, rows), "history": history}
        # Keras divides the loss of a batch by all positions, and weights batches by their rows. With these weights, the
        # loss is the mean over all answers. Otherwise, answers of students with few answers would have large weights.
        weights = (events != 0) * np.float32(events.shape[1] / self.lengths.mean())
        return inputs, take_padded(self.correct, rows).astype(np.float32), weights

    def training_feed(self, schedule: Schedule) -> Feed:
        """Return batches of these windows to train on."""
        return Feed.of(self.batch, self.lengths, schedule.order())

    def feed(self) -> Feed:
        """Return batches of all sequences, not split into windows."""
        sequences = self.windows(None)
        return Feed.of(sequences.batch, sequences.lengths, BatchOrder(256, positions=MAX_POSITIONS))


def _read_table(table: Any, skill: str, correct_column: str) -> pa.Table:  # noqa: ANN401
    return joined_batches(table_batches(table, [skill, correct_column]))


def _parse_correct(column: pa.Array) -> Any:  # noqa: ANN401 - an array
    """Return the correctness of answers, 0 or 1, as an int32 array ``(total,)``.

    Raises:
        TextError: If a value is not 0 or 1.
    """
    if pt.is_floating(column.type):
        column = (
            column.cast(pa.int64(), safe=False) if pc.all(pc.is_in(column, pa.array([0.0, 1.0]))).as_py() else column
        )
    texts = pc.utf8_lower(column.cast(pa.large_string()))
    index = pc.index_in(texts, pa.array(list(_CORRECT_VALUES), pa.large_string()))
    first = pc.index(pc.is_null(index), True).as_py()
    if first >= 0:
        raise TextError(f"answers must be 0 or 1 (wrong or correct); received {column[first].as_py()!r}")
    return np.array(list(_CORRECT_VALUES.values()), np.int32)[index.to_numpy(zero_copy_only=False)]


def _compile(model: keras.Model, schedule: Schedule) -> None:
    import keras

    def cross_entropy(targets: Any, predictions: Any) -> Any:  # noqa: ANN401 - per position
        return keras.ops.binary_crossentropy(targets, predictions)

    model.compile(keras.optimizers.Adam(schedule.learning_rate, clipnorm=1.0), cross_entropy)


def answer_probabilities(model: keras.Model, answers: Answers) -> tuple[Array, Array]:
    """Return whether each predicted answer is correct, float32 ``(answers,)``, and its probability, float64."""
    target_parts, prediction_parts = [np.zeros(0, np.float32)], [np.zeros(0)]
    for (_, targets, weights), output in predict_batches(model, answers.feed()):
        target_parts.append(targets[weights > 0])
        prediction_parts.append(output[weights > 0].astype(np.float64))
    return np.concatenate(target_parts), np.concatenate(prediction_parts)


def evaluate(model: keras.Model, answers: Answers) -> dict[str, Any]:
    """Return the metrics of the model's predictions for these answers."""
    targets, probabilities = answer_probabilities(model, answers)
    probabilities = np.clip(probabilities, 1e-7, 1 - 1e-7)
    area = roc_auc(targets, probabilities)
    return {
        "answers": len(targets),
        "accuracy": round(float(((probabilities > 0.5) == (targets == 1)).mean()), 4),
        "loss": round(float(-np.log(np.where(targets == 1, probabilities, 1 - probabilities)).mean()), 4),
        "roc_auc": area if area is None else round(area, 4),
        "most_frequent": round(float(max(targets.mean(), 1 - targets.mean())), 4),
    }
