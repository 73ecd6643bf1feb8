"""The calling convention of Numba's functions: how arguments are passed and how the result is returned.

A function gets two pointers, to the result and to the description of an error, and then its arguments as words of 64
bits. It returns a status (numba/core/callconv.py).
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterator, Sequence
from operator import index
from typing import Any, TypeAlias

import numpy as np

# The types of the arguments of a kernel: an array is ``(dtype, axes)``, an integer ``int``, and a named tuple its name,
# followed by the types of its fields.
Signature: TypeAlias = tuple[Any, ...]
MachineCode: TypeAlias = Callable[..., int]

# The status codes for success with and without a result.
OK, OK_NONE = 0, -2


def flatten(arguments: Sequence[Any]) -> tuple[Signature, list[int]]:
    """Return the types of arguments, and their values in Numba's convention.

    Raises:
        TypeError: If an array is not contiguous.
    """
    signature: list[Any] = []
    words: list[int] = []
    for argument in arguments:
        _flatten(argument, signature, words)
    return tuple(signature), words


def _flatten(argument: Any, signature: list[Any], words: list[int]) -> None:  # noqa: ANN401
    """Append the type of ``argument`` to ``signature``, and its values in Numba's convention to ``words``.

    The values for an array are (numba/core/datamodel/models.py, ArrayModel): two pointers for reference counts, the
    number of items, their size, the address of the first, the shape, and the strides in bytes.
    """
    if isinstance(argument, np.ndarray):
        flags = argument.flags
        if not (flags.c_contiguous and flags.aligned):
            raise TypeError(f"a kernel takes contiguous arrays; received strides {argument.strides}")
        signature.append((argument.dtype.str, argument.ndim))
        address = argument.__array_interface__["data"][0]
        words += (0, 0, argument.size, argument.itemsize, address, *argument.shape, *argument.strides)
    elif isinstance(argument, tuple):
        signature.append(type(argument).__name__)
        for part in argument:
            _flatten(part, signature, words)
    else:
        signature.append(int)
        words.append(index(argument))


def llvm_types(signature: Signature) -> Iterator[str]:
    """Yield ``"ptr"`` or ``"i64"`` for each argument of the function that LLVM compiles for ``signature``."""
    yield from ("ptr", "ptr")  # the result and the error
    for kind in signature:
        if kind is int:
            yield "i64"
        elif isinstance(kind, tuple):
            _, axes = kind
            yield from ("ptr", "ptr", "i64", "i64", "ptr", *["i64"] * (2 * axes))


def function_at(address: int, signature: Signature) -> MachineCode:
    """Return the machine code at ``address`` as a function."""
    argument_types = [ctypes.c_void_p if kind == "ptr" else ctypes.c_int64 for kind in llvm_types(signature)]
    return ctypes.CFUNCTYPE(ctypes.c_int32, *argument_types)(address)


def call(function: MachineCode, words: Sequence[int]) -> tuple[int, int]:
    """Call a function. Return its status and its result, 0 for a function without a result."""
    result, error = ctypes.c_int64(), ctypes.c_void_p()
    status = function(ctypes.addressof(result), ctypes.addressof(error), *words)
    return status, result.value
