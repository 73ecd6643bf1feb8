"""NumPy ``.npz`` files: read ids, and write ids or vectors with their columns.

A zip says how long a member is and its checksum in front of it, and an array how many rows it has; so every array is
spooled beside the output first, and packed at the end. Zip and headers are the libraries'.
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

from tokemb._arrays import Int64
from tokemb.errors import ArgumentError
from tokemb.formats.member_names import SUFFIX, column_name, member_name
from tokemb.formats.npz_columns import DERIVED, BufferedArray, Column, column_for
from tokemb.formats.npz_member import Header, Member, read_header, read_scalar
from tokemb.formats.output_options import OutputOptions
from tokemb.formats.source import BLOCK, IdBlock, IdsSource, broken, changed, int32_ids
from tokemb.formats.writer import Array, Block, Writer
from tokemb.rows.ragged import Ragged

# Rows of lists whose lengths are not known before.
_ROWS = 1 << 16

# What zipfile, zlib and Arrow raise for archives that are damaged.
_BROKEN = (
    zipfile.BadZipFile,
    zlib.error,
    ValueError,
    EOFError,
    NotImplementedError,
    RuntimeError,
    pa.ArrowException,
)

_OWN = {"ids", "values", "row_splits", "lengths", "pad_id", "fingerprint"}


class NpzSource(IdsSource):
    """``ids`` (rows, maxlen), or ``values`` and ``row_splits``; arrays of as many rows are kept columns."""

    def __init__(self, path: Path, archive: zipfile.ZipFile) -> None:
        self._headers = read_headers(archive)
        self._ids = _ids_name(path, self._headers)
        header = self._headers[self._ids]
        rows = header.shape[0] if self._ids != "values" else max(self._headers["row_splits"].shape[0] - 1, 0)
        fingerprint = read_scalar(archive, self._headers.get("fingerprint"), "U")
        pad_id = read_scalar(archive, self._headers.get("pad_id"), "iu")
        maxlen = None if self._ids == "values" else header.shape[1]
        kept = kept_schema(self._headers, self._ids, rows)
        super().__init__(path, maxlen, rows, header.dtype, kept, fingerprint or "", pad_id)
        self._rows = rows

    def blocks(self, row_size: int | None = None) -> Iterator[IdBlock]:
        """Read all arrays side by side."""
        with validate(self.path), zipfile.ZipFile(self.path) as archive, ExitStack() as stack:
            if read_headers(archive) != self._headers:
                raise changed(self.path)

            def opened(name: str) -> Member:
                return stack.enter_context(Member(archive, self._headers[name]))

            columns = {field.name: _Column(field, self._headers, opened) for field in self.kept}
            for ids in self._ids_blocks(opened, row_size):
                kept = [columns[field.name].read(len(ids)) for field in self.kept]
                yield IdBlock(ids, pa.RecordBatch.from_arrays(kept, schema=self.kept))

    def _ids_blocks(self, opened: Any, row_size: int | None) -> Iterator[Any]:  # noqa: ANN401
        ids = opened(self._ids)
        if self.maxlen is not None:
            step = self._rows_at_a_time(row_size)
            for start in range(0, max(self._rows, 1), step):
                yield int32_ids(ids.read(min(step, self._rows - start)), self.path)
            return
        splits = opened("row_splits")
        last = splits.read(1).astype(np.int64)
        total = self._headers["values"].shape[0]
        done = 0
        while done < self._rows:
            ends = splits.read(min(_ROWS, self._rows - done)).astype(np.int64)
            part = np.concatenate([last, ends])
            self._check(part, total, first=done == 0, last=done + len(ends) == self._rows)
            done, last = done + len(ends), part[-1:]
            yield from self._ragged(ids, part)

    def _ragged(self, ids: Member, splits: Int64) -> Iterator[Ragged]:
        cuts = np.unique(np.searchsorted(splits, np.arange(splits[0], splits[-1], BLOCK))).tolist()
        bounds = sorted({0, *cuts, len(splits) - 1})
        for start, stop in zip(bounds, bounds[1:], strict=False):
            part = splits[start : stop + 1] - splits[start]
            yield Ragged(int32_ids(ids.read(int(part[-1])), self.path), part)

    def _check(self, splits: Int64, total: int, first: bool, last: bool) -> None:
        outside = (first and splits[0] != 0) or (last and splits[-1] != total)
        if outside or np.any(np.diff(splits) < 0) or splits[-1] > total:
            raise ArgumentError(f"{self.path}: row_splits must ascend from 0 to the {total} ids in values")


class _Column:
    """A kept column, read from its one, two or three arrays."""

    def __init__(self, field: pa.Field, headers: dict[str, Header], opened: Any) -> None:  # noqa: ANN401
        self._field = field
        header = headers.get(field.name)
        # NumPy's own texts all take as much memory as the longest, so few are read at a time.
        self._step = header.rows_at_a_time if header is not None and header.dtype.kind == "U" else None
        missing = f"{field.name}.missing"
        self._missing = opened(missing) if missing in headers else None
        self._offsets: Member | None = None
        if field.name in headers:
            self._values = opened(field.name)
        else:
            self._values, self._offsets = opened(f"{field.name}.utf8"), opened(f"{field.name}.offsets")
            self._last = self._offsets.read(1).astype(np.int64)

    def read(self, rows: int) -> pa.Array:
        """The values of the next rows."""
        mask = None if self._missing is None else self._missing.read(rows)
        if self._step is not None:
            return pa.array(self._texts(rows, self._step), self._field.type, mask=mask, from_pandas=False)
        if self._offsets is None:
            return pa.array(self._values.read(rows), self._field.type, mask=mask, from_pandas=False)
        offsets = np.concatenate([self._last, self._offsets.read(rows).astype(np.int64)])
        if np.any(np.diff(offsets) < 0):
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
        """Read NumPy's own texts, ``step`` at a time. Arrow ends each at its first NUL."""
        parts = (self._values.read(min(step, rows - start)) for start in range(0, rows, step))
        return [text for part in parts for text in part.tolist()]


