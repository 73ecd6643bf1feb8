"""Pre-trained vectors of the tokens of a vocabulary, and the collectors that select them while a file is read."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from tokemb._arrays import Bool, Float32
from tokemb.errors import ArgumentError


@dataclass(frozen=True)
class Pretrained:
    """Vectors of tokens.

    Attributes:
        matrix: The vectors, float32 ``(tokens, dim)``. Tokens without a vector have zeros.
        found: Whether each token has a vector, bool ``(tokens,)``.
        source: The name of the file.
        format: The format of the file.
        rows: The number of rows that were read.
        remarks: Short phrases about rows that were skipped, for example duplicates.
    """

    matrix: Float32
    found: Bool
    source: str
    format: str
    rows: int
    remarks: tuple[str, ...] = ()

    @property
    def dim(self) -> int:
        """The dimension of the vectors."""
        return int(self.matrix.shape[1])

    def __str__(self) -> str:
        remarks = "".join(f"; {remark}" for remark in self.remarks)
        return f"{self.source}: {self.format}, {self.rows:,} rows of {self.dim}{remarks}"


@dataclass
class VectorCollector:
    """Select the vectors of some tokens while the rows of a file are read.

    Attributes:
        size: The number of tokens.
        row_of_token: The row of each token, by its UTF-8 bytes.
        ignore_case: Whether a token may get the vector of one that equals it in lower case.
        found: Whether each token has a vector, bool ``(size,)``.
        case_folded: Whether that vector is of a token with another case, bool ``(size,)``.
        matrix: The vectors, float32 ``(size, dim)``. It is allocated for the first vector, so that a header with wrong
            numbers costs no memory.
        repeated: The number of rows whose token already had a vector.
        unusable: The number of rows whose token is empty or not UTF-8.
        remarks: Remarks for the result.
    """

    size: int
    row_of_token: dict[bytes, int]
    ignore_case: bool
    found: Bool
    case_folded: Bool
    matrix: Float32 | None = None
    repeated: int = 0
    unusable: int = 0
    remarks: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, tokens: Sequence[str], *, ignore_case: bool = False) -> VectorCollector:
        """Make a collector for tokens, one row each. The token ``""`` gets no vector.

        Raises:
            ArgumentError: If a token occurs twice.
        """
        row_of_token = {token.encode("utf-8", "surrogatepass"): row for row, token in enumerate(tokens) if token}
        if len(row_of_token) != sum(map(bool, tokens)):
            raise ArgumentError("tokens must be distinct; some of these occur twice")
        size = len(tokens)
        return cls(size, row_of_token, ignore_case, np.zeros(size, np.bool_), np.zeros(size, np.bool_))

    def row_for(self, token: bytes) -> int | None:
        """Return the row that gets the vector of this token of the file. ``None`` if the vector is not needed."""
        row = self.row_of_token.get(token)
        if row is not None:
            if not self.found[row]:
                return row
            if not self.case_folded[row]:
                self.repeated += 1
                return None
            self.case_folded[row] = False  # an equal token replaces one that differs in case
            return row
        if token.isascii() and token:
            return self._case_folded_row(token.lower()) if self.ignore_case else None
        try:
            lowered = token.decode().lower()
        except UnicodeDecodeError:
            lowered = ""
        if not lowered:
            self.unusable += 1
            return None
        return self._case_folded_row(lowered.encode()) if self.ignore_case else None

    def _case_folded_row(self, lowered: bytes) -> int | None:
        row = self.row_of_token.get(lowered)
        if row is None or self.found[row]:
            return None
        self.case_folded[row] = True
        return row

    def put(self, row: int, vector: npt.NDArray[np.floating]) -> None:
        """Store the vector ``(dim,)`` of a row as float32.

        Raises:
            ValueError: If a number is not finite in float32.
        """
        with np.errstate(over="ignore"):
            numbers = vector.astype(np.float32)
        if not np.isfinite(numbers).all():
            raise ValueError("a number is not finite, or too large for float32")
        if self.matrix is None:
            self.matrix = np.zeros((self.size, len(vector)), np.float32)
        self.matrix[row] = numbers
        self.found[row] = True

    def result(self, source: str, kind: str, rows: int, dim: int) -> Pretrained:
        """Return the vectors collected from ``rows`` rows of ``dim`` numbers."""
        matrix = np.zeros((self.size, dim), np.float32) if self.matrix is None else self.matrix
        counts = (
            (int(self.case_folded.sum()), "of the tokens found only in other case"),
            (self.repeated, "duplicate rows skipped"),
            (self.unusable, "rows with an empty or non-UTF-8 token skipped"),
        )
        remarks = [f"{number:,} {phrase}" for number, phrase in counts if number]
        return Pretrained(matrix, self.found, source, kind, rows, (*self.remarks, *remarks))


class EnoughTokens(Exception):  # noqa: N818 - it is not an error
    """The collector has as many tokens as it needs."""


@dataclass
class TokenCollector(VectorCollector):
    """Collect the tokens of a file without their vectors.

    Attributes:
        tokens: The tokens, each once, in the order of the file.
        limit: The maximum number of tokens.
    """

    tokens: dict[str, None] = field(default_factory=dict)
    limit: int | None = None

    @classmethod
    def empty(cls, limit: int | None = None) -> TokenCollector:
        """Make a collector without tokens."""
        return cls(0, {}, False, np.zeros(0, np.bool_), np.zeros(0, np.bool_), limit=limit)

    def row_for(self, token: bytes) -> int | None:
        """Store the token if it is UTF-8 text. Return ``None``: the vector is not needed.

        Raises:
            EnoughTokens: If there are as many as ``limit``.
        """
        if len(self.tokens) == self.limit:
            raise EnoughTokens
        with suppress(UnicodeDecodeError):
            text = token.decode()
            if text:
                self.tokens[text] = None
        return None
