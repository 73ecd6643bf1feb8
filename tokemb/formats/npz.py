"""NumPy ``.npz`` files: read ids, and write ids or vectors with their kept columns.

A zip stores the length and the checksum of a member in front of it, and an array its number of rows. Every array is
therefore buffered in a file beside the output and packed at the end.
"""

from __future__ import annotations

import io
import shutil
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, Any

import numpy as np
import pyarrow as pa

from tokemb._arrays import Array, Int64
from tokemb.errors import ArgumentError
from tokemb.formats.member_names import SUFFIX, column_name, member_name
from tokemb.formats.npz_columns import DERIVED, BufferedArray, KeptColumn, column_for
from tokemb.formats.npz_member import Header, Member, read_header, read_scalar
from tokemb.formats.output_options import OutputOptions
from tokemb.formats.source import BLOCK, IdBlock, IdsSource, changed_file, int32_ids, invalid_file
from tokemb.formats.writer import Block, Writer
from tokemb.rows.ragged import Ragged

# The number of ragged rows whose splits are read at a time.
_ROWS = 1 << 16

# Exceptions of zipfile, zlib and Arrow for damaged archives.
_ARCHIVE_ERRORS = (
    zipfile.BadZipFile,
    zlib.error,
    ValueError,
    EOFError,
    NotImplementedError,
    RuntimeError,
    pa.ArrowException,
)

# Suffixes of the arrays of a ragged column of a table, after its name and a dot.
RAGGED = ("values", "row_splits")

_RESERVED_NAMES = {"ids", "values", "row_splits", "lengths", "pad_id", "fingerprint"}


class NpzSource(IdsSource):
    """The array ``ids`` (rows, maxlen), or ``values`` and ``row_splits``. Arrays with as many rows are kept columns."""

    def __init__(self, path: Path, archive: zipfile.ZipFile) -> None:
        self._headers = read_headers(archive)
        self._ids = _ids_name(path, self._headers)
        header = self._headers[self._ids]
        rows = header.shape[0] if self._ids != "values" else max(self._headers["row_splits"].shape[0] - 1, 0)
        fingerprint = read_scalar(archive, self._headers.get("fingerprint"), "U")
        pad_id = read_scalar(archive, self._headers.get("pad_id"), "iu")
        maxlen = None if self._ids == "values" else header.shape[1]
        kept_columns = kept_schema(self._headers, self._ids, rows)
        super().__init__(path, maxlen, rows, header.dtype, kept_columns, fingerprint or "", pad_id)
        self._rows = rows

    def _blocks(self, row_size: int | None = None) -> Iterator[IdBlock]:
        """Yield the rows of all arrays, read in parallel. See ``IdsSource.blocks``."""
        with validate(self.path), zipfile.ZipFile(self.path) as archive, ExitStack() as stack:
            if read_headers(archive) != self._headers:
                raise changed_file(self.path)

            def open_member(name: str) -> Member:
                return stack.enter_context(Member(archive, self._headers[name]))

            columns = {field.name: _ColumnReader(field, self._headers, open_member) for field in self.kept_columns}
            for ids in self._ids_blocks(open_member, row_size):
                kept_columns = [columns[field.name].read(len(ids)) for field in self.kept_columns]
                yield IdBlock(ids, pa.RecordBatch.from_arrays(kept_columns, schema=self.kept_columns))

    def _ids_blocks(self, open_member: Any, row_size: int | None) -> Iterator[Any]:  # noqa: ANN401
        ids = open_member(self._ids)
        if self.maxlen is not None:
            step = self._rows_at_a_time(row_size)
            for start in range(0, max(self._rows, 1), step):
                yield int32_ids(ids.read(min(step, self._rows - start)), self.path)
            return
        splits = open_member("row_splits")
        last = splits.read(1).astype(np.int64)
        total = self._headers["values"].shape[0]
        rows_read = 0
        if not self._rows:
            self._check_row_splits(last, total, first=True, last=True)
        while rows_read < self._rows:
            ends = splits.read(min(_ROWS, self._rows - rows_read)).astype(np.int64)
            part = np.concatenate([last, ends])
            self._check_row_splits(part, total, first=rows_read == 0, last=rows_read + len(ends) == self._rows)
            rows_read, last = rows_read + len(ends), part[-1:]
            yield from self._ragged(ids, part)

    def _ragged(self, ids: Member, splits: Int64) -> Iterator[Ragged]:
        starts = np.unique(np.searchsorted(splits, np.arange(splits[0], splits[-1], BLOCK))).tolist()
        bounds = sorted({0, *starts, len(splits) - 1})
        for start, stop in zip(bounds, bounds[1:], strict=False):
            part = splits[start : stop + 1] - splits[start]
            yield Ragged(int32_ids(ids.read(int(part[-1])), self.path), part)

    def _check_row_splits(self, splits: Int64, total: int, first: bool, last: bool) -> None:
        outside = (first and splits[0] != 0) or (last and splits[-1] != total)
        # Neighbours are compared, since the differences of extreme values wrap around.
        if outside or np.any(splits[1:] < splits[:-1]) or splits[-1] > total:
            raise ArgumentError(f"{self.path}: row_splits must ascend from 0 to the {total} ids in values")


