"""Read ArrayRecord files with the library ``array-record``, an extra."""

from __future__ import annotations

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
    return int(array_record_module().ArrayRecordReader(str(path)).num_records())


def first_record(path: Path) -> bytes:
    """Return the first record of a file, or no bytes if the file is complete and has no record."""
    return bytes(array_record_module().ArrayRecordReader(str(path)).read([0])[0])
