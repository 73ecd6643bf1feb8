"""What became of the texts of a run."""

from __future__ import annotations

from dataclasses import dataclass

from tokemb.engine.batch_encoder import EncodedBatch
from tokemb.formats import OutputOptions
from tokemb.rows.row_count import rows_line


@dataclass
class EncodingReport:
    """What became of the texts.

    ``rows``: those that were encoded and written in this run; ``read``: those that were read, also rows of shards that
    were there already. ``tokens``: all tokens of the texts, also those cut off; ``unknown``: how many of them
    were out of vocabulary;
    ``truncated``: rows that lost tokens; ``maxlen``: the length of the rows, ``None`` where they are not padded;
    ``layout``: of what was written.
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
        """The shape of what was written, (rows, maxlen) for instance, as NumPy prints it."""
        if self.layout is None or self.layout.row_shape is None:
            return "ragged"
        return str((self.rows, *self.layout.row_shape))

    @property
    def rows_line(self) -> str:
        """How many rows were read and written."""
        return rows_line(self.read, self.rows)

    @property
    def unknown_share(self) -> float:
        """The share of tokens that were out of vocabulary, from 0 to 1."""
        return self.unknown / self.tokens if self.tokens else 0.0

    def add(self, batch: EncodedBatch) -> None:
        """Count one more batch."""
        self.rows += len(batch.rows)
        self.tokens += batch.tokens
        self.unknown += batch.unknown
        self.truncated += batch.truncated

    def __str__(self) -> str:
        unknown = f"{self.unknown_share:.2%} of them out of vocabulary"
        return f"{self.rows_line}, {self.tokens:,} tokens, {unknown}, {self.truncated:,} rows truncated"
