"""``.npz`` files: an uncompressed zip of ``.npy`` arrays, made in constant memory.

A zip says how long a member is and its checksum in front of it, and an array how many rows it has; so every array is
spooled beside the output first, and packed at the end. Zip and headers are the libraries'.
"""

from __future__ import annotations

import io
import shutil
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO

import numpy as np
import pyarrow as pa

from tokemb.errors import ArgumentError
from tokemb.writing.layout import Layout
from tokemb.writing.member_names import member_name
from tokemb.writing.npz_columns import DERIVED, Column, SpooledArray, column_for
from tokemb.writing.writer import Array, Block, Writer

_CHUNK = 1 << 20


class NpzWriter(Writer):
    """``ids`` or ``vectors`` (or ``values`` and ``row_splits``), ``lengths``, kept columns, vocabulary and padding."""

    @classmethod
    def check(cls, layout: Layout) -> None:
        """Raise ``ArgumentError`` for kept columns whose types or names a ``.npz`` cannot have."""
        check_kept(layout.kept)

    @classmethod
    def least_row_bytes(cls, layout: Layout) -> int:
        """Return the bytes of the numbers, which are spooled before they are packed."""
        return 2 * layout.row_size * layout.dtype.itemsize

    def __init__(self, path: Path, layout: Layout) -> None:
        super().__init__(path, layout)
        self._path, folder = path, path.parent
        self._arrays: dict[str, SpooledArray] = {}
        self._columns: list[Column] = []
        if layout.row_shape is None:
            self._arrays["values"] = SpooledArray(folder, layout.dtype)
            self._arrays["row_splits"] = SpooledArray(folder, np.dtype(np.int64))
            self._arrays["row_splits"].append(np.zeros(1, np.int64))
        else:
            self._arrays[layout.name] = SpooledArray(folder, layout.dtype, layout.row_shape)
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
            self._arrays["lengths"] = SpooledArray(self._path.parent, np.dtype(np.int32))
        self._arrays["lengths"].append(block.lengths.astype(np.int32))

    def _complete(self) -> None:
        pack(self._path, self._all_arrays(), self._facts())

    def _all_arrays(self) -> Iterator[tuple[str, SpooledArray]]:
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


def pack(path: Path, arrays: Iterable[tuple[str, SpooledArray]], facts: Iterable[tuple[str, Array]]) -> None:
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
