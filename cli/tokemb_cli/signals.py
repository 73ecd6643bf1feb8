"""The handling of Ctrl-C, SIGTERM and SIGHUP: clean up, print one line, exit with 128 plus the signal number."""

from __future__ import annotations

import _thread
import os
import signal
import time
from contextlib import suppress
from types import FrameType

# The names of the files of Python's import system.
_IMPORT_SYSTEM = "<frozen importlib"
_PAUSE_SECONDS = 0.001

_DESCRIPTIONS = {"SIGINT": "interrupted", "SIGTERM": "terminated", "SIGHUP": "hung up"}


class Stopped(KeyboardInterrupt):
    """A signal asked the process to stop. It is handled like Ctrl-C."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


_received: list[int] = []


def install() -> None:
    """Make the signals raise ``Stopped``. Signals that the parent process ignores, as nohup does, stay ignored."""
    for name in _DESCRIPTIONS:
        number = getattr(signal, name, None)  # Windows has no SIGHUP
        if number is not None and signal.getsignal(number) in (signal.SIG_DFL, signal.default_int_handler):
            signal.signal(number, _stop)


def restore() -> None:
    """Let the signals end the process at once, when nothing is left to clean up."""
    for name in _DESCRIPTIONS:
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) is _stop:
            signal.signal(number, signal.SIG_DFL)


def was_received() -> bool:
    """Return whether a signal was received. Later errors are its consequence: some imports convert the exception."""
    return bool(_received)


def exit_code() -> int:
    """Return the exit code for the received signal, or that of Ctrl-C."""
    return 128 + (_received[-1] if _received else signal.SIGINT)


def describe() -> str:
    """Return a word for messages, such as ``interrupted``."""
    number = _received[-1] if _received else signal.SIGINT
    with suppress(ValueError):
        return _DESCRIPTIONS.get(signal.Signals(number).name, "stopped")
    return "stopped"


def _stop(number: int, frame: FrameType | None) -> None:
    if frame is not None and frame.f_code.co_filename.startswith(_IMPORT_SYSTEM):
        # An exception between two of its instructions would leave the import lock held. Threads that import something
        # would wait for it for ever, and this thread for them.
        _thread.start_new_thread(_send_later, (number,))
        return
    _received.append(number)
    raise Stopped(number)


def _send_later(number: int) -> None:
    time.sleep(_PAUSE_SECONDS)
    if os.name == "posix":
        os.kill(os.getpid(), number)  # the main thread gets it, even if it waits for input
    else:
        signal.raise_signal(number)
