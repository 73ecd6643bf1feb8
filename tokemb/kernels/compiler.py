"""Compilation to machine code by Numba. It is needed once per machine and slow to import.

A kernel gets all its arrays as arguments and allocates none, so that no references need to be counted. Atomic reference
counts at every call of an inner function would take most of the time, and code without them does not need Numba at run
time.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any, TypeVar, cast

import llvmlite.binding as llvm
import numba
import numpy as np
from numba import types
from numba.extending import overload

Function = TypeVar("Function", bound=Callable[..., Any])

_OPTIONS: dict[str, Any] = {"error_model": "numpy", "_nrt": False}
# The kernels are called by their machine code, so wrappers for Python and C are not needed.
_NO_WRAPPERS: dict[str, Any] = {"no_cpython_wrapper": True, "no_cfunc_wrapper": True}


def inlined(function: Function) -> Function:
    """Compile ``function`` into the kernels that call it."""
    return numba.njit(function, forceinline=True, **_OPTIONS)


def inlined_fastmath(function: Function) -> Function:
    """Compile like ``inlined``, but allow any order of additions. Sums then differ between processors."""
    return numba.njit(function, forceinline=True, fastmath={"reassoc", "contract"}, **_OPTIONS)


def inlined_by_type(implementations: Mapping[type, Function]) -> Function:
    """Return a function that calls the implementation for the type of its first argument, a named tuple.

    The choice is made during compilation, so a kernel contains one implementation only.
    """
    options: Any = {**_OPTIONS, "forceinline": True}

    def function(*arguments: Any) -> Any:  # noqa: ANN401
        return implementations[type(arguments[0])](*arguments)

    @overload(function, jit_options=options, strict=False)
    def _choose(*argument_types: Any) -> Function:  # noqa: ANN401
        return implementations[argument_types[0].instance_class]

    return cast(Function, function)


def object_code(module: str, name: str, arguments: Sequence[Any], machine: llvm.TargetMachine) -> bytes:
    """Compile a function of a module of this package.

    Args:
        module: The name of the module.
        name: The name of the function.
        arguments: Arguments with the types to compile for.
        machine: The machine to compile for.

    Returns:
        The content of an object file. The function in it has the same name and takes its arguments as
        ``tokemb.kernels.kernel`` passes them.
    """
    source = getattr(importlib.import_module(f"tokemb.kernels.{module}"), name)
    compiled = numba.njit(source, **_OPTIONS, **_NO_WRAPPERS)
    compiled.compile(tuple(map(_type_of, arguments)))
    [signature] = compiled.signatures
    code = llvm.parse_assembly(compiled.inspect_llvm(signature))
    function = code.get_function(compiled.overloads[signature].fndesc.llvm_func_name)
    function.name = name
    return machine.emit_object(code)


@cache
def plain_function(module: str, name: str) -> Callable[..., Any]:
    """Return a function of a module of this package as Numba compiles and calls it, without other assumptions."""
    function = getattr(importlib.import_module(f"tokemb.kernels.{module}"), name)
    return numba.njit(function, nogil=True, **_OPTIONS)


def _type_of(argument: Any) -> types.Type:  # noqa: ANN401
    if isinstance(argument, np.ndarray):
        return types.Array(numba.from_dtype(argument.dtype), argument.ndim, "C")
    if isinstance(argument, tuple):
        return types.NamedTuple([_type_of(part) for part in argument], type(argument))
    return types.int64
