"""Events grouped into sequences, against pandas."""

from __future__ import annotations

import datetime
import gzip

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tokemb
from tests.conftest import DATA
from tokemb.errors import ArgumentError, TextError, TextTypeError

ROWS = st.lists(
    st.tuples(st.sampled_from(["u", "v", "wx"]), st.integers(0, 2), st.integers(-3, 12), st.integers()), max_size=30
)
NAMES = ("user", "session", "time", "at")


def in_python(rows, key, order):
    """The same with dicts and Python's sort, which is stable."""
    groups = {}
    for row in rows:
        groups.setdefault(tuple(row[name] for name in key), []).append(row)
    return [(key, sorted(group, key=lambda row: [row[name] for name in order])) for key, group in groups.items()]


@given(ROWS, st.sampled_from([["user"], ["user", "session"], ["session"]]), st.sampled_from([[], ["time"]]))
def test_groups_are_those_of_python(rows, key, order):
    rows = [dict(zip(NAMES, row, strict=True)) for row in rows]
    for number, row in enumerate(rows):
        row["at"] = number
    table = pa.Table.from_pylist(rows, pa.schema([(n, pa.string() if n == "user" else pa.int64()) for n in NAMES]))
    made = tokemb.group_events(table, key, order, ["at", "time"] if not order else ["at"], first=["time"] * bool(order))
    expected = in_python(rows, key, order)
    assert [tuple(row[name] for name in key) for row in made.to_pylist()] == [group for group, _ in expected]
    assert made["at"].to_pylist() == [[row["at"] for row in group] for _, group in expected]
    times = [[row["time"] for row in group] for _, group in expected]
    assert made["time"].to_pylist() == ([time[0] for time in times] if order else times)
    assert pa.types.is_large_list(made["at"].type)


def test_groups_are_those_of_pandas():
    pandas = pytest.importorskip("pandas")
    random = np.random.default_rng(0)
    frame = pandas.DataFrame({"user": random.integers(0, 300, 5000), "time": random.integers(0, 50, 5000)})
    frame["item"] = np.arange(5000)
    grouped = frame.sort_values("time", kind="stable").groupby("user")["item"].agg(list)
    made = tokemb.group_events(frame, "user", "time").to_pydict()
    assert made["user"] == frame["user"].unique().tolist()
    assert made["item"] == [grouped[user] for user in made["user"]]


def test_numbers_are_sorted_as_numbers_in_files_too(tmp_path):
    (tmp_path / "x.csv").write_text("user,time,item\nu,10,b\nu,9,a\nu,100.5,c\n")
    assert tokemb.group_events(tmp_path / "x.csv", "user", "time", "item")["item"].to_pylist() == [["a", "b", "c"]]
    pq.write_table(pa.table({"user": [1, 1], "time": [10, 9], "item": [1, 2]}), tmp_path / "x.parquet")
    made = tokemb.group_events(tmp_path / "x.parquet", "user", "time")
    assert made.to_pydict() == {"user": [1], "item": [[2, 1]]}
    (tmp_path / "u.data").write_text("u\t10\tb\nu\t9\t07\n")
    made = tokemb.group_events(str(tmp_path / "u.data"), "0", "1", format="tsv", header=False)
    assert made.to_pydict() == {"0": ["u"], "2": [["07", "b"]]}


@pytest.mark.parametrize(
    "times",
    [
        ["2024-05-17 10:00", "2024-05-17 09:59"],
        [datetime.datetime(2024, 1, 2), datetime.datetime(2024, 1, 1)],
        [datetime.date(2024, 1, 2), datetime.date(2023, 1, 1)],
        [0.5, -1.0],
        pa.array(["b", "a"]).dictionary_encode(),
    ],
    ids=str,
)
def test_times_of_many_types(times):
    table = {"user": ["u", "u"], "time": times, "item": ["later", "sooner"]}
    assert tokemb.group_events(table, "user", "time", "item")["item"].to_pylist() == [["sooner", "later"]]


