"""Processes that segment texts at the same time, since a segmenter written in Python uses one core."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import weakref
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from queue import LifoQueue
from typing import cast

from tokemb.errors import TextError, TokembError
from tokemb.rows.threads import prefetch_map

_WORKER = Path(__file__).with_name("worker.py")


class Processes:
    """A fixed number of processes with one segmenter. They end with this object, and with the Python that made it."""

    def __init__(self, target: str, user_dictionary: bytes | None, count: int) -> None:
        """Start the processes. They load the segmenter when they get their first texts.

        Args:
            target: ``Adapter.target``.
            user_dictionary: The content of a user dictionary.
            count: The number of processes.
        """
        self.count = count
        self._owner = os.getpid()
        self._ended = False
        self._idle: LifoQueue[subprocess.Popen[bytes]] = LifoQueue()
        workers = [_start(target, user_dictionary) for _ in range(count)]
        for worker in workers:
            self._idle.put(worker)
        weakref.finalize(self, _end, workers)

    @property
    def usable(self) -> bool:
        """Whether none of them has ended, and this process started them: a forked one must not write into the pipes."""
        return not self._ended and self._owner == os.getpid()

    def map(self, parts: Iterator[list[str]]) -> Iterator[list[str]]:
        """Segment lists of texts. Yield the results in their order. Few parts are in memory at a time."""
        yield from prefetch_map(self._segment, parts, self.count)

    def _segment(self, texts: list[str]) -> list[str]:
        worker = self._idle.get()
        try:
            answer = _request(worker, texts)
        except EOFError:
            self._ended = True
            raise TextError(
                f"a process of the segmenter ended with code {worker.wait()}, perhaps because the memory was used up: "
                "pass threads=1"
            ) from None
        finally:
            self._idle.put(worker)
        if isinstance(answer, TokembError):
            raise answer
        return answer


def _start(target: str, user_dictionary: bytes | None) -> subprocess.Popen[bytes]:
    worker = subprocess.Popen(
        [sys.executable, "-I", "-W", "ignore", str(_WORKER)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    _send(worker, (sys.path, target, user_dictionary))
    return worker


def _request(worker: subprocess.Popen[bytes], texts: list[str]) -> list[str] | TokembError:
    """Return the answer of a process. Raise ``EOFError`` if it has ended."""
    try:
        _send(worker, texts)
        return cast("list[str] | TokembError", pickle.load(worker.stdout))  # type: ignore[arg-type]
    except (OSError, pickle.UnpicklingError):  # it ended before the texts, or in the middle of its answer
        raise EOFError from None


def _send(worker: subprocess.Popen[bytes], content: object) -> None:
    stream = worker.stdin
    pickle.dump(content, stream, pickle.HIGHEST_PROTOCOL)  # type: ignore[arg-type]
    stream.flush()  # type: ignore[union-attr]


def _end(workers: list[subprocess.Popen[bytes]]) -> None:
    for worker in workers:
        for stream in (worker.stdin, worker.stdout):
            with suppress(OSError):  # the process has ended, and something was left to write
                stream.close()  # type: ignore[union-attr]
    for worker in workers:
        worker.wait()
