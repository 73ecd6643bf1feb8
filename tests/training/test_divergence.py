"""Trainings that diverge and labels that are missing: they fail, and what was there stays."""

from __future__ import annotations

import json

import numpy as np
import pytest

import tokemb
from tests.conftest import command_here, eagerly, ok
from tokemb.errors import ArgumentError, TextError, TrainingError
from tokemb.training.classify import Labelled, train_classifier
from tokemb.training.divergence import check_weights
from tokemb.training.labels import classes_of
from tokemb.training.ratings import train_ratings
from tokemb.training.schedule import Schedule
from tokemb.training.skipgram import SkipGram, train_skipgram

pytestmark = pytest.mark.keras

TEXTS, LABELS = ["good film", "bad film"] * 20, ["pos", "neg"] * 20


def test_a_training_that_diverges_names_a_smaller_learning_rate():
    ratings = {"user": ["a", "b"] * 20, "item": ["c", "d"] * 20, "stars": [1e18, -1e18] * 20}
    with pytest.raises(
        TrainingError, match=r"the training diverged: .* pass a smaller one, for example learning_rate="
    ):
        train_ratings(ratings, ["user", "item"], "stars", schedule=Schedule(epochs=30, learning_rate=1e30))
    with pytest.raises(TrainingError, match="weights of the model are NaN or infinite with learning_rate=0.5"):
        check_weights([np.ones(3), np.array([1, np.inf])], 0.5)


@pytest.mark.parametrize("name", ["train_skipgram"])
def test_vectors_that_diverge_are_no_model(name, monkeypatch):
    monkeypatch.setattr(f"tokemb.kernels.{name}", lambda *arrays: arrays[6].fill(np.nan))
    encoder = tokemb.fit_vocab(TEXTS)
    with pytest.raises(
        TrainingError, match="with learning_rate=0.025: pass a smaller one, for example learning_rate=0.0025"
    ):
        train_skipgram(TEXTS, encoder, SkipGram(dim=2, epochs=1))


def test_a_training_that_diverges_leaves_the_earlier_one(tmp_path):
    (tmp_path / "r.csv").write_text("user,item,stars\n" + "a,c,1\nb,d,3\na,d,2\n" * 10)
    train = "train ratings r.csv --column user --column item --rating stars --dim 2 --epochs 2 -o stars".split()
    ok(command_here(*train, cwd=tmp_path))
    before = {path.name: path.read_bytes() for path in (tmp_path / "stars").iterdir() if path.is_file()}
    run = command_here(*train, "--learning-rate", "1e30", "--force", cwd=tmp_path)
    (message,) = run.stderr.decode().splitlines()
    assert run.returncode == 1
    assert "the training diverged" in message
    assert before == {path.name: path.read_bytes() for path in (tmp_path / "stars").iterdir() if path.is_file()}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["r.csv", "stars"]


@pytest.mark.parametrize("rate", [np.inf, np.nan])
def test_a_learning_rate_that_is_not_finite_is_refused(rate):
    with pytest.raises(ArgumentError, match="learning_rate must be"):
        Schedule(learning_rate=rate)
    with pytest.raises(ArgumentError, match="learning_rate must be"):
        SkipGram(learning_rate=rate)


@pytest.mark.parametrize("missing", ["NaN", "nan", "null", "None", "NA", " n/a", "<NA>"])
def test_a_missing_value_among_integer_labels_is_no_class(missing):
    with pytest.raises(TextError, match="row 3 has no label: all others are integers"):
        classes_of(["1", "0", missing, "1"])
    assert classes_of(["good", missing, "bad"]) == sorted(["good", missing, "bad"])


@pytest.mark.parametrize("missing", [None, "", "  ", float("nan")])
def test_an_empty_label_is_no_class(missing):
    for others in ([1, 0], ["good", "bad"]):
        with pytest.raises(TextError, match="row 2 has no label: fill it, or drop the row"):
            classes_of([others[0], missing, others[1]])


@eagerly
def test_classes_are_printed_and_stored(tmp_path):
    rows = [f"word{number} film,{number:02}x\n" for number in range(12)] * 4
    (tmp_path / "r.csv").write_text("text,label\n" + "".join(rows))
    train = "train classify r.csv --column text --label label --dim 2 --epochs 1 -o c".split()
    said = ok(command_here(*train, cwd=tmp_path)).stderr.decode().splitlines()
    names = [f"{number:02}x" for number in range(12)]
    assert f"classes    12: {', '.join(names[:10])}, ..." in said
    assert json.loads((tmp_path / "c" / "training.json").read_text())["classes"] == names
    shown = ok(command_here("inspect", "c", cwd=tmp_path)).stdout.decode()
    assert "task                    classify\n" in shown
    assert "classes                 00x, 01x" in shown


def test_a_nan_in_a_file_of_integer_labels_fails(tmp_path):
    (tmp_path / "r.csv").write_text("text,label\n" + "good,1\nbad,0\n" * 9 + "fine,NaN\n")
    run = command_here(*"train classify r.csv --column text --label label -o c".split(), cwd=tmp_path)
    assert run.returncode == 1
    assert "row 19 has no label: all others are integers and it is 'NaN'" in run.stderr.decode()
    assert [path.name for path in tmp_path.iterdir()] == ["r.csv"]


@eagerly
def test_a_report_that_is_no_json_is_not_written(tmp_path):
    trained = train_classifier(Labelled(TEXTS, LABELS), dim=2, schedule=Schedule(epochs=1))
    trained.metrics["loss"] = float("nan")
    with pytest.raises(ValueError, match="not JSON compliant"):
        trained.save(tmp_path / "c")
    assert list(tmp_path.iterdir()) == []
