"""A corpus as chunks of rows of ids, in constant memory. The length of the rows is known before the first chunk."""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pyarrow as pa

from tokemb._arrays import Array, Int32
from tokemb._validation import check_left_out
from tokemb.encoder import Encoder
from tokemb.engine import SMALL_BYTES
from tokemb.errors import ArgumentError
from tokemb.formats.shards import Chunk
from tokemb.pipeline.output import Output, rows_written
from tokemb.pipeline.report import EncodingReport
from tokemb.rows.column_names import PACKED_COLUMNS, PAIR_STARTS, TARGET_COLUMNS
from tokemb.rows.disk_buffer import DiskBuffer, check_padding
from tokemb.rows.output_size import check_length
from tokemb.rows.ragged import Ragged
from tokemb.rows.row_count import RowCount
from tokemb.rows.threads import prefetch_map
from tokemb.vocabulary.pad_truncate import PadTruncate

if TYPE_CHECKING:
    from tokemb.keras.datasets.targets import TargetRows
    from tokemb.rows.packing import PackedRows

# The rows of each column by its name, and the kept columns of these rows.
ColumnBlock = tuple[dict[str, Array | Ragged], pa.RecordBatch]

# The number of values per block.
BLOCK_SIZE = 1 << 22

# The text of a window, counted from 0, and the position of its first token in the text.
WINDOW_COLUMNS = pa.schema({"row": pa.int64(), "start": pa.int64()})
# Windows of pairs have the position in the second text, too.
PAIR_WINDOW_COLUMNS = pa.schema([(name, pa.int64()) for name in ("row", *PAIR_STARTS)])

# The number of ids of the first text of a pair, which decides the type ids. It follows the kept columns of a chunk.
_FIRST_LENGTHS = pa.schema({"first_lengths": pa.int64()})
# The ids of the target text of each row. They follow the kept columns of a chunk.
_TARGETS = pa.schema({"targets": pa.large_list(pa.int32())})
# The id of the tag of each token, at the first id of the token, and 1 there. Both are 0 at the other ids.
TAG_COLUMNS = pa.schema({name: pa.large_list(pa.int32()) for name in ("tags", "weights")})


