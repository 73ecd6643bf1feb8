"""NumPy arrays in a pickle: their bytes are kept, and values are read only when something asks for them."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Any

import numpy as np

# The kinds of numbers and strings, and `O` for Python objects. Anything else stays unread.
_CODE = re.compile(r"[OSUVbiufc?mM][0-9]*")


@dataclass
class PickledDtype:
    """A dtype: the code that the pickle names, such as ``U5``, and its byte order."""

    code: str
    byte_order: str = "="

    @property
    def holds_objects(self) -> bool:
        """Whether elements are Python objects."""
        return self.code.startswith("O")

    @property
    def dtype(self) -> np.dtype[Any]:
        """The dtype of NumPy; raises ``TypeError`` for one that holds no plain values."""
        if not _CODE.fullmatch(self.code):
            raise TypeError(f"dtype {self.code!r:.20} has no plain values")
        return np.dtype(self.byte_order + self.code)

    def set_state(self, state: Any) -> None:  # noqa: ANN401
        """Take over the byte order, which a pickle gives after it has made the dtype."""
        self.byte_order = "=" if state[1] not in ("<", ">") else state[1]


@dataclass
class PickledArray:
    """An array: its shape, its dtype, and its bytes or its list of Python objects."""

    shape: tuple[int, ...] = ()
    dtype: PickledDtype | None = None
    data: Any = b""

    def values(self) -> list[Any]:
        """Return the elements of an array of one axis; raise ``TypeError`` for any other array."""
        if self.dtype is None or len(self.shape) != 1:
            raise TypeError("an array of one axis was expected")
        if self.dtype.holds_objects:
            return list(self.data)
        values: list[Any] = np.frombuffer(self.data, self.dtype.dtype).tolist()
        return values

    @property
    def size_in_bytes(self) -> int:
        """The bytes that its elements take."""
        return math.prod(self.shape) * self.dtype.dtype.itemsize if self.dtype else 0


@dataclass
class JoblibArray(PickledArray):
    """An array as joblib writes it: its elements follow the instruction that gives its shape and dtype.

    ``is_aligned``: whether a number of bytes to skip comes before them.
    """

    is_aligned: bool = False


def scalar(dtype: PickledDtype, data: Any) -> Any:  # noqa: ANN401
    """Return the Python value of a NumPy scalar."""
    return data if dtype.holds_objects else np.frombuffer(data, dtype.dtype)[0].item()
