"""Tables to ids and back."""

from __future__ import annotations

import json
import zipfile
from collections import Counter

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tokemb
from tests.conftest import DATA, use_kernels
from tokemb.errors import ArgumentError, TextError, TextTypeError, VocabularyError
from tokemb.sources import texts
from tokemb.tables import MISSING, ColumnEncoder, suggested_dim

VALUES = st.none() | st.sampled_from(["", "a", "b", "é", "z", "10", "9", "a b", "A"])
TABLE = {"user": [3, 1, None, 3], "item": ["b", "a", "b", None], "tags": [["x"], [], None, ["y", "x", None]]}


def reference(values, max_size=None, min_count=1):
    """The vocabulary, as the rule has it."""
    counts = Counter(value for value in values if value not in (None, ""))
    order = sorted(counts, key=lambda value: (-counts[value], value.encode()))
    return ["", "[UNK]", MISSING, *[value for value in order if counts[value] >= min_count][:max_size]]


def ids_in(vocabulary, values):
    known = {value: index for index, value in enumerate(vocabulary)}
    return [2 if value in (None, "") else known.get(value, 1) for value in values]


@given(st.lists(VALUES, min_size=1), st.lists(VALUES), st.none() | st.integers(1, 4), st.integers(1, 3))
def test_ids_are_by_count_then_by_bytes(fitted, others, max_size, min_count):
    vocabulary = reference(fitted, max_size, min_count)
    if len(vocabulary) == 3:
        with pytest.raises(TextError, match="no value of 'c'"):
            ColumnEncoder.fit({"c": pa.array(fitted, pa.string())}, max_size=max_size, min_count=min_count)
        return
    encoder = ColumnEncoder.fit({"c": fitted}, max_size=max_size, min_count=min_count)
    assert encoder.vocabularies["c"].vocabulary == vocabulary
    for values in (fitted, others):
        ids = encoder.encode({"c": pa.array(values, pa.string())})["c"]
        assert ids.dtype == np.int32
        assert ids.tolist() == ids_in(vocabulary, values)
    counted = encoder.vocabularies["c"].table["count"].to_pylist()
    missing = sum(value in (None, "") for value in fitted)
    assert counted == [None, None, missing or None, *[fitted.count(value) for value in vocabulary[3:]]]


@pytest.mark.parametrize("settings", [{"max_size": 2}, {"max_size": 2, "num_oov_buckets": 5}, {"hash_buckets": 9}])
@pytest.mark.parametrize("kind", [pa.string(), pa.large_string(), pa.dictionary(pa.int32(), pa.string())])
def test_values_that_a_kernel_looks_up_have_the_ids_of_their_lists(settings, kind, monkeypatch):
    values = ["a", "b", "é", None, "", "[MISSING]", "[UNK]", "a", "a b", "x" * 40]
    single = ColumnEncoder.fit({"c": pa.array(values, pa.string())}, **settings)
    lists = ColumnEncoder.fit({"c": [[value] for value in values]}, **settings)
    use_kernels(monkeypatch, always=True)
    others = pa.array(["not in the slice", *values, "new", "東京"], pa.string()).cast(kind).slice(1)
    expected = lists.encode_ragged({"c": [[value] for value in others.to_pylist()]})["c"].values
    ids = single.encode({"c": others})["c"]
    assert (ids.dtype, ids.tolist()) == (np.int32, expected.tolist())
    assert single.encode({"c": others.slice(0, 0)})["c"].tolist() == []


@given(
    st.lists(st.none() | st.lists(VALUES, max_size=4), min_size=1),
    st.integers(1, 5),
    st.sampled_from("pre post".split()),
)
def test_lists_are_padded_as_keras_pads(rows, maxlen, side):
    flat = [value for row in rows for value in ([None] if row is None else row)]
    vocabulary = reference(flat)
    if len(vocabulary) == 3:
        return
    encoder = ColumnEncoder.fit({"c": rows})
    assert encoder.vocabularies["c"].vocabulary == vocabulary
    expected = [ids_in(vocabulary, [None] if row is None else row) for row in rows]
    ragged = encoder.encode_ragged({"c": rows})["c"]
    assert [row.tolist() for row in ragged] == expected
    settings = {"maxlen": maxlen, "padding": side, "truncating": side}
    np.testing.assert_array_equal(encoder.encode({"c": rows}, **settings)["c"], tokemb.pad(expected, **settings))
    np.testing.assert_array_equal(encoder.encode({"c": rows})["c"], tokemb.pad(expected))


