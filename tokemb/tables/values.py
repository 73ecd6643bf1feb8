r"""What the values of a column are as tokens.

Texts are themselves, whole numbers their decimal digits (``3.0``, which pandas makes of 3 in a column where others are
missing, is ``3``), Booleans ``true`` and ``false``. Null, NaN and the empty text are missing: CSV cannot tell them
apart.
An event of several columns is their tokens joined by ``|``, in which ``\`` and ``|`` are written ``\\`` and ``\|``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as pt

from tokemb._arrays import STRINGS, Int32, Int64
from tokemb.errors import TextError, TextTypeError
from tokemb.sources.texts import decode_dictionary

MISSING = "[MISSING]"
"""The token of missing values, the first after padding and out-of-vocabulary."""

JOINT = "|"

# Whole numbers up to here are all different as doubles.
_EXACT = 2**53


@dataclass(frozen=True)
class Values:
    """A column whose values are positions among distinct tokens.

    ``tokens``: ``large_string`` (distinct,), each once; the last is ``MISSING``, whether there is one or not.
    ``positions``: int32 (total,). ``row_splits``: int64 (rows + 1,) of a column of lists, ``None`` of single values.
    """

    tokens: pa.LargeStringArray
    positions: Int32
    row_splits: Int64 | None

    @property
    def kind(self) -> str:
        """``"lists"`` or ``"single values"``."""
        return "single values" if self.row_splits is None else "lists"

    def as_kind(self, kind: str) -> Values:
        """The same, or if all values are missing and so may be of any kind, those of ``kind``."""
        last = len(self.tokens) - 1
        rows = len(self.positions) if self.row_splits is None else len(self.row_splits) - 1
        if kind == self.kind or len(self.positions) != rows or np.any(self.positions != last):
            return self
        return Values(self.tokens, self.positions, np.arange(rows + 1) if kind == "lists" else None)


def is_list(kind: pa.DataType) -> bool:
    """Whether Arrow columns of this type hold lists."""
    return pt.is_list(kind) or pt.is_large_list(kind) or pt.is_fixed_size_list(kind)


def values_of(name: str, column: pa.Array) -> Values:
    """The values of a column, single ones or lists; a list that is missing is one missing value.

    Raises ``TextTypeError`` for types that are none of the above, ``TextError`` for numbers that are not whole.
    """
    if not is_list(column.type):
        return Values(*_coded(name, column), None)
    tokens, positions = _coded(name, column.flatten())  # without the lists that are missing
    lengths = column.value_lengths().fill_null(0).to_numpy(zero_copy_only=False).astype(np.int64)
    if column.null_count:
        row_splits = np.concatenate([[0], np.cumsum(lengths)])
        missing = np.flatnonzero(column.is_null().to_numpy(zero_copy_only=False))
        lengths[missing] = 1
        positions = np.insert(positions, row_splits[missing], len(tokens) - 1)
    return Values(tokens, positions, np.concatenate([[0], np.cumsum(lengths)]))


def join(name: str, parts: Sequence[Values]) -> Values:
    """Events of several columns; those of which all parts are missing are missing.

    Raises ``TextError`` if some parts are lists and others are not, or lists are of different lengths in a row.
    """
    first = parts[0]
    for part in parts[1:]:
        if len(part.positions) != len(first.positions) or not _same_splits(part, first):
            raise TextError(f"the columns of the event {name!r} must all hold single values, or lists of one length")
    # Each part's position is a digit; what numbers there are is found before any text is made.
    codes = np.zeros(len(first.positions), np.int64)
    distinct: list[Int32] = []
    for part in parts:
        joint = pa.array(codes * len(part.tokens) + part.positions).dictionary_encode()
        numbers = joint.dictionary.to_numpy()
        distinct = [digit[numbers // len(part.tokens)] for digit in distinct]
        distinct.append((numbers % len(part.tokens)).astype(np.int32))
        codes = joint.indices.to_numpy().astype(np.int64)
    texts = [_escaped(part.tokens).take(pa.array(digit)) for part, digit in zip(parts, distinct, strict=True)]
    missing = np.logical_and.reduce(
        [digit == len(part.tokens) - 1 for part, digit in zip(parts, distinct, strict=True)]
    )
    tokens = pc.binary_join_element_wise(*texts, pa.scalar(JOINT, STRINGS))
    tokens, among = _with_missing(pc.if_else(pa.array(missing), pa.scalar(None, STRINGS), tokens))
    return Values(tokens, among[codes], first.row_splits)


def _same_splits(one: Values, other: Values) -> bool:
    if one.row_splits is None or other.row_splits is None:
        return one.row_splits is other.row_splits
    return np.array_equal(one.row_splits, other.row_splits)


def _escaped(tokens: pa.LargeStringArray) -> pa.LargeStringArray:
    """Tokens as parts of an event; the last, ``MISSING``, is empty."""
    texts = pc.replace_substring(tokens.slice(0, len(tokens) - 1), "\\", "\\\\")
    texts = pc.replace_substring(texts, JOINT, "\\" + JOINT)
    return pa.concat_arrays([texts, pa.array([""], STRINGS)])


def _coded(name: str, column: pa.Array) -> tuple[pa.LargeStringArray, Int32]:
    """Distinct tokens, ``MISSING`` last, and the position of each value among them."""
    coded = _hashable(name, column).dictionary_encode()
    tokens, among = _with_missing(_texts(name, coded.dictionary))
    if not coded.indices.null_count and np.array_equal(among, np.arange(len(among))):
        return tokens, coded.indices.to_numpy().astype(np.int32, copy=False)
    # The last one also stands for null, at the position -1.
    positions = coded.indices.cast(pa.int64()).fill_null(-1).to_numpy()
    return tokens, np.append(among, np.int32(len(tokens) - 1))[positions]


def _with_missing(texts: pa.LargeStringArray) -> tuple[pa.LargeStringArray, Int32]:
    """Each of ``texts`` once, ``MISSING`` last, and where each of them is; null and empty ones are missing."""
    known = pc.if_else(pc.or_kleene(pc.equal(texts, ""), pc.equal(texts, MISSING)), pa.scalar(None, STRINGS), texts)
    once = known.dictionary_encode()
    tokens = pa.concat_arrays([once.dictionary.cast(STRINGS), pa.array([MISSING], STRINGS)])
    return tokens, once.indices.fill_null(len(tokens) - 1).to_numpy().astype(np.int32)


def _hashable(name: str, column: pa.Array) -> pa.Array:
    """The column in a type that Arrow looks up; raises ``TextTypeError`` if its values cannot be tokens."""
    is_coded = pt.is_dictionary(column.type)
    kind = column.type.value_type if is_coded else column.type
    if pt.is_string_view(kind):  # of which Arrow has no dictionaries
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
    """The values as texts, those that are missing as null or empty."""
    if pt.is_floating(distinct.type):
        distinct = _whole_numbers(name, distinct)
    texts = distinct.cast(STRINGS)
    try:
        texts.validate(full=True)
    except pa.ArrowInvalid as error:
        raise TextError(f"the column {name!r} is not sound Arrow: {error}") from None
    return texts


def _whole_numbers(name: str, distinct: pa.Array) -> pa.Array:
    numbers: npt.NDArray[np.float64] = distinct.cast(pa.float64()).to_numpy(zero_copy_only=False)
    missing = np.isnan(numbers)  # null becomes NaN
    wrong = ~missing & ~((np.abs(numbers) <= _EXACT) & (numbers == np.rint(numbers)))
    if wrong.any():
        raise TextError(
            f"the column {name!r} holds {numbers[wrong][0]}: ids are texts or whole numbers up to 2**53; round "
            "numbers, put them into classes, or cast them to texts"
        )
    return pa.array(np.where(missing, 0, numbers).astype(np.int64), mask=missing)
