"""Functions to machine code, by Numba: needed once a machine, and slow to import.

A kernel gets all its arrays and makes none, so that no references need to be counted. To count them at every call of an
inner function, atomically, would take most of the time; and what counts no references needs nothing of Numba to run.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import llvmlite.binding as llvm
import numba
import numpy as np
from numba import types

Function = TypeVar("Function", bound=Callable[..., Any])

_OPTIONS: dict[str, Any] = {"error_model": "numpy", "_nrt": False}
# The kernels are called by their machine code, so wrappers for Python and C are not needed.
_NO_WRAPPERS: dict[str, Any] = {"no_cpython_wrapper": True, "no_cfunc_wrapper": True}


def inlined(function: Function) -> Function:
    """Compile ``function`` into the kernels that call it."""
    return numba.njit(function, forceinline=True, **_OPTIONS)


def inlined_fastmath(function: Function) -> Function:
    """``inlined``; numbers may be added in any order, many at once, so that sums are not the same on all processors."""
    return numba.njit(function, forceinline=True, fastmath={"reassoc", "contract"}, **_OPTIONS)


def object_code(module: str, name: str, arguments: Sequence[Any], machine: llvm.TargetMachine) -> bytes:
    """The function ``name`` of a module of this package, compiled for arguments such as these.

    The code is that of an object file, in which the function has the same name and takes its arguments as
    ``tokemb.kernels.kernel`` passes them.
    """
    function = getattr(importlib.import_module(f"tokemb.kernels.{module}"), name)
    compiled = numba.njit(function, **_OPTIONS, **_NO_WRAPPERS)
    compiled.compile(tuple(map(_type_of, arguments)))
    [signature] = compiled.signatures
    code = llvm.parse_assembly(compiled.inspect_llvm(signature))
    code.get_function(compiled.overloads[signature].fndesc.llvm_func_name).name = name
    return machine.emit_object(code)


def _type_of(argument: Any) -> types.Type:  # noqa: ANN401
    if isinstance(argument, np.ndarray):
        return types.Array(numba.from_dtype(argument.dtype), argument.ndim, "C")
    if isinstance(argument, tuple):
        return types.NamedTuple([_type_of(part) for part in argument], type(argument))
    return types.int64
