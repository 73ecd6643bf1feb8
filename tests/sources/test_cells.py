"""Cells of tables as numbers and as lists."""

from __future__ import annotations

import json
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokemb.errors import TextError
from tokemb.sources.cells import cells_beside, list_parser, parse_numbers
from tokemb.sources.columns import Location
from tokemb.sources.corpus import read_table
from tokemb.tables import ColumnEncoder

HERE = Location("x.csv", "row", 3)
FINITE = st.floats(width=32, allow_nan=False, allow_infinity=False)
VALUES = st.text(st.characters(codec="utf-8", exclude_characters="|"), max_size=4)


@given(st.lists(st.none() | FINITE))
def test_numbers_and_their_texts_are_parsed_alike(numbers):
    texts = ["" if number is None else repr(number) for number in numbers]
    assert parse_numbers("n", pa.array(texts, pa.string()), HERE).to_pylist() == numbers
    assert parse_numbers("n", pa.array(numbers, pa.float64()), HERE).to_pylist() == numbers


def test_usual_spellings_of_numbers_and_of_missing_ones_are_read():
    column = pa.array([" +1 ", "-.5", "3.", "1e3", "007", "NA", "nan", "", None]).dictionary_encode()
    assert parse_numbers("n", column, HERE).to_pylist() == [1.0, -0.5, 3.0, 1000.0, 7.0, None, None, None, None]
    assert parse_numbers("n", pa.array([True, None]), HERE).to_pylist() == [1.0, None]
    assert parse_numbers("n", pa.array([np.nan, 2.0]), HERE).to_pylist() == [None, 2.0]


@pytest.mark.parametrize("cell", ["x", "1,5", "1_000", "inf", "0x1", "1e99", "--1", "1 2"])
def test_cell_that_is_no_number_is_an_error_with_file_and_row(cell):
    with pytest.raises(TextError, match=r"x\.csv, row 4 has '.*' in the column 'n', which must hold finite numbers"):
        parse_numbers("n", pa.array(["1", cell]), HERE)
    with pytest.raises(TextError, match="the column 'n' of x.csv holds list<item: int64> and must hold numbers"):
        parse_numbers("n", pa.array([[1]]), HERE)


@given(st.lists(st.lists(VALUES)))
def test_separated_values_are_split_and_stripped(rows):
    cells = ["|".join(values) for values in rows]
    expected = [[value.strip() for value in cell.split("|") if value.strip()] for cell in cells]
    found = list_parser("|")("n", pa.array(cells, pa.string()), HERE).to_pylist()
    assert found == [values if cell.strip() else None for values, cell in zip(expected, cells, strict=True)]


@given(st.lists(st.lists(st.none() | st.text() | st.integers() | st.booleans())))
def test_lists_of_json_and_of_python_are_read(rows):
    expected = [[{True: "true", False: "false"}[v] if isinstance(v, bool) else v for v in values] for values in rows]
    expected = [[value if value is None else str(value) for value in values] for values in expected]
    texts = [json.dumps(values, ensure_ascii=False) for values in rows] + [repr(values) for values in rows]
    encodable = [index for index, text in enumerate(texts) if text.encode("utf-8", "replace").decode() == text]
    cells = pa.array([texts[index] for index in encodable], pa.string())
    found = list_parser(None)("n", cells, HERE).to_pylist()
    assert found == [(expected * 2)[index] for index in encodable]


@pytest.mark.parametrize("cell", ["a|b", "[a]", "['a'", '{"a": 1}', "[[1]]", "[1.5]", "[" * 5000, '["\\ud800"]'])
def test_cell_that_holds_no_list_is_an_error_with_file_and_row(cell):
    with pytest.raises(TextError, match=r"x\.csv, row 5 has .* in the column 'n', which must hold lists"):
        list_parser(None)("n", pa.array(["[]", "", cell]), HERE)


@pytest.mark.parametrize("cell", ["['a' 'b']", "['a'\n 'b']", "['a' None]", "[1 2]", "['a'" + " " * 50_000 + "'b']"])
def test_list_as_numpy_writes_it_is_an_error_and_its_values_are_not_joined(cell):
    with pytest.raises(TextError, match=r"x\.csv, row 4 has .* in the column 'n', which must hold lists"):
        list_parser(None)("n", pa.array(["[u'a', \"b\" , 'c\\'']", cell]), HERE)


def test_columns_that_hold_lists_are_unchanged():
    column = pa.array([["a|b"], None])
    assert list_parser("|")("n", column, HERE) is column
    assert list_parser(None)("n", pa.nulls(2), HERE).to_pylist() == [None, None]


