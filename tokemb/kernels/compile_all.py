"""Compilation of all kernels in advance, for the types of their annotations."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from inspect import isclass
from itertools import product
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints

import numpy as np

from tokemb import kernels
from tokemb.errors import TokembError
from tokemb.kernels import object_cache
from tokemb.kernels.kernel import Kernel


def compile_all() -> int:
    """Compile the kernels for all arguments that they take, and save the machine code.

    Returns:
        The number of files with machine code. Those that exist already are not compiled again.

    Raises:
        TokembError: If the machine code cannot be used or saved.
    """
    specializations = list(all_specializations())
    for kernel, arguments in specializations:
        if not kernel.prepare(*arguments):
            raise TokembError("the kernels are compiled in each process, so their machine code cannot be saved")
        if not kernel.is_saved(*arguments):
            raise TokembError(
                "machine code is saved only in a folder that this user, and no other, can write to: set the "
                f"environment variable {object_cache.FOLDER_VARIABLE} to such a folder"
            )
    return len(specializations)


def all_specializations() -> Iterator[tuple[Kernel, tuple[Any, ...]]]:
    """Yield each kernel with arguments of each combination of types that it takes. Their arrays are empty."""
    for kernel in list(vars(kernels).values()):  # an import adds its module
        if isinstance(kernel, Kernel):
            function = getattr(importlib.import_module(f"tokemb.kernels.{kernel.module}"), kernel.name)
            annotations = get_type_hints(function, include_extras=True)
            annotations.pop("return")
            for arguments in product(*map(_examples, annotations.values())):
                yield kernel, arguments


def _examples(annotation: Any) -> list[Any]:  # noqa: ANN401
    """Return one value of each type that an annotation allows."""
    if get_origin(annotation) in (Union, UnionType):
        return [example for option in get_args(annotation) for example in _examples(option)]
    if annotation is int:
        return [0]
    if isclass(annotation) and issubclass(annotation, tuple):
        fields = get_type_hints(annotation, include_extras=True).values()
        return [annotation(*values) for values in product(*map(_examples, fields))]
    axes = 1
    if get_origin(annotation) is Annotated:
        annotation, axes = get_args(annotation)
    _, dtype = get_args(annotation)
    return [np.zeros((0,) * axes, get_args(dtype)[0])]
