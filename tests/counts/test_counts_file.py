from __future__ import annotations

import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tokemb
from tests.conftest import MIXED
from tokemb import TokenCounts
from tokemb.errors import CountsError

ODD = ["", "\0", "\n", "\r\n", " ", "'\"\\", "𠮷", "\U0010ffff", "\ufeff", "\x1f\x85\u2028", "a", "A", "é", "e\u0301"]


def assert_equal(first, second):
    assert first.profile == second.profile
    assert first.tokens.type == second.tokens.type
    assert first.tokens.to_pylist() == second.tokens.to_pylist()
    for name in ("counts", "documents"):
        np.testing.assert_array_equal(getattr(first, name), getattr(second, name), strict=True)
    assert dict(first.row_lengths) == dict(second.row_lengths)


def saved_and_loaded(counts, folder):
    counts.save(folder / "x.counts.parquet")
    return TokenCounts.load(str(folder / "x.counts.parquet"))


@given(st.lists(st.lists(st.sampled_from(ODD) | st.text(max_size=3), max_size=6), max_size=6))
def test_what_is_loaded_is_what_was_saved(tmp_path, rows):
    counts = TokenCounts.from_texts(rows, profile="whitespace")
    assert_equal(saved_and_loaded(counts, tmp_path), counts)


@pytest.mark.parametrize("profile", ["words", "keras", "text-vectorization", "whitespace", "chars", "bert"])
def test_a_vocabulary_of_loaded_counts_is_that_of_the_texts(tmp_path, profile):
    parts = [TokenCounts.from_texts(texts, profile=profile) for texts in (MIXED[:5], MIXED[5:9], MIXED[9:])]
    whole = TokenCounts.from_texts(MIXED, profile=profile)
    assert_equal(sum(saved_and_loaded(part, tmp_path) for part in parts), whole)
    loaded = saved_and_loaded(whole, tmp_path)
    for settings in ({}, {"max_size": 9}, {"min_count": 2}):
        of_texts = tokemb.fit_vocab(MIXED, profile=profile, **settings)
        # The keras profile orders equally frequent words as they were first seen.
        assert tokemb.fit_vocab(loaded, **settings).vocabulary == of_texts.vocabulary


def test_sum_starts_from_nothing_but_zero():
    counts = TokenCounts.from_texts(["a"])
    assert sum([counts]) is counts
    with pytest.raises(TypeError):
        sum([counts], 1)
    with pytest.raises(TypeError):
        counts + 0


def test_other_programs_see_plain_columns(tmp_path):
    TokenCounts.from_texts(["to be or", "not to be be"]).save(tmp_path / "x.counts.parquet")
    table = pq.read_table(tmp_path / "x.counts.parquet")
    assert table.to_pydict() == {
        "token": ["to", "be", "or", "not"],
        "count": [2, 3, 1, 1],
        "documents": [2, 2, 1, 1],
    }
    assert json.loads(table.schema.metadata[b"tokemb.counts"]) == {
        "format_version": 1,
        "profile": "words",
        "row_lengths": [[3, 1], [4, 1]],
    }


def test_a_file_that_is_there_is_replaced_and_nothing_else_is_left(tmp_path):
    for texts in (["a"], ["b"]):
        assert saved_and_loaded(TokenCounts.from_texts(texts), tmp_path).tokens.to_pylist() == texts
    assert [path.name for path in tmp_path.iterdir()] == ["x.counts.parquet"]
    with pytest.raises(IsADirectoryError):
        TokenCounts.from_texts(["a"]).save(tmp_path)


def test_a_full_disk_leaves_what_was_there(tmp_path, monkeypatch):
    saved_and_loaded(TokenCounts.from_texts(["a"]), tmp_path)
    before = (tmp_path / "x.counts.parquet").read_bytes()

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("tokemb.files.atomic._flush", full)
    with pytest.raises(OSError, match="No space left"):
        TokenCounts.from_texts(["b"]).save(tmp_path / "x.counts.parquet")
    assert (tmp_path / "x.counts.parquet").read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["x.counts.parquet"]


ABOUT = {"format_version": 1, "profile": "words", "row_lengths": [[1, 2]]}


NOT_UTF8 = pa.Array.from_buffers(pa.string(), 2, pa.array([b"a", b"\xff"]).buffers())


