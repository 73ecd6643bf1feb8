"""Taggers: padding reaches no tag, what can be learned is, and the command line trains, predicts and evaluates."""

from __future__ import annotations

import json

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tokemb
from tests.conftest import command_here, eagerly, examples, ok
from tokemb._validation import CELLS
from tokemb.errors import ArgumentError, TextError
from tokemb.training.early_stopping import EarlyStopping
from tokemb.training.forward import forward
from tokemb.training.result import read_report
from tokemb.training.schedule import Schedule
from tokemb.training.tag import Tagged, train_tagger
from tokemb.training.tag_metrics import FrequentTags, TrueTags
from tokemb.training.tag_model import predict_tokens, tagger

pytestmark = pytest.mark.keras

NAMES, WORDS = ("Ada Lovelace", "Emmy Noether", "Alan Turing"), ("met", "saw", "wrote to")
SENTENCES = [f"{NAMES[row % 3]} {WORDS[row // 3 % 3]} {NAMES[row // 9 % 3]}" for row in range(54)]
TAGS = [
    " ".join(("B-PER" if word in "Ada Emmy Alan" else "I-PER") if word[0].isupper() else "O" for word in text.split())
    for text in SENTENCES
]
ENCODER = tokemb.fit_vocab([text.split() for text in SENTENCES], profile="whitespace")
FAST = Schedule(epochs=12, batch_size=16, learning_rate=0.05)


def conll(sentences, tags):
    rows = (zip(text.split(), names.split(), strict=True) for text, names in zip(sentences, tags, strict=True))
    return "\n".join("".join(f"{token} {tag}\n" for token, tag in row) for row in rows)


@pytest.fixture(scope="module", params=CELLS)
def run(request):
    """A model as a function."""
    return forward(tagger(ENCODER, 3, head=request.param, dim=4, units=3, seed=1))


@examples(8)
@given(rows=st.lists(st.lists(st.integers(1, ENCODER.input_dim - 1), min_size=1, max_size=6), min_size=1, max_size=4))
def test_padding_does_not_change_the_tags(run, rows):
    together = run(tokemb.pad(rows, 9))
    for row, output in zip(rows, together, strict=True):
        alone = run(np.array([row], np.int32))[0]
        np.testing.assert_allclose(output[: len(row)], alone, atol=1e-5)


def test_tags_of_tokens_are_those_of_the_keras_model_at_first_subwords(run):
    rows = pa.array([["Ada", "met", "nobody"], [], ["saw"] * 5], pa.large_list(pa.large_string()))
    found = predict_tokens(run, ENCODER, rows)
    assert found.row_splits.tolist() == [0, 3, 3, 8]
    for row, (start, stop) in enumerate(zip(found.row_splits, found.row_splits[1:], strict=False)):
        if stop > start:
            output = run(ENCODER.encode([rows[row].as_py()]))[0]
            assert found.classes[start:stop].tolist() == output.argmax(axis=1).tolist()
            np.testing.assert_allclose(found.probabilities[start:stop], output.max(axis=1), rtol=1e-5)


