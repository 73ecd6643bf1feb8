"""Several files of ids, one after the other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from tokemb.errors import ArgumentError
from tokemb.formats.source import IdBlock, IdsSource


class ChainedSource(IdsSource):
    """The rows of all ``sources``, of one length if they have one, and of one vocabulary."""

    def __init__(self, path: Path, sources: Sequence[IdsSource]) -> None:
        """``path``: how all of them are called; raises ``ArgumentError`` for files that do not go together."""
        first = sources[0]
        for what in ("maxlen", "fingerprint", "pad_id"):
            for source in sources:
                before, now = getattr(first, what), getattr(source, what)
                if before != now:
                    said = " and ".join("not given" if value in (None, "") else str(value) for value in (before, now))
                    raise ArgumentError(f"{first.path} and {source.path} do not go together: their {what} is {said}")
        rows = [source.rows for source in sources]
        known = None if None in rows else sum(filter(None, rows))
        dtypes = {source.dtype for source in sources}
        dtype = first.dtype if len(dtypes) == 1 else None
        super().__init__(path, first.maxlen, known, dtype, _kept(sources), first.fingerprint, first.pad_id)
        self.column = first.column
        self._sources = sources

    @property
    def files(self) -> list[Path]:
        """The files of all."""
        return [file for source in self._sources for file in source.files]

    def blocks(self, row_size: int | None = None) -> Iterator[IdBlock]:
        """Read one after the other."""
        for source in self._sources:
            for block in source.blocks(row_size):
                yield IdBlock(block.ids, self._same_types(source, block.kept))

    def _same_types(self, source: IdsSource, kept: pa.RecordBatch) -> pa.RecordBatch:
        if kept.schema.equals(self.kept):
            return kept
        try:
            columns = [kept[field.name].cast(field.type) for field in self.kept]
        except pa.ArrowException as error:
            raise ArgumentError(f"{source.path}: a kept column is not as in the other files, {error}") from None
        return pa.RecordBatch.from_arrays(columns, schema=self.kept)


def _kept(sources: Sequence[IdsSource]) -> pa.Schema:
    """The kept columns, which must be the same; types may be those of one of the files that hold all the others.

    A text is written in one of two ways to ``.npz``, as its length asks for.
    """
    first: Any = sources[0]
    for source in sources:
        if sorted(source.kept.names) != sorted(first.kept.names):
            before, now = (", ".join(each.kept.names) or "none" for each in (first, source))
            raise ArgumentError(
                f"{first.path} and {source.path} do not go together: their kept columns are {before} and {now}"
            )
    try:
        return pa.unify_schemas([source.kept for source in sources], promote_options="permissive")
    except pa.ArrowException as error:
        raise ArgumentError(
            f"the files in {first.path.parent} do not go together: {error}: their kept columns must be of one type"
        ) from None
