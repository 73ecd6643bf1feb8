"""Columns of a table, their settings and the size of an embedding."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tokemb._validation import check_optional_count
from tokemb.errors import ArgumentError

_LARGEST_DIM = 600


@dataclass(frozen=True)
class Column:
    """One column of ids.

    Attributes:
        name: The name of the ids.
        parts: The columns of the table that it is made of. An event has several.
        kind: ``"single values"`` or ``"lists"``.
        vocabulary: The number of its vocabulary. Columns can share one.
        maxlen: The default length of encoded lists. ``None`` for the length of the longest.
    """

    name: str
    parts: tuple[str, ...]
    kind: str
    vocabulary: int
    maxlen: int | None = None


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
