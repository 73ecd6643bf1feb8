"""Evaluate trained models on labelled rows."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa

from tokemb._arrays import STRINGS, Array, Int32
from tokemb._validation import check_count
from tokemb.errors import ArgumentError, ModelError, TextError, one_line
from tokemb.keras.datasets.tags import tagged_columns
from tokemb.sources.text_source import text_batches
from tokemb.tables import ColumnEncoder
from tokemb.tables.tables import joined_batches, one_array, table_batches
from tokemb.training.forward import forward
from tokemb.training.inputs import Inputs
from tokemb.training.knowledge_tracing import Answers, answer_probabilities
from tokemb.training.labels import label_list, numbers_of
from tokemb.training.metrics import (
    calibration,
    confusion_matrix,
    expected_calibration_error,
    f1_scores,
    log_loss,
    mean_roc_auc,
    ndcg_at,
    roc_auc,
)
from tokemb.training.predict_classes import ClassPredictor, LabelsPredictor, NumberPredictor
from tokemb.training.predict_events import EventPredictor
from tokemb.training.predict_ratings import rate, unknown_values
from tokemb.training.ratings import parse_ratings
from tokemb.training.tag_metrics import TrueTags
from tokemb.training.tag_model import predict_tokens
from tokemb.training.targets import SeveralLabels, label_metrics, number_metrics
from tokemb.training.trained import TASKS, TrainedFolder

AT = (1, 3, 10)
_LABEL = "label"
# The number of the most confident errors that are kept.
_ERRORS = 20

Batches = Iterable[pa.RecordBatch]
# The probability, row, text, label and prediction of an error.
_Error = tuple[float, int, str, int, int]


@dataclass(frozen=True)
class Evaluation:
    """The metrics of a trained model on labelled rows.

    Attributes:
        task: The name of the task.
        metrics: The metrics by name. They can be written as JSON.
        classes: The labels, in the order of ``confusion``. Empty if the task has none.
        confusion: The number of rows of each pair of a label (first axis) and a prediction, ``(classes, classes)``.
        bins: The calibration, as for ``tokemb.training.metrics.calibration``. Empty if the task has none.
        errors: The most confident errors: ``row`` (from 1), ``text``, ``label``, ``prediction`` and ``probability``.
        history: The losses of each epoch of the training by name.
    """

    task: str
    metrics: dict[str, Any]
    classes: list[Any] = field(default_factory=list)
    confusion: list[list[int]] = field(default_factory=list)
    bins: list[list[float]] = field(default_factory=list)
    errors: list[dict[str, Any]] = field(default_factory=list)
    history: dict[str, list[float]] = field(default_factory=dict)


def evaluate_batches(
    folder: TrainedFolder, batches: Batches, target: str | None = None, at: Sequence[int] = AT
) -> Evaluation:
    """Compute the metrics of a trained model.

    Args:
        folder: The training folder.
        batches: Labelled rows. For a classifier, the first column holds the texts (or several columns hold the inputs)
            and the last column the labels. For a tagger, they are rows of tokens and their tags; for the next event,
            sequences; for ratings and knowledge tracing, the columns of the training. Probabilities and targets are
            kept in memory, and texts only for a tagger.
        target: The column of the labels of a classifier, or of the ratings, by default that of the training.
        at: The numbers of candidates of the hit rates and NDCG of the next event.

    Raises:
        ArgumentError: If there are no rows.
        ModelError: If the training has nothing to evaluate.
        TextError: If a label did not occur in training, or the rows are not those of the model.
    """
    evaluations: Mapping[str, Callable[[TrainedFolder, Batches], Evaluation]] = {
        "classify": _evaluate_classifier,
        "tag": _evaluate_tags,
        "next": partial(_evaluate_events, at=[check_count("at", k) for k in at]),
        "tracing": _evaluate_answers,
        "ratings": partial(_evaluate_ratings, target=target),
    }
    if folder.task not in evaluations:
        raise ModelError(f"{folder.path} holds {TASKS[folder.task]}, which have no labels to evaluate them on")
    evaluation = evaluations[folder.task](folder, batches)
    return replace(evaluation, history=dict(folder.report.get("training", {}).get("history", {})))


def labelled_batches(folder: TrainedFolder, rows: Any, labels: Any) -> Batches:  # noqa: ANN401
    """Return rows in memory as batches for ``evaluate_batches``.

    Raises:
        ArgumentError: If the labels of a classifier or tagger are missing, or their number is not that of the texts.
    """
    if folder.task == "tag":
        if labels is None:
            raise ArgumentError("a tagger is evaluated on tags: pass them as labels=[...]")
        return [pa.RecordBatch.from_arrays([*tagged_columns(rows, labels)], ["tokens", "tags"])]
    if folder.task == "classify" and labels is None:
        raise ArgumentError("a classifier is evaluated on labels: pass them as labels=[...]")
    if folder.task == "classify" and isinstance(folder.vocabulary, ColumnEncoder):
        return [_labelled_table(folder.vocabulary, rows, labels)]
    if folder.task in ("classify", "next"):
        columns = [_text_column(rows)] + ([] if labels is None else [_label_column(labels)])
        if len(set(map(len, columns))) > 1:
            raise ArgumentError(f"every text must have a label: received {' and '.join(str(len(c)) for c in columns)}")
        return [pa.RecordBatch.from_arrays(columns, ["text", "label"][: len(columns)])]
    target = [folder.settings["rating"]] if folder.task == "ratings" else []
    parts = [] if folder.task == "skipgram" else folder.columns.parts
    return table_batches(rows, [*parts, *target])


def _labelled_table(encoder: ColumnEncoder, rows: Any, labels: Any) -> pa.RecordBatch:  # noqa: ANN401
    table = joined_batches(table_batches(rows, encoder.parts, cells=encoder.cells))
    column = _label_column(labels)
    if len(column) != len(table):
        raise ArgumentError(f"every row must have a label: received {len(table)} rows and {len(column)} labels")
    columns = [one_array(table.column(name)) for name in encoder.parts]
    return pa.RecordBatch.from_arrays([*columns, column], [*encoder.parts, _LABEL])


def _label_column(labels: Any) -> pa.Array:  # noqa: ANN401
    values = label_list("labels", labels)
    try:
        return pa.array(values)
    except (pa.ArrowException, TypeError, ValueError, OverflowError) as error:
        raise ArgumentError(f"labels must be a column of values of one type: {one_line(error):.200}") from None


def _text_column(rows: Any) -> pa.Array:  # noqa: ANN401
    """Return texts or rows of tokens as one column. They are checked as ``predict`` checks them."""
    parts = list(text_batches(rows))
    return pa.concat_arrays(parts) if parts else pa.array([], STRINGS)


def _evaluate_classifier(folder: TrainedFolder, batches: Batches) -> Evaluation:
    if folder.settings.get("regression"):
        return _evaluate_numbers(folder, batches)
    if folder.settings.get("label_separator"):
        return _evaluate_labels(folder, batches)
    return _evaluate_classes(folder, batches)


def _evaluate_classes(folder: TrainedFolder, batches: Batches) -> Evaluation:
    predictor = ClassPredictor(folder)
    targets, parts, rows = [], [], 0
    errors: list[_Error] = []
    for batch in batches:
        found = _class_of_labels(batch.column(batch.num_columns - 1), folder.classes, rows)
        probabilities = predictor.probabilities(predictor.inputs.encode_batch(batch))
        new = _errors(predictor.inputs, batch, found, probabilities, rows)
        errors = heapq.nlargest(_ERRORS, [*errors, *new], key=lambda error: error[0])
        targets.append(found)
        parts.append(probabilities)
        rows += len(batch)
    _require(rows, "rows")
    target, probability = np.concatenate(targets), np.concatenate(parts)
    prediction, confidence = probability.argmax(axis=1), probability.max(axis=1)
    confusion = confusion_matrix(target, prediction, len(folder.classes))
    bins = calibration(prediction == target, confidence)
    metrics = {
        "rows": rows,
        "accuracy": (prediction == target).mean(),
        "macro_f1": np.nanmean(f1_scores(confusion)),
        "roc_auc": mean_roc_auc(target, probability),
        "log_loss": log_loss(probability[np.arange(rows), target]),
        "calibration_error": expected_calibration_error(bins),
        "most_frequent": confusion.sum(axis=1).max() / rows,
    }
    return Evaluation(
        "classify",
        rounded(metrics),
        folder.classes,
        confusion.tolist(),
        bins.tolist(),
        [_describe_error(folder.classes, *error) for error in errors],
    )


def _evaluate_labels(folder: TrainedFolder, batches: Batches) -> Evaluation:
    encode = SeveralLabels(folder.classes, folder.settings["label_separator"]).encode
    targets, probabilities = _targets_and_outputs(LabelsPredictor(folder), batches, encode)
    areas = [roc_auc(targets[:, label], probabilities[:, label]) for label in range(targets.shape[1])]
    known = [area for area in areas if area is not None]
    metrics = label_metrics(targets, probabilities) | {"roc_auc": float(np.mean(known)) if known else None}
    return Evaluation("classify", rounded(metrics))


def _evaluate_numbers(folder: TrainedFolder, batches: Batches) -> Evaluation:
    targets, outputs = _targets_and_outputs(NumberPredictor(folder), batches, numbers_of)
    return Evaluation("classify", number_metrics(targets, outputs[:, 0]))


def _targets_and_outputs(
    predictor: LabelsPredictor | NumberPredictor, batches: Batches, encode: Callable[[list[Any], int], Array]
) -> tuple[Array, Array]:
    """Return the targets, which ``encode`` makes of labels and the number of their first row, and the outputs."""
    targets, outputs, rows = [], [], 0
    for batch in batches:
        targets.append(encode(batch.column(batch.num_columns - 1).to_pylist(), rows))
        outputs.append(predictor.outputs(predictor.inputs.encode_batch(batch)))
        rows += len(batch)
    _require(rows, "rows")
    return np.concatenate(targets), np.concatenate(outputs)


def _errors(
    inputs: Inputs, batch: pa.RecordBatch, targets: Int32, probabilities: Array, first_row: int
) -> list[_Error]:
    """Return the probability, row, text, target and prediction of the most confident errors of a batch."""
    predictions, confidence = probabilities.argmax(axis=1), probabilities.max(axis=1)
    wrong = np.flatnonzero(predictions != targets)
    rows = wrong[np.argsort(-confidence[wrong], kind="stable")[:_ERRORS]].tolist()
    texts = [inputs.describe(batch, row) for row in rows]
    return [
        (float(confidence[row]), first_row + row + 1, text, int(targets[row]), int(predictions[row]))
        for row, text in zip(rows, texts, strict=True)
    ]


def _describe_error(
    classes: list[Any], probability: float, row: int, text: str, target: int, found: int
) -> dict[str, Any]:
    return {
        "row": row,
        "text": text,
        "label": classes[target],
        "prediction": classes[found],
        "probability": round(probability, 4),
    }


def _class_of_labels(labels: pa.Array, classes: list[Any], first_row: int) -> Int32:
    """Return the class of each label, int32 ``(rows,)``. Labels are compared as texts: ``1`` and ``"1"`` are equal.

    Raises:
        TextError: If a label is missing, or did not occur in training.
    """
    index = {str(label): number for number, label in enumerate(classes)}
    if pa.types.is_boolean(labels.type):
        labels = labels.cast(pa.int8())
    # A missing label is none of the classes, also if the name of one is "None" or "nan".
    found = np.array(
        [-1 if label is None or label != label else index.get(str(label), -1) for label in labels.to_pylist()],
        np.int32,
    )
    wrong = np.flatnonzero(found < 0)
    if len(wrong):
        names = ", ".join(map(str, classes[:10])) + (", ..." if len(classes) > 10 else "")
        raise TextError(
            f"labels must occur in the training set, which has {len(classes)} ({names}); the label of row "
            f"{first_row + wrong[0] + 1}, {labels[int(wrong[0])].as_py()!r}, does not"
        )
    return found


def _evaluate_tags(folder: TrainedFolder, batches: Batches) -> Evaluation:
    table = pa.Table.from_batches(list(batches))
    tokens, tags = (table.column(index).combine_chunks() for index in (0, 1))
    rows = TrueTags.of(tokens, tags, folder.classes)
    _require(len(rows.targets), "tokens")
    predicted = predict_tokens(forward(folder.model), folder.encoder, tokens).classes
    default = np.int32(folder.classes.index(folder.settings["tag_without_ids"]))
    predicted = np.where(predicted < 0, default, predicted)
    metrics = {"rows": len(table), "tokens": len(rows.targets), **rows.metrics(predicted, by_type=True)}
    confusion = confusion_matrix(rows.targets, predicted, len(rows.classes))
    return Evaluation("tag", metrics, rows.classes, confusion.tolist())


def _evaluate_events(folder: TrainedFolder, batches: Batches, at: Sequence[int]) -> Evaluation:
    predictor, ranks, rows = EventPredictor(folder), [np.zeros(0, np.int64)], 0
    for batch in batches:
        ranks.append(predictor.last_ranks(predictor.encode(batch.column(0))))
        rows += len(batch)
    rank = np.concatenate(ranks)
    _require(len(rank), "sequences of at least two events")
    hits = {f"hit_rate_at_{k}": (rank <= k).mean() for k in at}
    gains = {f"ndcg_at_{k}": ndcg_at(rank, k) for k in at if k > 1}
    metrics = {"rows": len(rank), **hits, **gains, "mrr": (1 / rank).mean()}
    return Evaluation("next", rounded(metrics | ({"too_short": rows - len(rank)} if rows > len(rank) else {})))


def _evaluate_answers(folder: TrainedFolder, batches: Batches) -> Evaluation:
    parts, students = [], 0
    for batch in batches:
        answers = Answers.of(folder.columns, pa.Table.from_batches([batch]), folder.columns.parts[1])
        parts.append(answer_probabilities(folder.model, answers))
        students += len(batch)
    targets, probabilities = (np.concatenate([part[index] for part in parts]) for index in (0, 1))
    _require(len(targets), "students with at least two answers")
    predictions = probabilities > 0.5
    bins = calibration(targets == 1, probabilities)
    metrics = {
        "students": students,
        "answers": len(targets),
        "accuracy": (predictions == (targets == 1)).mean(),
        "roc_auc": roc_auc(targets, probabilities),
        "log_loss": log_loss(np.where(targets == 1, probabilities, 1 - probabilities)),
        "calibration_error": expected_calibration_error(bins),
        "most_frequent": max(targets.mean(), 1 - targets.mean()),
    }
    confusion = confusion_matrix(targets.astype(np.int32), predictions, 2)
    return Evaluation("tracing", rounded(metrics), ["wrong", "correct"], confusion.tolist(), bins.tolist())


def _evaluate_ratings(folder: TrainedFolder, batches: Batches, target: str | None) -> Evaluation:
    target = target or str(folder.settings["rating"])
    run, errors, unknown = forward(folder.model), [np.zeros(0)], [np.zeros(0, bool)]
    for batch in batches:
        ids: Any = folder.columns.encode_batch(batch)
        ratings = parse_ratings(pa.chunked_array([batch[target]]), target)
        errors.append(rate(run, ids).astype(np.float64) - ratings)
        unknown.append(np.logical_or.reduce([rows for rows, _ in unknown_values(ids)]))
    error, is_unknown = np.concatenate(errors), np.concatenate(unknown)
    _require(len(error), "rows")
    metrics = {"rows": len(error), "rmse": np.sqrt((error**2).mean()), "mae": np.abs(error).mean()}
    if is_unknown.any():
        known = error[~is_unknown]
        metrics |= {"unknown_rows": int(is_unknown.sum())}
        metrics |= {"rmse_of_known": np.sqrt((known**2).mean())} if len(known) else {}
    return Evaluation("ratings", rounded(metrics))


def _require(count: int, what: str) -> None:
    if not count:
        raise ArgumentError(f"the input has no {what}, on which metrics are computed: pass a file that has some")


def rounded(metrics: dict[str, Any]) -> dict[str, Any]:
    """Return metrics as numbers of Python, rounded to four digits."""
    return {
        name: value if value is None or isinstance(value, int) else round(float(value), 4)
        for name, value in metrics.items()
    }
