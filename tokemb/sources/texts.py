"""Texts in memory, converted to Arrow.

Texts are an iterable of ``str``, a column of NumPy, Arrow or a library that supports the Arrow protocols, or rows that
are lists of tokens. They become Arrow arrays of bounded size and of one of two types: ``large_string`` (one text per
row) or ``large_list<large_string>`` (one list of tokens per row).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from itertools import chain, tee
from typing import Any

import numpy as np
import pyarrow as pa

from tokemb._arrays import STRINGS, TOKEN_ROWS, Array, Int64
from tokemb.errors import TextError, TextTypeError
from tokemb.rows.string_buffers import arrow_strings
from tokemb.sources.numpy_strings import from_numpy
from tokemb.sources.tensorflow_texts import is_tensorflow, tensorflow_columns
from tokemb.sources.wrong_texts import warn_of_whole_texts, wrong_array, wrong_row, wrong_table

# Bytes of text per batch: enough to keep all threads busy.
BATCH_BYTES = 8 << 20
# Maximum number of rows per batch, since rows can have few bytes or none.
BATCH_ROWS = 1 << 17

# Rows of a list that are measured together, while they are in the processor's cache.
_ROWS_AT_ONCE = 256

_ARROW_PROTOCOLS = ("__arrow_c_stream__", "__arrow_c_array__", "__arrow_array__")


def batches(texts: Any) -> Iterator[pa.Array]:  # noqa: ANN401 - anything a user may hold
    """Yield texts as Arrow arrays of about ``BATCH_BYTES`` of text each.

    Args:
        texts: An iterable of ``str`` or of lists of ``str``; a NumPy array of strings; an Arrow array of strings or of
            lists of strings, or an object that converts to one (a pandas or Polars Series); an iterator of Arrow
            arrays, or of record batches, of which the first column is used; a ``tf.data.Dataset`` of strings, its
            iterator, or a tensor of strings. Generators are read lazily.

    Yields:
        Arrow arrays ``(rows,)``: ``large_string``, or ``large_list<large_string>`` for rows of tokens.

    Raises:
        TextTypeError: If ``texts`` is a single ``str``, ``bytes``, a table or something else that is not a column, or
            if a row is not text. The message names the row.
        TextError: If a value is missing or has a lone surrogate. The message names the row.

    Warns:
        UserWarning: If every row is a list of one token and most of these tokens contain white space.
    """
    first, kind = 0, None
    for batch in _raw_batches(texts):
        column = _rows_to_arrow(batch, first) if isinstance(batch, list) else _check_arrow(batch, first)
        if first == 0 and column.type == TOKEN_ROWS and isinstance(batch, list):
            warn_of_whole_texts(batch)
        if len(column):
            if kind not in (None, column.type):
                raise wrong_row(column[0].as_py(), first)
            kind = column.type
        yield from slices(column)
        first += len(batch)


def tee_if_iterator(texts: Any) -> tuple[Any, Any]:  # noqa: ANN401
    """Return ``texts`` twice, so that they can be read twice. Iterators are copied, since they yield each row once."""
    if not isinstance(texts, Iterator):
        return texts, texts
    if is_tensorflow(texts):
        texts = (text for column in batches(texts) for text in column.to_pylist())
    first, second = tee(texts)
    return first, second


def _raw_batches(texts: Any) -> Iterator[pa.Array | list[Any]]:  # noqa: ANN401
    """Split a column into Arrow arrays, or into lists of rows if it has no Arrow arrays."""
    if isinstance(texts, (pa.Array, pa.ChunkedArray)):
        yield from _merge_small_chunks(texts) if isinstance(texts, pa.ChunkedArray) else [texts]
        return
    if not isinstance(texts, (list, tuple, np.ndarray)) and is_tensorflow(texts):
        yield from tensorflow_columns(texts)
        return
    _check_column(texts)
    column = None if isinstance(texts, (list, tuple, np.ndarray, Iterator)) else _to_arrow(texts)
    if column is not None:
        yield from _raw_batches(column)
    elif isinstance(texts, np.ndarray):
        yield from _numpy_batches(texts)
    elif isinstance(texts, (list, tuple)):
        yield from _list_batches(texts)
    else:
        yield from _iterator_batches(iter(texts))


def _merge_small_chunks(column: pa.ChunkedArray) -> Iterator[pa.Array]:
    """Yield the chunks of a column and concatenate small ones: a shuffled table of `datasets` has one chunk per row."""
    small: list[pa.Array] = []
    size = 0
    # String views are not concatenated, since older versions of Arrow do not support it.
    limit = BATCH_BYTES if _is_plain(column.type) else 0
    for chunk in column.chunks:
        if small and size + chunk.nbytes > limit:
            yield _concat(small)
            small, size = [], 0
        small.append(chunk)
        size += chunk.nbytes
    if small:
        yield _concat(small)


def _concat(chunks: list[pa.Array]) -> pa.Array:
    return pa.concat_arrays(chunks) if len(chunks) > 1 else chunks[0]


def _is_plain(kind: pa.DataType) -> bool:
    plain = kind.value_type if _is_list(kind) else kind
    return pa.types.is_string(plain) or pa.types.is_large_string(plain)


def _check_column(texts: Any) -> None:  # noqa: ANN401
    if isinstance(texts, str):
        raise TextTypeError(
            "texts must be a column of texts, not one str: pass [text] for a text, or pathlib.Path(text) for a file"
        )
    if isinstance(texts, (bytes, bytearray)):
        raise TextTypeError(f"texts must be a column of str, not {type(texts).__name__}: decode it first")
    if isinstance(texts, Mapping) or hasattr(texts, "columns") or hasattr(texts, "column_names"):
        raise wrong_table(texts)
    if isinstance(texts, Set):
        raise TextTypeError("texts must be in an order, and a set has none: pass a list")
    if isinstance(texts, np.ndarray) and texts.ndim != 1:
        raise wrong_array(texts)
    if not isinstance(texts, Iterable) and not any(hasattr(texts, name) for name in _ARROW_PROTOCOLS):
        raise TextTypeError(f"texts must be a column of texts; received {type(texts).__name__}")


def _to_arrow(texts: Any) -> pa.Array | pa.ChunkedArray | None:  # noqa: ANN401
    """Return the Arrow column of an object of another library. ``None`` if it does not support Arrow."""
    holder = getattr(texts, "array", None)  # in older pandas, this attribute supports Arrow and the Series does not
    try:
        if hasattr(texts, "__arrow_c_stream__"):
            column = pa.chunked_array(texts)
        elif any(hasattr(texts, name) for name in _ARROW_PROTOCOLS):
            column = pa.array(texts)
        elif hasattr(holder, "__arrow_array__"):
            column = pa.array(holder)
        else:
            return None
    except (pa.ArrowException, TypeError, ValueError):
        if not isinstance(texts, Iterable):
            raise
        return None  # the rows are checked one by one, which gives a better message
    if pa.types.is_struct(column.type):
        raise wrong_table(texts)
    return column


def _numpy_batches(array: Array) -> Iterator[pa.Array | list[Any]]:
    is_strings = array.dtype.kind in ("U", "T")  # strings of fixed width, or NumPy 2's StringDType
    step = max(BATCH_BYTES // max(array.itemsize, 1), 1) if is_strings else max(len(array), 1)
    for start in range(0, len(array), step):
        rows = array[start : start + step]
        try:
            batch = from_numpy(rows, STRINGS) if is_strings else list(rows)
        except (pa.ArrowException, TypeError, ValueError):
            batch = list(rows)  # the rows are checked one by one, which gives a better message
        yield batch


def _list_batches(rows: Sequence[Any]) -> Iterator[list[Any]]:
    """Split rows into batches of about ``BATCH_BYTES``, as ``_iterator_batches`` does, but measure many at a time."""
    start = size = 0
    for stop in range(_ROWS_AT_ONCE, len(rows), _ROWS_AT_ONCE):
        size += _size(rows[stop - _ROWS_AT_ONCE : stop])
        if size >= BATCH_BYTES or stop - start >= BATCH_ROWS:
            yield list(rows[start:stop])
            start, size = stop, 0
    if start < len(rows):
        yield list(rows[start:])


def _size(rows: Sequence[Any]) -> int:
    """Return the sum of ``_row_size`` over the rows."""
    if all(issubclass(kind, str) for kind in set(map(type, rows))):
        return sum(map(len, rows))
    return sum(map(_row_size, rows))


def _row_size(row: object) -> int:
    """Return the number of characters of a text. A row of tokens is estimated at eight per token."""
    return len(row) if isinstance(row, str) else 8 * len(row) if isinstance(row, Sequence) else 1


def _iterator_batches(rows: Iterator[Any]) -> Iterator[pa.Array | list[Any]]:
    chunk: list[Any] = []
    size = 0
    for row in rows:
        if isinstance(row, (pa.Array, pa.ChunkedArray, pa.RecordBatch)):
            if chunk:
                yield chunk
                chunk, size = [], 0
            yield from _raw_batches(row.column(0) if isinstance(row, pa.RecordBatch) else row)
            continue
        chunk.append(row)
        size += _row_size(row)
        if size >= BATCH_BYTES or len(chunk) >= BATCH_ROWS:
            yield chunk
            chunk, size = [], 0
    if chunk:
        yield chunk


def _check_arrow(column: pa.Array, first: int) -> pa.Array:
    """Check and convert an Arrow array whose first row is ``texts[first]``."""
    if column.null_count:
        raise TextError(f"texts[{first + _first_true(column.is_null())}] is missing: fill or drop it first")
    if pa.types.is_dictionary(column.type):
        return _check_arrow(decode_dictionary(column), first)
    kind = column.type
    try:
        column.validate(full=True)
    except pa.ArrowInvalid as error:
        raise TextError(f"texts are not a valid Arrow array: {error}") from None
    if is_string(kind):
        return column.cast(STRINGS)
    if _is_list(kind) and is_string(kind.value_type):
        rows = column.cast(TOKEN_ROWS)
        if rows.flatten().null_count:
            row = next(i for i, tokens in enumerate(rows) if tokens.values.null_count)
            raise TextError(f"texts[{first + row}] contains a missing token: fill or drop it first")
        return rows
    remedy = ": pass texts.cast(pa.string())" if pa.types.is_binary(kind) or pa.types.is_large_binary(kind) else ""
    raise TextTypeError(
        f"texts must be a column of strings or of lists of strings; received Arrow {column.type}{remedy}"
    )


def decode_dictionary(column: pa.Array) -> pa.Array:
    """Return a column without dictionary encoding."""
    if not pa.types.is_dictionary(column.type):
        return column
    if pa.types.is_string_view(column.type.value_type):  # Arrow cannot decode these
        column = pa.DictionaryArray.from_arrays(column.indices, column.dictionary.cast(STRINGS))
    return column.dictionary_decode()


def is_string(kind: pa.DataType) -> bool:
    """Return whether Arrow columns of this type hold texts."""
    return pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)


def _is_list(kind: pa.DataType) -> bool:
    return pa.types.is_list(kind) or pa.types.is_large_list(kind)


def _first_true(mask: pa.Array) -> int:
    return int(np.flatnonzero(mask.to_numpy(zero_copy_only=False))[0])


def slices(column: pa.Array, size: int | None = None, max_rows: int | None = None) -> Iterator[pa.Array]:
    """Split an Arrow array into slices of about equal size, without copying.

    Args:
        column: An array as ``batches`` yields it.
        size: The approximate number of bytes of text per slice. ``None`` means ``BATCH_BYTES``.
        max_rows: The maximum number of rows per slice. ``None`` means ``BATCH_ROWS``.
    """
    for start, stop in slice_bounds(column, size, max_rows):
        yield column.slice(start, stop - start)


def slice_bounds(column: pa.Array, size: int | None = None, max_rows: int | None = None) -> Iterator[tuple[int, int]]:
    """Yield the first row of each slice of ``slices``, and the row after its last."""
    size, max_rows = size or BATCH_BYTES, max_rows or BATCH_ROWS
    ends = row_ends(column)
    total = int(ends[-1]) if len(ends) else 0
    if total > size:
        size = -(-total // round(total / size))  # so that the last slice is not small
    start = 0
    while start < len(column):
        before = ends[start - 1] if start else 0
        stop = min(int(np.searchsorted(ends, before + size)) + 1, start + max_rows)
        yield start, stop
        start = stop


def row_ends(column: pa.Array) -> Int64:
    """Return the bytes of text up to the end of each row, int64 ``(rows,)``. Tokens are estimated at eight bytes."""
    if not len(column):
        return np.zeros(0, np.int64)
    offsets = np.frombuffer(column.buffers()[1], np.int64, len(column) + 1, column.offset * 8)
    ends: Int64 = (offsets[1:] - offsets[0]) * (1 if column.type == STRINGS else 8)
    return ends


def _rows_to_arrow(rows: list[Any], first: int) -> pa.Array:
    """Check and convert rows. The first is ``texts[first]``."""
    if all(issubclass(kind, str) for kind in set(map(type, rows))):
        return _to_strings(rows, rows, first)
    if isinstance(rows[0], str) or not _is_token_row(rows[0]):
        row = next(i for i, value in enumerate(rows) if not isinstance(value, str))
        raise wrong_row(rows[row], first + row)
    for row, tokens in enumerate(rows):
        if not _is_token_row(tokens):
            raise wrong_row(tokens, first + row)
    # Arrow converts one long list faster than many short ones.
    flat = list(chain.from_iterable(rows))
    if not all(issubclass(kind, str) for kind in set(map(type, flat))):
        row = next(i for i, tokens in enumerate(rows) if not all(isinstance(token, str) for token in tokens))
        raise TextTypeError(f"a row of tokens must contain str only; texts[{first + row}] does not: {rows[row]!r:.80}")
    splits = np.concatenate([[0], np.cumsum(np.fromiter(map(len, rows), np.int64, len(rows)))])
    return pa.LargeListArray.from_arrays(pa.array(splits), _to_strings(flat, rows, first))


def _is_token_row(value: object) -> bool:
    return isinstance(value, (list, tuple)) or (isinstance(value, np.ndarray) and value.ndim == 1)


def _to_strings(texts: list[str], rows: list[Any], first: int) -> pa.LargeStringArray:
    """Convert strings to Arrow. ``rows`` are the rows they are from, for messages; the first is ``texts[first]``."""
    try:
        return arrow_strings(texts)
    except UnicodeEncodeError:
        row = next(i for i, value in enumerate(rows) if not is_unicode("".join(value)))
        raise TextError(
            f"texts[{first + row}] contains a lone surrogate, which is not valid UTF-8: {rows[row]!r:.80}"
        ) from None


def is_unicode(text: str) -> bool:
    """Return whether a text has no lone surrogates, which JSON, Python and pickles can spell, but UTF-8 cannot."""
    return text.isascii() or text.encode(errors="ignore").decode() == text
