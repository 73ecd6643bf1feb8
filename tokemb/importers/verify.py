"""Whether an imported vocabulary gives the ids of the original."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tokemb.importers.imported import Imported
from tokemb.sources.text_source import text_batches
from tokemb.vocabulary.pad_truncate import PadTruncate

# Rows that are compared at a time.
_ROWS = 1000


@dataclass(frozen=True)
class Difference:
    """The first row whose ids differ, counted from 0: its text, the ids of tokemb and those of the original."""

    row: int
    text: str
    ids: list[int]
    original: list[int]


def verify(imported: Imported, texts: Path | Iterable[Any]) -> tuple[int, Difference | None]:
    """Compare with the original, id for id, before any truncation and padding.

    ``texts``: as ``Encoder.encode`` takes them, without lists of tokens. Imports the library that the file is of.
    Returns how many rows were compared, and the first that differs, or ``None``.
    """
    done = 0
    for batch in text_batches(texts):
        for start in range(0, len(batch), _ROWS):
            part = batch.slice(start, _ROWS)
            rows = part.to_pylist()
            encoded = imported.encoder.encode_column(part, PadTruncate())
            for text, ids, theirs in zip(rows, encoded.rows, imported.original(rows), strict=True):
                if ids.tolist() != theirs:
                    return done, Difference(done, text, ids.tolist(), theirs)
                done += 1
    return done, None
