"""How rows are truncated and padded."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from tokenizers import Tokenizer

from tokemb._arrays import Int32
from tokemb._validation import check_optional_count, check_side
from tokemb.errors import ArgumentError, VocabularyError
from tokemb.rows.ragged import Ragged
from tokemb.vocabulary.special_tokens import SpecialTokens
from tokemb.vocabulary.tokenizer_json import TokenizerJson

# Keras' word for an end of a row, and that of tokenizers.
_DIRECTIONS = {"post": "Right", "pre": "Left"}
_SIDES = {"right": "post", "left": "pre"}
# A tokenizer.json names the end that is cut only beside the longest row, so no limit is written as this one.
_NO_LIMIT = 2**31 - 1


@dataclass(frozen=True)
class PadTruncate:
    """The ``truncation`` and ``padding`` of a ``tokenizer.json``.

    ``truncate_to``: longest row, ``None`` for no limit; ``truncating``: the end that is cut.
    ``pad_to``: shortest row, ``None`` for that of the longest; ``padding``: the end that is filled.
    ``multiple_of``: the padded length is rounded up to a multiple of this.
    """

    truncate_to: int | None = None
    truncating: str = "post"
    pad_to: int | None = None
    padding: str = "post"
    multiple_of: int = 1

    @classmethod
    def of(cls, tokenizer: Tokenizer) -> PadTruncate:
        """What ``tokenizer`` does by itself."""
        truncation, padding = tokenizer.truncation or {}, tokenizer.padding or {}
        if truncation.get("strategy") == "only_second":
            raise VocabularyError("this tokenizer.json truncates the second of two texts; tokemb encodes single texts")
        return cls(
            None if truncation.get("max_length") == _NO_LIMIT else truncation.get("max_length"),
            _SIDES[truncation.get("direction", "right")],
            padding.get("length"),
            _SIDES[padding.get("direction", "right")],
            padding.get("pad_to_multiple_of") or 1,
        )

    def override(self, maxlen: int | None, padding: str | None, truncating: str | None) -> PadTruncate:
        """The same with what is not ``None``; a ``maxlen`` is both the longest and the shortest row.

        Raises ``ArgumentError`` for a ``maxlen`` below 1, or a ``padding`` or ``truncating`` that is no end of a row.
        """
        shape = self
        maxlen = check_optional_count("maxlen", maxlen)
        if maxlen is not None:
            shape = replace(shape, truncate_to=maxlen, pad_to=maxlen, multiple_of=1)
        if padding is not None:
            shape = replace(shape, padding=check_side("padding", padding))
        if truncating is not None:
            shape = replace(shape, truncating=check_side("truncating", truncating))
        return shape

    def room(self, special_tokens: SpecialTokens) -> int | None:
        """The most ids of a row besides ``special_tokens``, ``None`` for no limit."""
        if self.truncate_to is None:
            return None
        if self.truncate_to < len(special_tokens):
            raise ArgumentError(
                f"maxlen must be at least {len(special_tokens)}, the special tokens around every row; "
                f"received {self.truncate_to}"
            )
        return self.truncate_to - len(special_tokens)

    def truncate(self, rows: Ragged, special_tokens: SpecialTokens) -> Ragged:
        """Truncate ``rows`` so that they are no longer than allowed with ``special_tokens`` around them."""
        room = self.room(special_tokens)
        return rows if room is None else rows.truncate(room, self.truncating)

    @property
    def fixed_length(self) -> int | None:
        """The length of every padded row if that does not depend on the rows, else ``None``."""
        if self.truncate_to is None or self.pad_to is None or self.truncate_to > self.pad_to:
            return None
        return self.padded_length(0)

    def padded_length(self, longest: int) -> int:
        """The length that rows are padded to, of which the longest has ``longest`` ids."""
        length = max(longest, self.pad_to or 0)
        return -(-length // self.multiple_of) * self.multiple_of

    def pad(self, rows: Ragged, pad_id: int, length: int | None = None) -> Int32:
        """``rows``, truncated before, as int32 (rows, length); ``None`` for the length that these rows need."""
        if length is None:
            length = self.padded_length(int(rows.lengths.max(initial=0)))
        if not length:
            return np.zeros((len(rows), 0), np.int32)
        return rows.pad(length, padding=self.padding, value=pad_id)

    def write(self, specification: TokenizerJson, pad_id: int, pad_token: str) -> TokenizerJson:
        """``specification`` with this truncation and padding."""
        truncation = None
        if self.truncate_to is not None or self.truncating == "pre":
            truncation = {
                "direction": _DIRECTIONS[self.truncating],
                "max_length": _NO_LIMIT if self.truncate_to is None else self.truncate_to,
                "strategy": "LongestFirst",
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
