"""One walk of the kernels over rows of text, in threads."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from tokemb import kernels
from tokemb._arrays import STRINGS
from tokemb.engine.char_table import CharTable
from tokemb.engine.padded import Padded
from tokemb.engine.pretoken_cache import PretokenCache
from tokemb.kernels.structs import (
    DONE,
    LEFT_TO_REFERENCE,
    NEEDS_PAGE,
    NEEDS_PIECE,
    NOTE,
    NOTE_IN_PLACE,
    PAGES,
    PIECES_AT_ONCE,
    SLACK,
    Int64,
    Out,
    Report,
    Text,
    UInt8,
    Workspace,
)
from tokemb.rows.ragged import Ragged
from tokemb.rows.threads import parallel_map, split_rows

# Room for pieces that are met for the first time, of one thread in one walk; what does not fit waits for the next walk.
_MISSING_BYTES = 1 << 20
_MISSING_PIECES = 1 << 15

_NO_IDS = np.zeros(0, np.int32)
_UNLIMITED = np.iinfo(np.int32).max


@dataclass(frozen=True)
class ScanResult:
    """What one thread brings back: ``ids`` of ``rows``, int64 (done,), and pieces that it met and did not know."""

    rows: Int64
    ids: Ragged
    missing: pa.LargeStringArray


class RowStatus:
    """What became of each row, over several walks: ``lengths`` int64 (rows,), ``status`` uint8 (rows,)."""

    def __init__(self, rows: int) -> None:
        self.lengths = np.zeros(rows, np.int64)
        self.status = np.zeros(rows, np.uint8)
        self.wanted = np.zeros(PAGES, np.uint8)

    def learn_pages(self, code_points: CharTable) -> None:
        """Ask about the characters that were wanted."""
        code_points.query_tokenizers(np.flatnonzero(self.wanted).tolist())
        self.wanted[:] = 0

    @property
    def to_do(self) -> Int64:
        """The rows that need another walk."""
        return np.flatnonzero((self.status == NEEDS_PAGE) | (self.status == NEEDS_PIECE))

    @property
    def left_to_reference(self) -> Int64:
        """The rows that no walk can do."""
        return np.flatnonzero(self.status == LEFT_TO_REFERENCE)


def scan(
    code_points: CharTable,
    known: PretokenCache,
    unknown: int,
    text: Text,
    rows: Int64,
    progress: RowStatus,
    threads: int,
    padded: Padded | None = None,
) -> list[ScanResult]:
    """Scan the texts ``rows``, int64 (scanned,), ascending; ``known`` and ``unknown`` are as in ``kernels.scan``.

    With ``padded`` the ids go there, otherwise they come back.
    """
    table, growth = code_points.table, code_points.growth
    characters = known.of_characters(table)
    sizes = text.offsets[rows + 1] - text.offsets[rows]
    splits = np.concatenate([np.zeros(1, np.int64), np.cumsum(sizes)])

    def part(first: int, last: int) -> ScanResult:
        mine = rows[first:last]
        longest = growth * int(sizes[first:last].max())
        # What is never touched costs no memory.
        workspace = Workspace(
            np.empty(longest + SLACK, np.uint8),
            np.empty(PIECES_AT_ONCE, np.int32),
            np.empty(PIECES_AT_ONCE, np.int32),
            np.empty(2 * PIECES_AT_ONCE, np.uint64),
            np.empty(PIECES_AT_ONCE, np.uint64),
        )
        out = _out(padded, growth * known.density * int(splits[last] - splits[first]))
        noting = unknown in (NOTE, NOTE_IN_PLACE)
        missing = np.empty(max(longest, _MISSING_BYTES) if noting else 0, np.uint8)
        missing_splits = np.zeros(_MISSING_PIECES if noting else 1, np.int64)
        report = Report(progress.lengths, progress.status, progress.wanted, missing, missing_splits)
        noted = kernels.scan(table, characters, known.pieces, known.ids, unknown, text, mine, workspace, out, report)
        if padded is None:
            mine = mine[progress.status[mine] == DONE]
            lengths = progress.lengths[mine]
            ids = Ragged.from_lengths(out.ids[: int(lengths.sum())], lengths)
        else:
            ids = Ragged.from_lengths(_NO_IDS, np.zeros(0, np.int64))
        return ScanResult(mine, ids, _strings(noted, missing, missing_splits))

    return parallel_map(part, split_rows(splits, threads))


def merge_results(walks: list[ScanResult], lengths: Int64) -> Ragged:
    """The ids of all rows, in order; ``lengths``: int64 (rows,)."""
    values = [walked.ids.values for walked in walks]
    order = np.concatenate([np.zeros(0, np.int64), *(walked.rows for walked in walks)])
    if np.all(order[:-1] < order[1:]):
        return Ragged.from_lengths(values[0] if len(values) == 1 else np.concatenate([_NO_IDS, *values]), lengths)
    whole = Ragged.from_lengths(np.empty(int(lengths.sum()), np.int32), lengths)
    for walked in walks:
        kernels.place(walked.ids.values, walked.ids.row_splits, walked.rows, whole.values, whole.row_splits)
    return whole


def _out(padded: Padded | None, most: int) -> Out:
    if padded is None:
        return Out(np.empty(most, np.int32), 0, _UNLIMITED, _NO_IDS, _NO_IDS, 0, -1)
    return Out(
        padded.ids.reshape(-1),
        padded.ids.shape[1],
        padded.room,
        padded.before,
        padded.after,
        padded.pad_id,
        padded.dropped,
    )


def _strings(count: int, data: UInt8, splits: Int64) -> pa.LargeStringArray:
    return pa.Array.from_buffers(STRINGS, count, [None, pa.py_buffer(splits[: count + 1]), pa.py_buffer(data)])
