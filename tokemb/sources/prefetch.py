"""Reading ahead: a thread makes the next items while the consumer works on the last."""

from __future__ import annotations

import threading
from collections.abc import Generator
from queue import SimpleQueue
from typing import TypeVar

Item = TypeVar("Item")

# How often a thread that waits looks whether the program has ended.
_SECONDS = 0.2


def prefetch(items: Generator[Item, None, None], most: int = 2) -> Generator[Item, None, None]:
    """Yield ``items``, of which a thread makes up to ``most`` before they are asked for; its errors are raised here.

    The thread starts with the first item and goes when the last is taken, or when this generator is closed or dropped.
    ``items`` must not wait for something that may never come: the end of the program waits for the item in the making.
    """
    made: SimpleQueue[tuple[Item] | BaseException | None] = SimpleQueue()
    room = threading.Semaphore(most)
    dropped = threading.Event()

    def wait_for_room() -> bool:
        while not room.acquire(timeout=_SECONDS):
            # A consumer that is neither done nor dropped must not keep the program from ending.
            if not threading.main_thread().is_alive():
                return False
        return not dropped.is_set()

    def work() -> None:
        try:
            while wait_for_room():
                made.put((next(items),))
        except StopIteration:
            made.put(None)
        except BaseException as error:  # whatever it is, the consumer shall see it
            made.put(error)
        finally:
            items.close()

    threading.Thread(target=work, name="tokemb-read-ahead").start()
    try:
        while (item := made.get()) is not None:
            if isinstance(item, BaseException):
                raise item
            room.release()
            yield item[0]
    finally:
        dropped.set()
        room.release()
