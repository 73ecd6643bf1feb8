"""The entry point. It installs signal handlers before the imports, which take most of the time of a small command."""

from __future__ import annotations

import atexit
import gc
import os
import sys
from typing import NoReturn

# The number of words of tokemb --help. Other commands read or write with pyarrow.
_SHORT = 2
# A process that has imported one of these libraries ends as Python ends it.
_FINISHED_BY_PYTHON = frozenset({"keras", "pyspark", "tensorflow"})


def main() -> None:
    """Run the command. Ctrl-C during the imports ends it with one line."""
    try:
        from tokemb_cli import signals

        signals.install()
        # Garbage collection of all imported objects takes a tenth of the time of a small command.
        gc.set_threshold(100_000)
        atexit.register(gc.freeze)
        if len(sys.argv) > _SHORT:
            from tokemb_cli import preload

            preload.arrow()
        from tokemb_cli.main import main as run
    except KeyboardInterrupt:
        _end_stopped("nothing was written")
    try:
        run()
    except SystemExit as ended:
        if not ended.code:
            _end_at_once()
        raise
    except KeyboardInterrupt:  # before or after the command, which ends with SystemExit
        _end_stopped("no incomplete file stays")


def _end_stopped(what: str) -> NoReturn:
    """End a process that a signal stopped with one line."""
    from tokemb_cli import signals

    if sys.stderr is not None:
        sys.stderr.write(f"{signals.describe()}: {what}\n")
    sys.exit(signals.exit_code())


def _end_at_once() -> None:
    """End a process that has succeeded. Return if Python has to end it.

    Python frees every object first, which takes a twentieth of the time of a small command. All outputs are complete:
    they were closed before they got their names, and the standard streams have no buffer (``streams``). Keras and Spark
    have more to finish than what they register with ``atexit``. Profilers and debuggers wait for the end, too.
    """
    import threading

    is_watched = sys.getprofile() is not None or sys.gettrace() is not None
    if is_watched or threading.active_count() > 1 or not _FINISHED_BY_PYTHON.isdisjoint(sys.modules):
        return
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        if stream is not None and not stream.closed:
            stream.flush()
    os._exit(0)


if __name__ == "__main__":
    main()
