"""Rows as ``tf.train.Example`` messages, written without TensorFlow, and ``.tfrecord`` files of them."""

from __future__ import annotations

from abc import abstractmethod
from functools import cache
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as pt

from tokemb import kernels
from tokemb._arrays import Float32, Int64, UInt8, UInt64
from tokemb.errors import ArgumentError
from tokemb.formats.output_options import OutputOptions, RowColumn
from tokemb.formats.tf_examples import encode_examples, encode_feature, encode_numbers, encode_texts
from tokemb.formats.writer import Block, Writer
from tokemb.sources.column_types import plain, plain_type

# By the dtype of a feature: the name of its list in a protocol buffer, and the default value for missing values.
_LISTS = {"int64": "int64_list", "float32": "float_list", "string": "bytes_list"}
_DEFAULTS = {"int64": "-1", "float32": 'float("nan")', "string": '""'}

# The number of values that are encoded at a time, some megabytes.
_PART = 1 << 18


class ExampleWriter(Writer):
    """Writer of ids as int64 or ``vectors`` as float features. Kept columns are int64, float or bytes features.

    Attributes:
        suffix: The extension of the files, for messages.
    """

    suffix: str

    @classmethod
    def check(cls, layout: OutputOptions) -> None:
        """Raise ``ArgumentError`` for kept columns whose types a feature cannot hold."""
        for field in layout.kept_columns:
            _feature_dtype(field, cls.suffix)

    def __init__(self, path: Path, layout: OutputOptions) -> None:
        super().__init__(path, layout)
        self._rows_list = _LISTS["int64" if layout.name == "ids" else "float32"]
        self._dtypes = [_feature_dtype(field, self.suffix) for field in layout.kept_columns]

    def _write(self, block: Block) -> None:
        for part in block.parts(_PART):
            self._write_records(encode_examples(self._features(part)))

    @abstractmethod
    def _write_records(self, records: pa.Array) -> None:
        """Write messages, ``large_binary`` (rows,)."""

    def _features(self, block: Block) -> dict[str, pa.Array]:
        features = {
            name: encode_feature(self._rows_list, encode_numbers(rows.values.reshape(-1), rows.row_splits))
            for name, rows in block.columns.items()
        }
        for field, dtype, column in zip(
            self.layout.kept_columns, self._dtypes, block.kept_columns.columns, strict=True
        ):
            content = self._feature_content(column, field.name, dtype)
            features[field.name] = encode_feature(_LISTS[dtype], content)
        return features

    def _feature_content(self, column: pa.Array, name: str, dtype: str) -> pa.Array:
        """Encode a kept column as lists of one value each. Missing values are null.

        Args:
            column: The kept column.
            name: Its name.
            dtype: The dtype of its feature.
        """
        values = plain(column)
        if dtype == "string":
            return encode_texts(values.cast(pa.large_binary()))
        converted = self._float32(values, name) if dtype == "float32" else self._int64(values, name)
        lists = encode_numbers(converted, np.arange(len(values) + 1, dtype=np.int64))
        return pc.if_else(values.is_valid(), lists, None)

    def _float32(self, values: pa.Array, name: str) -> Float32:
        """Return ``values`` as float32.

        Raises:
            ArgumentError: If a value overflows, or is not exact in float32 and ``round_floats`` is not set.
        """
        numbers, round_floats = values.to_numpy(zero_copy_only=False), self.layout.round_floats
        with np.errstate(over="ignore"):
            floats = numbers.astype(np.float32)
        overflows = np.isinf(floats) & np.isfinite(numbers)
        inexact = overflows if round_floats else (floats != numbers) & ~np.isnan(numbers)
        if inexact.any():
            number = numbers[inexact][0]
            remedy = "" if overflows[inexact][0] else ", or pass round_floats=True"
            raise ArgumentError(
                f"{_articled(self.suffix)} holds fractions as float32, which does not hold {number} of {name!r}: "
                f"write .npz or .parquet{remedy}"
            )
        return floats

    def _int64(self, values: pa.Array, name: str) -> Int64:
        try:
            return values.cast(pa.int64()).fill_null(0).to_numpy()
        except pa.ArrowInvalid:
            raise ArgumentError(
                f"{_articled(self.suffix)} holds integers up to {2**63 - 1}; {name!r} holds a larger one: write .npz "
                "or .parquet"
            ) from None


