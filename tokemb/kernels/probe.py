"""A small kernel with all kinds of arguments, whose known result shows that kernels are called correctly."""

from __future__ import annotations

from typing import Any

from tokemb._arrays import Int64


def probe(out: Int64, values: Any, last: int) -> int:  # noqa: ANN401
    """Write numbers that depend on every argument to ``out``, int64 (4,). Return the product of the integers."""
    for row in range(values.table.shape[0]):
        for column in range(values.table.shape[1]):
            out[row] += values.table[row, column]
    out[0] += out[1]
    for flag in values.flags:
        out[2] += flag
    out[3] = values.table[1, 2] * len(out) + values.table.shape[1]
    return values.factor * last
