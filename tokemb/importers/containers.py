"""Vocabularies among other objects: in a dict, list or tuple that a script saved as one file."""

from __future__ import annotations

import json
import re
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from tokemb.errors import ArgumentError, VocabularyError
from tokemb.importers.pickled_objects import PickledTokenizer

# How deep containers are looked into, how many objects of each, and of all: lists that hold each other have no end.
_DEPTH = 6
_OF_EACH = 10_000
_OBJECTS = 1_000_000
# Maps with such names are from classes to numbers, unless they are chosen by name.
_LABELS = re.compile("label|class|categor|target|tag", re.IGNORECASE)


def is_tokenizer(value: Any) -> bool:  # noqa: ANN401
    """Return whether a value is a pickled ``Tokenizer``, or what its ``to_json`` says."""
    if isinstance(value, str):
        return value[:100].lstrip().startswith('{"class_name": "Tokenizer"')
    return isinstance(value, PickledTokenizer) or (
        isinstance(value, dict) and value.get("class_name") == "Tokenizer" and isinstance(value.get("config"), dict)
    )


def is_layer(value: Any) -> bool:  # noqa: ANN401
    """Return whether a value is ``{"config": …, "weights": …}`` of a ``TextVectorization``, or its config alone."""
    if not isinstance(value, dict):
        return False
    config = value.get("config", value)
    return isinstance(config, dict) and {"standardize", "split", "output_mode"} <= set(config)


def is_vocabulary_list(value: Any) -> bool:  # noqa: ANN401
    """Return whether a value is what ``get_vocabulary()`` of a layer gives: padding, ``[UNK]``, then words."""
    return isinstance(value, list) and value[:2] in (["", "[UNK]"], [b"", b"[UNK]"])


def is_word_map(value: Any) -> bool:  # noqa: ANN401
    """Return whether a value maps texts to ids that follow each other, as a ``word_index`` does."""
    if not isinstance(value, dict) or len(value) < 2:
        return False
    if {*map(type, value)} != {str} or {*map(type, value.values())} != {int}:
        return False
    first = min(value.values())
    return first in (0, 1, 2) and max(value.values()) < first + len(value)


def is_complete(value: Any) -> bool:  # noqa: ANN401
    """Return whether a value says itself that it is a vocabulary, which a word map does not."""
    return is_tokenizer(value) or is_layer(value) or is_vocabulary_list(value)


def choose(value: Any, item: str | None, path: object, *, maps: bool) -> tuple[str, Any] | None:  # noqa: ANN401
    """Return the only vocabulary in a container, or the one that ``item`` names, and its name in the container.

    The result is ``None`` if the container holds no vocabulary.

    ``maps``: whether word maps are vocabularies too, where nothing else is found or ``item`` names one.

    Raises:
        ArgumentError: If there are several and ``item`` names none of them.
        VocabularyError: If ``item`` is given and there is no vocabulary.
    """
    found = _found(value, is_complete)
    if maps and (not found or (item is not None and item not in found)):
        maps_found = _found(value, is_word_map)
        found = {**found, **{name: inner for name, inner in maps_found.items() if item or not _LABELS.search(name)}}
    if not found:
        if item is not None:
            raise VocabularyError(f"{path} holds no vocabulary, so item={item!r:.60} names nothing in it")
        return None
    name = next(iter(found)) if item is None else item
    if name not in found or (item is None and len(found) > 1):
        listed = ", ".join(f"{one} ({_described(inner)})" for one, inner in list(found.items())[:10])
        received = "" if item is None else f"; received item={item!r:.60}"
        raise ArgumentError(
            f"{path} holds {len(found):,} vocabularies ({listed}), and one must be chosen{received}: "
            f'pass for example item="{next(iter(found))}"'
        )
    return name, found[name]


def _found(value: Any, wanted: Callable[[Any], bool]) -> dict[str, Any]:  # noqa: ANN401
    """The objects in a container that are wanted, by their keys and positions, joined with dots."""
    found: dict[str, Any] = {}
    seen: set[int] = set()
    waiting = deque([("", value, 0)])
    while waiting and len(seen) < _OBJECTS:
        name, inner, depth = waiting.popleft()
        if id(inner) in seen:
            continue
        seen.add(id(inner))
        if name and wanted(inner):
            found[name] = inner
        elif depth < _DEPTH:
            waiting.extend((f"{name}.{key}" if name else key, one, depth + 1) for key, one in _items(inner))
    return found


def _items(value: Any) -> Iterator[tuple[str, Any]]:  # noqa: ANN401
    """What a container holds, without numbers and the like; of a long one the beginning."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, (list, tuple)) else ()
    for (key, inner), _ in zip(items, range(_OF_EACH), strict=False):
        if isinstance(inner, (dict, list, tuple)) or is_tokenizer(inner):
            yield str(key), inner


def _described(value: Any) -> str:  # noqa: ANN401
    if is_layer(value):
        return "TextVectorization"
    if is_tokenizer(value):
        return f"Tokenizer, {_words(value):,} words"
    return f"{len(value):,} words"


def _words(tokenizer: Any) -> int:  # noqa: ANN401
    """The number of words of a ``Tokenizer``; 0 if that is not what it looks like."""
    try:
        state = json.loads(tokenizer)["config"] if isinstance(tokenizer, str) else tokenizer
        state = state.state if isinstance(state, PickledTokenizer) else state.get("config", state)
        index = state.get("word_index")
        index = json.loads(index) if isinstance(index, str) else index
        return len(index) if isinstance(index, Mapping) else 0
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return 0
