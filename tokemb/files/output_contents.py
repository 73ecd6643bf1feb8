"""Recognize what a file of rows holds, by a few of its bytes, and count its rows where the file says how many."""

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

# Axes and kinds of dtype of an array of rows; rows of vectors have the axes of what the model gives.
_KINDS = {"ids": "iu", "vectors": "f"}

# Bytes of a record of TensorFlow in which its features are looked for.
_RECORD = 1 << 24


def rows_kind(suffix: str, name: str) -> Kind:
    """Return the kind of files of ``suffix`` that hold rows of ``name``, ``"ids"`` or ``"vectors"``."""
    return Kind(f"a {suffix} file of {name}", partial(_matches, _RECOGNIZED[suffix], name))


def table_kind(suffix: str) -> Kind:
    """Return the kind of files of ``suffix`` that hold ids of the columns of a table.

    A ``.tfrecord`` or ``.jsonl`` of them could also be the table that was encoded, if that holds integers.
    """
    if suffix not in (".npz", ".parquet"):
        return Kind("known to be a file of ids of columns", lambda _: False)
    return Kind(f"a {suffix} file of ids of columns", partial(_matches, _is_table, suffix))


def check_rows(path: Path, suffix: str, name: str, rows: int) -> None:
    """Raise ``RowsLostError`` if a file says that it holds other than ``rows`` rows, as ``.npy`` and others do."""
    found = _COUNTED[suffix](path, name) if suffix in _COUNTED else rows
    if found != rows:
        raise _lost(suffix, rows, found)


def check_table_rows(path: Path, suffix: str, names: Sequence[str], rows: int) -> None:
    """Raise ``RowsLostError`` if a ``.npz`` or ``.parquet`` of a table has a column of other than ``rows`` rows."""
    if suffix not in (".npz", ".parquet"):
        return
    counts = {_rows_of_parquet(path, "")} if suffix == ".parquet" else _rows_of_arrays(path, names)
    for found in counts - {rows}:
        raise _lost(suffix, rows, found)


def _lost(suffix: str, rows: int, found: int) -> RowsLostError:
    return RowsLostError(
        f"{rows:,} rows were given to a {suffix} file that holds {found:,}, which is a defect of tokemb: "
        "please report it"
    )


def _matches(recognize: Callable[[Path, str], bool], name: str, path: Path) -> bool:
    try:
        return recognize(path, name)
    except PermissionError:
        raise
    except Exception:  # what is no file of the format can have libraries raise anything
        return False


def _is_npy(path: Path, name: str) -> bool:
    with path.open("rb") as file:
        shape, dtype = _npy_header(file)
    return dtype.kind in _KINDS[name] and (len(shape) == 2 if name == "ids" else len(shape) >= 2)


def _is_npz(path: Path, name: str) -> bool:
    with _zip(path) as archive:
        names = set(archive.namelist())
    is_ragged = name == "ids" and {"values.npy", "row_splits.npy"} <= names
    # What export-vectors writes has vectors too, and the tokens beside them.
    return is_ragged or (f"{name}.npy" in names and "tokens.npy" not in names)


def _is_parquet(path: Path, name: str) -> bool:
    import pyarrow.types as pt

    from tokemb.files.arrow_files import open_parquet

    with open_parquet(path) as file:
        schema = file.schema_arrow
    kind = schema.field(name).type
    return name in schema.names and (pt.is_list(kind) or pt.is_fixed_size_list(kind))


def _is_tfrecord(path: Path, name: str) -> bool:
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        file.read(4)
        record = file.read(min(length, _RECORD))
    # The key of a feature, as a protocol buffer writes an entry of a map.
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


_RECOGNIZED: dict[str, Callable[[Path, str], bool]] = {
    ".npy": _is_npy,
    ".npz": _is_npz,
    ".parquet": _is_parquet,
    ".tfrecord": _is_tfrecord,
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
    """Return the numbers of rows of the columns ``names``, which are one number if all is well."""
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


_COUNTED: dict[str, Callable[[Path, str], int]] = {
    ".npy": _rows_of_npy,
    ".npz": _rows_of_npz,
    ".parquet": _rows_of_parquet,
}


def _zip(path: Path) -> ZipFile:
    import zipfile  # here, so that other formats do not wait for it

    return zipfile.ZipFile(path)


def _npy_header(file: IO[bytes]) -> tuple[tuple[int, ...], np.dtype[Any]]:
    """Read the shape and the dtype of an array."""
    version = np.lib.format.read_magic(file)
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, _, dtype = read(file)
    return shape, dtype
