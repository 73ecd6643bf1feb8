"""What an output file holds."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa

from tokemb._validation import check_choice
from tokemb.errors import ArgumentError

# Names that some format gives to what is not a kept column; refused in all, so that any of them can be chosen later.
OWN_NAMES = ("ids", "vectors", "values", "row_splits", "lengths", "pad_id", "fingerprint")

DTYPES = {"ids": ("int32", "uint16", "int64"), "vectors": ("float32", "float16")}


@dataclass(frozen=True)
class OutputOptions:
    """What an output file holds besides its rows.

    ``name``: ``"ids"`` or ``"vectors"``. ``dtype``: of ids int32, uint16 or int64, of vectors float32 or float16.
    ``row_shape``: (maxlen,) of ids, ``None`` if they are not padded; (dim,) or (maxlen, dim) of vectors, or what other
    axes a model gives.
    ``kept``: the columns that go along. ``fingerprint``: of the vocabulary, empty if it is not known.
    ``pad_id``: the id that fills rows, ``None`` if there is none. ``round_floats``: round kept float64 values where the
    format has only float32 (``.tfrecord``), instead of refusing those that change.

    Raises ``ArgumentError`` for a ``dtype`` or ``row_shape`` that cannot be, and for kept columns of one name or of one
    of ``OWN_NAMES``.
    """

    name: str
    dtype: np.dtype[Any]
    row_shape: tuple[int, ...] | None
    kept: pa.Schema = field(default_factory=lambda: pa.schema([]))
    fingerprint: str = ""
    pad_id: int | None = None
    round_floats: bool = False

    def __post_init__(self) -> None:
        check_choice("name", self.name, DTYPES)
        check_choice("dtype", str(self.dtype), DTYPES[self.name])
        axes = None if self.row_shape is None else len(self.row_shape)
        if axes is None if self.name == "vectors" else axes not in (None, 1):
            raise ArgumentError(f"{self.name} cannot have rows of shape {self.row_shape}")
        for name, times in Counter(self.kept.names).items():
            if name in OWN_NAMES:
                raise ArgumentError(
                    f"a kept column must not be called {name!r}, as a column of tokemb's own: rename it"
                )
            if times > 1:
                raise ArgumentError(f"kept columns must have different names; {times} are called {name!r}")

    @property
    def row_size(self) -> int:
        """How many numbers a row has; 0 if rows are of different lengths."""
        return 0 if self.row_shape is None else int(np.prod(self.row_shape, dtype=np.int64))


def ids_dtype(name: str, input_dim: int) -> np.dtype[Any]:
    """The dtype called ``name`` for ids below ``input_dim``; raises ``ArgumentError`` if one does not fit it.

    >>> ids_dtype("uint16", 30_000)
    dtype('uint16')
    """
    dtype = np.dtype(check_choice("dtype", name, DTYPES["ids"]))
    if input_dim - 1 > np.iinfo(dtype).max:
        raise ArgumentError(
            f"dtype {dtype} holds ids up to {np.iinfo(dtype).max}; the highest of this vocabulary is {input_dim - 1}: "
            "use int32"
        )
    return dtype


def vectors_dtype(name: str) -> np.dtype[Any]:
    """The dtype called ``name``, float32 or float16; raises ``ArgumentError`` for any other."""
    return np.dtype(check_choice("dtype", name, DTYPES["vectors"]))
