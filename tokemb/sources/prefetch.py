"""Prefetching: a thread computes the next items while the consumer processes the current one."""

from __future__ import annotations

import threading
from collections.abc import Generator
from queue import SimpleQueue
from typing import TypeVar

Item = TypeVar("Item")

# Interval at which a waiting thread checks whether the program has ended.
_SECONDS = 0.2


def prefetch(items: Generator[Item, None, None], limit: int = 2) -> Generator[Item, None, None]:
    """Yield the items of a generator, which a thread computes in advance. Its errors are raised here.

    The thread starts with the first item. It ends after the last, or when this generator is closed or deleted.

    Args:
        items: The generator. It must not block forever, since the end of the program waits for the current item.
        limit: The maximum number of items that are computed in advance.
    """
    finished: SimpleQueue[tuple[Item] | BaseException | None] = SimpleQueue()
    room = threading.Semaphore(limit)
    closed = threading.Event()

    def wait_for_room() -> bool:
        while not room.acquire(timeout=_SECONDS):
            # A consumer that is neither finished nor deleted must not keep the program from ending.
            if not threading.main_thread().is_alive():
                return False
        return not closed.is_set()

    def work() -> None:
        try:
            while wait_for_room():
                finished.put((next(items),))
        except StopIteration:
            finished.put(None)
        except BaseException as error:  # the consumer raises it
            finished.put(error)
        finally:
            items.close()

    threading.Thread(target=work, name="tokemb-read-ahead").start()
    try:
        while (item := finished.get()) is not None:
            if isinstance(item, BaseException):
                raise item
            room.release()
            yield item[0]
    finally:
        closed.set()
        room.release()