class TfrecordWriter(ExampleWriter):
    """Writer of ``.tfrecord`` files."""

    suffix = ".tfrecord"

    @classmethod
    def least_row_bytes(cls, layout: OutputOptions) -> int:
        """Return the size in bytes of the numbers. An id of padding takes one byte, a float four."""
        return layout.row_size * (1 if layout.name == "ids" else 4)

    def __init__(self, path: Path, layout: OutputOptions) -> None:
        super().__init__(path, layout)
        self._file = path.open("xb")

    def _write_records(self, records: pa.Array) -> None:
        self._file.write(frame_records(records).data)


def feature_spec(layout: OutputOptions) -> str:
    """Return the Python code of the feature specification for ``tf.io.parse_single_example``.

    Missing kept values have no feature in their row. Parsing gives -1, NaN or the empty text for them.

    Args:
        layout: The options of the file to read.

    Example:
        >>> print(feature_spec(OutputOptions("ids", np.dtype("int32"), (4,), pa.schema({"label": pa.int8()}))))
        {
            "ids": tf.io.FixedLenFeature([4], tf.int64),
            "label": tf.io.FixedLenFeature([], tf.int64, default_value=-1),
        }
    """
    dtype = "int64" if layout.name == "ids" else "float32"
    lines = [f"{_quote(column.name)}: {_rows_feature(column, dtype)}" for column in layout.columns]
    for field in layout.kept_columns:
        dtype = _feature_dtype(field, TfrecordWriter.suffix)
        lines.append(f"{_quote(field.name)}: tf.io.FixedLenFeature([], tf.{dtype}, default_value={_DEFAULTS[dtype]})")
    return "\n".join(["{", *(f"    {line}," for line in lines), "}"])


def _rows_feature(column: RowColumn, dtype: str) -> str:
    if column.row_shape is None:
        return f"tf.io.RaggedFeature(tf.{dtype})"
    return f"tf.io.FixedLenFeature({list(column.row_shape)}, tf.{dtype})"


def _quote(name: str) -> str:
    return repr(name) if '"' in name or repr(name)[1:-1] != name else f'"{name}"'


def _feature_dtype(field: pa.Field, suffix: str) -> str:
    kind = plain_type(field.type)
    if pt.is_integer(kind) or pt.is_boolean(kind):
        return "int64"
    if pt.is_floating(kind):
        return "float32"
    if kind == pa.large_string() or pt.is_binary(kind) or pt.is_large_binary(kind):
        return "string"
    raise ArgumentError(
        f"{_articled(suffix)} holds columns of numbers, Booleans, texts and bytes; {field.name!r} is {field.type}: "
        "write .parquet"
    )


def _articled(suffix: str) -> str:
    return f"{'an' if suffix[1] in 'aeiou' else 'a'} {suffix}"


# The Castagnoli polynomial with its bits reversed.
_POLYNOMIAL = 0x82F63B78

# The bytes around the content of a record: its length in eight bytes and two checksums of four.
_FRAME = 16


def frame_records(records: pa.Array) -> UInt8:
    """Return records with their frames, as they stand in a file.

    Args:
        records: ``large_binary`` (rows,) without an offset.

    Returns:
        uint8 (bytes,).
    """
    splits = np.frombuffer(records.buffers()[1], np.int64, len(records) + 1)
    content = np.frombuffer(records.buffers()[2] or b"", np.uint8)
    out = np.empty(int(splits[-1]) + _FRAME * len(records), np.uint8)
    kernels.frame(content, splits, _tables(), out, 0, len(records))
    return out


@cache
def _tables() -> UInt64:
    """Return the checksum tables, uint64 (8, 256): the effect of each byte value followed by 0 to 7 other bytes."""
    tables = np.zeros((8, 256), np.uint64)
    tables[0] = np.arange(256)
    one = np.uint64(1)
    for _ in range(8):
        tables[0] = (tables[0] >> one) ^ np.where(tables[0] & one, np.uint64(_POLYNOMIAL), np.uint64(0))
    for number in range(1, 8):
        tables[number] = tables[0][tables[number - 1] & np.uint64(0xFF)] ^ (tables[number - 1] >> np.uint64(8))
    return tables
