"""The encoder of tables: columns of categories to ids and back."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tokemb._arrays import STRINGS, TOKEN_ROWS, Int32
from tokemb.encoder import Encoder
from tokemb.errors import ArgumentError, TextError
from tokemb.rows.disk_buffer import check_padding
from tokemb.rows.ragged import Ragged, check_ids
from tokemb.tables.column import Column, named_parts, of_each, suggested_dim
from tokemb.tables.fitting import Setting, column_values, fit_columns
from tokemb.tables.tables import flat_names, table_batches
from tokemb.tables.values import MISSING
from tokemb.vocabulary.pad_truncate import PadTruncate


class ColumnEncoder:
    """Tables to ids and back, made by ``ColumnEncoder.fit`` or ``ColumnEncoder.load``.

    ``columns``: what is known of each column, ``tokemb.tables.Column``, in order.
    ``vocabularies``: the ``Encoder`` of each column by its name; columns that share a vocabulary have the same.
    ``rows``: of the table that they were fitted to.

    In every vocabulary id 0 is padding, which only lists have, 1 out-of-vocabulary, 2 missing; then the values.

    >>> table = {"from": ["ZRH", "LHR", "ZRH"], "to": ["LHR", None, "OSL"], "seats": [2, 2, 1]}
    >>> encoder = ColumnEncoder.fit(table, shared=[["from", "to"]])
    >>> encoder.encode({"from": ["OSL", "SFO"], "to": ["ZRH", ""], "seats": [1, 2]})
    {'from': array([5, 1], dtype=int32), 'to': array([4, 2], dtype=int32), 'seats': array([4, 3], dtype=int32)}
    >>> encoder.vocabularies["from"].vocabulary
    ['', '[UNK]', '[MISSING]', 'LHR', 'ZRH', 'OSL']
    >>> encoder.input_dims, encoder.suggested_dims
    ({'from': 6, 'to': 6, 'seats': 5}, {'from': 4, 'to': 4, 'seats': 4})
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
        """For the library itself; ``encoders``: the vocabularies, by the numbers that ``columns`` have."""
        self.columns = tuple(columns)
        self.encoders = tuple(encoders)
        self.rows = rows
        self.vocabularies = {column.name: self.encoders[column.vocabulary] for column in self.columns}
        self._shape = PadTruncate().override(None, padding, truncating)

    # Making, keeping

    @classmethod
    def fit(
        cls,
        table: Any,  # noqa: ANN401 - anything a user may hold
        *,
        columns: Sequence[str | Sequence[str]] | None = None,
        shared: Iterable[Sequence[str]] = (),
        max_size: Setting = None,
        min_count: Setting = 1,
        maxlen: Setting = None,
        padding: str = "post",
        truncating: str = "post",
        **reading: Any,  # noqa: ANN401
    ) -> ColumnEncoder:
        """Fit vocabularies to the columns of a table.

        ``table``: an Arrow table, a pandas or Polars data frame, a dict of columns, an iterator of record batches, or
        names of files, read as ``tokemb.sources.corpus.read_table`` does, some megabytes at a time.
        ``columns``: the columns to take, ``None`` for all; a tuple of columns is one event, ``("skill", "correct")``
        the column ``skill_correct`` of tokens like ``7|1``.
        ``shared``: groups of columns that have one vocabulary, as ``[["from", "to"]]``.
        ``max_size``: at most so many values besides the reserved ones; ``min_count``: values that occur less often are
        left out; each for all columns, or a mapping from names of columns.
        ``maxlen``, ``padding``, ``truncating``: how ``encode`` makes rows of lists when it is not told otherwise.
        ``reading``: of files, the settings of ``read_table``: ``format``, ``header``, ``delimiter``, ``errors``, ...

        Raises ``ArgumentError`` for settings that cannot be, ``TextTypeError`` and ``TextError`` for a table that is
        none, or whose columns hold what is no category (docs/columns.md).
        """
        shape = PadTruncate().override(None, padding, truncating)
        wanted = None if columns is None else flat_names(columns)
        named = None if columns is None else named_parts(columns)
        batches = table_batches(table, wanted, **reading)
        fitted, encoders, rows = fit_columns(batches, named, shared, max_size, min_count, maxlen)
        return cls(fitted, encoders, rows=rows, padding=shape.padding, truncating=shape.truncating)

    @classmethod
    def load(cls, path: Path | str) -> ColumnEncoder:
        """Load what ``save`` wrote.

        Raises ``VocabularyError``, naming what is wrong, if it is missing, newer than this library, or was changed.
        """
        from tokemb.tables.folder import read_columns

        content = read_columns(Path(path))
        return cls(
            content.columns,
            content.encoders,
            rows=content.rows,
            padding=content.padding,
            truncating=content.truncating,
        )

    def save(self, path: Path | str, *, force: bool = False) -> None:
        """Write the folder of columns, whole or not at all; one that is there and holds nothing else is replaced.

        ``force``: replace a read-only folder too.
        Raises ``OSError`` if something else is there, or the folder cannot be written.
        """
        from tokemb.tables.folder import ColumnsContent, write_columns

        content = ColumnsContent(self.columns, self.encoders, self.rows, self.padding, self.truncating)
        write_columns(content, self.fingerprint, Path(path), force=force)

    # What it knows

    @property
    def names(self) -> list[str]:
        """The names of the columns."""
        return list(self.vocabularies)

    @property
    def parts(self) -> list[str]:
        """The columns that a table must have, each once."""
        return flat_names([column.parts for column in self.columns])

    @property
    def padding(self) -> str:
        """The end of lists that is padded when ``encode`` is not told: ``"pre"`` or ``"post"``."""
        return self._shape.padding

    @property
    def truncating(self) -> str:
        """The end of lists that is cut when ``encode`` is not told: ``"pre"`` or ``"post"``."""
        return self._shape.truncating

    @property
    def input_dims(self) -> dict[str, int]:
        """``input_dim`` of an ``Embedding`` for each column, the highest id + 1."""
        return {name: encoder.input_dim for name, encoder in self.vocabularies.items()}

    @property
    def suggested_dims(self) -> dict[str, int]:
        """A size of embedding for each column: ``min(600, round(1.6 * input_dim**0.56))``, fast.ai's rule."""
        return {name: suggested_dim(input_dim) for name, input_dim in self.input_dims.items()}

    @property
    def fingerprint(self) -> str:
        """SHA-256, in hexadecimal, of everything that decides the ids (not truncation and padding)."""
        known = [
            [column.name, list(column.parts), column.kind, self.vocabularies[column.name].fingerprint]
            for column in self.columns
        ]
        return hashlib.sha256(json.dumps(known, ensure_ascii=False, separators=(",", ":")).encode()).hexdigest()

    def __repr__(self) -> str:
        return f"<ColumnEncoder {', '.join(self.names)}, fingerprint {self.fingerprint[:12]}>"

    # Encoding, decoding

    def encode(
        self,
        table: Any,  # noqa: ANN401
        *,
        maxlen: Setting = None,
        padding: str | None = None,
        truncating: str | None = None,
        **reading: Any,  # noqa: ANN401
    ) -> dict[str, Int32]:
        """Turn a table into ids, as a Keras model with an input for each column takes them.

        ``table``: as for ``fit``; columns that are not asked for are left alone.
        ``maxlen``: the length of rows of lists, for all columns or a mapping from their names; ``None`` for what the
        columns were saved with, which is at first the longest row. ``padding``, ``truncating``: as in Keras'
        ``pad_sequences``. ``reading``: as for ``fit``.

        Returns, by the name of the column, int32 (rows,) for single values, int32 (rows, maxlen) for lists.
        Raises ``TextTypeError`` or ``TextError`` for columns that do not hold what they held when they were fitted, and
        ``ArgumentError`` for wrong settings.
        """
        lengths = self.lengths(maxlen)
        shape = self.pad_truncate(padding, truncating)
        encoded = self.encode_ragged(table, **reading)
        return {name: pad(rows, lengths[name], shape) for name, rows in encoded.items()}

    def encode_ragged(self, table: Any, **reading: Any) -> dict[str, Int32 | Ragged]:  # noqa: ANN401
        """Turn a table into ids without padding: int32 (rows,) for single values, a ``Ragged`` for lists.

        Arguments and errors are those of ``encode``; nothing is truncated.
        """
        parts = [self.encode_batch(batch) for batch in table_batches(table, self.parts, **reading)]
        return concatenated(parts, self.columns)

    def encode_batches(
        self,
        batches: Iterable[Any],
        *,
        maxlen: Setting = None,
        padding: str | None = None,
        truncating: str | None = None,
    ) -> Iterator[dict[str, Int32]]:
        """Encode table by table what is larger than memory: each of ``batches`` as ``encode`` does.

        Without a ``maxlen``, lists are as long as the longest of their batch.
        """
        for batch in batches:
            yield self.encode(batch, maxlen=maxlen, padding=padding, truncating=truncating)

    def encode_batch(self, batch: pa.RecordBatch) -> dict[str, Int32 | Ragged]:
        """Encode a batch of ``table_batches``."""
        encoded: dict[str, Int32 | Ragged] = {}
        for column in self.columns:
            values = column_values(column.name, column.parts, batch).as_kind(column.kind)
            if values.kind != column.kind:
                raise TextError(f"the column {column.name!r} held {column.kind} when it was fitted, now {values.kind}")
            tokens = pa.LargeListArray.from_arrays(pa.array([0, len(values.tokens)], pa.int64()), values.tokens)
            ids = self.encoders[column.vocabulary].encode_ragged(tokens).values[values.positions]
            encoded[column.name] = ids if values.row_splits is None else Ragged(ids, values.row_splits)
        return encoded

    def pad_truncate(self, padding: str | None, truncating: str | None) -> PadTruncate:
        """How lists are truncated and padded, given what is to differ from the saved settings."""
        return self._shape.override(None, padding, truncating)

    def lengths(self, maxlen: Setting) -> dict[str, int | None]:
        """The length of rows of each column, given what is to differ from the saved settings."""
        told = of_each("maxlen", maxlen, self.names)
        return {column.name: told[column.name] or column.maxlen for column in self.columns}

    def decode(self, ids: Mapping[str, npt.NDArray[Any] | Ragged]) -> pa.Table:
        """Turn ids back into a table of texts; what was missing is null, what was unknown ``[UNK]``.

        ``ids``: arrays of some of the columns as ``encode`` or ``encode_ragged`` gives them.
        Raises ``ArgumentError`` for another name or shape, and for ids that are not the column's.
        """
        kinds = {column.name: column.kind for column in self.columns}
        for name in ids:
            if name not in kinds:
                raise ArgumentError(f"there is no column {name!r}; there are {', '.join(self.names)}")
        return pa.table({name: self._decode(name, kinds[name], rows) for name, rows in ids.items()})

    def _decode(self, name: str, kind: str, rows: npt.NDArray[Any] | Ragged) -> pa.Array:
        encoder = self.vocabularies[name]
        ragged, axes = (rows, 2) if isinstance(rows, Ragged) else (None, np.ndim(rows))
        if axes != (1 if kind == "single values" else 2):
            raise ArgumentError(f"{name!r} holds {kind}, whose ids cannot be an array of {axes} axes")
        ids = check_ids(rows.values if isinstance(rows, Ragged) else rows)
        encoder.check_ids(ids)
        if kind == "lists" and ragged is None:
            splits = np.arange(len(ids) + 1, dtype=np.int64) * ids.shape[1]
            ragged = Ragged(ids.reshape(-1), splits)
        if ragged is not None:
            ragged = ragged.select(ragged.values != 0)
            ids = ragged.values
        elif ids.size and not ids.all():
            raise ArgumentError(f"id 0 is padding, which single values as those of {name!r} have none of")
        tokens = pa.array([None if token == MISSING else token for token in encoder.vocabulary], STRINGS)
        texts = tokens.take(pa.array(ids))
        if ragged is None:
            return texts
        return pa.LargeListArray.from_arrays(pa.array(ragged.row_splits), texts).cast(TOKEN_ROWS)


