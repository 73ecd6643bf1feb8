"""Columns of a table, their settings and the size of an embedding."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from tokemb._validation import check_optional_count
from tokemb.errors import ArgumentError

_LARGEST_DIM = 600
# The largest float32.
_LARGEST_NUMBER = 3.4028234663852886e38


@dataclass(frozen=True)
class Column:
    """One column of ids or of numbers.

    Attributes:
        name: The name of the ids or numbers.
        parts: The columns of the table that it is made of. An event has several.
        kind: ``"single values"``, ``"lists"``, ``"texts"`` or ``"numbers"``.
        vocabulary: The number of its vocabulary. Columns can share one. ``None`` for numbers.
        maxlen: The default length of encoded lists or texts. ``None`` for the length of the longest.
        separator: The text between the values of lists in cells of CSV files. ``None`` if they have none.
        in_cells: Whether a cell holds a whole list, with or without a separator. ``None`` if it does not, as the events
            of a group, which are in a row each.
        numbers: The statistics of fitted numbers. ``None`` for the other kinds.
    """

    name: str
    parts: tuple[str, ...]
    kind: str
    vocabulary: int | None
    maxlen: int | None = None
    separator: str | None = None
    in_cells: bool | None = None
    numbers: NumberStatistics | None = None

    @property
    def has_rows_of_ids(self) -> bool:
        """Whether a row has any number of ids: lists and texts."""
        return self.kind in ("lists", "texts")

    def to_json(self) -> dict[str, Any]:
        """Return the entry of ``columns.json``, without a separator and statistics if there are none."""
        entry = asdict(self)
        return {name: value for name, value in entry.items() if name in _ALWAYS or value is not None}

    @classmethod
    def from_json(cls, entry: Mapping[str, Any]) -> Column:
        """Return the column of an entry of ``columns.json``.

        Raises:
            TypeError: If the entry has a wrong type, lacks a key, or contradicts its kind.
        """
        numbers = entry.get("numbers")
        statistics = None if numbers is None else NumberStatistics(**numbers)
        column = cls(**{**entry, "parts": tuple(entry["parts"]), "numbers": statistics})
        if column.kind not in _KINDS or (column.kind == "numbers") is not (statistics is not None):
            raise TypeError(f"a column holds one of {', '.join(_KINDS)}; received {column.kind!r:.80}")
        if not (column.vocabulary is None if statistics else _is_count(column.vocabulary, 0)):
            raise TypeError(f"the vocabulary of a column is an index; received {column.vocabulary!r:.80}")
        if not (column.maxlen is None or _is_count(column.maxlen, 1)):
            raise TypeError(f"the length of a column is a positive integer; received {column.maxlen!r:.80}")
        if not isinstance(column.separator, str | None) or column.separator == "":
            raise TypeError(f"the separator of a column is a text; received {column.separator!r:.80}")
        return column


_KINDS = ("single values", "lists", "texts", "numbers")
_ALWAYS = ("name", "parts", "kind", "vocabulary", "maxlen")


@dataclass(frozen=True)
class NumberStatistics:
    """Statistics of a column of numbers.

    Attributes:
        mean: The mean, which also stands for missing numbers.
        deviation: The standard deviation. 1 if all numbers are equal.
        missing: The number of missing values.
    """

    mean: float
    deviation: float
    missing: int

    def __post_init__(self) -> None:
        numbers = (self.mean, self.deviation)
        if not all(isinstance(number, float) and abs(number) <= _LARGEST_NUMBER for number in numbers):
            raise TypeError(f"the mean and the deviation are numbers that fit float32; received {numbers!r:.80}")
        if self.deviation <= 0 or not _is_count(self.missing, 0):
            raise TypeError(f"the deviation is positive, and missing is a count; received {self!r:.80}")


def _is_count(value: Any, least: int) -> bool:  # noqa: ANN401 - any JSON
    return type(value) is int and value >= least


def named_parts(columns: Iterable[str | Sequence[str]]) -> dict[str, tuple[str, ...]]:
    """Return the parts of each column by its name. The name of ``("skill", "correct")`` is ``skill_correct``.

    Raises:
        ArgumentError: If two columns have the same name, or ``.npz`` or Keras cannot handle a name.
    """
    named: dict[str, tuple[str, ...]] = {}
    for column in columns:
        parts = (column,) if isinstance(column, str) else tuple(column)
        name = "_".join(parts)
        if name in named:
            raise ArgumentError(
                f"columns must have different names; two would be called {name!r}: name each once, or rename one"
            )
        if not name or "/" in name or "\0" in name:
            raise ArgumentError(f"a column must have a name without slashes; received {name!r}: rename it")
        named[name] = parts
    return named


def vocabulary_groups(names: Sequence[str], shared: Iterable[Sequence[str]]) -> list[list[str]]:
    """Return the columns of each vocabulary, in the order of their first column.

    Args:
        names: The names of all columns.
        shared: Groups of columns that share a vocabulary.

    Raises:
        ArgumentError: If a group does not have two or more different columns, or a column is unknown or in two groups.
    """
    group_of: dict[str, list[str]] = {}
    for group in shared:
        members = [] if isinstance(group, str) else list(group)
        if len(set(members)) < 2 or len(set(members)) < len(members):
            raise ArgumentError(
                f"shared must name groups of two or more different columns; received {', '.join(members) or group}"
            )
        for name in members:
            if name not in names or name in group_of:
                why = "shares a vocabulary already" if name in group_of else f"is none of {', '.join(names)}"
                raise ArgumentError(f"shared must name each column of the table at most once; {name!r} {why}")
            group_of[name] = members
    groups: list[list[str]] = []
    for name in names:
        group = [member for member in names if member in group_of.get(name, [name])]
        if group not in groups:
            groups.append(group)
    return groups


def setting_by_column(
    setting: str, value: int | None | Mapping[str, int | None], names: Sequence[str]
) -> dict[str, int | None]:
    """Return a setting for each column.

    Args:
        setting: The name of the setting.
        value: One integer for all columns, or a mapping from names of columns.
        names: The names of all columns.

    Raises:
        ArgumentError: If a name is unknown or a value is invalid.
    """
    if isinstance(value, Mapping):
        for name in value:
            if name not in names:
                raise ArgumentError(f"{setting} must name columns of the table ({', '.join(names)}); received {name!r}")
        return {name: check_optional_count(f"{setting}[{name!r}]", value.get(name)) for name in names}
    return dict.fromkeys(names, check_optional_count(setting, value))


def shared_setting(setting: str, values: Mapping[str, int | None], group: Sequence[str]) -> int | None:
    """Return the setting of a vocabulary.

    Raises:
        ArgumentError: If the columns that share the vocabulary have different settings.
    """
    distinct: set[Any] = {values[name] for name in group} - {None}
    if len(distinct) > 1:
        raise ArgumentError(
            f"{', '.join(group)} share a vocabulary: {setting} must be the same; received {sorted(distinct)}"
        )
    return distinct.pop() if distinct else None


def suggested_dim(input_dim: int) -> int:
    """Return the size of a categorical embedding by the rule of fast.ai: ``min(600, round(1.6 * input_dim**0.56))``.

    Example:
        >>> [suggested_dim(n) for n in (5, 1_000, 24_000, 10_000_000)]
        [4, 77, 454, 600]
    """
    return min(_LARGEST_DIM, round(1.6 * input_dim**0.56))
