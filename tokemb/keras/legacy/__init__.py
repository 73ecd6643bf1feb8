"""The modules ``text`` and ``sequence`` of ``keras.preprocessing``, which Keras 3 removed.

Neither imports Keras or TensorFlow. docs/migrating.md lists the differences from the originals.
"""

from __future__ import annotations

import importlib
from types import ModuleType

__all__ = ["sequence", "text"]


def __getattr__(name: str) -> ModuleType:
    """Import a module when it is used as an attribute, as ``tf.keras.preprocessing.text`` is."""
    if name in __all__:
        return importlib.import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}: it has text and sequence")
