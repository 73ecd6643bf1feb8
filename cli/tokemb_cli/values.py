"""Types of option values. An invalid value is wrong usage, with the rule and the received value in the message."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tokemb._validation import check_ngrams

if TYPE_CHECKING:
    _Choice = click.Choice[str]
    _IntType = click.ParamType[int]
    _FloatType = click.ParamType[float]
    _StrType = click.ParamType[str]
    _SaltType = click.ParamType[list[int]]
    _AnyType = click.ParamType[Any]
else:  # click 8.1 has no type parameters
    _Choice = click.Choice
    _IntType = _FloatType = _StrType = _SaltType = _AnyType = click.ParamType

# Ids, lengths and sizes are int32.
_LARGEST = 2**31 - 1


class Integer(_IntType):
    """An integer from ``least`` to the largest int32."""

    name = "integer"

    def __init__(self, least: int = 1) -> None:
        self._least = least

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:  # noqa: ANN401
        """Return ``value`` as an integer."""
        try:
            number = int(value)
        except ValueError:
            number = self._least - 1
        if self._least <= number <= _LARGEST:
            return number
        self.fail(f"must be an integer from {self._least} to {_LARGEST}; received {value}", param, ctx)


class Number(_FloatType):
    """A finite number: at least ``least`` or more than ``above``, and less than ``below``."""

    name = "float"

    def __init__(self, *, least: float = -math.inf, above: float = -math.inf, below: float = math.inf) -> None:
        self._least, self._above, self._below = least, above, below

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:  # noqa: ANN401
        """Return ``value`` as a float."""
        try:
            number = float(value)
        except ValueError:
            number = math.nan
        if math.isfinite(number) and self._least <= number < self._below and number > self._above:
            return number
        self.fail(f"must be a number{self._bounds()}; received {value}", param, ctx)

    def _bounds(self) -> str:
        bounds = (("of at least", self._least), ("greater than", self._above), ("less than", self._below))
        words = " and ".join(f"{words} {bound:g}" for words, bound in bounds if math.isfinite(bound))
        return f" {words}" if words else ""


class FilePath(click.Path):
    """A path. An empty one, as that of an unset shell variable, is an error: ``Path("")`` is the current folder."""

    def __init__(self, *, file_okay: bool = True) -> None:
        super().__init__(path_type=Path, file_okay=file_okay)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:  # noqa: ANN401
        """Return ``value`` as a ``Path``."""
        if value == "":
            self.fail("must not be empty", param, ctx)
        return super().convert(value, param, ctx)


class Documents(_FloatType):
    """A number of rows, such as 5, or a share of all rows with a decimal point, such as 0.5."""

    name = "rows"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int | float:  # noqa: ANN401
        """Return ``value`` as an integer, or as a float if it is a share."""
        text = str(value)
        if re.fullmatch(r"[1-9]\d{0,8}", text):
            return int(text)
        if re.fullmatch(r"0?\.\d+|1\.0*|0\.", text):
            return float(text)
        self.fail(f"must be a number of rows, such as 5, or a share of them, such as 0.5; received {value}", param, ctx)


class Salt(_SaltType):
    """One or two integers, the key of a hash."""

    name = "salt"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> list[int]:  # noqa: ANN401
        """Return ``value`` as two integers."""
        if isinstance(value, list):
            return value
        if re.fullmatch(r"-?\d{1,18}(,-?\d{1,18})?", str(value)):
            numbers = [int(part) for part in str(value).split(",")]
            return [numbers[0], numbers[-1]]
        self.fail(f"must be an integer, or two with a comma between them; received {value}", param, ctx)


class Ngrams(_AnyType):
    """The maximum length of n-grams, such as 2, or their lengths, such as 1,3."""

    name = "lengths"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int | tuple[int, ...]:  # noqa: ANN401
        """Return ``value`` as an integer, or with a comma as the lengths."""
        text = str(value)
        try:
            lengths = check_ngrams([int(length) for length in text.removesuffix(",").split(",")])
        except ValueError:
            self.fail(
                "must be a length from 1 to 100, such as 2 for words and pairs of words, or different lengths, such as "
                f"1,3; received {value}",
                param,
                ctx,
            )
        return lengths if "," in text else lengths[0]


class Delimiter(_StrType):
    r"""The character between fields. ``\t`` is a tab, which is hard to type in most shells."""

    name = "character"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:  # noqa: ANN401
        """Return ``value`` as one character."""
        delimiter = "\t" if value == "\\t" else str(value)
        if len(delimiter) == 1 and delimiter.isascii() and delimiter not in '"\r\n':
            return delimiter
        self.fail(f"must be one ASCII character other than a quote or a line end; received {value}", param, ctx)


class Choice(_Choice):
    """One of several names. The message suggests names that are similar to an unknown one."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:  # noqa: ANN401
        """Return ``value`` if it is one of the names."""
        try:
            return super().convert(value, param, ctx)
        except click.BadParameter as error:
            known = list(map(str, self.choices))
            raise click.BadParameter(error.message + did_you_mean(str(value), known), ctx, param) from None


def did_you_mean(word: str, known: list[str]) -> str:
    """Return the question that ends a message about an unknown word, or ``""`` if no known word is similar.

    Known words that start with ``word``, are a prefix of it, or have it between their hyphens come first.
    """
    from difflib import get_close_matches  # here, so that --help does not import it

    typed = word.lower()
    related = [
        name for name in known if name.startswith(typed) or typed.startswith(name) or typed in re.split("[- ]", name)
    ]
    found = dict.fromkeys([*(related if typed else ()), *get_close_matches(typed, known)])
    return f" Did you mean {' or '.join(repr(name) for name in found)}?" if found else ""
