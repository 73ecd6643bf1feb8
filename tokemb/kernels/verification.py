"""The verification that machine code is called correctly. If it fails, Numba compiles and calls the kernels."""

from __future__ import annotations

import logging
from functools import cache
from typing import NamedTuple

import numpy as np

from tokemb._arrays import Int64, UInt8
from tokemb.kernels import calling, machine_code, versions


class _Probe(NamedTuple):
    """The argument of the probe, with all kinds of values that kernels take."""

    table: Int64
    factor: int
    flags: UInt8


@cache
def convention_is_known() -> bool:
    """Return whether machine code is called as this package assumes. Otherwise explain once that Numba calls it."""
    reason = _unknown_llvm() or _failed_probe()
    if reason is not None:
        explain_fallback(reason)
    return reason is None


@cache
def explain_fallback(reason: str) -> None:
    """Log once why Numba calls the kernels."""
    logging.getLogger("tokemb").warning(
        "tokemb compiles its kernels in each process, because %s: pip install --upgrade tokemb", reason
    )


def reason_for(failure: Exception) -> str:
    """Return why machine code cannot be used, as a part of a sentence."""
    if isinstance(failure, versions.UnknownCompilerError):
        return str(failure)
    return f"its machine code cannot be loaded ({type(failure).__name__})"


def _unknown_llvm() -> str | None:
    import llvmlite

    return versions.reason_unknown("llvmlite", llvmlite.__version__)


def _failed_probe() -> str | None:
    """Return why a call of a small kernel with all kinds of arguments fails, or ``None``."""
    out = np.zeros(4, np.int64)
    probe = _Probe(np.arange(6).reshape(2, 3), 7, np.array([5, 250], np.uint8))
    arguments = (out, probe, -2)
    signature, words = calling.flatten(arguments)
    try:
        function = machine_code.load("probe", "probe", signature, arguments)
    except Exception as failure:  # any error of a compiler whose interface has changed
        return reason_for(failure)
    correct = (*calling.call(function, words), out.tolist()) == (calling.OK, -14, [15, 12, 255, 23])
    return None if correct else "a small kernel gave a wrong result"
