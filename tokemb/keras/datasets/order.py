"""Assign rows to batches, and order the batches."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from tokemb._arrays import Int64
from tokemb._validation import check_count
from tokemb.errors import ArgumentError

# Shuffled rows are sorted by length within pools of so many batches, or of a quarter of all rows if that is less. In a
# single pool, rows of the same length would be in the same batch in every epoch.
_POOL_BATCHES = 64
_MIN_POOLS = 4


@dataclass(frozen=True)
class BatchOrder:
    """How rows are shuffled, grouped by length and divided into batches.

    Attributes:
        batch_size: The maximum number of rows in a batch.
        shuffle: Whether to shuffle the rows in each epoch.
        seed: The seed. Together with the number of an epoch it determines the order in that epoch.
        by_length: Whether to group rows of similar length. Always true with ``bounds``.
        bounds: The lengths to pad to, ascending. Rows that are padded to the same length are grouped. ``None`` if there
            are none.
        drop_remainder: Whether to drop batches with fewer rows.
        positions: The maximum number of rows times the longest row of a batch. A batch of one row may exceed it.
            ``None`` if there is none, and with ``bounds``.
    """

    batch_size: int
    shuffle: bool = False
    seed: int = 0
    by_length: bool = True
    bounds: tuple[int, ...] | None = None
    drop_remainder: bool = False
    positions: int | None = None

    @classmethod
    def from_settings(
        cls, batch_size: int, shuffle: bool, seed: int | None, bucket: bool | Sequence[int], drop_remainder: bool
    ) -> BatchOrder:
        """Make the order from the arguments of ``Encoder.dataset``, or raise ``ArgumentError`` if one is invalid."""
        bounds = None if isinstance(bucket, (bool, np.bool_)) else _check_bounds(bucket)
        # A random seed is drawn once, so that all epochs of a dataset depend on it.
        seed = int(np.random.SeedSequence().entropy) if seed is None else check_count("seed", seed, least=0)  # type: ignore[arg-type]
        by_length = bounds is not None or bool(bucket)
        return cls(check_count("batch_size", batch_size), bool(shuffle), seed, by_length, bounds, bool(drop_remainder))

    def batches(self, lengths: Int64, epoch: Sequence[int]) -> list[Int64]:
        """Assign rows to the batches of an epoch.

        Args:
            lengths: The lengths of the rows, int64 ``(rows,)``.
            epoch: The number of the epoch, and of the chunk within it if the rows come in chunks. The number of batches
                does not depend on it.

        Returns:
            The row numbers of each batch.
        """
        random = np.random.default_rng([self.seed, *epoch])
        rows = random.permutation(len(lengths)) if self.shuffle else np.arange(len(lengths))
        batches = [batch for group, size in self._groups(rows, lengths) for batch in self._split(group, lengths, size)]
        if self.shuffle and self.by_length:
            batches = [batches[i] for i in random.permutation(len(batches))]
        return batches

    def bucket_length(self, longest: int) -> int | None:
        """Return the padded length of a batch whose longest row has ``longest`` ids. ``None`` without ``bounds``."""
        return None if self.bounds is None else self.bounds[np.searchsorted(self.bounds, longest)]

    def check_lengths(self, lengths: Int64) -> None:
        """Raise ``ArgumentError`` if a row is longer than all ``bounds``."""
        longest = int(lengths.max(initial=0))
        if self.bounds is not None and longest > self.bounds[-1]:
            raise ArgumentError(
                f"rows must fit the longest bucket, {self.bounds[-1]} ids; received a row of {longest}: "
                f"add a longer bucket, or truncate rows with maxlen={self.bounds[-1]}"
            )

    def _groups(self, rows: Int64, lengths: Int64) -> Iterator[tuple[Int64, int]]:
        """Yield the groups of rows that may be in the same batch, and the batch size of each."""
        limits: Sequence[int] = self.bounds or ()
        if self.positions is not None:
            # The batch size is halved from group to group. A row has the same group in every epoch, so the number of
            # batches is the same.
            limits = [(self.positions << i) // self.batch_size for i in range(self.batch_size.bit_length())]
        group = np.searchsorted(limits, lengths[rows])
        ends = np.cumsum(np.bincount(group, minlength=len(limits) + 1))
        for i, members in enumerate(np.split(rows[np.argsort(group, kind="stable")], ends[:-1])):
            yield members, self.batch_size if self.positions is None else max(self.batch_size >> i, 1)

    def _split(self, rows: Int64, lengths: Int64, size: int) -> list[Int64]:
        if self.drop_remainder:
            rows = rows[: len(rows) // size * size]
        if self.by_length and self.bounds is None:
            rows = self._sort_in_pools(rows, lengths[rows], size)
        return [rows[start : start + size] for start in range(0, len(rows), size)]

    def _sort_in_pools(self, rows: Int64, lengths: Int64, size: int) -> Int64:
        pool_size = len(rows)  # without shuffling, all rows are one pool
        if self.shuffle:
            pool_size = size * min(max(len(rows) // size // _MIN_POOLS, 1), _POOL_BATCHES)
        return rows[np.lexsort((lengths, np.arange(len(rows)) // max(pool_size, 1)))]


def _check_bounds(bucket: Sequence[int]) -> tuple[int, ...]:
    try:
        bounds = tuple(check_count("bucket", length) for length in bucket)
    except TypeError:
        bounds = ()
    if not bounds or list(bounds) != sorted(set(bounds)):
        raise ArgumentError(f"bucket must be True, False or ascending lengths, [64, 256]; received {bucket!r:.80}")
    return bounds
