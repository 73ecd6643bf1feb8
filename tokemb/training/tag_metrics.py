"""Metrics of tags, and the baseline of the most frequent tag of each token."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tokemb._arrays import Int32, Int64
from tokemb.keras.datasets.tags import class_ids
from tokemb.rows.ragged import Ragged, take
from tokemb.rows.string_buffers import list_splits
from tokemb.training.spans import SpanTags, span_metrics


@dataclass(frozen=True)
class TrueTags:
    """Rows of tokens with their true tags.

    Attributes:
        tokens: Rows of tokens, ``large_list<large_string>`` ``(rows,)``.
        targets: The index in ``classes`` of the tag of each token, int32 ``(tokens,)``.
        classes: The classes of a model in order, and after them tags that only these rows have.
    """

    tokens: pa.LargeListArray
    targets: Int32
    classes: list[str]

    @classmethod
    def of(cls, tokens: pa.LargeListArray, tags: pa.LargeListArray, classes: Sequence[str]) -> TrueTags:
        """Return rows with their tags, of which some may not be among the ``classes`` of a model."""
        others = sorted(set(pc.unique(tags.flatten()).to_pylist()) - set(classes))
        known = [*classes, *others]
        return cls(tokens, class_ids(tags, known), known)

    @property
    def row_splits(self) -> Int64:
        """The first token of each row, and the number of tokens, int64 ``(rows + 1,)``."""
        return list_splits(self.tokens)

    def take(self, rows: Int64) -> TrueTags:
        """Return the rows at these indices."""
        targets = take(Ragged(self.targets, self.row_splits), rows).values
        return TrueTags(self.tokens.take(pa.array(rows)), targets, self.classes)

    def metrics(self, predicted: Int32, *, by_type: bool = False) -> dict[str, Any]:
        """Return the metrics of predicted tags.

        Args:
            predicted: The predicted class of each token, int32 ``(tokens,)``.
            by_type: Whether to add the F1 score of each type of spans.

        Returns:
            ``accuracy``, the share of tokens with the true tag, and if tags describe spans, the metrics of
            ``span_metrics``. They are rounded to four digits.
        """
        metrics = {"accuracy": float((predicted == self.targets).mean()) if len(predicted) else 0.0}
        tags = SpanTags.of(self.classes)
        if tags is not None:
            true, found = (tags.spans(each, self.row_splits) for each in (self.targets, predicted))
            metrics |= span_metrics(true, found, tags.names if by_type and len(tags.names) > 1 else ())
        return {name: round(value, 4) for name, value in metrics.items()}


@dataclass(frozen=True)
class FrequentTags:
    """The most frequent tag of each token in training, the baseline of taggers.

    Attributes:
        tokens: The different tokens, ``large_string`` ``(distinct,)``.
        classes: The most frequent class of each, and last the most frequent class of all, int32 ``(distinct + 1,)``.
    """

    tokens: pa.LargeStringArray
    classes: Int32

    @classmethod
    def count(cls, rows: TrueTags) -> FrequentTags:
        """Count the tags of rows. Of equally frequent classes, the first one is used."""
        encoded = rows.tokens.flatten().dictionary_encode()
        size = len(rows.classes)
        pairs = encoded.indices.to_numpy().astype(np.int64) * size + rows.targets
        counts = np.bincount(pairs, minlength=len(encoded.dictionary) * size).reshape(-1, size)
        best = np.append(counts.argmax(axis=1), counts.sum(axis=0).argmax())
        return cls(encoded.dictionary, best.astype(np.int32))

    @property
    def of_others(self) -> int:
        """The most frequent class of all tokens."""
        return int(self.classes[-1])

    def predict(self, rows: TrueTags) -> Int32:
        """Return the most frequent class of each token, that of all tokens for others, int32 ``(tokens,)``."""
        positions = pc.index_in(rows.tokens.flatten(), value_set=self.tokens).fill_null(-1).to_numpy()
        return self.classes[positions]
