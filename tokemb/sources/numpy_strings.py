"""NumPy arrays of strings of fixed width, converted to Arrow."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from tokemb._arrays import Array


def from_numpy(array: Array, kind: pa.DataType | None = None, **options: Any) -> pa.Array:  # noqa: ANN401
    """Convert an array to Arrow, as ``pa.array`` does, but with the NUL characters inside of strings.

    Args:
        array: An array of any dtype ``(rows,)``.
        kind: The Arrow type. ``None`` means the one of the dtype.
        **options: Other arguments of ``pa.array``.

    Raises:
        ArrowException, TypeError, ValueError: As ``pa.array`` does.
    """
    # Arrow ends a string of fixed width at its first NUL. As Python objects, strings are complete.
    if _has_inner_nul(array):
        return pa.array(array.tolist(), kind, **options)
    return pa.array(array, kind, **options)


def _has_inner_nul(array: Array) -> bool:
    """Return whether a string of fixed width has a NUL before another character. NULs at its end are padding."""
    if array.dtype.kind not in ("U", "S") or not array.size:
        return False
    unit = np.dtype(np.uint32 if array.dtype.kind == "U" else np.uint8)
    units = np.ascontiguousarray(array).view(unit).reshape(len(array), -1)
    return bool(np.any((units[:, :-1] == 0) & (units[:, 1:] != 0)))
