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
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from tokemb.kernels import object_cache

if TYPE_CHECKING:
    import llvmlite.binding as llvm

# The status codes of Numba's functions (numba/core/callconv.py) for success with and without a result.
_OK, _OK_NONE = 0, -2

# The versions whose calling convention was tested: the first, and the first that was not. setup.cfg has the same.
KNOWN_VERSIONS = {"numba": ((0, 61), (0, 69)), "llvmlite": ((0, 44), (0, 51))}

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
        if signature not in self._functions:
            with _loading:
                self._functions[signature] = self._load(signature, arguments, len(words))
        function = self._functions[signature]
        if function is None:
            return self._call_numba(arguments)
        result, error = ctypes.c_int64(), ctypes.c_void_p()
        status = function(ctypes.addressof(result), ctypes.addressof(error), *words)
        if status not in (_OK, _OK_NONE):
            raise RuntimeError(f"the kernel {self._name} failed with status {status}")
        return result.value

    def _load(self, signature: tuple[Any, ...], arguments: tuple[Any, ...], words: int) -> Any:  # noqa: ANN401
        """Return the machine code as a function, or ``None`` if Numba must call it."""
        return self._load_machine_code(signature, arguments, words) if _convention_is_known() else None

    def _load_machine_code(self, signature: tuple[Any, ...], arguments: tuple[Any, ...], words: int) -> Any:  # noqa: ANN401
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

    def _call_numba(self, arguments: tuple[Any, ...]) -> int:
        from tokemb.kernels.compiler import plain_function

        return int(plain_function(self._module, self._name)(*map(_as_numba_takes_it, arguments)) or 0)


def _as_numba_takes_it(argument: Any) -> Any:  # noqa: ANN401
    """Return ``argument`` with integers as ``int``, so that there is one function for all of them."""
    if isinstance(argument, tuple):
        return type(argument)(*map(_as_numba_takes_it, argument))
    return argument if isinstance(argument, np.ndarray) else index(argument)


class _Probe(NamedTuple):
    """The argument of the probe, with all kinds of values that kernels take."""

    table: npt.NDArray[np.int64]
    factor: int
    flags: npt.NDArray[np.uint8]


@cache
def _convention_is_known() -> bool:
    """Return whether machine code is called as this module assumes. Otherwise explain once that Numba calls it."""
    reason = _unknown_version() or _failed_probe()
    if reason is not None:
        logging.getLogger("tokemb").warning(
            "tokemb compiles its kernels in each process, because %s: pip install --upgrade tokemb", reason
        )
    return reason is None


def _unknown_version() -> str | None:
    from importlib.metadata import version  # a slow import that small inputs do not need

    for package, (first, end) in KNOWN_VERSIONS.items():
        installed = version(package)
        numbers = tuple(int(number) if number.isdigit() else -1 for number in installed.split(".")[:2])
        if not first <= numbers < end:
            return f"{package} {installed} is not a version that it was tested with"
    return None


def _failed_probe() -> str | None:
    """Return why a call of a small kernel with all kinds of arguments fails, or ``None``."""
    out = np.zeros(4, np.int64)
    probe = _Probe(np.arange(6).reshape(2, 3), 7, np.array([5, 250], np.uint8))
    argument_types: list[Any] = []
    words: list[int] = []
    for argument in (out, probe, -2):
        _flatten(argument, argument_types, words)
    try:
        function = Kernel("probe", "probe")._load_machine_code(tuple(argument_types), (out, probe, -2), len(words))
        result, error = ctypes.c_int64(), ctypes.c_void_p()
        status = function(ctypes.addressof(result), ctypes.addressof(error), *words)
    except Exception as failure:  # any error of a compiler whose interface has changed
        return f"its machine code cannot be loaded ({type(failure).__name__})"
    correct = (status, result.value, out.tolist()) == (_OK, -14, [15, 12, 255, 23])
    return None if correct else "a small kernel gave a wrong result"


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
