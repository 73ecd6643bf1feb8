"""The settings of an import that a file does not contain."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, fields
from pathlib import Path

from tokemb.errors import ArgumentError
from tokemb.vocabulary.pad_truncate import PadTruncate

# The settings that apply to every file.
_ROWS = ("maxlen", "padding", "truncating")


@dataclass(frozen=True)
class Options:
    """The settings of an import, documented in ``import_vocabulary``. ``None`` means not passed."""

    maxlen: int | None = None
    padding: str | None = None
    truncating: str | None = None
    lowercase: bool | None = None
    num_words: int | None = None
    oov_token: str | None = None
    filters: str | None = None
    split: str | None = None
    char_level: bool | None = None
    layer: str | None = None
    item: str | None = None
    profile: str | None = None
    offset: int | None = None
    max_size: int | None = None
    segmenter: str | None = None
    user_dictionary: Path | None = None

    def check_only(self, names: Collection[str], kind: str) -> None:
        """Raise ``ArgumentError`` if a setting other than ``names`` was passed, since it would have no effect."""
        for item in fields(self):
            if item.name not in (*_ROWS, *names) and getattr(self, item.name) is not None:
                raise ArgumentError(
                    f"{item.name} does not apply to this file ({kind}), which contains or does not use it: omit it"
                )

    def shape(self, saved: PadTruncate) -> PadTruncate:
        """Return the truncation and padding of a file, with the settings that were passed in their place."""
        return saved.override(self.maxlen, self.padding, self.truncating)