def test_events_and_other_orders():
    rows = {"u": [1, 1, 1], "day": [2, 1, 1], "hour": [1, 5, 4], "skill": ["a", "b", "c"], "right": [1, 0, None]}
    made = tokemb.group_events(rows, "u", ["day", "hour"], [("skill", "right")], first=["day"])
    assert made.to_pydict() == {"u": [1], "day": [1], "skill": [["c", "b", "a"]], "right": [[None, 0, 1]]}
    assert tokemb.group_events(rows, ["u", "day"], None, "skill")["skill"].to_pylist() == [["a"], ["b", "c"]]


@pytest.mark.parametrize("times", [["9", "1.5"], ["2024-01-01", " 7.5 "], ["1e3", "x"], ["9" * 1000, "1"]])
def test_numbers_among_texts_are_no_order(times):
    with pytest.raises(
        TextError,
        match=r"'time': it holds texts that look like numbers, for example .*, and as texts 10 comes before 9",
    ):
        tokemb.group_events({"u": [1, 1], "time": times}, "u", "time")


INTEGERS = st.integers(-(10**25), 10**25) | st.sampled_from([2**63 - 1, 2**63, 2**64, 2**64 + 1, 0])


@given(st.lists(INTEGERS, min_size=1, max_size=8), st.booleans())
def test_integers_of_any_size_are_sorted_exactly(integers, is_event):
    times = [f"+{number}" if number > 10**24 else f" 0{number}" if number == 0 else str(number) for number in integers]
    rows = {"u": [1] * len(times), "t": times, "row": range(len(times))}
    made = tokemb.group_events(rows, "u", "t", ["row", "t"] if is_event else ["row"])
    assert made["row"].to_pylist() == [sorted(rows["row"], key=lambda row: integers[row])]


def test_integers_of_twenty_digits_in_files_and_decimals_are_sorted_exactly(tmp_path):
    (tmp_path / "log.csv").write_text("u,t,item\n1,18446744073709551617,b\n1,18446744073709551616,a\n1,9,c\n")
    expected = [["c", "a", "b"]]
    assert tokemb.group_events(tmp_path / "log.csv", "u", "t", "item")["item"].to_pylist() == expected
    times = pa.array([2**64 + 1, 2**64, 9], pa.decimal128(38))
    rows = {"u": [1, 1, 1], "t": times, "item": ["b", "a", "c"]}
    assert tokemb.group_events(rows, "u", "t", "item")["item"].to_pylist() == expected


@pytest.mark.parametrize("is_event", [False, True])
def test_hexadecimal_numbers_are_sorted_as_texts_also_if_they_are_events(is_event):
    rows = {"u": [1, 1, 1], "t": ["0x9", "0x10", "0xa"], "row": [0, 1, 2]}
    made = tokemb.group_events(rows, "u", "t", ["row", "t"] if is_event else ["row"])
    assert made["row"].to_pylist() == [[1, 0, 2]]


def test_half_floats_are_sorted_and_intervals_are_an_error():
    rows = {"u": [1, 1], "item": ["b", "a"]}
    halves = pa.array(np.array([2, 1], np.float16))
    assert tokemb.group_events({**rows, "t": halves}, "u", "t", "item")["item"].to_pylist() == [["a", "b"]]
    intervals = pa.array([(2, 0, 0), (1, 0, 0)], pa.month_day_nano_interval())
    with pytest.raises(TextTypeError, match="the column 't' holds month_day_nano_interval: convert it"):
        tokemb.group_events({**rows, "t": intervals}, "u", "t")


@pytest.mark.parametrize("value", [None, float("nan")])
@pytest.mark.parametrize("name", ["u", "time"])
def test_missing_keys_and_times(name, value):
    table = {"u": [1.0, 2.0, 3.0], "time": [1.0, 2.0, 3.0], "item": ["a", "b", "c"]}
    table[name][1] = value
    with pytest.raises(TextError, match=f"row 2 has no '{name}'"):
        tokemb.group_events({key: pa.array(values) for key, values in table.items()}, "u", "time")


def test_empty_keys_of_csv_are_missing(tmp_path):
    (tmp_path / "x.csv").write_text("user,item\nu,a\n,b\n")
    with pytest.raises(TextError, match="row 2 has no 'user'"):
        tokemb.group_events(tmp_path / "x.csv", "user")


