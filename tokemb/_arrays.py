"""Types of the arrays that modules exchange, as NumPy and Arrow define them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa

Bool = npt.NDArray[np.bool_]
Int32 = npt.NDArray[np.int32]
Int64 = npt.NDArray[np.int64]

STRINGS = pa.large_string()
TOKEN_ROWS = pa.large_list(STRINGS)
