"""The classes and functions that a saved Keras model names, which Keras looks up when it loads the model.

Releases of Keras before 3.11 import whatever module a model names, and so run the code in it, and take any function of
Keras for one of a model, such as one that downloads a file. Later ones refuse both.
"""

from __future__ import annotations

import builtins
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tokemb.errors import ModelError

_PACKAGES = frozenset({"keras", "keras_hub", "keras_cv", "keras_nlp"})
# The parts of Keras with functions that models are made of.
_OF_MODELS = frozenset(
    "activations constraints initializers layers losses metrics nn ops optimizers random regularizers".split()
)


def check_names(config: Any, path: Path) -> None:  # noqa: ANN401 - any JSON
    """Raise ``ModelError`` for a class or function that is neither part of Keras nor registered with it.

    Args:
        config: The config of a saved model.
        path: The model, for the message.
    """
    import keras

    for named in _named(config):
        module, kind, name = named.get("module"), named["class_name"], named.get("config")
        is_function = kind == "function"
        registered = str(name) if is_function else str(named.get("registered_name") or kind)
        if not module or keras.saving.get_registered_object(registered) is not None:
            continue
        if not (_is_function_of_models(str(module), str(name)) if is_function else _is_class_of_keras(str(module))):
            whole = f"{module}.{name if is_function else kind}"
            raise ModelError(
                f"{path} was refused: it names {whole!r:.100}, which is not part of a Keras model; if it is yours, "
                "register it with keras.saving.register_keras_serializable, and load the model in Python"
            )


def _is_class_of_keras(module: str) -> bool:
    return module.partition(".")[0] in _PACKAGES


def _is_function_of_models(module: str, name: str) -> bool:
    """Whether a function is one that layers, losses and metrics are made with."""
    if module == "builtins":  # where Keras says that its own functions are, and has its reader look for them
        return not hasattr(builtins, name)
    package, _, rest = module.partition(".")
    if package != "keras":
        return package in _PACKAGES
    return rest.removeprefix("src.").partition(".")[0] in _OF_MODELS


def _named(config: Any) -> Iterator[dict[str, Any]]:  # noqa: ANN401
    """Iterate over everything in a config that names a class or a function."""
    pending = [config]
    while pending:
        value = pending.pop()
        if isinstance(value, dict):
            if isinstance(value.get("class_name"), str):
                yield value
            pending += value.values()
        elif isinstance(value, list):
            pending += value
