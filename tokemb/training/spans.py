"""Spans of tokens that tags describe, such as names, and the metrics of predicted spans.

A tag such as ``B-PER`` has a prefix and a type. A span is a run of tokens of one type. ``B`` (begin) and ``S`` (single)
start a span, ``E`` (end) and ``S`` end it, ``I`` (inside) continues it, and ``O`` is outside of spans. An ``I`` or
``E`` without a span to continue starts one. These are the spans of the shared tasks of CoNLL, for IOB1, IOB2 and IOBES,
and of `seqeval` by default.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tokemb._arrays import Bool, Int32, Int64

_TAG = re.compile(r"O|([BIES])(?:-(.*))?", re.DOTALL)
_OUTSIDE = "O"


@dataclass(frozen=True)
class SpanTags:
    """The prefixes and types of tags.

    Attributes:
        prefixes: The prefix of each class: one of ``O``, ``B``, ``I``, ``E`` and ``S``, ``(classes,)``.
        types: The index of the type of each class in ``names``, -1 outside of spans, int32 ``(classes,)``.
        names: The types in alphabetical order. That of tags without a type is empty.
    """

    prefixes: npt.NDArray[np.str_]
    types: Int32
    names: list[str]

    @classmethod
    def of(cls, classes: Sequence[str]) -> SpanTags | None:
        """Return the parts of all classes, or ``None`` if they do not describe spans, such as parts of speech."""
        matches = [_TAG.fullmatch(name) for name in classes]
        found = [match for match in matches if match is not None]
        if len(found) < len(classes) or all(match[1] is None for match in found):
            return None
        names = sorted({match[2] or "" for match in found if match[1]})
        types = [names.index(match[2] or "") if match[1] else -1 for match in found]
        return cls(np.array([match[1] or _OUTSIDE for match in found]), np.array(types, np.int32), names)

    def spans(self, tags: Int32, row_splits: Int64) -> Spans:
        """Return the spans of rows of tags.

        Args:
            tags: The class of each token, int32 ``(tokens,)``.
            row_splits: The first token of each row, and the number of tokens, int64 ``(rows + 1,)``.
        """
        prefixes, types = self.prefixes[tags], self.types[tags]
        is_inside = types >= 0
        previous = np.concatenate([[_OUTSIDE], prefixes[:-1]])
        previous_types = np.concatenate([[-1], types[:-1]])
        is_row_start = np.zeros(len(tags) + 1, bool)
        is_row_start[row_splits] = True
        starts = is_inside & (
            is_row_start[:-1]
            | np.isin(prefixes, ("B", "S"))
            | np.isin(previous, ("E", "S", _OUTSIDE))
            | (types != previous_types)
        )
        # A span ends where the next one starts, at a token outside of spans, and at the end of a row.
        ends = np.concatenate([starts | ~is_inside, [True]]) | is_row_start
        end_positions = np.flatnonzero(ends)
        first = np.flatnonzero(starts)
        return Spans(first, end_positions[np.searchsorted(end_positions, first, side="right")], types[first])


@dataclass(frozen=True)
class Spans:
    """Spans that do not overlap, in order.

    Attributes:
        starts: The first token of each span, int64 ``(spans,)``.
        ends: The token after its last one, int64 ``(spans,)``.
        types: Its type, int32 ``(spans,)``.
    """

    starts: Int64
    ends: Int64
    types: Int32

    def are_in(self, others: Spans) -> Bool:
        """Return whether each span is also one of ``others``, with the same type, bool ``(spans,)``."""
        if not len(others.starts):
            return np.zeros(len(self.starts), bool)
        index = np.minimum(np.searchsorted(others.starts, self.starts), len(others.starts) - 1)
        same = (others.starts[index] == self.starts) & (others.ends[index] == self.ends)
        return same & (others.types[index] == self.types)


def span_metrics(true: Spans, predicted: Spans, names: Sequence[str] = ()) -> dict[str, float]:
    """Return the metrics of predicted spans, micro averages over all types.

    Args:
        true: The true spans.
        predicted: The predicted spans.
        names: The names of the types. Each adds its F1 score, ``f1_NAME``.

    Returns:
        ``precision``, the share of predicted spans that are true, ``recall``, the share of true spans that are
        predicted, and ``f1``, their harmonic mean. A share of no spans is 0.
    """
    hits = predicted.are_in(true)
    correct, found, expected = int(hits.sum()), len(predicted.starts), len(true.starts)
    metrics = {
        "precision": correct / found if found else 0.0,
        "recall": correct / expected if expected else 0.0,
        "f1": _f1(correct, found, expected),
    }
    for number, name in enumerate(names):
        counts = (predicted.types[hits] == number, predicted.types == number, true.types == number)
        metrics[f"f1_{name}"] = _f1(*(int(np.count_nonzero(count)) for count in counts))
    return metrics


def _f1(correct: int, found: int, expected: int) -> float:
    return 2 * correct / (found + expected) if correct else 0.0
