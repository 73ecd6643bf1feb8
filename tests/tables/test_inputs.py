"""Texts, lists in cells and numbers beside columns of values."""

from __future__ import annotations

import csv
import json
import math
from fractions import Fraction

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer, models

import tokemb
from tests.conftest import examples
from tokemb.errors import ArgumentError, TextError, TextTypeError
from tokemb.tables import ColumnEncoder

BOOKS = {
    "title": ["Good tea", "Tea", None],
    "blurb": ["all about tea", "more", "tea, tea"],
    "shop": ["x", "y", None],
    "genres": ["food|new", "", "new | food|new"],
    "price": ["2.5", None, "10"],
}
KINDS = {"texts": ["title", "blurb"], "columns": ["shop"], "multi": {"genres": "|"}, "numbers": ["price"]}


@pytest.fixture(scope="module")
def encoder():
    return ColumnEncoder.fit(BOOKS, **KINDS)


def test_columns_of_each_kind_are_encoded(encoder):
    assert {column.name: column.kind for column in encoder.columns} == {
        "title": "texts",
        "blurb": "texts",
        "shop": "single values",
        "genres": "lists",
        "price": "numbers",
    }
    ids = encoder.encode(BOOKS)
    assert ids["title"].tolist() == [[3, 2], [2, 0], [0, 0]]
    assert ids["shop"].tolist() == [3, 4, 2]
    assert ids["genres"].tolist() == [[4, 3, 0], [2, 0, 0], [3, 4, 3]]
    assert (ids["price"].tolist(), ids["price"].dtype) == ([2.5, 6.25, 10.0], np.float32)
    assert sorted(encoder.input_dims) == sorted({*encoder.names} - {"price"})
    assert sorted(encoder.suggested_dims) == ["genres", "shop"]
    assert encoder.decode(ids).to_pydict() == {
        "title": ["good tea", "tea", ""],
        "blurb": ["all about tea", "more", "tea tea"],
        "shop": ["x", "y", None],
        "genres": [["food", "new"], [None], ["new", "food", "new"]],
        "price": [2.5, 6.25, 10.0],
    }


def test_texts_have_the_ids_of_a_vocabulary_of_their_own(encoder):
    settings = {"max_size": 3, "ngrams": 2, "profile": "keras"}
    fitted = ColumnEncoder.fit(BOOKS, texts=["blurb"], **settings)
    alone = tokemb.fit_vocab(BOOKS["blurb"], **settings)
    assert fitted.vocabularies["blurb"].fingerprint == alone.fingerprint
    both = ColumnEncoder.fit(BOOKS, texts=["title", "blurb"], shared=[["title", "blurb"]], algorithm="bpe")
    texts = ["Good tea", "Tea", "", *BOOKS["blurb"]]
    assert both.vocabularies["title"].vocabulary == tokemb.fit_vocab(texts, algorithm="bpe").vocabulary
    assert both.vocabularies["title"] is both.vocabularies["blurb"]


def test_fitted_vocabulary_of_texts_keeps_its_special_tokens_when_rows_are_truncated():
    vocabulary = tokemb.fit_vocab(BOOKS["blurb"], start="[BOS]", end="[EOS]", maxlen=3)
    encoder = ColumnEncoder.fit(
        BOOKS, texts={"title": vocabulary, "blurb": vocabulary, "shop": None}, numbers=["price"]
    )
    assert len(encoder.encoders) == 2
    assert encoder.encode(BOOKS)["blurb"].tolist() == vocabulary.encode(BOOKS["blurb"]).tolist()
    ids = encoder.encode(BOOKS, maxlen=4, truncating="pre", padding="pre")["blurb"]
    assert ids.tolist() == vocabulary.encode(BOOKS["blurb"], maxlen=4, truncating="pre", padding="pre").tolist()


def test_save_and_load_keep_everything(encoder, tmp_path):
    lengths = encoder.with_maxlen({"title": 5})
    lengths.save(tmp_path / "books")
    loaded = ColumnEncoder.load(tmp_path / "books")
    assert loaded.columns == lengths.columns
    assert loaded.fingerprint == encoder.fingerprint
    assert all((ids == lengths.encode(BOOKS)[name]).all() for name, ids in loaded.encode(BOOKS).items())
    entries = json.loads((tmp_path / "books" / "columns.json").read_text())["columns"]
    assert entries[3]["separator"] == "|"
    assert entries[4]["numbers"] == {"mean": 6.25, "deviation": 3.75, "missing": 1}
    other = ColumnEncoder.fit({**BOOKS, "price": [1, 2, 3]}, **KINDS)
    assert other.fingerprint != encoder.fingerprint


