"""Comparison of an imported vocabulary with the original."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tokemb._arrays import STRINGS
from tokemb.errors import TextTypeError
from tokemb.importers.imported import Imported
from tokemb.sources.text_source import text_batches
from tokemb.vocabulary.pad_truncate import PadTruncate

# Rows that are compared at a time.
_ROWS = 1000


@dataclass(frozen=True)
class Difference:
    """The first row whose ids differ.

    Attributes:
        row: The index of the row.
        text: Its text.
        ids: The ids of tokemb.
        original: The ids of the original.
    """

    row: int
    text: str
    ids: list[int]
    original: list[int]


def verify(imported: Imported, texts: Path | Iterable[Any]) -> tuple[int, Difference | None]:
    """Compare an imported vocabulary with the original, id by id, without truncation and padding.

    The original library is imported.

    Args:
        imported: The imported vocabulary.
        texts: Texts, as for ``Encoder.encode``, without rows of tokens.

    Returns:
        The number of equal rows, and the first row that differs. ``None`` if no row differs.

    Raises:
        TextTypeError: If the rows are lists of tokens, and the original library accepts only texts.
    """
    done = 0
    for batch in text_batches(texts):
        for start in range(0, len(batch), _ROWS):
            column = batch.slice(start, _ROWS)
            rows = column.to_pylist()
            encoded = imported.encoder.encode_column(column, PadTruncate())
            try:
                originals = imported.original(rows)
            except TypeError:
                if column.type == STRINGS:
                    raise
                received = f"; {texts} contains lists" if isinstance(texts, Path) else ""
                raise TextTypeError(f"the original library accepts texts, not lists of tokens{received}") from None
            for text, ids, original in zip(rows, encoded.rows, originals, strict=True):
                if ids.tolist() != original:
                    return done, Difference(done, text, ids.tolist(), original)
                done += 1
    return done, None
