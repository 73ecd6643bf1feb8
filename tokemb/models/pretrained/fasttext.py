"""fastText's ``.bin`` models: of the matrix, only the rows that the vocabulary needs are read.

A word's vector is the mean of its own row and those of its n-grams; a word that the model does not know has the
latter alone.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tokemb.errors import VectorsError
from tokemb.models.pretrained.pretrained_vectors import Gathered
from tokemb.models.pretrained.stream import Stream
from tokemb.models.pretrained.subword_ids import SubwordIds
from tokemb.models.pretrained.word2vec_header import check_dim
from tokemb.rows.pooling import Float32

MAGIC = struct.pack("<i", 793712314)

_VERSION = 12
_ARGUMENTS = struct.Struct("<12id")
_SUPERVISED = 3
_END_OF_SENTENCE = b"</s>"
_BLOCK = 1 << 22
_BLOCK_ROWS = 1 << 12
_AFTER_WORD = 1 + 8 + 1  # its end, a count, and whether it is a label
_LONGEST_WORD = 1 << 16
_FLOAT = np.dtype("<f4")


def looks_like_first_format(beginning: bytes) -> bool:
    """Whether these may be the settings with which models began before they had a magic number."""
    if len(beginning) < _ARGUMENTS.size:
        return False
    *numbers, threshold = _ARGUMENTS.unpack_from(beginning)
    dim, loss, model, bucket, shortest, longest = (numbers[place] for place in (0, 6, 7, 8, 9, 10))
    small = 0 < dim < 1 << 16 and 0 <= bucket and 0 <= shortest <= longest < 1 << 10
    return small and loss in (1, 2, 3) and model in (1, 2, 3) and 0 < threshold < 1


@dataclass
class _Reader:
    stream: Stream

    def bytes(self, size: int) -> bytes:
        content = self.stream.read(size)
        if len(content) < size:
            raise VectorsError(f"{self.stream.name} is cut: the fastText model ends early; get it whole")
        return content

    def numbers(self, form: str) -> tuple[int, ...]:
        return struct.unpack("<" + form, self.bytes(struct.calcsize("<" + form)))


def read_fasttext(stream: Stream, gathered: Gathered) -> tuple[int, int]:
    """Gather from a model; give the number of its words, and the size of a vector.

    Raises ``VectorsError`` for a model that is quantised, newer, cut or broken.
    """
    reader = _Reader(stream)
    versioned = stream.peek(len(MAGIC)) == MAGIC
    version = reader.numbers("2i")[1] if versioned else 0
    if version > _VERSION:
        raise VectorsError(f"{stream.name} is a fastText model of version {version}; up to {_VERSION} are read")
    dim, _, _, _, _, _, _, model, buckets, shortest, longest, _ = _ARGUMENTS.unpack(reader.bytes(_ARGUMENTS.size))[:12]
    check_dim(stream.name, dim)
    if version <= 11 and versioned and model == _SUPERVISED:
        longest = 0  # such models had no n-grams of characters, whatever they say
    entries, words, _, _, pruned = reader.numbers("3iqq") if versioned else (*reader.numbers("3iq"), -1)
    if not 0 <= words <= entries or buckets < 0 or shortest < 0:
        raise VectorsError(f"{stream.name} is broken: the fastText model says {words} words of {entries} entries")
    known = _read_words(reader, entries, words, gathered)
    kept = _read_pruned(reader, pruned) if pruned >= 0 else None
    if versioned and reader.numbers("?")[0]:
        raise VectorsError(
            f"{stream.name} is a quantised fastText model (.ftz), whose vectors are approximate: use the .bin file"
        )
    # The first format has n-grams of the mark of the end of a sentence too.
    whole = frozenset([_END_OF_SENTENCE] if versioned else [])
    subwords = SubwordIds(words, buckets if longest else 0, shortest, longest, kept, whole)
    # The n-grams of a word are those of its spelling in the model.
    rows_of = {
        row: [known[row][0], *subwords.of(known[row][1])] if row in known else subwords.of(token)
        for token, row in gathered.wanted.items()
    }
    _gather(reader, dim, words + subwords.buckets if kept is None else 0, rows_of, gathered)
    made = int(gathered.found.sum()) - len(known)
    if made:
        gathered.remarks.append(f"{made:,} of the tokens found made from subwords")
    return words, dim


def _read_pruned(reader: _Reader, count: int) -> dict[int, int]:
    pairs = (reader.numbers("2i") for _ in range(count))
    return {bucket: row for bucket, row in pairs}


def _read_words(reader: _Reader, entries: int, words: int, gathered: Gathered) -> dict[int, tuple[int, bytes]]:
    """For each wanted row whose token the dictionary knows: the entry and its spelling. Labels are passed over."""
    known: dict[int, tuple[int, bytes]] = {}
    buffer, start = b"", 0
    for entry in range(entries):
        if len(buffer) - start < _LONGEST_WORD:
            buffer, start = buffer[start:] + reader.stream.read(_BLOCK), 0
        end = buffer.find(b"\0", start, start + _LONGEST_WORD)
        if end < 0 or end + _AFTER_WORD > len(buffer):
            raise VectorsError(f"{reader.stream.name} is cut or broken within its dictionary, at word {entry + 1:,}")
        wanted = gathered.row_for(buffer[start:end]) if entry < words else None
        if wanted is not None:
            known[wanted] = entry, buffer[start:end]
            gathered.found[wanted] = True
        start = end + _AFTER_WORD
    reader.stream.unread(buffer[start:])
    return known


def _gather(reader: _Reader, dim: int, least: int, rows_of: dict[int, list[int]], gathered: Gathered) -> None:
    """Put the mean of the rows of the matrix that each wanted row is made of; the file is read forwards.

    ``least``: how many rows the matrix must have, as far as that is known.
    """
    height, width = reader.numbers("2q")
    highest = max((max(rows) for rows in rows_of.values() if rows), default=-1)
    if width != dim or height < max(least, highest + 1):
        raise VectorsError(f"{reader.stream.name} is broken: its matrix is {height:,} x {width:,}, of vectors of {dim}")
    owners = np.repeat(np.fromiter(rows_of, np.int64), [len(rows) for rows in rows_of.values()])
    rows = np.fromiter((row for rows in rows_of.values() for row in rows), np.int64, len(owners))
    order = np.argsort(rows, kind="stable")
    owners, rows = owners[order], rows[order]
    sums: npt.NDArray[np.float64] = np.zeros((gathered.size, dim))
    place, distinct = 0, np.unique(rows)
    for start in range(0, len(distinct), _BLOCK_ROWS):
        block = distinct[start : start + _BLOCK_ROWS]
        vectors, place = _read_rows(reader, dim, block, place)
        first, last = np.searchsorted(rows, block[0]), np.searchsorted(rows, block[-1], "right")
        _add(sums, owners[first:last], vectors[np.searchsorted(block, rows[first:last])])
    # What is cut is found out even where nothing of it is needed.
    if place < height:
        reader.stream.skip((height - place) * dim * _FLOAT.itemsize - 1)
        reader.bytes(1)
    for row, parts in rows_of.items():
        if parts:
            try:
                gathered.put(row, sums[row] / len(parts))
            except ValueError as error:
                raise VectorsError(f"{reader.stream.name} is broken: {error}") from None


def _read_rows(reader: _Reader, dim: int, rows: npt.NDArray[np.int64], place: int) -> tuple[Float32, int]:
    """The vectors (rows, dim) of ascending rows of the matrix, of which ``place`` is next; and what is next then."""
    size = dim * _FLOAT.itemsize
    parts = []
    for row in rows.tolist():
        if row > place:
            reader.stream.skip((row - place) * size)
        parts.append(reader.bytes(size))
        place = row + 1
    return np.frombuffer(b"".join(parts), _FLOAT).reshape(len(rows), dim), place


def _add(sums: npt.NDArray[np.float64], owners: npt.NDArray[np.int64], vectors: Float32) -> None:
    """Add each vector (n, dim) to the row of ``sums`` that owns it."""
    order = np.argsort(owners, kind="stable")
    owners = owners[order]
    starts = np.flatnonzero(np.diff(owners, prepend=-1))
    sums[owners[starts]] += np.add.reduceat(vectors[order], starts, axis=0, dtype=np.float64)
