"""The layout of a row of two texts: special tokens and type ids, as the post-processor of a file defines them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import Any, NamedTuple

import numpy as np

from tokemb._arrays import Bool, Int32, Int64
from tokemb.errors import VocabularyError
from tokemb.rows.pairs import Part, fill_runs, join_parts, repeated
from tokemb.rows.ragged import Ragged
from tokemb.vocabulary.tokenizer_json import TokenizerJson


class TemplatePart(NamedTuple):
    """One part of a row of two texts.

    Attributes:
        text: 0 for the first text, 1 for the second. ``None`` for special tokens.
        ids: The ids of special tokens.
        type_id: The type id of all ids of the part.
    """

    text: int | None
    ids: tuple[int, ...]
    type_id: int


class PairMasks(NamedTuple):
    """What a model needs beside the padded ids of pairs.

    Attributes:
        type_ids: int32 ``(rows, maxlen)``.
        attention_mask: bool ``(rows, maxlen)``: true for ids, false for padding.
    """

    type_ids: Int32
    attention_mask: Bool


_PLAIN = TemplatePart(0, (), 0), TemplatePart(1, (), 1)

PAIR_COLUMNS = ("ids", "type_ids", "attention_mask")
"""The names of the arrays of encoded pairs."""

PairArrays = dict[str, Int32 | Bool]
"""The arrays of encoded pairs by name."""


@dataclass(frozen=True)
class PairTemplate:
    """The parts of a row of two texts.

    Attributes:
        parts: The parts. Each of the two texts is one of them.
        pad_type_id: The type id of padding.
    """

    parts: tuple[TemplatePart, ...] = _PLAIN
    pad_type_id: int = 0

    @classmethod
    def of(cls, specification: TokenizerJson) -> PairTemplate:
        """Return the layout that the post-processor of a ``tokenizer.json`` defines for two texts.

        Raises:
            VocabularyError: If the post-processor does more than add special tokens and type ids.
        """
        try:
            parts = _parts(specification.get("post_processor"))
        except (KeyError, IndexError, TypeError) as error:
            raise VocabularyError(f"this tokenizer.json has a post-processor without {error}") from None
        numbers = [number for part in parts for number in (*part.ids, part.type_id)]
        if any(not 0 <= number <= np.iinfo(np.int32).max for number in numbers):
            raise VocabularyError("this tokenizer.json has special tokens or type ids that do not fit int32")
        return cls(parts, (specification.get("padding") or {}).get("pad_type_id", 0))

    def __len__(self) -> int:
        """Return the number of special tokens."""
        return sum(len(part.ids) for part in self.parts)

    @property
    def special_ids(self) -> Int32:
        """The ids of the special tokens, int32 ``(tokens,)``."""
        return np.array([token for part in self.parts for token in part.ids], np.int32)

    def rows(self, first: Part, second: Part, threads: int | None = None) -> Ragged:
        """Return rows of ids without padding, with special tokens."""
        lengths = first.lengths + second.lengths + len(self)
        rows = Ragged.from_lengths(np.empty(int(lengths.sum()), np.int32), lengths)
        self.fill_ids(first, second, rows.row_splits, rows.values, threads=threads)
        return rows

    def fill_ids(
        self,
        first: Part,
        second: Part,
        splits: Int64,
        out: Int32,
        *,
        fill: int = 0,
        fill_first: bool = False,
        threads: int | None = None,
    ) -> None:
        """Fill ``out`` with rows of ids. The other arguments are those of ``join_parts``.

        Args:
            first: The first texts.
            second: The second texts.
            splits: int64 ``(rows + 1,)``.
            out: int32 ``(size,)``.
            fill: The id of padding.
            fill_first: Whether padding precedes the ids.
            threads: The number of threads.
        """
        texts = first, second
        parts = [
            repeated(np.array(part.ids, np.int32), np.full(len(first.lengths), len(part.ids)))
            if part.text is None
            else texts[part.text]
            for part in self.parts
        ]
        join_parts(parts, splits, out, fill=fill, fill_first=fill_first, threads=threads)

    def type_ids(self, rows: Ragged, first_lengths: Int64, threads: int | None = None) -> Ragged:
        """Return the type ids of rows without padding.

        Args:
            rows: The rows of ids, with special tokens.
            first_lengths: The number of ids of the first text of each row, int64 ``(rows,)``.
            threads: The number of threads.
        """
        out = np.empty(len(rows.values), np.int32)
        fill_runs(*self._runs(first_lengths, rows.lengths), rows.row_splits, out, threads=threads)
        return Ragged(out, rows.row_splits)

    def padded_masks(
        self, first_lengths: Int64, lengths: Int64, maxlen: int, *, fill_first: bool = False, threads: int | None = None
    ) -> PairMasks:
        """Return the type ids and the attention mask of padded rows.

        Args:
            first_lengths: The number of ids of the first text of each row, int64 ``(rows,)``.
            lengths: The number of ids of each row, with special tokens, int64 ``(rows,)``.
            maxlen: The length of the rows.
            fill_first: Whether padding precedes the ids.
            threads: The number of threads.
        """
        splits = np.arange(len(lengths) + 1, dtype=np.int64) * maxlen
        masks = PairMasks(np.empty((len(lengths), maxlen), np.int32), np.empty((len(lengths), maxlen), np.bool_))
        fill_runs(
            *self._runs(first_lengths, lengths),
            splits,
            masks.type_ids.reshape(-1),
            masks.attention_mask.reshape(-1),
            fill=self.pad_type_id,
            fill_first=fill_first,
            threads=threads,
        )
        return masks

    def _runs(self, first_lengths: Int64, lengths: Int64) -> tuple[Int32, Int64]:
        """Return the type ids of a row, int32 (runs,), and how often each occurs in each row, int64 (rows, runs)."""
        text_lengths = first_lengths, lengths - first_lengths - len(self)
        type_ids, sizes = [], []
        for type_id, parts in groupby(self.parts, key=lambda part: part.type_id):
            size = np.zeros(len(lengths), np.int64)
            for part in parts:
                size += len(part.ids) if part.text is None else text_lengths[part.text]
            type_ids.append(type_id)
            sizes.append(size)
        return np.array(type_ids, np.int32), np.stack(sizes, axis=1)


def _parts(processor: dict[str, Any] | None) -> tuple[TemplatePart, ...]:
    kind = processor["type"] if processor else None
    if processor is None or kind == "ByteLevel":  # ByteLevel only trims offsets
        return _PLAIN
    if kind in ("BertProcessing", "RobertaProcessing"):
        cls, sep = (processor["cls"][1],), (processor["sep"][1],)
        between, second = (sep, 1) if kind == "BertProcessing" else (sep * 2, 0)
        return (
            TemplatePart(None, cls, 0),
            TemplatePart(0, (), 0),
            TemplatePart(None, between, 0),
            TemplatePart(1, (), second),
            TemplatePart(None, sep, second),
        )
    if kind == "Sequence":
        other = [parts for parts in map(_parts, processor["processors"]) if parts != _PLAIN]
        if len(other) <= 1:  # only `tokenizers` knows how several are combined
            return other[0] if other else _PLAIN
    if kind == "TemplateProcessing":
        parts = tuple(_template_parts(processor))
        if sorted(part.text for part in parts if part.text is not None) == [0, 1]:
            return parts
    raise VocabularyError(
        f"this tokenizer.json has a post-processor ({kind}) that does more than add fixed ids around two texts"
    )


def _template_parts(processor: dict[str, Any]) -> Iterator[TemplatePart]:
    for item in processor["pair"]:
        if "Sequence" in item:
            yield TemplatePart("AB".index(item["Sequence"]["id"]), (), item["Sequence"]["type_id"])
        else:
            token = item["SpecialToken"]
            yield TemplatePart(None, tuple(processor["special_tokens"][token["id"]]["ids"]), token["type_id"])
