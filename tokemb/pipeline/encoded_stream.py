"""A corpus as rows of ids, in constant memory, with the length of the rows known before the first is given."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import pyarrow as pa

from tokemb._arrays import Int32
from tokemb.encoder import Encoder
from tokemb.errors import ArgumentError
from tokemb.formats.shards import Chunk
from tokemb.pipeline.output import Output
from tokemb.pipeline.report import EncodingReport
from tokemb.rows.disk_buffer import DiskBuffer, check_padding
from tokemb.rows.output_size import check_length
from tokemb.rows.ragged import Ragged
from tokemb.rows.threads import prefetch_map
from tokemb.vocabulary.pad_truncate import PadTruncate

# Numbers that are made at a time.
BLOCK = 1 << 22


@dataclass(frozen=True)
class RowOptions:
    """How rows are to be: cut and padded as ``shape`` says, or if ``ragged`` only cut; ``keep``: columns beside them.

    ``id_bytes``: what each id of a padded row takes in the output, its vector for instance.
    """

    shape: PadTruncate
    keep: tuple[str, ...] = ()
    ragged: bool = False
    id_bytes: int = 4

    @property
    def settings(self) -> dict[str, Any]:
        """What decides how rows are, as JSON has it."""
        return {**asdict(self.shape), "keep": list(self.keep), "ragged": self.ragged}

    def check_one_length(self) -> None:
        """Raise ``ArgumentError`` if the length of rows depends on the corpus: then files cannot be written apart."""
        if not self.ragged and self.shape.fixed_length is None:
            raise ArgumentError(
                "rows in several files must have one length: pass it as maxlen=..., or write rows without padding"
            )


class EncodedStream:
    """A corpus, as ``tokemb.read_corpus`` gives it, that becomes rows of ids.

    ``kept``: the schema of the kept columns. ``report``: what became of the texts, so far.
    """

    def __init__(
        self, encoder: Encoder, corpus: Iterator[pa.RecordBatch], form: RowOptions, threads: int | None
    ) -> None:
        """Read the first batch, which tells the types of the columns.

        Raises ``ArgumentError`` if rows are to be padded and there is no id for that.
        """
        if not form.ragged:
            encoder.require_pad_id()
        self._encoder, self._form, self._threads = encoder, form, threads
        first = next(corpus)
        self.kept = first.select(list(form.keep)).schema
        self.report = EncodingReport()
        self._corpus = chain([first], corpus)

    @contextmanager
    def pieces(self, output: Output) -> Iterator[Iterator[Chunk[Ragged]]]:
        """Give the rows, once ``report.maxlen`` is known; they are encoded while those before are being written.

        The corpus is read here and not in a thread: what waits for more on a pipe can be interrupted.

        Where only the longest row says how long all are, they wait on disk beside ``output``.
        Raises ``ArgumentError`` if next to all of a large output would be padding.
        """
        shape, report = self._form.shape, self.report
        with closing(prefetch_map(self._encode_batch, self._corpus)) as pieces:
            if self._form.ragged:
                yield pieces
            elif shape.fixed_length is not None:
                report.maxlen = shape.fixed_length
                yield self._checked(pieces, shape.fixed_length)
            else:
                with DiskBuffer(output if isinstance(output, Path) else _for_standard_output(), self.kept) as spool:
                    for rows, kept in pieces:
                        spool.append(rows, kept)
                    report.maxlen = shape.padded_length(spool.longest)
                    check_padding(spool.row_lengths, report.maxlen, self._form.id_bytes)
                    yield spool.blocks()

    def padded(self, rows: Ragged, row_size: int | None = None) -> Iterator[Int32]:
        """``rows`` as int32 (rows, maxlen), some at a time: a row is ``row_size`` numbers where it goes, or its ids."""
        maxlen, pad_id = self.report.maxlen or 0, self._encoder.require_pad_id()
        step = max(BLOCK // max(row_size or maxlen, 1), 1)
        for start in range(0, len(rows), step):
            yield self._form.shape.pad(rows.slice(start, min(start + step, len(rows))), pad_id, maxlen)

    def _checked(self, pieces: Iterator[Chunk[Ragged]], maxlen: int) -> Iterator[Chunk[Ragged]]:
        """Give ``pieces`` on. Raise ``ArgumentError`` if ``maxlen`` is absurd for the first of them."""
        for number, piece in enumerate(pieces):
            if not number:
                check_length(piece[0], maxlen, self._form.id_bytes)
            yield piece

    def _encode_batch(self, batch: pa.RecordBatch) -> Chunk[Ragged]:
        encoded = self._encoder.encode_column(batch.column(0), self._form.shape, self._threads)
        self.report.add(encoded)
        return encoded.rows, batch.select(list(self._form.keep))


def _for_standard_output() -> Path:
    """A file beside which rows may wait, where the output has no folder."""
    import tempfile  # here, so that other outputs do not wait for it

    return Path(tempfile.gettempdir(), "standard-output")