@given(st.lists(st.integers(-5, 5), min_size=1))
def test_ids_tell_apart_what_pandas_tells_apart(values):
    pandas = pytest.importorskip("pandas")
    codes, uniques = pandas.factorize(np.array(values))
    encoder = ColumnEncoder.fit({"c": np.array(values)})
    ids = encoder.encode({"c": np.array(values)})["c"]
    assert len(set(zip(ids.tolist(), codes.tolist(), strict=True))) == len(set(ids.tolist())) == len(uniques)
    assert encoder.input_dims["c"] == len(uniques) + 3


def test_shared_vocabularies():
    table = {"from": ["a", "b", None], "via": [["c", "a"], [], ["c"]], "to": ["c", "c", "a"], "n": [1, 1, 2]}
    encoder = ColumnEncoder.fit(table, shared=[["to", "from", "via"]])
    assert encoder.names == ["from", "via", "to", "n"]
    vocabulary = encoder.vocabularies["from"]
    assert vocabulary is encoder.vocabularies["to"] is encoder.vocabularies["via"]
    assert vocabulary.vocabulary == reference(["a", "b", None, "c", "a", "c", "c", "c", "a"])
    ids = encoder.encode(table)
    assert ids["from"].tolist() == [4, 5, 2]
    assert ids["via"].tolist() == [[3, 4], [0, 0], [3, 0]]
    assert ids["to"].tolist() == [3, 3, 4]
    assert ids["n"].tolist() == [3, 3, 4]
    assert encoder.rows == 3


def frames():
    yield "dict", lambda: TABLE
    yield "dict of arrays", lambda: {name: pa.array(values) for name, values in TABLE.items()}
    yield "table", lambda: pa.table(TABLE)
    yield "chunks", lambda: pa.concat_tables([pa.table(TABLE).slice(0, 3), pa.table(TABLE).slice(3)])
    yield "record batch", lambda: pa.record_batch(TABLE)
    yield "reader", lambda: pa.table(TABLE).to_reader(max_chunksize=2)
    yield "batches", lambda: iter(pa.table(TABLE).to_batches(max_chunksize=3))
    yield "pandas", lambda: pytest.importorskip("pandas").DataFrame(TABLE)
    yield "pandas of categories", lambda: pytest.importorskip("pandas").DataFrame(TABLE).astype({"item": "category"})
    yield "polars", lambda: pytest.importorskip("polars").DataFrame(TABLE)
    yield "dict of polars", lambda: dict(zip(TABLE, pytest.importorskip("polars").DataFrame(TABLE), strict=True))
    yield "dict of pandas", lambda: dict(pytest.importorskip("pandas").DataFrame(TABLE).items())


FRAMES = dict(frames())


@pytest.mark.parametrize("kind", FRAMES)
def test_tables_of_all_kinds_are_one(kind):
    expected = ColumnEncoder.fit(TABLE)
    encoder = ColumnEncoder.fit(FRAMES[kind]())
    assert encoder.fingerprint == expected.fingerprint
    for name, ids in expected.encode(TABLE).items():
        np.testing.assert_array_equal(encoder.encode(FRAMES[kind]())[name], ids)
    assert expected.encode(TABLE)["tags"].tolist() == [[3, 0, 0], [0, 0, 0], [2, 0, 0], [4, 3, 2]]


