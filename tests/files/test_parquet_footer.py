"""The footer of Parquet files, read without Arrow, says what Arrow says; damaged ones are an error."""

from __future__ import annotations

import io
import random

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.conftest import EXAMPLES
from tests.fuzz import damaged
from tokemb.files.parquet_footer import read_chunks


def content(**settings):
    table = pa.table(
        {
            "token": ["a", "b", None] * 50,
            "ids": [[1, 2], [], None] * 50,
            "fixed": pa.FixedSizeListArray.from_arrays(pa.array(np.arange(300)), 2),
            "nested": [{"x": 1, "y": "é"}] * 150,
            "flag": [True, False, None] * 50,
        }
    )
    file = io.BytesIO()
    pq.write_table(table.replace_schema_metadata({"k": "v"}), file, row_group_size=40, **settings)
    return file.getvalue()


@pytest.mark.parametrize(
    "settings",
    [{}, {"use_dictionary": False, "compression": "zstd"}, {"data_page_version": "2.0", "write_page_index": True}],
)
def test_the_footer_says_what_arrow_says(settings):
    file = io.BytesIO(content(**settings))
    metadata = pq.ParquetFile(file).metadata
    groups = read_chunks(file)
    assert len(groups) == metadata.num_row_groups == 4
    for index, group in enumerate(groups):
        assert len(group) == metadata.num_columns
        for number, chunk in enumerate(group):
            column = metadata.row_group(index).column(number)
            assert ".".join(chunk.path) == column.path_in_schema
            assert chunk.values == column.num_values
            assert (chunk.unpacked, chunk.stored) == (column.total_uncompressed_size, column.total_compressed_size)
            assert chunk.is_bytes == (column.physical_type == "BYTE_ARRAY")
            assert chunk.in_dictionary == any("DICTIONARY" in encoding for encoding in column.encodings)


def test_a_damaged_footer_is_an_error_or_other_numbers():
    sound = content()
    length = int.from_bytes(sound[-8:-4], "little")
    for number in range(int(300 * EXAMPLES)):
        footer = damaged(sound[-8 - length : -8], random.Random(number))
        file = sound[: -8 - length] + footer + len(footer).to_bytes(4, "little") + b"PAR1"
        try:
            groups = read_chunks(io.BytesIO(file))
        except ValueError as error:
            assert str(error) == "its footer is corrupt"
        else:
            assert all(chunk.values >= 0 for group in groups for chunk in group)


@pytest.mark.parametrize(
    "file", [b"", b"PAR1", b"\xff\xff\xff\x7fPAR1", b"PAR1" + b"\x2c" * 100_000 + b"\xa0\x86\x01\x00PAR1"]
)
def test_what_has_no_footer_is_an_error(file):
    with pytest.raises(ValueError, match="its footer is corrupt"):
        read_chunks(io.BytesIO(file))
