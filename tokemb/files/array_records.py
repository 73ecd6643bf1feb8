"""Read ArrayRecord files with the library ``array-record``, an extra."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from tokemb.errors import MissingPackageError


def array_record_module() -> Any:  # noqa: ANN401 - the library has no types
    """Return the module of readers and writers.

    Raises:
        MissingPackageError: If the library is not installed.
    """
    try:
        from array_record.python import array_record_module as module
    except ImportError as error:
        raise MissingPackageError(
            ".array_record files require array-record, which is not installed: pip install tokemb[array-record]"
        ) from error
    return module


def count_records(path: Path) -> int:
    """Return the number of records of a file."""
    return int(_reader(path).num_records())


def first_record(path: Path) -> bytes | None:
    """Return the first record of a file, or ``None`` if the file is complete and has no record."""
    reader = _reader(path)
    record = bytes(reader.read([0])[0])  # it fails for a file that is not complete
    return record if reader.num_records() else None


def _reader(path: Path) -> Any:  # noqa: ANN401 - the library has no types
    return array_record_module().ArrayRecordReader(os.fsencode(path))
