r"""Conversion of the values of a column to tokens.

The token of a text is the text, that of an integer its decimal digits, that of a Boolean ``true`` or ``false``. The
token of ``3.0`` is ``3``, since pandas converts integers to floats in columns with missing values. Null, NaN and the
empty text are missing: CSV cannot distinguish them.
The token of an event is the tokens of its columns joined by ``|``, with ``\`` and ``|`` escaped as ``\\`` and ``\|``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as pt

from tokemb._arrays import STRINGS, Float64, Int32, Int64
from tokemb.errors import TextError, TextTypeError
from tokemb.rows.string_buffers import string_buffers
from tokemb.sources.texts import decode_dictionary

MISSING = "[MISSING]"
"""The token of missing values. It follows those of padding and out of vocabulary."""

JOINT = "|"

# All integers up to this one are exact in float64.
_EXACT = 2**53


@dataclass(frozen=True)
class Values:
    """A column as indices of its distinct tokens.

    Attributes:
        tokens: ``large_string`` (distinct,). The last is always ``MISSING``, even if no value is missing.
        positions: int32 (total,), the index of the token of each value.
        row_splits: int64 (rows + 1,) for a column of lists, ``None`` for single values.
    """

    tokens: pa.LargeStringArray
    positions: Int32
    row_splits: Int64 | None

    @property
    def kind(self) -> str:
        """``"lists"`` or ``"single values"``."""
        return "single values" if self.row_splits is None else "lists"

    def as_kind(self, kind: str) -> Values:
        """Return these values as ``kind`` if all are missing and so may be of any kind, else unchanged."""
        last = len(self.tokens) - 1
        rows = len(self.positions) if self.row_splits is None else len(self.row_splits) - 1
        if kind == self.kind or len(self.positions) != rows or np.any(self.positions != last):
            return self
        return Values(self.tokens, self.positions, np.arange(rows + 1) if kind == "lists" else None)


def is_list(kind: pa.DataType) -> bool:
    """Return whether Arrow columns of this type hold lists."""
    return pt.is_list(kind) or pt.is_large_list(kind) or pt.is_fixed_size_list(kind)


def values_of(name: str, column: pa.Array) -> Values:
    """Return the values of a column of single values or lists. A missing list is a list of one missing value.

    Raises:
        TextTypeError: If the values are not texts, integers or Booleans.
        TextError: If a float is not an integer.
    """
    if not is_list(column.type):
        return Values(*_to_tokens(name, column), None)
    tokens, positions = _to_tokens(name, column.flatten())  # without the lists that are missing
    lengths = column.value_lengths().fill_null(0).to_numpy(zero_copy_only=False).astype(np.int64)
    if column.null_count:
        row_splits = np.concatenate([[0], np.cumsum(lengths)])
        missing = np.flatnonzero(column.is_null().to_numpy(zero_copy_only=False))
        lengths[missing] = 1
        positions = np.insert(positions, row_splits[missing], len(tokens) - 1)
    return Values(tokens, positions, np.concatenate([[0], np.cumsum(lengths)]))


def single_texts(name: str, column: pa.Array) -> pa.LargeStringArray | None:
    """Return a column of single texts with "" for null, or ``None`` for other columns.

    Raises:
        TextError: If a text is not UTF-8.
    """
    if not (pt.is_string(column.type) or pt.is_large_string(column.type)):
        return None
    texts = _texts(name, column)
    return pc.fill_null(texts, "") if texts.null_count else texts


def join(name: str, parts: Sequence[Values]) -> Values:
    """Join columns to events. An event is missing if all its parts are missing.

    Args:
        name: The name of the event.
        parts: The values of its columns.

    Raises:
        TextError: If lists and single values are mixed, or lists have different lengths in a row.
    """
    first = parts[0]
    for part in parts[1:]:
        if len(part.positions) != len(first.positions) or not _same_splits(part, first):
            raise TextError(f"the columns of the event {name!r} must all hold single values, or lists of one length")
    # The position of each part is a digit of a number. Only the numbers that occur are converted to texts.
    codes = np.zeros(len(first.positions), np.int64)
    distinct: list[Int32] = []
    for part in parts:
        joint = pa.array(codes * len(part.tokens) + part.positions).dictionary_encode()
        numbers = joint.dictionary.to_numpy()
        distinct = [digit[numbers // len(part.tokens)] for digit in distinct]
        distinct.append((numbers % len(part.tokens)).astype(np.int32))
        codes = joint.indices.to_numpy().astype(np.int64)
    texts = [_escape_parts(part.tokens).take(pa.array(digit)) for part, digit in zip(parts, distinct, strict=True)]
    missing = np.logical_and.reduce(
        [digit == len(part.tokens) - 1 for part, digit in zip(parts, distinct, strict=True)]
    )
    tokens = pc.binary_join_element_wise(*texts, pa.scalar(JOINT, STRINGS))
    tokens, token_positions = _append_missing(pc.if_else(pa.array(missing), pa.scalar(None, STRINGS), tokens))
    return Values(tokens, token_positions[codes], first.row_splits)


def _same_splits(one: Values, other: Values) -> bool:
    if one.row_splits is None or other.row_splits is None:
        return one.row_splits is other.row_splits
    return np.array_equal(one.row_splits, other.row_splits)


def _escape_parts(tokens: pa.LargeStringArray) -> pa.LargeStringArray:
    """Escape tokens as parts of an event. The last one, ``MISSING``, becomes empty."""
    texts = pc.replace_substring(tokens.slice(0, len(tokens) - 1), "\\", "\\\\")
    texts = pc.replace_substring(texts, JOINT, "\\" + JOINT)
    return pa.concat_arrays([texts, pa.array([""], STRINGS)])


def _to_tokens(name: str, column: pa.Array) -> tuple[pa.LargeStringArray, Int32]:
    """Return distinct tokens, ``MISSING`` last, and the position of each value among them."""
    encoded = _hashable(name, column).dictionary_encode()
    tokens, token_positions = _append_missing(_texts(name, encoded.dictionary))
    if not encoded.indices.null_count and np.array_equal(token_positions, np.arange(len(token_positions))):
        return tokens, encoded.indices.to_numpy().astype(np.int32, copy=False)
    # Null has the position -1, that of the last one.
    positions = encoded.indices.cast(pa.int64()).fill_null(-1).to_numpy()
    return tokens, np.append(token_positions, np.int32(len(tokens) - 1))[positions]


def _append_missing(texts: pa.LargeStringArray) -> tuple[pa.LargeStringArray, Int32]:
    """Return distinct texts, ``MISSING`` last, and the position of each text among them. Empty texts are missing."""
    known = pc.if_else(pc.or_kleene(pc.equal(texts, ""), pc.equal(texts, MISSING)), pa.scalar(None, STRINGS), texts)
    distinct_texts = known.dictionary_encode()
    tokens = pa.concat_arrays([distinct_texts.dictionary.cast(STRINGS), pa.array([MISSING], STRINGS)])
    return tokens, distinct_texts.indices.fill_null(len(tokens) - 1).to_numpy().astype(np.int32)


def _hashable(name: str, column: pa.Array) -> pa.Array:
    """Convert a column to a type that Arrow can dictionary-encode.

    Raises:
        TextTypeError: If its values cannot be tokens.
    """
    is_dictionary = pt.is_dictionary(column.type)
    kind = column.type.value_type if is_dictionary else column.type
    if pt.is_string_view(kind):  # Arrow cannot dictionary-encode it
        return decode_dictionary(column).cast(STRINGS)
    if pt.is_float16(kind):
        return column.cast(pa.float32())
    is_text = pt.is_string(kind) or pt.is_large_string(kind)
    if is_text or pt.is_integer(kind) or pt.is_floating(kind) or pt.is_boolean(kind) or pt.is_null(kind):
        return column
    raise TextTypeError(
        f"the column {name!r} holds {kind}: pass texts, integers, Booleans, or lists of those, or cast it to texts"
    )


def _texts(name: str, distinct: pa.Array) -> pa.LargeStringArray:
    """Return the values as texts. Missing values are null or empty."""
    if pt.is_floating(distinct.type):
        distinct = _to_integers(name, distinct)
    texts = distinct.cast(STRINGS)
    try:
        texts.validate()
        if not _is_ascii(texts):
            texts.validate(full=True)
    except pa.ArrowInvalid as error:
        raise TextError(f"the column {name!r} is not valid Arrow data: {error}") from None
    return texts


def _is_ascii(texts: pa.LargeStringArray) -> bool:
    """Return whether texts are valid ASCII, which takes less time than to validate each as UTF-8."""
    offsets, data = string_buffers(texts)
    is_valid = len(data) == offsets[-1] and bool((offsets[1:] >= offsets[:-1]).all())
    return is_valid and int(data.max(initial=0)) < 0x80


def _to_integers(name: str, distinct: pa.Array) -> pa.Array:
    numbers: Float64 = distinct.cast(pa.float64()).to_numpy(zero_copy_only=False)
    missing = np.isnan(numbers)  # null becomes NaN
    wrong = ~missing & ~((np.abs(numbers) <= _EXACT) & (numbers == np.rint(numbers)))
    if wrong.any():
        raise TextError(
            f"the column {name!r} holds {numbers[wrong][0]}: categories are texts or integers up to 2**53: round "
            "the numbers, divide them into classes, or cast them to texts"
        )
    return pa.array(np.where(missing, 0, numbers).astype(np.int64), mask=missing)
