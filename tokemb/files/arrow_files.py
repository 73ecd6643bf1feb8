"""Open Parquet files with any name. Arrow itself accepts only names that are UTF-8."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq


def open_parquet(path: Path, **options: Any) -> pq.ParquetFile:  # noqa: ANN401 - those of ParquetFile
    """Open a Parquet file for reading.

    Raises:
        OSError: If it cannot be opened. ``errno`` is set if the error is one of the disk.
        pyarrow.ArrowException: If it is not a Parquet file.
    """
    return pq.ParquetFile(pa.OSFile(os.fsencode(path)), **options)
