"""Columns of tokens and of their tags: lists, or texts that are split at white space."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tokemb._arrays import STRINGS, TOKEN_ROWS
from tokemb.errors import ArgumentError, TextError
from tokemb.sources.columns import Columns, Location, text_type
from tokemb.sources.texts import decode_dictionary


def token_rows(column: pa.Array) -> pa.Array:
    """Return a column as ``large_list<large_string>``. Missing values stay missing.

    Args:
        column: Texts, which are split at white space, or integers, or lists of these. Other types are returned
            unchanged.
    """
    column = decode_dictionary(column)
    kind = text_type(column.type)
    if kind is None or pa.types.is_null(column.type):
        return column
    if kind == TOKEN_ROWS:
        return column.cast(TOKEN_ROWS)
    rows = pc.utf8_split_whitespace(column.cast(STRINGS))
    tokens = rows.flatten()
    is_token = pc.not_equal(tokens, "")  # white space at an end of a text leaves an empty token
    lengths = rows.value_lengths().fill_null(0).to_numpy()
    before = np.concatenate([[0], np.cumsum(is_token.to_numpy(zero_copy_only=False))])
    splits = before[np.concatenate([[0], np.cumsum(lengths)])].astype(np.int64)
    mask = rows.is_null() if rows.null_count else None
    return pa.LargeListArray.from_arrays(pa.array(splits), tokens.filter(is_token), mask=mask).cast(TOKEN_ROWS)


class TagColumns(Columns):
    """The selected columns if one of them holds a tag for each token of the text column.

    Args:
        column: The text column, as for ``Columns``.
        tags: The column of the tags.
        keep: Other columns to read.
        missing: As for ``Columns``.
        as_text: As for ``Columns``.
    """

    def __init__(
        self,
        column: str | None,
        tags: str,
        keep: Iterable[str] = (),
        missing: str = "error",
        as_text: Iterable[str] = (),
    ) -> None:
        super().__init__(column, [tags, *([keep] if isinstance(keep, str) else keep)], missing, as_text)
        self._tags = tags
        self._text_type = TOKEN_ROWS
        self._kept_types[tags] = TOKEN_ROWS

    def choose(
        self, names: Sequence[str], file: str, kept_may_follow: bool = False, hint: str = ""
    ) -> tuple[str, list[str]]:
        """Select columns among the columns ``names`` of a file."""
        text, kept = super().choose(names, file, kept_may_follow, hint)
        if text == self._tags:
            raise ArgumentError(f"tags must be another column than that of the tokens; received {text!r} for both")
        return text, kept

    def choose_lines(self, file: str) -> str:
        """Raise ``TextError``, since text files have no columns."""
        raise TextError(
            f"{file} is read as text, with one row per line, and has no column {self._tags!r}; if it has one token "
            'per line, pass format="conll"; if it is a table, pass its format, for example format="csv"'
        )

    def kept_type(self, name: str) -> pa.DataType | None:
        """Return the type of a kept column. That of the tags may differ between files, which become lists later."""
        return None if name == self._tags else super().kept_type(name)

    def is_text(self, name: str) -> bool:
        """Return whether all values of a column are texts."""
        return name == self._tags or super().is_text(name)

    def batches(
        self, name: str, text: pa.Array, kept: Mapping[str, pa.Array], location: Location
    ) -> Iterator[pa.RecordBatch]:
        """Check columns of one file, and yield them as batches. Tokens and tags are lists of the same lengths.

        Raises:
            TextError: If the numbers of tokens and tags of a row differ, or a tag is missing. Others are those of
                ``Columns.batches``.
        """
        tokens = self.as_text(name, token_rows(text), location)
        tags = self._without_missing(self._tags, self._as_tags(kept[self._tags], location), location)
        check_tags(tokens, tags, location)
        yield from super().batches(name, tokens, {**kept, self._tags: tags}, location)

    def _as_tags(self, column: pa.Array, location: Location) -> pa.Array:
        rows = token_rows(column)
        if pa.types.is_null(rows.type):
            return pa.nulls(len(rows), TOKEN_ROWS)
        if rows.type != TOKEN_ROWS:
            raise TextError(
                f"the column {self._tags!r} of {location.file} contains {rows.type}: tags are texts, integers, or "
                "lists of these"
            )
        return rows


def check_tags(tokens: pa.LargeListArray, tags: pa.LargeListArray, location: Location) -> None:
    """Check that every token has a tag.

    Args:
        tokens: ``large_list<large_string>`` ``(rows,)``.
        tags: ``large_list<large_string>`` ``(rows,)``.
        location: The location of the rows.

    Raises:
        TextError: If a row has a different number of tags, or a tag is empty. The message names the row.
    """
    counts, tag_counts = (rows.value_lengths().to_numpy() for rows in (tokens, tags))
    wrong = np.flatnonzero(counts != tag_counts)
    if len(wrong):
        row = int(wrong[0])
        raise TextError(
            f"{location.of(row)} has {counts[row]:,} tokens and {tag_counts[row]:,} tags: every token must have one tag"
        )
    empty = pc.index(tags.flatten(), "").as_py()
    if empty >= 0:
        row = int(np.searchsorted(np.cumsum(tag_counts), empty, side="right"))
        raise TextError(f"{location.of(row)} contains an empty tag: every token must have one tag")
