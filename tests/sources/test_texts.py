from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

import tokemb
from tokemb._arrays import STRINGS, TOKEN_ROWS
from tokemb.errors import TextTypeError
from tokemb.sources import texts as texts_module
from tokemb.sources.texts import batches


def collect(texts):
    return [row for batch in batches(texts) for row in batch.to_pylist()]


@pytest.mark.parametrize(
    "make",
    [
        list,
        tuple,
        iter,
        lambda rows: (row for row in rows),
        np.array,
        lambda rows: np.array(rows, object),
        pa.array,
        lambda rows: pa.array(rows, pa.large_string()),
        lambda rows: pa.array(rows, pa.string_view()),
        lambda rows: pa.array(rows).dictionary_encode(),
        lambda rows: pa.DictionaryArray.from_arrays([0, 1, 2], pa.array(rows, pa.string_view())),
        lambda rows: pa.chunked_array([rows[:1], [], rows[1:]], pa.string()),
        lambda rows: pa.array(["x", *rows, "y"]).slice(1, len(rows)),
    ],
)
def test_every_kind_of_column(make):
    rows = ["a b", "", "é中🙂"]
    assert collect(make(rows)) == rows
    assert all(batch.type == STRINGS for batch in batches(make(rows)))


def texts_of(array):
    """Where the bytes of its texts lie."""
    return array.buffers()[2].address


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string()])
def test_arrow_columns_share_their_memory(kind):
    rows = ["some text", "", "é中🙂"] * 100
    array = pa.array(rows, kind)
    for column in (array, pa.chunked_array([array]), array.slice(7)):
        assert [texts_of(batch) for batch in batches(column)] == [texts_of(array)]


@pytest.mark.parametrize("limits", [(1, 1 << 17), (100, 1 << 17), (8 << 20, 7), (8 << 20, 1 << 17)])
@pytest.mark.parametrize("kind", [pa.string(), pa.string_view(), pa.list_(pa.string())])
def test_small_chunks_go_together(kind, limits, monkeypatch):
    monkeypatch.setattr(texts_module, "BATCH_BYTES", limits[0])
    monkeypatch.setattr(texts_module, "BATCH_ROWS", limits[1])
    texts = [f"text {i}" for i in range(300)]
    rows = [[text] for text in texts] if pa.types.is_list(kind) else texts
    cuts = [0, 0, *range(100), 100, 250, 300, 300]
    column = pa.chunked_array([pa.array(rows[a:b], kind) for a, b in zip(cuts, cuts[1:], strict=False)])
    assert collect(column) == rows
    assert max(map(len, batches(column))) <= limits[1]
    if limits == (8 << 20, 1 << 17) and kind != pa.string_view():
        assert len(list(batches(column))) == 1
    few = [pa.array(rows[:100], kind)] + [pa.array([row], kind) for row in rows[100:]]
    monkeypatch.setattr(texts_module, "BATCH_BYTES", few[0].nbytes)
    if limits[1] > 300 and kind != pa.string_view():
        assert 3 <= len(list(batches(pa.chunked_array(few)))) < 10, "and again after a large one"
    with pytest.raises(tokemb.TokembError, match=r"texts\[300\] is missing"):
        collect(pa.chunked_array([*column.chunks, pa.array([None], kind)]))


def test_columns_of_datasets():
    datasets = pytest.importorskip("datasets")
    table = datasets.Dataset.from_dict({"text": [f"text {i}" for i in range(50)], "label": range(50)})
    column = table.with_format("arrow")["text"]
    assert [texts_of(batch) for batch in batches(column)] == [texts_of(table.data["text"].chunk(0))]
    shuffled = table.shuffle(seed=0)
    assert collect(table["text"]) == list(table["text"])
    assert collect(shuffled.with_format("arrow")["text"]) == collect(shuffled["text"]) == list(shuffled["text"])
    assert len(list(batches(shuffled.with_format("arrow")["text"]))) == 1
    with pytest.raises(tokemb.TokembError, match="texts must be one column, not a Dataset"):
        collect(table)