class TagOptions(NamedTuple):
    """The tags of tokens.

    Attributes:
        column: The column of the tags.
        classes: The different tags in order, whose indices are their ids.
    """

    column: str
    classes: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class RowOptions:
    """How rows are truncated and padded, and which columns are kept.

    Attributes:
        shape: Truncation and padding.
        keep: The names of the columns to keep beside the rows.
        ragged: Whether rows are truncated only.
        id_bytes: The bytes in the output for each id of a padded row, for example those of its vector.
        overlap: The number of tokens that neighbouring rows of a long text share. ``None`` truncates texts.
        pairs: Whether the corpus has two columns of texts, which are encoded as pairs.
        by_row: Whether the windows of a text are pooled, so that the output has no columns that describe windows.
        tags: The tags of the tokens. ``None`` if they have none.
        pack: Whether rows are filled with several texts.
        targets: How the second of two columns of texts, the target texts, become rows. ``None`` if there are none.
    """

    shape: PadTruncate
    keep: tuple[str, ...] = ()
    ragged: bool = False
    id_bytes: int = 4
    overlap: int | None = None
    pairs: bool = False
    by_row: bool = False
    tags: TagOptions | None = None
    pack: bool = False
    targets: TargetRows | None = None

    @classmethod
    def of(
        cls,
        encoder: Encoder,
        keep: tuple[str, ...],
        *,
        maxlen: int | None,
        padding: str | None,
        truncating: str | None,
        overlap: int | None,
        pairs: bool = False,
        pair_truncation: str | None = None,
        ragged: bool = False,
        tags: TagOptions | None = None,
        pack: bool = False,
        targets: TargetRows | None = None,
    ) -> RowOptions:
        """Return the options for the arguments of ``tokemb.encode_file``.

        Raises:
            ArgumentError: If an argument is invalid, or has no effect together with another one.
        """
        shape = encoder.row_shape(
            maxlen,
            padding,
            truncating,
            overlap=overlap,
            is_pair=pairs,
            pair_truncation=pair_truncation,
            pairs_by="two columns",
        )
        options = cls(shape, keep, ragged, overlap=overlap, pairs=pairs, tags=tags, pack=pack, targets=targets)
        options.check_packed()
        options.check_targets()
        return options

    @property
    def settings(self) -> dict[str, Any]:
        """The settings that decide the rows, as JSON values."""
        shape, windows = asdict(self.shape), {} if self.overlap is None else {"overlap": self.overlap}
        if not self.pairs:
            del shape["pair_truncation"]
        tags = {} if self.tags is None else {"tags": self.tags.column, "classes": list(self.tags.classes)}
        others: dict[str, Any] = {"pack": True} if self.pack else {}
        if self.targets is not None:
            others["targets"] = self.targets.settings
        return {**shape, "keep": list(self.keep), "ragged": self.ragged, **windows, **tags, **others}

    @property
    def added_columns(self) -> pa.Schema:
        """The columns that are made for each row beside its ids."""
        if self.tags is not None:
            return TAG_COLUMNS
        if self.overlap is None:
            return pa.schema([])
        return PAIR_WINDOW_COLUMNS if self.pairs else WINDOW_COLUMNS

    def check_columns(self) -> None:
        """Check that the columns that are made for each row have names of their own.

        Raises:
            ArgumentError: If a kept column has one of the names, or rows have tags and are split into windows.
        """
        if self.tags is not None and self.overlap is not None:
            raise ArgumentError("overlap must be left out with tags, whose rows are truncated")
        added = (
            [] if self.by_row else [*self.added_columns.names, *(("ids", "pad_id") if self.tags is not None else ())]
        )
        if names := [name for name in self.keep if name in added]:
            made_by = "overlap writes" if self.tags is None else "is written beside the tags"
            made_by += " for each row" if self.tags is None else ""
            raise ArgumentError(f"keep must not contain {names[0]!r}, which {made_by}: rename that column")

    def check_packed(self) -> None:
        """Check that rows can be packed, if they should be.

        Raises:
            ArgumentError: If they have no common length, or values of each text are written beside the ids.
        """
        if not self.pack:
            return
        if self.pairs:
            raise ArgumentError("pack must be left out for pairs of texts: pass one column")
        why = "with pack=True, which makes one row of several texts"
        check_left_out(why, keep=self.keep, tags=self.tags, ragged=self.ragged)
        _ = self.shape.packed_length

    def check_targets(self) -> None:
        """Check that rows can have target texts, if there are some.

        Raises:
            ArgumentError: If rows are not single texts.
        """
        if self.targets is None:
            return
        why = "with targets=...: each row is one text with its target"
        check_left_out(why, overlap=self.overlap, tags=self.tags, pack=self.pack)

    @property
    def has_one_length(self) -> bool:
        """Whether the length of padded rows does not depend on the corpus."""
        return self.shape.fixed_length is not None and (self.targets is None or self.targets.maxlen is not None)

    @property
    def is_row_per_text(self) -> bool:
        """Whether there is one row for each text, so that rows that were written can be skipped before encoding."""
        return not self.pack and (self.overlap is None or self.by_row)

    def check_one_length(self) -> None:
        """Check that the length of rows does not depend on the corpus, so that several files have the same shape.

        Raises:
            ArgumentError: If it depends on the corpus.
        """
        if not self.ragged and not self.has_one_length:
            name = "maxlen" if self.shape.fixed_length is None else "target_maxlen"
            raise ArgumentError(
                f"rows in several files must have one length: pass it as {name}=..., or write rows without padding"
            )


