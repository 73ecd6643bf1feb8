"""How kernels are compiled: by Numba, without the interpreter lock, kept on disk.

Numba takes a quarter of a second to import, so whatever needs a kernel imports it inside a function.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, TypeVar

import numba
import numpy as np
import numpy.typing as npt
from numba.core import event

Function = TypeVar("Function", bound=Callable[..., Any])

# Kernels get all their arrays and make none, so no references need to be counted; counting them, atomically, at every
# call of an inner function would take most of the time.
_OPTIONS: dict[str, Any] = {"nogil": True, "_nrt": False}


def kernel(function: Function) -> Function:
    """Compile ``function`` at its first call on this machine, and load it from Numba's cache from then on."""
    try:
        return numba.njit(function, cache=True, **_OPTIONS)
    except RuntimeError:  # neither the package's folder nor the user's can be written to
        return numba.njit(function, **_OPTIONS)


def inlined(function: Function) -> Function:
    """Compile ``function`` into the kernels that call it."""
    return numba.njit(function, forceinline=True, **_OPTIONS)


def readonly(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """A contiguous view for a kernel, which compiles itself once for memory that can be written to and once for other:
    with this, never for both.
    """
    view = np.ascontiguousarray(array).view()
    view.flags.writeable = False
    return view


class _Announce(event.Listener):
    """Say once why the first call takes seconds."""

    said = False

    def on_start(self, event: event.Event) -> None:
        if not self.said and event.data["dispatcher"].py_func.__module__.startswith("tokemb"):
            _Announce.said = True
            logging.getLogger("tokemb").warning("tokemb compiles its kernels for this machine, once: some seconds")

    def on_end(self, event: event.Event) -> None:
        pass


event.register("numba:compile", _Announce())
