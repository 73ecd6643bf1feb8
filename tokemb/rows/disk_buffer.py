"""Rows kept on disk until it is known how long the longest is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType

import numpy as np
import pyarrow as pa

from tokemb.errors import ArgumentError
from tokemb.files.atomic import check_output
from tokemb.files.output_errors import naming_file
from tokemb.rows.corpus_statistics import length_quantile
from tokemb.rows.ragged import Ragged

# An array above this, in bytes, of which more than this share is padding, is a mistake.
_ABSURD_BYTES = 1_000_000_000
_ABSURD_SHARE = 0.95

# A column that no kept column is called, since Layout refuses it.
_IDS = "ids"


class DiskBuffer:
    """Holds rows of ids and their kept columns in a temporary file, and gives them back in order, block by block.

    The file is beside the output, where there must be room anyway, and has no name where the system allows it.
    ``rows``: how many there are; ``longest``: the number of ids of the longest; ``row_lengths``: for each number of
    ids, the number of rows that have it.
    """

    def __init__(self, output: Path, kept: pa.Schema | None = None) -> None:
        """``kept``: the columns that come with every block.

        Raises ``OSError`` if ``output`` could not be written.
        """
        import tempfile  # here, so that those who know the length of rows do not wait for it

        self._output = output
        self._file = tempfile.TemporaryFile(dir=check_output(output).parent, prefix=".tokemb-")
        schema = pa.schema([pa.field(_IDS, pa.large_list(pa.int32())), *(kept or ())])
        self._writer: pa.RecordBatchStreamWriter = pa.ipc.new_stream(self._file, schema)
        self._schema = schema
        self.row_lengths: Counter[int] = Counter()

    @property
    def rows(self) -> int:
        """How many rows there are."""
        return sum(self.row_lengths.values())

    @property
    def longest(self) -> int:
        """The number of ids of the longest row."""
        return max(self.row_lengths, default=0)

    def append(self, rows: Ragged, kept: pa.RecordBatch | None = None) -> None:
        """Add rows, and as many of the kept columns."""
        lists = pa.LargeListArray.from_arrays(pa.array(rows.row_splits), pa.array(rows.values))
        columns = [] if kept is None else kept.columns
        with naming_file(self._output):
            self._writer.write_batch(pa.RecordBatch.from_arrays([lists, *columns], schema=self._schema))
        lengths, times = np.unique(rows.lengths, return_counts=True)
        self.row_lengths.update(dict(zip(lengths.tolist(), times.tolist(), strict=True)))

    def blocks(self) -> Iterator[tuple[Ragged, pa.RecordBatch]]:
        """Give the blocks back as they came: rows, and their kept columns; ends ``append``."""
        self._writer.close()
        self._file.seek(0)
        with pa.ipc.open_stream(self._file) as reader:
            for batch in reader:
                lists = batch.column(0)
                rows = Ragged(lists.values.to_numpy(), lists.offsets.to_numpy())
                yield rows, batch.drop_columns([_IDS])

    def __enter__(self) -> DiskBuffer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()


def check_padding(row_lengths: Mapping[int, int], maxlen: int, id_bytes: int) -> None:
    """Raise ``ArgumentError``, with the lengths of the rows, if rows padded to ``maxlen`` were hardly anything else.

    ``row_lengths``: for each number of ids, the number of rows that have it. ``id_bytes``: what each id takes in the
    output, its vector for instance.
    """
    rows = sum(row_lengths.values())
    ids = sum(length * times for length, times in row_lengths.items())
    size = rows * maxlen * id_bytes
    padding = 1 - ids / (rows * maxlen) if size else 0.0
    if size <= _ABSURD_BYTES or padding <= _ABSURD_SHARE:
        return
    shares = ", ".join(f"{length_quantile(row_lengths, share)} ({share:.0%})" for share in (0.5, 0.9, 0.99, 1.0))
    most = max(length_quantile(row_lengths, 0.99), 1)
    raise ArgumentError(
        f"padding {rows} rows to the longest, {maxlen} ids, takes {size / 1e9:.1f} GB of which {padding:.1%} is "
        f"padding; rows have up to {shares} ids: pass maxlen={most}, or write rows without padding"
    )
