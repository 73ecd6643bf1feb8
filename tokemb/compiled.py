"""How kernels are compiled: by Numba, without the interpreter lock, kept on disk.

Numba takes a quarter of a second to import, so whatever needs a kernel imports it inside a function.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any, TypeVar

import numba
import numpy as np
import numpy.typing as npt
from numba.core import event

Function = TypeVar("Function", bound=Callable[..., Any])

# Of a lean kernel: it gets all its arrays and makes none, no view either, so that no references need to be counted. To
# count them at every call of an inner function, atomically, would take most of the time.
_LEAN: dict[str, Any] = {"_nrt": False}


def kernel(function: Function) -> Function:
    """Compile ``function`` at its first call on this machine, and load it from Numba's cache from then on."""
    return _compiled(function)


def lean_kernel(function: Function) -> Function:
    """A ``kernel`` that counts no references, and so can make no array."""
    return _compiled(function, **_LEAN)


def inlined(function: Function) -> Function:
    """Compile ``function`` into the lean kernels that call it."""
    return numba.njit(function, nogil=True, forceinline=True, **_LEAN)


def _compiled(function: Function, **options: Any) -> Function:  # noqa: ANN401 - Numba's own
    try:
        compiled = numba.njit(function, nogil=True, cache=True, **options)
    except RuntimeError:  # neither the package's folder nor the user's can be written to
        return numba.njit(function, nogil=True, **options)
    cache = getattr(compiled, "_cache", None)
    if cache is not None:
        cache.save_overload = partial(_save_if_possible, cache.save_overload)
    return compiled


def readonly(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """A contiguous view for a kernel, which compiles itself once for memory that can be written to and once for other:
    with this, never for both.
    """
    view = np.ascontiguousarray(array).view()
    view.flags.writeable = False
    return view


def _save_if_possible(save: Callable[..., None], *arguments: object) -> None:
    """Numba fails where its cache cannot be written to; a full disk is no reason not to go on."""
    with suppress(OSError):
        save(*arguments)


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
