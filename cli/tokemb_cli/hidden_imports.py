"""Commands import neither pandas nor, for pyarrow, cloudpickle.

pyarrow imports pandas, if it is installed, when it first converts a value. This takes more time than all other imports
of a small command, and no command makes or reads a data frame of pandas. When it is imported itself, pyarrow imports
cloudpickle, if it is installed, and otherwise pickle, which is sufficient here.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence


class _HiddenImports:
    """A finder for ``sys.meta_path`` that reports pandas as not installed, and to pyarrow also cloudpickle."""

    @staticmethod
    def find_spec(name: str, path: Sequence[str] | None = None, target: object = None) -> None:
        if name == "pandas":
            raise ModuleNotFoundError("the command line does not import pandas", name=name)
        if name == "cloudpickle" and "pyarrow" in sys.modules and not hasattr(sys.modules["pyarrow"], "lib"):
            raise ModuleNotFoundError("the command line imports pyarrow without cloudpickle", name=name)


def hide() -> None:
    """Have ``import pandas`` fail in this process, as if pandas were not installed."""
    sys.meta_path.insert(0, _HiddenImports)


def show() -> None:
    """Undo ``hide``. Spark requires pandas."""
    if _HiddenImports in sys.meta_path:
        sys.meta_path.remove(_HiddenImports)
