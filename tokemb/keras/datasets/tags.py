"""Tags of tokens as labels of the ids of a row."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence, Set
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tokemb._arrays import TOKEN_ROWS, Bool, Float32, Int32
from tokemb.errors import ArgumentError, TextError, TextTypeError, one_line
from tokemb.keras.datasets.labels import check_classes, class_indices
from tokemb.rows.ragged import Ragged
from tokemb.sources.columns import Location
from tokemb.sources.tag_columns import check_tags, token_rows

# Integers of at most four digits are ids of tags.
_ID = re.compile(r"0|[1-9]\d{0,3}")


class TaggedRows(NamedTuple):
    """Rows of ids, and the tags of their tokens.

    Attributes:
        ids: int32 ``(rows, maxlen)``.
        tags: The index in ``classes`` of the tag of each token, at its first id, int32 ``(rows, maxlen)``. Others are
            0.
        weights: 1 at the first id of each token, and otherwise 0: the ``sample_weight`` of Keras, float32
            ``(rows, maxlen)``.
        classes: The different tags in order.
    """

    ids: Int32
    tags: Int32
    weights: Float32
    classes: list[str]


def tagged_columns(tokens: Any, tags: Any) -> tuple[pa.LargeListArray, pa.LargeListArray]:  # noqa: ANN401
    """Return tokens and tags in memory as columns, ``large_list<large_string>`` ``(rows,)``.

    Raises:
        TextError: If the numbers of rows, or of tokens and tags of a row, differ, or a tag is missing.
        TextTypeError: If rows are neither lists nor texts.
    """
    token_column, tag_column = token_column_of("tokens", tokens), token_column_of("tags", tags)
    if len(token_column) != len(tag_column):
        raise TextError(
            f"every row must have tags: received {len(token_column)} rows and the tags of {len(tag_column)}"
        )
    check_tags(token_column, tag_column, Location("tokens", "row", 1))
    return token_column, tag_column


def token_column_of(name: str, rows: Any) -> pa.LargeListArray:  # noqa: ANN401
    """Return rows of tokens in memory as a column. ``name`` is for messages.

    The errors are those of ``encode_tags``.
    """
    if isinstance(rows, (str, bytes)):
        raise TextTypeError(f"{name} must be rows, not one text: pass [text]")
    is_arrow = isinstance(rows, (pa.Array, pa.ChunkedArray))
    values = rows if is_arrow or not isinstance(rows, Iterable) else list(rows)
    if isinstance(rows, Set) or (isinstance(values, list) and any(isinstance(row, Set) for row in values)):
        raise TextTypeError(f"{name} must be in an order, and a set has none: pass lists")
    try:
        column = values if is_arrow else pa.array(values)
        if isinstance(column, pa.ChunkedArray):
            column = column.combine_chunks()
    except (pa.ArrowException, TypeError, ValueError, OverflowError) as error:
        raise TextTypeError(f"{name} must be lists of texts, or texts: {one_line(error):.200}") from None
    column = token_rows(column)
    if pa.types.is_null(column.type) and not len(column):
        return pa.array([], TOKEN_ROWS)
    if column.type != TOKEN_ROWS:
        raise TextTypeError(f"{name} must be lists of texts, or texts; received {column.type}")
    if column.null_count or column.flatten().null_count:
        row = next(i for i, values in enumerate(column.to_pylist()) if values is None or None in values)
        raise TextError(f"{name}[{row}] is missing, or contains a missing value: fill or drop it first")
    return column


def classes_of(tags: pa.LargeListArray, classes: Sequence[str] | None = None) -> list[str]:
    """Return the different tags in the order of their ids.

    Args:
        tags: Rows of tags.
        classes: The order, if it is known.

    Raises:
        ArgumentError: If ``classes`` are not distinct texts.
    """
    return check_classes(classes) or sorted_classes(pc.unique(tags.flatten()).to_pylist())


def classes_in(batches: Iterable[pa.RecordBatch], column: str) -> list[str]:
    """Return the different tags of a column of ``tokemb.read_corpus``, in the order of their ids."""
    distinct: set[str] = set()
    for batch in batches:
        distinct.update(pc.unique(batch[column].flatten()).to_pylist())
    return sorted_classes(distinct)


def sorted_classes(tags: Iterable[str]) -> list[str]:
    """Return different tags in the order of their ids. Integers are their own ids.

    Example:
        >>> sorted_classes(["O", "B"]), sorted_classes(["3", "0"])
        (['B', 'O'], ['0', '1', '2', '3'])
    """
    distinct = set(tags)
    if distinct and all(map(_ID.fullmatch, distinct)):
        return [str(index) for index in range(max(map(int, distinct)) + 1)]
    return sorted(distinct)


def class_ids(tags: pa.LargeListArray, classes: Sequence[str]) -> Int32:
    """Return the ids of the tags of all rows, int32 ``(tags,)``.

    Raises:
        ArgumentError: If a tag is none of ``classes``.
    """
    encoded = tags.flatten().dictionary_encode()
    distinct = encoded.dictionary.to_pylist()
    shown = ", ".join(classes[:10]) + (", ..." if len(classes) > 10 else "")
    message = "the tags must not contain {1!r:.80}, which is none of the classes ({0}): add it to the classes".format
    ids = class_indices(distinct, classes, lambda index: ArgumentError(message(shown, distinct[index])))
    return ids[encoded.indices.to_numpy()]


def place_tags(words: Ragged, targets: Int32) -> tuple[Ragged, Ragged]:
    """Place the id of the tag of each word at the first id of the word in its row.

    Args:
        words: The index of the word of each id, or -1, as ``Encoder.encode_column_words`` returns them.
        targets: The id of the tag of each word, int32 ``(words,)``.

    Returns:
        The ids of the tags, 0 at the other ids, and the weights, 1 and 0.
    """
    weights = is_first(words)
    tags = np.zeros(len(weights), np.int32)
    tags[weights] = targets[words.values[weights]]
    return Ragged(tags, words.row_splits), Ragged(weights.astype(np.int32), words.row_splits)


def is_first(words: Ragged) -> Bool:
    """Return whether each id is the first one of its word in its row, bool ``(ids,)``."""
    first = words.values >= 0
    first[1:] &= words.values[1:] != words.values[:-1]  # no two rows have the same word
    return first
