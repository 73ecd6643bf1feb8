"""Options of an output file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa

from tokemb._validation import check_choice
from tokemb.errors import ArgumentError

# Names that some format uses for its own arrays. No format accepts them for kept columns, so that the format can be
# changed later.
OWN_NAMES = ("ids", "vectors", "values", "row_splits", "lengths", "pad_id", "fingerprint")

DTYPES = {"ids": ("int32", "uint16", "int64"), "vectors": ("float32", "float16"), "predictions": ("float32",)}


@dataclass(frozen=True, eq=False)
class RowColumn:
    """A column of rows of an output file.

    Attributes:
        name: The name.
        row_shape: The shape of a row: ``()`` for one id per row, ``(maxlen,)`` for ids, ``None`` if they are not
            padded. For vectors, see ``OutputOptions``.
    """

    name: str
    row_shape: tuple[int, ...] | None

    @property
    def row_size(self) -> int:
        """The number of values of a row. 0 if rows have different lengths."""
        return 0 if self.row_shape is None else int(np.prod(self.row_shape, dtype=np.int64))


@dataclass(frozen=True, eq=False)
class OutputOptions:
    """Names, types and metadata of an output file.

    It has one column of rows, several if it is a table, or none if it holds predictions, whose columns are all kept
    columns.

    Attributes:
        name: ``"ids"``, ``"vectors"`` or ``"predictions"``.
        dtype: int32, uint16 or int64 for ids, float32 or float16 for vectors.
        row_shape: ``(maxlen,)`` for ids, or ``None`` if they are not padded. ``(dim,)``, ``(maxlen, dim)`` or the other
            axes of the output of a model for vectors.
        kept_columns: The schema of the input columns that are written beside the rows.
        fingerprint: The fingerprint of the vocabulary. Empty if it is not known.
        pad_id: The id of padding. ``None`` if there is none.
        round_floats: Whether kept float64 values are rounded where the format has only float32 (``.tfrecord`` and
            ``.array_record``). Otherwise, values that float32 cannot hold are an error.
        table: The columns of ids of a table, see ``for_table``. Empty if the only column of rows is ``name``.

    Raises:
        ArgumentError: If ``dtype`` or ``row_shape`` is invalid, or two kept columns have the same name, or one has a
            name of ``OWN_NAMES``. For a table and for predictions, ``open_writer``
            checks names.
    """

    name: str
    dtype: np.dtype[Any]
    row_shape: tuple[int, ...] | None
    kept_columns: pa.Schema = field(default_factory=lambda: pa.schema([]))
    fingerprint: str = ""
    pad_id: int | None = None
    round_floats: bool = False
    table: tuple[RowColumn, ...] = ()

    def __post_init__(self) -> None:
        check_choice("name", self.name, DTYPES)
        check_choice("dtype", str(self.dtype), DTYPES[self.name])
        axes = None if self.row_shape is None else len(self.row_shape)
        if axes is None if self.name == "vectors" else axes not in (None, 1):
            raise ArgumentError(f"{self.name} cannot have rows of shape {self.row_shape}")
        if self.table or self.name == "predictions":
            return
        for name, count in Counter(self.kept_columns.names).items():
            if name in OWN_NAMES:
                raise ArgumentError(
                    f"a kept column must not be called {name!r}, which is a name that tokemb uses: rename it"
                )
            if count > 1:
                raise ArgumentError(f"kept columns must have different names; {count} are called {name!r}: rename them")

    @classmethod
    def for_table(
        cls,
        columns: Iterable[RowColumn],
        dtype: np.dtype[Any],
        kept_columns: pa.Schema,
        fingerprint: str,
        *,
        round_floats: bool = False,
    ) -> OutputOptions:
        """Return the options of a table of one or more ``columns`` of ids. See the attributes."""
        return cls("ids", dtype, None, kept_columns, fingerprint, None, round_floats, tuple(columns))

    @classmethod
    def for_predictions(cls, columns: pa.Schema, fingerprint: str) -> OutputOptions:
        """Return the options of a file of predictions and the columns kept beside them."""
        return cls("predictions", np.dtype("float32"), None, columns, fingerprint)

    @property
    def columns(self) -> tuple[RowColumn, ...]:
        """The columns of rows."""
        if self.name == "predictions":
            return ()
        return self.table or (RowColumn(self.name, self.row_shape),)

    @property
    def names(self) -> list[str]:
        """The names of the columns of rows and the kept columns."""
        return [*(column.name for column in self.columns), *self.kept_columns.names]

    @property
    def row_size(self) -> int:
        """The number of values of a row of all columns. Rows of different lengths are not included."""
        return sum(column.row_size for column in self.columns)


def ids_dtype(name: str, input_dim: int) -> np.dtype[Any]:
    """Return the dtype of ids.

    Args:
        name: The name of the dtype.
        input_dim: The highest id plus one.

    Raises:
        ArgumentError: If the name is unknown, or the highest id does not fit the dtype.

    Example:
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
    """Return the dtype of vectors, float32 or float16.

    Raises:
        ArgumentError: If ``name`` is any other.
    """
    return np.dtype(check_choice("dtype", name, DTYPES["vectors"]))
