"""Check that a pipeline writes as many rows as it reads."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sized
from typing import TypeVar

from tokemb.errors import RowsLostError

_Batch = TypeVar("_Batch", bound=Sized)


class RowCount:
    """The number of rows that a pipeline reads, to be compared with the number that it writes.

    Every pipeline counts its input with ``reading``, and calls ``check`` before its output is renamed into place.

    Example:
        >>> count = RowCount()
        >>> [len(batch) for batch in count.reading([["a", "b"], ["c"]])]
        [2, 1]
        >>> count.check(2)
        Traceback (most recent call last):
        tokemb.errors.RowsLostError: 3 rows were read but 2 written, which is a defect of tokemb: please report it
    """

    def __init__(self) -> None:
        self.rows = 0

    def reading(self, batches: Iterable[_Batch]) -> Iterator[_Batch]:
        """Yield ``batches`` and count their rows."""
        for batch in batches:
            self.rows += len(batch)
            yield batch

    def check(self, written: int, what: str = "written") -> None:
        """Raise ``RowsLostError`` unless ``written`` is the number of rows read."""
        if written != self.rows:
            raise RowsLostError(
                f"{self.rows:,} rows were read but {written:,} {what}, which is a defect of tokemb: please report it"
            )


def rows_line(read: int, written: int) -> str:
    """Format the numbers of rows read and written.

    Example:
        >>> rows_line(3, 3), rows_line(2500, 3)
        ('3 rows read and written', '2,500 rows read, 3 written')
    """
    return f"{read:,} rows read and written" if read == written else f"{read:,} rows read, {written:,} written"
