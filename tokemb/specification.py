"""The content of a ``tokenizer.json``, as the ``tokenizers`` library defines it, and where things lie in it."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from tokenizers import Tokenizer

from tokemb.errors import ArgumentError, VocabularyError
from tokemb.ragged import Int32, Ragged, check_maxlen, check_side

Specification = dict[str, Any]

_DIRECTIONS = {"post": "Right", "pre": "Left"}
_SIDES = {"right": "post", "left": "pre"}


def specification_of(tokenizer: Tokenizer) -> Specification:
    """The content of the file that ``tokenizer`` would be saved as."""
    specification: Specification = json.loads(tokenizer.to_str())
    return specification


def fingerprint(specification: Specification) -> str:
    """SHA-256, in hexadecimal, of what decides the ids: everything but truncation and padding."""
    rules = {key: value for key, value in specification.items() if key not in ("truncation", "padding")}
    canonical = json.dumps(rules, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()


def unk_id(specification: Specification) -> int | None:
    """The id that unknown tokens get, or ``None`` if the model has none."""
    model = specification["model"]
    if model["type"] == "Unigram":
        return model.get("unk_id")
    return model["vocab"].get(model.get("unk_token"))


@dataclass(frozen=True)
class Frame:
    """The ids that the post-processor puts before and after every row."""

    prefix: tuple[int, ...] = ()
    suffix: tuple[int, ...] = ()

    def __len__(self) -> int:
        return len(self.prefix) + len(self.suffix)

    def put_around(self, rows: Ragged) -> Ragged:
        """``rows`` with the prefix and the suffix in each."""
        if not len(self):
            return rows
        lengths = rows.lengths + len(self)
        framed = Ragged.from_lengths(np.zeros(int(lengths.sum()), np.int32), lengths)
        inner = np.ones(len(framed.values), np.bool_)
        for position, token in enumerate(self.prefix):
            at = framed.row_splits[:-1] + position
            framed.values[at], inner[at] = token, False
        for position, token in enumerate(reversed(self.suffix), start=1):
            at = framed.row_splits[1:] - position
            framed.values[at], inner[at] = token, False
        framed.values[inner] = rows.values
        return framed


def frame(specification: Specification) -> Frame:
    """What the post-processor puts around one text.

    Raises ``VocabularyError`` for one that does anything else.
    """
    return _frame(specification.get("post_processor"))


def _frame(processor: dict[str, Any] | None) -> Frame:
    kind = processor["type"] if processor else None
    if processor is None or kind == "ByteLevel":  # ByteLevel only trims offsets
        return Frame()
    if kind in ("BertProcessing", "RobertaProcessing"):
        return Frame((processor["cls"][1],), (processor["sep"][1],))
    if kind == "Sequence":
        whole = Frame()
        for outer in map(_frame, processor["processors"]):
            whole = Frame(outer.prefix + whole.prefix, whole.suffix + outer.suffix)
        return whole
    if kind == "TemplateProcessing":
        pieces: list[tuple[int, ...] | None] = [
            None if "Sequence" in piece else tuple(processor["special_tokens"][piece["SpecialToken"]["id"]]["ids"])
            for piece in processor["single"]
        ]
        if pieces.count(None) == 1:
            text = pieces.index(None)
            before, after = pieces[:text], pieces[text + 1 :]
            return Frame(sum(filter(None, before), ()), sum(filter(None, after), ()))
    raise VocabularyError(
        f"this tokenizer.json has a post-processor ({kind}) that does more than put fixed ids around a text"
    )


@dataclass(frozen=True)
class RowShape:
    """How rows are truncated and padded: the ``truncation`` and ``padding`` of a ``tokenizer.json``.

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
    def of(cls, tokenizer: Tokenizer) -> RowShape:
        """What ``tokenizer`` does by itself."""
        truncation, padding = tokenizer.truncation or {}, tokenizer.padding or {}
        if truncation.get("strategy") == "only_second":
            raise VocabularyError("this tokenizer.json truncates the second of two texts; tokemb encodes single texts")
        return cls(
            truncation.get("max_length"),
            _SIDES[truncation.get("direction", "right")],
            padding.get("length"),
            _SIDES[padding.get("direction", "right")],
            padding.get("pad_to_multiple_of") or 1,
        )

    def override(self, maxlen: int | None, padding: str | None, truncating: str | None) -> RowShape:
        """The same with what is not ``None``; a ``maxlen`` is both the longest and the shortest row."""
        maxlen = check_maxlen(maxlen)
        return RowShape(
            self.truncate_to if maxlen is None else maxlen,
            self.truncating if truncating is None else check_side("truncating", truncating),
            self.pad_to if maxlen is None else maxlen,
            self.padding if padding is None else check_side("padding", padding),
            self.multiple_of if maxlen is None else 1,
        )

    def truncate(self, rows: Ragged, around: Frame) -> Ragged:
        """Truncate ``rows`` so that they are no longer than allowed with ``around`` around them."""
        if self.truncate_to is None:
            return rows
        if self.truncate_to < len(around):
            raise ArgumentError(
                f"maxlen must be at least {len(around)}, the special tokens around every row; "
                f"received {self.truncate_to}"
            )
        return rows.truncate(self.truncate_to - len(around), self.truncating)

    @property
    def fixed_length(self) -> int | None:
        """The length of every padded row if that does not depend on the rows, else ``None``."""
        if self.truncate_to is None or self.pad_to is None or self.truncate_to > self.pad_to:
            return None
        return self.padded_length(0)

    def to_length(self, length: int) -> RowShape:
        """The same, but padding to at least ``length``."""
        return replace(self, pad_to=length)

    def padded_length(self, longest: int) -> int:
        """The length that rows are padded to, of which the longest has ``longest`` ids."""
        length = max(longest, self.pad_to or 0)
        return -(-length // self.multiple_of) * self.multiple_of

    def pad(self, rows: Ragged, pad_id: int) -> Int32:
        """``rows``, truncated before, as int32 (rows, maxlen)."""
        length = self.padded_length(int(rows.lengths.max(initial=0)))
        if not length:
            return np.zeros((len(rows), 0), np.int32)
        return rows.pad(length, padding=self.padding, value=pad_id)

    def write(self, specification: Specification, pad_id: int, pad_token: str) -> Specification:
        """``specification`` with this truncation and padding."""
        truncation = self.truncate_to and {
            "direction": _DIRECTIONS[self.truncating],
            "max_length": self.truncate_to,
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
