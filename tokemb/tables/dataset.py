"""Batches of an encoded table as a ``tf.data.Dataset``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from tokemb._arrays import Array, Int64
from tokemb.errors import ArgumentError
from tokemb.keras.datasets.batches import check_not_empty
from tokemb.keras.datasets.labels import check_classes, encode_labels
from tokemb.keras.datasets.order import BatchOrder
from tokemb.rows.ragged import Ragged
from tokemb.tables.encoded_table import EncodedTable

if TYPE_CHECKING:
    import tensorflow as tf


def label_columns(labels: Any) -> list[str]:  # noqa: ANN401 - any column, or several by name
    """Return the columns of the table that labels are read from."""
    values = labels.values() if isinstance(labels, Mapping) else [labels]
    return list(dict.fromkeys(value for value in values if isinstance(value, str)))


def label_arrays(
    labels: Any,  # noqa: ANN401
    table: pa.Table,
    classes: Sequence[str] | Mapping[str, Sequence[str]] | None,
) -> Array | dict[str, Array] | None:
    """Return labels as arrays of numbers ``(rows, ...)``.

    Args:
        labels: A column of labels, the name of one in ``table``, or a mapping from names of outputs to these.
        table: The columns that labels name.
        classes: The classes in order, if the labels are strings. A mapping if there are several outputs.

    Raises:
        ArgumentError: If a label is invalid.
    """
    if labels is None:
        return None
    if isinstance(labels, Mapping):
        by_output = classes if isinstance(classes, Mapping) else dict.fromkeys(labels, classes)
        for name in by_output:
            if name not in labels:
                raise ArgumentError(f"classes must name outputs ({', '.join(labels)}); received {name!r}")
        return {name: _label_array(column, table, by_output.get(name)) for name, column in labels.items()}
    if isinstance(classes, Mapping):
        raise ArgumentError("classes must be a list of strings unless labels are a mapping of several outputs")
    return _label_array(labels, table, classes)


def _label_array(labels: Any, table: pa.Table, classes: Sequence[str] | None) -> Array:  # noqa: ANN401
    column = table[labels] if isinstance(labels, str) else labels
    numbers = encode_labels(column, check_classes(classes))
    if len(numbers) != len(table):
        raise ArgumentError(
            f"labels must have one row for each row of the table; received {len(numbers)} labels for {len(table)} rows"
        )
    return numbers


def make_dataset(
    table: EncodedTable, labels: Array | dict[str, Array] | None, order: BatchOrder, *, one_length: bool
) -> tf.data.Dataset:
    """Make the dataset of ``ColumnEncoder.dataset``.

    Args:
        table: The rows.
        labels: The labels of the rows.
        order: The assignment of rows to batches.
        one_length: Whether columns that have a length are padded to it. Otherwise each batch is padded to its longest
            row.
    """
    from tokemb.keras.datasets.tf_dataset import dataset_of_epochs  # imports TensorFlow

    if not one_length:
        table = EncodedTable(table.columns, dict.fromkeys(table.maxlen), table.padding)
    lengths = table.lengths
    count = len(order.batches(lengths, [0]))
    check_not_empty(count, len(table), order)

    def take(rows: Int64) -> Any:  # noqa: ANN401 - the structure of the dataset
        inputs = table.batch(rows)
        if labels is None:
            return inputs
        taken = {name: column[rows] for name, column in labels.items()} if isinstance(labels, dict) else labels[rows]
        return inputs, taken

    return dataset_of_epochs(
        lambda epoch: map(take, order.batches(lengths, [epoch])), _signature(table, labels, order), count
    )


def _signature(table: EncodedTable, labels: Array | dict[str, Array] | None, order: BatchOrder) -> Any:  # noqa: ANN401
    import tensorflow as tf

    rows = order.batch_size if order.drop_remainder else None

    def spec(array: Array) -> tf.TensorSpec:
        return tf.TensorSpec((rows, *array.shape[1:]), array.dtype)

    inputs = {
        name: tf.TensorSpec((rows, table.maxlen[name]), tf.int32) if isinstance(column, Ragged) else spec(column)
        for name, column in table.columns.items()
    }
    if labels is None:
        return inputs
    return inputs, {name: spec(column) for name, column in labels.items()} if isinstance(labels, dict) else spec(labels)
