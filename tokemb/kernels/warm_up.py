"""Loading of LLVM before the first kernel is called, while Python code runs in another thread."""

from __future__ import annotations

from tokemb.kernels import machine_code
from tokemb.kernels.kernel import loading


def load_llvm() -> None:
    """Load LLVM. Call this in a thread before work that takes longer and calls no kernels."""
    with loading:
        machine_code.load_linker()
