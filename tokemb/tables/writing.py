"""Writers of encoded tables: ``.npz`` with one array per column, or ``.parquet``."""

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
from tokemb.formats.npz import check_kept_columns, pack
from tokemb.formats.npz_columns import BufferedArray, KeptColumn, column_for
from tokemb.rows.ragged import Ragged

FORMATS = (".npz", ".parquet")
FINGERPRINT = "fingerprint"

# The ids of each column: int32 (rows,), int32 (rows, maxlen), or ragged.
Ids = Mapping[str, Int32 | Ragged]


class TableWriter(ABC):
    """Writer of ids and kept columns to one file.

    Attributes:
        rows: The number of rows written so far.
    """

    rows = 0

    def append(self, ids: Ids, kept_columns: pa.RecordBatch) -> None:
        """Append rows.

        Args:
            ids: The ids of each column.
            kept_columns: The kept columns of the same rows.
        """
        self._write(ids, kept_columns)
        self.rows += len(next(iter(ids.values())))

    @abstractmethod
    def _write(self, ids: Ids, kept_columns: pa.RecordBatch) -> None:
        """Write the rows."""

    @abstractmethod
    def complete(self) -> None:
        """Write the data that follow the last row."""

    @abstractmethod
    def close(self) -> None:
        """Close the files, also after an error."""


@contextmanager
def open_table_writer(
    path: Path, like: Ids, kept_columns: pa.Schema, fingerprint: str, *, force: bool = False
) -> Iterator[TableWriter]:
    """Open a writer to a file, which appears when the context is left without an error.

    Args:
        path: The file. Its extension is the format.
        like: Ids with the columns and the axes of those to write.
        kept_columns: The schema of the kept columns.
        fingerprint: The fingerprint of the ``ColumnEncoder``.
        force: Whether to replace a file that does not hold ids of columns.

    Yields:
        The writer.

    Raises:
        ArgumentError: If the file cannot hold a name or a type.
        OutputExistsError: If an existing file must not be replaced.
        OSError: If the file cannot be written.
    """
    check_names(path, list(like), kept_columns)
    kind: type[_Npz | _Parquet] = _Npz if path.suffix == ".npz" else _Parquet
    with atomic_file(path, table_kind(path.suffix), force=force) as temporary:
        writer = kind(temporary, like, kept_columns, fingerprint)
        try:
            yield writer
            writer.complete()
        finally:
            writer.close()
        check_table_rows(temporary, path.suffix, [*like, *kept_columns.names], writer.rows)


def check_target(path: Path, force: bool) -> None:
    """Raise the ``OSError`` that ``open_table_writer`` would raise for an existing file, before any work is done."""
    check_output(path, table_kind(path.suffix), force=force)


def check_names(path: Path, names: list[str], kept_columns: pa.Schema) -> None:
    """Raise the ``ArgumentError`` that ``open_table_writer`` would raise, before any work is done."""
    if path.suffix not in FORMATS:
        raise ArgumentError(f"the output of a table must end in {' or '.join(FORMATS)}; received {path}")
    all_names = [*names, *kept_columns.names]
    for name in all_names:
        if all_names.count(name) > 1 or name == FINGERPRINT:
            why = "another column has" if name != FINGERPRINT else "tokemb uses"
            raise ArgumentError(
                f"a column of {path} cannot be called {name!r}, a name that {why}: rename it, or leave it out"
            )
    if path.suffix == ".npz":
        check_kept_columns(pa.schema([*((name, pa.int32()) for name in names), *kept_columns]))


class _Npz(TableWriter):
    def __init__(self, path: Path, like: Ids, kept_columns: pa.Schema, fingerprint: str) -> None:
        self._path, self._fingerprint = path, fingerprint
        self._arrays: dict[str, BufferedArray] = {}
        self._totals = {name: 0 for name, rows in like.items() if isinstance(rows, Ragged)}
        self._kept_columns: list[KeptColumn] = []
        for name, rows in like.items():
            if isinstance(rows, Ragged):
                self._arrays[f"{name}.values"] = BufferedArray(path.parent, np.dtype(np.int32))
                self._arrays[f"{name}.row_splits"] = BufferedArray(path.parent, np.dtype(np.int64))
                self._arrays[f"{name}.row_splits"].append(np.zeros(1, np.int64))
            else:
                self._arrays[name] = BufferedArray(path.parent, np.dtype(np.int32), rows.shape[1:])
        self._kept_columns = [column_for(field)(path.parent, field) for field in kept_columns]

    def _write(self, ids: Ids, kept_columns: pa.RecordBatch) -> None:
        for name, rows in ids.items():
            if isinstance(rows, Ragged):
                self._arrays[f"{name}.values"].append(rows.values)
                self._arrays[f"{name}.row_splits"].append(self._totals[name] + rows.row_splits[1:])
                self._totals[name] += len(rows.values)
            else:
                self._arrays[name].append(rows)
        for column, values in zip(self._kept_columns, kept_columns.columns, strict=True):
            column.append(values)

    def complete(self) -> None:
        kept_columns = (pair for column in self._kept_columns for pair in column.arrays())
        pack(self._path, [*self._arrays.items(), *kept_columns], [(FINGERPRINT, np.array(self._fingerprint))])

    def close(self) -> None:
        for array in self._arrays.values():
            array.close()
        for column in self._kept_columns:
            column.close()


class _Parquet(TableWriter):
    def __init__(self, path: Path, like: Ids, kept_columns: pa.Schema, fingerprint: str) -> None:
        import pyarrow.parquet as pq

        ids = [
            (name, pa.int32() if isinstance(rows, np.ndarray) and rows.ndim == 1 else pa.list_(pa.int32()))
            for name, rows in like.items()
        ]
        self._schema = pa.schema([*ids, *kept_columns], {f"tokemb.{FINGERPRINT}": fingerprint})
        self._file = path.open("xb")
        self._writer = pq.ParquetWriter(self._file, self._schema, compression="zstd", write_page_checksum=True)

    def _write(self, ids: Ids, kept_columns: pa.RecordBatch) -> None:
        arrays = [_arrow(rows) for rows in ids.values()]
        self._writer.write_batch(pa.RecordBatch.from_arrays([*arrays, *kept_columns.columns], schema=self._schema))

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
