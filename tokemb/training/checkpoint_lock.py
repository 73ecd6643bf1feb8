"""Lock the folder of the checkpoints of a training."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from functools import wraps
from pathlib import Path
from typing import ParamSpec

from tokemb.files.locked_folder import locked_folder
from tokemb.training.result import Trained
from tokemb.training.schedule import Schedule

_Arguments = ParamSpec("_Arguments")

# The folders that this thread has locked. The trainings of a search lock folders in that of the search.
_LOCKED: ContextVar[frozenset[Path]] = ContextVar("_LOCKED", default=frozenset())


@contextmanager
def locked_checkpoints(folder: Path | str | None) -> Iterator[None]:
    """Lock a folder of checkpoints during the block, because another training would replace or remove its state.

    The folder is removed if it is empty after the block. Nothing is locked if ``folder`` is ``None``, or if this thread
    has already locked the folder or one that contains it.

    Raises:
        OutputInUseError: If another training has locked the folder.
    """
    locked = _LOCKED.get()
    path = None if folder is None else Path(folder)
    if path is None or not locked.isdisjoint((path.resolve(), *path.resolve().parents)):
        yield
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    with locked_folder(path):
        token = _LOCKED.set(locked | {path.resolve()})
        try:
            yield
        finally:
            _LOCKED.reset(token)
    with suppress(OSError):  # it contains other files
        path.rmdir()


def locks_checkpoints(train: Callable[_Arguments, Trained]) -> Callable[_Arguments, Trained]:
    """Decorate a function that trains, so that it locks the folder of the checkpoints of its ``Schedule``."""

    @wraps(train)
    def locked(*args: _Arguments.args, **arguments: _Arguments.kwargs) -> Trained:
        schedules = (value for value in (*args, *arguments.values()) if isinstance(value, Schedule))
        schedule = next(schedules, None)
        with locked_checkpoints(None if schedule is None else schedule.checkpoint):
            return train(*args, **arguments)

    return locked
