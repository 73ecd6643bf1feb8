"""Many dimensions to the two of a map."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from tokemb.errors import MissingPackageError
from tokemb.rows.pooling import Float32

METHODS = {"tsne": "t-SNE", "pca": "PCA"}
"""The ways to a map, and what people call them."""

LEAST_POINTS = 4
"""Of fewer there is no map."""

# The neighbours that t-SNE tries to keep for each point; it must be below their number.
_PERPLEXITY = 30.0

# Standard deviations of the points from which t-SNE starts, and of the noise in them.
_START, _NOISE = 1e-4, 1e-5

Positions = npt.NDArray[np.float64]


def project(unit: Float32, method: str, seed: int) -> Positions:
    """Points (rows, 2), from 0 to 1, the shape of the cloud kept, of vectors (rows, dim) of length 1.

    ``method``: ``"tsne"`` keeps near points near, ``"pca"`` shows the two directions in which they differ most.
    Runs in one thread: sums that threads make together differ in their last bits, of which t-SNE makes another map.
    Raises ``MissingPackageError`` without scikit-learn.
    """
    try:
        from sklearn.decomposition import PCA
        from sklearn.manifold import TSNE
        from threadpoolctl import threadpool_limits
    except ImportError as error:
        raise MissingPackageError("maps need scikit-learn: pip install tokemb[plot]") from error
    if (unit == unit[0]).all():  # one point, whatever the method
        return np.full((len(unit), 2), 0.5)
    if unit.shape[1] < 2:
        unit = np.pad(unit, ((0, 0), (0, 2 - unit.shape[1])))
    with threadpool_limits(1):
        points = PCA(2, svd_solver="full").fit_transform(unit.astype(np.float64))
        if method == "tsne":
            # From PCA, which keeps far what is far, and small, so that t-SNE can move all; the noise is the seed's.
            noise = np.random.default_rng(seed).normal(scale=_NOISE, size=points.shape)
            start = (_START * points / points[:, 0].std() + noise).astype(np.float32)
            perplexity = min(_PERPLEXITY, (len(unit) - 1) / 3)
            points = TSNE(2, perplexity=perplexity, init=start, random_state=seed).fit_transform(unit)
    return _fitted(points.astype(np.float64))


def _fitted(points: Positions) -> Positions:
    """The points in the middle of a square from 0 to 1, as large as there is room for."""
    lowest, highest = points.min(axis=0), points.max(axis=0)
    return (points - (lowest + highest) / 2) / (highest - lowest).max() + 0.5