class _ColumnReader:
    """Reader of a kept column, which consists of one to three arrays."""

    def __init__(self, field: pa.Field, headers: dict[str, Header], open_member: Any) -> None:  # noqa: ANN401
        self._field = field
        header = headers.get(field.name)
        # Fixed-width texts each take as much memory as the longest, so few are read at a time.
        self._step = header.rows_at_a_time if header is not None and header.dtype.kind == "U" else None
        missing = f"{field.name}.missing"
        self._missing = open_member(missing) if missing in headers else None
        self._offsets: Member | None = None
        if field.name in headers:
            self._values = open_member(field.name)
        else:
            self._values, self._offsets = open_member(f"{field.name}.utf8"), open_member(f"{field.name}.offsets")
            self._last = self._offsets.read(1).astype(np.int64)
            if self._last[0] != 0:
                raise ArgumentError(f"the offsets of {field.name!r} must start at 0; received {self._last[0]}")

    def read(self, rows: int) -> pa.Array:
        """Read the values of the next rows."""
        mask = None if self._missing is None else self._missing.read(rows)
        if self._step is not None:
            return pa.array(self._texts(rows, self._step), self._field.type, mask=mask, from_pandas=False)
        if self._offsets is None:
            return pa.array(self._values.read(rows), self._field.type, mask=mask, from_pandas=False)
        offsets = np.concatenate([self._last, self._offsets.read(rows).astype(np.int64)])
        if np.any(offsets[1:] < offsets[:-1]):
            raise ArgumentError(f"the offsets of {self._field.name!r} do not ascend")
        self._last = offsets[-1:]
        utf8 = self._values.read(int(offsets[-1] - offsets[0])).tobytes()
        buffers = [None, pa.py_buffer(offsets - offsets[0]), pa.py_buffer(utf8)]
        texts = pa.Array.from_buffers(pa.large_string(), rows, buffers)
        texts.validate(full=True)
        if mask is None:
            return texts
        return pa.array(texts.to_numpy(zero_copy_only=False), pa.large_string(), mask=mask)

    def _texts(self, rows: int, step: int) -> list[str]:
        """Read fixed-width texts, ``step`` at a time, as Python objects: Arrow ends each at its first NUL."""
        parts = (self._values.read(min(step, rows - start)) for start in range(0, rows, step))
        return [text for part in parts for text in part.tolist()]


