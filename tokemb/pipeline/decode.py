"""Decoding of a file of ids."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from tokemb.encoder import Encoder
from tokemb.errors import ArgumentError
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
        ArgumentError: If the ids were encoded with another vocabulary from which this one did not grow, or an id does
            not belong to the vocabulary. This is checked before the first block is decoded.
    """
    source = open_ids(ids)
    known = {encoder.fingerprint, *(encoder.settings or {}).get("grown_from", ())}
    if source.fingerprint and source.fingerprint not in known:
        raise ArgumentError(
            f"{ids} must be decoded with the vocabulary that encoded it, {source.fingerprint[:12]}; received "
            f"{encoder.fingerprint[:12]}"
        )
    for block in source.blocks():
        encoder.check_ids(block.values)  # check all ids before the first text is returned
    count, rows = RowCount(), 0
    for block in count.reading(source.blocks()):
        texts = encoder.decode(block.ids)
        rows += len(texts)
        yield texts
    count.check(rows)
