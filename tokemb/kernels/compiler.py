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
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.core.typing.templates import Signature
from numba.extending import intrinsic

Function = TypeVar("Function", bound=Callable[..., Any])

_OPTIONS: dict[str, Any] = {"error_model": "numpy", "_nrt": False}
# What Python or C would call it by.
_NO_WRAPPERS: dict[str, Any] = {"no_cpython_wrapper": True, "no_cfunc_wrapper": True}


def inlined(function: Function) -> Function:
    """Compile ``function`` into the kernels that call it."""
    return numba.njit(function, forceinline=True, **_OPTIONS)


def inlined_in_any_order(function: Function) -> Function:
    """``inlined``; numbers may be added in any order, many at once, so that sums are not the same on all processors."""
    return numba.njit(function, forceinline=True, fastmath={"reassoc", "contract"}, **_OPTIONS)


@intrinsic
def fetch(
    context: Any,  # noqa: ANN401, ARG001
    array: types.Array,
    row: types.Integer,
    column: types.Integer,
) -> tuple[Signature, Callable[..., Any]]:
    """Have the processor fetch ``array[row, column]``, and what lies around it, to be changed soon; nothing waits."""

    def generate(context: Any, builder: ir.IRBuilder, signature: Signature, arguments: Sequence[ir.Value]) -> ir.Value:  # noqa: ANN401
        made = context.make_array(signature.args[0])(context, builder, arguments[0])
        width = builder.extract_value(made.shape, 1)
        at = builder.add(builder.mul(arguments[1], width), arguments[2])
        address = builder.bitcast(builder.gep(made.data, [at]), ir.IntType(8).as_pointer())
        kind = ir.FunctionType(ir.VoidType(), [ir.IntType(8).as_pointer(), *[ir.IntType(32)] * 3])
        function = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0i8")
        for_writing, keep, data = (ir.Constant(ir.IntType(32), value) for value in (1, 3, 1))
        builder.call(function, [address, for_writing, keep, data])
        return context.get_dummy_value()

    return types.void(array, types.int64, types.int64), generate


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
