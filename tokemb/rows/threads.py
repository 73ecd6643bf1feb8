"""Work on parts of the rows in threads."""

from __future__ import annotations

import os
import sys
from collections import deque
from collections.abc import Callable, Generator, Iterable, Sequence
from itertools import chain, islice, starmap
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from tokemb._validation import check_optional_count

if TYPE_CHECKING:
    from tokemb._arrays import Int64

Item = TypeVar("Item")
Result = TypeVar("Result")

# Ids that a kernel must move to be worth the import of what loads it, which takes a tenth of a second; NumPy moves
# these in some 30 ms. Once that is there a kernel is worth it if it saves more than threads cost.
_WORTH_LOADING = 1 << 22
_WORTH_THREADS = 1 << 18


def worth_kernel(ids: int) -> bool:
    """Whether to move so many ids is work for a kernel rather than for NumPy; the results are the same."""
    return ids >= (_WORTH_THREADS if "llvmlite" in sys.modules else _WORTH_LOADING)


def thread_count(threads: int | None = None) -> int:
    """``threads``, or for ``None`` as many as this process may use cores; raises ``ArgumentError`` if below 1."""
    if hasattr(os, "sched_getaffinity"):
        cores = len(os.sched_getaffinity(0))
    else:  # not Linux
        cores = os.cpu_count() or 1
    return check_optional_count("threads", threads) or cores


def split_evenly(items: int, numbers: int, threads: int) -> list[tuple[int, int]]:
    """Cut ``items`` into at most ``threads`` even runs, pairs of first and last + 1; one if ``numbers`` are few."""
    count = max(min(threads, items, numbers // max(_WORTH_THREADS, 1)), 1)
    return [(items * part // count, items * (part + 1) // count) for part in range(count)]


def split_rows(splits: Int64, threads: int) -> list[tuple[int, int]]:
    """Cut rows into at most ``threads`` runs of about the same size, as pairs of first and last + 1.

    ``splits``: int64 (rows + 1,), ascending; row ``i`` has the size ``splits[i + 1] - splits[i]``.
    """
    rows = len(splits) - 1
    # A row costs something too, if it is empty.
    size = splits - splits[0] + np.arange(rows + 1)
    cuts = np.searchsorted(size, size[-1] * np.arange(1, threads) / threads)
    bounds = [0, *cuts.tolist(), rows]
    return [(first, last) for first, last in zip(bounds, bounds[1:], strict=False) if first < last]


def prefetch_map(
    function: Callable[[Item], Result], items: Iterable[Item], workers: int = 1
) -> Generator[Result, None, None]:
    """Call ``function`` with each item in one of ``workers`` threads while the next items are made; results in order.

    Items are made here, so that one that waits for more can be interrupted. One more than there are workers is made
    before it is needed.
    """
    from concurrent.futures import Future, ThreadPoolExecutor  # here, so that small inputs do not wait for it

    waiting: deque[Future[Result]] = deque()
    with ThreadPoolExecutor(workers, "tokemb-overlapped") as pool:
        for item in items:
            waiting.append(pool.submit(function, item))
            if len(waiting) > workers:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def map_batches(function: Callable[[Item, int], Result], items: Iterable[Item], threads: int) -> list[Result]:
    """Call ``function`` with each item and how many of ``threads`` it may use; the results in order.

    Two items are done at a time, while the next is made: so no thread waits until all are done with an item.
    """
    items = iter(items)
    first = list(islice(items, 2))
    items = chain(first, items)
    if threads == 1 or len(first) < 2:
        return [function(item, threads) for item in items]
    return list(prefetch_map(lambda item: function(item, (threads + 1) // 2), items, 2))


def parallel_map(function: Callable[..., Result], arguments: Sequence[tuple[object, ...]]) -> list[Result]:
    """Call ``function`` with each of ``arguments``, all at once, and return the results in their order.

    ``function`` should release the interpreter lock. The threads are made here and gone afterwards: they cost some
    tens of microseconds, and a forked process never waits for a thread that it does not have.
    """
    if len(arguments) <= 1:
        return list(starmap(function, arguments))
    from concurrent.futures import ThreadPoolExecutor  # here, so that small inputs do not wait for it

    with ThreadPoolExecutor(len(arguments)) as pool:
        return [future.result() for future in [pool.submit(function, *each) for each in arguments]]