def test_files_are_read_batch_by_batch(tmp_path, monkeypatch):
    monkeypatch.setattr(texts, "BATCH_ROWS", 100)
    monkeypatch.setattr(texts, "BATCH_BYTES", 1 << 10)
    monkeypatch.setattr("tokemb.counts.token_counts._MERGE_TOKENS", 50)
    random = np.random.default_rng(1)
    table = {"user": random.integers(0, 400, 3000), "item": random.choice(["a", "b", ""], 3000)}
    with open(tmp_path / "x.csv", "w") as file:
        file.write("item,user\n")
        file.writelines(f"{item},{user}\n" for user, item in zip(*table.values(), strict=True))
    pq.write_table(pa.table(table), tmp_path / "x.parquet", row_group_size=500)
    encoder = ColumnEncoder.fit(table)
    for name in ("x.csv", "x.parquet"):
        of_file = ColumnEncoder.fit(tmp_path / name, columns=["user", "item"])
        assert of_file.fingerprint == encoder.fingerprint
        for column, ids in encoder.encode(table).items():
            np.testing.assert_array_equal(of_file.encode([tmp_path / name])[column], ids)


def test_events_of_several_columns():
    table = {"skill": ["7", "a|b", None], "correct": [1, 0, None], "user": ["u", "u", "v"]}
    encoder = ColumnEncoder.fit(table, columns=["user", ("skill", "correct")])
    assert encoder.names == ["user", "skill_correct"]
    assert encoder.parts == ["user", "skill", "correct"]
    assert encoder.vocabularies["skill_correct"].vocabulary[2:] == [MISSING, "7|1", r"a\|b|0"]
    assert encoder.encode(table)["skill_correct"].tolist() == [3, 4, 2]
    assert encoder.encode({**table, "correct": [0, 0, 0]})["skill_correct"].tolist() == [1, 4, 1]


def test_decoding():
    encoder = ColumnEncoder.fit(TABLE, min_count={"tags": 2})
    assert encoder.decode(encoder.encode(TABLE)).to_pydict() == {
        "user": ["3", "1", None, "3"],
        "item": ["b", "a", "b", None],
        "tags": [["x"], [], [None], ["[UNK]", "x", None]],
    }
    ragged = encoder.encode_ragged(TABLE)["tags"]
    assert encoder.decode({"tags": ragged})["tags"].to_pylist()[3] == ["[UNK]", "x", None]
    for wrong, message in (
        ({"nobody": np.array([3])}, "must be of the columns user, item, tags; received 'nobody'"),
        ({"user": np.array([[3]])}, "'user', which holds single values, must be \\(rows,\\); received 2 axes"),
        ({"tags": np.array([3])}, "'tags', which holds lists, must be \\(rows, maxlen\\); received 1 axes"),
        ({"user": np.array([0])}, "must not be 0, which is padding"),
        ({"user": np.array([5])}, "ids must be from 0 to 4"),
        ({"user": np.array([3.0])}, "integers"),
    ):
        with pytest.raises(ArgumentError, match=message):
            encoder.decode(wrong)


def test_sizes_of_embeddings():
    encoder = ColumnEncoder.fit({"n": range(997)})
    assert encoder.suggested_dims == {"n": 77}
    assert [suggested_dim(n) for n in (4, 10**6, 10**7)] == [round(1.6 * 4**0.56), 600, 600]


def test_settings_of_columns():
    table = {"a": ["x", "x", "y", "z"], "b": [["p", "q", "q"]] * 4}
    encoder = ColumnEncoder.fit(table, max_size={"a": 1}, min_count={"b": 5}, maxlen={"b": 2}, truncating="pre")
    assert encoder.input_dims == {"a": 4, "b": 4}
    assert encoder.encode(table)["b"].tolist() == [[3, 3]] * 4
    assert encoder.encode(table, maxlen=4, padding="pre")["b"].tolist() == [[0, 1, 3, 3]] * 4
    assert [ids["a"].tolist() for ids in encoder.encode_batches([table, {"a": ["q"], "b": [[]]}])] == [
        [3, 3, 1, 1],
        [1],
    ]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"columns": "user"}, "columns must be a list of names"),
        ({"columns": []}, "columns must be names"),
        ({"columns": ["user", "user"]}, "two would be called 'user'"),
        ({"columns": [("user", "item"), "user_item"]}, "two would be called 'user_item'"),
        ({"columns": [()]}, "columns must be names"),
        ({"shared": [["user"]]}, "groups of two or more different columns"),
        ({"shared": ["user"]}, "groups of two or more different columns"),
        (
            {"shared": [["user", "nobody"]]},
            "shared must name each column of the table at most once; 'nobody' is none of user, item, tags",
        ),
        ({"shared": [["user", "item"], ["item", "tags"]]}, "at most once; 'item' shares a vocabulary already"),
        ({"max_size": {"nobody": 3}}, "max_size must name columns of the table .*; received 'nobody'"),
        ({"max_size": 0}, "max_size must be an integer of at least 1"),
        (
            {"shared": [["user", "item"]], "max_size": {"user": 1, "item": 2}},
            "user, item share a vocabulary: max_size must be the same",
        ),
        ({"padding": "left"}, "padding must be one of"),
        ({"header": False}, "header must be given only for files"),
    ],
)
def test_wrong_settings(settings, message):
    with pytest.raises(ArgumentError, match=message):
        ColumnEncoder.fit(TABLE, **settings)


