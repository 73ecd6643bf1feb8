"""Statistics of a run."""

from __future__ import annotations

from dataclasses import dataclass

from tokemb.engine.batch_encoder import EncodedBatch
from tokemb.formats import OutputOptions
from tokemb.rows.row_count import rows_line


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
    """

    rows: int = 0
    tokens: int = 0
    unknown: int = 0
    truncated: int = 0
    maxlen: int | None = None
    layout: OutputOptions | None = None
    read: int = 0

    @property
    def shape(self) -> str:
        """The shape of the output, for example (rows, maxlen), as NumPy prints it."""
        if self.layout is None or self.layout.row_shape is None:
            return "ragged"
        return str((self.rows, *self.layout.row_shape))

    @property
    def rows_line(self) -> str:
        """The number of rows read and written, as a text."""
        return rows_line(self.read, self.rows)

    @property
    def unknown_share(self) -> float:
        """The share of tokens out of vocabulary, from 0 to 1."""
        return self.unknown / self.tokens if self.tokens else 0.0

    def add(self, batch: EncodedBatch) -> None:
        """Add the statistics of one batch."""
        self.rows += len(batch.rows)
        self.tokens += batch.tokens
        self.unknown += batch.unknown
        self.truncated += batch.truncated

    def __str__(self) -> str:
        unknown = f"{self.unknown_share:.2%} of them out of vocabulary"
        return f"{self.rows_line}, {self.tokens:,} tokens, {unknown}, {self.truncated:,} rows truncated"
