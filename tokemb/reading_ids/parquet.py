"""``.parquet`` files with a column of lists of ids."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.types as pt

from tokemb.arrow_files import open_parquet
from tokemb.errors import ArgumentError
from tokemb.expansion import is_bomb
from tokemb.parquet_footer import read_chunks
from tokemb.ragged import Ragged
from tokemb.reading_ids.source import BLOCK, LARGEST_READ, IdBlock, IdsSource, broken, changed, int32_ids

# Rows of lists whose lengths are not known before.
_ROWS = 1 << 14
# Bytes of a column that are read at a time.
_READ_BUFFER = 1 << 20


class ParquetSource(IdsSource):
    """The column ``ids``, or the only one of lists of whole numbers; the others are kept."""

    def __init__(self, path: Path, schema: pa.Schema, rows: int) -> None:
        self.column = _ids_column(path, schema)
        self._schema = schema
        facts = schema.metadata or {}
        kind = schema.field(self.column).type
        maxlen = kind.list_size if pt.is_fixed_size_list(kind) else _number(path, facts, b"tokemb.maxlen")
        kept = schema.remove(schema.get_field_index(self.column)).remove_metadata()
        fingerprint = facts.get(b"tokemb.fingerprint", b"").decode(errors="replace")
        dtype = np.dtype(kind.value_type.to_pandas_dtype())
        super().__init__(path, maxlen, rows, dtype, kept, fingerprint, _number(path, facts, b"tokemb.pad_id"))

    def blocks(self, row_size: int | None = None) -> Iterator[IdBlock]:
        """Read row group by row group."""
        given = 0
        rows = _ROWS if self.maxlen is None else min(self._rows_at_a_time(row_size), BLOCK)
        # Without these two Arrow reads the whole file ahead.
        sparing: dict[str, Any] = {"buffer_size": _READ_BUFFER, "pre_buffer": False}
        with sound(self.path), open_parquet(self.path, page_checksum_verification=True, **sparing) as file:
            self._check_row_sizes()
            if not file.schema_arrow.equals(self._schema) or file.metadata.num_rows != self.rows:
                raise changed(self.path)
            for batch in file.iter_batches(rows, use_threads=False):
                given += len(batch)
                yield self._block(batch)
            if given != self.rows:
                raise ArgumentError(f"{self.path} must hold {self.rows:,} rows as it says; it holds {given:,}")
        if not given and self.maxlen is not None:
            nothing = pa.RecordBatch.from_pylist([], self.kept)
            yield IdBlock(np.zeros((0, self.maxlen), np.int32), nothing)

    def _check_row_sizes(self) -> None:
        """Raise an error if one row can take far more memory than all rows take in the file."""
        with self.path.open("rb") as file:
            chunks = [chunk for group in read_chunks(file) for chunk in group if chunk.path[0] == self.column]
        padded = bool(self.maxlen) and sum(chunk.values for chunk in chunks) == (self.rows or 0) * (self.maxlen or 0)
        for chunk in chunks:
            # Without a length that the file declares, one row may have all values.
            size = 8 * ((self.maxlen or 0) if padded else chunk.values)
            if is_bomb(size, chunk.stored, LARGEST_READ):
                raise ArgumentError(
                    f"{self.path} has {chunk.values:,} ids in {chunk.stored:,} bytes: no ids are that regular"
                )

    def _block(self, batch: pa.RecordBatch) -> IdBlock:
        lists = batch.column(self.column)
        if lists.null_count or lists.flatten().null_count:
            raise ArgumentError(f"{self.path} holds a missing row or id in its column {self.column}: fill it first")
        kept = batch.drop_columns([self.column]).replace_schema_metadata()
        ids = int32_ids(lists.flatten().to_numpy(), self.path)
        if pt.is_fixed_size_list(lists.type):
            return IdBlock(ids.reshape(len(lists), lists.type.list_size), kept)
        splits = lists.offsets.to_numpy().astype(np.int64)
        rows = Ragged(ids, splits - splits[0])
        if self.maxlen is None:
            return IdBlock(rows, kept)
        if np.any(rows.lengths != self.maxlen):
            raise ArgumentError(f"{self.path} says that its rows have {self.maxlen} ids, and holds others")
        return IdBlock(ids.reshape(len(rows), self.maxlen), kept)


def open_source(path: Path) -> ParquetSource:
    """Look at the columns; raises ``ArgumentError`` if none can be the ids."""
    with sound(path), open_parquet(path) as file:
        return ParquetSource(path, file.schema_arrow, file.metadata.num_rows)


@contextmanager
def sound(path: Path) -> Iterator[None]:
    """Raise what is wrong with a file as ``ArgumentError``, naming it; failures of the disk stay ``OSError``."""
    try:
        yield
    except ArgumentError:
        raise
    except (pa.ArrowException, OSError, ValueError) as error:
        if isinstance(error, OSError) and error.errno is not None:  # of the disk: Arrow's own have no number
            raise
        raise broken(path, ".parquet", error) from None


def _ids_column(path: Path, schema: pa.Schema) -> str:
    lists = [field.name for field in schema if _is_ids(field.type)]
    if "ids" in lists or len(lists) == 1:
        name = "ids" if "ids" in lists else str(lists[0])
        if schema.names.count(name) > 1:
            raise ArgumentError(f"{path} has the column {name!r} more than once: remove all but one")
        return name
    raise ArgumentError(
        f"{path} must have a column ids of lists of whole numbers, or only one such; it has "
        f"{', '.join(f'{field.name} {field.type}' for field in schema)}"
    )


def _is_ids(kind: pa.DataType) -> bool:
    is_list = pt.is_list(kind) or pt.is_large_list(kind) or pt.is_fixed_size_list(kind)
    return is_list and pt.is_integer(kind.value_type)


def _number(path: Path, facts: dict[bytes, bytes], key: bytes) -> int | None:
    try:
        return int(facts[key]) if key in facts else None
    except ValueError:
        raise ArgumentError(f"{path} has {facts[key]!r} as its {key.decode()}, which is no number") from None
