"""What another reader finds in a kept column is what was written, or writing is refused."""

from __future__ import annotations

import datetime
import decimal
import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pyarrow.types as pt
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tokemb.errors import ArgumentError
from tokemb.formats import OutputOptions, open_writer
from tokemb.sources.column_types import plain

pytestmark = pytest.mark.keras

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=6) | st.sampled_from(
    ["\0", "a\0", "a\0b", "\n", "\r\n", "\u2028", "𠮷" * 70, '"\\']
)


def integers(kind):
    limits = np.iinfo(kind.to_pandas_dtype())
    edges = [limits.min, limits.max, *(n for n in (2**53 + 1, -(2**53) - 1, -1) if limits.min <= n <= limits.max)]
    return st.integers(limits.min, limits.max) | st.sampled_from(edges)


def bits(width):
    """All floats by their bits: payloads of NaN, subnormals and the negative zero among them."""
    exact = [0.0, -0.0, 1.0, 0.5, 123456789.0, 0.1, 9007199254740993.0, np.inf, -np.inf, np.nan, 2.0**-149, 5e-324]
    with np.errstate(over="ignore"):
        edges = np.array(exact, f"f{width // 8}").view(f"u{width // 8}").tolist()
    numbers = st.integers(0, 2**width - 1) | st.sampled_from(edges)
    return numbers.map(lambda number: np.array(number, f"u{width // 8}").view(f"f{width // 8}")[()])


def moments(lowest=-(2**62), highest=2**62):
    return st.integers(lowest, highest) | st.integers(-(2**31), 2**31) | st.sampled_from([0, 1, -1, 999_999_999])


NUMBERS = {kind: integers(kind) for kind in map(pa.type_for_alias, "i1 i2 i4 i8 u1 u2 u4 u8".split())}
FLOATS = {pa.float16(): bits(16), pa.float32(): bits(32), pa.float64(): bits(64)}
DAY = 86_400
WHOLE = {
    pa.date32(): st.integers(-(2**31), 2**31 - 1) | st.integers(-20_000, 50_000),
    pa.date64(): st.integers(-50_000, 50_000).map(lambda day: day * DAY * 1000),
    **{
        pa.timestamp(unit, zone): moments()
        for unit in ("s", "ms", "us", "ns")
        for zone in (None, "UTC", "Europe/Berlin", "+05:30")
    },
    pa.time32("s"): st.integers(0, DAY - 1),
    pa.time32("ms"): st.integers(0, DAY * 10**3 - 1),
    pa.time64("us"): st.integers(0, DAY * 10**6 - 1),
    pa.time64("ns"): st.integers(0, DAY * 10**9 - 1),
    **{pa.duration(unit): moments() for unit in ("s", "ms", "us", "ns")},
}
OTHERS = {
    pa.bool_(): st.booleans(),
    pa.decimal128(20, 3): st.integers(-(10**19), 10**19).map(lambda n: decimal.Decimal(n).scaleb(-3)),
    pa.decimal256(50, 3): st.integers(-(10**19), 10**19).map(lambda n: decimal.Decimal(n).scaleb(-3)),
    pa.string(): TEXTS,
    pa.large_string(): TEXTS,
    pa.binary(): st.binary(max_size=5) | st.sampled_from([b"\0", b"\xff"]),
    pa.large_binary(): st.binary(max_size=5),
    pa.binary(3): st.binary(min_size=3, max_size=3),
    pa.list_(pa.int64()): st.lists(st.none() | st.integers(-(2**63), 2**63 - 1), max_size=3),
    pa.list_(pa.string()): st.lists(st.none() | TEXTS, max_size=3),
    pa.list_(pa.float64()): st.lists(bits(64), max_size=2),
    pa.list_(pa.int8(), 2): st.lists(st.integers(-128, 127), min_size=2, max_size=2),
    pa.struct({"a": pa.int64()}): st.fixed_dictionaries({"a": st.integers(-(2**63), 2**63 - 1)}),
    pa.null(): st.none(),
}
KINDS = {**NUMBERS, **FLOATS, **WHOLE, **OTHERS}