def _ids_name(path: Path, headers: dict[str, Header]) -> str:
    """The array of the ids: by its name, or the only one that can be."""

    def is_whole(name: str, axes: int) -> bool:
        return name in headers and len(headers[name].shape) == axes and headers[name].dtype.kind in "iu"

    rows = [name for name in headers if is_whole(name, 2)]
    if "ids" in rows:
        return "ids"
    if is_whole("values", 1) and is_whole("row_splits", 1) and headers["row_splits"].shape[0]:
        return "values"
    if len(rows) == 1:
        return rows[0]
    held = ", ".join(f"{name} {header.dtype} {header.shape}" for name, header in headers.items()) or "no arrays"
    raise ArgumentError(
        f"{path} must hold ids, whole numbers (rows, maxlen), or values and row_splits; it holds {held:.300}"
    )


def read_headers(archive: zipfile.ZipFile) -> dict[str, Header]:
    """Read what stands in front of each array, by the name of its column.

    Raises:
        ArgumentError: If there is no array of numbers in a member, or several have one name.
    """
    headers: dict[str, Header] = {}
    for info in archive.infolist():
        if not info.filename.endswith(SUFFIX):
            continue
        name = column_name(info.filename)
        if name in headers:
            raise ArgumentError(f"{info.filename} is there more than once: write each array once, under its own name")
        headers[name] = read_header(archive, info)
    return headers


def kept_schema(headers: dict[str, Header], ids: str, rows: int) -> pa.Schema:
    """The columns of ``rows`` rows beside the array called ``ids``."""
    types = {}
    for name, header in headers.items():
        if name in _OWN or name == ids or name.endswith(".missing") or len(header.shape) != 1:
            continue
        if name.endswith(".utf8") and f"{name.removesuffix('.utf8')}.offsets" in headers:
            types[name.removesuffix(".utf8")] = pa.large_string()
        elif header.shape[0] == rows and header.dtype.kind in "biufUM" and not _is_part(name, headers):
            types[name] = pa.array(np.zeros(0, header.dtype)).type
    return pa.schema(types)


def _is_part(name: str, headers: dict[str, Header]) -> bool:
    return name.endswith(".offsets") and f"{name.removesuffix('.offsets')}.utf8" in headers


@contextmanager
def validate(path: Path) -> Iterator[None]:
    """Raise what is wrong with an archive as ``ArgumentError``, naming the file."""
    try:
        yield
    except ArgumentError as error:
        raise error if str(path) in str(error) else broken(path, ".npz", error) from None
    except _BROKEN as error:
        raise broken(path, ".npz", error) from None


