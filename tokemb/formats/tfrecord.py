"""``.tfrecord`` files: a ``tf.train.Example`` a row, written without TensorFlow."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as pt

from tokemb._arrays import Int64
from tokemb.errors import ArgumentError
from tokemb.formats.output_options import OutputOptions
from tokemb.formats.record_frames import framed
from tokemb.formats.tf_examples import examples, feature, numbers, texts
from tokemb.formats.writer import Block, Writer
from tokemb.sources.column_types import plain, plain_type

# By the dtype of a feature: what a protocol buffer calls its list, and what parsing gives for a missing value.
_LISTS = {"int64": "int64_list", "float32": "float_list", "string": "bytes_list"}
_DEFAULTS = {"int64": "-1", "float32": 'float("nan")', "string": '""'}

# Numbers that become records at a time: some megabytes of them.
_PART = 1 << 18


class TfrecordWriter(Writer):
    """``ids`` as int64 or ``vectors`` as float features; kept columns as int64, float or bytes features."""

    @classmethod
    def check(cls, layout: OutputOptions) -> None:
        """Raise ``ArgumentError`` for kept columns whose types are no features."""
        for field in layout.kept:
            _feature_dtype(field)

    @classmethod
    def least_row_bytes(cls, layout: OutputOptions) -> int:
        """Return the bytes of the numbers: an id of padding takes one, a float four."""
        return layout.row_size * (1 if layout.name == "ids" else 4)

    def __init__(self, path: Path, layout: OutputOptions) -> None:
        super().__init__(path, layout)
        self._rows_list = _LISTS["int64" if layout.name == "ids" else "float32"]
        self._dtypes = [_feature_dtype(field) for field in layout.kept]
        self._file = path.open("xb")

    def _write(self, block: Block) -> None:
        for part in block.parts(_PART):
            self._file.write(framed(examples(self._features(part))).data)

    def _features(self, block: Block) -> dict[str, pa.Array]:
        row_splits = block.row_splits
        if row_splits is None:
            row_splits = np.arange(len(block) + 1, dtype=np.int64) * self.layout.row_size
        features = {self.layout.name: feature(self._rows_list, numbers(block.values.reshape(-1), row_splits))}
        for field, dtype, column in zip(self.layout.kept, self._dtypes, block.kept.columns, strict=True):
            content = _feature_content(column, field.name, dtype, self.layout.round_floats)
            features[field.name] = feature(_LISTS[dtype], content)
        return features

    def _complete(self) -> None:
        self._file.flush()

    def _close(self) -> None:
        self._file.close()


def feature_spec(layout: OutputOptions) -> str:
    """What ``tf.io.parse_single_example`` needs to read a file of ``layout``, as Python.

    A kept value that is missing is no feature of its row; parsing gives -1, NaN or the empty text for it.

    >>> print(feature_spec(Layout("ids", np.dtype("int32"), (4,), pa.schema({"label": pa.int8()}))))
    {
        "ids": tf.io.FixedLenFeature([4], tf.int64),
        "label": tf.io.FixedLenFeature([], tf.int64, default_value=-1),
    }
    """
    dtype = "int64" if layout.name == "ids" else "float32"
    if layout.row_shape is None:
        lines = [f'"{layout.name}": tf.io.RaggedFeature(tf.{dtype})']
    else:
        lines = [f'"{layout.name}": tf.io.FixedLenFeature({list(layout.row_shape)}, tf.{dtype})']
    for field in layout.kept:
        dtype = _feature_dtype(field)
        lines.append(f"{_quoted(field.name)}: tf.io.FixedLenFeature([], tf.{dtype}, default_value={_DEFAULTS[dtype]})")
    return "\n".join(["{", *(f"    {line}," for line in lines), "}"])


def _quoted(name: str) -> str:
    return repr(name) if '"' in name or repr(name)[1:-1] != name else f'"{name}"'


def _feature_dtype(field: pa.Field) -> str:
    kind = plain_type(field.type)
    if pt.is_integer(kind) or pt.is_boolean(kind):
        return "int64"
    if pt.is_floating(kind):
        return "float32"
    if kind == pa.large_string() or pt.is_binary(kind) or pt.is_large_binary(kind):
        return "string"
    raise ArgumentError(
        f"a .tfrecord keeps columns of numbers, Booleans, texts and bytes; {field.name!r} is {field.type}: "
        "write .parquet"
    )


def _feature_content(column: pa.Array, name: str, dtype: str, rounds: bool) -> pa.Array:
    """Return lists of one value each, null where there is none.

    ``rounds``: whether a double becomes the nearest of the floats that features are.
    """
    values = plain(column)
    if dtype == "string":
        return texts(values.cast(pa.large_binary()))
    converted = _float32(values, name, rounds) if dtype == "float32" else _int64(values, name)
    lists = numbers(converted, np.arange(len(values) + 1, dtype=np.int64))
    return pc.if_else(values.is_valid(), lists, None)


def _float32(values: pa.Array, name: str, rounds: bool) -> npt.NDArray[np.float32]:
    """Return ``values`` as float32. Raise ``ArgumentError`` for one that is not exactly that, unless ``rounds``."""
    numbers = values.to_numpy(zero_copy_only=False)
    with np.errstate(over="ignore"):
        floats = numbers.astype(np.float32)
    overflown = np.isinf(floats) & np.isfinite(numbers)
    changed = overflown if rounds else (floats != numbers) & ~np.isnan(numbers)
    if changed.any():
        number = numbers[changed][0]
        remedy = "" if overflown[changed][0] else ", or pass round_floats=True"
        raise ArgumentError(
            f"a .tfrecord keeps fractions as float32, which does not hold {number} of {name!r}: write .npz or "
            f".parquet{remedy}"
        )
    return floats


def _int64(values: pa.Array, name: str) -> Int64:
    try:
        return values.cast(pa.int64()).fill_null(0).to_numpy()
    except pa.ArrowInvalid:
        raise ArgumentError(
            f"a .tfrecord keeps whole numbers up to {2**63 - 1}; {name!r} holds a larger one: write .npz or .parquet"
        ) from None
