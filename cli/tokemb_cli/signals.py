"""Stop on Ctrl-C, SIGTERM and SIGHUP: clean up, say one line, and exit with 128 plus the number of the signal."""

from __future__ import annotations

import signal
from contextlib import suppress
from types import FrameType

_WORDS = {"SIGINT": "interrupted", "SIGTERM": "terminated", "SIGHUP": "hung up"}


class Stopped(KeyboardInterrupt):
    """A signal asked the process to stop. Whatever cleans up after Ctrl-C cleans up after this."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


_received: list[int] = []


def install() -> None:
    """Have the signals raise ``Stopped``. A signal that the parent process had ignored, as nohup does, stays so."""
    for name in _WORDS:
        number = getattr(signal, name, None)  # Windows has no SIGHUP
        if number is not None and signal.getsignal(number) in (signal.SIG_DFL, signal.default_int_handler):
            signal.signal(number, _stop)


def restore() -> None:
    """Let Ctrl-C end the process at once, as nothing is left to clean up."""
    if signal.getsignal(signal.SIGINT) is _stop:
        signal.signal(signal.SIGINT, signal.SIG_DFL)


def was_received() -> bool:
    """Tell whether a signal came. An error after that is its consequence: some imports turn it into another one."""
    return bool(_received)


def exit_code() -> int:
    """Return the exit code that tells the signal which came; Ctrl-C if none is known."""
    return 128 + (_received[-1] if _received else signal.SIGINT)


def word() -> str:
    """Return how a message names what happened."""
    number = _received[-1] if _received else signal.SIGINT
    with suppress(ValueError):
        return _WORDS.get(signal.Signals(number).name, "stopped")
    return "stopped"


def _stop(number: int, _: FrameType | None) -> None:
    _received.append(number)
    raise Stopped(number)
