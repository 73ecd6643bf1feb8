"""What is known of one column, and the size of an embedding for it."""

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

    ``name``: what its ids are called. ``parts``: the columns of the table that it is made of, several for an event.
    ``kind``: ``"single values"``, or ``"lists"``. ``vocabulary``: the number of its vocabulary, which others may share.
    ``maxlen``: the length of lists that ``encode`` makes when it is not told; ``None`` for that of the longest.
    """

    name: str
    parts: tuple[str, ...]
    kind: str
    vocabulary: int
    maxlen: int | None = None


def named_parts(columns: Iterable[str | Sequence[str]]) -> dict[str, tuple[str, ...]]:
    """The names of columns and what they are made of: ``("skill", "correct")`` is called ``skill_correct``.

    Raises ``ArgumentError`` for two columns of one name, and names with which ``.npz`` and Keras cannot do.
    """
    named: dict[str, tuple[str, ...]] = {}
    for column in columns:
        parts = (column,) if isinstance(column, str) else tuple(column)
        name = "_".join(parts)
        if name in named:
            raise ArgumentError(f"two columns would be called {name!r}: name each once, or rename one")
        if not name or "/" in name or "\0" in name:
            raise ArgumentError(f"a column must have a name without slashes; received {name!r}: rename it")
        named[name] = parts
    return named


def vocabulary_groups(names: Sequence[str], shared: Iterable[Sequence[str]]) -> list[list[str]]:
    """The columns of each vocabulary, in the order of their first.

    Raises ``ArgumentError`` unless each group of ``shared`` is two or more of ``names``, each in one group at most.
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


def of_each(setting: str, value: int | None | Mapping[str, int | None], names: Sequence[str]) -> dict[str, int | None]:
    """A setting of every column: one number for all, or a mapping that names columns; checked."""
    if isinstance(value, Mapping):
        for name in value:
            if name not in names:
                raise ArgumentError(f"{setting} names the column {name!r}, which is none of {', '.join(names)}")
        return {name: check_optional_count(f"{setting}[{name!r}]", value.get(name)) for name in names}
    return dict.fromkeys(names, check_optional_count(setting, value))


def of_group(setting: str, values: Mapping[str, int | None], group: Sequence[str]) -> int | None:
    """The setting of a vocabulary; raises ``ArgumentError`` if columns that share it have different ones."""
    told: set[Any] = {values[name] for name in group} - {None}
    if len(told) > 1:
        raise ArgumentError(
            f"{', '.join(group)} share a vocabulary: {setting} must be the same; received {sorted(told)}"
        )
    return told.pop() if told else None


def suggested_dim(input_dim: int) -> int:
    """fast.ai's rule for the size of a categorical embedding: ``min(600, round(1.6 * n**0.56))``, n its ids.

    >>> [suggested_dim(n) for n in (5, 1_000, 24_000, 10_000_000)]
    [4, 77, 454, 600]
    """
    return min(_LARGEST_DIM, round(1.6 * input_dim**0.56))