@pytest.mark.parametrize("suffix", ["csv", "jsonl", "npz", "parquet", "tfrecord"])
def test_files_give_the_arrays_of_a_table_in_memory(encoder, suffix, tmp_path):
    if suffix in ("csv", "jsonl"):
        path = tmp_path / f"books.{suffix}"
        rows = [dict(zip(BOOKS, row, strict=True)) for row in zip(*BOOKS.values(), strict=True)]
        with path.open("w", newline="") as file:
            if suffix == "csv":
                writer = csv.DictWriter(file, BOOKS)
                writer.writeheader()
                writer.writerows(rows)
            else:
                prices = [None if row["price"] is None else float(row["price"]) for row in rows]
                file.writelines(json.dumps({**row, "price": n}) + "\n" for row, n in zip(rows, prices, strict=True))
        assert ColumnEncoder.fit(path, **KINDS).fingerprint == encoder.fingerprint
        found = encoder.encode(path)
    else:
        path = tmp_path / "books.parquet"
        import pyarrow.parquet as pq

        pq.write_table(pa.table(BOOKS), path)
        output = tmp_path / f"ids.{suffix}"
        report = tokemb.encode_file(path, encoder, output, maxlen=4)
        assert report.shape == "title (3, 4), blurb (3, 4), shop (3,), genres (3, 4), float32 price (3,)"
        if suffix == "tfrecord":
            return
        found = dict(np.load(output)) if suffix == "npz" else pq.read_table(output).to_pydict()
    expected = encoder.encode(BOOKS, maxlen=None if suffix in ("csv", "jsonl") else 4)
    for name, ids in expected.items():
        assert np.asarray(found[name]).tolist() == ids.tolist()


@examples(15)
@given(st.lists(st.lists(st.none() | st.floats(-1e6, 1e6, width=32), min_size=1, max_size=8), min_size=1, max_size=4))
def test_statistics_of_numbers_are_exact_for_any_batches(parts):
    numbers = [Fraction(number) for part in parts for number in part if number is not None]
    batches = [pa.record_batch({"n": pa.array(part, pa.float64()), "c": ["x"] * len(part)}) for part in parts]
    if not numbers:
        with pytest.raises(TextError, match="the column 'n' has no number in any row"):
            ColumnEncoder.fit(iter(batches), columns=["c"], numbers=["n"])
        return
    found = ColumnEncoder.fit(iter(batches), columns=["c"], numbers=["n"]).columns[1].numbers
    mean = sum(numbers) / len(numbers)
    variance = float(sum((number - mean) ** 2 for number in numbers) / len(numbers))
    assert (found.mean, found.deviation) == (float(mean), math.sqrt(variance) or 1.0)
    assert found.missing == sum(number is None for part in parts for number in part)


def test_rows_without_ids_have_one_position_of_padding(encoder):
    ids = encoder.encode(
        {"title": ["", ""], "blurb": [None, "."], "shop": ["x", "y"], "genres": ["|", "|"], "price": [1, 2]}
    )
    assert {name: ids[name].tolist() for name in ("title", "blurb", "genres")} == dict.fromkeys(
        ("title", "blurb", "genres"), [[0], [0]]
    )


@pytest.mark.parametrize("number", [0.1, 0.3, -1e-30, 12345678.9, 3e38])
def test_equal_numbers_have_the_deviation_1(number):
    batches = [pa.record_batch({"n": [number] * size, "c": ["x"] * size}) for size in (3, 7)]
    found = ColumnEncoder.fit(iter(batches), columns=["c"], numbers=["n"]).columns[1].numbers
    assert (found.mean, found.deviation) == (number, 1.0)


@pytest.mark.parametrize("cell", ["[0x" + "f" * 5000 + "]", '["\\ud800"]', "['a', '\\ud800']"])
def test_lists_in_cells_that_are_no_text_are_errors(cell):
    with pytest.raises(TextError, match="row 2 has .* in the column 'm', which must hold lists as JSON or Python"):
        ColumnEncoder.fit({"m": ["['a']", cell]}, multi=["m"])


class _Recorder:
    """A predictor that records the ids of its rows."""

    fingerprint, settings, schema, max_rows = "0" * 64, {}, pa.schema([("reason", pa.string())]), None

    def __init__(self, encoder):
        self.encoder, self.table_columns, self.cells, self.ids = encoder, encoder.parts, encoder.cells, []

    def predict_batch(self, batch):
        self.ids.append(self.encoder.encode_batch(batch))
        return pa.record_batch([pa.nulls(len(batch), pa.string())], schema=self.schema)


