"""Knowledge tracing: predict whether the next answer of a student is correct."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as pt

from tokemb._arrays import Int64
from tokemb._validation import CELLS, check_choice, check_count
from tokemb.errors import ArgumentError, TextError
from tokemb.keras.datasets.order import BatchOrder
from tokemb.models.embedding_model import model_name
from tokemb.rows.ragged import Ragged, take, take_padded
from tokemb.tables import ColumnEncoder
from tokemb.tables.tables import joined_batches, table_batches
from tokemb.training.checkpoint_lock import locks_checkpoints
from tokemb.training.early_stopping import OnEpoch
from tokemb.training.fitting import Schedule, Trained
from tokemb.training.heads import check_dropout
from tokemb.training.loop import Array, Batch, Feed, make_reproducible, predict_batches
from tokemb.training.metrics import roc_auc
from tokemb.training.refitting import fit_and_measure
from tokemb.training.sequences import drop_first, drop_last, windows

if TYPE_CHECKING:
    import keras

MAXLEN = 200
LEARNING_RATE = 0.002

# The maximum number of positions in a batch for validation, whose sequences are not split.
MAX_POSITIONS = 50_000
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
        dropout: The dropout rate.
        schedule: The epochs, batch size and learning rate.
        on_epoch: A function that is called after each epoch.

    Returns:
        The model and its metrics ``accuracy``, ``loss`` and ``roc_auc``, computed on all answers except the first of
        each student. The inputs of the model are ``answers`` (the previous answers) and ``next_skill`` (the skill of
        the next question), ids int32 ``(batch, maxlen)`` padded at the end with 0. Its output is the
        probability, float32 ``(batch, maxlen)``.

    Raises:
        TextError: If an answer is not 0 or 1.
        ArgumentError: If an argument is invalid.
    """
    schedule = schedule or Schedule(learning_rate=LEARNING_RATE)
    check_choice("cell", cell, CELLS)
    check_dropout(dropout)
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
    vectors = layers.Embedding(events, dim, mask_zero=True, name="answer_embedding")(answers)
    knowledge = getattr(layers, cell.upper())(units, return_sequences=True, name="knowledge")(vectors)
    knowledge = layers.Dropout(dropout)(knowledge)
    # Equal to a dense layer with one output per skill, computed only for the next skill.
    skill_vectors = layers.Embedding(skills, units, name="skill_embedding")(next_skill)
    bias = layers.Embedding(skills, 1, embeddings_initializer="zeros", name="skill_ease")(next_skill)
    logits = ops.add(ops.sum(ops.multiply(knowledge, skill_vectors), -1), ops.squeeze(bias, -1))
    return keras.Model([answers, next_skill], ops.sigmoid(logits), name=model_name(encoder.fingerprint))


def knowledge_model(model: keras.Model) -> keras.Model:
    """Return the part of a model from ``answers`` to the state after each, float32 ``(batch, maxlen, units)``."""
    import keras

    return keras.Model(model.get_layer("answers").output, model.get_layer("knowledge").output)


def skill_weights(model: keras.Model) -> tuple[Any, Any]:
    """Return what maps a state to the logit of each skill: float32 ``(skills, units)`` and the bias ``(skills,)``."""
    [weights] = model.get_layer("skill_embedding").get_weights()
    [bias] = model.get_layer("skill_ease").get_weights()
    return weights, bias[:, 0]


@dataclass(frozen=True)
class Answers:
    """The positions of sequences of answers.

    Attributes:
        events: The previous answer at each position.
        skills: The skill of the next question.
        correct: Whether the next answer is correct, 0 or 1.
    """

    events: Ragged
    skills: Ragged
    correct: Ragged

    @classmethod
    def of(cls, encoder: ColumnEncoder, table: pa.Table, correct_column: str) -> Answers:
        """Encode the answers of all students. The first answer of each is not predicted."""
        skills, events = encoder.encode_ragged(table).values()
        if not isinstance(skills, Ragged) or not isinstance(events, Ragged):
            raise TextError("answers must be lists, one list per student: make them with group_events")
        lists = table[correct_column].combine_chunks()
        if lists.null_count:
            row = pc.index(pc.is_null(lists), True).as_py()
            raise TextError(f"row {row + 1} has no list in the column {correct_column!r}: fill it, or drop the row")
        correct = Ragged(_parse_correct(lists.flatten()), skills.row_splits)
        return cls(drop_last(events), drop_first(skills), drop_first(correct))

    @property
    def lengths(self) -> Int64:
        """The number of positions of each sequence, int64 ``(rows,)``."""
        return self.events.lengths

    def select(self, rows: Int64) -> Answers:
        """Return the sequences at these indices."""
        return Answers(take(self.events, rows), take(self.skills, rows), take(self.correct, rows))

    def windows(self, maxlen: int | None) -> Answers:
        """Split the sequences into windows of at most ``maxlen`` positions. Empty sequences are dropped."""
        return Answers(windows(self.events, maxlen), windows(self.skills, maxlen), windows(self.correct, maxlen))

    def batch(self, rows: Int64) -> Batch:
        """Return the sequences at these indices as inputs of the model. Padding has weight 0."""
        events = take_padded(self.events, rows)
        inputs = {"answers": events, "next_skill": take_padded(self.skills, rows)}
        weights = (events != 0).astype(np.float32)
        # Keras divides the loss by all positions. These weights make it the mean over those that are not padding.
        weights *= weights.size / max(weights.sum(), 1)
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
