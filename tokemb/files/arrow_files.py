"""Parquet files under any name: Arrow itself takes only names that are UTF-8."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq


def open_parquet(path: Path, **options: Any) -> pq.ParquetFile:  # noqa: ANN401 - those of ParquetFile
    """Open a Parquet file to read it.

    Raises:
        OSError: If it cannot be opened; of the disk if ``errno`` is set.
        pyarrow.ArrowException: If it is not Parquet.
    """
    return pq.ParquetFile(pa.OSFile(os.fsencode(path)), **options)
