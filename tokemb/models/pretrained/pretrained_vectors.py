"""The vectors that were found for the tokens of a vocabulary, and how they are gathered while a file is read."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from tokemb.errors import ArgumentError
from tokemb.rows.pooling import Float32


@dataclass(frozen=True)
class Pretrained:
    """Vectors for tokens.

    ``matrix``: float32 (tokens, dim), zeros where none was found. ``found``: bool (tokens,).
    ``source``: the name of the file. ``format``: of the file. ``rows``: how many it holds, as far as it was read.
    ``remarks``: what else is to be known, each a short phrase: rows that no token can equal, tokens that stand twice.
    """

    matrix: Float32
    found: npt.NDArray[np.bool_]
    source: str
    format: str
    rows: int
    remarks: tuple[str, ...] = ()

    @property
    def dim(self) -> int:
        """The size of a vector."""
        return int(self.matrix.shape[1])

    def __str__(self) -> str:
        remarks = "".join(f"; {remark}" for remark in self.remarks)
        return f"{self.source}: {self.format}, {self.rows:,} rows of {self.dim}{remarks}"


@dataclass
class Gathered:
    """The rows that a vocabulary needs, picked from those of a file as they come.

    ``wanted``: the row of each token, by its UTF-8 bytes. ``folded``: with ``ignore_case``, the same for tokens that a
    lower-cased token of the file may fill while none equals them. ``matrix``: made when the first vector is known, so
    that a header which promises too much costs no memory.
    """

    size: int
    wanted: dict[bytes, int]
    ignore_case: bool
    found: npt.NDArray[np.bool_]
    folded: npt.NDArray[np.bool_]
    matrix: Float32 | None = None
    repeated: int = 0
    unusable: int = 0
    remarks: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, tokens: Sequence[str], *, ignore_case: bool = False) -> Gathered:
        """For these tokens, in this order; ``""`` wants nothing. Raises ``ArgumentError`` if one stands twice."""
        wanted = {token.encode("utf-8", "surrogatepass"): row for row, token in enumerate(tokens) if token}
        if len(wanted) != sum(map(bool, tokens)):
            raise ArgumentError("tokens must be distinct; some of these stand twice")
        size = len(tokens)
        return cls(size, wanted, ignore_case, np.zeros(size, np.bool_), np.zeros(size, np.bool_))

    def row_for(self, token: bytes) -> int | None:
        """The row that the vector of this token of the file is for, ``None`` if it is for none."""
        row = self.wanted.get(token)
        if row is not None:
            if not self.found[row]:
                return row
            if not self.folded[row]:
                self.repeated += 1
                return None
            self.folded[row] = False  # an equal token takes the place of one that is equal but for case
            return row
        if token.isascii() and token:
            return self._folded_row(token.lower()) if self.ignore_case else None
        try:
            lowered = token.decode().lower()
        except UnicodeDecodeError:
            lowered = ""
        if not lowered:
            self.unusable += 1
            return None
        return self._folded_row(lowered.encode()) if self.ignore_case else None

    def _folded_row(self, lowered: bytes) -> int | None:
        row = self.wanted.get(lowered)
        if row is None or self.found[row]:
            return None
        self.folded[row] = True
        return row

    def put(self, row: int, vector: npt.NDArray[np.floating]) -> None:
        """Keep the vector (dim,) of a row, as float32; raises ``ValueError`` for a number that is not finite there."""
        with np.errstate(over="ignore"):
            numbers = vector.astype(np.float32)
        if not np.isfinite(numbers).all():
            raise ValueError("a number is not finite, or too large for float32")
        if self.matrix is None:
            self.matrix = np.zeros((self.size, len(vector)), np.float32)
        self.matrix[row] = numbers
        self.found[row] = True

    def result(self, source: str, kind: str, rows: int, dim: int) -> Pretrained:
        """What was gathered from ``rows`` rows of ``dim`` numbers."""
        matrix = np.zeros((self.size, dim), np.float32) if self.matrix is None else self.matrix
        counted = (
            (int(self.folded.sum()), "of the tokens found only in other case"),
            (self.repeated, "rows of a token that was there before left out"),
            (self.unusable, "rows whose token is empty or not UTF-8 left out"),
        )
        remarks = [f"{number:,} {what}" for number, what in counted if number]
        return Pretrained(matrix, self.found, source, kind, rows, (*self.remarks, *remarks))


@dataclass
class Names(Gathered):
    """Wants no vector, and keeps the tokens of a file as they come. ``seen``: each once, in their order."""

    seen: dict[str, None] = field(default_factory=dict)

    @classmethod
    def none_yet(cls) -> Names:
        """Before the first token."""
        return cls(0, {}, False, np.zeros(0, np.bool_), np.zeros(0, np.bool_))

    def row_for(self, token: bytes) -> int | None:
        """``None``, and the token is kept if it is UTF-8 text."""
        with suppress(UnicodeDecodeError):
            name = token.decode()
            if name:
                self.seen[name] = None
        return None
