"""Files that are one row each, in folders whose names are their labels."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa

from tokemb._arrays import STRINGS
from tokemb.errors import TextError
from tokemb.sources.columns import TEXT, Columns, Location
from tokemb.sources.listing import STANDARD_INPUT, Source

# The columns besides the text: the name of the folder, and the name of the file.
LABEL, FILE = "label", "file"


def document_batches(blocks: Iterator[bytes], source: Source, columns: Columns) -> Iterator[pa.RecordBatch]:
    """Yield the text of a file as one row.

    Args:
        blocks: The content of the file as valid UTF-8. It is not changed.
        source: The file.
        columns: The selected columns, of ``text``, ``label`` and ``file``.

    Raises:
        TextError: If a name that is selected is not UTF-8.
    """
    name, kept = columns.choose((TEXT, LABEL, FILE), source.name)
    values = {TEXT: b"".join(blocks).decode(), LABEL: _label_of(source), FILE: source.name}
    try:
        text, *others = (pa.array([values[column]], STRINGS) for column in (name, *kept))
    except UnicodeEncodeError as error:  # the system allows any bytes in names
        raise TextError(
            f"the name of {source.name} is not UTF-8: rename it, or leave out the columns {LABEL} and {FILE}"
        ) from error
    yield from columns.batches(name, text, dict(zip(kept, others, strict=True)), Location(source.name, "document", 1))


def _label_of(source: Source) -> str | None:
    """Return the class of a document: its folder in the folder that was passed, or else the one that contains it."""
    if source.path == STANDARD_INPUT:
        return None
    return source.folder or Path(source.path).absolute().parent.name
