"""What models of texts predict: several labels and numbers, with weights of rows, from training to predictions."""

from __future__ import annotations

import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tokemb
from tests.conftest import command_here, eagerly
from tokemb.errors import ArgumentError, ModelError, TextError
from tokemb.sources import texts
from tokemb.training.classify import Labelled, train_classifier
from tokemb.training.evaluation import _class_of_labels
from tokemb.training.inputs import TextInputs
from tokemb.training.metrics import label_f1_scores
from tokemb.training.schedule import Schedule
from tokemb.training.targets import number_metrics, target_of

pytestmark = pytest.mark.keras

# Each word has a label and a value.
WORDS = {"red": 1.0, "green": 2.0, "blue": 4.0}
ROWS = [[word for number, word in enumerate(WORDS) if row >> number & 1] for row in range(8)] * 15
TEXTS = [" ".join(["a", *words]) for words in ROWS]
SUMS = [sum(WORDS[word] for word in words) for words in ROWS]
QUICK = Schedule(epochs=30, batch_size=16, learning_rate=0.05, refit=False)


@given(st.integers(1, 4), st.integers(1, 12), st.integers(0, 99))
def test_f1_scores_of_several_labels_are_those_of_scikit_learn(labels, rows, seed):
    metrics = pytest.importorskip("sklearn.metrics")
    rng = np.random.default_rng(seed)
    targets, predictions = rng.integers(0, 2, (2, rows, labels))
    expected = [
        metrics.f1_score(targets, predictions, average=average, zero_division=0.0) for average in ("micro", "macro")
    ]
    if labels > 1:  # of one column, scikit-learn also scores the absence of the label
        assert label_f1_scores(targets, predictions) == pytest.approx(tuple(expected))


def test_metrics_of_numbers_are_those_of_scikit_learn():
    metrics = pytest.importorskip("sklearn.metrics")
    targets, predictions = np.random.default_rng(1).normal(size=(2, 50)).astype(np.float32)
    found = number_metrics(targets, predictions, float(targets.mean()))
    assert found["r2"] == pytest.approx(metrics.r2_score(targets, predictions), abs=1e-3)
    assert found["mae"] == pytest.approx(metrics.mean_absolute_error(targets, predictions), abs=1e-3)
    assert found["rmse_of_mean"] == pytest.approx(targets.std(), abs=1e-3)


@pytest.mark.parametrize("kind", ["list", "numpy", "pandas", "arrow", "chunks"])
def test_labels_are_columns_of_any_library(kind):
    numbers = [3, 1, 3]
    labels = {"numpy": np.array(numbers), "arrow": pa.array(numbers), "chunks": pa.chunked_array([[3], [1, 3]])}
    if kind == "pandas":
        labels["pandas"] = pytest.importorskip("pandas").Series(numbers, index=[7, 8, 9])
    rows = Labelled(["a", "b", "c"], labels.get(kind, numbers), labels.get(kind))
    assert (rows.labels, rows.weights) == (numbers, None if kind == "list" else numbers)
    assert rows.take(np.array([1, 2])).labels == [1, 3]
    target = target_of(rows.labels, None, regression=False)
    assert (target.classes, target.encode(rows.labels).tolist()) == ([1, 3], [1, 0, 1])


def test_boolean_labels_are_0_and_1():
    target = target_of([True, False, 1], None, regression=False)
    assert target.classes == [0, 1]
    assert [type(label) for label in target.classes] == [int, int]
    assert target.encode([False, True]).tolist() == [0, 1]
    assert _class_of_labels(pa.array([True, False]), [0, 1], 0).tolist() == [1, 0]


@pytest.mark.parametrize(("labels", "separator"), [([1, 2**63], None), (["a", "\ud800"], None), (["a|\ud800"], "|")])
def test_labels_that_no_folder_can_hold_are_errors(labels, separator):
    with pytest.raises(TextError, match="labels must be integers of at most 64 bits, or texts that are valid Unicode"):
        target_of(labels, separator, regression=False)


