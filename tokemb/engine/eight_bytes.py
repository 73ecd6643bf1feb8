"""Eight bytes at once, as one uint64: what Numba has no function for."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from tokemb.compiled import inlined

UInt8 = npt.NDArray[np.uint8]

# One bit, and all but it, in each of the bytes.
_HIGHEST = np.uint64(0x8080808080808080)
_OTHERS = np.uint64(0x7F7F7F7F7F7F7F7F)
_GATHER = np.uint64(0x0102040810204080)


def _pointer(context: Any, builder: Any, array_type: Any, array: Any, index: Any) -> Any:  # noqa: ANN401 - LLVM's own
    data = context.make_array(array_type)(context, builder, array).data
    return builder.bitcast(builder.gep(data, [index]), ir.IntType(64).as_pointer())


@intrinsic
def load(typing_context: Any, array: Any, index: Any) -> Any:  # noqa: ANN401
    """``array[index:index + 8]`` of an uint8 array; the first byte is the lowest."""

    def codegen(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:  # noqa: ANN401
        return builder.load(_pointer(context, builder, signature.args[0], *arguments), align=1)

    return types.uint64(array, types.intp), codegen


@intrinsic
def store(typing_context: Any, array: Any, index: Any, word: Any) -> Any:  # noqa: ANN401
    """``array[index:index + 8] = word``."""

    def codegen(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:  # noqa: ANN401
        array, index, word = arguments
        builder.store(word, _pointer(context, builder, signature.args[0], array, index), align=1)
        return context.get_dummy_value()

    return types.void(array, types.intp, types.uint64), codegen


@intrinsic
def prefetch(typing_context: Any, array: Any, index: Any) -> Any:  # noqa: ANN401
    """Have ``array[index]`` of an uint64 array brought into the cache, without waiting for it."""

    def codegen(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:  # noqa: ANN401
        byte, number = ir.IntType(8).as_pointer(), ir.IntType(32)
        data = context.make_array(signature.args[0])(context, builder, arguments[0]).data
        function = builder.module.declare_intrinsic(
            "llvm.prefetch", [byte], ir.FunctionType(ir.VoidType(), [byte, number, number, number])
        )
        pointer = builder.bitcast(builder.gep(data, [arguments[1]]), byte)
        builder.call(function, [pointer, *(ir.Constant(number, value) for value in (0, 3, 1))])  # to read, to keep
        return context.get_dummy_value()

    return types.void(array, types.intp), codegen


@intrinsic
def trailing_zeros(typing_context: Any, word: Any) -> Any:  # noqa: ANN401
    """The number of bits below the lowest that is set; 64 if none is."""

    def codegen(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:  # noqa: ANN401
        return builder.cttz(arguments[0], ir.Constant(ir.IntType(1), 0))

    return types.int64(types.uint64), codegen


@inlined
def not_zero(word: int) -> int:
    """The highest bit of every byte that is not zero; no byte may be above 0x7F."""
    return (word + _OTHERS) & _HIGHEST


@inlined
def gather_highest(word: int) -> int:
    """The highest bit of each byte, as the lowest eight bits."""
    return (((word & _HIGHEST) >> np.uint64(7)) * _GATHER) >> np.uint64(56)