@st.composite
def columns(draw):
    kind = draw(st.sampled_from(list(KINDS)))
    values = draw(st.lists(st.none() | KINDS[kind], min_size=1, max_size=5))
    if kind in WHOLE:
        width = pa.int32() if kind.bit_width == 32 else pa.int64()
        column = pa.array(values, width).view(kind)
    else:
        column = pa.array(values, kind)
    if draw(st.booleans()) and not pt.is_nested(kind) and not pt.is_null(kind):
        return pa.DictionaryArray.from_arrays(pa.array(range(len(column)), pa.int32()), column)
    return column


def same(got, expected):
    """Whether two arrays of Arrow have the same values; any NaN is as good as another."""
    if pt.is_floating(expected.type):
        width = f"u{expected.type.bit_width // 8}"
        numbers = [array.fill_null(0).to_numpy(zero_copy_only=False) for array in (got, expected)]
        both_nan = np.isnan(numbers[0]) & np.isnan(numbers[1])
        equal = (numbers[0].view(width) == numbers[1].view(width)) | both_nan
        return got.is_null().equals(expected.is_null()) and bool(equal.all())
    return got.equals(expected) or str(got.to_pylist()) == str(expected.to_pylist())


def check_parquet(path, column):
    got = plain(pq.read_table(path)["x"].combine_chunks())
    expected = plain(column)
    # Parquet has no seconds.
    return same(got.cast(expected.type), expected)


def check_npz(path, column):
    expected = plain(column)
    with np.load(path) as archive:
        missing = archive["x.missing"] if "x.missing" in archive.files else np.zeros(len(column), bool)
        assert missing.tolist() == expected.is_null().to_pylist()
        if "x" not in archive.files:
            offsets, utf8 = archive["x.offsets"], archive["x.utf8"].tobytes()
            values = [utf8[a:b].decode() for a, b in zip(offsets[:-1], offsets[1:], strict=True)]
            return [None if gone else v for gone, v in zip(missing, values, strict=True)] == expected.to_pylist()
        values = archive["x"]
    if values.dtype.kind == "U":
        got = pa.array([None if gone else v for gone, v in zip(missing, values.tolist(), strict=True)], expected.type)
    elif values.dtype.kind == "M":
        unit = "D" if pt.is_date32(expected.type) else "ms" if pt.is_date64(expected.type) else expected.type.unit
        assert values.dtype == f"datetime64[{unit}]"
        width = pa.int32() if unit == "D" else pa.int64()
        got = pa.array(values.view(np.int64).astype(width.to_pandas_dtype()), width, mask=missing)
        expected = expected.view(width)
    else:
        got = pa.array(values, expected.type, mask=missing, from_pandas=False)
    return same(got, expected)


def check_jsonl(path, column):
    expected = plain(column)
    got = [json.loads(line)["x"] for line in path.read_text("utf-8").split("\n")[:-1]]
    if pt.is_floating(expected.type):  # NaN is null, as the documentation says
        numbers = expected.to_numpy(zero_copy_only=False)
        read = np.array([np.nan if value is None else value for value in got]).astype(numbers.dtype)
        return same(pa.array(read, from_pandas=False), pa.array(numbers, from_pandas=False))
    if pt.is_temporal(expected.type):
        return [None if value is None else instant(value, expected.type) for value in got] == to_integers(expected)
    if pt.is_decimal(expected.type):
        return [None if value is None else decimal.Decimal(value) for value in got] == expected.to_pylist()
    return got == without_nan(expected.to_pylist())


def without_nan(value):
    """Return a value of JSON, with null for NaN."""
    if isinstance(value, list):
        return [without_nan(item) for item in value]
    if isinstance(value, dict):
        return {name: without_nan(item) for name, item in value.items()}
    return None if isinstance(value, float) and np.isnan(value) else value