def test_names_with_slashes():
    with pytest.raises(ArgumentError, match="a name without slashes"):
        ColumnEncoder.fit({"a/b": [1]})


@pytest.mark.parametrize(
    ("table", "error", "message"),
    [
        ({"a": [1, "x"]}, TextTypeError, "'a' must hold values of one type"),
        ({"a": "text"}, TextTypeError, "'a' must have a value for each row; received str"),
        ({"a": np.zeros((2, 2))}, TextTypeError, r"received an array of shape \(2, 2\)"),
        ({"a": [1], "b": [1, 2]}, TextError, "the same number of rows"),
        ({"a": [None]}, TextError, "no value of 'a' occurs in 1 rows"),
        ({"a": []}, TextError, "cannot be fitted to a table without rows"),
        (iter([]), TextError, "cannot be fitted to a table without rows"),
        (iter([1]), TextTypeError, "an iterator must yield record batches or tables; received int"),
        (
            iter([pa.record_batch({"a": ["x"]}), pa.record_batch({"a": [["x"]]})]),
            TextError,
            "single values in all rows",
        ),
        (5, TextTypeError, "a table must be an Arrow table, .*; received int"),
        (np.zeros((2, 2)), TextTypeError, "received ndarray"),
        ({"a": [0.5]}, TextError, "the column 'a' holds 0.5"),
    ],
)
def test_what_is_no_table(table, error, message):
    with pytest.raises(error, match=message):
        ColumnEncoder.fit(table)


def test_columns_must_be_there_and_hold_the_same():
    encoder = ColumnEncoder.fit(TABLE)
    with pytest.raises(TextError, match="the table has no column 'item'; its columns are 'user', 'tags'"):
        encoder.encode({"user": [1], "tags": [[]]})
    with pytest.raises(TextError, match="more than one column 'user'"):
        encoder.encode(pa.table([pa.array([1])] * 4, names=["user", "user", "item", "tags"]))
    with pytest.raises(TextError, match="the table, row 1 has 'x' in the column 'tags', which must hold lists"):
        encoder.encode({"user": [1], "item": ["a"], "tags": ["x"]})
    with pytest.raises(TextError, match="the column 'tags' of the table holds int64 and must hold lists"):
        encoder.encode({"user": [1], "item": ["a"], "tags": [7]})
    nothing = encoder.encode({"user": [None], "item": pa.nulls(1), "tags": pa.nulls(1), "more": [1]})
    assert {name: ids.tolist() for name, ids in nothing.items()} == {"user": [2], "item": [2], "tags": [[2]]}
    empty = encoder.encode(pa.table(TABLE).slice(0, 0))
    assert {name: ids.shape for name, ids in empty.items()} == {"user": (0,), "item": (0,), "tags": (0, 0)}


def test_absurd_padding_is_refused(monkeypatch):
    monkeypatch.setattr("tokemb.rows.disk_buffer._MIN_PADDED_BYTES", 100)
    table = {"a": [["x"]] * 99 + [["x"] * 100]}
    encoder = ColumnEncoder.fit(table)
    with pytest.raises(ArgumentError, match="padding 100 rows to the longest, 100 ids"):
        encoder.encode(table)
    assert encoder.encode(table, maxlen=3)["a"].shape == (100, 3)


# The folder