def test_wrong_settings():
    table = {"u": [1], "time": [[1]], "item": ["a"]}
    with pytest.raises(
        TextTypeError, match="rows are grouped and ordered by single values; the column 'time' holds list"
    ):
        tokemb.group_events(table, "u", "time")
    with pytest.raises(TextError, match="no column 'v'"):
        tokemb.group_events(table, "v")
    with pytest.raises(TextError, match="no column 'v'"):
        tokemb.group_events(table, "u", columns=["v"])
    with pytest.raises(ArgumentError, match="key must name a column"):
        tokemb.group_events(table, [])
    with pytest.raises(ArgumentError, match="'item' must be in one of key, first and columns"):
        tokemb.group_events(table, "u", columns=["item"], first=["item"])
    with pytest.raises(ArgumentError, match="header must be given only for files"):
        tokemb.group_events(table, "u", header=False)


def test_lists_are_no_keys():
    with pytest.raises(TextTypeError, match="grouped and ordered by single values; the column 'user' holds list"):
        tokemb.group_events(pa.table({"user": [["a"], ["b"]], "item": ["x", "y"]}), "user")


class Uuid(pa.ExtensionType):
    """A type as ``pyarrow.uuid``, which old versions lack."""

    def __init__(self):
        super().__init__(pa.binary(16), "tests.uuid")

    def __arrow_ext_serialize__(self):
        return b""

    @classmethod
    def __arrow_ext_deserialize__(cls, storage_type, serialized):
        return cls()


@pytest.mark.parametrize(("key", "order"), [("id", None), ("user", "id")])
def test_uuids_are_no_keys(key, order):
    ids = pa.ExtensionArray.from_storage(Uuid(), pa.array([b"a" * 16, b"b" * 16], pa.binary(16)))
    with pytest.raises(TextTypeError, match="ordered by single values; the column 'id' holds extension"):
        tokemb.group_events(pa.table({"id": ids, "user": [1, 1], "item": ["x", "y"]}), key, order)


def test_no_rows():
    made = tokemb.group_events(pa.table({"u": pa.array([], pa.int64()), "i": pa.array([], pa.string())}), "u")
    assert made.to_pydict() == {"u": [], "i": []}


def test_events_keep_their_spelling_if_they_also_sort_the_rows(tmp_path):
    (tmp_path / "answers.csv").write_text("user,correct\na,10.0\na,9.0\nb,1.50\n")
    grouped = tokemb.group_events(tmp_path / "answers.csv", "user", "correct", ["correct"])
    assert grouped["correct"].to_pylist() == [["9.0", "10.0"], ["1.50"]]


def test_batches_in_an_iterator():
    batches = iter([pa.record_batch({"u": [1, 2], "i": ["a", "b"]}), pa.record_batch({"u": [1], "i": ["c"]})])
    assert tokemb.group_events(batches, "u").to_pydict() == {"u": [1, 2], "i": [["a", "c"], ["b"]]}


@pytest.mark.skipif(not (DATA / "sasrec_video").is_dir(), reason="needs the corpora")
def test_actions_in_videos():
    path = DATA / "sasrec_video" / "Video.txt.gz"
    made = tokemb.group_events(path, "0", columns=["1"], delimiter=" ", header=False)
    expected = {}
    with gzip.open(path, "rt") as file:
        for line in file:
            user, item = line.split()
            expected.setdefault(user, []).append(item)
    assert made["0"].to_pylist() == list(expected)
    assert made["1"].to_pylist() == list(expected.values())
    assert len(made) == 31_013


def test_batches_of_different_types_are_an_error():
    batches = [pa.record_batch({"user": ["a"], "at": [1]}), pa.record_batch({"user": ["a"], "at": [0.5]})]
    with pytest.raises(TextTypeError, match="'at' must have one type in all record batches; received int64 and double"):
        tokemb.group_events(iter(batches), "user", "at")
    with pytest.raises(TextError, match="the table must have rows; received an iterator without record batches"):
        tokemb.group_events(iter([]), "user")