def to_integers(column):
    return column.view(pa.int32() if column.type.bit_width == 32 else pa.int64()).to_pylist()


def instant(text, kind):
    """The integer that Arrow has for a date or time in ISO 8601, by Python's own reader."""
    if pt.is_date(kind):
        days = (datetime.date.fromisoformat(text) - datetime.date(1970, 1, 1)).days
        return days if pt.is_date32(kind) else days * DAY * 1000
    text, nanos = shortened(text)
    if pt.is_time(kind):
        moment = datetime.datetime.combine(datetime.date(1970, 1, 1), datetime.time.fromisoformat(text))
    else:
        moment = datetime.datetime.fromisoformat(text)
        assert (moment.tzinfo is None) == (kind.tz is None)
    since = moment.replace(tzinfo=moment.tzinfo or datetime.timezone.utc) - datetime.datetime(
        1970, 1, 1, tzinfo=datetime.timezone.utc
    )
    total = (since // datetime.timedelta(microseconds=1)) * 1000 + nanos
    return total // {"s": 10**9, "ms": 10**6, "us": 10**3, "ns": 1}[kind.unit]


def shortened(text):
    """``text`` with six digits of a second, which is what Python reads, and the nanoseconds after them."""
    head, dot, tail = text.partition(".")
    digits = tail[: len(tail) - len(tail.lstrip("0123456789"))]
    return (text, 0) if len(digits) < 9 else (head + dot + digits[:6] + tail[9:], int(digits[6:]))


def check_tfrecord(path, column):
    import tensorflow as tf

    expected = plain(column)
    if pt.is_floating(expected.type):
        dtype = tf.float32
    elif pt.is_integer(expected.type) or pt.is_boolean(expected.type):
        dtype = tf.int64
    else:
        dtype = tf.string
    records = [record.numpy() for record in tf.data.TFRecordDataset(str(path))]
    got = tf.io.parse_example(records, {"x": tf.io.VarLenFeature(dtype)})["x"]
    values = [None] * len(column)
    for (row, _), value in zip(got.indices.numpy(), got.values.numpy(), strict=True):
        values[row] = value
    if dtype == tf.string:
        return values == plain(column).cast(pa.large_binary()).to_pylist()
    if dtype == tf.int64:
        return values == [None if value is None else int(value) for value in expected.to_pylist()]
    numbers = pa.array([None if value is None else np.float64(value) for value in values], pa.float64())
    return same(numbers, expected.cast(pa.float64()))


CHECKS = {".parquet": check_parquet, ".npz": check_npz, ".jsonl": check_jsonl, ".tfrecord": check_tfrecord}


@settings(max_examples=int(settings.default.max_examples * 4))
@example(pa.array([[float("nan"), 1.5], None]), ".jsonl")
@given(columns(), st.sampled_from(list(CHECKS)))
def test_kept_values_are_read_back_exactly_or_refused(tmp_path, column, suffix):
    path = tmp_path / f"x{suffix}"
    kept = pa.record_batch({"x": column})
    try:
        with open_writer(path, OutputOptions("ids", np.dtype(np.int32), (1,), kept.schema)) as writer:
            writer.append(np.zeros((len(column), 1), np.int32), None, kept)
    except ArgumentError as error:
        assert "write ." in str(error) or "Parquet" in str(error)
        return
    assert CHECKS[suffix](path, column), column


@pytest.mark.parametrize("suffix", CHECKS)
def test_common_columns_are_written_in_every_format(tmp_path, suffix):
    for values in ([2**53 + 1, -(2**63), None], [0.5, None, -0.0, 123456792.0], [True, None], ["a\0b\n", None, ""]):
        kept = pa.record_batch({"x": values})
        path = tmp_path / f"x{suffix}"
        with open_writer(path, OutputOptions("ids", np.dtype(np.int32), (1,), kept.schema)) as writer:
            writer.append(np.zeros((len(values), 1), np.int32), None, kept)
        assert CHECKS[suffix](path, kept.column(0))
