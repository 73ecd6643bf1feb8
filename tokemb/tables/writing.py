"""Tables to a file of ids: ``.npz`` with an array for each column, or ``.parquet``."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pyarrow as pa

from tokemb._arrays import Int32
from tokemb.errors import ArgumentError
from tokemb.files.atomic import atomic_file, check_output
from tokemb.files.output_contents import check_table_rows, table_kind
from tokemb.formats.npz import check_kept, pack
from tokemb.formats.npz_columns import BufferedArray, column_for
from tokemb.formats.npz_columns import Column as KeptColumn
from tokemb.rows.ragged import Ragged

FORMATS = (".npz", ".parquet")
FINGERPRINT = "fingerprint"

# int32 (rows,), int32 (rows, maxlen), or rows of lists as they are.
Ids = Mapping[str, Int32 | Ragged]


class TableWriter(ABC):
    """Writes batches of ids, and kept columns beside them, into one file; ``rows``: how many there are so far."""

    rows = 0

    def append(self, ids: Ids, kept: pa.RecordBatch) -> None:
        """Add rows: ``ids`` of each column, and as many rows of ``kept``."""
        self._write(ids, kept)
        self.rows += len(next(iter(ids.values())))

    @abstractmethod
    def _write(self, ids: Ids, kept: pa.RecordBatch) -> None:
        """Add rows."""

    @abstractmethod
    def complete(self) -> None:
        """Write what comes after the last row."""

    @abstractmethod
    def close(self) -> None:
        """Let go of what is open, also after an error."""


@contextmanager
def open_table_writer(
    path: Path, like: Ids, kept: pa.Schema, fingerprint: str, *, force: bool = False
) -> Iterator[TableWriter]:
    """Write a file that appears when the context is left without an error, whole.

    ``path``: its extension is the format. ``like``: ids of as many axes and columns as will come. ``force``: replace a
    file that does not hold ids of columns.
    Raises ``ArgumentError`` for names and types that the file cannot have, ``OutputExistsError`` for a file that must
    not be replaced, ``OSError`` if it cannot be written.
    """
    check_names(path, list(like), kept)
    kind: type[_Npz | _Parquet] = _Npz if path.suffix == ".npz" else _Parquet
    with atomic_file(path, table_kind(path.suffix), force=force) as temporary:
        writer = kind(temporary, like, kept, fingerprint)
        try:
            yield writer
            writer.complete()
        finally:
            writer.close()
        check_table_rows(temporary, path.suffix, [*like, *kept.names], writer.rows)


def check_target(path: Path, force: bool) -> None:
    """Raise ``OSError`` if ``open_table_writer`` would for what is at ``path``, to know it before any work."""
    check_output(path, table_kind(path.suffix), force=force)


def check_names(path: Path, names: list[str], kept: pa.Schema) -> None:
    """Raise ``ArgumentError`` for an extension, or names and types, that ``open_table_writer`` cannot do."""
    if path.suffix not in FORMATS:
        raise ArgumentError(f"ids of columns go to {' or '.join(FORMATS)}; received {path}")
    every = [*names, *kept.names]
    for name in every:
        if every.count(name) > 1 or name == FINGERPRINT:
            why = "is a column of ids or kept already" if name != FINGERPRINT else "is tokemb's own"
            raise ArgumentError(
                f"a column of {path} cannot be called {name!r}, which {why}: rename it, or leave it out"
            )
    if path.suffix == ".npz":
        check_kept(pa.schema([*((name, pa.int32()) for name in names), *kept]))


class _Npz(TableWriter):
    def __init__(self, path: Path, like: Ids, kept: pa.Schema, fingerprint: str) -> None:
        self._path, self._fingerprint = path, fingerprint
        self._arrays: dict[str, BufferedArray] = {}
        self._totals = {name: 0 for name, rows in like.items() if isinstance(rows, Ragged)}
        self._kept: list[KeptColumn] = []
        for name, rows in like.items():
            if isinstance(rows, Ragged):
                self._arrays[f"{name}.values"] = BufferedArray(path.parent, np.dtype(np.int32))
                self._arrays[f"{name}.row_splits"] = BufferedArray(path.parent, np.dtype(np.int64))
                self._arrays[f"{name}.row_splits"].append(np.zeros(1, np.int64))
            else:
                self._arrays[name] = BufferedArray(path.parent, np.dtype(np.int32), rows.shape[1:])
        self._kept = [column_for(field)(path.parent, field) for field in kept]

    def _write(self, ids: Ids, kept: pa.RecordBatch) -> None:
        for name, rows in ids.items():
            if isinstance(rows, Ragged):
                self._arrays[f"{name}.values"].append(rows.values)
                self._arrays[f"{name}.row_splits"].append(self._totals[name] + rows.row_splits[1:])
                self._totals[name] += len(rows.values)
            else:
                self._arrays[name].append(rows)
        for column, values in zip(self._kept, kept.columns, strict=True):
            column.append(values)

    def complete(self) -> None:
        kept = (pair for column in self._kept for pair in column.arrays())
        pack(self._path, [*self._arrays.items(), *kept], [(FINGERPRINT, np.array(self._fingerprint))])

    def close(self) -> None:
        for array in self._arrays.values():
            array.close()
        for column in self._kept:
            column.close()


class _Parquet(TableWriter):
    def __init__(self, path: Path, like: Ids, kept: pa.Schema, fingerprint: str) -> None:
        import pyarrow.parquet as pq

        ids = [
            (name, pa.int32() if isinstance(rows, np.ndarray) and rows.ndim == 1 else pa.list_(pa.int32()))
            for name, rows in like.items()
        ]
        self._schema = pa.schema([*ids, *kept], {f"tokemb.{FINGERPRINT}": fingerprint})
        self._file = path.open("xb")
        self._writer = pq.ParquetWriter(self._file, self._schema, compression="zstd", write_page_checksum=True)

    def _write(self, ids: Ids, kept: pa.RecordBatch) -> None:
        arrays = [_arrow(rows) for rows in ids.values()]
        self._writer.write_batch(pa.RecordBatch.from_arrays([*arrays, *kept.columns], schema=self._schema))

    def complete(self) -> None:
        self._writer.close()

    def close(self) -> None:
        self._writer.close()
        self._file.close()


def _arrow(rows: Int32 | Ragged) -> pa.Array:
    if isinstance(rows, np.ndarray):
        if rows.ndim == 1:
            return pa.array(rows)
        rows = Ragged(rows.reshape(-1), np.arange(len(rows) + 1, dtype=np.int64) * rows.shape[1])
    return pa.ListArray.from_arrays(pa.array(rows.row_splits.astype(np.int32)), pa.array(rows.values))
