"""Which rows come together in a batch, and in which order the batches come."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tokemb._arrays import Int64
from tokemb._validation import check_count
from tokemb.errors import ArgumentError

# Rows of similar length are looked for among so many batches' worth of rows, that shuffling put beside each other, or
# in a quarter of all rows if that is less: from all rows, those of the same lengths would always come together.
_POOL_BATCHES = 64
_LEAST_POOLS = 4


@dataclass(frozen=True)
class BatchOrder:
    """How rows are shuffled, grouped by length and cut into batches.

    ``seed``: with the number of a pass it decides the order of that pass. ``bounds``: the lengths that rows are padded
    to, ascending: those that fit the same one come together; ``None`` without. ``by_length``: whether rows of similar
    length come together; always with ``bounds``. ``drop_remainder``: whether rows that make no whole batch go.
    """

    batch_size: int
    shuffle: bool
    seed: int
    by_length: bool
    bounds: tuple[int, ...] | None
    drop_remainder: bool

    @classmethod
    def checked(
        cls, batch_size: int, shuffle: bool, seed: int | None, bucket: bool | Sequence[int], drop_remainder: bool
    ) -> BatchOrder:
        """The order that a user's settings mean; raises ``ArgumentError`` for settings that cannot be."""
        bounds = None if isinstance(bucket, (bool, np.bool_)) else _bounds(bucket)
        # Drawn once, so that all passes over the same dataset belong together.
        seed = int(np.random.SeedSequence().entropy) if seed is None else check_count("seed", seed, least=0)  # type: ignore[arg-type]
        by_length = bounds is not None or bool(bucket)
        return cls(check_count("batch_size", batch_size), bool(shuffle), seed, by_length, bounds, bool(drop_remainder))

    def batches(self, lengths: Int64, number: Sequence[int]) -> list[Int64]:
        """The numbers of the rows of each batch, for the pass of this ``number``.

        ``lengths``: int64 (rows,), of the rows. ``number``: that of the pass, and then of the part of the rows if they
        come in parts. How many batches there are does not depend on it.
        """
        random = np.random.default_rng([self.seed, *number])
        rows = random.permutation(len(lengths)) if self.shuffle else np.arange(len(lengths))
        cut = [batch for group in self._groups(rows, lengths) for batch in self._cut(group, lengths)]
        if self.shuffle and self.by_length:
            cut = [cut[i] for i in random.permutation(len(cut))]
        return cut

    def bucket_length(self, longest: int) -> int | None:
        """What a batch is padded to whose longest row has ``longest`` ids; ``None`` without ``bounds``."""
        return None if self.bounds is None else self.bounds[np.searchsorted(self.bounds, longest)]

    def check_lengths(self, lengths: Int64) -> None:
        """Raise ``ArgumentError`` if a row is longer than all ``bounds``."""
        longest = int(lengths.max(initial=0))
        if self.bounds is not None and longest > self.bounds[-1]:
            raise ArgumentError(
                f"the longest bucket is for {self.bounds[-1]} ids, but a row has {longest}: "
                f"add a longer one, or cut rows with maxlen={self.bounds[-1]}"
            )

    def _groups(self, rows: Int64, lengths: Int64) -> list[Int64]:
        """The rows that may be in a batch together."""
        if self.bounds is None:
            return [rows]
        bucket = np.searchsorted(self.bounds, lengths[rows])
        ends = np.cumsum(np.bincount(bucket, minlength=len(self.bounds)))
        return np.split(rows[np.argsort(bucket, kind="stable")], ends[:-1])

    def _cut(self, rows: Int64, lengths: Int64) -> list[Int64]:
        size = self.batch_size
        if self.drop_remainder:
            rows = rows[: len(rows) // size * size]
        if self.by_length and self.bounds is None:
            rows = self._sorted_in_pools(rows, lengths[rows])
        return [rows[start : start + size] for start in range(0, len(rows), size)]

    def _sorted_in_pools(self, rows: Int64, lengths: Int64) -> npt.NDArray[np.int64]:
        pool = len(rows)  # what is not shuffled is sorted as a whole
        if self.shuffle:
            pool = self.batch_size * min(max(len(rows) // self.batch_size // _LEAST_POOLS, 1), _POOL_BATCHES)
        return rows[np.lexsort((lengths, np.arange(len(rows)) // max(pool, 1)))]


def _bounds(bucket: Sequence[int]) -> tuple[int, ...]:
    try:
        bounds = tuple(check_count("bucket", length) for length in bucket)
    except TypeError:
        bounds = ()
    if not bounds or list(bounds) != sorted(set(bounds)):
        raise ArgumentError(f"bucket must be True, False, or lengths that ascend, [64, 256]; received {bucket!r:.80}")
    return bounds
