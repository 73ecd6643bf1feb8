"""The normalization and the class of every character of Unicode, found by a few long queries.

The results are those of ``char_queries``, which queries one character at a time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set

import numpy as np

from tokemb._arrays import UInt8
from tokemb.engine.char_queries import CharQueries, encode, growth
from tokemb.engine.character_sets import (
    CODES,
    SURROGATES,
    CharacterSet,
    codes_of,
    matching_characters,
    normalize_each,
    outside_simple_ranges,
)
from tokemb.engine.components import NeighborSplit, Step
from tokemb.engine.joining_characters import marks
from tokemb.engine.query_cache import Arrays
from tokemb.kernels.structs import ALONE, JOINS, KEPT, MAX_CHARACTERS, NEEDS_REFERENCE, PAGE, PAGES, TAIL, UNCHANGED

# In place of a class: the class depends on more than the neighbours.
_NO_CLASS = TAIL


def describe_all(steps: Sequence[Step], neighbor_split: NeighborSplit) -> Arrays:
    """Describe every character in pages, as a ``Table`` does. Equal pages are stored once.

    Returns:
        The arrays ``page_of``, ``text``, ``classes`` and ``flags`` of a ``Table``, and ``lengths``, uint8 (entries,),
        the number of bytes of each normalized character. ``growth`` is the maximum number of bytes that normalization
        makes of one byte. ``runs`` are the codes of one character of each run.
    """
    queries = CharQueries(steps, neighbor_split)
    texts, dependent = _normalize_all(steps)
    classes = _classify_all(neighbor_split, queries)
    flags = np.where(dependent | (classes == _NO_CLASS), NEEDS_REFERENCE, UNCHANGED).astype(np.uint8)
    flags[SURROGATES] = NEEDS_REFERENCE
    encoded = {code: _encode(texts[code], classes) for code in sorted(texts)}
    flags[list(encoded)] = [NEEDS_REFERENCE * (entry is None) for entry in encoded.values()]
    changed = {code: entry for code, entry in encoded.items() if entry is not None}
    return {
        **_to_pages(flags, classes, changed),
        "growth": np.array(max(1, growth({code: text for code, (text, _) in changed.items()}))),
        "runs": codes_of("".join(queries.runs)),
    }


def _normalize_all(steps: Sequence[Step]) -> tuple[dict[int, str], CharacterSet]:
    """Return the normalized texts of the characters that change, and the set of those that depend on neighbours."""
    texts: dict[int, str] = {}
    dependent = np.zeros(CODES, np.bool_)
    for step in steps:
        step_dependent, step_changed = step.dependent(), step.changed()
        sorted_marks: Set[str] = _characters_of(marks()) if step.reorders else set()
        if step.reorders:
            step_dependent = step_dependent | (marks() & ~step_changed)
        old = np.zeros(CODES, np.bool_)
        old[list(texts)] = True
        dependent |= step_dependent & ~old
        step_changed = step_changed & ~step_dependent
        new = step_changed & ~old & ~dependent
        queried = list(_characters_of(new) | {part for part in {*"".join(texts.values())} if step_changed[ord(part)]})
        results = dict(zip(queried, normalize_each(step.normalize, queried), strict=True))
        for code, before in texts.items():
            texts[code] = "".join(results.get(part, part) for part in before)
            dependent[code] |= step_dependent[codes_of(before)].any()
        texts |= {
            ord(part): text
            for part, text in results.items()
            if new[ord(part)] and (text != part or part in sorted_marks)
        }
        if step.reorders:
            dependent[[code for code, text in texts.items() if text[:1] in sorted_marks]] = True
        texts = {code: text for code, text in texts.items() if not dependent[code]}
    return {code: text for code, text in texts.items() if text != chr(code)}, dependent


def _characters_of(members: CharacterSet) -> set[str]:
    return set(map(chr, np.flatnonzero(members).tolist()))


def _classify_all(neighbor_split: NeighborSplit, queries: CharQueries) -> UInt8:
    """Return the class of every character in normalized text, uint8 (CODES,), ``_NO_CLASS`` if it has none."""
    if neighbor_split.isolates:
        return np.full(CODES, KEPT | ALONE, np.uint8)
    classes = np.zeros(CODES, np.uint8)
    ambiguous, joining = _special_characters(neighbor_split)
    split = neighbor_split.pre_tokenizer.pre_tokenize_str

    def is_simple(text: str) -> bool:
        codes = codes_of(text)
        if ambiguous[codes].any() or joining[codes].any():
            return False
        pretokens = split(text)
        if len(pretokens) == len(text):
            # Each character is a pre-token of its own, or its neighbours are in other runs.
            doubled = codes.repeat(2).tobytes().decode("utf-32-le")
            classes[codes] = KEPT | ALONE
            return len(split(doubled)) == len(doubled)
        if len(pretokens) == 1 and pretokens[0][0] == text:
            classes[codes] = class_of(text[0])
            return True
        return not pretokens

    def class_of(character: str) -> int:
        char_class = queries.class_of(character)
        return _NO_CLASS if char_class is None else char_class

    for text in outside_simple_ranges(is_simple):
        classes[codes_of(text)] = [class_of(character) for character in text]
    return classes


def _special_characters(neighbor_split: NeighborSplit) -> tuple[CharacterSet, CharacterSet]:
    """Return the characters in two alternatives of one expression, and those that may join runs."""
    ambiguous, joining = np.zeros((2, CODES), np.bool_)
    for group in neighbor_split.groups:
        joins = [alternative.joined_by for alternative in group if alternative.joined_by]
        for expression in joins:
            joining |= matching_characters(expression)
        expressions = [*(alternative.characters for alternative in group), *joins]
        if len(expressions) > 1:
            ambiguous |= sum(matching_characters(each).astype(np.uint8) for each in expressions) > 1
    return ambiguous, joining


def _encode(text: str, classes: UInt8) -> tuple[bytes, bytes] | None:
    """Return a normalized text in UTF-8 and the class of each byte, or ``None`` if the reference is needed."""
    if not text:
        return b"", b""
    if len(text) > MAX_CHARACTERS:
        return None
    parts = [(part, int(classes[ord(part)])) for part in text]
    if any(char_class == _NO_CLASS or (char_class & JOINS and len(text) > 1) for _, char_class in parts):
        return None
    return encode(parts)


def _to_pages(flags: UInt8, classes: UInt8, changed: Mapping[int, tuple[bytes, bytes]]) -> Arrays:
    """Return the arrays of pages.

    Args:
        flags: uint8 (CODES,), the flags of each character.
        classes: uint8 (CODES,), the class of each unchanged character.
        changed: The normalized text and classes of each changed character, in the order of their codes.
    """
    lengths = (flags == UNCHANGED).astype(np.uint8)
    lengths[list(changed)] = [len(text) for text, _ in changed.values()]
    is_changed = np.zeros(CODES, np.bool_)
    is_changed[list(changed)] = True
    bytes_changed = np.repeat(is_changed, lengths)
    text, byte_classes = np.zeros((2, len(bytes_changed)), np.uint8)
    byte_classes[~bytes_changed] = classes[flags == UNCHANGED]
    for array, parts in zip((text, byte_classes), zip(*changed.values(), strict=True), strict=False):
        array[bytes_changed] = np.frombuffer(b"".join(parts), np.uint8)
    starts = np.append(0, np.cumsum(lengths, dtype=np.int64))[::PAGE].tolist()
    page_of = np.zeros(PAGES, np.int32)
    contents: dict[tuple[bytes, ...], int] = {}
    for page in range(PAGES):
        entries, part = slice(page * PAGE, (page + 1) * PAGE), slice(starts[page], starts[page + 1])
        arrays = (lengths[entries], text[part], byte_classes[part], flags[entries])
        page_of[page] = contents.setdefault(tuple(array.tobytes() for array in arrays), len(contents))
    names = ("lengths", "text", "classes", "flags")
    joined = (np.frombuffer(b"".join(parts), np.uint8) for parts in zip(*contents, strict=True))
    return {"page_of": page_of, **dict(zip(names, joined, strict=True))}