def test_datasets_know_an_encoder_again():
    fingerprint = pytest.importorskip("datasets.fingerprint")
    encoders = [tokemb.fit_vocab(["a b"]), tokemb.fit_vocab(["a b"]), tokemb.fit_vocab(["a c"])]
    encoders[0].encode(["a"])
    hashes = [fingerprint.Hasher.hash(encoder) for encoder in encoders]
    assert hashes[0] == hashes[1] != hashes[2]


class Streams:
    """A Series that gives an Arrow stream."""

    def __init__(self, rows):
        self.column = pa.chunked_array([rows[:1], rows[1:]], pa.string_view())

    def __arrow_c_stream__(self, requested_schema=None):
        return self.column.__arrow_c_stream__(requested_schema)

    def __iter__(self):
        raise AssertionError("no row may become a Python object")


class Gives:
    def __init__(self, rows):
        self.column = pa.array(rows)

    def __arrow_c_array__(self, requested_schema=None):
        return self.column.__arrow_c_array__(requested_schema)


class Converts:
    def __init__(self, rows):
        self.column = pa.array(rows)

    def __arrow_array__(self, type=None):  # noqa: A002
        return self.column


class Holds:
    """A Series that holds an array that gives an Arrow array."""

    def __init__(self, rows):
        self.array = Converts(rows)

    def __iter__(self):
        raise AssertionError("no row may become a Python object")


@pytest.mark.parametrize("make", [Streams, Gives, Converts, Holds])
@pytest.mark.parametrize("rows", [["a b", "", "é中🙂"]])
def test_columns_of_other_libraries(make, rows):
    assert collect(make(rows)) == rows
    with pytest.raises(ValueError, match=r"texts\[1\] is missing"):
        collect(make(["a", None]))


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_series(library):
    module = pytest.importorskip(library)
    assert collect(module.Series(["a b", "é中🙂", ""])) == ["a b", "é中🙂", ""]
    with pytest.raises(TypeError, match="pass the column that contains the texts"):
        collect(module.DataFrame({"text": ["a"]}))


def test_a_stream_of_a_table_is_no_column():
    class Table:
        def __arrow_c_stream__(self, requested_schema=None):
            return pa.table({"text": ["a"]}).__arrow_c_stream__()

    class Dataset:
        column_names = ("text",)

    for table in (Table(), Dataset()):
        with pytest.raises(TypeError, match="pass the column that contains the texts"):
            collect(table)


@pytest.mark.parametrize(
    "make",
    [
        lambda rows: iter([pa.array(rows[:1]), pa.array(rows[1:])]),
        lambda rows: iter([pa.chunked_array([rows[:1], rows[1:]])]),
        lambda rows: iter([pa.record_batch({"t": rows[:2], "n": [1, 2]}), pa.record_batch({"t": rows[2:], "n": [3]})]),
        lambda rows: pa.table({"t": rows, "n": [1, 2, 3]}).to_reader(max_chunksize=2),
        lambda rows: iter([rows[0], pa.array(rows[1:2]), rows[2]]),
    ],
)
def test_iterators_of_arrow(make):
    assert collect(make(["a b", "", "é中🙂"])) == ["a b", "", "é中🙂"]


def test_rows_are_counted_over_arrow_arrays():
    with pytest.raises(ValueError, match=r"texts\[3\] is missing"):
        collect(iter([pa.array(["a", "b"]), pa.array(["c", None])]))


@pytest.mark.parametrize("rows", [["a b", "", "é中🙂"], ["x" * 70, "y"]])
def test_arrays_of_strings_are_cut(rows, monkeypatch):
    monkeypatch.setattr(texts_module, "BATCH_BYTES", 16)
    arrays = [np.array(rows)]
    if hasattr(np.dtypes, "StringDType"):
        arrays.append(np.array(rows, np.dtypes.StringDType()))
    for array in arrays:
        assert collect(array) == rows
        with pytest.raises(ValueError, match=r"texts\[2\] contains a lone surrogate|Surrogate|surrogate"):
            collect(np.array(["a", "b", "\ud800"]))