def test_column_of_single_numbers_becomes_lists_like_their_texts():
    """Otherwise it would be fitted as single values, and ``1|2`` of another file would be one unknown value."""
    parse = list_parser("|")
    assert parse("n", pa.array([1, None, 23]), HERE).equals(parse("n", pa.array(["1", None, "23"]), HERE))
    fitted = ColumnEncoder.fit({"n": [1, 2, None]}, multi={"n": "|"})
    assert fitted.encode({"n": ["2|1", ""]})["n"].tolist() == [[4, 3], [2, 0]]
    with pytest.raises(TextError, match="the column 'n' of x.csv holds int64 and must hold lists: convert it"):
        list_parser(None)("n", pa.array([1]), HERE)


def test_numbers_of_all_formats_are_read_with_their_first_rows_missing_or_integers(tmp_path):
    lines = ["n,m\n", ",a|b\n", "1,a\n", "1.5,\n"]
    (tmp_path / "x.csv").write_text("".join(lines))
    rows = [{"n": None, "m": "a|b"}, {"n": 1, "m": "a"}, {"n": 1.5, "m": None}]
    (tmp_path / "x.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (tmp_path / "y.jsonl").write_text('{"n": 2, "m": "c"}\n')
    cells = {"n": parse_numbers, "m": list_parser("|")}
    files = [tmp_path / name for name in ("x.csv", "x.jsonl", "y.jsonl")]
    found = pa.Table.from_batches(read_table(files, ["n", "m"], cells=cells))
    assert found["n"].to_pylist() == [None, 1.0, 1.5, None, 1.0, 1.5, 2.0]
    assert found["m"].to_pylist() == [["a", "b"], ["a"], None] * 2 + [["c"]]
    (tmp_path / "y.jsonl").write_text('{"n": "cheap", "m": "c"}\n')
    with pytest.raises(TextError, match=r"y\.jsonl, line 1 has 'cheap' in the column 'n'"):
        list(read_table(files, ["n", "m"], cells=cells))


@pytest.mark.parametrize(
    "numbers",
    [["1", f" {2**53 + 1}"], [1, 2**53 + 1], [Decimal("1.5"), Decimal("12345678901.123456")], [1.5, -(2**60) - 1]],
)
def test_numbers_that_are_copied_too_are_an_error_if_they_would_be_rounded(tmp_path, numbers):
    path = tmp_path / "x.jsonl"
    if isinstance(numbers[1], Decimal):
        path = tmp_path / "x.parquet"
        pq.write_table(pa.table({"n": numbers}), path)
    else:
        path.write_text("".join(json.dumps({"n": number}) + "\n" for number in numbers))
    cells = {"n": parse_numbers}
    assert pa.Table.from_batches(read_table([path], ["n"], cells=cells))["n"].null_count == 0
    with pytest.raises(TextError, match="[0-9.]+ in the column 'n', which .* would be rounded"):
        list(read_table([path], ["n"], typed=["n"], cells=cells_beside(cells, ["n"]), exact=["n"]))


def test_numbers_that_are_copied_too_are_read_as_the_others():
    texts = pa.array(["1", "2.5", "", "nan", str(2**60), "1e300", "-9007199254740992"])
    parse = cells_beside({"n": parse_numbers}, ["n"])["n"]
    with pytest.raises(TextError, match="must hold finite numbers"):
        parse("n", texts, HERE)
    texts = texts.take(pa.array([0, 1, 2, 3, 4, 6]))
    assert parse("n", texts, HERE).to_pylist() == [1.0, 2.5, None, None, 2.0**60, -(2.0**53)]
    assert parse("n", pa.array([2.0**60 / 3]), HERE).to_pylist() == [2.0**60 / 3]


def test_numbers_of_json_lines_can_be_texts_as_in_other_formats(tmp_path):
    values = ["2.5", " nan", 1, 1.5, True, None, 2**60 + 1]
    expected = [2.5, None, 1.0, 1.5, 1.0, None, 2.0**60]
    path = tmp_path / "x.jsonl"
    for some, numbers in ((values, expected), (values[:2], expected[:2]), (values[4:], expected[4:])):
        path.write_text("".join(json.dumps({"n": value}) + "\n" for value in some))
        [batch] = read_table([path], ["n"], cells={"n": parse_numbers})
        assert batch["n"].to_pylist() == numbers
    for wrong in ([1], {"a": 1}, "1,5", float("inf"), 1e300):
        path.write_text(json.dumps({"n": wrong}) + "\n")
        with pytest.raises(TextError, match=r"x\.jsonl, line 1 has .* which must hold finite numbers"):
            list(read_table([path], ["n"], cells={"n": parse_numbers}))


@given(st.lists(st.none() | st.decimals(-(10**20), 10**20, places=10), max_size=8))
def test_decimals_are_the_nearest_floats(decimals):
    column = pa.array(decimals, pa.decimal128(38, 10))
    expected = [None if number is None else float(number) for number in decimals]
    assert parse_numbers("n", column, HERE).to_pylist() == expected
