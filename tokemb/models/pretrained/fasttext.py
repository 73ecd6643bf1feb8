"""Read fastText's ``.bin`` models. Only the matrix rows that the vocabulary needs are read.

The vector of a word is the mean of its own row and the rows of its n-grams. The vector of a word that is not in the
model is the mean of the rows of its n-grams.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

import numpy as np

from tokemb._arrays import Float32, Float64, Int64
from tokemb.errors import VectorsError
from tokemb.models.pretrained.pretrained_vectors import VectorCollector
from tokemb.models.pretrained.stream import Stream
from tokemb.models.pretrained.subword_ids import SubwordIds
from tokemb.models.pretrained.word2vec_header import check_dim

MAGIC = struct.pack("<i", 793712314)

_VERSION = 12
_ARGUMENTS = struct.Struct("<12id")
_SUPERVISED = 3
_END_OF_SENTENCE = b"</s>"
_BLOCK = 1 << 22
_BLOCK_ROWS = 1 << 12
_AFTER_WORD = 1 + 8 + 1  # the terminator, the count, and the type: word or label
_LONGEST_WORD = 1 << 16
_FLOAT = np.dtype("<f4")


def looks_like_unversioned(beginning: bytes) -> bool:
    """Return whether these may be the settings at the start of the first format, which has no magic number."""
    if len(beginning) < _ARGUMENTS.size:
        return False
    *numbers, threshold = _ARGUMENTS.unpack_from(beginning)
    dim, loss, model, bucket, shortest, longest = (numbers[index] for index in (0, 6, 7, 8, 9, 10))
    plausible = 0 < dim < 1 << 16 and 0 <= bucket and 0 <= shortest <= longest < 1 << 10
    return plausible and loss in (1, 2, 3) and model in (1, 2, 3) and 0 < threshold < 1


@dataclass
class _Reader:
    stream: Stream

    def bytes(self, size: int) -> bytes:
        content = self.stream.read(size)
        if len(content) < size:
            raise VectorsError(f"{self.stream.name} is truncated: the fastText model ends early; download it again")
        return content

    def numbers(self, layout: str) -> tuple[int, ...]:
        return struct.unpack("<" + layout, self.bytes(struct.calcsize("<" + layout)))


def read_fasttext(stream: Stream, collector: VectorCollector) -> tuple[int, int]:
    """Read the vectors that ``collector`` needs from a model.

    Returns:
        The number of words in the model, and the dimension of the vectors.

    Raises:
        VectorsError: If the model is quantized, of a newer version, truncated or damaged.
    """
    reader = _Reader(stream)
    versioned = stream.peek(len(MAGIC)) == MAGIC
    version = reader.numbers("2i")[1] if versioned else 0
    if version > _VERSION:
        raise VectorsError(f"{stream.name} is a fastText model of version {version}; up to {_VERSION} are read")
    dim, _, _, _, _, _, _, model, buckets, shortest, longest, _ = _ARGUMENTS.unpack(reader.bytes(_ARGUMENTS.size))[:12]
    check_dim(stream.name, dim)
    if version <= 11 and versioned and model == _SUPERVISED:
        longest = 0  # such models have no character n-grams, although their settings name some
    entries, words, _, _, pruned = reader.numbers("3iqq") if versioned else (*reader.numbers("3iq"), -1)
    if not 0 <= words <= entries or buckets < 0 or shortest < 0:
        raise VectorsError(f"{stream.name} is damaged: its header names {words} words of {entries} entries")
    known = _read_words(reader, entries, words, collector)
    bucket_rows = _read_pruned(reader, pruned) if pruned >= 0 else None
    if versioned and reader.numbers("?")[0]:
        raise VectorsError(
            f"{stream.name} is a quantized fastText model (.ftz), whose vectors are approximate: use the .bin file"
        )
    # In the first format, the end-of-sentence token has n-grams too.
    without_ngrams = frozenset([_END_OF_SENTENCE] if versioned else [])
    subwords = SubwordIds(words, buckets if longest else 0, shortest, longest, bucket_rows, without_ngrams)
    # The n-grams of a word are those of its spelling in the model.
    matrix_rows = {
        row: [known[row][0], *subwords.rows(known[row][1])] if row in known else subwords.rows(token)
        for token, row in collector.row_of_token.items()
    }
    _read_vectors(reader, dim, words + subwords.buckets if bucket_rows is None else 0, matrix_rows, collector)
    from_subwords = int(collector.found.sum()) - len(known)
    if from_subwords:
        collector.remarks.append(f"{from_subwords:,} of the tokens found made from subwords")
    return words, dim


def _read_pruned(reader: _Reader, count: int) -> dict[int, int]:
    pairs = (reader.numbers("2i") for _ in range(count))
    return {bucket: row for bucket, row in pairs}


def _read_words(reader: _Reader, entries: int, words: int, collector: VectorCollector) -> dict[int, tuple[int, bytes]]:
    """Return the entry and its spelling for each row whose token is in the dictionary. Labels are skipped."""
    known: dict[int, tuple[int, bytes]] = {}
    buffer, start = b"", 0
    for entry in range(entries):
        if len(buffer) - start < _LONGEST_WORD:
            buffer, start = buffer[start:] + reader.stream.read(_BLOCK), 0
        end = buffer.find(b"\0", start, start + _LONGEST_WORD)
        if end < 0 or end + _AFTER_WORD > len(buffer):
            raise VectorsError(
                f"{reader.stream.name} is truncated or damaged within its dictionary, at word {entry + 1:,}: "
                "download it again"
            )
        row = collector.row_for(buffer[start:end]) if entry < words else None
        if row is not None:
            known[row] = entry, buffer[start:end]
            collector.found[row] = True
        start = end + _AFTER_WORD
    reader.stream.unread(buffer[start:])
    return known


def _read_vectors(
    reader: _Reader, dim: int, min_height: int, matrix_rows: dict[int, list[int]], collector: VectorCollector
) -> None:
    """Read the matrix forwards, and collect the vector of each token.

    Args:
        reader: The file, at the start of the matrix.
        dim: The dimension of the vectors.
        min_height: The minimum number of rows of the matrix, 0 if it is not known.
        matrix_rows: For each row of the result, the rows of the matrix whose mean it is.
        collector: The collector of the vectors.
    """
    height, width = reader.numbers("2q")
    highest = max((max(rows) for rows in matrix_rows.values() if rows), default=-1)
    if width != dim or height < max(min_height, highest + 1):
        raise VectorsError(
            f"{reader.stream.name} is damaged: its matrix is {height:,} x {width:,}, its vectors have {dim} numbers"
        )
    targets = np.repeat(np.fromiter(matrix_rows, np.int64), [len(rows) for rows in matrix_rows.values()])
    sources = np.fromiter((row for rows in matrix_rows.values() for row in rows), np.int64, len(targets))
    order = np.argsort(sources, kind="stable")
    targets, sources = targets[order], sources[order]
    sums: Float64 = np.zeros((collector.size, dim))
    position, distinct = 0, np.unique(sources)
    for start in range(0, len(distinct), _BLOCK_ROWS):
        block = distinct[start : start + _BLOCK_ROWS]
        vectors, position = _read_rows(reader, dim, block, position)
        first, last = np.searchsorted(sources, block[0]), np.searchsorted(sources, block[-1], "right")
        _add(sums, targets[first:last], vectors[np.searchsorted(block, sources[first:last])])
    # Truncation is an error even if the missing rows are not needed.
    if position < height:
        reader.stream.skip((height - position) * dim * _FLOAT.itemsize - 1)
        reader.bytes(1)
    for row, rows in matrix_rows.items():
        if rows:
            try:
                collector.put(row, sums[row] / len(rows))
            except ValueError as error:
                raise VectorsError(f"{reader.stream.name} is damaged: {error}") from None


def _read_rows(reader: _Reader, dim: int, rows: Int64, position: int) -> tuple[Float32, int]:
    """Read the vectors ``(rows, dim)`` of ascending rows, from the row ``position``. Return the next position too."""
    size = dim * _FLOAT.itemsize
    parts = []
    for row in rows.tolist():
        if row > position:
            reader.stream.skip((row - position) * size)
        parts.append(reader.bytes(size))
        position = row + 1
    return np.frombuffer(b"".join(parts), _FLOAT).reshape(len(rows), dim), position


def _add(sums: Float64, targets: Int64, vectors: Float32) -> None:
    """Add each vector ``(n, dim)`` to its target row of ``sums``."""
    order = np.argsort(targets, kind="stable")
    targets = targets[order]
    starts = np.flatnonzero(np.diff(targets, prepend=-1))
    sums[targets[starts]] += np.add.reduceat(vectors[order], starts, axis=0, dtype=np.float64)
