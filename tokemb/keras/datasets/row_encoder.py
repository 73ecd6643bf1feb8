"""The part of ``Encoder`` that datasets use."""

from __future__ import annotations

from typing import Any, Protocol

import pyarrow as pa

from tokemb._arrays import Int64
from tokemb.engine.batch_encoder import EncodedBatch
from tokemb.rows.pair_windows import PairWindowPlaces
from tokemb.rows.ragged import Ragged
from tokemb.vocabulary.pad_truncate import PadTruncate
from tokemb.vocabulary.pair_template import PairTemplate


class RowEncoder(Protocol):
    """Encode texts as single rows, as pairs or as windows."""

    def encode_ragged(
        self,
        texts: Any,  # noqa: ANN401
        *,
        maxlen: int | None,
        truncating: str | None,
        threads: int | None,  # noqa: ANN401
    ) -> Ragged:
        """Encode texts as ids without padding."""
        ...

    def encode_column_pairs(
        self, first: pa.Array, second: pa.Array, shape: PadTruncate, first_row: int, threads: int | None
    ) -> tuple[EncodedBatch, Int64]:
        """Encode pairs of texts as ids without padding. Return the lengths of the first texts, too."""
        ...

    def encode_column_pair_windows(
        self,
        first: pa.Array,
        second: pa.Array,
        shape: PadTruncate,
        overlap: int,
        first_row: int,
        threads: int | None,
    ) -> tuple[EncodedBatch, Int64, PairWindowPlaces]:
        """Encode pairs of texts as windows without padding. Return the lengths of the first texts and places, too."""
        ...

    def encode_column_windows(
        self, texts: pa.Array, shape: PadTruncate, overlap: int, threads: int | None
    ) -> tuple[EncodedBatch, Int64, Int64]:
        """Encode texts as windows without padding. Return the text and the position of each, too."""
        ...

    def row_shape(
        self,
        maxlen: int | None,
        padding: str | None,
        truncating: str | None,
        *,
        overlap: int | None,
        is_pair: bool,
        pair_truncation: str | None,
        pairs_by: str,
    ) -> PadTruncate:
        """Return the truncation and padding to use, or raise ``ArgumentError`` for arguments without an effect."""
        ...

    def pad_truncate(self, maxlen: int | None, padding: str | None, truncating: str | None) -> PadTruncate:
        """Return the saved truncation and padding, with the arguments that are not ``None`` in their place."""
        ...

    @property
    def pair_template(self) -> PairTemplate:
        """The special tokens and type ids of pairs."""
        ...

    def require_pad_id(self) -> int:
        """Return the id of padding, or raise ``ArgumentError`` if there is none."""
        ...
