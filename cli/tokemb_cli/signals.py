"""The handling of Ctrl-C, SIGTERM and SIGHUP: clean up, print one line, exit with 128 plus the signal number."""

from __future__ import annotations

import signal
from contextlib import suppress
from types import FrameType

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
    """Let Ctrl-C end the process at once, when nothing is left to clean up."""
    if signal.getsignal(signal.SIGINT) is _stop:
        signal.signal(signal.SIGINT, signal.SIG_DFL)


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


def _stop(number: int, _: FrameType | None) -> None:
    _received.append(number)
    raise Stopped(number)
