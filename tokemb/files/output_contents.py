"""Recognize the kind of an output by a few of its bytes, and verify its number of rows where the file stores it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from tokemb.errors import RowsLostError
from tokemb.files.output_kind import Kind

if TYPE_CHECKING:
    from zipfile import ZipFile

# The kinds of NumPy dtypes of ids and of vectors.
_DTYPE_KINDS = {"ids": "iu", "vectors": "f"}

# The part of a TensorFlow record, in bytes, in which features are searched.
_RECORD_BYTES = 1 << 24


def rows_kind(suffix: str, name: str) -> Kind:
    """Return the kind of files with this suffix that contain rows of ``name``: ``"ids"`` or ``"vectors"``."""
    return Kind(f"a {suffix} file of {name}", partial(_matches, _RECOGNIZERS[suffix], name))


def table_kind(suffix: str) -> Kind:
    """Return the kind of files with this suffix that contain ids of the columns of a table.

    The other formats of them could also be the table that was encoded, if that holds integers.
    """
    if suffix not in (".npz", ".parquet"):
        return Kind("known to be a file of ids of columns", lambda _: False)
    return Kind(f"a {suffix} file of ids of columns", partial(_matches, _is_table, suffix))


def predictions_kind(suffix: str) -> Kind:
    """Return the kind of files with this suffix that contain predictions. Only ``.parquet`` can be recognized."""
    if suffix != ".parquet":
        return Kind("known to be a file of predictions", lambda _: False)
    return Kind("a .parquet file of predictions", partial(_matches, _is_predictions, suffix))


def check_rows(path: Path, suffix: str, name: str, rows: int) -> None:
    """Raise ``RowsLostError`` if a file stores its number of rows and it is not ``rows``."""
    found = _ROW_COUNTERS[suffix](path, name) if suffix in _ROW_COUNTERS else rows
    if found != rows:
        raise _rows_lost(suffix, rows, found)


def check_table_rows(path: Path, suffix: str, names: Sequence[str], rows: int) -> None:
    """Raise ``RowsLostError`` if a table stores its number of rows and a column does not have ``rows`` rows."""
    if suffix == ".npz":
        counts = _rows_of_arrays(path, names)
    else:
        counts = {_ROW_COUNTERS[suffix](path, "") if suffix in _ROW_COUNTERS else rows}
    for found in counts - {rows}:
        raise _rows_lost(suffix, rows, found)


def _rows_lost(suffix: str, rows: int, found: int) -> RowsLostError:
    return RowsLostError(
        f"{rows:,} rows were written to a {suffix} file that contains {found:,}, which is a defect of tokemb: "
        "please report it"
    )


def _matches(recognize: Callable[[Path, str], bool], name: str, path: Path) -> bool:
    try:
        return recognize(path, name)
    except PermissionError:
        raise
    except Exception:  # libraries can raise anything for a file of another format
        return False


def _is_npy(path: Path, name: str) -> bool:
    with path.open("rb") as file:
        shape, dtype = _npy_header(file)
    return dtype.kind in _DTYPE_KINDS[name] and (len(shape) == 2 if name == "ids" else len(shape) >= 2)


def _is_npz(path: Path, name: str) -> bool:
    with _zip(path) as archive:
        names = set(archive.namelist())
    is_ragged = name == "ids" and ({"values.npy", "row_splits.npy"} <= names or "ids.row_splits.npy" in names)
    # The outputs of export-vectors contain vectors too, together with tokens.
    return is_ragged or (f"{name}.npy" in names and "tokens.npy" not in names)


def _is_parquet(path: Path, name: str) -> bool:
    import pyarrow.types as pt

    from tokemb.files.arrow_files import open_parquet

    with open_parquet(path) as file:
        schema = file.schema_arrow
    dtype = schema.field(name).type
    return name in schema.names and (pt.is_list(dtype) or pt.is_fixed_size_list(dtype))


def _is_tfrecord(path: Path, name: str) -> bool:
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        file.read(4)
        record = file.read(min(length, _RECORD_BYTES))
    return _has_feature(record, name)


def _is_array_record(path: Path, name: str) -> bool:
    from tokemb.files.array_records import first_record

    record = first_record(path)
    return record is None or _has_feature(record, name)  # no record: a file without rows


def _has_feature(record: bytes, name: str) -> bool:
    """Return whether a ``tf.train.Example`` has a feature, whose key is an entry of a map of protocol buffers."""
    return b"\x0a" + bytes([len(name)]) + name.encode() in record


def _is_jsonl(path: Path, name: str) -> bool:
    start = f'{{"{name}":['.encode()
    with path.open("rb") as file:
        return file.read(len(start)) == start


def _is_table(path: Path, suffix: str) -> bool:
    if suffix == ".parquet":
        from tokemb.files.arrow_files import open_parquet

        with open_parquet(path) as file:
            schema = file.schema_arrow
        return b"tokemb.fingerprint" in (schema.metadata or {}) and not {"ids", "vectors"} & set(schema.names)
    with _zip(path) as archive:
        names = set(archive.namelist())
    return "fingerprint.npy" in names and not {"ids.npy", "vectors.npy", "row_splits.npy", "pad_id.npy"} & names


def _is_predictions(path: Path, _: str) -> bool:
    from tokemb.files.arrow_files import open_parquet

    with open_parquet(path) as file:
        return (file.schema_arrow.metadata or {}).get(b"tokemb.content") == b"predictions"


_RECOGNIZERS: dict[str, Callable[[Path, str], bool]] = {
    ".npy": _is_npy,
    ".npz": _is_npz,
    ".parquet": _is_parquet,
    ".tfrecord": _is_tfrecord,
    ".array_record": _is_array_record,
    ".jsonl": _is_jsonl,
}


def _rows_of_npy(path: Path, _: str) -> int:
    with path.open("rb") as file:
        return _npy_header(file)[0][0]


def _rows_of_npz(path: Path, name: str) -> int:
    with _zip(path) as archive:
        is_ragged = "row_splits.npy" in archive.namelist()
        with archive.open("row_splits.npy" if is_ragged else f"{name}.npy") as member:
            return _npy_header(member)[0][0] - is_ragged


def _rows_of_arrays(path: Path, names: Sequence[str]) -> set[int]:
    """Return the set of the numbers of rows of the columns ``names``. It has one element if they are equal."""
    counts = set()
    with _zip(path) as archive:
        members = set(archive.namelist())
        for name in names:
            for suffix in ("", ".row_splits", ".offsets"):
                if (member := f"{name}{suffix}.npy") in members:
                    with archive.open(member) as file:
                        counts.add(_npy_header(file)[0][0] - bool(suffix))
                    break
    return counts


def _rows_of_parquet(path: Path, _: str) -> int:
    from tokemb.files.arrow_files import open_parquet

    with open_parquet(path) as file:
        return int(file.metadata.num_rows)


def _rows_of_array_record(path: Path, _: str) -> int:
    from tokemb.files.array_records import count_records

    return count_records(path)


_ROW_COUNTERS: dict[str, Callable[[Path, str], int]] = {
    ".npy": _rows_of_npy,
    ".npz": _rows_of_npz,
    ".parquet": _rows_of_parquet,
    ".array_record": _rows_of_array_record,
}


def _zip(path: Path) -> ZipFile:
    import zipfile  # only here, because other formats do not need it

    return zipfile.ZipFile(path)


def _npy_header(file: IO[bytes]) -> tuple[tuple[int, ...], np.dtype[Any]]:
    """Read the shape and the dtype of an array."""
    version = np.lib.format.read_magic(file)
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, _, dtype = read(file)
    return shape, dtype
