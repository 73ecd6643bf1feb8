"""Classifiers and regressions of tables: texts beside categories, lists and numbers."""

from __future__ import annotations

import json

import numpy as np
import pyarrow.parquet as pq
import pytest

import tokemb
from tests.conftest import command_here, eagerly
from tokemb.errors import ArgumentError, ModelError, TextError
from tokemb.training.classify import Labelled, fit_inputs, train_classifier
from tokemb.training.column_vectors import training_vectors
from tokemb.training.schedule import Schedule

pytestmark = pytest.mark.keras

ROWS = 120
KINDS = {"texts": ["title", "blurb"], "columns": ["shop"], "multi": {"genres": "|"}, "numbers": ["price"]}
OPTIONS = "--text title,blurb --category shop --multi genres=| --number price --label sold"


def table(rows=ROWS):
    """Books that are sold if at least two of four columns are good. The text alone does not say which."""
    random = np.random.default_rng(0)
    good = random.random((4, rows)) < 0.5
    return {
        "title": [f"{'good' if is_good else 'poor'} tea" for is_good in good[0]],
        "blurb": ["all about tea", ""] * (rows // 2),
        "shop": ["x" if is_good else "y" for is_good in good[1]],
        "genres": ["food | new" if is_good else "food" for is_good in good[2]],
        "price": [3 if is_good else 9 for is_good in good[3]],
    }, [int(number) for number in good.sum(axis=0) >= 2]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The folder of a training by the command line."""
    here = tmp_path_factory.mktemp("table")
    columns, sold = table()
    for name in ("books", "new"):
        with (here / f"{name}.csv").open("w") as file:
            file.write(",".join([*columns, "sold"]) + "\n")
            file.writelines(",".join(map(str, row)) + "\n" for row in zip(*columns.values(), sold, strict=True))
    options = ["--epochs=25", "--learning-rate=0.02", "--batch-size=40", "--dropout=0", "--no-refit"]
    run = command_here("train", "classify", "books.csv", *OPTIONS.split(), *options, "-o", "sold", cwd=here)
    assert run.returncode == 0, run.stderr
    return here


def test_model_learns_from_all_columns(folder):
    report = json.loads((folder / "sold" / "training.json").read_text())
    assert report["metrics"]["accuracy"] == 1.0
    assert report["settings"]["inputs"] == {
        "title": "texts",
        "blurb": "texts",
        "shop": "single values",
        "genres": "lists",
        "price": "numbers",
    }
    assert report["settings"]["maxlen"] == {"title": 3, "blurb": 5}  # words and pairs
    encoder = tokemb.ColumnEncoder.load(folder / "sold" / "vocabulary")
    assert encoder.fingerprint == fit_inputs(folder / "books.csv", **KINDS).fingerprint
    assert encoder.vocabularies["title"].ngrams == (1, 2)


def test_folder_predicts_and_is_evaluated(folder):
    columns, sold = table()
    model = tokemb.load_trained(folder / "sold")
    evaluation = model.evaluate(columns, sold)
    run = command_here("evaluate", "sold", "new.csv", "--label", "sold", "--json", cwd=folder)
    assert json.loads(run.stdout) == evaluation.metrics
    assert evaluation.metrics["accuracy"] > 0.95
    predicted = model.predict(columns, top=2)
    expected = model.folder.model.predict_on_batch(model.folder.columns.encode(columns))[:, 0]
    found = [probabilities[labels.index(1)] for labels, probabilities in _pairs(predicted)]
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-6)
    run = command_here("predict", "sold", "new.csv", "--keep", "sold", "-o", "p.parquet", cwd=folder)
    assert run.returncode == 0, run.stderr
    assert pq.read_table(folder / "p.parquet")["prediction"].to_pylist() == predicted["prediction"].to_pylist()
    assert model.predict({**columns, "title": [None] * ROWS, "price": [None] * ROWS})["reason"].null_count == ROWS


def _pairs(predicted):
    return zip(predicted["predictions"].to_pylist(), predicted["probabilities"].to_pylist(), strict=True)


def test_embeddings_of_a_column_are_loaded(folder):
    vectors = training_vectors(folder / "sold", "genres")
    assert [token for token, is_real in zip(vectors.tokens, vectors.real, strict=True) if is_real] == ["food", "new"]
    with pytest.raises(ArgumentError, match="column must be one of title, blurb, shop, genres, the columns of"):
        training_vectors(folder / "sold", "price")


def test_errors_of_a_row_name_its_columns(folder):
    columns, sold = table()
    model = tokemb.load_trained(folder / "sold")
    errors = model.evaluate(columns, [1 - label for label in sold]).errors
    assert "shop: " in errors[0]["text"]
    with pytest.raises(ArgumentError, match="every row must have a label: received 120 rows and 1 labels"):
        model.evaluate(columns, [1])
    with pytest.raises(TextError, match="the table, row 2 has 'ten' in the column 'price'"):
        model.predict({**columns, "price": ["1", "ten"] * (ROWS // 2)})
    with pytest.raises(ModelError, match="predicts from the columns title, blurb, shop, genres, price"):
        model.export(folder / "exported")


@eagerly
def test_regressions_and_several_labels_have_the_same_inputs(tmp_path):
    columns, _ = table(60)
    encoder = fit_inputs(columns, texts=["title"], columns=["shop"], numbers=["price"], head="flatten")
    settings = {"dim": 4, "units": 3, "schedule": Schedule(epochs=1, refit=False)}
    rows = Labelled(columns, columns["price"])
    numbers = train_classifier(rows, encoder=encoder, regression=True, head="flatten", **settings)
    numbers.save(tmp_path / "numbers")
    assert tokemb.load_trained(tmp_path / "numbers").predict(columns).column_names == ["prediction", "reason"]
    labels = Labelled(columns, columns["genres"])
    several = train_classifier(labels, encoder=encoder, label_separator="|", test=labels, **settings)
    several.save(tmp_path / "labels")
    assert several.classes == ["food", "new"]
    assert tokemb.load_trained(tmp_path / "labels").evaluate(columns, columns["genres"]).metrics["rows"] == 60


@eagerly
def test_table_of_one_column_is_trained_and_predicted(tmp_path):
    columns, sold = table(40)
    encoder = fit_inputs(columns, texts=["title"])
    train_classifier(Labelled(columns, sold), encoder=encoder, schedule=Schedule(epochs=1)).save(tmp_path / "one")
    assert len(tokemb.load_trained(tmp_path / "one").predict({"title": ["good tea"]})) == 1


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"ngrams": 2}, "ngrams must be left out with encoder=..., which is fitted to the columns of a table"),
        ({"vectors": "glove.txt"}, "vectors must be left out with encoder="),
        ({"segmenter": "jieba"}, "segmenter must be left out with encoder="),
    ],
)
def test_options_of_one_column_of_texts_are_errors(settings, message):
    columns, sold = table(4)
    encoder = tokemb.ColumnEncoder.fit(columns, **KINDS)
    with pytest.raises(ArgumentError, match=message):
        train_classifier(Labelled(columns, sold), encoder=encoder, **settings)


@pytest.mark.parametrize(
    ("command", "code", "message"),
    [
        (f"train classify bad.csv {OPTIONS} -o bad", 1, "bad.csv, row 2 has 'ten' in the column 'price', which must"),
        (f"train classify books.csv {OPTIONS} --test bad.csv -o bad", 1, "bad.csv, row 2 has 'ten' in the column"),
        (f"train classify books.csv {OPTIONS} --vectors v.txt -o bad", 2, "--vectors is for one column of texts"),
        (f"train classify books.csv {OPTIONS} --text sold -o bad", 2, "--label must not name a column that the model"),
        (f"train classify books.csv {OPTIONS} --vocab sold/vocabulary -o bad", 2, "determines the columns: leave out"),
        (f"train classify books.csv {OPTIONS} --column title -o bad", 2, "--column must be left out with --text"),
        (f"train classify books.csv {OPTIONS} --text nothing -o bad", 1, "books.csv has no column 'nothing'"),
        ("predict sold new.csv --column title -o bad.csv", 2, "sold determines the columns: leave out --column"),
        ("predict sold bad.csv -o p.csv", 1, "bad.csv, row 2 has 'ten' in the column 'price'"),
        ("evaluate sold new.csv --label shop", 2, "--label must not name a column that the model predicts from; rec"),
        ("evaluate sold bad.csv --label sold", 1, "bad.csv, row 2 has 'ten' in the column 'price'"),
        ("export --model sold -o bad", 1, "predicts from the columns title, blurb, shop, genres, price: serve its"),
    ],
)
def test_invalid_commands_are_one_sentence_and_write_nothing(folder, command, code, message):
    text = (folder / "books.csv").read_text().splitlines()
    (folder / "bad.csv").write_text("\n".join([*text[:2], "good tea,,x,new,ten,1"]))
    before = sorted(folder.iterdir())
    run = command_here(*command.split(), cwd=folder)
    assert run.returncode == code, run.stderr
    assert message in " ".join(run.stderr.decode().split())
    assert sorted(folder.iterdir()) == before


def test_values_that_occur_once_are_out_of_vocabulary_unless_all_do():
    table = {"shop": ["x", "x", "y", None], "user": ["a", "b", "c", ""], "genres": ["p|q", "q", "", None]}
    encoder = fit_inputs(table, columns=["shop", "user"], multi={"genres": "|"})
    values = {name: vocabulary.vocabulary[3:] for name, vocabulary in encoder.vocabularies.items()}
    assert values == {"shop": ["x"], "user": ["a", "b", "c"], "genres": ["q"]}


@eagerly
def test_search_over_settings_of_the_columns(folder):
    options = ["--search=ngrams=1,2", "--search=dim=2", "--epochs=1", "--no-refit", "--batch-size=120"]
    run = command_here("train", "classify", "books.csv", *OPTIONS.split(), *options, "-o", "searched", cwd=folder)
    assert run.returncode == 0, run.stderr
    report = json.loads((folder / "searched" / "training.json").read_text())
    best = report["trials"][0]["settings"]["ngrams"]
    assert report["settings"]["ngrams"] == {name: [*range(1, best + 1)] for name in ("title", "blurb")}
    assert sorted(trial["settings"]["ngrams"] for trial in report["trials"]) == [1, 2]


def test_search_over_a_head_that_is_not_possible_is_an_error_before_the_first_trial(folder):
    options = ["--search=head=mean,tfidf", "-o", "none"]
    run = command_here("train", "classify", "books.csv", *OPTIONS.split(), *options, cwd=folder)
    lines = run.stderr.decode().splitlines()
    assert (run.returncode, len(lines)) == (2, 1)
    assert "--head must not be 'tfidf' for a table" in lines[0]
    assert not (folder / "none").exists()


@eagerly
def test_folds_have_the_rows_of_all_columns(folder):
    options = ["--folds=2", "--epochs=1", "--no-refit", "--batch-size=60"]
    run = command_here("train", "classify", "books.csv", *OPTIONS.split(), *options, "-o", "folds", cwd=folder)
    assert run.returncode == 0, run.stderr
    report = json.loads((folder / "folds" / "training.json").read_text())
    assert len(report["metrics"]["folds"]["accuracy"]["values"]) == 2
    columns, sold = table()
    part = Labelled(columns, sold).take(np.array([5, 3]))
    assert part.texts.to_pydict() == {name: [values[5], values[3]] for name, values in columns.items()}
