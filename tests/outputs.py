"""Random outputs: rows with kept columns, cut into blocks, as the tests of writing and reading them share."""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from importlib.util import find_spec

import numpy as np
import pyarrow as pa
from hypothesis import strategies as st

from tokemb import Ragged
from tokemb.formats import FORMATS as ALL_FORMATS
from tokemb.formats import OutputOptions, open_writer

# The formats that can be written here.
FORMATS = [suffix for suffix in ALL_FORMATS if suffix != ".array_record" or find_spec("array_record")]

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=5) | st.sampled_from(
    ['"\\/\n\r\t\x00\x1f\x7f', "\u2028\u2029\ufeff", "𠮷🙂é", "ends in nul\0", "long" * 17]
)
COLUMNS = {
    "text": (pa.string(), TEXTS),
    "ключ \"'\n": (pa.large_string(), TEXTS),
    "coded": (pa.dictionary(pa.int8(), pa.string()), st.sampled_from(["pos", "neg"])),
    "small": (pa.int8(), st.integers(-128, 127)),
    "large": (pa.uint64(), st.integers(0, 2**63 - 1)),
    "real": (pa.float64(), st.floats(allow_nan=False, allow_infinity=False)),
    "single": (pa.float32(), st.floats(width=32, allow_nan=False, allow_infinity=False)),
    "flag": (pa.bool_(), st.booleans()),
}
DAYS = {"day": (pa.date32(), st.dates(datetime.date(1, 1, 1)))}


@dataclass
class Output:
    layout: OutputOptions
    blocks: list
    kept: pa.Table

    @property
    def rows(self):
        """All rows as lists."""
        return [row.tolist() for rows, _, _ in self.blocks for row in rows]

    @property
    def array(self):
        return np.concatenate([rows for rows, _, _ in self.blocks])

    @property
    def kept_rows(self):
        return self.kept.to_pylist() or [{}] * len(self.rows)

    def write(self, target):
        with open_writer(target, self.layout, force=True) as writer:
            for block in self.blocks:
                writer.append(*block)
        return target


@st.composite
def outputs(draw, columns=COLUMNS, *, ragged=None, name=None):
    name = name or draw(st.sampled_from(["ids", "vectors"]))
    if ragged is None:
        ragged = draw(st.booleans())
    ragged = ragged and name == "ids"
    names = draw(st.lists(st.sampled_from(sorted(columns)), unique=True)) if columns else []
    schema = pa.schema([pa.field(each, columns[each][0]) for each in names])
    if name == "ids":
        dtype = draw(st.sampled_from(["int32", "uint16", "int64"]))
        row_shape = None if ragged else (draw(st.integers(1, 4)),)
        numbers = st.integers(0, 65535)
    else:
        dtype = draw(st.sampled_from(["float32", "float16"]))
        row_shape = tuple(draw(st.lists(st.integers(1, 3), max_size=3)))
        numbers = st.floats(width=16, allow_nan=False, allow_infinity=False)
    blocks, parts = [], []
    for _ in range(draw(st.integers(0, 3))):
        count = draw(st.integers(0, 4))
        if ragged:
            rows = Ragged.from_rows([draw(st.lists(numbers, max_size=4)) for _ in range(count)])
            lengths = None
        else:
            size = int(np.prod(row_shape)) * count
            made = draw(st.lists(numbers, min_size=size, max_size=size))
            rows = np.array(made, np.int32 if name == "ids" else np.float32).reshape(count, *row_shape)
            lengths = np.array(draw(st.lists(st.integers(0, 4), min_size=count, max_size=count)), np.int64)
        values = [
            pa.array(draw(st.lists(st.none() | columns[each][1], min_size=count, max_size=count)), columns[each][0])
            for each in names
        ]
        kept = pa.RecordBatch.from_arrays(values, schema=schema)
        parts.append(kept)
        blocks.append((rows, lengths, kept if names else draw(st.sampled_from([kept, None]))))
    if not ragged and not blocks:
        blocks.append((np.zeros((0, *row_shape), np.int32 if name == "ids" else np.float32), np.zeros(0, int), None))
        blocks[0] = (*blocks[0][:2], pa.RecordBatch.from_pylist([], schema))
    layout = OutputOptions(
        name, np.dtype(dtype), row_shape, schema, draw(st.sampled_from(["", "abc"])), draw(st.none() | st.just(7))
    )
    return Output(layout, blocks, pa.Table.from_batches(parts, schema))
