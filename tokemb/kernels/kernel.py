"""A kernel: a compiled function that is called with NumPy arrays, without Numba.

Importing Numba takes half a second, which is longer than most inputs take. The compiled code is therefore saved as an
object file, which LLVM loads in a millisecond.
"""

from __future__ import annotations

from operator import index
from threading import Lock
from typing import Any

import numpy as np

from tokemb.kernels import calling

# Only one thread at a time compiles or loads a kernel.
loading = Lock()


class Kernel:
    """The function ``name`` of the module ``module`` of this package.

    The arguments are contiguous NumPy arrays, integers, and named tuples of them. The result is an integer, 0 for a
    function without a result. The first call on a machine compiles the function for the dtypes of the arguments. Later
    calls load it from disk. The interpreter lock is released during the call.
    """

    def __init__(self, module: str, name: str) -> None:
        self.module = module
        self.name = name
        self._functions: dict[calling.Signature, calling.MachineCode | None] = {}

    def __call__(self, *arguments: Any) -> int:  # noqa: ANN401
        """Call the function.

        Raises:
            TypeError: If an array is not contiguous.
        """
        function, words = self._prepare(arguments)
        if function is None:
            return self._call_numba(arguments)
        status, result = calling.call(function, words)
        if status not in (calling.OK, calling.OK_NONE):
            raise RuntimeError(f"the kernel {self.name} failed with status {status}")
        return result

    def prepare(self, *arguments: Any) -> bool:  # noqa: ANN401
        """Compile or load the function for the types of ``arguments``. Return whether machine code will be called."""
        return self._prepare(arguments)[0] is not None

    def is_saved(self, *arguments: Any) -> bool:  # noqa: ANN401
        """Return whether the machine code for the types of ``arguments`` is on disk."""
        from tokemb.kernels import machine_code

        return machine_code.is_saved(self.module, self.name, calling.flatten(arguments)[0])

    def _prepare(self, arguments: tuple[Any, ...]) -> tuple[calling.MachineCode | None, list[int]]:
        """Return the machine code, or ``None`` if Numba must call the function, and the values of ``arguments``."""
        signature, words = calling.flatten(arguments)
        if signature not in self._functions:
            with loading:
                self._functions[signature] = self._load(signature, arguments)
        return self._functions[signature], words

    def _load(self, signature: calling.Signature, arguments: tuple[Any, ...]) -> calling.MachineCode | None:
        from tokemb.kernels import machine_code, verification  # imported late: small inputs do not need kernels
        from tokemb.kernels.versions import UnknownCompilerError

        if not verification.convention_is_known():
            return None
        try:
            return machine_code.load(self.module, self.name, signature, arguments)
        except (RuntimeError, UnknownCompilerError) as failure:
            verification.explain_fallback(verification.reason_for(failure))
            return None

    def _call_numba(self, arguments: tuple[Any, ...]) -> int:
        from tokemb.kernels.compiler import plain_function

        return int(plain_function(self.module, self.name)(*map(_as_numba_takes_it, arguments)) or 0)


def _as_numba_takes_it(argument: Any) -> Any:  # noqa: ANN401
    """Return ``argument`` with integers as ``int``, so that there is one function for all of them."""
    if isinstance(argument, tuple):
        return type(argument)(*map(_as_numba_takes_it, argument))
    return argument if isinstance(argument, np.ndarray) else index(argument)