def pad(rows: Int32 | Ragged, maxlen: int | None, shape: PadTruncate) -> Int32:
    """Single values as they are, lists as int32 (rows, maxlen), if need be as long as the longest.

    Raises ``ArgumentError`` if next to all of a large array would be padding.
    """
    if not isinstance(rows, Ragged):
        return rows
    if maxlen is None:
        lengths, times = np.unique(rows.lengths, return_counts=True)
        check_padding(dict(zip(lengths.tolist(), times.tolist(), strict=True)), int(lengths.max(initial=0)), 4)
    return rows.pad(maxlen, padding=shape.padding, truncating=shape.truncating)


def concatenated(parts: Sequence[Mapping[str, Int32 | Ragged]], columns: Sequence[Column]) -> dict[str, Int32 | Ragged]:
    """The rows of all ``parts``, in order."""
    whole: dict[str, Int32 | Ragged] = {}
    for column in columns:
        rows = [part[column.name] for part in parts]
        ragged = [part for part in rows if isinstance(part, Ragged)]
        if column.kind == "lists":
            whole[column.name] = Ragged.concatenate(ragged)
        else:
            single = [part for part in rows if not isinstance(part, Ragged)]
            whole[column.name] = np.concatenate([np.zeros(0, np.int32), *single])
    return whole
