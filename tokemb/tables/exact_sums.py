"""Sums of numbers and of their squares without rounding, which do not depend on the order of the numbers.

A float is an integer of 53 bits times a power of 2. Floats of similar size become integers of 60 bits, which are added
in parts of 18 bits: float64 represents the products of such parts and their sums exactly. Python's integers add these
sums.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

# The sums count multiples of this power of 2, of which all floats are multiples.
_UNIT = -1136
# The bits of the integer of a float, the number of powers of 2 that have a common factor, and the bits of a part.
_MANTISSA, _POWERS, _PART = 53, 8, 18
# The sum of so many products of 36 bits has 52 bits.
_NUMBERS = 1 << 16


@dataclass
class ExactSums:
    """The sum of numbers, and the sum of their squares.

    Attributes:
        count: The number of numbers.
        total: Their sum as a multiple of ``2 ** -1136``.
        squares: The sum of their squares as a multiple of ``2 ** -2272``.
    """

    count: int = 0
    total: int = 0
    squares: int = 0

    def add(self, numbers: npt.NDArray[np.float64]) -> None:
        """Add finite numbers, float64 ``(numbers,)``."""
        self.count += len(numbers)
        for start in range(0, len(numbers), _NUMBERS):
            mantissas, exponents = np.frexp(numbers[start : start + _NUMBERS])
            factors, powers = np.divmod(exponents, _POWERS)
            integers = np.ldexp(mantissas, powers + _MANTISSA).astype(np.int64)
            for factor in np.unique(factors).tolist():
                total, squares = _sums(integers[factors == factor])
                shift = _POWERS * factor - _MANTISSA - _UNIT
                self.total += total << shift
                self.squares += squares << 2 * shift

    def merge(self, other: ExactSums) -> None:
        """Add the numbers of other sums."""
        self.count += other.count
        self.total += other.total
        self.squares += other.squares

    @property
    def mean(self) -> float:
        """The mean of at least one number, rounded once."""
        return self.total / (self.count << -_UNIT)

    @property
    def deviation(self) -> float:
        """The standard deviation of at least one number, rounded twice. It is 0 if all numbers are equal."""
        squares = self.squares * self.count - self.total**2
        return math.sqrt(squares / (self.count**2 << -2 * _UNIT))


def _sums(integers: npt.NDArray[np.int64]) -> tuple[int, int]:
    """Return the sum and the sum of squares of at most ``_NUMBERS`` integers of 60 bits and a sign."""
    powers = range(0, 4 * _PART, _PART)
    parts = np.ones((len(powers) + 1, len(integers)))
    for part, power in zip(parts, powers, strict=False):
        part[:] = integers >> power if power == powers[-1] else integers >> power & (1 << _PART) - 1
    *products, sums = (parts @ parts.T).astype(np.int64).tolist()
    total = sum(value << power for value, power in zip(sums, powers, strict=False))
    pairs = ((row, column) for row in range(len(powers)) for column in range(len(powers)))
    return total, sum(products[row][column] << powers[row] + powers[column] for row, column in pairs)
