"""Encode texts as n-grams: sequences of neighbouring tokens, joined by a space.

A row of ids contains the n-grams of the first length, then those of the second one, and so on, as in Keras'
``TextVectorization``. The tokens that occur in an n-gram of the vocabulary are called parts. An inner engine encodes
texts as rows of parts, and a table of edges leads from an n-gram and the next part to the longer n-gram.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache, cached_property
from typing import Any

import numpy as np
import pyarrow as pa

from tokemb._arrays import STRINGS, TOKEN_ROWS, Int32, Int64, UInt64
from tokemb.engine import Engine, Explanation
from tokemb.engine.padded import PaddedTarget
from tokemb.engine.token_index import TokenIndex
from tokemb.kernels.structs import SLACK, NgramHashing, NgramTables, NgramWorkspace, Text
from tokemb.rows.ragged import Ragged
from tokemb.rows.threads import parallel_map, split_rows, worth_kernel
from tokemb.vocabulary.character_runs import split_runs
from tokemb.vocabulary.profiles import get_profile
from tokemb.vocabulary.special_tokens import SpecialTokens
from tokemb.vocabulary.tokenizer_json import TokenizerJson, tokenizer_json_of, tokenizer_of

SEPARATOR = " "
"""What joins the tokens of an n-gram."""

Component = dict[str, Any]

# Pages of a text of this size that are never written take no memory, so that its exact size need not be computed.
_SMALL_TEXT = 1 << 24

# The part that ends a padded row of parts.
_END = -1

_NO_HASHING = NgramHashing(
    np.zeros(0, np.int32), Text(np.zeros(0, np.uint8), np.zeros(1, np.int64)), 0, np.zeros(0, np.uint64)
)


class NgramEngine:
    """Encode texts as n-grams, before truncation and padding."""

    def __init__(
        self,
        specification: TokenizerJson,
        ids: Mapping[str, int],
        oov_id: int | None,
        lengths: tuple[int, ...],
    ) -> None:
        """Initialize the engine. The tables are made when the first text is encoded.

        Args:
            specification: The content of the ``tokenizer.json``, whose model contains the n-grams.
            ids: The id of every n-gram.
            oov_id: The id of n-grams out of vocabulary.
            lengths: The lengths of the n-grams, in the order of the ids in a row.
        """
        self._specification = specification
        self._ids = {ngram: index for ngram, index in ids.items() if index not in (0, oov_id)}
        self._oov_id = -1 if oov_id is None else oov_id
        self._lengths = lengths
        self._pre_tokenizer = specification.get("pre_tokenizer")

    def encode(self, texts: pa.LargeStringArray, threads: int) -> Ragged:
        """Encode ``texts``, ``large_string`` (rows,). Return the ids as a ``Ragged`` with as many rows."""
        runs, first_runs = runs_of(texts, self._pre_tokenizer)
        return self._join(self._engine.encode(runs, threads), first_runs, threads)

    def encode_list(self, texts: list[str], special_tokens: SpecialTokens, threads: int) -> Ragged | None:
        """Return ``None``: a list of texts is encoded as an Arrow array."""
        return None

    def encode_padded(self, texts: pa.LargeStringArray, target: PaddedTarget, threads: int) -> Int64 | None:
        """Write ids into a padded array, as ``Engine.encode_padded``. Parts beyond the end of a row are not read."""
        if target.dropped_id >= 0:
            return None
        runs, first_runs = runs_of(texts, self._pre_tokenizer)
        splits = np.arange(len(texts) + 1, dtype=np.int64) * target.ids.shape[1]
        if len(runs) > len(texts):
            rows = self._rows(self._engine.encode(runs, threads), first_runs)
            self._table.encode(rows, target.ids.reshape(-1), splits, target.pad_id, threads)
            return np.zeros(0, np.int64)
        width = target.room + self._lengths[0] - 1  # so many parts fill a row with the first n-grams
        parts = target.ids if width == target.ids.shape[1] else np.empty((len(texts), width), np.int32)
        none = np.zeros(0, np.int32)
        remaining = self._engine.encode_padded(texts, PaddedTarget(parts, width, none, none, _END, -1), threads)
        if remaining is None:
            return None
        parts[remaining] = _END
        starts = np.arange(len(texts), dtype=np.int64) * width
        rows = NgramRows(parts.reshape(-1), starts, starts + width, np.arange(len(texts) + 1), self._lengths)
        self._table.encode(rows, target.ids.reshape(-1), splits, target.pad_id, threads)
        return remaining

    def explain(self, text: str | None = None) -> Explanation:
        """Return the backend that finds the tokens, and the reason."""
        return self._engine.explain(text)

    @cached_property
    def _parts_and_table(self) -> tuple[dict[str, int], NgramTable]:
        return parts_and_table(self._ids, self._pre_tokenizer, self._oov_id)

    @property
    def _parts(self) -> dict[str, int]:
        """The number of each part."""
        return self._parts_and_table[0]

    @property
    def _table(self) -> NgramTable:
        return self._parts_and_table[1]

    @cached_property
    def _engine(self) -> Engine:
        """The engine that encodes texts as parts. Other tokens get the number after the last part."""
        model = {**self._specification["model"], "vocab": self._parts}
        specification = {**self._specification, "model": model, "truncation": None, "padding": None}
        return Engine(specification, tokenizer_of(specification), len(self._parts))

    @cached_property
    def token_index(self) -> NgramTokenIndex:
        """The index for rows of tokens."""
        return NgramTokenIndex(TokenIndex(self._parts, len(self._parts)), self._join)

    def _rows(self, parts: Ragged, first_runs: Int64) -> NgramRows:
        return NgramRows(parts.values, parts.row_splits[:-1], parts.row_splits[1:], first_runs, self._lengths)

    def _join(self, parts: Ragged, first_runs: Int64, threads: int) -> Ragged:
        rows = self._rows(parts, first_runs)
        row_splits = rows.row_splits
        values = np.empty(row_splits[-1], np.int32)
        self._table.encode(rows, values, row_splits, 0, threads)
        return Ragged(values, row_splits)


def has_runs(pre_tokenizer: Component | None) -> bool:
    """Return whether a pre-tokenizer makes tokens of characters, whose n-grams separators end: that of ``words``."""
    return pre_tokenizer == _pre_tokenizer_of("words")


def runs_of(texts: pa.LargeStringArray, pre_tokenizer: Component | None) -> tuple[pa.LargeStringArray, Int64]:
    """Return the runs of ``texts`` within which n-grams are formed, as ``split_runs``."""
    return split_runs(texts) if has_runs(pre_tokenizer) else (texts, np.arange(len(texts) + 1))


def split_ngrams(ngrams: pa.LargeStringArray, pre_tokenizer: Component | None) -> pa.LargeListArray:
    """Return the tokens of ``ngrams``, ``large_string`` (n-grams,), as ``large_list<dictionary>`` (n-grams,)."""
    import pyarrow.compute as pc  # a slow import that other vocabularies do not need

    if pre_tokenizer == _pre_tokenizer_of("chars"):  # a token may be a space
        split = pa.array([_characters_of(ngram) for ngram in ngrams.to_pylist()], TOKEN_ROWS)
    else:
        split = pc.split_pattern(ngrams, SEPARATOR)
    offsets = pa.array(split.offsets.to_numpy(), pa.int64())
    return pa.LargeListArray.from_arrays(offsets, split.values.cast(STRINGS).dictionary_encode())


def _characters_of(ngram: str) -> list[str]:
    """Return the characters of an n-gram. A token that is none, which an imported vocabulary may have, stays whole."""
    is_ngram = len(ngram) % 2 == 1 and set(ngram[1::2]) <= {SEPARATOR}
    return list(ngram[::2]) if is_ngram else [ngram]


@cache
def _pre_tokenizer_of(profile: str) -> Component:
    component: Component = tokenizer_json_of(get_profile(profile).tokenizer())["pre_tokenizer"]
    return component


class NgramTokenIndex:
    """Look up n-grams of tokens without splitting texts. A row is one run."""

    def __init__(self, parts: TokenIndex, join: Callable[[Ragged, Int64, int], Ragged]) -> None:
        self._parts = parts
        self._join = join

    def encode(self, rows: pa.LargeListArray, threads: int = 1) -> Ragged:
        """Return the ids of rows of tokens, ``large_list<large_string>`` (rows,)."""
        return self._join(self._parts.encode(rows, threads), np.arange(len(rows) + 1), threads)


def parts_and_table(
    ids: Mapping[str, int], pre_tokenizer: Component | None, oov_id: int
) -> tuple[dict[str, int], NgramTable]:
    """Return the number of each part of a vocabulary, and its n-grams.

    Args:
        ids: The id of every n-gram.
        pre_tokenizer: The pre-tokenizer of the tokens.
        oov_id: The id of all other n-grams.
    """
    ngrams = split_ngrams(pa.array(list(ids), STRINGS), pre_tokenizer)
    parts = {part: number for number, part in enumerate(ngrams.values.dictionary.to_pylist())}
    rows = Ragged(ngrams.values.indices.to_numpy(), ngrams.offsets.to_numpy())
    return parts, NgramTable.of(rows, np.fromiter(ids.values(), np.int32, len(ids)), len(parts), oov_id)


class NgramRows:
    """Rows of parts, and where their n-grams are.

    Attributes:
        parts: The numbers of the parts, int32 (total,).
        starts: The start of each run in ``parts``, int64 (runs,). The runs of a row follow each other.
        ends: The end of each run, int64 (runs,). A negative part ends it before.
        first_runs: The first run of each row, int64 (rows + 1,).
        lengths: The lengths of the n-grams, in the order of the ids in a row.
    """

    def __init__(self, parts: Int32, starts: Int64, ends: Int64, first_runs: Int64, lengths: tuple[int, ...]) -> None:
        """Initialize the rows. The arguments are the attributes."""
        self.parts = parts
        self.starts = starts
        self.ends = ends
        self.first_runs = first_runs
        self.lengths = lengths

    def __len__(self) -> int:
        return len(self.first_runs) - 1

    @cached_property
    def row_splits(self) -> Int64:
        """The rows of n-grams, int64 (rows + 1,)."""
        total = sum((self.counts(length) for length in self.lengths), np.zeros(len(self), np.int64))
        return np.append(np.int64(0), np.cumsum(total))

    def counts(self, length: int) -> Int64:
        """Return the number of n-grams of one length in each row, int64 (rows,)."""
        before = np.append(np.int64(0), np.cumsum(np.maximum(self.ends - self.starts - (length - 1), 0)))
        return np.diff(before[self.first_runs])

    def begins(self, length: int) -> Int64:
        """Return the positions in ``parts`` where an n-gram of this length begins, int64 (begins,)."""
        counts = np.maximum(self.ends - self.starts - (length - 1), 0)
        return np.repeat(self.starts - (np.cumsum(counts) - counts), counts) + np.arange(int(counts.sum()))

    def places(self, length: int) -> tuple[Int64, Int64]:
        """Return the row of each n-gram of one of ``lengths``, and its place in the row, both int64 (begins,)."""
        counts = self.counts(length)
        rows = np.repeat(np.arange(len(self)), counts)
        start = sum((self.counts(other) for other in self.lengths[: self.lengths.index(length)]), np.zeros_like(counts))
        return rows, (start - (np.cumsum(counts) - counts))[rows] + np.arange(len(rows))

    def without_padding(self) -> NgramRows:
        """Return a copy whose runs end before their first negative part."""
        negative = np.flatnonzero(self.parts < 0)
        ends = np.append(negative, len(self.parts))[np.searchsorted(negative, self.starts)]
        return NgramRows(self.parts.copy(), self.starts, np.minimum(self.ends, ends), self.first_runs, self.lengths)

    def longest(self) -> int:
        """Return the number of parts of the longest row."""
        before = np.append(np.int64(0), np.cumsum(self.ends - self.starts))
        return int(np.diff(before[self.first_runs]).max(initial=0))

    def largest(self, sizes: Int64) -> int:
        """Return the sum of ``sizes``, int64 (total,), of the parts of the row where it is largest.

        The rows must follow each other.
        """
        before = np.append(np.int64(0), np.cumsum(sizes))
        bounds = np.append(self.starts, len(self.parts))[self.first_runs]
        return int(np.diff(before[bounds]).max(initial=0))


def _text_size(rows: NgramRows, hashing: NgramHashing, longest: int) -> int:
    """Return the room for the text of any row: that of ``longest`` of the largest tokens, or of the largest row."""
    sizes = 1 + np.diff(hashing.texts.offsets)
    size = longest * int(sizes.max(initial=0))
    return size if size <= _SMALL_TEXT else rows.largest(sizes[hashing.tokens])


class NgramTable:
    """The n-grams of a vocabulary, and all n-grams with which they begin, as a tree.

    Attributes:
        roots: The n-gram of each part by itself, int32 (parts + 1,). The last n-gram stands for all others.
        keys: The edges, int64 (edges,): an n-gram, shifted by 32 bits, and the next part.
        longer: The n-gram to which each edge leads, int32 (edges,).
        ids: The id of each n-gram, int32 (n-grams + 1,).
    """

    def __init__(self, roots: Int32, keys: Int64, longer: Int32, ids: Int32) -> None:
        """Initialize the table. The arguments are the attributes."""
        self.roots = roots
        self.keys = keys
        self.longer = longer
        self.ids = ids

    @classmethod
    def of(cls, ngrams: Ragged, ids: Int32, parts: int, oov_id: int) -> NgramTable:
        """Make the table.

        Args:
            ngrams: The parts of each n-gram.
            ids: Their ids, int32 (n-grams,).
            parts: The number of parts.
            oov_id: The id of all other n-grams.
        """
        numbers = np.zeros(len(ngrams), np.int64)  # of the parts of the n-grams that were read so far
        keys: list[Int64] = []  # of the n-grams of each length
        size = 0
        for depth in range(int(ngrams.lengths.max(initial=1))):
            reading = np.flatnonzero(ngrams.lengths > depth)
            key = numbers[reading] << 32 | ngrams.values[ngrams.row_splits[reading] + depth]
            distinct = pa.array(key).dictionary_encode()
            numbers[reading] = distinct.indices.to_numpy() + size
            keys.append(distinct.dictionary.to_numpy())
            size += len(keys[-1])
        all_ids = np.full(size + 1, oov_id, np.int32)
        all_ids[numbers] = ids
        roots = np.full(parts + 1, size, np.int32)
        roots[keys[0]] = np.arange(len(keys[0]))
        longer = np.arange(len(keys[0]), size, dtype=np.int32)
        return cls(roots, np.concatenate([np.zeros(0, np.int64), *keys[1:]]), longer, all_ids)

    def encode(
        self,
        rows: NgramRows,
        out: Int32,
        splits: Int64,
        fill: int,
        threads: int,
        hashing: NgramHashing | None = None,
    ) -> None:
        """Write the ids of the n-grams of all rows.

        Args:
            rows: The rows of parts. Their ends may change.
            out: int32, the rows of ids. N-grams beyond the end of a row are left out.
            splits: int64 (rows + 1,), the starts of the rows in ``out``.
            fill: The id that fills the rest of a row.
            threads: The number of threads.
            hashing: How n-grams out of vocabulary are hashed. By default, they have one id.
        """
        if hashing is None and not worth_kernel(len(rows.parts)):
            self._encode_in_numpy(rows.without_padding(), out, splits, fill)
            return
        from tokemb import kernels  # only here, because small inputs do not need them

        runs = rows.starts, np.ascontiguousarray(rows.ends), rows.first_runs
        tables, longest = self._tables(rows.lengths), rows.longest()
        text_size = 0 if hashing is None else _text_size(rows, hashing, longest)

        def encode_rows(first: int, last: int) -> None:
            workspace = NgramWorkspace(
                np.empty(longest, np.int32),
                np.empty(longest, np.int32),
                np.empty(text_size + SLACK, np.uint8),
                np.empty(longest + 1, np.int64),
            )
            kernels.join_ngrams(
                tables, hashing or _NO_HASHING, rows.parts, *runs, workspace, out, splits, fill, first, last
            )

        parallel_map(encode_rows, split_rows(splits, threads))

    def _encode_in_numpy(self, rows: NgramRows, out: Int32, splits: Int64, fill: int) -> None:
        out[:] = fill
        numbers = self.roots[rows.parts]
        for length in range(1, max(rows.lengths) + 1):
            begins = rows.begins(length)
            if length > 1:
                numbers[begins] = self._longer(numbers[begins], rows.parts[begins + length - 1])
            if length in rows.lengths:
                row, place = rows.places(length)
                at = splits[row] + place
                fits = at < splits[row + 1]
                out[at[fits]] = self.ids[numbers[begins[fits]]]

    def _longer(self, numbers: Int32, parts: Int32) -> Int32:
        """Return the n-grams that consist of other n-grams and the next parts, int32 (n-grams,)."""
        keys, longer = self._sorted_edges
        key = numbers.astype(np.int64) << 32 | parts
        at = np.searchsorted(keys, key)
        return np.where(keys[at] == key, longer[at], np.int32(len(self.ids) - 1))

    @cached_property
    def _sorted_edges(self) -> tuple[Int64, Int32]:
        """``keys`` in ascending order, then a key that no n-gram has, and ``longer``."""
        order = np.argsort(self.keys)
        return np.append(self.keys[order], np.iinfo(np.int64).max), np.append(self.longer[order], np.int32(0))

    def _tables(self, lengths: tuple[int, ...]) -> NgramTables:
        return NgramTables(self.roots, self._edges, self.ids, np.array(lengths, np.int64))

    @cached_property
    def _edges(self) -> UInt64:
        from tokemb.engine.subword_tables import key_table

        return key_table(self.keys.view(np.uint64), self.longer.astype(np.uint64))