@pytest.mark.parametrize("padding", ["pre", "post"])
def test_head_with_weights_of_positions_pads_as_the_vocabulary(padding):
    encoder = tokemb.fit_vocab(["a b c"], padding=padding)
    rows = TextInputs(encoder, "flatten", 4).encode(["b", "", "c a"])
    np.testing.assert_array_equal(rows.batch(np.arange(3)), encoder.encode(["b", "", "c a"], maxlen=4))


def test_labels_are_split_at_the_separator_and_lists_are_labels_too():
    target = target_of(["b | a", "", "a|a"], "|", regression=False)
    assert target.classes == ["a", "b"]
    assert target.encode(["b | a", "", ["a"]]).tolist() == [[1, 1], [0, 0], [1, 0]]
    assert target_of([7, 3], "|", regression=False).encode([3, "7|3"]).tolist() == [[1, 0], [1, 1]]


@pytest.mark.parametrize(
    ("labels", "settings", "error", "message"),
    [
        (["a|b", None], {"label_separator": "|"}, TextError, "row 2 has no labels"),
        (["a|b", 3.5], {"label_separator": "|"}, TextError, r"texts with '\|' between them; row 2 has 3.5 \(float\)"),
        (["a", "a"], {"label_separator": "|"}, ArgumentError, "classes must be at least 2; received 1"),
        (["a", "b"], {"label_separator": " "}, ArgumentError, "label_separator must not be empty or white space"),
        ([1.5, "x"], {"regression": True}, TextError, "finite numbers for a regression; the label of row 2 is 'x'"),
        ([1.5, np.inf], {"regression": True}, TextError, "the label of row 2 is inf"),
        (["1.5", "1_5"], {"regression": True}, TextError, "the label of row 2 is '1_5'"),
        ([1, 2], {"regression": True, "label_separator": "|"}, ArgumentError, "regression must be left out with"),
        ([1, 2], {"regression": True, "class_weights": "balanced"}, ArgumentError, "class_weights requires one label"),
    ],
)
def test_labels_that_cannot_be_trained_on_are_errors(labels, settings, error, message):
    with pytest.raises(error, match=message):
        train_classifier(Labelled(["one", "two"], labels), **settings)


@pytest.mark.parametrize(
    ("weights", "error", "message"),
    [
        ([1, -1], TextError, "at least 0; that of row 2 is -1"),
        ([1, "x"], TextError, "at least 0; that of row 2 is 'x'"),
        ([0, 0], TextError, "must not all be 0"),
        (["1", "1_0"], TextError, "at least 0; that of row 2 is '1_0'"),
        ([1], ArgumentError, "received 2 texts and 1 weights"),
    ],
)
def test_sample_weights_that_cannot_be_are_errors(weights, error, message):
    with pytest.raises(error, match=message):
        train_classifier(Labelled(["one", "two"], ["a", "b"], weights))


@pytest.mark.parametrize("split", ["training", "validation"])
def test_split_in_which_no_row_has_a_weight_is_an_error(split):
    rows = dict(zip(("training", "validation"), QUICK.split(20), strict=True))
    weights = np.ones(20)
    weights[rows[split]] = 0
    with pytest.raises(ArgumentError, match=f"all rows of the {split} split have the sample weight 0"):
        train_classifier(Labelled(["good", "bad"] * 10, ["pos", "neg"] * 10, weights), schedule=QUICK)


def test_rows_with_weight_0_are_not_learned_from():
    texts = ["good film", "bad film"] * 40
    labels = ["pos", "neg"] * 20 + ["neg", "pos"] * 20
    trained = train_classifier(Labelled(texts, labels, [1.0] * 40 + [0.0] * 40), dim=4, schedule=QUICK)
    ids = trained.vocabulary.encode(["good film", "bad film"], maxlen=3)
    good, bad = trained.model.predict(ids, verbose=0)[:, 0]
    assert bad < 0.5 < good


def test_texts_without_a_repeated_word_are_trained_on():
    trained = train_classifier(
        Labelled(["one two", "three four", "five"], ["a", "b", "a"]), schedule=Schedule(epochs=1)
    )
    assert trained.vocabulary.input_dim == 9


