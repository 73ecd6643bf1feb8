"""JSON with millions of words, written in parts and with the bytes of the standard library."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa

from tokemb._arrays import STRINGS
from tokemb.rows.string_buffers import string_buffers
from tokemb.rows.token_order import token_order
from tokemb.vocabulary.word_ids import MANY_WORDS, WordIds

# Arrow writes more than MANY_WORDS faster than the standard library, as many at a time.
_WORDS_PER_PART = 1 << 20
_QUOTE, _BACKSLASH, _SPACE = 0x22, 0x5C, 0x20


def json_parts(content: dict[str, Any], *, sort_keys: bool = False, indent: int | None = None) -> Iterator[bytes]:
    """Yield JSON in UTF-8 as ``json.dumps`` writes it, compact or indented.

    The standard library indents in Python, 40 times as slow, and needs gigabytes to sort millions of words.

    Args:
        content: The content of a ``tokenizer.json``, or other JSON.
        sort_keys: Whether to sort keys.
        indent: 1 for an indented file.
    """
    comma, colon = (",", ":") if indent is None else (",\n   ", ": ")
    begin, end = ("", "") if indent is None else ("\n   ", "\n  ")
    dumps = partial(json.dumps, ensure_ascii=False, sort_keys=sort_keys, default=dict)  # WordIds are no dictionary
    write = partial(dumps, indent=indent, separators=None if indent else (comma, colon))
    model = content.get("model")
    vocab = model.get("vocab") if isinstance(model, dict) else None
    if isinstance(model, dict) and isinstance(vocab, Mapping) and vocab:
        empty = f'"vocab"{colon}{{}}' if indent is None else '\n  "vocab": {}'
        rest = write({**content, "model": {**model, "vocab": {}}})
        if rest.count(empty) == 1:  # no key of another object and no part of a string
            before, after = rest.split(empty)
            yield f"{before}{empty[:-1]}{begin}".encode()
            if len(vocab) > MANY_WORDS and set(map(type, vocab.values())) == {int}:
                yield from _words(vocab, sort_keys, comma, colon)
            else:
                yield dumps(vocab, separators=(comma, colon))[1:-1].encode()
            yield f"{end}}}{after}".encode()
            return
    yield write(content).encode()


def _words(vocab: Mapping[str, int], sort_keys: bool, comma: str, colon: str) -> Iterator[bytes]:
    """Yield the content of a JSON object from words to integers, without its braces."""
    import pyarrow.compute as pc  # only here, because few vocabularies need it

    if isinstance(vocab, WordIds):
        tokens, ids = vocab.tokens, vocab.ids
    else:
        tokens, ids = pa.array(list(vocab), STRINGS), np.fromiter(vocab.values(), np.int64, len(vocab))
    order = token_order(tokens, np.zeros_like(ids), "ascending") if sort_keys else np.arange(len(ids))
    before, between, nothing = (pa.scalar(text, STRINGS) for text in (f'{comma}"', f'"{colon}', ""))
    for start in range(0, len(order), _WORDS_PER_PART):
        part = order[start : start + _WORDS_PER_PART]
        words = _escape(tokens.take(pa.array(part)))
        text = pc.binary_join_element_wise(before, words, between, pa.array(ids[part]).cast(STRINGS), nothing)
        yield string_buffers(text)[1][0 if start else len(comma) :].tobytes()


def _escape(words: pa.LargeStringArray) -> pa.LargeStringArray:
    """Return words as they are inside the quotes of JSON."""
    offsets, data = string_buffers(words)
    special = np.flatnonzero((data < _SPACE) | (data == _QUOTE) | (data == _BACKSLASH))
    if not len(special):
        return words
    import pyarrow.compute as pc

    numbers = np.unique(np.searchsorted(offsets, special, side="right") - 1)
    is_special = np.zeros(len(words), np.bool_)
    is_special[numbers] = True
    escaped = [json.dumps(word, ensure_ascii=False)[1:-1] for word in words.take(pa.array(numbers)).to_pylist()]
    return pc.replace_with_mask(words, pa.array(is_special), pa.array(escaped, STRINGS))