def test_save_and_load(tmp_path):
    settings = {"shared": [["a b?c", "d"]], "padding": "pre", "maxlen": {"e": 2}}
    table = {"a b?c": ["x"], "d": ["y"], "e": [["p", "q", "r"]], "f": [1], "g": [2]}
    encoder = ColumnEncoder.fit(table, columns=["a b?c", "d", "e", ("f", "g")], **settings)
    encoder.save(tmp_path / "columns")
    names = sorted(path.name for path in (tmp_path / "columns").iterdir())
    assert names == ["0-a-b-c-d.vocab", "1-e.vocab", "2-f_g.vocab", "columns.json"]
    again = ColumnEncoder.load(tmp_path / "columns")
    assert again.columns == encoder.columns
    assert (again.fingerprint, again.rows, again.padding) == (encoder.fingerprint, 1, "pre")
    assert again.vocabularies["d"] is again.vocabularies["a b?c"]
    assert {k: v.tolist() for k, v in again.encode(table).items()} == {
        k: v.tolist() for k, v in encoder.encode(table).items()
    }
    assert again.encode(table)["e"].tolist() == [[3, 4]]
    first = {path.name: path.read_bytes() for path in (tmp_path / "columns").rglob("*.json")}
    again.save(tmp_path / "columns")
    assert {path.name: path.read_bytes() for path in (tmp_path / "columns").rglob("*.json")} == first
    vocabulary = tokemb.Encoder.load(tmp_path / "columns" / "1-e.vocab")
    assert vocabulary.encode([["q", "?"]]).tolist() == [[4, 1]]


def test_fingerprints_are_of_ids():
    fingerprint = ColumnEncoder.fit(TABLE).fingerprint
    assert ColumnEncoder.fit(TABLE, maxlen=3, padding="pre").fingerprint == fingerprint
    assert ColumnEncoder.fit(TABLE, max_size=1).fingerprint != fingerprint
    assert ColumnEncoder.fit(TABLE, columns=["item", "user", "tags"]).fingerprint != fingerprint


@pytest.fixture
def folder(tmp_path):
    ColumnEncoder.fit(TABLE).save(tmp_path / "columns")
    return tmp_path / "columns"


def rewrite(folder, change):
    from tokemb.vocabulary.folder import checksum

    content = json.loads((folder / "columns.json").read_text())
    change(content)
    content["checksum"] = checksum(content)
    (folder / "columns.json").write_text(json.dumps(content))


def test_what_was_changed_is_refused(folder):
    (folder / "columns.json").write_text((folder / "columns.json").read_text().replace('"post"', '"pre"', 1))
    with pytest.raises(VocabularyError, match=r"columns.json was changed after tokemb wrote it"):
        ColumnEncoder.load(folder)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda content: content.update(format_version=2), "written by a newer tokemb"),
        (lambda content: content.update(format_version=None), "names no format_version"),
        (lambda content: content.pop("rows"), "was changed"),
        (lambda content: content["columns"][0].pop("kind"), "does not describe columns"),
        (lambda content: content["columns"][0].update(vocabulary=7), "does not describe columns"),
        (lambda content: content["columns"][0].update(vocabulary=-1), "does not describe columns"),
        (lambda content: content["columns"][0].update(kind="numbers"), "does not describe columns"),
        (lambda content: content["columns"][0].update(kind="events"), "does not describe columns"),
        (lambda content: content["columns"][0].update(separator=5), "does not describe columns"),
        (lambda content: content["columns"][0].update(maxlen=True), "does not describe columns"),
        (lambda content: content["columns"][0].update(numbers={"mean": 1.0}), "does not describe columns"),
        (lambda content: content["columns"][0].update(name=None), "does not describe columns"),
        (lambda content: content["columns"][0].update(parts=[["a"]]), "does not describe columns"),
        (lambda content: content["vocabularies"][0].update(folder="../elsewhere"), "lacks its ../elsewhere"),
        (lambda content: content["vocabularies"][0].update(folder="1-item.vocab"), "another vocabulary than the one"),
    ],
)
def test_what_cannot_be_is_refused(folder, change, message):
    tokemb.fit_vocab(["a"]).save(folder.parent / "elsewhere")
    rewrite(folder, change)
    with pytest.raises(VocabularyError, match=message):
        ColumnEncoder.load(folder)


