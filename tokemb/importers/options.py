"""What a user can say that a file does not."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, fields

from tokemb.errors import ArgumentError
from tokemb.vocabulary.pad_truncate import PadTruncate

# What every file takes.
_ROWS = ("maxlen", "padding", "truncating")


@dataclass(frozen=True)
class Options:
    """Settings that complete a file; ``None`` where nothing was said. ``import_vocabulary`` explains them."""

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

    def check_only(self, names: Collection[str], kind: str) -> None:
        """Raise ``ArgumentError`` if anything but ``names`` was said: it would change nothing."""
        for item in fields(self):
            if item.name not in (*_ROWS, *names) and getattr(self, item.name) is not None:
                raise ArgumentError(f"{item.name} is not for this file ({kind}), which says it or has no use for it")

    def shape(self, of_file: PadTruncate) -> PadTruncate:
        """How rows are truncated and padded, given what the file says."""
        return of_file.override(self.maxlen, self.padding, self.truncating)
