"""Check the classes and functions that a saved Keras model refers to.

Keras before 3.11 imports any module that a model names, which runs the code in it, and accepts any Keras function,
such as one that downloads a file. Later versions refuse both.
"""

from __future__ import annotations

import builtins
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tokemb.errors import ModelError

_PACKAGES = frozenset({"keras", "keras_hub", "keras_cv", "keras_nlp"})
# The modules of Keras whose functions models use.
_MODEL_MODULES = frozenset(
    "activations constraints initializers layers losses metrics nn ops optimizers random regularizers".split()
)


def check_names(config: Any, path: Path) -> None:  # noqa: ANN401 - any JSON
    """Raise ``ModelError`` for a class or function that is neither part of Keras nor registered with it.

    Args:
        config: The config of a saved model.
        path: The model, for the message.
    """
    import keras

    for reference in _references(config):
        module, kind, name = reference.get("module"), reference["class_name"], reference.get("config")
        is_function = kind == "function"
        registered_name = str(name) if is_function else str(reference.get("registered_name") or kind)
        if not module or keras.saving.get_registered_object(registered_name) is not None:
            continue
        if not (_is_model_function(str(module), str(name)) if is_function else _is_keras_class(str(module), kind)):
            full_name = f"{module}.{name if is_function else kind}"
            raise ModelError(
                f"{path} was refused: it names {full_name!r:.100}, which is not part of a Keras model; if it is yours, "
                "register it with keras.saving.register_keras_serializable, and load the model in Python"
            )


def _is_keras_class(module: str, name: str) -> bool:
    """Return whether a name is that of a class of Keras. Names of functions, which are lower case, are not."""
    return module.partition(".")[0] in _PACKAGES and not name[:1].islower()


def _is_model_function(module: str, name: str) -> bool:
    """Return whether a function is one that layers, losses and metrics use."""
    if module == "builtins":  # Keras saves its own functions under this name
        return not hasattr(builtins, name)
    package, _, rest = module.partition(".")
    if package != "keras":
        return package in _PACKAGES
    return rest.removeprefix("src.").partition(".")[0] in _MODEL_MODULES


def _references(config: Any) -> Iterator[dict[str, Any]]:  # noqa: ANN401
    """Yield everything in a config that names a class or a function."""
    pending = [config]
    while pending:
        value = pending.pop()
        if isinstance(value, dict):
            if isinstance(value.get("class_name"), str):
                yield value
            pending += value.values()
        elif isinstance(value, list):
            pending += value