def test_vocabularies_that_are_missing_or_others(folder):
    tokemb.fit_vocab(["another"]).save(folder / "0-user.vocab")
    with pytest.raises(VocabularyError, match="0-user.vocab is another vocabulary"):
        ColumnEncoder.load(folder)
    (folder / "0-user.vocab").rename(folder.parent / "gone")
    with pytest.raises(VocabularyError, match="lacks its 0-user.vocab"):
        ColumnEncoder.load(folder)
    with pytest.raises(VocabularyError, match="gone is not a folder of columns: it holds no columns.json"):
        ColumnEncoder.load(folder.parent / "gone")
    with pytest.raises(VocabularyError, match="it does not exist"):
        ColumnEncoder.load(folder.parent / "nowhere")


def test_a_folder_of_columns_is_no_vocabulary_and_no_corpus(folder):
    with pytest.raises(VocabularyError, match="pass one of the folders in it"):
        tokemb.Encoder.load(folder)
    with pytest.raises(TextError, match="is a vocabulary, not texts"):
        tokemb.read_corpus(folder)


def test_nothing_else_is_replaced(folder):
    encoder = ColumnEncoder.load(folder)
    (folder / "0-user.vocab" / "notes.txt").write_text("mine")
    with pytest.raises(FileExistsError):
        encoder.save(folder)
    tokemb.fit_vocab(["a"]).save(folder.parent / "v")
    with pytest.raises(FileExistsError):
        encoder.save(folder.parent / "v")
    with pytest.raises(FileExistsError):
        tokemb.fit_vocab(["a"]).save(folder)


def test_a_disk_that_fails_leaves_what_was_there(folder, monkeypatch):
    before = sorted(folder.parent.rglob("*"))

    def fail(*_):
        raise OSError("full")

    monkeypatch.setattr("tokemb.tables.folder.vocabulary_folder.json_bytes", fail)
    with pytest.raises(OSError, match="full"):
        ColumnEncoder.fit({"c": [1]}).save(folder)
    assert sorted(folder.parent.rglob("*")) == before
    assert ColumnEncoder.load(folder).names == list(TABLE)


GOLDEN = """\
{
 "format_version": 1,
 "fingerprint": "e1",
 "rows": 4,
 "padding": "post",
 "truncating": "post",
 "columns": [
  {
   "name": "user",
   "parts": [
    "user"
   ],
   "kind": "single values",
   "vocabulary": 0,
   "maxlen": null
  },
"""


def test_the_file_is_as_the_page_says(folder):
    content = json.loads((folder / "columns.json").read_text())
    shown = (folder / "columns.json").read_text().replace(content["fingerprint"], "e1")
    assert shown.startswith(GOLDEN)
    assert ColumnEncoder.load(folder).fingerprint == content["fingerprint"] == GOLDEN_FINGERPRINT
    assert [entry["folder"] for entry in content["vocabularies"]] == ["0-user.vocab", "1-item.vocab", "2-tags.vocab"]


# Changes only with what decides the ids.
GOLDEN_FINGERPRINT = "d8966beef4f10dcf8dad2d27fcfc1525f95bd843c19ba80bc60fd7446d7d8fdd"


# Real data


@pytest.mark.skipif(not (DATA / "msnbc").is_dir(), reason="needs the corpora")
def test_sessions_of_a_news_site():
    with zipfile.ZipFile(DATA / "msnbc" / "msnbc990928.zip") as archive:
        lines = archive.read("msnbc990928.seq").decode().split("\n")[7:20_007]
    sessions = [[int(page) for page in line.split()] for line in lines]
    table = {"pages": sessions, "first": [session[0] for session in sessions]}
    encoder = ColumnEncoder.fit(table, shared=[["pages", "first"]])
    pages = [str(page) for session in sessions for page in session] + [str(session[0]) for session in sessions]
    assert encoder.vocabularies["pages"].vocabulary == reference(pages)
    known = {int(page): index for index, page in enumerate(encoder.vocabularies["pages"].vocabulary) if page.isdigit()}
    ids = encoder.encode(table, maxlen=20)
    np.testing.assert_array_equal(ids["pages"], tokemb.pad([[known[p] for p in s] for s in sessions], 20))
    assert ids["first"].tolist() == [known[session[0]] for session in sessions]


