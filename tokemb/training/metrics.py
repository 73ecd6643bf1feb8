"""Figures that say how good predictions are."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from tokemb._arrays import Int32, Int64


def roc_auc(targets: npt.NDArray[Any], scores: npt.NDArray[Any]) -> float | None:
    """The area under the ROC curve: the share of pairs of a 1 and a 0 in which the 1 has the higher score, ties half.

    ``targets``: 0 or 1 (rows,); ``scores``: numbers (rows,). ``None`` if all targets are the same.

    >>> roc_auc(np.array([0, 1, 0, 1]), np.array([0.1, 0.8, 0.5, 0.5]))
    0.875
    """
    _, place, count = np.unique(scores, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(count) - (count - 1) / 2)[place]
    ones = np.asarray(targets) == 1
    pairs = int(ones.sum()) * int((~ones).sum())
    if not pairs:
        return None
    return float((ranks[ones].sum() - ones.sum() * (ones.sum() + 1) / 2) / pairs)


def ranks_of(targets: Int32, scores: npt.NDArray[np.float32]) -> Int64:
    """The place of each target among all candidates, int64 (rows,), 1 for the one with the highest score.

    ``targets``: int32 (rows,), a column of ``scores`` (rows, candidates); of equal ones the lower column comes first.
    """
    of_target = scores[np.arange(len(targets)), targets][:, None]
    before = np.arange(scores.shape[1]) < targets[:, None]
    return 1 + ((scores > of_target) | ((scores == of_target) & before)).sum(axis=1, dtype=np.int64)


def ranking(ranks: Int64, name: str = "") -> dict[str, float]:
    """Shares of rows whose target is among the first 1, 3 and 10, and the mean of 1 / rank (MRR)."""
    hits = {f"{name}hit_rate_at_{most}": round(float((ranks <= most).mean()), 4) for most in (1, 3, 10)}
    return {**hits, f"{name}mrr": round(float((1 / ranks).mean()), 4)}
