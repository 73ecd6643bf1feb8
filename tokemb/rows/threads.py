"""Parallel work on slices of the rows in threads."""

from __future__ import annotations

import os
import sys
from collections import deque
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import suppress
from itertools import chain, islice, starmap
from threading import Thread
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from tokemb._validation import check_optional_count

if TYPE_CHECKING:
    from tokemb._arrays import Int64

Item = TypeVar("Item")
Result = TypeVar("Result")

# Importing the kernels takes a tenth of a second. It pays from this number of ids on, which NumPy moves in about 30 ms.
# Once they are imported, a kernel pays if it saves more time than the threads cost.
_WORTH_LOADING = 1 << 22
_WORTH_THREADS = 1 << 18


def worth_kernel(ids: int) -> bool:
    """Return whether a kernel moves this number of ids faster than NumPy. The results are the same."""
    return ids >= (_WORTH_THREADS if "llvmlite" in sys.modules else _WORTH_LOADING)


def thread_count(threads: int | None = None) -> int:
    """Return ``threads``, or for ``None`` the number of cores that this process may use.

    Raises:
        ArgumentError: If ``threads`` is not an integer of at least 1.
    """
    if hasattr(os, "sched_getaffinity"):
        cores = len(os.sched_getaffinity(0))
    else:  # not Linux
        cores = os.cpu_count() or 1
    return check_optional_count("threads", threads) or cores


def split_evenly(items: int, numbers: int, threads: int) -> list[tuple[int, int]]:
    """Split the range of ``items`` into at most ``threads`` even ranges.

    Args:
        items: The number of items.
        numbers: The number of numbers in all items. Few numbers are not split.
        threads: The maximum number of ranges.

    Returns:
        Pairs of start (included) and stop (excluded).
    """
    count = max(min(threads, items, numbers // max(_WORTH_THREADS, 1)), 1)
    return [(items * part // count, items * (part + 1) // count) for part in range(count)]


def split_rows(splits: Int64, threads: int) -> list[tuple[int, int]]:
    """Split rows into at most ``threads`` ranges of about the same total size.

    Args:
        splits: int64 array ``(rows + 1,)``, ascending. The size of row ``i`` is ``splits[i + 1] - splits[i]``.
        threads: The maximum number of ranges.

    Returns:
        Pairs of start (included) and stop (excluded).
    """
    rows = len(splits) - 1
    # An empty row costs time too.
    size = splits - splits[0] + np.arange(rows + 1)
    inner = np.searchsorted(size, size[-1] * np.arange(1, threads) / threads)
    bounds = [0, *inner.tolist(), rows]
    return [(first, last) for first, last in zip(bounds, bounds[1:], strict=False) if first < last]


def in_background(function: Callable[[], object]) -> None:
    """Call a function in a thread. Its errors are ignored, since the code that needs its result calls it again."""

    def call() -> None:
        with suppress(Exception):
            function()

    Thread(target=call, name="tokemb-background").start()


def prefetch_map(
    function: Callable[[Item], Result], items: Iterable[Item], workers: int = 1
) -> Generator[Result, None, None]:
    """Call ``function`` with each item in ``workers`` threads while the next items are produced.

    The calling thread iterates over ``items``, so that waiting for input can be interrupted. It is one item ahead of
    the workers.

    Yields:
        The results in the order of the items.
    """
    from concurrent.futures import Future, ThreadPoolExecutor  # only here, because small inputs do not need it

    pending: deque[Future[Result]] = deque()
    with ThreadPoolExecutor(workers, "tokemb-overlapped") as pool:
        for item in items:
            pending.append(pool.submit(function, item))
            if len(pending) > workers:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()


def prefetch_each(function: Callable[[Item], object], items: Iterable[Item], threads: int) -> None:
    """Call ``function`` with one item after the other. With several threads, the next item is produced meanwhile."""
    items = iter(items)
    first = list(islice(items, 2))
    items = chain(first, items)
    if threads == 1 or len(first) < 2:
        for item in items:
            function(item)
    else:
        deque(prefetch_map(function, items), maxlen=0)


def map_batches(function: Callable[[Item, int], Result], items: Iterable[Item], threads: int) -> list[Result]:
    """Call ``function`` with each item and the number of threads that it may use.

    Two items are processed at a time while the next one is produced, so that threads do not wait for the slowest part
    of an item.

    Returns:
        The results in the order of the items.
    """
    items = iter(items)
    first = list(islice(items, 2))
    items = chain(first, items)
    if threads == 1 or len(first) < 2:
        return [function(item, threads) for item in items]
    return list(prefetch_map(lambda item: function(item, (threads + 1) // 2), items, 2))


def parallel_map(function: Callable[..., Result], arguments: Sequence[tuple[object, ...]]) -> list[Result]:
    """Call ``function`` with each of ``arguments``, all in parallel, and return the results in their order.

    ``function`` should release the interpreter lock. The calling thread makes the first call. The other threads exist
    only during the calls. They cost some tens of microseconds, and a forked process never waits for a thread that it
    does not have.
    """
    if len(arguments) <= 1:
        return list(starmap(function, arguments))
    from concurrent.futures import ThreadPoolExecutor  # only here, because small inputs do not need it

    with ThreadPoolExecutor(len(arguments) - 1) as pool:
        others = [pool.submit(function, *each) for each in arguments[1:]]
        return [function(*arguments[0]), *(future.result() for future in others)]
