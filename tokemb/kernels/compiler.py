"""Compilation to machine code by Numba. It is needed once per machine and slow to import.

A kernel gets all its arrays as arguments and allocates none, so that no references need to be counted. Atomic reference
counts at every call of an inner function would take most of the time, and code without them does not need Numba at run
time.
"""

from __future__ import annotations

import importlib
import logging
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any, TypeVar, cast

import llvmlite.binding as llvm
import numba
import numpy as np
from numba import types
from numba.extending import overload

from tokemb.kernels.calling import Signature, llvm_types
from tokemb.kernels.versions import UnknownCompilerError, reason_unknown

Function = TypeVar("Function", bound=Callable[..., Any])

_OPTIONS: dict[str, Any] = {"error_model": "numpy", "_nrt": False}
# The kernels are called by their machine code, so wrappers for Python and C are not needed.
_NO_WRAPPERS: dict[str, Any] = {"no_cpython_wrapper": True, "no_cfunc_wrapper": True}


def inlined(function: Function) -> Function:
    """Compile ``function`` into the kernels that call it."""
    return numba.njit(function, forceinline=True, **_OPTIONS)


def called(function: Function) -> Function:
    """Compile ``function`` as a function of its own. LLVM may still inline it, unless it calls ``simd.not_inlined``."""
    return numba.njit(function, forceinline=False, **_OPTIONS)


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


def object_code(
    module: str, name: str, arguments: Sequence[Any], signature: Signature, machine: llvm.TargetMachine
) -> bytes:
    """Compile a function of a module of this package.

    Args:
        module: The name of the module.
        name: The name of the function.
        arguments: Arguments with the types to compile for.
        signature: Their types, as in ``tokemb.kernels.calling``.
        machine: The machine to compile for.

    Returns:
        The content of an object file. The function in it has the same name and takes its arguments as
        ``tokemb.kernels.calling`` passes them.

    Raises:
        UnknownCompilerError: If the version of Numba was not tested, or the function takes other arguments.
    """
    if reason := reason_unknown("numba", numba.__version__):
        raise UnknownCompilerError(reason)
    if module == "probe":
        _announce()
    source = getattr(importlib.import_module(f"tokemb.kernels.{module}"), name)
    compiled = numba.njit(source, **_OPTIONS, **_NO_WRAPPERS)
    compiled.compile(tuple(map(_type_of, arguments)))
    [types_of_numba] = compiled.signatures
    code = llvm.parse_assembly(compiled.inspect_llvm(types_of_numba))
    function = code.get_function(compiled.overloads[types_of_numba].fndesc.llvm_func_name)
    _check_arguments(function, signature)
    _rename_definitions(code)
    function.name = name
    return machine.emit_object(code)


def _check_arguments(function: llvm.ValueRef, signature: Signature) -> None:
    """Raise ``UnknownCompilerError`` unless a function takes the arguments that ``tokemb.kernels.calling`` passes."""
    kind = function.global_value_type
    received = ["ptr" if part.is_pointer else str(part) for part in kind.get_function_parameters()]
    if str(kind.get_function_return()) != "i32" or received != list(llvm_types(signature)):
        raise UnknownCompilerError(f"numba {numba.__version__} passes arguments in another way")


def _rename_definitions(code: llvm.ModuleRef) -> None:
    """Rename the symbols, whose names depend on what was compiled before. The same source then gives the same bytes."""
    for prefix, symbols in (("function", code.functions), ("value", code.global_variables)):
        for number, symbol in enumerate([symbol for symbol in symbols if not symbol.is_declaration]):
            symbol.name = f"{prefix}{number}"


@cache
def _announce() -> None:
    """Explain why the first call takes seconds. The probe is the first kernel that a new installation compiles."""
    logging.getLogger("tokemb").warning("tokemb compiles its kernels for this machine, once: up to half a minute")


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
