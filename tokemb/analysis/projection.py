"""Dimensionality reduction to the two dimensions of a map."""

from __future__ import annotations

import numpy as np

from tokemb._arrays import Float32, Float64
from tokemb.errors import MissingPackageError

METHODS = {"tsne": "t-SNE", "pca": "PCA"}
"""The dimensionality reduction methods and their names."""

LEAST_POINTS = 4
"""The minimum number of points of a map."""

# The perplexity of t-SNE. It must be less than the number of points.
_PERPLEXITY = 30.0

# Standard deviations of the initial points of t-SNE, and of the noise that is added to them.
_INITIAL_DEVIATION, _NOISE_DEVIATION = 1e-4, 1e-5

Positions = Float64


def project(unit: Float32, method: str, seed: int) -> Positions:
    """Project unit vectors to two dimensions.

    It runs in one thread: sums over several threads differ in their last bits, which changes the result of t-SNE.

    Args:
        unit: Vectors of length 1, float32 ``(rows, dim)``.
        method: ``"tsne"`` keeps near points near. ``"pca"`` shows the two directions of the highest variance.
        seed: The random seed.

    Returns:
        float64 array ``(rows, 2)`` from 0 to 1. Both axes have the same scale.

    Raises:
        MissingPackageError: If scikit-learn is not installed.
    """
    try:
        from sklearn.decomposition import PCA
        from sklearn.manifold import TSNE
        from threadpoolctl import threadpool_limits
    except ImportError as error:
        raise MissingPackageError("maps need scikit-learn: pip install tokemb[plot]") from error
    if (unit == unit[0]).all():  # the methods are undefined if all vectors are equal
        return np.full((len(unit), 2), 0.5)
    if unit.shape[1] < 2:
        unit = np.pad(unit, ((0, 0), (0, 2 - unit.shape[1])))
    with threadpool_limits(1):
        points = PCA(2, svd_solver="full").fit_transform(unit.astype(np.float64))
        if method == "tsne":
            # Initialization by PCA keeps the global structure. Small values let t-SNE move the points.
            noise = np.random.default_rng(seed).normal(scale=_NOISE_DEVIATION, size=points.shape)
            initial_points = (_INITIAL_DEVIATION * points / points[:, 0].std() + noise).astype(np.float32)
            perplexity = min(_PERPLEXITY, (len(unit) - 1) / 3)
            points = TSNE(2, perplexity=perplexity, init=initial_points, random_state=seed).fit_transform(unit)
    return _scale_to_unit_square(points.astype(np.float64))


def _scale_to_unit_square(points: Positions) -> Positions:
    """Center the points in a square from 0 to 1 and scale both axes by the same factor to fill it."""
    lowest, highest = points.min(axis=0), points.max(axis=0)
    return (points - (lowest + highest) / 2) / (highest - lowest).max() + 0.5