class EncodedStream:
    """A corpus, the batches of ``tokemb.read_corpus``, that is encoded as rows of ids.

    Attributes:
        kept: The schema of the kept columns.
        report: Statistics of the texts so far.
    """

    def __init__(
        self,
        encoder: Encoder,
        corpus: Iterator[pa.RecordBatch],
        row_options: RowOptions,
        threads: int | None,
        first_row: int = 0,
    ) -> None:
        """Read the first batch, which contains the types of the columns.

        Args:
            encoder: The vocabulary.
            corpus: The batches.
            row_options: Truncation, padding and kept columns.
            threads: The number of threads.
            first_row: The number of the first row.

        Raises:
            ArgumentError: If rows are padded and the vocabulary has no padding id.
        """
        if not row_options.ragged:
            encoder.require_pad_id()
        row_options.check_columns()
        self._encoder, self._row_options, self._threads = encoder, row_options, threads
        first = next(corpus)
        self.kept = first.select(list(row_options.keep)).schema
        self._texts = first_row
        self._packed_rows = 0
        added = row_options.added_columns
        further = _FIRST_LENGTHS if row_options.pairs else () if row_options.targets is None else _TARGETS
        self._chunk_schema = pa.schema([*self.kept, *added, *further])
        if not (row_options.by_row or row_options.pack):
            self.kept = pa.schema([*self.kept, *added])
        self.report = EncodingReport(is_hashed=encoder.is_hashed)
        if row_options.targets is not None:
            self.report.targets = EncodingReport(is_hashed=row_options.targets.encoder.is_hashed)
        self._target_lengths: Counter[int] = Counter()
        self._corpus = chain([first], corpus)

    @contextmanager
    def chunks(self, output: Output) -> Iterator[Iterator[Chunk[Ragged]]]:
        """Return the chunks of rows once ``report.maxlen`` is known. Each is encoded while the previous one is written.

        The corpus is read in the calling thread, so that waiting for data from a pipe can be interrupted. If the
        longest row decides the length of all, the rows are buffered on disk beside ``output``.

        Raises:
            ArgumentError: If almost all of a large output would be padding.
        """
        shape, report = self._row_options.shape, self.report
        with closing(self._encoded_chunks()) as chunks:
            if self._row_options.ragged:
                yield chunks
            elif self._row_options.has_one_length:
                report.maxlen = shape.fixed_length
                self._set_target_length()
                yield chunks if self._row_options.pack else self._check_first_length(chunks, report.maxlen or 0)
            else:
                with DiskBuffer(
                    output if isinstance(output, Path) else _for_standard_output(), self._chunk_schema
                ) as buffer:
                    for rows, kept_columns in chunks:
                        buffer.append(rows, kept_columns)
                    report.maxlen = shape.padded_length(buffer.longest)
                    check_padding(buffer.row_lengths, report.maxlen, self._row_options.id_bytes)
                    self._set_target_length()
                    yield buffer.blocks()

    def _encoded_chunks(self) -> Generator[Chunk[Ragged], None, None]:
        """Yield the encoded batches. A thread encodes them while the next ones are read."""
        first = next(self._corpus)
        if first.nbytes < SMALL_BYTES:  # encoding a small corpus takes less time than starting a thread
            yield self._encode_batch(first)
            first = next(self._corpus, None)
            if first is None:
                return
        batches = chain([first], self._corpus)
        del first  # otherwise it takes memory until the end
        yield from prefetch_map(self._encode_batch, batches)

    def _set_target_length(self) -> None:
        """Set the length of target rows in the report, if there are some, once all rows or ``maxlen`` are known.

        Raises:
            ArgumentError: If almost all of a large output would be padding.
        """
        targets, report = self._row_options.targets, self.report.targets
        if targets is None or report is None:
            return
        report.maxlen = targets.maxlen
        if report.maxlen is None:
            report.maxlen = max(self._target_lengths, default=0)
            check_padding(self._target_lengths, report.maxlen, len(TARGET_COLUMNS) * self._row_options.id_bytes)

    def skip_rows(self, chunks: Iterator[Chunk[Any]], output: Output, count: RowCount) -> Iterator[Chunk[Any]]:
        """Yield ``chunks`` without the rows that an earlier run has written to ``output``.

        Args:
            chunks: The chunks.
            output: The output.
            count: Counts all rows.
        """
        written = rows_written(output)
        for rows, kept_columns in chunks:
            skipped = min(max(written - count.rows, 0), len(rows))
            count.rows += len(rows)
            self.report.rows -= skipped
            yield rows.slice(skipped, len(rows)), kept_columns.slice(skipped)

    def packed(self, chunks: Iterator[Chunk[Ragged]]) -> Iterator[Chunk[PackedRows]]:
        """Yield rows that are filled with the texts of ``chunks``, without kept columns.

        Raises:
            ArgumentError: If almost all of a large output would be padding.
        """
        from tokemb.rows.packing import pack_pools  # imported late: most rows hold one text

        maxlen, count, packed_texts = self._row_options.shape.packed_length, RowCount(), 0

        def texts() -> Iterator[Ragged]:
            for rows, _ in chunks:
                count.rows += int(np.count_nonzero(rows.lengths))
                yield rows

        no_columns = pa.RecordBatch.from_arrays([], schema=pa.schema([]))
        for packed in pack_pools(texts(), maxlen, self._threads):
            check_length(packed.rows, maxlen, len(PACKED_COLUMNS) * self._row_options.id_bytes)
            packed_texts += len(packed.texts)
            yield packed, no_columns
        count.check(packed_texts, "packed")
        self.report.rows = self._packed_rows

    def packed_blocks(self, chunk: Chunk[PackedRows]) -> Iterator[ColumnBlock]:
        """Yield the arrays of ``PACKED_COLUMNS`` of packed rows in blocks."""
        packed, no_columns = chunk
        shape, pad_id = self._row_options.shape, self._encoder.require_pad_id()
        step = max(BLOCK_SIZE // max(shape.packed_length, 1), 1)
        for start in range(0, len(packed), step):
            block = packed.slice(start, min(start + step, len(packed)))
            self._packed_rows += len(block)
            self.report.packed_ids = (self.report.packed_ids or 0) + len(block.rows.values)
            arrays = block.padded(shape.packed_length, pad_id, shape.padding)
            yield dict(zip(PACKED_COLUMNS, arrays, strict=True)), no_columns

    def padded(self, rows: Ragged, row_size: int | None = None) -> Iterator[Int32]:
        """Pad rows in blocks.

        Args:
            rows: The rows.
            row_size: The number of values per row in the output, by default ``maxlen``. It decides the size of a block.

        Yields:
            int32 (rows, maxlen).
        """
        maxlen, pad_id = self.report.maxlen or 0, self._encoder.require_pad_id()
        step = max(BLOCK_SIZE // max(row_size or maxlen, 1), 1)
        for start in range(0, len(rows), step):
            yield self._row_options.shape.pad(rows.slice(start, min(start + step, len(rows))), pad_id, maxlen)

    def pad(self, values: Ragged) -> Int32:
        """Pad a value for each id of some rows, such as its tag, with 0. Return int32 (rows, maxlen)."""
        return self._row_options.shape.pad(values, 0, self.report.maxlen or 0)

    def _check_first_length(self, chunks: Iterator[Chunk[Ragged]], maxlen: int) -> Iterator[Chunk[Ragged]]:
        """Yield ``chunks``. Check that ``maxlen`` is plausible for the first of them.

        Raises:
            ArgumentError: If it is not.
        """
        for index, chunk in enumerate(chunks):
            if not index:
                check_length(chunk[0], maxlen, self._row_options.id_bytes)
                if self.report.targets is not None:
                    targets, id_bytes = ragged_of(chunk[1].columns[-1]), self._row_options.id_bytes
                    target_maxlen, arrays = self.report.targets.maxlen or 0, len(TARGET_COLUMNS)
                    check_length(targets, target_maxlen, arrays * id_bytes, "target_maxlen")
            yield chunk

    def _encode_batch(self, batch: pa.RecordBatch) -> Chunk[Ragged]:
        if self._row_options.pairs:
            return self._encode_pairs(batch)
        if self._row_options.overlap is not None:
            return self._encode_windows(batch, self._row_options.overlap)
        if self._row_options.tags is not None:
            return self._encode_tags(batch, self._row_options.tags)
        if self._row_options.targets is not None:
            return self._encode_targets(batch, self._row_options.targets)
        encoded = self._encoder.encode_column(batch.column(0), self._row_options.shape, self._threads)
        self.report.add(encoded)
        return encoded.rows, batch.select(list(self._row_options.keep))

    def _encode_windows(self, batch: pa.RecordBatch, overlap: int) -> Chunk[Ragged]:
        """Encode a batch. The kept columns are repeated for each window of a text."""
        encoded, row, start = self._encoder.encode_column_windows(
            batch.column(0), self._row_options.shape, overlap, self._threads
        )
        self.report.add(encoded)
        kept = batch.select(list(self._row_options.keep)).take(pa.array(row))
        columns = [*kept.columns, pa.array(row + self._texts), pa.array(start)]
        self._texts += len(batch)
        return encoded.rows, pa.RecordBatch.from_arrays(columns, schema=self._chunk_schema)

    def _encode_pairs(self, batch: pa.RecordBatch) -> Chunk[Ragged]:
        """Encode a batch whose first two columns are texts. The lengths of the first texts follow the kept columns."""
        first, second, options = batch.column(0), batch.column(1), self._row_options
        kept, added = batch.select(list(options.keep)), []
        if options.overlap is None:
            encoded, first_lengths = self._encoder.encode_column_pairs(
                first, second, options.shape, self._texts, self._threads
            )
        else:
            encoded, first_lengths, places = self._encoder.encode_column_pair_windows(
                first, second, options.shape, options.overlap, self._texts, self._threads
            )
            kept = kept.take(pa.array(places.row))
            added = [places.row + self._texts, places.start, places.second_start]
        self.report.add(encoded)
        self._texts += len(batch)
        columns = [*kept.columns, *map(pa.array, [*added, first_lengths])]
        return encoded.rows, pa.RecordBatch.from_arrays(columns, schema=self._chunk_schema)

    def pair_blocks(self, chunk: Chunk[Ragged]) -> Iterator[ColumnBlock]:
        """Yield the columns of ``PAIR_COLUMNS`` of a chunk of pairs, and its kept columns, in blocks.

        Without padding, the only block has no attention mask.
        """
        rows, columns = chunk
        kept = columns.select(list(range(len(self.kept))))
        first_lengths, lengths = columns.column(len(self.kept)).to_numpy(), rows.lengths
        template = self._encoder.pair_template
        if self._row_options.ragged:
            yield {"ids": rows, "type_ids": template.type_ids(rows, first_lengths, self._threads)}, kept
            return
        start, fill_first = 0, self._row_options.shape.padding == "pre"
        for ids in self.padded(rows):
            part = slice(start, start + len(ids))
            masks = template.padded_masks(
                first_lengths[part], lengths[part], ids.shape[1], fill_first=fill_first, threads=self._threads
            )
            mask = masks.attention_mask.view(np.uint8)  # files have 0 and 1 of the dtype of the ids
            yield {"ids": ids, "type_ids": masks.type_ids, "attention_mask": mask}, kept.slice(start, len(ids))
            start += len(ids)

    def _encode_targets(self, batch: pa.RecordBatch, targets: TargetRows) -> Chunk[Ragged]:
        """Encode a batch whose first two columns are texts and target texts, whose ids follow the kept columns."""
        encoded = self._encoder.encode_column(batch.column(0), self._row_options.shape, self._threads)
        target = targets.encoder.encode_column(batch.column(1), targets.shape, self._threads)
        self.report.add(encoded)
        if self.report.targets is not None:
            self.report.targets.add(target)
        lengths, counts = np.unique(target.rows.lengths - 1, return_counts=True)
        self._target_lengths.update(dict(zip(lengths.tolist(), counts.tolist(), strict=True)))
        kept = batch.select(list(self._row_options.keep))
        lists = pa.LargeListArray.from_arrays(target.rows.row_splits, target.rows.values)
        return encoded.rows, pa.RecordBatch.from_arrays([*kept.columns, lists], schema=self._chunk_schema)

    def target_blocks(self, chunk: Chunk[Ragged], target_rows: TargetRows) -> Iterator[ColumnBlock]:
        """Yield the ids and the columns of ``TARGET_COLUMNS`` of a chunk, and its kept columns, in blocks.

        Without padding, the only block has no weights.
        """
        rows, columns = chunk
        kept, targets = columns.select(list(range(len(self.kept)))), ragged_of(columns.column(len(self.kept)))
        if self._row_options.ragged:
            from tokemb.keras.datasets.targets import shifted_rows  # imported late: most corpora have no targets

            decoder_ids, next_ids = shifted_rows(targets)
            yield {"ids": rows, "decoder_ids": decoder_ids, "next_ids": next_ids}, kept
            return
        maxlen, start = (self.report.targets and self.report.targets.maxlen) or 0, 0
        for ids in self.padded(rows, (self.report.maxlen or 0) + len(TARGET_COLUMNS) * maxlen):
            arrays = target_rows.shifted(targets, np.arange(start, start + len(ids)), maxlen)
            weights = arrays.weights.astype(np.uint8)  # files have 0 and 1 of the dtype of the ids
            yield {"ids": ids, **arrays._asdict(), "weights": weights}, kept.slice(start, len(ids))
            start += len(ids)

    def _encode_tags(self, batch: pa.RecordBatch, tags: TagOptions) -> Chunk[Ragged]:
        """Encode a batch of tokens and tags."""
        from tokemb.keras.datasets.tags import class_ids, place_tags  # imported late: most corpora have no tags

        targets = class_ids(batch[tags.column], tags.classes)
        encoded, words = self._encoder.encode_column_words(batch.column(0), self._row_options.shape, self._threads)
        self.report.add(encoded)
        lists = [pa.LargeListArray.from_arrays(rows.row_splits, rows.values) for rows in place_tags(words, targets)]
        kept = batch.select(list(self._row_options.keep))
        return encoded.rows, pa.RecordBatch.from_arrays([*kept.columns, *lists], schema=self.kept)


def ragged_of(lists: pa.LargeListArray) -> Ragged:
    """Return a column of lists of int32 without nulls as rows. Nothing is copied."""
    splits = lists.offsets.to_numpy()
    return Ragged(lists.values.to_numpy()[splits[0] : splits[-1]], splits - splits[0])


def _for_standard_output() -> Path:
    """Return a path beside which rows are buffered if the output has no folder."""
    import tempfile  # other outputs do not need it

    return Path(tempfile.gettempdir(), "standard-output")
