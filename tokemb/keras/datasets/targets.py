"""Encode target texts for sequence-to-sequence training: the inputs of the decoder, and the ids to predict."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from tokemb._arrays import Float32, Int32, Int64
from tokemb._validation import check_optional_count
from tokemb.engine.text_encoder import TextEncoder
from tokemb.errors import ArgumentError
from tokemb.rows.ragged import Ragged, take_padded
from tokemb.vocabulary.pad_truncate import PadTruncate

TARGET_COLUMNS = ("decoder_ids", "next_ids", "weights")
"""The names of the arrays of target texts in files and DataFrames."""


class TargetArrays(NamedTuple):
    """Target texts for the decoder of a sequence-to-sequence model.

    Attributes:
        decoder_ids: The inputs of the decoder, from the start token on, int32 ``(rows, maxlen)``.
        next_ids: The next id at each position of ``decoder_ids``, up to the end token, int32 ``(rows, maxlen)``.
        weights: 1 for the next ids and 0 for padding, float32 ``(rows, maxlen)``.
    """

    decoder_ids: Int32
    next_ids: Int32
    weights: Float32


@dataclass(frozen=True)
class TargetRows:
    """How target texts become rows.

    Attributes:
        encoder: The vocabulary of the target texts.
        maxlen: The length of the inputs of the decoder. ``None`` pads each batch to its longest row.
    """

    encoder: TextEncoder
    maxlen: int | None

    @classmethod
    def of(cls, encoder: TextEncoder, maxlen: int | None) -> TargetRows:
        """Return the rows of a vocabulary. ``maxlen`` is ``target_maxlen`` of ``Encoder.dataset``.

        Raises:
            ArgumentError: If ``maxlen`` is invalid, or rows do not begin and end with a token of their own.
        """
        maxlen = check_optional_count("target_maxlen", maxlen)
        if len(encoder.encode_ragged([""], maxlen=None, truncating=None, threads=1).values) < 2:
            raise ArgumentError(
                "target_encoder must be a vocabulary whose rows begin and end with special tokens: fit one with "
                'fit_vocab(..., start="[BOS]", end="[EOS]")'
            )
        encoder.require_pad_id()
        return cls(encoder, encoder.pad_truncate(None, None, None).fixed_length if maxlen is None else maxlen)

    @property
    def settings(self) -> dict[str, Any]:
        """The settings that decide the rows, as JSON values."""
        return {"fingerprint": self.encoder.fingerprint, "maxlen": self.maxlen, "pad_id": self.encoder.pad_id}

    def encode(self, texts: Any, threads: int | None) -> Ragged:  # noqa: ANN401
        """Encode target texts with their start and end token: one id more than the inputs of the decoder."""
        return self.encoder.encode_ragged(texts, maxlen=self.shape.truncate_to, truncating=None, threads=threads)

    @property
    def shape(self) -> PadTruncate:
        """The truncation of the rows of ``encode``."""
        return self.encoder.pad_truncate(None if self.maxlen is None else self.maxlen + 1, None, None)

    def length(self, targets: Ragged, rows: Int64) -> int:
        """Return the length of the inputs of the decoder for the longest of ``rows``, int64 ``(batch,)``."""
        return int((targets.row_splits[rows + 1] - targets.row_splits[rows]).max(initial=1)) - 1

    def shifted(self, targets: Ragged, rows: Int64, least_length: int = 1) -> TargetArrays:
        """Return the inputs of the decoder, the next id at each position and its weight.

        Args:
            targets: The result of ``encode``.
            rows: The numbers of the rows of a batch, int64 ``(batch,)``.
            least_length: The minimum length of the inputs of the decoder, if they have no fixed length.

        Returns:
            Arrays ``(batch, maxlen)``.
        """
        lengths = targets.row_splits[rows + 1] - targets.row_splits[rows]
        length = 1 + (max(self.length(targets, rows), least_length) if self.maxlen is None else self.maxlen)
        ids = take_padded(targets, rows, length, fill=self.encoder.require_pad_id())
        weights = np.arange(1, length) < lengths[:, None]
        return TargetArrays(ids[:, :-1], ids[:, 1:], weights.astype(np.float32))


def shifted_rows(targets: Ragged) -> tuple[Ragged, Ragged]:
    """Return the inputs of the decoder and the next ids without padding: rows without the last and the first id."""
    is_first, is_last = np.zeros((2, len(targets.values)), np.bool_)
    is_first[targets.row_splits[:-1]] = is_last[targets.row_splits[1:] - 1] = True
    return targets.select(~is_last), targets.select(~is_first)
