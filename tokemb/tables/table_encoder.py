"""Encode tables as ids and decode ids as tables."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from tokemb._arrays import Array
from tokemb.encoder import Encoder
from tokemb.errors import ArgumentError
from tokemb.rows.ragged import Ragged
from tokemb.sources.cells import CellParser, parse_cells
from tokemb.sources.columns import Location
from tokemb.tables.column import Column, setting_by_column, suggested_dim
from tokemb.tables.column_ids import decode_column, encode_column
from tokemb.tables.encoded_table import EncodedTable, Rows, concatenate, pad
from tokemb.tables.fitting import Setting
from tokemb.tables.selection import cells_of
from tokemb.tables.tables import flat_names, table_batches
from tokemb.vocabulary.pad_truncate import PadTruncate


class TableEncoder:
    """Encode tables as ids and decode ids as tables, with one vocabulary per column or group of columns.

    Users make a ``tokemb.tables.ColumnEncoder``, which documents the attributes.
    """

    def __init__(
        self,
        columns: Sequence[Column],
        encoders: Sequence[Encoder],
        *,
        rows: int,
        padding: str = "post",
        truncating: str = "post",
    ) -> None:
        """Initialize the encoder. Users call ``ColumnEncoder.fit`` or ``ColumnEncoder.load`` instead.

        Args:
            columns: The columns.
            encoders: The vocabularies. ``Column.vocabulary`` is an index of this list.
            rows: The number of rows of the fitted table.
            padding: The default side of padding.
            truncating: The default side of truncation.
        """
        self.columns = tuple(columns)
        self.encoders = tuple(encoders)
        self.rows = rows
        self.vocabularies = {
            column.name: self.encoders[column.vocabulary] for column in self.columns if column.vocabulary is not None
        }
        self._shape = PadTruncate().override(None, padding, truncating)

    @property
    def names(self) -> list[str]:
        """The names of the columns."""
        return [column.name for column in self.columns]

    @property
    def number_names(self) -> list[str]:
        """The names of the columns of numbers."""
        return [column.name for column in self.columns if column.kind == "numbers"]

    @property
    def cells(self) -> dict[str, CellParser]:
        """The parsers of columns of lists and numbers, for ``tokemb.sources.corpus.read_table``."""
        return cells_of(self.columns)

    @property
    def parts(self) -> list[str]:
        """The names of the columns that a table must have, without duplicates."""
        return flat_names([column.parts for column in self.columns])

    @property
    def padding(self) -> str:
        """The default side of padding of lists and texts: ``"pre"`` or ``"post"``."""
        return self._shape.padding

    @property
    def truncating(self) -> str:
        """The default side of truncation of lists and texts: ``"pre"`` or ``"post"``."""
        return self._shape.truncating

    @property
    def input_dims(self) -> dict[str, int]:
        """The ``input_dim`` of an ``Embedding`` for each column of texts or values: the highest id plus one."""
        return {name: encoder.input_dim for name, encoder in self.vocabularies.items()}

    @property
    def suggested_dims(self) -> dict[str, int]:
        """The suggested size of an embedding for each column of values. See ``suggested_dim``."""
        dims, texts = self.input_dims, {column.name for column in self.columns if column.kind == "texts"}
        return {name: suggested_dim(input_dim) for name, input_dim in dims.items() if name not in texts}

    @property
    def fingerprint(self) -> str:
        """SHA-256, in hexadecimal, of everything that decides the ids. Truncation and padding are not included."""
        identity = [self._identity(column) for column in self.columns]
        return hashlib.sha256(json.dumps(identity, ensure_ascii=False, separators=(",", ":")).encode()).hexdigest()

    def _identity(self, column: Column) -> list[Any]:
        decided_by = [] if column.separator is None else [column.separator]
        if column.numbers is not None:
            decided_by = [repr(column.numbers.mean)]
        vocabulary = self.vocabularies.get(column.name)
        fingerprint = [] if vocabulary is None else [vocabulary.fingerprint]
        return [column.name, list(column.parts), column.kind, *fingerprint, *decided_by]

    def encode(
        self,
        table: Any,  # noqa: ANN401
        *,
        maxlen: Setting = None,
        padding: str | None = None,
        truncating: str | None = None,
        **reading: Any,  # noqa: ANN401
    ) -> dict[str, Array]:
        """Encode a table for a Keras model with one input per column.

        Args:
            table: A table, as for ``ColumnEncoder.fit``. Other columns are ignored.
            maxlen: The length of encoded lists and texts. An integer for all columns, or a mapping from names of
                columns. ``None`` for the saved length, or that of the longest row, but at least 1, if none is saved.
            padding: The side of padding, as in Keras' ``pad_sequences``. The saved one by default.
            truncating: The side of truncation. The saved one by default.
            **reading: Arguments for files, as for ``ColumnEncoder.fit``.

        Returns:
            Arrays by the names of columns: int32 (rows,) for single values, int32 (rows, maxlen) for lists and texts,
            float32 (rows,) for numbers.

        Raises:
            ArgumentError: If an argument is invalid.
            TextTypeError: If a column does not hold categories.
            TextError: If a column is missing, or holds lists and held single values when it was fitted, or the reverse,
                or a value is not a number.
        """
        shape = self.pad_truncate(padding, truncating)
        batches = table_batches(table, self.parts, cells=self.cells, **reading)
        encoded = self.encode_table(batches, maxlen=maxlen, padding=padding, truncating=truncating)
        arrays = {name: pad(rows, encoded.maxlen[name], shape) for name, rows in encoded.columns.items()}
        for name, array in arrays.items():
            if len(array) and not array.size:  # recurrent layers and maxima require at least one position
                arrays[name] = np.zeros((len(array), 1), np.int32)
        return arrays

    def encode_table(
        self,
        batches: Iterable[pa.RecordBatch],
        *,
        maxlen: Setting = None,
        padding: str | None = None,
        truncating: str | None = None,
    ) -> EncodedTable:
        """Encode the batches of ``table_batches`` without padding, for padded batches that a model is trained on.

        The other arguments and errors are those of ``encode``.
        """
        lengths, shape = self.lengths(maxlen), self.pad_truncate(padding, truncating)
        encoded = concatenate([self.encode_batch(batch, lengths, shape) for batch in batches], self.columns)
        return EncodedTable.of(encoded, lengths, shape.padding, shape.truncating)

    def encode_ragged(self, table: Any, **reading: Any) -> dict[str, Rows]:  # noqa: ANN401
        """Encode a table without padding or truncation. Arguments and errors are those of ``encode``.

        Returns:
            By the names of columns: int32 (rows,) for single values, a ``Ragged`` for lists and texts, float32 (rows,)
            for numbers.
        """
        batches = table_batches(table, self.parts, cells=self.cells, **reading)
        return concatenate([self.encode_batch(batch) for batch in batches], self.columns)

    def encode_batches(
        self,
        batches: Iterable[Any],
        *,
        maxlen: Setting = None,
        padding: str | None = None,
        truncating: str | None = None,
    ) -> Iterator[dict[str, Array]]:
        """Encode a table that is larger than memory, batch by batch.

        Args:
            batches: Tables, as for ``encode``.
            maxlen: The length of encoded lists. By default the saved length, or that of the longest list of each batch.
            padding: The side of padding.
            truncating: The side of truncation.

        Yields:
            The ids of each batch, as ``encode`` returns them.
        """
        for batch in batches:
            yield self.encode(batch, maxlen=maxlen, padding=padding, truncating=truncating)

    def encode_batch(
        self,
        batch: pa.RecordBatch,
        lengths: Mapping[str, int | None] | None = None,
        shape: PadTruncate | None = None,
        threads: int | None = None,
    ) -> dict[str, Rows]:
        """Encode a batch of ``table_batches``. The values are those of ``encode_ragged``.

        Args:
            batch: The columns.
            lengths: The length that texts are truncated to, by the name of the column. ``None`` does not truncate.
                Lists are not truncated.
            shape: The side of truncation. ``None`` for the saved one.
            threads: The number of threads for texts. ``None`` uses all cores.
        """
        batch = parse_cells(batch, self.cells, Location("the table", "row", 1))  # unless its reader has parsed them
        shape = shape or self._shape
        return {
            column.name: encode_column(
                column, self.vocabularies, batch, (lengths or {}).get(column.name), shape, threads
            )
            for column in self.columns
        }

    def pad_truncate(self, padding: str | None, truncating: str | None) -> PadTruncate:
        """Return the saved truncation and padding, with the arguments that are not ``None`` in their place."""
        return self._shape.override(None, padding, truncating)

    def lengths(self, maxlen: Setting) -> dict[str, int | None]:
        """Return the length of encoded rows of each column: ``maxlen``, or the saved one where it is ``None``."""
        overrides = setting_by_column("maxlen", maxlen, self.names)
        return {column.name: overrides[column.name] or column.maxlen for column in self.columns}

    def decode(self, ids: Mapping[str, Array | Ragged]) -> pa.Table:
        """Decode ids to a table of texts. Missing values are null, values out of vocabulary ``[UNK]``.

        Columns of texts are decoded as by ``Encoder.decode``, and numbers are returned unchanged.

        Args:
            ids: The ids of some columns by name, as ``encode`` or ``encode_ragged`` returns them.

        Raises:
            ArgumentError: If a name is unknown, an array has the wrong number of axes, or an id is invalid.
        """
        columns = {column.name: column for column in self.columns}
        for name in ids:
            if name not in columns:
                raise ArgumentError(f"ids must be of the columns {', '.join(self.names)}; received {name!r}")
        return pa.table({name: decode_column(columns[name], self.vocabularies, rows) for name, rows in ids.items()})
