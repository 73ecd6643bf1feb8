"""Operations on many bytes at once, and other instructions that Numba lacks, written in LLVM's intermediate language.

LLVM maps 64 bytes to the registers of the processor: one, two or four.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from tokemb.kernels.structs import WIDTH

_BYTE, _INT, _WORD, _BIT = ir.IntType(8), ir.IntType(32), ir.IntType(64), ir.IntType(1)
_BYTES = ir.VectorType(_BYTE, WIDTH)


def _pointer(context: Any, builder: Any, array_type: Any, array: Any, index: Any, to: Any) -> Any:  # noqa: ANN401
    data = context.make_array(array_type)(context, builder, array).data
    return builder.bitcast(builder.gep(data, [index]), to.as_pointer())


def _all(builder: Any, byte: Any) -> Any:  # noqa: ANN401
    """Return ``WIDTH`` copies of one byte."""
    one = builder.insert_element(ir.Constant(_BYTES, ir.Undefined), byte, ir.Constant(_INT, 0))
    return builder.shuffle_vector(one, one, ir.Constant(ir.VectorType(_INT, WIDTH), [0] * WIDTH))


def _within(builder: Any, text: Any, low: Any, span: Any) -> Any:  # noqa: ANN401
    return builder.icmp_unsigned("<=", builder.sub(text, _all(builder, low)), _all(builder, span))


@intrinsic
def in_range(typing_context: Any, array: Any, index: Any, low: Any, span: Any) -> Any:  # noqa: ANN401
    """Return which of ``array[index:index + WIDTH]``, uint8, are from ``low`` to ``low + span``, as uint64 bits."""

    def codegen(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:  # noqa: ANN401
        array, index, low, span = arguments
        text = builder.load(_pointer(context, builder, signature.args[0], array, index, _BYTES), align=1)
        return builder.bitcast(_within(builder, text, low, span), _WORD)

    return types.uint64(array, types.intp, types.uint8, types.uint8), codegen


@intrinsic
def copy_folded(
    typing_context: Any,  # noqa: ANN401
    array: Any,  # noqa: ANN401
    index: Any,  # noqa: ANN401
    low: Any,  # noqa: ANN401
    span: Any,  # noqa: ANN401
    out: Any,  # noqa: ANN401
    to: Any,  # noqa: ANN401
) -> Any:  # noqa: ANN401
    """Copy ``array[index:index + WIDTH]``, uint8, to ``out[to:]``. Add 32 to bytes from ``low`` to ``low + span``."""

    def codegen(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:  # noqa: ANN401
        array, index, low, span, out, to = arguments
        text = builder.load(_pointer(context, builder, signature.args[0], array, index, _BYTES), align=1)
        more = builder.select(
            _within(builder, text, low, span), ir.Constant(_BYTES, [32] * WIDTH), ir.Constant(_BYTES, [0] * WIDTH)
        )
        target = _pointer(context, builder, signature.args[4], out, to, _BYTES)
        builder.store(builder.add(text, more), target, align=1)
        return context.get_dummy_value()

    return types.void(array, types.intp, types.uint8, types.uint8, out, types.intp), codegen


@intrinsic
def load(typing_context: Any, array: Any, index: Any) -> Any:  # noqa: ANN401
    """Return ``array[index:index + 8]``, uint8, as one uint64. The first byte is the lowest."""

    def codegen(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:  # noqa: ANN401
        return builder.load(_pointer(context, builder, signature.args[0], *arguments, _WORD), align=1)

    return types.uint64(array, types.intp), codegen


@intrinsic
def copy_word(typing_context: Any, array: Any, index: Any, out: Any, to: Any) -> Any:  # noqa: ANN401
    """Copy ``array[index:index + 8]``, uint8, to ``out[to:]``."""

    def codegen(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:  # noqa: ANN401
        array, index, out, to = arguments
        word = builder.load(_pointer(context, builder, signature.args[0], array, index, _WORD), align=1)
        builder.store(word, _pointer(context, builder, signature.args[2], out, to, _WORD), align=1)
        return context.get_dummy_value()

    return types.void(array, types.intp, out, types.intp), codegen


@intrinsic
def prefetch(typing_context: Any, array: Any, index: Any) -> Any:  # noqa: ANN401
    """Load ``array[index]`` into the cache without waiting for it."""

    def codegen(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:  # noqa: ANN401
        _prefetch(builder, _pointer(context, builder, signature.args[0], *arguments, _BYTE), to_write=False)
        return context.get_dummy_value()

    return types.void(array, types.intp), codegen


@intrinsic
def prefetch_to_write(typing_context: Any, array: Any, row: Any, column: Any) -> Any:  # noqa: ANN401
    """Load ``array[row, column]``, which will be written soon, into the cache without waiting for it."""

    def codegen(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:  # noqa: ANN401
        array, row, column = arguments
        width = builder.extract_value(context.make_array(signature.args[0])(context, builder, array).shape, 1)
        index = builder.add(builder.mul(row, width), column)
        _prefetch(builder, _pointer(context, builder, signature.args[0], array, index, _BYTE), to_write=True)
        return context.get_dummy_value()

    return types.void(array, types.intp, types.intp), codegen


def _prefetch(builder: Any, pointer: Any, *, to_write: bool) -> None:  # noqa: ANN401
    byte = _BYTE.as_pointer()
    function = builder.module.declare_intrinsic(
        "llvm.prefetch", [byte], ir.FunctionType(ir.VoidType(), [byte, _INT, _INT, _INT])
    )
    keep, data = 3, 1
    builder.call(function, [pointer, *(ir.Constant(_INT, value) for value in (int(to_write), keep, data))])


@intrinsic
def trailing_zeros(typing_context: Any, word: Any) -> Any:  # noqa: ANN401
    """Return the number of bits below the lowest bit that is set, or 64 if none is."""

    def codegen(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:  # noqa: ANN401
        return builder.cttz(arguments[0], ir.Constant(_BIT, 0))

    return types.int64(types.uint64), codegen


@intrinsic
def not_inlined(typing_context: Any) -> Any:  # noqa: ANN401
    """Keep LLVM from compiling the function that contains this call into its callers."""

    def codegen(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:  # noqa: ANN401
        builder.function.attributes.add("noinline")
        return context.get_dummy_value()

    return types.void(), codegen


@intrinsic
def count_ones(typing_context: Any, word: Any) -> Any:  # noqa: ANN401
    """Return the number of bits that are set."""

    def codegen(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:  # noqa: ANN401
        return builder.ctpop(arguments[0])

    return types.uint64(types.uint64), codegen
