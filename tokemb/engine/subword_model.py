"""Subword models in the kernels: the tables of a model, and a cache of pre-tokens for each thread."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from threading import Lock

import numpy as np
import pyarrow as pa

from tokemb._arrays import Int32
from tokemb.engine.components import Component
from tokemb.engine.pretoken_cache import aligned_words, text_of
from tokemb.engine.single_characters import single_characters, texts_of_codes
from tokemb.engine.subword_tables import Model, UnsupportedError, bpe_tables, unigram_tables, wordpiece_tables
from tokemb.kernels import encode_pretokens
from tokemb.kernels.structs import CODES, SLOT, Table
from tokemb.kernels.subword_structs import (
    MAX_PRETOKEN_BYTES,
    REFUSED,
    SLOT_WORDS,
    Affix,
    Bpe,
    SubwordCache,
    SubwordEncoder,
    SubwordWorkspace,
    Unigram,
    WordPiece,
)
from tokemb.rows.ragged import Ragged

_TABLES: dict[str, Callable[[Model], WordPiece | Unigram]] = {"WordPiece": wordpiece_tables, "Unigram": unigram_tables}

# The limits of the cache of a thread: pre-tokens, bytes and ids. Pages of its arrays that are not used take no memory.
_MAX_PRETOKENS = 1 << 19
_MAX_BYTES = 1 << 25
_MAX_IDS = 1 << 22
# The slots of the first hash table, which the kernels double.
_FIRST_SLOTS = 1 << 13


class SubwordModel:
    """A subword model and the caches of the threads.

    Attributes:
        density: The maximum number of ids per byte of a pre-token.
    """

    records_misses = False

    def __init__(self, tables: WordPiece | Bpe | Unigram, affix: Affix) -> None:
        """Initialize the model.

        Args:
            tables: The tables of the model.
            affix: How pre-tokens change before they are encoded.
        """
        # Each byte is one id at most, also those of the prefix, and those of the marker that replaces a space.
        self.density = max(1 + len(affix.prefix), len(affix.marker) + len(affix.prefix))
        self._tables = tables
        self._affix = affix
        self._idle: list[SubwordEncoder] = []
        self._character_ids: tuple[Table, Int32] | None = None
        self._lock = Lock()

    @contextmanager
    def encoder(self) -> Iterator[SubwordEncoder]:
        """Yield the model with a cache that no other thread uses in the context."""
        try:
            encoder = self._idle.pop()
        except IndexError:
            encoder = SubwordEncoder(self._tables, self._affix, _new_cache(), _new_workspace())
        if encoder.cache.counts[REFUSED] > _MAX_PRETOKENS:  # the cached pre-tokens may not occur any more
            encoder = encoder._replace(cache=_new_cache())
        try:
            yield encoder
        finally:
            self._idle.append(encoder)

    def encode(self, pretokens: pa.LargeStringArray) -> Ragged:
        """Encode ``pretokens``, ``large_string`` (pre-tokens,), without the cache. No one may be longer than 2 MB."""
        text = text_of(pretokens)
        ids, lengths = np.empty(self.density * len(text.data), np.int32), np.empty(len(pretokens), np.int64)
        with self.encoder() as encoder:
            total = encode_pretokens(encoder, text, ids, lengths)
        return Ragged.from_lengths(ids[:total], lengths)

    def character_ids(self, table: Table) -> Int32:
        """Return the ids of the characters that are pre-tokens of their own with one id.

        Returns:
            int32 (CODES,), one plus the id. 0 for all other characters.
        """
        with self._lock:  # the threads of the first batches need them at the same time
            memo = self._character_ids
            if memo is None or memo[0] is not table:  # another thread may have a newer table
                codes, normalized = single_characters(table)
                rows = self.encode(texts_of_codes(normalized))
                is_single = rows.lengths == 1
                ids = np.zeros(CODES, np.int32)
                ids[codes[is_single]] = rows.values[rows.row_splits[:-1][is_single]] + 1
                memo = self._character_ids = table, ids
            return memo[1]


def subword_model(model: Model, kind: str, rest: Sequence[Component]) -> SubwordModel | str:
    """Return a subword model, or why the kernels do not support it.

    Args:
        model: The model in a ``tokenizer.json``.
        kind: Its type.
        rest: The pre-tokenizers that are applied to each pre-token before the model.
    """
    try:
        affix, byte_level = _affix(rest)
        if kind == "BPE":
            return SubwordModel(bpe_tables(model, byte_level=byte_level), affix)
        if byte_level or kind not in _TABLES:
            return f"the kernels have no {'byte-level ' if byte_level else ''}{kind} model"
        return SubwordModel(_TABLES[kind](model), affix)
    except UnsupportedError as reason:
        return str(reason)


def _affix(rest: Sequence[Component]) -> tuple[Affix, bool]:
    """Return how ``rest`` changes pre-tokens, and whether it replaces bytes by characters."""
    prefix, marker, splits, kind = "", "", False, rest[0]["type"] if len(rest) == 1 else ""
    if kind == "Metaspace":
        marker, splits = rest[0]["replacement"], rest[0].get("split") is not False
        scheme = rest[0].get("prepend_scheme", "always") if rest[0].get("add_prefix_space") is not False else "never"
        if scheme == "first":
            raise UnsupportedError("the result of the pre-tokenizer Metaspace depends on positions in the text")
        prefix = marker if scheme == "always" else ""
    elif kind == "ByteLevel" and rest[0].get("use_regex") is False:
        prefix = " " if rest[0]["add_prefix_space"] else ""
    elif rest:
        kinds = ", ".join(component["type"] for component in rest)
        raise UnsupportedError(f"the kernels do not support the pre-tokenizers {kinds} after another one")
    before, replacement = (np.frombuffer(text.encode(), np.uint8) for text in (prefix, marker))
    return Affix(before, replacement, int(splits)), kind == "ByteLevel"


def _new_cache() -> SubwordCache:
    counts = np.zeros(4, np.int64)
    counts[SLOT_WORDS] = SLOT * _FIRST_SLOTS
    return SubwordCache(
        aligned_words(4 * SLOT * _MAX_PRETOKENS),
        np.empty(_MAX_BYTES, np.uint8),
        np.zeros(_MAX_PRETOKENS + 1, np.int64),
        np.empty(_MAX_IDS, np.int32),
        counts,
    )


def _new_workspace() -> SubwordWorkspace:
    spare = 64
    return SubwordWorkspace(
        np.empty(MAX_PRETOKEN_BYTES + spare, np.uint8),
        np.empty(MAX_PRETOKEN_BYTES + spare, np.int32),
        np.empty(2 * MAX_PRETOKEN_BYTES + spare, np.int32),
        np.empty(2 * MAX_PRETOKEN_BYTES + spare, np.uint64),
        np.empty(MAX_PRETOKEN_BYTES + spare, np.float64),
    )
