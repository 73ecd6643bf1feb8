"""Statistics of a run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tokemb.rows.ragged import Ragged
from tokemb.rows.row_count import rows_line

if TYPE_CHECKING:
    from tokemb.engine.batch_encoder import EncodedBatch
    from tokemb.formats import OutputOptions
    from tokemb.rows.table_rows import TableRows
    from tokemb.vocabulary.vocabulary import Vocabulary


@dataclass
class EncodingReport:
    """Statistics of the texts of a run.

    Attributes:
        rows: The number of rows that were encoded and written in this run.
        tokens: The number of tokens before truncation.
        unknown: The number of these tokens that were out of vocabulary.
        truncated: The number of rows that lost tokens.
        maxlen: The length of the rows, ``None`` if they are not padded.
        layout: The layout of the output.
        read: The number of rows read, including rows of shards that an earlier run wrote.
        is_hashed: Whether all tokens are hashed, so that no vocabulary decides which ones are unknown.
        packed_ids: The number of ids of the packed rows, without padding. ``None`` if each row is one text.
        targets: Statistics of the target texts. ``None`` if there are none.
    """

    rows: int = 0
    tokens: int = 0
    unknown: int = 0
    truncated: int = 0
    maxlen: int | None = None
    layout: OutputOptions | None = None
    read: int = 0
    is_hashed: bool = False
    packed_ids: int | None = None
    targets: EncodingReport | None = None

    @property
    def shape(self) -> str:
        """The shape of the output, for example (rows, maxlen), as NumPy prints it."""
        if self.layout is not None and self.layout.table:
            return ", ".join(f"{name} {shape}" for name, shape in _shapes(self.layout, self.rows).items())
        if self.layout is None or self.layout.row_shape is None:
            return "ragged"
        return str((self.rows, *self.layout.row_shape))

    @property
    def rows_line(self) -> str:
        """The number of rows read and written, as a text."""
        return rows_line(self.read, self.rows)

    @property
    def tokens_line(self) -> str:
        """The numbers of tokens and of truncated rows, as a text."""
        unknown = "all of them hashed" if self.is_hashed else f"{self.unknown_share:.2%} of them out of vocabulary"
        return f"{self.tokens:,} tokens, {unknown}, {self.truncated:,} rows truncated"

    @property
    def unknown_share(self) -> float:
        """The share of tokens out of vocabulary, from 0 to 1."""
        return self.unknown / self.tokens if self.tokens else 0.0

    @property
    def padding_share(self) -> float | None:
        """The share of packed rows that is padding, from 0 to 1. ``None`` if each row is one text."""
        if self.packed_ids is None:
            return None
        size = self.rows * (self.maxlen or 0)
        return 1 - self.packed_ids / size if size else 0.0

    def add(self, batch: EncodedBatch) -> None:
        """Add the statistics of one batch."""
        self.rows += len(batch.rows)
        self.tokens += batch.tokens
        self.unknown += batch.unknown
        self.truncated += batch.truncated

    def __str__(self) -> str:
        packed = "" if self.padding_share is None else f", {self.padding_share:.2%} of the packed rows are padding"
        targets = "" if self.targets is None else f"; targets: {self.targets.tokens_line}"
        return f"{self.rows_line}, {self.tokens_line}{packed}{targets}"


class TableReport:
    """Statistics of an encoded table.

    Attributes:
        rows: The number of rows that this run encoded and wrote.
        read: The number of rows read, which is larger if they were grouped, or if shards were complete before.
        values: The number of values of each column, without padding. Values of lists are counted before truncation,
            and ids of texts after it.
        unknown: The number of these values that are out of vocabulary. Columns that are hashed are left out.
        layout: The options of the output. ``None`` if nothing was written.
    """

    def __init__(self, vocabularies: Mapping[str, Vocabulary], numbers: Sequence[str] = ()) -> None:
        """Initialize the statistics of no rows.

        Args:
            vocabularies: The vocabulary of each column by its name.
            numbers: The names of the columns of numbers.
        """
        self._numbers = tuple(numbers)
        self.rows = self.read = 0
        self.values = dict.fromkeys(vocabularies, 0)
        self._oov_ids = {name: each.oov_ids for name, each in vocabularies.items() if not each.is_hashed}
        self.unknown = dict.fromkeys(self._oov_ids, 0)
        self.layout: OutputOptions | None = None

    @property
    def shapes(self) -> dict[str, str]:
        """The shape of the array of each column, as NumPy prints it."""
        return {} if self.layout is None else _shapes(self.layout, self.rows)

    @property
    def shape(self) -> str:
        """The shapes of all columns with their names."""
        shapes = [f"{name} {shape}" for name, shape in self.shapes.items()]
        return ", ".join([*shapes, *(f"float32 {name} ({self.rows},)" for name in self._numbers)])

    def add(self, rows: TableRows) -> None:
        """Add the ids of a batch."""
        self.rows += len(rows)
        for name, ids in rows.columns.items():
            numbers = ids.values if isinstance(ids, Ragged) else ids
            self.values[name] += len(numbers)
            if name in self.unknown:
                oov_ids = self._oov_ids[name]
                self.unknown[name] += int(np.count_nonzero((numbers >= oov_ids.start) & (numbers < oov_ids.stop)))

    def __str__(self) -> str:
        unknown = ", ".join(f"{name} {count / max(self.values[name], 1):.2%}" for name, count in self.unknown.items())
        values = f"out of vocabulary: {unknown}" if unknown else "all values are hashed"
        return f"{rows_line(self.read, self.rows)}; {values}"


def _shapes(layout: OutputOptions, rows: int) -> dict[str, str]:
    """Return the shape of the array of each column, as NumPy prints it."""
    return {
        column.name: "ragged" if column.row_shape is None else str((rows, *column.row_shape))
        for column in layout.columns
    }