def test_baseline_is_the_most_frequent_tag_of_each_token():
    tokens = pa.array([["a", "b", "a"], ["a", "c"]], pa.large_list(pa.large_string()))
    tags = pa.array([["X", "O", "X"], ["O", "O"]], pa.large_list(pa.large_string()))
    rows = TrueTags.of(tokens, tags, ["O", "X"])
    baseline = FrequentTags.count(rows)
    assert baseline.predict(rows).tolist() == [1, 0, 1, 1, 0]
    assert baseline.predict(TrueTags.of(pa.array([["a", "new"]], tokens.type), tags[:0], ["O", "X"])).tolist() == [1, 0]
    assert rows.metrics(baseline.predict(rows)) == {"accuracy": 0.8}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The folder of a small training, with the files that it was trained on."""
    here = tmp_path_factory.mktemp("tagger")
    (here / "train.conll").write_text(conll(SENTENCES, TAGS))
    (here / "test.conll").write_text(conll(SENTENCES[:5], TAGS[:5]) + "\nAda B-NEW\n")
    arguments = "--epochs 8 --batch-size 16 --learning-rate 0.05 --units 8 --dim 8 --dropout 0.1".split()
    ok(command_here("train", "tag", "train.conll", "--test", "test.conll", *arguments, "-o", "tagger", cwd=here))
    return here


def test_training_reports_spans_and_the_baseline(folder):
    report = read_report(folder / "tagger")
    assert report["classes"] == ["B-PER", "I-PER", "O"]
    assert report["settings"]["tag_without_ids"] == "B-PER"
    metrics = report["metrics"]
    assert (metrics["on"], metrics["rows"], metrics["accuracy"]) == ("test", 6, metrics["baseline_accuracy"])
    assert metrics["precision"] == metrics["recall"] == metrics["f1"] == metrics["baseline_f1"] == 0.9091


def test_command_predicts_and_evaluates(folder):
    ok(command_here("predict", "tagger", "test.conll", "--keep", "tags", "-o", "tags.jsonl", "--force", cwd=folder))
    rows = [json.loads(line) for line in (folder / "tags.jsonl").read_text().splitlines()]
    assert [row["predictions"] for row in rows[:5]] == [row.split() for row in TAGS[:5]]
    run = ok(command_here("evaluate", "tagger", "test.conll", "--json", "-o", "page.html", "--force", cwd=folder))
    metrics = json.loads(run.stdout)
    assert (metrics["f1"], metrics["f1_NEW"], metrics["f1_PER"]) == (0.9091, 0.0, 0.9524)
    assert "B-NEW" in (folder / "page.html").read_text()


def test_predictions_in_memory_are_one_tag_per_token(folder):
    model = tokemb.load_trained(folder / "tagger")
    rows = model.predict([["Ada", "Lovelace", "", "saw"], []]).to_pylist()
    assert rows[0]["predictions"] == ["B-PER", "I-PER", "B-PER", "O"]
    assert rows[0]["probabilities"][2] is None
    assert rows[0]["reason"] == "1 of the tokens have no ids and get the tag B-PER"
    assert rows[1] == {"predictions": None, "probabilities": None, "reason": "the row has no tokens"}
    assert model.predict(["Ada Lovelace"])["predictions"].to_pylist() == [["B-PER", "I-PER"]]
    assert model.evaluate(SENTENCES, TAGS).metrics["f1"] == 1.0


@eagerly
def test_parts_of_speech_have_an_accuracy_only_and_rows_can_be_grouped(tmp_path):
    lines = [
        f"{row},{word},{'N' if word[0].isupper() else 'V'}"
        for row, text in enumerate(SENTENCES[:4])
        for word in text.split()
    ]
    (tmp_path / "a.csv").write_text("sentence,word,pos\n" + "\n".join(lines) + "\n")
    run = ok(
        command_here(
            *"train tag a.csv --group-by sentence --column word --tags pos --epochs 1 --units 2 -o t".split(),
            cwd=tmp_path,
        )
    )
    metrics = read_report(tmp_path / "t")["metrics"]
    assert {"accuracy", "baseline_accuracy"} < set(metrics) and "f1" not in metrics
    assert b"not in IOB2 or IOBES" in run.stderr


@eagerly
def test_tags_only_in_the_test_set_and_short_rows_are_allowed():
    trained = train_tagger(
        Tagged(SENTENCES[:6], TAGS[:6]),
        encoder=ENCODER,
        validation=Tagged(["Ada"], ["B-NEW"]),
        test=Tagged(["Ada met Ada", ""], ["B-PER O B-NEW", ""]),
        maxlen=2,
        units=2,
        dim=2,
        schedule=Schedule(epochs=1),
    )
    assert trained.metrics["tokens"] == 3
    assert trained.model.output_shape == (None, None, 3)


@pytest.mark.parametrize(
    ("rows", "settings", "error", "message"),
    [
        ((["a b"], ["O"]), {}, TextError, "2 tokens and 1 tags"),
        ((["a"] * 9, ["O"] * 9), {}, ArgumentError, "classes must be at least 2"),
        ((["a"] * 9, ["O", "X", "X"] * 3), {"head": "conv"}, ArgumentError, "head must be one of gru, lstm"),
        ((["a"] * 9, ["O", "X", "X"] * 3), {"trainable": False}, ArgumentError, "requires pre-trained vectors"),
        ((["a"] * 9, ["O", "X", "X"] * 3), {"test": Tagged([], [])}, ArgumentError, "the test set has no tokens"),
    ],
)
def test_training_that_cannot_be_is_an_error(rows, settings, error, message):
    with pytest.raises(error, match=message):
        train_tagger(Tagged(*rows), schedule=FAST, **settings)


@pytest.mark.parametrize(
    ("command", "code", "message"),
    [
        ("train tag bad.conll -o new", 1, "bad.conll, line 2 has 1 column"),
        ("train tag train.conll --tags pos -o new", 1, "no column 'pos'"),
        ("train tag train.conll --frozen -o new", 2, "--frozen requires --vectors"),
        ("evaluate tagger test.conll --label tags", 2, "--label is for a classifier"),
        ("predict tagger test.conll --top 2 -o new.csv", 2, "--top must be left out"),
    ],
)
def test_command_that_cannot_run_writes_nothing(folder, command, code, message):
    (folder / "bad.conll").write_text("a O\nb\n")
    run = command_here(*command.split(), cwd=folder)
    assert (run.returncode, message in run.stderr.decode()) == (code, True), run.stderr
    assert not (folder / "new").exists() and not (folder / "new.csv").exists()


class Weights:
    """A model that has only weights."""

    stop_training = False

    def __init__(self):
        self.weights = 0

    def get_weights(self):
        return self.weights

    def set_weights(self, weights):
        self.weights = weights


@pytest.mark.parametrize(
    ("scores", "losses", "best", "epochs"),
    [
        ([0, 0, 0.2, 0.1, 0.1], [3, 2, 4, 1, 1], 3, 5),
        ([0, 0, 0, 0, 0], [3, 2, 2, 4, 1], 2, 4),
        (None, [3, 2, 2, 4, 1], 2, 4),
        (None, [3, 4, 2, 4, 1], 5, 5),
    ],
)
def test_best_epoch_has_the_highest_score_and_among_equals_the_lowest_loss(scores, losses, best, epochs):
    model, left = Weights(), iter(scores or ())
    stopping = EarlyStopping(model, 2, 0.1, None, None if scores is None else left.__next__)
    for epoch, loss in enumerate(losses):
        model.weights = epoch + 1
        stopping.end_epoch(epoch, {"loss": 1, "val_loss": loss})
        if model.stop_training:
            break
    stopping.restore_best_weights()
    assert (stopping.epochs, stopping.best_epoch, model.weights) == (epochs, best, best)
