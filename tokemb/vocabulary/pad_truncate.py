"""Truncation and padding of rows."""

from __future__ import annotations

from collections.abc import Sized
from dataclasses import dataclass, replace

import numpy as np

from tokemb._arrays import Int32
from tokemb._validation import PAIR_TRUNCATIONS, check_choice, check_optional_count, check_side
from tokemb.errors import ArgumentError
from tokemb.rows.ragged import Ragged
from tokemb.vocabulary.special_tokens import SpecialTokens
from tokemb.vocabulary.tokenizer_json import TokenizerJson
from tokemb.vocabulary.tokenizers_library import Tokenizer

# The words of Keras for the ends of a row, and those of tokenizers.
_DIRECTIONS = {"post": "Right", "pre": "Left"}
_SIDES = {"right": "post", "left": "pre"}
# The strategies of truncation of tokenizers, as a tokenizer.json names them.
_STRATEGIES = {"longest_first": "LongestFirst", "only_first": "OnlyFirst", "only_second": "OnlySecond"}
# A tokenizer.json stores the side of truncation only together with a limit. This limit stands for none.
_NO_LIMIT = 2**31 - 1


@dataclass(frozen=True)
class PadTruncate:
    """The ``truncation`` and ``padding`` of a ``tokenizer.json``.

    Attributes:
        truncate_to: The maximum length of rows. ``None`` is no limit.
        truncating: The side of truncation: ``"pre"`` or ``"post"``.
        pad_to: The minimum length of padded rows. ``None`` pads to the longest row.
        padding: The side of padding: ``"pre"`` or ``"post"``.
        multiple_of: The padded length is rounded up to a multiple of this number.
        pair_truncation: Which text of a pair is truncated, see ``tokemb.rows.pairs``. It has no effect on single texts.
    """

    truncate_to: int | None = None
    truncating: str = "post"
    pad_to: int | None = None
    padding: str = "post"
    multiple_of: int = 1
    pair_truncation: str = PAIR_TRUNCATIONS[0]

    @classmethod
    def of(cls, tokenizer: Tokenizer) -> PadTruncate:
        """Return the truncation and padding of ``tokenizer``."""
        truncation, padding = tokenizer.truncation or {}, tokenizer.padding or {}
        return cls(
            None if truncation.get("max_length") == _NO_LIMIT else truncation.get("max_length"),
            _SIDES[truncation.get("direction", "right")],
            padding.get("length"),
            _SIDES[padding.get("direction", "right")],
            padding.get("pad_to_multiple_of") or 1,
            truncation.get("strategy", PAIR_TRUNCATIONS[0]),
        )

    def override(
        self, maxlen: int | None, padding: str | None, truncating: str | None, pair_truncation: str | None = None
    ) -> PadTruncate:
        """Return a copy with the arguments that are not ``None``. ``maxlen`` sets both lengths.

        Raises:
            ArgumentError: If an argument is invalid.
        """
        shape = self
        maxlen = check_optional_count("maxlen", maxlen)
        if maxlen is not None:
            shape = replace(shape, truncate_to=maxlen, pad_to=maxlen, multiple_of=1)
        if padding is not None:
            shape = replace(shape, padding=check_side("padding", padding))
        if truncating is not None:
            shape = replace(shape, truncating=check_side("truncating", truncating))
        if pair_truncation is not None:
            check_choice("pair_truncation", pair_truncation, PAIR_TRUNCATIONS)
            shape = replace(shape, pair_truncation=pair_truncation)
        return shape

    def room(self, special_tokens: Sized) -> int | None:
        """Return the maximum number of ids of a row besides ``special_tokens``. ``None`` is no limit.

        Raises:
            ArgumentError: If the special tokens alone are more than ``truncate_to``.
        """
        if self.truncate_to is None:
            return None
        if self.truncate_to < len(special_tokens):
            raise ArgumentError(
                f"maxlen must be at least {len(special_tokens)}, the number of special tokens around every row; "
                f"received {self.truncate_to}"
            )
        return self.truncate_to - len(special_tokens)

    def truncate(self, rows: Ragged, special_tokens: SpecialTokens) -> Ragged:
        """Truncate ``rows`` to the maximum length that leaves room for ``special_tokens`` around them."""
        room = self.room(special_tokens)
        return rows if room is None else rows.truncate(room, self.truncating)

    @property
    def fixed_length(self) -> int | None:
        """The length of all padded rows, or ``None`` if it depends on the rows."""
        if self.truncate_to is None or self.pad_to is None or self.truncate_to > self.pad_to:
            return None
        return self.padded_length(0)

    @property
    def packed_length(self) -> int:
        """The length of rows that consist of several texts.

        Raises:
            ArgumentError: If it depends on the rows.
        """
        if self.fixed_length is None:
            raise ArgumentError("maxlen must be given for packed rows, which have one length: pass maxlen=512")
        return self.fixed_length

    def padded_length(self, longest: int) -> int:
        """Return the length of padded rows of which the longest has ``longest`` ids."""
        length = max(longest, self.pad_to or 0)
        return -(-length // self.multiple_of) * self.multiple_of

    def pad(self, rows: Ragged, pad_id: int, length: int | None = None) -> Int32:
        """Pad truncated rows.

        Args:
            rows: Rows after ``truncate``.
            pad_id: The id of padding.
            length: The length of the padded rows. ``None`` computes it from these rows.

        Returns:
            int32 array ``(rows, length)``.
        """
        if length is None:
            length = self.padded_length(int(rows.lengths.max(initial=0)))
        if not length:
            return np.zeros((len(rows), 0), np.int32)
        return rows.pad(length, padding=self.padding, value=pad_id)

    def write(self, specification: TokenizerJson, pad_id: int, pad_token: str) -> TokenizerJson:
        """Return a copy of ``specification`` with this truncation and padding."""
        truncation = None
        if self.truncate_to is not None or self.truncating == "pre":
            truncation = {
                "direction": _DIRECTIONS[self.truncating],
                "max_length": _NO_LIMIT if self.truncate_to is None else self.truncate_to,
                "strategy": _STRATEGIES[self.pair_truncation],
                "stride": 0,
            }
        padding = {
            "strategy": "BatchLongest" if self.pad_to is None else {"Fixed": self.pad_to},
            "direction": _DIRECTIONS[self.padding],
            "pad_to_multiple_of": None if self.multiple_of == 1 else self.multiple_of,
            "pad_id": pad_id,
            "pad_type_id": 0,
            "pad_token": pad_token,
        }
        return {**specification, "truncation": truncation, "padding": padding}