def test_a_batch_holds_a_bounded_number_of_rows(monkeypatch, tmp_path):
    monkeypatch.setattr(texts_module, "BATCH_ROWS", 10)
    (tmp_path / "text.txt").write_text("\n" * 95)
    for parts in (
        batches([""] * 95),
        batches(iter([""] * 95)),
        batches(pa.array([""] * 95)),
        tokemb.read_corpus(tmp_path / "text.txt"),
    ):
        assert [len(batch) for batch in parts] == [10] * 9 + [5]


@pytest.mark.parametrize(
    "make", [list, iter, pa.array, lambda rows: [tuple(row) for row in rows], lambda rows: [np.array(r) for r in rows]]
)
def test_rows_that_are_tokens(make):
    rows = [["a", "b c"], ["", "é"], ["a"]]
    assert collect(make(rows)) == rows
    assert all(batch.type == TOKEN_ROWS for batch in batches(make(rows)))


def test_empty_columns():
    for nothing in ([], iter(()), pa.array([], pa.string()), pa.chunked_array([], pa.string()), np.array([], str)):
        assert collect(nothing) == []


def test_batches_are_bounded_and_keep_order(monkeypatch):
    monkeypatch.setattr(texts_module, "BATCH_BYTES", 10)
    rows = [f"row {i}" * (i % 3) for i in range(50)]
    for column in (rows, pa.array(rows)):
        assert collect(column) == rows
        assert len(list(batches(column))) > 10


def test_a_generator_is_read_as_it_goes(monkeypatch):
    monkeypatch.setattr(texts_module, "BATCH_BYTES", 4)
    taken = []

    def rows():
        for i in range(10):
            taken.append(i)
            yield "abcd"

    next(batches(rows()))
    assert len(taken) == 1


NAN = float("nan")


@pytest.mark.parametrize(
    ("texts", "kind", "message"),
    [
        ("one text", TypeError, r"not one str: pass \[text\] for a text, or pathlib.Path\(text\) for a file"),
        (b"bytes", TypeError, "not bytes: decode it first"),
        ({"text": ["a"]}, TypeError, "not a dict: pass the column that contains the texts"),
        (pa.table({"text": ["a"]}), TypeError, "not a Table: pass the column"),
        ({"a", "b"}, TypeError, "a set has none: pass a list"),
        (["a", np.array([1, 2])], TypeError, r"texts\[1\] is array"),
        (pa.chunked_array([["a"], ["b", None]]), ValueError, r"texts\[2\] is missing"),
        (5, TypeError, "texts must be a column of texts; received int"),
        (np.array([["a"]]), TypeError, r"one column; received an array of shape \(1, 1\)"),
        (["a", None], ValueError, r"texts\[1\] is missing \(None\)"),
        (["a", "b", NAN], ValueError, r"texts\[2\] is missing \(nan\)"),
        ([None, "a"], ValueError, r"texts\[0\] is missing"),
        ([NAN], ValueError, r"texts\[0\] is missing"),
        (np.array(["a", NAN], object), ValueError, r"texts\[1\] is missing"),
        (pa.array(["a", None]), ValueError, r"texts\[1\] is missing"),
        (pa.array([1, 2]), TypeError, "received Arrow int64"),
        (pa.DictionaryArray.from_arrays([0, 1], ["a", None]), ValueError, r"texts\[1\] is missing"),
        (pa.array([b"a", b"\xff"]).view(pa.string()), ValueError, "texts are not a valid Arrow array"),
        (pa.array([["a"], [None]]), ValueError, r"texts\[1\] contains a missing token"),
        (["a", 5], TypeError, r"texts\[1\] is 5"),
        (["a", b"b"], TypeError, r"texts\[1\] is b'b'"),
        (["a", ["b"]], TypeError, r"texts\[1\] is \['b'\]"),
        ([["a"], "b"], TypeError, r"texts\[1\] is 'b'"),
        ([["a"], ["b", 3]], TypeError, r"texts\[1\] does not: \['b', 3\]"),
        (["a", "x\ud800"], ValueError, r"texts\[1\] contains a lone surrogate"),
        ([["a"], ["x\udfff"]], ValueError, r"texts\[1\] contains a lone surrogate"),
    ],
)
def test_what_is_not_text_names_the_row(texts, kind, message):
    with pytest.raises(kind, match=message) as caught:
        collect(texts)
    assert isinstance(caught.value, tokemb.TokembError)


