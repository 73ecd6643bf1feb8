"""A kernel: a compiled function that is called with NumPy arrays, without Numba.

Importing Numba takes half a second, which is longer than most inputs take. The compiled code is therefore saved as an
object file, which LLVM loads in some milliseconds.
"""

from __future__ import annotations

import ctypes
import hashlib
import logging
from functools import cache
from operator import index
from threading import Lock
from typing import TYPE_CHECKING, Any

import numpy as np

from tokemb.kernels import object_cache

if TYPE_CHECKING:
    import llvmlite.binding as llvm

# The status codes of Numba's functions (numba/core/callconv.py) for success with and without a result.
_OK, _OK_NONE = 0, -2

_loading = Lock()
# The machine code is freed with its engine.
_engines: list[llvm.ExecutionEngine] = []


class Kernel:
    """The function ``name`` of the module ``module`` of this package.

    The arguments are contiguous NumPy arrays, integers, and named tuples of them. The result is an integer, 0 for a
    function without a result. The first call on a machine compiles the function for the dtypes of the arguments. Later
    calls load it from disk. The interpreter lock is released during the call.
    """

    def __init__(self, module: str, name: str) -> None:
        self._module = module
        self._name = name
        self._functions: dict[tuple[Any, ...], Any] = {}

    def __call__(self, *arguments: Any) -> int:  # noqa: ANN401
        """Call the function.

        Raises:
            TypeError: If an array is not contiguous.
        """
        argument_types: list[Any] = []
        words: list[int] = []
        for argument in arguments:
            _flatten(argument, argument_types, words)
        signature = tuple(argument_types)
        function = self._functions.get(signature)
        if function is None:
            with _loading:
                function = self._functions[signature] = self._load(signature, arguments, len(words))
        result, error = ctypes.c_int64(), ctypes.c_void_p()
        status = function(ctypes.addressof(result), ctypes.addressof(error), *words)
        if status not in (_OK, _OK_NONE):
            raise RuntimeError(f"the kernel {self._name} failed with status {status}")
        return result.value

    def _load(self, signature: tuple[Any, ...], arguments: tuple[Any, ...], words: int) -> Any:  # noqa: ANN401
        import llvmlite.binding as llvm

        machine, processor = _machine()
        key = repr((_sources(), processor, signature)).encode()
        name = f"{self._module}.{self._name}-{hashlib.sha256(key).hexdigest()[:32]}.o"
        code = object_cache.read(name)
        if code is None:
            _announce()
            from tokemb.kernels.compiler import object_code

            code = object_code(self._module, self._name, arguments, machine)
            object_cache.write(name, code)
        engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), machine)
        engine.add_object_file(llvm.ObjectFileRef.from_data(code))
        engine.finalize_object()
        _engines.append(engine)
        argument_types = [ctypes.c_void_p, ctypes.c_void_p, *[ctypes.c_int64] * words]
        return ctypes.CFUNCTYPE(ctypes.c_int32, *argument_types)(engine.get_function_address(self._name))


def _flatten(argument: Any, argument_types: list[Any], words: list[int]) -> None:  # noqa: ANN401
    """Append the type of ``argument`` to ``argument_types``, and its values in Numba's convention to ``words``.

    The values for an array are (numba/core/datamodel/models.py, ArrayModel): two pointers for reference counts, the
    number of items, their size, the address of the first, the shape, and the strides in bytes.
    """
    if isinstance(argument, np.ndarray):
        flags = argument.flags
        if not (flags.c_contiguous and flags.aligned):
            raise TypeError(f"a kernel takes contiguous arrays; received strides {argument.strides}")
        argument_types.append((argument.dtype.str, argument.ndim))
        address = argument.__array_interface__["data"][0]
        words += (0, 0, argument.size, argument.itemsize, address, *argument.shape, *argument.strides)
    elif isinstance(argument, tuple):
        argument_types.append(type(argument).__name__)
        for part in argument:
            _flatten(part, argument_types, words)
    else:
        argument_types.append(int)
        words.append(index(argument))


_sources = cache(object_cache.sources_digest)


@cache
def _machine() -> tuple[llvm.TargetMachine, str]:
    """Return the target machine of LLVM and its description."""
    import llvmlite.binding as llvm

    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    processor, features = llvm.get_host_cpu_name(), llvm.get_host_cpu_features().flatten()
    target = llvm.Target.from_default_triple()
    machine = target.create_target_machine(cpu=processor, features=features, opt=3, codemodel="jitdefault", jit=True)
    return machine, f"{target.triple} {processor} {features}"


@cache
def _announce() -> None:
    """Explain once why the first call takes seconds."""
    logging.getLogger("tokemb").warning("tokemb compiles its kernels for this machine, once: some seconds")
