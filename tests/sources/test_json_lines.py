"""Values of JSON Lines that would lose digits, or that Arrow and Python read in different ways."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.conftest import command_here
from tests.sources.test_read_corpus import collect, folder  # noqa: F401 - a fixture
from tokemb import TokembError
from tokemb.sources import texts

NUMBERS = st.one_of(
    st.integers(),
    st.sampled_from([2**53 - 1, 2**53 + 1, -(2**53) - 1, 2**63 - 1, 2**63, 2**64, 2**64 + 1, 10**400]),
    st.floats(),
    st.none(),
)


def numbers_of(*literals, keep="n", first="0.5"):
    """The kept numbers of a file whose first value decides that they are fractions."""
    with open("a.jsonl", "w") as file:
        file.writelines(f'{{"text": "a", "n": {literal}}}\n' for literal in (first, *literals))
    return [row["n"] for row in collect("a.jsonl", keep=[keep])][1:]


@pytest.fixture(params=[1, 1 << 20])
def block(request, monkeypatch):
    """A file is read in one block, or in a block for each line."""
    monkeypatch.setattr(texts, "BATCH_BYTES", request.param)


@pytest.mark.usefixtures("folder", "block")
@pytest.mark.parametrize("literal", ["9007199254740993", "-9007199254740993", "1" * 400, "18446744073709551617"])
def test_integer_that_a_float_cannot_hold_is_an_error_beside_fractions(literal):
    message = (
        r"a\.jsonl, line 2 has .* in the column 'n', which contains 64-bit floats; write the numbers .* as strings"
    )
    with pytest.raises(TokembError, match=message) as caught:
        numbers_of(literal)
    assert literal[:80] in str(caught.value)
    with pytest.raises(TokembError, match=r"line 2 has \[.* in the column 'n', which contains lists of 64-bit floats"):
        numbers_of(f"[{literal}]", first="[0.5]")


@pytest.mark.usefixtures("folder", "block")
def test_large_numbers_that_floats_hold_are_read_exactly():
    assert numbers_of("9007199254740992", "18446744073709551616", "1e300", "null", "7") == [
        2**53,
        2**64,
        1e300,
        None,
        7,
    ]
    assert numbers_of("[18446744073709551616, null]", "null", first="[0.5]") == [[2.0**64, None], None]
    assert numbers_of("9007199254740993", first="1") == [2**53 + 1]


@pytest.mark.usefixtures("folder", "block")
def test_number_beyond_all_floats_is_an_error_and_infinity_is_not():
    with pytest.raises(TokembError, match=r"line 2 has -1e999 in the column 'n', which contains 64-bit floats"):
        numbers_of("-1e999")
    assert numbers_of("Infinity", "-Infinity") == [float("inf"), -float("inf")]
    assert str(numbers_of("NaN")) == "[nan]"
    assert len(numbers_of('1, "other": 1e999')) == 1


@pytest.mark.usefixtures("folder", "block")
@pytest.mark.parametrize(
    ("literal", "first", "message"),
    [
        ("18446744073709551616", "1", "has 18446744073709551616 .* integers below 2\\*\\*63; write the numbers"),
        ("1" * 5000, "0.5", "cannot be read as JSON: it contains an integer of thousands of digits"),
        ("[" * 100_000 + "]" * 100_000, "0.5", "cannot be read as JSON: it is nested too deeply"),
        ('1, "n": 2', "0.5", "has the key 'n' more than once"),
        ('1, "n": null', "0.5", "has the key 'n' more than once"),
        ('1, "text": "b"', "0.5", "has the key 'text' more than once"),
        ('18446744073709551617, "n": 1', "0.5", "has the key 'n' more than once"),
        ('18446744073709551617, "\\u006e": 1', "0.5", "has the key 'n' more than once"),
    ],
)
def test_value_that_cannot_be_read_is_an_error_that_names_the_line(literal, first, message):
    with pytest.raises(TokembError, match=rf"a\.jsonl, line 2 {message}"):
        numbers_of(literal, first=first)


@pytest.mark.usefixtures("folder", "block")
def test_repeated_keys_of_other_columns_are_ignored():
    assert numbers_of('1, "m": 1, "m": 2', '2, "m": {"n": 1, "n": 2}') == [1, 2]


@pytest.mark.usefixtures("folder")
def test_lists_of_lists_are_an_error():
    with pytest.raises(TokembError, match=r"'n' of a\.jsonl contains lists of lists: it must contain texts"):
        numbers_of(first="[[1]]")


@given(st.lists(NUMBERS, min_size=1, max_size=4), st.sampled_from([1, 1 << 20]))
def test_kept_numbers_are_those_of_python_or_an_error(tmp_path_factory, values, block):
    path = tmp_path_factory.mktemp("json") / "a.jsonl"
    path.write_text("".join(json.dumps({"text": "a", "n": value}) + "\n" for value in [0.5, *values]))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(texts, "BATCH_BYTES", block)
        try:
            rows = collect(path, keep=["n"])
        except TokembError as error:
            assert "a.jsonl, line " in str(error)
            assert not all(map(is_exact, values))
        else:
            assert list(map(repr, [row["n"] for row in rows[1:]])) == [
                repr(value if value is None else float(value)) for value in values
            ]
            assert all(map(is_exact, values))


def is_exact(value):
    try:
        return value is None or value != value or float(value) == value
    except OverflowError:
        return False


def test_command_names_the_line_of_an_integer_that_would_be_rounded(tmp_path):
    (tmp_path / "a.jsonl").write_text('{"text": "a", "n": 0.5}\n{"text": "a", "n": 9007199254740993}\n')
    command_here("fit-vocab", "a.jsonl", "-o", "v", cwd=tmp_path)
    arguments = ("encode", "a.jsonl", "--vocab", "v", "--keep", "n", "-o", "x.parquet")
    run = command_here(*arguments, cwd=tmp_path)
    assert run.returncode == 1
    assert run.stderr.startswith(b"Error: a.jsonl, line 2 has 9007199254740993 in the column 'n'")
    assert not (tmp_path / "x.parquet").exists()
