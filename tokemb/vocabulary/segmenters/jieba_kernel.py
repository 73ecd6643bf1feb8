"""Chinese words as jieba finds them, by a kernel, for the version of jieba whose rules the kernel implements.

The dictionary and the probabilities of jieba are stored as arrays in the cache of machine code, since reading jieba's
own files takes a second. The digest of these files is part of the name.
"""

from __future__ import annotations

import hashlib
import io
from importlib.util import find_spec
from math import log
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from tokemb._arrays import STRINGS, Float64
from tokemb.kernels import object_cache
from tokemb.kernels.structs import FIRST_HAN, LAST_HAN, NO_WORD, Text, WordTables, WordWorkspace
from tokemb.rows.string_buffers import string_buffers
from tokemb.rows.threads import parallel_map, split_rows
from tokemb.vocabulary.segmenters.jieba_words import import_jieba, load_tokenizer, missing_jieba

# The version of jieba whose rules ``kernels/dictionary_words.py`` implements, and the files that decide its words.
_KNOWN_VERSION = "0.42.1"
_SOURCES = ("__init__.py", "_compat.py", "dict.txt", *(f"finalseg/{name}.py" for name in (
    "__init__", "prob_start", "prob_trans", "prob_emit"
)))  # fmt: skip

# Another number for each change of the arrays.
_LAYOUT = 1

# The states that a character of a new word can have, and the pairs of states that follow each other, as in the kernel.
_STATES = "BMES"
_TRANSITIONS = (("E", "B"), ("S", "B"), ("B", "M"), ("M", "M"), ("B", "E"), ("M", "E"), ("E", "S"), ("S", "S"))

# A thread pays for this many bytes of text.
_WORTH_THREAD = 1 << 17


class JiebaKernel:
    """The words of jieba's default mode, with its hidden Markov model for words that are not in the dictionary."""

    def __init__(self, tables: WordTables) -> None:
        self._tables = tables

    def segment(self, texts: pa.LargeStringArray, threads: int) -> pa.LargeStringArray:
        """Put spaces between the words of texts.

        Args:
            texts: ``large_string`` ``(rows,)``.
            threads: The maximum number of threads.

        Returns:
            ``large_string`` ``(rows,)``.
        """
        offsets, data = string_buffers(texts)
        ranges = split_rows(offsets, max(min(threads, len(data) // _WORTH_THREAD), 1))
        parts = [(Text(data, offsets[first : last + 1]),) for first, last in ranges]
        return pa.chunked_array(parallel_map(self._segment, parts), STRINGS).combine_chunks()

    def _segment(self, texts: Text) -> pa.LargeStringArray:
        from tokemb import kernels

        rows, longest = len(texts.offsets) - 1, int(np.diff(texts.offsets).max()) + 1
        out = np.empty(2 * (texts.offsets[-1] - texts.offsets[0]), np.uint8)
        offsets = np.empty(rows + 1, np.int64)
        kernels.segment_words(self._tables, texts, _workspace(longest), out, offsets)
        return pa.Array.from_buffers(
            STRINGS, rows, [None, pa.py_buffer(offsets), pa.py_buffer(out[: int(offsets[-1])])]
        )


def open_kernel(user_dictionary: bytes | None) -> JiebaKernel | None:
    """Return the kernel with jieba's dictionary, or ``None`` for a version of jieba that it does not know.

    Args:
        user_dictionary: A dictionary in the format of jieba.

    Raises:
        MissingPackageError: If jieba is not installed.
        ArgumentError: If jieba rejects the dictionary.
    """
    name = f"jieba-{_LAYOUT}-{_digest(user_dictionary)}"
    cached = object_cache.read(name)
    if cached is None:
        jieba, finalseg = import_jieba()
        if jieba.__version__ != _KNOWN_VERSION:
            return None
        cached = _to_bytes(_make_tables(jieba, finalseg, user_dictionary))
        object_cache.write(name, cached)
    return JiebaKernel(_from_bytes(cached))


def _digest(user_dictionary: bytes | None) -> str:
    """Return a digest of all that decides the words. jieba is not imported, which takes longer."""
    spec = find_spec("jieba")
    if spec is None or spec.origin is None:
        raise missing_jieba()
    folder, digest = Path(spec.origin).parent, hashlib.sha256(b"" if user_dictionary is None else b"\0")
    digest.update(user_dictionary or b"")
    for source in _SOURCES:
        content = (folder / source).read_bytes() if (folder / source).exists() else b""
        digest.update(len(content).to_bytes(8, "little") + content)
    return digest.hexdigest()[:32]


def _make_tables(jieba: Any, finalseg: Any, user_dictionary: bytes | None) -> WordTables:  # noqa: ANN401
    tokenizer, split = load_tokenizer(jieba, finalseg, user_dictionary)
    counts: dict[str, int] = tokenizer.FREQ
    total = log(tokenizer.total)
    nodes = sorted(counts, key=lambda word: (len(word), word))
    numbers = {word: number for number, word in enumerate(nodes, 1)} | {"": 0}
    parents = np.array([numbers[word[:-1]] for word in nodes], np.int32)
    scores = [log(counts[word]) - total if counts[word] else NO_WORD for word in nodes]
    characters = np.array([0, *(ord(word[-1]) for word in nodes)], np.int32)
    roots = np.zeros(LAST_HAN + 1, np.int32)
    first = np.flatnonzero(parents == 0) + 1
    first = first[characters[first] <= LAST_HAN]
    roots[characters[first]] = first
    return WordTables(
        children=(np.searchsorted(parents, np.arange(len(nodes) + 2)) + 1).astype(np.int32),
        characters=characters,
        scores=np.array([NO_WORD, *scores]),
        split=np.array([0, *(word in split for word in nodes)] if split else [], np.uint8),
        roots=roots,
        logarithms=np.array(
            [log(1) - total]
            + [finalseg.start_P[state] for state in _STATES]
            + [finalseg.trans_P[before][after] for before, after in _TRANSITIONS]
        ),
        emissions=_emissions(finalseg),
    )


def _emissions(finalseg: Any) -> Float64:  # noqa: ANN401
    emissions = np.full((LAST_HAN - FIRST_HAN + 1, len(_STATES)), finalseg.MIN_FLOAT)
    for index, state in enumerate(_STATES):
        for character, value in finalseg.emit_P[state].items():
            if FIRST_HAN <= ord(character) <= LAST_HAN:
                emissions[ord(character) - FIRST_HAN, index] = value
    return emissions


def _to_bytes(tables: WordTables) -> bytes:
    file = io.BytesIO()
    for array in tables:
        np.save(file, array, allow_pickle=False)
    return file.getvalue()


def _from_bytes(content: bytes) -> WordTables:
    file = io.BytesIO(content)
    return WordTables(*(np.load(file, allow_pickle=False) for _ in WordTables._fields))


def _workspace(size: int) -> WordWorkspace:
    """Return work space for texts with fewer than ``size`` characters."""
    integers, bytes_ = np.empty((2, size), np.int32), np.empty((2, size), np.uint8)
    return WordWorkspace(
        codes=integers[0],
        positions=np.empty(size, np.int64),
        begins=bytes_[0],
        best=np.empty(size),
        ends=integers[1],
        states_before=bytes_[1],
    )
