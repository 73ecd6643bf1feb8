"""Machine code of kernels: loaded from disk, or compiled and saved.

LLVM's linker reports code that it cannot load as an error. Its older interface, MCJIT, ends the process instead.
"""

from __future__ import annotations

import hashlib
from functools import cache
from itertools import count
from typing import TYPE_CHECKING, Any

from tokemb.kernels import object_cache
from tokemb.kernels.calling import MachineCode, Signature, function_at

if TYPE_CHECKING:
    import llvmlite.binding as llvm

_library_numbers = count()
_sources = cache(object_cache.sources_digest)


def load(module: str, name: str, signature: Signature, arguments: tuple[Any, ...]) -> MachineCode:
    """Return the machine code of a kernel. Code that LLVM does not accept is compiled again.

    Args:
        module: The name of the module of the kernel.
        name: The name of the function.
        signature: The types of its arguments.
        arguments: Arguments of these types.

    Raises:
        RuntimeError: If LLVM does not accept newly compiled code.
        UnknownCompilerError: If the kernel must be compiled with a version of Numba that was not tested.
    """
    file = _file_name(module, name, signature)
    code = object_cache.read(file)
    if code is not None:
        try:
            return _link(name, code, signature)
        except RuntimeError:
            pass  # it is compiled again
    from tokemb.kernels.compiler import object_code

    code = object_code(module, name, arguments, signature, _machine()[0])
    object_cache.write(file, code)
    return _link(name, code, signature)


def load_linker() -> None:
    """Load what every kernel needs before its machine code is read from disk."""
    _sources()
    _linker()


def is_saved(module: str, name: str, signature: Signature) -> bool:
    """Return whether the machine code of a kernel is on disk."""
    return object_cache.read(_file_name(module, name, signature)) is not None


def _file_name(module: str, name: str, signature: Signature) -> str:
    key = repr((_sources(), _machine()[1], signature)).encode()
    return f"{module}.{name}-{hashlib.sha256(key).hexdigest()[:32]}.o"


def _link(name: str, code: bytes, signature: Signature) -> MachineCode:
    from llvmlite.binding import JITLibraryBuilder

    library = JITLibraryBuilder().add_object_img(code).add_current_process().export_symbol(name)
    linked = library.link(_linker(), f"{name}-{next(_library_numbers)}")
    address = linked[name]
    linked.detach()  # so that the code is never freed
    return function_at(address, signature)


@cache
def _linker() -> llvm.LLJIT:
    import platform

    from llvmlite.binding import create_lljit_compiler

    # On this processor, the default linker fails for code that is far from the functions that it calls.
    is_arm = platform.machine().lower() in ("arm64", "aarch64")
    return create_lljit_compiler(_machine()[0], use_jit_link=is_arm)


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
