"""Metrics of predictions."""

from __future__ import annotations

import numpy as np

from tokemb._arrays import Array, Float32, Float64, Int32, Int64


def roc_auc(targets: Array, scores: Array) -> float | None:
    """Return the area under the ROC curve.

    Args:
        targets: 0 or 1, ``(rows,)``.
        scores: Numbers, ``(rows,)``.

    Returns:
        The fraction of pairs of a 1 and a 0 in which the 1 has the higher score. Ties count half. ``None`` if all
        targets are equal.

    Example:
        >>> roc_auc(np.array([0, 1, 0, 1]), np.array([0.1, 0.8, 0.5, 0.5]))
        0.875
    """
    _, group, count = np.unique(scores, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(count) - (count - 1) / 2)[group]
    ones = np.asarray(targets) == 1
    pairs = int(ones.sum()) * int((~ones).sum())
    if not pairs:
        return None
    return float((ranks[ones].sum() - ones.sum() * (ones.sum() + 1) / 2) / pairs)


def ranks_of(targets: Int32, scores: Float32) -> Int64:
    """Return the rank of each target among all candidates, 1 for the highest score.

    Args:
        targets: The column of the target in each row, int32 ``(rows,)``.
        scores: Scores, float32 ``(rows, candidates)``. Ties are ordered by column.

    Returns:
        int64 array ``(rows,)``.
    """
    target_scores = scores[np.arange(len(targets)), targets][:, None]
    is_lower_column = np.arange(scores.shape[1]) < targets[:, None]
    return 1 + ((scores > target_scores) | ((scores == target_scores) & is_lower_column)).sum(axis=1, dtype=np.int64)


def ranking_metrics(ranks: Int64, name: str = "") -> dict[str, float]:
    """Return the hit rates at 1, 3 and 10 and the mean reciprocal rank (MRR). ``name`` prefixes their names."""
    hits = {f"{name}hit_rate_at_{k}": round(float((ranks <= k).mean()), 4) for k in (1, 3, 10)}
    return {**hits, f"{name}mrr": round(float((1 / ranks).mean()), 4)}


def ndcg_at(ranks: Int64, k: int) -> float:
    """Return the normalized discounted cumulative gain at ``k`` of rankings with one relevant candidate.

    It is the mean of ``1 / log2(rank + 1)`` for ranks up to ``k``, and 0 for others: the ideal gain of one candidate is
    1 (He et al., Neural Collaborative Filtering, 2017).
    """
    return float(np.where(ranks <= k, 1 / np.log2(ranks + 1), 0).mean())


def confusion_matrix(targets: Int32, predictions: Array, classes: int) -> Int64:
    """Return the number of rows of each target (first axis) and prediction, int64 ``(classes, classes)``."""
    return np.bincount(targets * classes + predictions, minlength=classes**2).reshape(classes, classes)


def f1_scores(confusion: Int64) -> Float64:
    """Return the F1 score of each class, ``2 TP / (2 TP + FP + FN)``, NaN if the class neither occurs nor is predicted.

    The mean over the classes that are not NaN is the macro F1 of scikit-learn.
    """
    both = confusion.sum(axis=0) + confusion.sum(axis=1)
    with np.errstate(invalid="ignore"):
        return 2 * np.diagonal(confusion) / both


def label_f1_scores(targets: Array, predictions: Array) -> tuple[float, float]:
    """Return the micro and the macro F1 of several labels for each row, as in scikit-learn.

    Args:
        targets: Whether a row has each label, 0 or 1, ``(rows, labels)``.
        predictions: Whether each label is predicted, ``(rows, labels)``.

    Returns:
        The F1 score of all pairs of a row and a label, and the mean of the F1 scores of the labels. The F1 score of a
        label that neither occurs nor is predicted is 0.
    """
    is_label, is_predicted = targets > 0, predictions > 0
    both = (is_label & is_predicted).sum(axis=0)
    total = is_label.sum(axis=0) + is_predicted.sum(axis=0)
    micro = 2 * both.sum() / max(int(total.sum()), 1)
    return float(micro), float((2 * both / np.maximum(total, 1)).mean())


def log_loss(probabilities: Array) -> float:
    """Return the mean negative logarithm of the probabilities of the targets, ``(rows,)``, limited to epsilon."""
    return float(-np.log(np.maximum(probabilities.astype(np.float64), np.finfo(np.float64).eps)).mean())


def mean_roc_auc(targets: Int32, probabilities: Array) -> float | None:
    """Return the area under the ROC curve of two classes, or the mean over all classes, each against the others.

    Args:
        targets: The class of each row, int32 ``(rows,)``.
        probabilities: float ``(rows, classes)``.

    Returns:
        The area, as in ``roc_auc_score(multi_class="ovr")`` of scikit-learn. ``None`` if a class does not occur.
    """
    if probabilities.shape[1] == 2:
        return roc_auc(targets, probabilities[:, 1])
    areas = [roc_auc(targets == index, scores) for index, scores in enumerate(probabilities.T)]
    return None if None in areas else float(np.mean([area for area in areas if area is not None]))


def calibration(correct: Array, confidence: Array, bins: int = 15) -> Float64:
    """Return the calibration of predictions in bins of equal width.

    Args:
        correct: Whether each prediction is correct, ``(rows,)``.
        confidence: The probability that was predicted for it, ``(rows,)``.
        bins: The number of bins of confidence between 0 and 1.

    Returns:
        float64 ``(bins, 3)``: the fraction of rows in each bin, their accuracy and their mean confidence (0 for an
        empty bin).
    """
    number = np.clip(np.ceil(confidence.astype(np.float64) * bins).astype(int) - 1, 0, bins - 1)
    rows = np.bincount(number, minlength=bins)
    sums = [np.bincount(number, weights, bins) for weights in (correct.astype(float), confidence.astype(float))]
    return np.stack([rows / max(len(correct), 1), *(total / np.maximum(rows, 1) for total in sums)], axis=1)


def expected_calibration_error(bins: Float64) -> float:
    """Return the mean distance between accuracy and confidence in the bins of ``calibration``, weighted by their rows.

    This is the ECE of Guo et al., On Calibration of Modern Neural Networks, 2017.
    """
    return float((bins[:, 0] * np.abs(bins[:, 1] - bins[:, 2])).sum())
