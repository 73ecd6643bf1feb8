"""Metrics of predictions."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from tokemb._arrays import Int32, Int64


def roc_auc(targets: npt.NDArray[Any], scores: npt.NDArray[Any]) -> float | None:
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


def ranks_of(targets: Int32, scores: npt.NDArray[np.float32]) -> Int64:
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