def test_several_labels_are_trained_predicted_and_evaluated(tmp_path):
    labels = ["|".join(words) for words in ROWS]
    trained = train_classifier(Labelled(TEXTS, labels), label_separator="|", dim=8, dropout=0.0, schedule=QUICK)
    assert trained.classes == ["blue", "green", "red"]
    assert trained.metrics["micro_f1"] == 1
    trained.save(tmp_path / "labels")
    model = tokemb.load_trained(tmp_path / "labels")
    found = model.predict(["a red green", "a", ""]).to_pylist()
    assert [sorted(row["predictions"] or []) for row in found] == [["green", "red"], [], []]
    assert [row["reason"] for row in found] == [None, None, "the text has no tokens"]
    assert found[0]["probabilities"] == sorted(found[0]["probabilities"], reverse=True)
    assert [len(row["predictions"]) for row in model.predict(TEXTS[:3], top=2).to_pylist()] == [2, 2, 2]
    evaluation = model.evaluate(TEXTS, labels)
    assert evaluation.metrics["macro_f1"] == evaluation.metrics["roc_auc"] == 1
    with pytest.raises(TextError, match="the label 'pink' of row 2 does not"):
        model.evaluate(["a red", "a pink"], ["red", "red|pink"])
    with pytest.raises(ModelError, match="holds a classifier of several labels"):
        model.export(tmp_path / "saved")


@eagerly
@pytest.mark.parametrize(
    ("first", "later", "option", "expected"),
    [("1", "2|1", ("--label-separator", "|"), ["1", "2"]), ("1", "2.5", ("--regression",), None)],
)
def test_labels_that_begin_with_integers_can_be_others_in_later_blocks(
    tmp_path, monkeypatch, first, later, option, expected
):
    lines = [f"a red,{first},1"] * 20 + [f"a blue,{later},0.5"] * 20
    (tmp_path / "rows.csv").write_text("\n".join(["text,label,weight", *lines]) + "\n")
    monkeypatch.setattr(texts, "BATCH_BYTES", 100)
    columns = ("--column", "text", "--label", "label")
    options = ("--sample-weight", "weight", "--dim", 2, "--epochs", 1, "-o", "labels")
    run = command_here("train", "classify", "rows.csv", *columns, *option, *options, cwd=tmp_path)
    assert run.returncode == 0, run.stderr
    assert json.loads((tmp_path / "labels" / "training.json").read_text()).get("classes") == expected
    run = command_here("evaluate", "labels", "rows.csv", *columns, "--json", cwd=tmp_path)
    assert run.returncode == 0, run.stderr
    assert json.loads(run.stdout)["rows"] == 40


def test_command_trains_and_predicts_numbers(tmp_path):
    lines = [f"{text},{number},{1 + (row % 2)}" for row, (text, number) in enumerate(zip(TEXTS, SUMS, strict=True))]
    (tmp_path / "rows.csv").write_text("\n".join(["text,sum,weight", *lines]) + "\n")
    options = "--dim 8 --dropout 0 --epochs 40 --batch-size 16 --learning-rate 0.02 --no-refit -o sums"
    train = f"train classify rows.csv --column text --label sum --regression --sample-weight weight {options}"
    run = command_here(*train.split(), cwd=tmp_path)
    assert run.returncode == 0, run.stderr
    metrics = json.loads((tmp_path / "sums" / "training.json").read_text())["metrics"]
    assert metrics["rmse"] < 0.5 < metrics["rmse_of_mean"]
    run = command_here(*"predict sums rows.csv --column text -o found.parquet".split(), cwd=tmp_path)
    assert run.returncode == 0, run.stderr
    found = pq.read_table(tmp_path / "found.parquet").column("prediction").to_numpy()
    assert np.abs(found - SUMS).max() < 1.5
    run = command_here(*"evaluate sums rows.csv --column text --label sum --json -o page.html".split(), cwd=tmp_path)
    assert run.returncode == 0, run.stderr
    expected = number_metrics(np.array(SUMS), found)
    assert json.loads(run.stdout) == {name: pytest.approx(value, abs=1e-3) for name, value in expected.items()}