def test_predictions_of_a_column_are_the_same_if_it_is_kept(tmp_path):
    rows = "user,code,tags,price\n1,1.0,a| b,2.50\n2,2.0,b,NA\n"
    (tmp_path / "rows.csv").write_text(rows)
    kinds = {"columns": ["user", "code"], "multi": {"tags": "|"}, "numbers": ["price"]}
    predictor = _Recorder(ColumnEncoder.fit(tmp_path / "rows.csv", **kinds))
    for keep in ([], ["user", "code", "tags", "price"]):
        tokemb.predict_file(tmp_path / "rows.csv", predictor, tmp_path / "predicted.jsonl", keep=keep, force=True)
    plain, kept = (
        {name: np.asarray(getattr(v, "values", v)).tolist() for name, v in ids.items()} for ids in predictor.ids
    )
    assert plain == kept == {"user": [3, 4], "code": [3, 4], "tags": [4, 3, 3], "price": [2.5, 2.5]}
    written = [json.loads(line) for line in (tmp_path / "predicted.jsonl").read_text().splitlines()]
    assert written[0] == {"reason": None, "user": 1, "code": "1.0", "tags": "a| b", "price": 2.5}


def test_labels_that_are_inputs_too_do_not_change_the_ids(tmp_path):
    from tokemb.tables.tables import table_batches

    (tmp_path / "rows.csv").write_text("code,n\n1.0,1\n2.0,2\n")
    encoder = ColumnEncoder.fit(tmp_path / "rows.csv", columns=["code", "n"])
    [batch] = table_batches(tmp_path / "rows.csv", encoder.parts, ["code", "n"], exact=encoder.parts)
    assert batch.to_pydict() == {"code": ["1.0", "2.0"], "n": [1, 2]}


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"texts": "title"}, "texts must be a list of names; received 'title'"),
        ({"texts": ["title", "title"]}, "texts must name each column once"),
        ({"texts": ["title"], "columns": ["title"]}, "two would be called 'title'"),
        ({"columns": [("shop", "price")], "numbers": ["price"]}, "'price' is a part of an event, too"),
        ({"texts": {"title": "words"}}, r"texts\['title'\] must be a tokemb.Encoder; received str"),
        ({"multi": {"genres": " "}}, "multi must name a separator that is a text in UTF-8 and not empty or white"),
        ({"multi": {"genres": "\udcff"}}, "multi must name a separator that is a text in UTF-8"),
        ({"numbers": ["price"]}, "columns must name at least one column of texts or values"),
        ({"texts": ["title"], "columns": ["shop"], "shared": [["title", "shop"]]}, "'title' holds texts"),
        ({"texts": ["title"], "profile": "nobody"}, "profile must be one of"),
        ({"texts": ["title"], "numbers": ["price"], "maxlen": {"price": 3}}, "maxlen must name columns of the table"),
    ],
)
def test_invalid_settings_are_errors(settings, message):
    with pytest.raises(ArgumentError, match=message):
        ColumnEncoder.fit(BOOKS, **settings)


def test_columns_of_another_kind_are_errors(encoder):
    with pytest.raises(TextError, match="the table, row 2 has '5 EUR' in the column 'price'"):
        encoder.encode({**BOOKS, "price": ["1", "5 EUR", ""]})
    with pytest.raises(TextError, match="the table has no column 'blurb'"):
        encoder.encode({name: column for name, column in BOOKS.items() if name != "blurb"})
    with pytest.raises(TextTypeError, match="the column 'title' holds double: texts"):
        encoder.encode({**BOOKS, "title": [0.5, 1.0, 2.0]})
    with pytest.raises(TextError, match="a vocabulary of the texts in 'title' cannot be fitted: "):
        ColumnEncoder.fit({"title": [None, "?"]}, texts=["title"])
    model = models.WordLevel({"a": 0, "[PAD]": 1}, "a")
    foreign = tokemb.Encoder.from_tokenizer(Tokenizer(model), pad_token="[PAD]")
    with pytest.raises(ArgumentError, match=r"texts\['title'\] must be a vocabulary whose padding is id 0"):
        ColumnEncoder.fit(BOOKS, texts={"title": foreign})


def test_report_of_columns_leaves_out_texts_and_numbers(encoder):
    from tokemb.pipeline.reports import report_columns

    report = report_columns(encoder, on=BOOKS, partitions=2)
    assert [column.name for column in report.columns] == ["shop", "genres"]
    tags = {"tags": ['["a", "b"]', "['b']"]}
    drift = report_columns(ColumnEncoder.fit(tags, multi=["tags"]), on=tags).drift["tags"]
    assert not drift.new
    with pytest.raises(ArgumentError, match="a report of columns requires columns of values"):
        report_columns(encoder.select(["title", "price"]))
