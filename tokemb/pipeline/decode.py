"""Decoding of a file of ids."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from tokemb.encoder import Encoder
from tokemb.formats import open_ids
from tokemb.rows.row_count import RowCount


def decode_ids(encoder: Encoder, ids: Path) -> Iterator[list[str]]:
    """Decode a file of ids.

    Args:
        encoder: The vocabulary.
        ids: The file.

    Yields:
        The texts of one block of rows.

    Raises:
        ArgumentError: If an id does not belong to the vocabulary. This is checked before the first block is decoded.
    """
    source = open_ids(ids)
    for block in source.blocks():
        encoder.check_ids(block.values)  # check all ids before the first text is returned
    count, rows = RowCount(), 0
    for block in count.reading(source.blocks()):
        texts = encoder.decode(block.ids)
        rows += len(texts)
        yield texts
    count.check(rows)
