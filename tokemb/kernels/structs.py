"""What goes into the kernels and comes out: the arrays, and the numbers in them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

UInt8 = npt.NDArray[np.uint8]
UInt64 = npt.NDArray[np.uint64]
Int32 = npt.NDArray[np.int32]
Int64 = npt.NDArray[np.int64]
Float32 = npt.NDArray[np.float32]

# The number of bytes that are processed at once.
WIDTH = 64

# Characters are looked up in pages of 256.
PAGE = 256
PAGES = 0x110000 // PAGE

# The class of a character is one byte of flags and a run number. KEPT: the character is part of a pre-token. ALONE: the
# character is a pre-token of its own. The RUN_BITS number the runs: two neighbours with the same number are in one
# pre-token. JOINS: the character is part of a pre-token between two characters of its run, and separates otherwise.
# Without flags, the character separates.
KEPT, ALONE, JOINS = 0x01, 0x02, 0x40
RUN_SHIFT, RUN_BITS = 2, 0x3C
# Values in place of a class. TAIL: a byte that continues a character. SPECIAL: in the ranges, a byte that does not become
# exactly one byte.
TAIL = SPECIAL = 0x80
MAX_RUNS = (RUN_BITS >> RUN_SHIFT) + 1
# The maximum number of characters that the normalizer makes of one. The kernels have room for as many pre-tokens.
MAX_CHARACTERS = 32

# Flags of a character. NEEDS_REFERENCE: the reference must encode a row with it. BEGINS_TOKEN: an added token begins
# with it.
NEEDS_REFERENCE, BEGINS_TOKEN = 0x01, 0x02

# The status of a row after a scan. NEEDS_PAGE and NEEDS_PRETOKEN: it must be scanned again with a larger table.
DONE, NEEDS_PAGE, NEEDS_PRETOKEN, LEFT_TO_REFERENCE = 0, 1, 2, 3

# The pre-tokens and the bytes of normalized text in one chunk. Both stay in the processor's cache.
CHUNK = 2048
# One step may exceed CHUNK by the pre-tokens of WIDTH bytes, four scratch entries and the pre-tokens of one character.
MAX_PRETOKENS = CHUNK + WIDTH + 4 + MAX_CHARACTERS
CHUNK_BYTES = 1 << 14

# Values of ``on_miss`` for a pre-token that is not in the table, besides an id. MISS_TO_REFERENCE: its row is left to
# the reference. RECORD_MISS: it is recorded, and its row must be scanned again. RECORD_MISS_IN_PLACE: it is recorded, and
# minus its number, counted from 1, takes the place of its id.
MISS_TO_REFERENCE, RECORD_MISS, RECORD_MISS_IN_PLACE = -1, -2, -3

# The number of bytes that may be read beyond the end of a pre-token.
SLACK = 64
# A slot has four words: two for the key, the number of the pre-token + 1 (0 if the slot is free), and the packed ids.
SLOT = 4

# NumPy sums vectors in LANES partial sums. DEPTH halvings are more than 2**31 vectors need.
LANES = 8
DEPTH = 32

# Skip-gram treats the sigmoid as 0 or 1 beyond SIGMOID_REACH. The tables have SIGMOID_POINTS values in between.
SIGMOID_REACH, SIGMOID_POINTS = 6, 1024


class Table(NamedTuple):
    """What the kernels read.

    ``ranges``: uint8 (ranges, 3), lowest byte, number of more, class: that of bytes which become one byte, themselves
    or plus 32. Those in no range separate. ``SPECIAL`` is that of all other bytes.
    ``folded``: uint8 (2,), lowest byte, number of more: the bytes plus 32.
    ``page_of``: int32 (PAGES,), the number of a page of characters, -1 if it was not asked yet.
    ``starts``: int32 (pages * PAGE + 1,), where in ``text`` and ``classes``, both uint8 (total,), stands what a
    character becomes, in UTF-8.
    ``flags``: uint8 (pages * PAGE,).
    ``tokens``, ``token_starts``: the added tokens that are looked for in the text, in UTF-8, uint8 and int32.
    ``normal_tokens``, ``normal_token_starts``: those that are looked for in the normalized text.
    """

    ranges: UInt8
    folded: UInt8
    page_of: Int32
    starts: Int32
    text: UInt8
    classes: UInt8
    flags: UInt8
    tokens: UInt8
    token_starts: Int32
    normal_tokens: UInt8
    normal_token_starts: Int32


class Text(NamedTuple):
    """Texts as Arrow has them: ``data`` uint8 (total,), ``offsets`` int64 (texts + 1,)."""

    data: UInt8
    offsets: Int64


class PretokenTable(NamedTuple):
    """Open addressing, linear probing.

    ``slots``: uint64 (slots * SLOT,), slots a power of two. The key is the bytes of a short piece and their number, or
    two hashes of a longer one. What a piece becomes is, in the upper half, a number of ids, and in the lower half the
    id if it is one, otherwise where they stand in another array.
    ``text``: uint8 (total,), the bytes of all pieces; piece ``i`` is ``text[starts[i]:starts[i + 1]]``.
    ``starts``: int64 (pieces + 1,).
    """

    slots: UInt64
    text: UInt8
    starts: Int64


class Out(NamedTuple):
    """Where ids go, and how.

    ``ids``: int32 (total,). If ``stride`` is 0 rows follow each other; otherwise it is (rows, ``stride``) laid flat,
    and gets at most ``room`` ids a row, ``before`` and ``after`` them those of special tokens, int32, and ``pad_id``.
    ``dropped``: an id that is left out, -1 for none.
    """

    ids: Int32
    stride: int
    room: int
    before: Int32
    after: Int32
    pad_id: int
    dropped_id: int


class Workspace(NamedTuple):
    """Arrays to work in, of one thread.

    ``scratch``: uint8, enough for the longest row after normalization and ``SLACK`` bytes.
    ``starts``, ``ends``: int32 (PIECES_AT_ONCE,), of pieces in ``scratch``. ``keys``: uint64 (2 * PIECES_AT_ONCE,) and
    ``places``: uint64 (PIECES_AT_ONCE,), what to look for in the hash table, and where.
    """

    scratch: UInt8
    starts: Int32
    ends: Int32
    keys: UInt64
    slot_positions: UInt64


class Report(NamedTuple):
    """What became of the rows.

    ``lengths``: int64 (rows,), the number of ids. ``status``: uint8 (rows,).
    ``wanted``: uint8 (PAGES,), set for pages of characters that were not asked yet.
    ``missing``, ``missing_splits``: uint8 and int64, the pieces that are not known.
    """

    lengths: Int64
    status: UInt8
    requested_pages: UInt8
    misses: UInt8
    miss_splits: Int64
