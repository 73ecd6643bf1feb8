"""Sums of numbers without rounding."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokemb.tables import exact_sums
from tokemb.tables.exact_sums import ExactSums

NUMBERS = st.floats(-1e300, 1e300) | st.sampled_from([0.1, -0.1, 5e-324, -0.0, 2.0**-1074 * 3, 1e15 + 0.5])


@given(st.lists(NUMBERS, min_size=1, max_size=30), st.integers(0, 30))
def test_mean_and_deviation_are_those_of_fractions_for_any_parts(numbers, middle):
    sums = ExactSums()
    for part in (numbers[middle:], numbers[:middle]):
        other = ExactSums()
        other.add(np.array(part, np.float64))
        sums.merge(other)
    exact = list(map(Fraction, numbers))
    mean = sum(exact) / len(exact)
    variance = sum((number - mean) ** 2 for number in exact) / len(exact)
    assert sums.count == len(numbers)
    assert sums.mean == float(mean)
    try:
        assert sums.deviation == math.sqrt(variance)
    except OverflowError:  # no column holds such numbers
        assert variance > Fraction(2) ** 1023


@pytest.mark.parametrize("number", [np.nextafter(2.0**128, 0), -np.nextafter(2.0**100, 0), 1 / 3])
def test_sums_of_the_largest_parts_are_exact(number):
    sums = ExactSums()
    sums.add(np.full(exact_sums._NUMBERS + 1, number))
    assert (sums.mean, sums.deviation) == (number, 0)
