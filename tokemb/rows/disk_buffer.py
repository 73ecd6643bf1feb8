"""Rows that are stored on disk until the length of the longest row is known."""

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

# A larger array that consists of padding by more than this share is a mistake.
_MIN_PADDED_BYTES = 1_000_000_000
_MAX_PADDING_SHARE = 0.95

# No other column has this name, since Layout rejects it.
_IDS = "ids"


class DiskBuffer:
    """A temporary file of ids and ``--keep`` columns, which are read again in the same order, block by block.

    The file is beside the output, whose disk needs the space anyway. It has no name where the system supports this.

    Attributes:
        row_lengths: For each number of ids, the number of rows with this length.
    """

    def __init__(self, output: Path, kept: pa.Schema | None = None) -> None:
        """Create the temporary file.

        Args:
            output: The file or folder that is written later.
            kept: The schema of the columns that accompany every block.

        Raises:
            OSError: If ``output`` could not be written.
        """
        import tempfile  # only here, because most outputs need no buffer

        self._output = output
        self._file = tempfile.TemporaryFile(dir=check_output(output).parent, prefix=".tokemb-")
        schema = pa.schema([pa.field(_IDS, pa.large_list(pa.int32())), *(kept or ())])
        self._writer: pa.RecordBatchStreamWriter = pa.ipc.new_stream(self._file, schema)
        self._schema = schema
        self.row_lengths: Counter[int] = Counter()

    @property
    def rows(self) -> int:
        """The number of rows."""
        return sum(self.row_lengths.values())

    @property
    def longest(self) -> int:
        """The number of ids of the longest row."""
        return max(self.row_lengths, default=0)

    def append(self, rows: Ragged, kept: pa.RecordBatch | None = None) -> None:
        """Append rows and the same rows of the kept columns."""
        lists = pa.LargeListArray.from_arrays(pa.array(rows.row_splits), pa.array(rows.values))
        columns = [] if kept is None else kept.columns
        with naming_file(self._output):
            self._writer.write_batch(pa.RecordBatch.from_arrays([lists, *columns], schema=self._schema))
        lengths, counts = np.unique(rows.lengths, return_counts=True)
        self.row_lengths.update(dict(zip(lengths.tolist(), counts.tolist(), strict=True)))

    def blocks(self) -> Iterator[tuple[Ragged, pa.RecordBatch]]:
        """Yield each appended block: its rows and its kept columns. Nothing can be appended afterwards."""
        with naming_file(self._output):
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
        with naming_file(self._output):  # closing writes the last bytes
            self._file.close()


def check_padding(row_lengths: Mapping[int, int], maxlen: int, id_bytes: int) -> None:
    """Raise ``ArgumentError`` if a large output would consist almost entirely of padding.

    Args:
        row_lengths: For each number of ids, the number of rows with this length.
        maxlen: The length that the rows are padded to.
        id_bytes: The bytes of each id in the output, for example those of its vector.
    """
    rows = sum(row_lengths.values())
    ids = sum(length * count for length, count in row_lengths.items())
    size = rows * maxlen * id_bytes
    padding = 1 - ids / (rows * maxlen) if size else 0.0
    if size <= _MIN_PADDED_BYTES or padding <= _MAX_PADDING_SHARE:
        return
    shares = ", ".join(f"{length_quantile(row_lengths, share)} ({share:.0%})" for share in (0.5, 0.9, 0.99, 1.0))
    suggested = max(length_quantile(row_lengths, 0.99), 1)
    raise ArgumentError(
        f"padding {rows} rows to the longest, {maxlen} ids, takes {size / 1e9:.1f} GB of which {padding:.1%} is "
        f"padding; rows have up to {shares} ids: pass maxlen={suggested}, or write rows without padding"
    )
