"""Weights of tokens: how much their frequencies differ between classes, and how rare they are."""

from __future__ import annotations

import numpy as np

from tokemb._arrays import Float32, Float64, Int64
from tokemb.rows.ragged import Ragged, take


def token_weights(ids: Ragged, rows: Int64, classes: Int64, input_dim: int) -> Float32:
    """Compute the weight of each token from its log-count ratios, as naive Bayes classifiers do.

    The log-count ratio of a token and a class is the logarithm of the share of the token among the tokens of the class,
    divided by its share among the tokens of all rows without the class. Each count is increased by 1. The weight of a
    token is the root mean square of its ratios with all classes that some rows have and others do not. Weights are
    scaled so that the mean of their squares is 1 over all tokens of ``ids``.

    Args:
        ids: The ids of each row.
        rows: The row of each pair of a row and one of its classes, int64 ``(pairs,)``.
        classes: The class of each pair, int64 ``(pairs,)``.
        input_dim: The number of ids.

    Returns:
        The weights, float32 ``(input_dim,)``. All are 1 if no token differs between classes.
    """
    rows_by_class = np.split(rows[np.argsort(classes, kind="stable")], np.cumsum(np.bincount(classes))[:-1])
    everything = np.bincount(ids.values, minlength=input_dim)
    squares = np.zeros(input_dim)
    for members in rows_by_class:
        if 0 < len(members) < len(ids):
            counts = np.bincount(take(ids, members).values, minlength=input_dim)
            squares += np.square(_log_shares(counts) - _log_shares(everything - counts))
    scale = float(squares[ids.values].mean()) if len(ids.values) else 0.0
    # Differences of equal shares are not exactly 0.
    if scale < 1e-12:
        return np.ones(input_dim, np.float32)
    return np.sqrt(squares / scale).astype(np.float32)


def inverse_document_frequency(rows: Ragged, input_dim: int) -> Float32:
    """Return ``log((1 + rows) / (1 + rows with the id)) + 1`` of each id, as in scikit-learn, float32 ``(input_dim,)``.

    Example:
        >>> inverse_document_frequency(Ragged(np.array([2, 2, 3, 2], np.int32), np.array([0, 3, 4])), 4).round(2)
        array([2.1 , 2.1 , 1.  , 1.41], dtype=float32)
    """
    numbers = np.repeat(np.arange(len(rows)), rows.lengths)
    pairs = np.unique(numbers * input_dim + rows.values)
    documents = np.bincount(pairs % input_dim, minlength=input_dim)
    return (np.log((1 + len(rows)) / (1 + documents)) + 1).astype(np.float32)


def _log_shares(counts: Int64) -> Float64:
    return np.log((counts + 1) / (counts.sum() + len(counts)))
