"""Comparisons of results."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


class DisagreementError(Exception):
    """Two parties give different results, so their times cannot be compared."""


def same_ids(results: dict[str, Any], party: str, peer: str) -> None:
    """Raise ``DisagreementError`` if both parties have results and their padded ids differ."""
    if party in results and peer in results:
        _same_rows(np.asarray(results[party]), np.asarray(results[peer]), f"{party} and {peer}")


def same_ragged(results: dict[str, Any], party: str, peer: str) -> None:
    """Raise ``DisagreementError`` if both parties have results and their ``(values, row_splits)`` differ."""
    if party not in results or peer not in results:
        return
    (values, splits), (peer_values, peer_splits) = results[party], results[peer]
    if not np.array_equal(splits, peer_splits):
        lengths, peer_lengths = np.diff(splits), np.diff(peer_splits)
        if len(lengths) != len(peer_lengths):
            raise DisagreementError(f"{party} gives {len(lengths)} rows, {peer} {len(peer_lengths)}")
        row = int(np.flatnonzero(lengths != peer_lengths)[0])
        raise DisagreementError(
            f"{party} and {peer} differ: row {row} has {lengths[row]} and {peer_lengths[row]} tokens"
        )
    unequal = np.flatnonzero(values != peer_values)
    if len(unequal):
        row = int(np.searchsorted(splits, unequal[0], "right")) - 1
        raise DisagreementError(
            f"{party} and {peer} differ first in row {row}: {values[unequal[0]]} and {peer_values[unequal[0]]}"
        )


def same_vocabulary(party: str, vocabulary: Sequence[str], peer: str, other: Sequence[str]) -> None:
    """Raise ``DisagreementError`` unless the tokens are the same in the same order."""
    if list(vocabulary) == list(other):
        return
    pairs = zip(vocabulary, other, strict=False)
    index = next((i for i, (one, two) in enumerate(pairs) if one != two), min(len(vocabulary), len(other)))
    raise DisagreementError(
        f"the vocabularies of {party} ({len(vocabulary)}) and {peer} ({len(other)}) differ from id {index}: "
        f"{vocabulary[index : index + 3]} and {list(other[index : index + 3])}"
    )


def close_vectors(party: str, vectors: Array, peer: str, other: Array, tolerance: float = 1e-5) -> None:
    """Raise ``DisagreementError`` unless the vectors differ by no more than ``tolerance``."""
    if vectors.shape != other.shape:
        raise DisagreementError(f"{party} gives {vectors.shape}, {peer} {other.shape}")
    distance = float(np.abs(vectors - other).max(initial=0))
    if not distance <= tolerance:
        raise DisagreementError(f"{party} and {peer} differ by {distance:.2g}, more than {tolerance:.0e}")


def _same_rows(ids: Array, other: Array, who: str) -> None:
    if ids.shape != other.shape:
        raise DisagreementError(f"{who} give {ids.shape} and {other.shape}")
    unequal = np.flatnonzero((ids != other).any(axis=1))
    if len(unequal):
        row = int(unequal[0])
        column = int(np.flatnonzero(ids[row] != other[row])[0])
        raise DisagreementError(
            f"{who} differ in {len(unequal)} rows, first in row {row} from column {column}: "
            f"{ids[row, column : column + 5].tolist()} and {other[row, column : column + 5].tolist()}"
        )
