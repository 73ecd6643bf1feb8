"""Several files of ids that are read as one source."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from tokemb.errors import ArgumentError
from tokemb.formats.source import IdBlock, IdsSource


class ChainedSource(IdsSource):
    """The rows of several sources, in order. All have the same ``maxlen``, vocabulary, padding id and kept columns."""

    def __init__(self, path: Path, sources: Sequence[IdsSource]) -> None:
        """Initialize the source.

        Args:
            path: The name of all sources in messages.
            sources: At least one source.

        Raises:
            ArgumentError: If the sources have different properties.
        """
        first = sources[0]
        for attribute in ("maxlen", "fingerprint", "pad_id"):
            for source in sources:
                expected, received = getattr(first, attribute), getattr(source, attribute)
                if expected != received:
                    values = " and ".join("unknown" if v in (None, "") else str(v) for v in (expected, received))
                    raise ArgumentError(
                        f"files of ids that are read together must have the same {attribute}; that of {first.path} and "
                        f"{source.path} is {values}"
                    )
        rows = [source.rows for source in sources]
        total = None if None in rows else sum(filter(None, rows))
        dtypes = {source.dtype for source in sources}
        dtype = first.dtype if len(dtypes) == 1 else None
        super().__init__(
            path, first.maxlen, total, dtype, _unified_kept_columns(sources), first.fingerprint, first.pad_id
        )
        self.column = first.column
        self._sources = sources

    @property
    def files(self) -> list[Path]:
        """The files of all sources, in order."""
        return [file for source in self._sources for file in source.files]

    def _blocks(self, row_size: int | None = None) -> Iterator[IdBlock]:
        """Yield the blocks of each source in turn. See ``IdsSource.blocks``."""
        for source in self._sources:
            for block in source.blocks(row_size):
                yield IdBlock(block.ids, self._cast_kept_columns(source, block.kept_columns))

    def _cast_kept_columns(self, source: IdsSource, kept_columns: pa.RecordBatch) -> pa.RecordBatch:
        if kept_columns.schema.equals(self.kept_columns):
            return kept_columns
        try:
            columns = [kept_columns[field.name].cast(field.type) for field in self.kept_columns]
        except pa.ArrowException as error:
            raise ArgumentError(
                f"{source.path}: kept columns must have the types of the other files: {error}"
            ) from None
        return pa.RecordBatch.from_arrays(columns, schema=self.kept_columns)


def _unified_kept_columns(sources: Sequence[IdsSource]) -> pa.Schema:
    """Return the schema of the kept columns, whose types can hold the values of all sources.

    Types may differ between shards of one run: a ``.npz`` stores texts in one of two ways, depending on their length.

    Raises:
        ArgumentError: If names differ or the types of a column have no common type.
    """
    first: Any = sources[0]
    for source in sources:
        if sorted(source.kept_columns.names) != sorted(first.kept_columns.names):
            expected, received = (", ".join(each.kept_columns.names) or "none" for each in (first, source))
            raise ArgumentError(
                f"files of ids that are read together must have the same kept columns; those of {first.path} and "
                f"{source.path} are {expected} and {received}"
            )
    schemas = [
        pa.schema(
            [field.with_type(pa.null()) if field.name in source.untyped else field for field in source.kept_columns]
        )
        for source in sources
    ]
    untyped = frozenset.intersection(*(source.untyped for source in sources))
    try:
        unified = pa.unify_schemas(schemas, promote_options="permissive")
        return pa.schema([field.with_type(pa.string()) if field.name in untyped else field for field in unified])
    except pa.ArrowException as error:
        raise ArgumentError(f"kept columns must have one type in all files of {first.path.parent}: {error}") from None
