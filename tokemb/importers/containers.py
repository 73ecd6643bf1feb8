"""Vocabularies in a dict, list or tuple that a script saved as one file together with other objects."""

from __future__ import annotations

import json
import re
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from tokemb.errors import ArgumentError, VocabularyError
from tokemb.importers.pickled_objects import PickledTokenizer

# Limits of the search in containers, which can contain themselves: depth, objects per container, and objects in all.
_MAX_DEPTH = 6
_MAX_ITEMS = 10_000
_MAX_OBJECTS = 1_000_000
# Maps with such names usually map classes to numbers. They are used only if they are selected by name.
_LABELS = re.compile("label|class|categor|target|tag", re.IGNORECASE)


def is_tokenizer(value: Any) -> bool:  # noqa: ANN401
    """Return whether a value is a pickled ``Tokenizer`` or the output of its ``to_json``."""
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
    """Return whether a value is the output of ``get_vocabulary()``: padding, ``[UNK]``, then words."""
    return isinstance(value, list) and value[:2] in (["", "[UNK]"], [b"", b"[UNK]"])


def is_word_map(value: Any) -> bool:  # noqa: ANN401
    """Return whether a value maps texts to consecutive ids, as a ``word_index`` does."""
    if not isinstance(value, dict) or len(value) < 2:
        return False
    if {*map(type, value)} != {str} or {*map(type, value.values())} != {int}:
        return False
    first = min(value.values())
    return first in (0, 1, 2) and max(value.values()) < first + len(value)


def is_complete(value: Any) -> bool:  # noqa: ANN401
    """Return whether a value is certainly a vocabulary. A word map is not certain to be one."""
    return is_tokenizer(value) or is_layer(value) or is_vocabulary_list(value)


def choose(value: Any, item: str | None, path: object, *, maps: bool) -> tuple[str, Any] | None:  # noqa: ANN401
    """Select a vocabulary in a container.

    Args:
        value: The container.
        item: The name of the vocabulary. ``None`` selects the only one.
        path: The file, for messages.
        maps: Whether word maps count as vocabularies if nothing else is found or ``item`` names one.

    Returns:
        The name of the vocabulary and the vocabulary. ``None`` if the container has none.

    Raises:
        ArgumentError: If there are several vocabularies and ``item`` names none of them.
        VocabularyError: If ``item`` is passed and there is no vocabulary.
    """
    found = _find(value, is_complete)
    if maps and (not found or (item is not None and item not in found)):
        maps_found = _find(value, is_word_map)
        found = {**found, **{name: inner for name, inner in maps_found.items() if item or not _LABELS.search(name)}}
    if not found:
        if item is not None:
            raise VocabularyError(f"{path} contains no vocabulary, so item={item!r:.60} cannot be selected")
        return None
    name = next(iter(found)) if item is None else item
    if name not in found or (item is None and len(found) > 1):
        listed = ", ".join(f"{one} ({_describe(inner)})" for one, inner in list(found.items())[:10])
        received = "" if item is None else f"; received item={item!r:.60}"
        raise ArgumentError(
            f"{path} contains {len(found):,} vocabularies ({listed}); select one{received}: "
            f'for example, pass item="{next(iter(found))}"'
        )
    return name, found[name]


def _find(value: Any, predicate: Callable[[Any], bool]) -> dict[str, Any]:  # noqa: ANN401
    """Return the objects in a container that satisfy a predicate, by their keys and positions joined with dots."""
    found: dict[str, Any] = {}
    seen: set[int] = set()
    pending = deque([("", value, 0)])
    while pending and len(seen) < _MAX_OBJECTS:
        name, inner, depth = pending.popleft()
        if id(inner) in seen:
            continue
        seen.add(id(inner))
        if name and predicate(inner):
            found[name] = inner
        elif depth < _MAX_DEPTH:
            pending.extend((f"{name}.{key}" if name else key, one, depth + 1) for key, one in _items(inner))
    return found


def _items(value: Any) -> Iterator[tuple[str, Any]]:  # noqa: ANN401
    """Yield the first items of a container that can be or contain vocabularies."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, (list, tuple)) else ()
    for (key, inner), _ in zip(items, range(_MAX_ITEMS), strict=False):
        if isinstance(inner, (dict, list, tuple)) or is_tokenizer(inner):
            yield str(key), inner


def _describe(value: Any) -> str:  # noqa: ANN401
    if is_layer(value):
        return "TextVectorization"
    if is_tokenizer(value):
        return f"Tokenizer, {_word_count(value):,} words"
    return f"{len(value):,} words"


def _word_count(tokenizer: Any) -> int:  # noqa: ANN401
    """Return the number of words of a ``Tokenizer``. 0 if the value is not valid."""
    try:
        state = json.loads(tokenizer)["config"] if isinstance(tokenizer, str) else tokenizer
        state = state.state if isinstance(state, PickledTokenizer) else state.get("config", state)
        index = state.get("word_index")
        index = json.loads(index) if isinstance(index, str) else index
        return len(index) if isinstance(index, Mapping) else 0
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return 0
