"""NumPy arrays in a pickle. Their bytes are kept, and the values are decoded on demand."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Any

import numpy as np

# Codes of numbers and strings, and `O` for Python objects. Other arrays are not decoded.
_CODE = re.compile(r"[OSUVbiufc?mM][0-9]*")


@dataclass
class PickledDtype:
    """A dtype: its code in the pickle, such as ``U5``, and its byte order."""

    code: str
    byte_order: str = "="

    @property
    def holds_objects(self) -> bool:
        """Whether elements are Python objects."""
        return self.code.startswith("O")

    @property
    def dtype(self) -> np.dtype[Any]:
        """The NumPy dtype. Raises ``TypeError`` if it is not of numbers, strings or objects."""
        if not _CODE.fullmatch(self.code):
            raise TypeError(f"dtype {self.code!r:.20} is not of numbers, strings or objects")
        return np.dtype(self.byte_order + self.code)

    def set_state(self, state: Any) -> None:  # noqa: ANN401
        """Set the byte order, which a pickle contains after the dtype."""
        self.byte_order = "=" if state[1] not in ("<", ">") else state[1]


@dataclass
class PickledArray:
    """An array: its shape, its dtype, and its bytes or its list of Python objects."""

    shape: tuple[int, ...] = ()
    dtype: PickledDtype | None = None
    data: Any = b""

    def values(self) -> list[Any]:
        """Return the elements of an array with one axis. Raises ``TypeError`` for other arrays."""
        if self.dtype is None or len(self.shape) != 1:
            raise TypeError("an array with one axis was expected")
        if self.dtype.holds_objects:
            return list(self.data)
        values: list[Any] = np.frombuffer(self.data, self.dtype.dtype).tolist()
        return values

    @property
    def size_in_bytes(self) -> int:
        """The size of the elements in bytes."""
        return math.prod(self.shape) * self.dtype.dtype.itemsize if self.dtype else 0


@dataclass
class JoblibArray(PickledArray):
    """An array as joblib writes it, with its elements after the instruction for its shape and dtype.

    Attributes:
        is_aligned: Whether the elements follow a byte with the length of padding, and this padding.
    """

    is_aligned: bool = False


def scalar(dtype: PickledDtype, data: Any) -> Any:  # noqa: ANN401
    """Return the Python value of a NumPy scalar."""
    return data if dtype.holds_objects else np.frombuffer(data, dtype.dtype)[0].item()
