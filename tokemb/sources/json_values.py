"""JSON values and the Arrow types that represent them without loss."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain
from typing import Any

import numpy as np
import pyarrow as pa

from tokemb.errors import TextError
from tokemb.sources.columns import Location
from tokemb.sources.texts import is_unicode

# From this value on, 64-bit floats do not represent every integer.
_EXACT = 2.0**53


class TooLarge(float):
    """A finite number of JSON, such as ``1e999``, that is infinite as a float. It is shown as it was written."""

    def __new__(cls, literal: str) -> TooLarge:
        """Create the infinite float of a literal."""
        number = super().__new__(cls, literal)
        number.literal = literal
        return number

    literal: str

    def __repr__(self) -> str:
        """Return the literal."""
        return self.literal


def parse_float(literal: str) -> float:
    """Parse a number with a fraction or an exponent. Finite numbers beyond the range of floats become ``TooLarge``."""
    number = float(literal)
    return TooLarge(literal) if np.isinf(number) else number


def arrow_type(values: Iterable[object], key: str, location: Location) -> pa.DataType | None:
    """Return the Arrow type of JSON values. ``None`` if all are null.

    Raises:
        TextError: If the values have no common type.
    """
    values = list(values)
    found = {type(value) for value in values} - {type(None)}
    if not found:
        return None
    if found == {list}:
        items = arrow_type(chain.from_iterable(value for value in values if isinstance(value, list)), key, location)
        if items is None or not pa.types.is_list(items):
            return pa.list_(items or pa.string())
    for kinds, arrow in (({str}, pa.string()), ({bool}, pa.bool_()), ({int}, pa.int64()), ({int, float}, pa.float64())):
        if found <= kinds:
            return arrow
    shown = " and ".join(sorted(kind.__name__ for kind in found)) if found != {list} else "lists of lists"
    raise TextError(
        f"the column {key!r} of {location.file} contains {shown}: it must contain texts, numbers, or true and false, "
        "or lists of one of these"
    )


def is_exact(column: pa.Array) -> bool:
    """Return whether no number of a column that Arrow parsed can be a rounded integer."""
    if pa.types.is_list(column.type):
        column = column.flatten()
    if not pa.types.is_floating(column.type):
        return True
    return not bool((np.abs(column.to_numpy(zero_copy_only=False)) >= _EXACT).any())


def to_array(values: list[Any], kind: pa.DataType, key: str, location: Location) -> pa.Array:
    """Convert values to an Arrow array.

    Raises:
        TextError: If a value does not fit the type without loss. The message names file and line.
    """
    for row, value in enumerate(values):
        if not fits(value, kind):
            raise TextError(
                f"{location.of(row)} has {value!r:.80} in the column {key!r}, which contains {_type_name(kind)}"
                + _remedy(value, kind)
            )
    return pa.array(_floats(values) if _is_of_floats(kind) else values, kind)


def fits(value: object, kind: pa.DataType) -> bool:
    """Return whether an Arrow type represents a JSON value without loss."""
    if value is None:
        return True
    if pa.types.is_null(kind):
        return False
    if pa.types.is_list(kind):
        return isinstance(value, list) and all(fits(item, kind.value_type) for item in value)
    if pa.types.is_struct(kind):
        types = {field.name: field.type for field in kind}
        return isinstance(value, dict) and all(key in types and fits(item, types[key]) for key, item in value.items())
    if pa.types.is_boolean(kind):
        return isinstance(value, bool)
    if pa.types.is_integer(kind):
        return type(value) is int and -(2**63) <= value < 2**63
    if pa.types.is_floating(kind):
        return type(value) is float or (type(value) is int and _is_float(value))
    return isinstance(value, str) and is_unicode(value)


def _is_float(value: int) -> bool:
    """Return whether a float represents an integer exactly."""
    try:
        return float(value) == value
    except OverflowError:
        return False


def _is_of_floats(kind: pa.DataType) -> bool:
    return pa.types.is_floating(kind.value_type if pa.types.is_list(kind) else kind)


def _floats(value: Any) -> Any:  # noqa: ANN401
    """Convert the integers in a value to floats. Arrow rejects large integers even if they are exact."""
    if isinstance(value, list):
        return [_floats(item) for item in value]
    return value if value is None else float(value)


def _remedy(value: object, kind: pa.DataType) -> str:
    is_number = type(value) is int or (_is_of_floats(kind) and isinstance(value, float | list))
    return "; write the numbers of this column as strings to keep all digits" if is_number else ""


def _type_name(kind: pa.DataType) -> str:
    if pa.types.is_list(kind):
        return f"lists of {_type_name(kind.value_type)}"
    if pa.types.is_integer(kind):
        return "integers below 2**63"
    names = {"bool": "true and false", "double": "64-bit floats"}
    return names.get(str(kind), "texts without lone surrogates")
