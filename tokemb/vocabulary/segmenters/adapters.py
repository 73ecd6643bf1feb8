"""The segmenters that can be chosen: those of this project, and the entry points of other packages."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable
from typing import NamedTuple

from tokemb.errors import ArgumentError, MissingPackageError, TextError, TokembError

ENTRY_POINTS = "tokemb.segmenters"

# Maps texts to texts in which a space separates the words.
Segment = Callable[[list[str]], list[str]]


class Adapter(NamedTuple):
    """Where a segmenter is implemented.

    Attributes:
        target: The function that opens it, as ``module:name``. It takes the bytes of a user dictionary, or ``None``,
            and returns a function from a text to its words.
        package: The package whose version decides the words.
        version: Its installed version.
    """

    target: str
    package: str
    version: str


# The target, the package, and what to install.
_OWN = {"jieba": ("tokemb.vocabulary.segmenters.jieba_words:open_segmenter", "jieba", "tokemb[jieba]")}


def find_adapter(name: str) -> Adapter:
    """Return the segmenter with this name.

    Raises:
        MissingPackageError: If its package is not installed.
        ArgumentError: If no installed package provides it.
    """
    from importlib import metadata  # a slow import that vocabularies without a segmenter do not need

    if name in _OWN:
        target, package, extra = _OWN[name]
        try:
            return Adapter(target, package, metadata.version(package))
        except metadata.PackageNotFoundError:
            raise MissingPackageError(f"the segmenter {name} is not installed: pip install {extra}") from None
    entries = {entry.name: entry for entry in metadata.entry_points(group=ENTRY_POINTS)}
    if name not in entries:
        names = ", ".join([*_OWN, *sorted(entries)])
        raise ArgumentError(
            f"segmenter must be one of {names}, or a name that an installed package provides as an entry point of "
            f"{ENTRY_POINTS}; received {name!r:.80}"
        )
    distribution = entries[name].dist
    if distribution is None:  # the type allows it; entry points of installed packages have one
        raise ArgumentError(f"segmenter must belong to an installed package; received {name!r:.80}")
    return Adapter(entries[name].value, distribution.name, distribution.version)


def open_adapter(target: str, user_dictionary: bytes | None) -> Segment:
    """Return a function that puts spaces between the words of texts.

    Args:
        target: ``Adapter.target``.
        user_dictionary: The content of a user dictionary.
    """
    module, _, name = target.partition(":")
    words_of: Callable[[str], Iterable[str]] = getattr(importlib.import_module(module), name)(user_dictionary)

    def segment(texts: list[str]) -> list[str]:
        try:
            return [" ".join(words_of(text)) for text in texts]
        except TokembError:
            raise
        except Exception as error:  # of the other library
            raise TextError(f"the segmenter {target} failed: {type(error).__name__}: {error}") from error

    return segment