def _ids_name(path: Path, headers: dict[str, Header]) -> str:
    """Return the name of the array of ids: ``ids``, ``values``, or the only integer array of two axes."""

    def is_integers(name: str, axes: int) -> bool:
        return name in headers and len(headers[name].shape) == axes and headers[name].dtype.kind in "iu"

    rows = [name for name in headers if is_integers(name, 2)]
    if "ids" in rows:
        return "ids"
    if is_integers("values", 1) and is_integers("row_splits", 1) and headers["row_splits"].shape[0]:
        return "values"
    if len(rows) == 1:
        return rows[0]
    contents = ", ".join(f"{name} {header.dtype} {header.shape}" for name, header in headers.items()) or "no arrays"
    raise ArgumentError(
        f"{path} must hold ids, integers (rows, maxlen), or values and row_splits; it holds {contents:.300}"
    )


def read_headers(archive: zipfile.ZipFile) -> dict[str, Header]:
    """Read the header of each array.

    Returns:
        The headers by the names of their columns.

    Raises:
        ArgumentError: If a member is not an array of numbers, or several members have one name.
    """
    headers: dict[str, Header] = {}
    for info in archive.infolist():
        if not info.filename.endswith(SUFFIX):
            continue
        name = column_name(info.filename)
        if name in headers:
            raise ArgumentError(f"{info.filename} occurs more than once: write each array once, under its own name")
        headers[name] = read_header(archive, info)
    return headers


def kept_schema(headers: dict[str, Header], ids: str, rows: int) -> pa.Schema:
    """Return the schema of the kept columns.

    Args:
        headers: The headers by the names of their columns.
        ids: The name of the array of ids.
        rows: The number of rows.
    """
    types = {}
    for name, header in headers.items():
        if name in _RESERVED_NAMES or name == ids or name.endswith(".missing") or len(header.shape) != 1:
            continue
        if name.endswith(".utf8") and f"{name.removesuffix('.utf8')}.offsets" in headers:
            types[name.removesuffix(".utf8")] = pa.large_string()
        elif header.shape[0] == rows and header.dtype.kind in "biufUM" and not _is_text_offsets(name, headers):
            types[name] = pa.array(np.zeros(0, header.dtype)).type
    return pa.schema(types)


def _is_text_offsets(name: str, headers: dict[str, Header]) -> bool:
    return name.endswith(".offsets") and f"{name.removesuffix('.offsets')}.utf8" in headers


@contextmanager
def validate(path: Path) -> Iterator[None]:
    """Convert errors about a damaged archive to an ``ArgumentError`` that names the file."""
    try:
        yield
    except ArgumentError as error:
        raise error if str(path) in str(error) else invalid_file(path, ".npz", error) from None
    except _ARCHIVE_ERRORS as error:
        raise invalid_file(path, ".npz", error) from None


def open_source(path: Path) -> NpzSource:
    """Open an archive and read the headers of its arrays.

    Raises:
        ArgumentError: If no array holds ids, or an array holds Python objects.
    """
    with validate(path), zipfile.ZipFile(path) as archive:
        return NpzSource(path, archive)


_CHUNK = 1 << 20