def write(path, about=ABOUT, **columns):
    """Write what a file of counts could look like; by default a sound one."""
    table = pa.table({"token": ["a", "b"], "count": [1, 1], "documents": [1, 1]} | columns)
    pq.write_table(table.replace_schema_metadata({"tokemb.counts": about if about == "" else json.dumps(about)}), path)


def test_what_the_following_tests_change_is_sound(tmp_path):
    write(tmp_path / "x.parquet")
    assert_equal(TokenCounts.load(tmp_path / "x.parquet"), TokenCounts.from_texts(["a", "b"]))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"about": {"format_version": 9}}, r"was written by a newer tokemb \(format 9; this one reads 2\)"),
        (
            {"about": ABOUT | {"profile": "klingon"}},
            "was counted with the profile 'klingon', which this tokemb does not know; it knows",
        ),
        ({"about": ABOUT | {"row_lengths": [[1, -2]]}}, "contains a negative number of rows or tokens"),
        ({"about": ABOUT | {"row_lengths": [1, 2]}}, "has invalid metadata of token counts: count the texts again"),
        ({"about": ABOUT | {"profile": ["words"]}}, "was counted with the profile .*, which this tokemb does not know"),
        ({"about": {}}, "has invalid metadata of token counts"),
        ({"about": []}, "has invalid metadata of token counts"),
        ({"about": ""}, "has invalid metadata of token counts"),
        ({"count": [1, -1]}, "contains a negative number in the column count"),
        ({"count": [1, 7]}, "counts 8 tokens, but its rows have"),
        ({"count": [2**63 - 1, 2**63 - 1]}, "counts 18446744073709551614 tokens, but its rows have 2"),
        ({"documents": [2, 1]}, "has 2 rows with the token 'a', which cannot be: count the texts again"),
        ({"documents": [1, 0]}, "has 0 rows with the token 'b', which cannot be: count the texts again"),
        ({"about": ABOUT | {"row_lengths": [[2, 1]]}, "count": [2, 0], "documents": [2, 0]}, "has 2 rows with"),
        ({"about": ABOUT | {"row_lengths": [[1, 9], [1, 2]]}}, "has invalid metadata of token counts"),
        ({"about": ABOUT | {"row_lengths": [[1.5, 2]]}}, "has invalid metadata of token counts"),
        ({"documents": [-1, 1]}, "contains a negative number in the column documents"),
        ({"count": [1, None]}, "contains a missing token or count"),
        ({"token": ["a", "a"]}, "contains the token 'a' twice"),
        ({"count": ["1", "x"]}, "is not a valid file of token counts: Failed to parse string: 'x'"),
        ({"token": NOT_UTF8}, "is not a valid file of token counts: .*[Ii]nvalid UTF8"),
        ({"token": [b"a", b"\xff"]}, "is not a valid file of token counts: .*UTF8"),
    ],
)
def test_files_that_are_wrong(tmp_path, changes, message):
    write(tmp_path / "x.parquet", **changes)
    with pytest.raises(CountsError, match=rf"x\.parquet {message}"):
        TokenCounts.load(tmp_path / "x.parquet")


def test_files_that_are_something_else(tmp_path):
    path = tmp_path / "x.parquet"
    for there in (path, tmp_path):
        with pytest.raises(CountsError, match="there are no token counts at"):
            TokenCounts.load(there)
    path.write_text("one more text")
    with pytest.raises(CountsError, match="is not a valid file of token counts: Parquet magic bytes not found"):
        TokenCounts.load(path)
    pq.write_table(pa.table({"text": ["a"]}), path)
    with pytest.raises(CountsError, match="without token counts: count texts with TokenCounts.from_texts"):
        TokenCounts.load(path)
    write(path)
    pq.write_table(pq.read_table(path).drop_columns("documents"), path)
    with pytest.raises(CountsError, match="is not a valid file of token counts: .*documents"):
        TokenCounts.load(path)


def test_a_damaged_byte_is_an_error_or_does_no_harm(tmp_path):
    counts = TokenCounts.from_texts(["to be or", "not to be be"])
    path = tmp_path / "x.counts.parquet"
    counts.save(path)
    content = path.read_bytes()
    columns = content.rindex(b"not") + 100  # the pages come first, the metadata follows
    for position in range(columns):
        path.write_bytes(content[:position] + bytes([content[position] ^ 5]) + content[position + 1 :])
        try:
            assert_equal(TokenCounts.load(path), counts)
        except CountsError:
            pass
