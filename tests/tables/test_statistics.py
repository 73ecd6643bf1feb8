"""Statistics of columns equal what loops over the rows give."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tokemb
from tokemb.errors import ArgumentError
from tokemb.pipeline.reports import report_columns
from tokemb.rows.ragged import Ragged
from tokemb.tables.statistics import PartitionLoad, column_statistics, partition_load, partition_loads

ROWS = st.lists(st.lists(st.integers(1, 12), max_size=5), max_size=20)


def looped_load(rows, batch_size, partitions):
    """Return the load as loops over batches, partitions of rows and rows."""
    share = -(-batch_size // partitions)
    most_ids = most_unique = 0
    for start in range(0, len(rows), batch_size):
        batch = rows[start : start + batch_size]
        for first in range(0, len(batch), share):
            looked_up = [index for row in batch[first : first + share] for index in set(row)]
            most_ids = max([most_ids, *Counter(index % partitions for index in looked_up).values()])
            most_unique = max([most_unique, *Counter(index % partitions for index in set(looked_up)).values()])
    return PartitionLoad(most_ids, most_unique)


@given(ROWS, st.integers(1, 9), st.integers(1, 4))
def test_partition_load_equals_loops_over_the_rows(rows, batch_size, partitions):
    assert partition_load(Ragged.from_rows(rows), batch_size, partitions) == looped_load(rows, batch_size, partitions)
    single = [index for row in rows for index in row]
    expected = looped_load([[index] for index in single], batch_size, partitions)
    assert partition_load(np.array(single, np.int32), batch_size, partitions) == expected


@given(st.lists(st.sampled_from("abcdef"), min_size=1, max_size=30), st.integers(1, 7), st.integers(1, 6))
def test_partition_loads_do_not_depend_on_the_chunks_of_a_table(values, batch_size, chunk):
    table = pa.table({"one": values, "two": [[value, "b"] for value in values]})
    encoder = tokemb.ColumnEncoder.fit(table)
    chunks = (table.slice(start, chunk).combine_chunks().to_batches()[0] for start in range(0, len(values), chunk))
    loads = partition_loads(encoder, chunks, batch_size=batch_size, partitions=2)
    ids = encoder.encode_ragged(table)
    assert loads == {name: partition_load(column, batch_size, 2) for name, column in ids.items()}


def test_column_statistics_count_values():
    table = {"from": ["a", "b", None, "a"], "to": ["c", "a", "b", "b"], "n": [1, 1, 2, 3]}
    encoder = tokemb.ColumnEncoder.fit(table, shared=[["from", "to"]], min_count={"n": 2})
    start, end, number = column_statistics(encoder)
    assert (start.cardinality, start.missing, start.values, start.shared) == (3, 1 / 8, 8, ["to"])
    assert end.shared == ["from"]
    assert (number.cardinality, number.missing, number.oov, number.input_dim) == (3, 0, 0.5, 4)
    assert number.suggested_dim == encoder.suggested_dims["n"]


def test_report_of_columns_finds_the_column_that_drifts():
    random = np.random.default_rng(0)
    old, new = ({"user": random.integers(0, 20, 2000), "item": random.integers(0, 50, 2000)} for _ in range(2))
    new["item"] = random.integers(40, 90, 2000)
    result = report_columns(old, on=new, partitions=2, batch_size=64)
    assert result.drift["user"].verdict == "stable"
    assert result.drift["item"].verdict == "significant"
    encoder = tokemb.ColumnEncoder.fit(old)
    assert report_columns(encoder, on=new, partitions=2, batch_size=64) == result
    assert result.columns[0].load == partition_load(encoder.encode(new)["user"], 64, 2)


def test_partitions_require_a_table():
    with pytest.raises(ArgumentError, match="partitions requires a table that can be read twice"):
        report_columns(tokemb.ColumnEncoder.fit({"a": [1]}), partitions=2)
    with pytest.raises(ArgumentError, match="columns must be left out"):
        report_columns(tokemb.ColumnEncoder.fit({"a": [1]}), columns=["a"])
