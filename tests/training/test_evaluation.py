"""Metrics of trained models, and the page that shows them."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from tokemb_cli.main import cli

from tests.training.test_predict import ANSWERS, LABELS, RATINGS, SEQUENCES, TEXTS, load
from tokemb.errors import ArgumentError, ModelError, TextError, TextTypeError
from tokemb.training import metrics
from tokemb.training.load import TrainedModel

pytestmark = pytest.mark.keras


@given(st.integers(2, 5), st.integers(1, 60), st.integers(0, 99))
def test_metrics_are_those_of_scikit_learn(classes, rows, seed):
    reference = pytest.importorskip("sklearn.metrics")
    rng = np.random.default_rng(seed)
    targets = rng.integers(0, classes, rows)
    probabilities = rng.dirichlet(np.ones(classes), rows)
    predictions = probabilities.argmax(axis=1)
    labels = np.arange(classes)
    confusion = metrics.confusion_matrix(targets, predictions, classes)
    np.testing.assert_array_equal(confusion, reference.confusion_matrix(targets, predictions, labels=labels))
    expected = reference.f1_score(targets, predictions, average="macro")
    assert np.nanmean(metrics.f1_scores(confusion)) == pytest.approx(expected)
    expected = reference.log_loss(targets, probabilities, labels=labels)
    assert metrics.log_loss(probabilities[np.arange(rows), targets]) == pytest.approx(expected)
    area = metrics.mean_roc_auc(targets, probabilities)
    if len(set(targets.tolist())) < classes:
        assert area is None
    else:
        scores = probabilities[:, 1] if classes == 2 else probabilities
        assert area == pytest.approx(reference.roc_auc_score(targets, scores, multi_class="ovr"))


@given(st.lists(st.integers(1, 12), min_size=1), st.integers(2, 12))
def test_ndcg_is_that_of_scikit_learn(ranks, k):
    reference = pytest.importorskip("sklearn.metrics")
    relevant = np.zeros((len(ranks), 12))
    relevant[np.arange(len(ranks)), np.array(ranks) - 1] = 1
    scores = np.tile(np.arange(12, 0, -1.0), (len(ranks), 1))
    assert metrics.ndcg_at(np.array(ranks), k) == pytest.approx(reference.ndcg_score(relevant, scores, k=k))


def test_calibration_error_is_the_weighted_distance_of_accuracy_and_confidence():
    correct, confidence = np.array([1, 0, 1, 1]), np.array([0.95, 0.95, 0.6, 0.6])
    bins = metrics.calibration(correct, confidence, 10)
    assert bins[9].tolist() == pytest.approx([0.5, 0.5, 0.95])
    assert metrics.expected_calibration_error(bins) == pytest.approx(0.5 * 0.45 + 0.5 * 0.4)


def test_evaluation_of_a_classifier_agrees_with_its_predictions(folders):
    model = load(folders, "classify")
    labels = ["is odd", *LABELS[1:]]
    found = model.evaluate(TEXTS, labels)
    predicted = model.predict(TEXTS).to_pylist()
    wrong = [row for row in range(90) if predicted[row]["prediction"] != labels[row]]
    assert found.metrics["accuracy"] == round(1 - len(wrong) / 90, 4)
    assert [sum(row) for row in found.confusion] == [labels.count(label) for label in found.classes]
    assert {error["row"] - 1 for error in found.errors} == {*wrong[:20]} or len(wrong) > 20
    assert found.errors[0]["probability"] == max(error["probability"] for error in found.errors)
    first = found.errors[0]
    assert (first["text"], first["label"]) == (TEXTS[first["row"] - 1], labels[first["row"] - 1])
    assert len(found.history["loss"]) == len(found.history["val_loss"]) == 2


def test_evaluations_of_other_tasks_agree_with_their_predictions(folders):
    ratings = load(folders, "ratings")
    errors = ratings.predict(RATINGS)["prediction"].to_numpy() - np.array(RATINGS["stars"])
    found = ratings.evaluate(RATINGS).metrics
    assert found == {
        "rows": 80,
        "rmse": pytest.approx(np.sqrt((errors**2).mean()), abs=1e-4),
        "mae": pytest.approx(np.abs(errors).mean(), abs=1e-4),
    }
    answers = load(folders, "tracing")
    asked = [row["probabilities"][1:] for row in answers.predict(ANSWERS, observed=True).to_pylist()]
    correct = [row[1:] for row in ANSWERS["correct"]]
    targets, probabilities = (np.array([value for row in rows for value in row]) for rows in (correct, asked))
    found = answers.evaluate(ANSWERS).metrics
    assert found["answers"] == len(targets)
    assert found["roc_auc"] == pytest.approx(metrics.roc_auc(targets, probabilities), abs=1e-4)
    events = load(folders, "next")
    ranks = [row["ranks"][-1] for row in events.predict(SEQUENCES, observed=True).to_pylist()]
    found = events.evaluate([*SEQUENCES, "a"], at=(1, 2)).metrics
    assert found["mrr"] == pytest.approx(np.mean([1 / rank for rank in ranks]), abs=1e-3)
    assert found["hit_rate_at_2"] == pytest.approx(np.mean([rank <= 2 for rank in ranks]), abs=1e-4)
    assert (found["rows"], found["too_short"]) == (60, 1)


def test_unknown_users_are_counted(folders):
    table = {"user": ["u1", "nobody"], "item": ["i1", "i1"], "stars": [3.0, 4.0]}
    found = load(folders, "ratings").evaluate(table).metrics
    assert (found["rows"], found["unknown_rows"]) == (2, 1)


def test_invalid_input_of_an_evaluation_is_an_error(folders):
    model = load(folders, "classify")
    with pytest.raises(TextError, match="the label of row 2, 'is new', does not"):
        model.evaluate(TEXTS[:2], [LABELS[0], "is new"])
    with pytest.raises(ArgumentError, match="labels"):
        model.evaluate(TEXTS)
    with pytest.raises(ArgumentError, match="has no rows"):
        model.evaluate([], [])
    with pytest.raises(ModelError, match="no labels to evaluate"):
        load(folders, "skipgram").evaluate(TEXTS)
    with pytest.raises(ArgumentError, match="no students with at least two answers"):
        load(folders, "tracing").evaluate({"skill": [[1]], "correct": [[1]]})
    assert load(folders, "binary").evaluate(TEXTS[:2], ["0", "1"]).metrics["rows"] == 2


@pytest.mark.parametrize(
    "texts", [{"a", "b"}, [1, 2], [b"a", b"b"], "ab", ["a", None], ["a", "\ud800"], [["a"], [None]]]
)
def test_texts_that_predict_refuses_are_an_error_of_an_evaluation(folders, texts):
    model = load(folders, "binary")
    with pytest.raises((TextError, TextTypeError)) as refused:
        model.predict(texts)
    with pytest.raises(type(refused.value), match=re.escape(str(refused.value))):
        model.evaluate(texts, ["0", "1"])


@pytest.mark.parametrize(("missing", "name"), [(None, "None"), (float("nan"), "nan")])
def test_missing_label_is_not_the_class_whose_name_spells_a_missing_value(folders, missing, name):
    folder = load(folders, "binary").folder
    model = TrainedModel(replace(folder, report={**folder.report, "classes": [name, "other"]}))
    assert model.evaluate(TEXTS[:2], [name, "other"]).metrics["rows"] == 2
    with pytest.raises(TextError, match=f"the label of row 1, {missing}, does not"):
        model.evaluate(TEXTS[:2], [missing, missing])


class Page(HTMLParser):
    """The elements of a page that a test looks at."""

    def __init__(self):
        super().__init__()
        self.tags, self.links, self.text = [], [], ""

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.links += [value for name, value in attributes if name in ("src", "href")]
        assert "style" not in dict(attributes)

    def handle_data(self, data):
        self.text += data


def test_page_is_complete_and_loads_nothing(folders, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rows = [f'"<b>{text}</b>",{label}\n' for text, label in zip(TEXTS, LABELS, strict=True)]
    (tmp_path / "test.csv").write_text("text,label\n" + "".join(["good {{style}},is odd\n", *rows]))
    arguments = ["evaluate", str(folders / "classify"), "test.csv", "--column", "text", "--label", "label"]
    for _ in range(2):
        result = CliRunner().invoke(cli, [*arguments, "--json", "-o", "page.html"])
        assert result.exit_code == 0, result.stderr
    assert json.loads(result.stdout)["rows"] == 91
    content = (tmp_path / "page.html").read_text("utf-8")
    page = Page()
    page.feed(content)
    for title in ("Metrics", "Learning curves", "Calibration", "Confusion matrix", "Most confident errors"):
        assert title in page.text
    assert page.links == []
    assert not {"script", "b", "img", "link"} & {*page.tags}
    assert content.count("{{style}}") == 1
    assert not re.search(r"https?://", content)
    assert "prefers-color-scheme: dark" in content
    (tmp_path / "other.html").write_text("mine")
    result = CliRunner().invoke(cli, [*arguments, "-o", "other.html"])
    assert result.exit_code == 1
    assert (tmp_path / "other.html").read_text() == "mine"


def test_exported_classifier_returns_labels_and_probabilities(folders, tmp_path):
    import tensorflow as tf

    for name in ("pairs", "classify", "binary"):
        model = load(folders, name)
        model.export(tmp_path / name)
        served = tf.saved_model.load(str(tmp_path / name)).signatures["serving_default"](texts=tf.constant(TEXTS))
        found = model.predict(TEXTS, top=3)
        labels = [label.decode() for label in served["label"].numpy()]
        assert labels == list(map(str, found["prediction"].to_pylist()))
        np.testing.assert_allclose(served["probabilities"].numpy().max(axis=1), found["probability"], rtol=1e-5)
        assert [name.decode() for name in served["classes"].numpy()[0]] == list(map(str, model.folder.classes))
    with pytest.raises(ModelError, match="exported with its classes; .* holds a model of ratings"):
        load(folders, "ratings").export(tmp_path / "other")
    with pytest.raises(ArgumentError, match="classes must be those of the model"):
        from tokemb.models.saved_model import export_saved_model

        export_saved_model(model.folder.encoder, tmp_path / "x", model=model.folder.model, classes=["a", "b", "c"])