def test_rows_are_counted_across_batches(monkeypatch):
    monkeypatch.setattr(texts_module, "BATCH_BYTES", 8)
    with pytest.raises(ValueError, match=r"texts\[70\] is missing"):
        collect(["abc"] * 70 + [None])


@pytest.mark.parametrize("make", [list, tuple, iter])
@pytest.mark.parametrize("rows", [["a"] * 600 + [["b"]] * 600, [["a"]] * 600 + ["b"] * 600])
def test_texts_and_tokens_are_not_mixed_in_later_batches_either(make, rows, monkeypatch):
    monkeypatch.setattr(texts_module, "BATCH_ROWS", 256)
    with pytest.raises(TextTypeError, match=r"every row must be a str, or .*; texts\[\d+\]"):
        collect(make(rows))
    first = pa.array([rows[0]] * 600)
    with pytest.raises(TextTypeError, match=r"texts\[600\]"):
        collect(iter([first, first[:0], pa.array([rows[-1]])]))


def test_lists_are_cut_by_their_size(monkeypatch):
    monkeypatch.setattr(texts_module, "BATCH_BYTES", 10_000)
    for row, size in (("a" * 10, 10), (["a", "b", "c"], 24)):
        rows = [row] * 5000
        lengths = [len(batch) for batch in batches(rows)]
        assert sum(lengths) == 5000
        assert all(10_000 <= length * size <= 10_000 + 256 * size for length in lengths[:-1])


@pytest.mark.parametrize(("rows", "expected"), [(0, 0), (1000, 1), (1 << 18, 2)])
def test_empty_rows_go_together(rows, expected):
    assert len(list(batches([""] * rows))) == expected
    assert len(list(batches(pa.array([""] * rows, pa.string())))) == expected


@pytest.mark.parametrize(
    "make",
    [list, iter, lambda rows: [tuple(row) for row in rows], lambda rows: [np.array(row, object) for row in rows]],
)
def test_whole_texts_in_lists_of_their_own_are_warned_of_once(make):
    rows = [["a fine film"], ["so fine"], ["dull"]]
    with pytest.warns(
        UserWarning, match=r"every row is a list of one token.*'a fine film'.*row\[0\] for row in"
    ) as seen:
        encoder = tokemb.fit_vocab(make(rows))
    assert len(seen) == 1
    assert encoder.vocabulary[2:] == ["a fine film", "dull", "so fine"]
    for use in (encoder.encode, encoder.encode_ragged, tokemb.TokenCounts.from_texts):
        with pytest.warns(UserWarning, match="every row is a list of one token"):
            use(make(rows))


@pytest.mark.parametrize(
    "rows",
    [
        [["New York"]],
        [["New York"], ["Paris"], ["Rome"]],
        [["a fine film"], ["so", "fine"]],
        [["a fine film"], []],
        ["a fine film", "so fine"],
    ],
)
def test_rows_of_tokens_are_not_warned_of(rows):
    assert collect(rows) == rows


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_table_of_one_column_names_it(library):
    module = pytest.importorskip(library)
    with pytest.raises(TypeError, match=r"here 'review'\), for example texts\['review'\]"):
        collect(module.DataFrame({"review": ["a fine film"]}))
    with pytest.raises(TypeError, match=r"for example texts\['full_text'\]"):
        collect(module.DataFrame({"label": [1], "full_text": ["a fine film"]}))


def test_array_of_one_column_names_the_remedy():
    with pytest.raises(TypeError, match=r"an array of shape \(2, 1\): pass texts\[:, 0\]"):
        collect(np.array([["a fine film"], ["so fine"]], object))


def test_an_array_without_a_dimension_is_no_column():
    encoder = tokemb.fit_vocab(["a"])
    for encode in (encoder.encode_ragged, lambda texts: encoder.encode(texts, maxlen=2)):
        with pytest.raises(TextTypeError, match=r"texts must be one column; received an array of shape \(\)"):
            encode(np.array("a"))