@pytest.mark.skipif(not (DATA / "dkt_assistments09").is_dir(), reason="needs the corpora")
def test_answers_of_students():
    lines = (DATA / "dkt_assistments09" / "builder_test.csv").read_text().split("\n")
    skills, answers = ([line.rstrip(",").split(",") for line in lines[start::3] if line.strip(",")] for start in (1, 2))
    rows = [
        (s, skill, right)
        for s, pair in enumerate(zip(skills, answers, strict=False))
        for skill, right in zip(*pair, strict=True)
    ]
    student, skill, correct = zip(*rows, strict=True)
    grouped = tokemb.group_events({"student": student, "skill": skill, "correct": correct}, "student")
    encoder = ColumnEncoder.fit(grouped, columns=["skill", ("skill", "correct")])
    events = [f"{s}|{c}" for _, s, c in rows]
    assert encoder.vocabularies["skill_correct"].vocabulary == reference(events)
    ids = encoder.encode_ragged(grouped)
    assert len(ids["skill"]) == len(skills)
    vocabulary = encoder.vocabularies["skill_correct"].vocabulary
    assert [vocabulary[index] for index in ids["skill_correct"].values] == events


def test_values_out_of_vocabulary_get_buckets_before_the_missing_value(tmp_path):
    table = {"city": ["a", "a", "b", None, "c"], "tags": [["x"], ["x", "y"], [], None, ["x"]]}
    encoder = ColumnEncoder.fit(table, min_count=2, num_oov_buckets={"city": 4}, salt=3)
    city = encoder.vocabularies["city"]
    assert city.vocabulary == ["", *["[UNK]"] * 4, "[MISSING]", "a"]
    assert encoder.vocabularies["tags"].buckets is None
    ids = encoder.encode({"city": ["a", "b", None, ""], "tags": [["y"], [], None, ["x"]]})
    assert ids["city"].tolist() == [6, city.encode([["b"]]).item(), 5, 5]
    assert encoder.decode({"city": ids["city"]})["city"].to_pylist() == ["a", "[UNK]", None, None]
    encoder.save(tmp_path / "c")
    loaded = ColumnEncoder.load(tmp_path / "c")
    assert loaded.fingerprint == encoder.fingerprint
    assert (loaded.encode(table)["city"] == encoder.encode(table)["city"]).all()


def test_hashing_gives_the_ids_of_a_fitted_encoder():
    table = {"from": ["a", "b", None], "to": ["b", "c", "a"], "tags": [["x"], ["x", "y"], []]}
    shared, buckets = [["from", "to"]], {"from": 9, "to": 9, "tags": 5}
    fitted = ColumnEncoder.fit(table, shared=shared, hash_buckets=buckets, salt=1)
    hashing = ColumnEncoder.hashing(table, buckets, shared=shared, salt=1)
    assert hashing.fingerprint == fitted.fingerprint
    assert hashing.input_dims == {"from": 10, "to": 10, "tags": 6}
    new = {"from": ["a", "z", None], "to": ["z", "a", ""], "tags": [["z"], [], None]}
    ids = hashing.encode(new)
    assert ids["from"].tolist() == [ids["to"][1], ids["to"][0], 9]
    assert all((ids[name] == expected).all() for name, expected in fitted.encode(new).items())


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"salt": 3}, "salt must be left out without"),
        ({"hash_buckets": 9, "max_size": 3}, "max_size must be left out with hash_buckets"),
        ({"hash_buckets": 9, "num_oov_buckets": {"a": 3}}, "hash_buckets must be left out with num_oov_buckets"),
        ({"num_oov_buckets": 0}, "num_oov_buckets must be"),
    ],
)
def test_contradictory_buckets_are_errors(settings, message):
    with pytest.raises(ArgumentError, match=message):
        ColumnEncoder.fit({"a": ["x"]}, **settings)
