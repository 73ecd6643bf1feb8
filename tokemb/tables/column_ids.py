"""Encode and decode the values or texts of a column. Numbers are returned as they are."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pyarrow as pa

from tokemb._arrays import STRINGS, TOKEN_ROWS, Array, Int32
from tokemb.encoder import Encoder
from tokemb.errors import ArgumentError, TextError
from tokemb.rows.ragged import Ragged, check_ids
from tokemb.rows.threads import worth_kernel
from tokemb.tables.column import Column
from tokemb.tables.encoded_table import Rows
from tokemb.tables.fitting import column_texts, column_values
from tokemb.tables.values import MISSING, single_texts
from tokemb.vocabulary.pad_truncate import PadTruncate


def encode_column(
    column: Column,
    vocabularies: Mapping[str, Encoder],
    batch: pa.RecordBatch,
    maxlen: int | None,
    shape: PadTruncate,
    threads: int | None,
) -> Rows:
    """Encode a column of a batch.

    Args:
        column: The column.
        vocabularies: The vocabulary of each column but those of numbers, by its name.
        batch: The batch.
        maxlen: The length that texts are truncated to. ``None`` does not truncate.
        shape: The side of truncation.
        threads: The number of threads for texts. ``None`` uses all cores.
    """
    if column.numbers is not None:
        return batch.column(column.parts[0]).fill_null(column.numbers.mean).to_numpy().astype(np.float32)
    encoder = vocabularies[column.name]
    if column.kind == "texts":
        texts = column_texts(column.parts[0], batch)
        return encoder.encode_ragged(texts, maxlen=maxlen, truncating=shape.truncating, threads=threads)
    return _encode_values(column, encoder, batch)


def _encode_values(column: Column, encoder: Encoder, batch: pa.RecordBatch) -> Int32 | Ragged:
    if column.kind == "single values" and len(column.parts) == 1:
        texts = single_texts(column.name, batch.column(column.parts[0]))
        if texts is not None and (encoder.buckets is not None or worth_kernel(len(texts))):
            # A kernel looks up all values faster than their distinct values are found.
            missing_id = encoder.token_ids(pa.array([MISSING], STRINGS))[0]
            return encoder.token_ids(texts, empty_id=int(missing_id))
    values = column_values(column.name, column.parts, batch).as_kind(column.kind)
    if values.kind != column.kind:
        raise TextError(
            f"the column {column.name!r} must hold {column.kind}, as when it was fitted; received {values.kind}"
        )
    ids = encoder.token_ids(values.tokens)[values.positions]
    return ids if values.row_splits is None else Ragged(ids, values.row_splits)


def decode_column(column: Column, vocabularies: Mapping[str, Encoder], rows: Array | Ragged) -> pa.Array:
    """Decode the ids of a column to texts, or to lists of texts. Return numbers unchanged.

    Args:
        column: The column.
        vocabularies: The vocabulary of each column but those of numbers, by its name.
        rows: The ids, as ``ColumnEncoder.encode`` or ``ColumnEncoder.encode_ragged`` returns them.

    Raises:
        ArgumentError: If ``rows`` has the wrong number of axes, or an id is invalid.
    """
    if column.kind == "numbers":
        return pa.array(np.asarray(rows, np.float32))
    encoder = vocabularies[column.name]
    if column.kind == "texts":
        return pa.array(encoder.decode(rows), STRINGS)
    is_list = column.kind == "lists"
    axes = 2 if isinstance(rows, Ragged) else np.ndim(rows)
    if axes != 1 + is_list:
        shape = "(rows, maxlen)" if is_list else "(rows,)"
        raise ArgumentError(f"ids of {column.name!r}, which holds {column.kind}, must be {shape}; received {axes} axes")
    ids = check_ids(rows.values if isinstance(rows, Ragged) else rows)
    encoder.check_ids(ids)
    tokens = pa.array([None if token == MISSING else token for token in encoder.vocabulary], STRINGS)
    if not is_list:
        if not ids.all():
            raise ArgumentError(
                f"ids of {column.name!r} must not be 0, which is padding: the column holds single values"
            )
        return tokens.take(pa.array(ids))
    if not isinstance(rows, Ragged):
        rows = Ragged(ids.reshape(-1), np.arange(len(ids) + 1, dtype=np.int64) * ids.shape[1])
    rows = rows.select(rows.values != 0)
    texts = tokens.take(pa.array(rows.values))
    return pa.LargeListArray.from_arrays(pa.array(rows.row_splits), texts).cast(TOKEN_ROWS)
