"""A queue of integers, lowest first: a binary heap in an array."""

from __future__ import annotations

from tokemb._arrays import UInt64
from tokemb.kernels.compiler import inlined


@inlined
def push(queue: UInt64, length: int, item: int) -> int:
    """Add ``item`` to the queue. Return its new length."""
    at = length
    while at > 0 and queue[(at - 1) >> 1] > item:
        queue[at] = queue[(at - 1) >> 1]
        at = (at - 1) >> 1
    queue[at] = item
    return length + 1


@inlined
def pop(queue: UInt64, length: int) -> int:
    """Remove ``queue[0]``, the lowest item. Return the new length of the queue."""
    length -= 1
    item, at = queue[length], 0
    while True:
        child = 2 * at + 1
        if child >= length:
            break
        if child + 1 < length and queue[child + 1] < queue[child]:
            child += 1
        if queue[child] >= item:
            break
        queue[at] = queue[child]
        at = child
    queue[at] = item
    return length