def open_source(path: Path) -> NpzSource:
    """Look at the arrays; raises ``ArgumentError`` if none can be the ids, or one holds Python objects."""
    with validate(path), zipfile.ZipFile(path) as archive:
        return NpzSource(path, archive)


_CHUNK = 1 << 20


class NpzWriter(Writer):
    """``ids`` or ``vectors`` (or ``values`` and ``row_splits``), ``lengths``, kept columns, vocabulary and padding."""

    @classmethod
    def check(cls, layout: OutputOptions) -> None:
        """Raise ``ArgumentError`` for kept columns whose types or names a ``.npz`` cannot have."""
        check_kept(layout.kept)

    @classmethod
    def least_row_bytes(cls, layout: OutputOptions) -> int:
        """Return the bytes of the numbers, which are spooled before they are packed."""
        return 2 * layout.row_size * layout.dtype.itemsize

    def __init__(self, path: Path, layout: OutputOptions) -> None:
        super().__init__(path, layout)
        self._path, folder = path, path.parent
        self._arrays: dict[str, BufferedArray] = {}
        self._columns: list[Column] = []
        if layout.row_shape is None:
            self._arrays["values"] = BufferedArray(folder, layout.dtype)
            self._arrays["row_splits"] = BufferedArray(folder, np.dtype(np.int64))
            self._arrays["row_splits"].append(np.zeros(1, np.int64))
        else:
            self._arrays[layout.name] = BufferedArray(folder, layout.dtype, layout.row_shape)
        self._total = 0
        self._columns = [column_for(field)(folder, field) for field in layout.kept]

    def _write(self, block: Block) -> None:
        if block.row_splits is not None:
            self._arrays["values"].append(block.values)
            self._arrays["row_splits"].append(self._total + block.row_splits[1:])
            self._total += len(block.values)
        else:
            self._arrays[self.layout.name].append(block.values)
            self._append_lengths(block)
        for column, values in zip(self._columns, block.kept.columns, strict=True):
            column.append(values)

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
        pack(self._path, self._all_arrays(), self._facts())

    def _all_arrays(self) -> Iterator[tuple[str, BufferedArray]]:
        yield from self._arrays.items()
        for column in self._columns:
            yield from column.arrays()

    def _facts(self) -> Iterator[tuple[str, Array]]:
        """Arrays without axes: what is true of all rows."""
        if self.layout.fingerprint:
            yield "fingerprint", np.array(self.layout.fingerprint)
        if self.layout.pad_id is not None:
            yield "pad_id", np.array(self.layout.pad_id, np.int64)

    def _close(self) -> None:
        for array in self._arrays.values():
            array.close()
        for column in self._columns:
            column.close()


def pack(path: Path, arrays: Iterable[tuple[str, BufferedArray]], facts: Iterable[tuple[str, Array]]) -> None:
    """Write the file: ``arrays`` that were spooled, then ``facts``, small ones."""
    with zipfile.ZipFile(path, "x", zipfile.ZIP_STORED) as archive:
        for name, spooled in arrays:
            with _member(archive, name) as member, spooled.complete() as file:
                shutil.copyfileobj(file, member, _CHUNK)
        for name, value in facts:
            with _member(archive, name) as member:
                # Into memory first: NumPy takes some pains with what it takes for a file on disk.
                content = io.BytesIO()
                np.lib.format.write_array(content, value, version=(1, 0), allow_pickle=False)
                member.write(content.getvalue())


def check_kept(kept: pa.Schema) -> None:
    """Raise ``ArgumentError`` for kept columns whose types or names a ``.npz`` cannot have."""
    for field in kept:
        column_for(field)
        if "\0" in field.name or field.name.endswith(".npy"):
            raise ArgumentError(f"an array in a .npz cannot be called {field.name!r}: rename it, or write .parquet")
        base, _, suffix = field.name.rpartition(".")
        if suffix in DERIVED and base in kept.names:
            raise ArgumentError(
                f"in a .npz {field.name!r} is a part of the column {base!r}: rename one, or write .parquet"
            )


def _member(archive: zipfile.ZipFile, name: str) -> IO[bytes]:
    # Without the time of day, so that the same rows give the same bytes.
    return archive.open(zipfile.ZipInfo(member_name(name)), "w", force_zip64=True)