class NpzWriter(Writer):
    """Writer of ``ids`` or ``vectors`` (or ``values`` and ``row_splits``), ``lengths``, kept columns and scalars.

    The arrays of a column of a table are ``name``, or ``name.values`` and ``name.row_splits``.
    """

    @classmethod
    def check(cls, layout: OutputOptions) -> None:
        """Raise ``ArgumentError`` for columns whose types or names a ``.npz`` cannot hold."""
        for field in layout.kept_columns:
            column_for(field)
        derived = {column.name: () if column.row_shape is not None else RAGGED for column in layout.table}
        derived |= dict.fromkeys(layout.kept_columns.names, DERIVED)
        for name in derived:
            if "\0" in name or name.endswith(".npy"):
                raise ArgumentError(f"an array in a .npz cannot be called {name!r}: rename it, or write .parquet")
            base, _, suffix = name.rpartition(".")
            if suffix in (*DERIVED, *derived.get(base, ())) and base in derived:
                raise ArgumentError(
                    f"in a .npz, {name!r} is an array of the column {base!r}: rename one, or write .parquet"
                )

    @classmethod
    def least_row_bytes(cls, layout: OutputOptions) -> int:
        """Return the size in bytes of the numbers, twice: they are buffered before they are packed."""
        return 2 * layout.row_size * layout.dtype.itemsize

    def __init__(self, path: Path, layout: OutputOptions) -> None:
        super().__init__(path, layout)
        self._path, folder = path, path.parent
        self._arrays: dict[str, BufferedArray] = {}
        self._columns: list[KeptColumn] = []
        self._totals: dict[str, int] = {}
        for column in layout.columns:
            if column.row_shape is not None:
                self._arrays[column.name] = BufferedArray(folder, layout.dtype, column.row_shape)
                continue
            values, row_splits = self._ragged_names(column.name)
            self._arrays[values] = BufferedArray(folder, layout.dtype)
            self._arrays[row_splits] = BufferedArray(folder, np.dtype(np.int64))
            self._arrays[row_splits].append(np.zeros(1, np.int64))
            self._totals[column.name] = 0
        self._columns = [column_for(field)(folder, field) for field in layout.kept_columns]

    def _write(self, block: Block) -> None:
        for name, rows in block.columns.items():
            if rows.ragged_splits is None:
                self._arrays[name].append(rows.values)
                continue
            values, row_splits = self._ragged_names(name)
            self._arrays[values].append(rows.values)
            self._arrays[row_splits].append(self._totals[name] + rows.ragged_splits[1:])
            self._totals[name] += len(rows.values)
        if self.layout.row_shape is not None:
            self._append_lengths(block)
        for column, values in zip(self._columns, block.kept_columns.columns, strict=True):
            column.append(values)

    def _ragged_names(self, name: str) -> tuple[str, str]:
        prefix = f"{name}." if self.layout.table else ""
        return f"{prefix}values", f"{prefix}row_splits"

    def _append_lengths(self, block: Block) -> None:
        if block.lengths is None:
            if "lengths" in self._arrays:
                raise ValueError("lengths must come with every block or with none")
            return
        if "lengths" not in self._arrays:
            if self.rows:
                raise ValueError("lengths must come with every block or with none")
            self._arrays["lengths"] = BufferedArray(self._path.parent, np.dtype(np.int32))
        self._arrays["lengths"].append(block.lengths.astype(np.int32))

    def _complete(self) -> None:
        pack(self._path, self._all_arrays(), self._scalars())

    def _all_arrays(self) -> Iterator[tuple[str, BufferedArray]]:
        yield from self._arrays.items()
        for column in self._columns:
            yield from column.arrays()

    def _scalars(self) -> Iterator[tuple[str, Array]]:
        """Yield the names and values of arrays without axes."""
        if self.layout.fingerprint:
            yield "fingerprint", np.array(self.layout.fingerprint)
        if self.layout.pad_id is not None:
            yield "pad_id", np.array(self.layout.pad_id, np.int64)

    def _close(self) -> None:
        for array in self._arrays.values():
            array.close()
        for column in self._columns:
            column.close()


def pack(path: Path, arrays: Iterable[tuple[str, BufferedArray]], scalars: Iterable[tuple[str, Array]]) -> None:
    """Write an archive.

    Args:
        path: The path of the archive, which must not exist.
        arrays: The names and buffers of the arrays.
        scalars: The names and values of small arrays that follow.
    """
    with zipfile.ZipFile(path, "x", zipfile.ZIP_STORED) as archive:
        for name, buffered in arrays:
            with _member(archive, name) as member, buffered.completed() as file:
                shutil.copyfileobj(file, member, _CHUNK)
        for name, value in scalars:
            with _member(archive, name) as member:
                # Through memory: NumPy calls fileno and tofile for a file on disk, which a member is not.
                content = io.BytesIO()
                np.lib.format.write_array(content, value, version=(1, 0), allow_pickle=False)
                member.write(content.getvalue())


def _member(archive: zipfile.ZipFile, name: str) -> IO[bytes]:
    # ZipInfo has a fixed time, so that the same rows give the same bytes.
    return archive.open(zipfile.ZipInfo(member_name(name)), "w", force_zip64=True)
