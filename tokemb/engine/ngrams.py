"""Encode texts as n-grams: sequences of neighbouring tokens, joined by a space.

A row of ids contains the n-grams of the first length, then those of the second one, and so on, as in Keras'
``TextVectorization``. The tokens that occur in an n-gram of the vocabulary are called parts. An inner engine encodes
texts as rows of parts, and a table of edges leads from an n-gram and the next part to the longer n-gram.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from tokemb._arrays import Int32, Int64
from tokemb.engine import Engine, Explanation
from tokemb.engine.padded import PaddedTarget
from tokemb.engine.token_index import TokenIndex
from tokemb.rows.ragged import Ragged
from tokemb.vocabulary.character_runs import split_runs
from tokemb.vocabulary.special_tokens import SpecialTokens
from tokemb.vocabulary.tokenizer_json import TokenizerJson, tokenizer_of

SEPARATOR = " "
"""What joins the tokens of an n-gram."""

# The profiles in which a separator ends the n-grams of characters, and in which a token is one character.
RUN_PROFILE, CHARACTER_PROFILE = "words", "chars"


class NgramSettings(NamedTuple):
    """Which n-grams are encoded.

    Attributes:
        lengths: The lengths of the n-grams, in the order of the ids in a row.
        profile: The name of the profile that finds the tokens.
    """

    lengths: tuple[int, ...]
    profile: str | None


class NgramEngine:
    """Encode texts as n-grams, before truncation and padding."""

    def __init__(
        self,
        specification: TokenizerJson,
        ids: Mapping[str, int],
        oov_id: int | None,
        settings: NgramSettings,
    ) -> None:
        """Initialize the engine. The tables are made when the first text is encoded.

        Args:
            specification: The content of the ``tokenizer.json``, whose model contains the n-grams.
            ids: The id of every n-gram.
            oov_id: The id of n-grams out of vocabulary.
            settings: Which n-grams are encoded.
        """
        self._specification = specification
        self._ids = {ngram: index for ngram, index in ids.items() if index not in (0, oov_id)}
        self._oov_id = -1 if oov_id is None else oov_id
        self._lengths, self._profile = settings

    def encode(self, texts: pa.LargeStringArray, threads: int) -> Ragged:
        """Encode ``texts``, ``large_string`` (rows,). Return the ids as a ``Ragged`` with as many rows."""
        runs, first_runs = runs_of(texts, self._profile)
        return self._join(self._engine.encode(runs, threads), first_runs)

    def encode_list(self, texts: list[str], special_tokens: SpecialTokens, threads: int) -> Ragged | None:
        """Return ``None``: a list of texts is encoded as an Arrow array."""
        return None

    def encode_padded(self, texts: pa.LargeStringArray, target: PaddedTarget, threads: int) -> Int64 | None:
        """Return ``None``: no row is written directly into the padded array."""
        return None

    def explain(self, text: str | None = None) -> Explanation:
        """Return the backend that finds the tokens, and the reason."""
        return self._engine.explain(text)

    @cached_property
    def _parts(self) -> dict[str, int]:
        """The number of each part."""
        parts = (part for ngram in self._ids for part in split_ngram(ngram, self._profile))
        return {part: number for number, part in enumerate(dict.fromkeys(parts))}

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

    @cached_property
    def _table(self) -> NgramTable:
        ngrams = [[self._parts[part] for part in split_ngram(ngram, self._profile)] for ngram in self._ids]
        return NgramTable.of(ngrams, list(self._ids.values()), len(self._parts), self._oov_id)

    def _join(self, parts: Ragged, first_runs: Int64) -> Ragged:
        return self._table.encode(NgramRows.of(parts, first_runs, self._lengths))


def runs_of(texts: pa.LargeStringArray, profile: str | None) -> tuple[pa.LargeStringArray, Int64]:
    """Return the runs of ``texts`` within which ``profile`` forms n-grams, as ``split_runs``."""
    return split_runs(texts) if profile == RUN_PROFILE else (texts, np.arange(len(texts) + 1))


def split_ngram(ngram: str, profile: str | None) -> Sequence[str]:
    """Return the tokens of an n-gram."""
    return ngram[::2] if profile == CHARACTER_PROFILE else ngram.split(SEPARATOR)


class NgramTokenIndex:
    """Look up n-grams of tokens without splitting texts. A row is one run."""

    def __init__(self, parts: TokenIndex, join: Callable[[Ragged, Int64], Ragged]) -> None:
        self._parts = parts
        self._join = join

    def encode(self, rows: pa.LargeListArray, threads: int = 1) -> Ragged:
        """Return the ids of rows of tokens, ``large_list<large_string>`` (rows,)."""
        return self._join(self._parts.encode(rows, threads), np.arange(len(rows) + 1))


class NgramRows:
    """The places of n-grams in rows.

    Attributes:
        parts: The numbers of the parts, int32 (total,).
        lengths: The lengths of the n-grams, in the order of the ids in a row.
        row_splits: The rows of n-grams, int64 (rows + 1,).
        run_splits: The runs of parts, int64 (runs + 1,).
        first_runs: The first run of each row, int64 (rows + 1,).
    """

    def __init__(self, parts: Ragged, first_runs: Int64, lengths: tuple[int, ...]) -> None:
        self.parts = parts.values
        self.lengths = lengths
        self.run_splits = parts.row_splits
        self.first_runs = first_runs
        self._run_lengths = parts.lengths
        self._counts = {length: self._count(length) for length in lengths}
        self.row_splits: Int64 = np.append(np.int64(0), np.cumsum(sum(self._counts.values())))

    @classmethod
    def of(cls, parts: Ragged, first_runs: Int64, lengths: tuple[int, ...]) -> NgramRows:
        """Return the places of all n-grams of these lengths.

        Args:
            parts: The runs of parts.
            first_runs: The first run of each row, int64 (rows + 1,).
            lengths: The lengths of the n-grams.
        """
        return cls(parts, first_runs, lengths)

    def _count(self, length: int) -> Int64:
        """Return the number of n-grams of one length in each row, int64 (rows,)."""
        before = np.append(np.int64(0), np.cumsum(np.maximum(self._run_lengths - (length - 1), 0)))
        return np.diff(before[self.first_runs])

    def begins(self, length: int) -> Int64:
        """Return the positions in ``parts`` where an n-gram of this length begins, int64 (begins,)."""
        ends = np.repeat(self.run_splits[1:], self._run_lengths)
        return np.flatnonzero(np.arange(len(self.parts)) + length <= ends)

    def places(self, length: int) -> Int64:
        """Return the positions of the n-grams of one of ``lengths`` in all rows of n-grams, int64 (begins,)."""
        start = self.row_splits[:-1].copy()
        for other in self.lengths[: self.lengths.index(length)]:
            start += self._counts[other]
        counts = self._counts[length]
        return np.repeat(start - (np.cumsum(counts) - counts), counts) + np.arange(int(counts.sum()))


class NgramTable:
    """The n-grams of a vocabulary, and all n-grams with which they begin, as a tree.

    Attributes:
        roots: The n-gram of each part by itself, int32 (parts + 1,). -1 for none.
        keys: The edges, int64 (edges,), ascending: an n-gram, shifted by 32 bits, and the next part.
        longer: The n-gram to which each edge leads, int32 (edges,).
        ids: The id of each n-gram, int32 (n-grams + 1,). The last one is that of all others.
    """

    def __init__(self, roots: Int32, keys: Int64, longer: Int32, ids: Int32) -> None:
        self.roots = roots
        self.keys = keys
        self.longer = longer
        self.ids = ids

    @classmethod
    def of(cls, ngrams: Sequence[Sequence[int]], ids: Sequence[int], parts: int, oov_id: int) -> NgramTable:
        """Make the table.

        Args:
            ngrams: The parts of each n-gram.
            ids: Their ids.
            parts: The number of parts.
            oov_id: The id of all other n-grams.
        """
        numbers: dict[tuple[int, int], int] = {}  # -1 stands for the n-gram without parts
        id_of: dict[int, int] = {}
        for ngram, index in zip(ngrams, ids, strict=True):
            number = -1
            for part in ngram:
                number = numbers.setdefault((number, part), len(numbers))
            id_of[number] = index
        roots = np.full(parts + 1, -1, np.int32)
        edges = np.array([(*edge, number) for edge, number in numbers.items()], np.int64).reshape(-1, 3)
        is_root = edges[:, 0] < 0
        roots[edges[is_root, 1]] = edges[is_root, 2]
        edges = edges[~is_root]
        keys = edges[:, 0] << 32 | edges[:, 1]
        order = np.argsort(keys)
        all_ids = np.full(len(numbers) + 1, oov_id, np.int32)
        all_ids[list(id_of)] = list(id_of.values())
        return cls(roots, keys[order], edges[order, 2].astype(np.int32), all_ids)

    def encode(self, rows: NgramRows) -> Ragged:
        """Return the ids of the n-grams of all rows."""
        values = np.empty(rows.row_splits[-1], np.int32)
        numbers = self.roots[rows.parts]
        for length in range(1, max(rows.lengths) + 1):
            begins = rows.begins(length)
            if length > 1:
                longer = np.full(len(numbers), -1, np.int32)
                longer[begins] = self._longer(numbers[begins], rows.parts[begins + length - 1])
                numbers = longer
            if length in rows.lengths:
                values[rows.places(length)] = self.ids[numbers[begins]]
        return Ragged(values, rows.row_splits)

    def _longer(self, numbers: Int32, parts: Int32) -> Int32:
        """Return the n-grams that consist of other n-grams and the next parts, int32 (n-grams,). -1 for none."""
        if not len(self.keys):
            return np.full(len(numbers), -1, np.int32)
        keys = numbers.astype(np.int64) << 32 | parts
        at = np.minimum(np.searchsorted(self.keys, keys), len(self.keys) - 1)
        return np.where(self.keys[at] == keys, self.longer[at], np.int32(-1))
