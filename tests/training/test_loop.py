"""The loop of all trainings: early stopping, the choice of the batch size, interruptions."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np
import pytest

import tokemb
from tests.conftest import command_here, eagerly
from tokemb.errors import ArgumentError
from tokemb.training.classify import Labelled, train_classifier
from tokemb.training.early_stopping import EarlyStopping
from tokemb.training.knowledge_tracing import train_knowledge_tracing
from tokemb.training.next_event import train_next
from tokemb.training.ratings import train_ratings
from tokemb.training.result import Fitted, Trained, read_report
from tokemb.training.schedule import Schedule

pytestmark = pytest.mark.keras

ROWS = Labelled(["good film", "bad film"] * 20, ["pos", "neg"] * 20)


class Weights:
    """A model whose only weight is the number of the epoch."""

    stop_training = False

    def get_weights(self):
        return [np.array(self.epoch)]

    def set_weights(self, weights):
        (self.epoch,) = weights


def watch(losses, patience=2):
    """Return the model after epochs with these validation losses, and its early stopping."""
    model = Weights()
    stopping = EarlyStopping(model, patience, 0.1, None)
    for epoch, loss in enumerate(losses):
        model.epoch = epoch + 1
        stopping.end_epoch(epoch, {"loss": 1.0} | ({} if loss is None else {"val_loss": loss}))
        if model.stop_training:
            break
    stopping.restore_best_weights()
    return model, stopping


def test_training_stops_after_the_patience_and_restores_the_best_epoch():
    model, stopping = watch([3, 1, 2, 1, 0])
    assert (stopping.epochs, stopping.best_epoch, int(model.epoch)) == (4, 2, 2)


def test_training_without_a_validation_split_keeps_the_last_weights():
    model, stopping = watch([None] * 5)
    assert (stopping.epochs, stopping.best_epoch, model.epoch) == (5, 5, 5)


@pytest.mark.parametrize(("rows", "size"), [(1, 32), (8192, 32), (20_000, 64), (32_768, 128), (10**7, 256)])
def test_batch_size_is_chosen_by_the_number_of_rows_unless_it_is_set(rows, size):
    assert Schedule().for_rows(rows).batch_size == size
    assert Schedule(batch_size=100).for_rows(rows).batch_size == 100


def test_order_of_rows_without_a_batch_size_is_an_error():
    with pytest.raises(ArgumentError, match="batch_size must be set"):
        Schedule().order()


def test_interrupted_training_keeps_the_weights_of_the_best_epoch(monkeypatch):
    def interrupt(epoch, _):
        if epoch == 3:
            raise KeyboardInterrupt

    trained = train_classifier(ROWS, dim=2, schedule=Schedule(learning_rate=0.05), on_epoch=interrupt)
    assert (trained.fitted.epochs, trained.fitted.interrupted, trained.fitted.still_improving) == (3, True, False)
    assert trained.metrics["loss"] == pytest.approx(trained.fitted.validation_loss, abs=1e-3)
    with pytest.raises(KeyboardInterrupt):
        monkeypatch.setattr(
            "tokemb.training.inputs.take_padded", lambda *_, **__: (_ for _ in ()).throw(KeyboardInterrupt)
        )
        train_classifier(ROWS, dim=2)


def test_command_that_is_interrupted_writes_the_model_and_says_so(tmp_path, monkeypatch):
    def interrupt(epoch, _):
        if epoch == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr("tokemb_cli.training._show", interrupt)
    (tmp_path / "r.csv").write_text("text,label\n" + "good film,1\nbad film,0\n" * 20)
    train = "train classify r.csv --column text --label label --dim 2 -o c".split()
    run = command_here(*train, cwd=tmp_path)
    assert run.returncode == 130
    assert run.stderr.decode().splitlines()[-2:] == ["wrote      c", "interrupted: c has the weights of epoch 2"]
    assert read_report(tmp_path / "c")["training"]["interrupted"]
    assert len(tokemb.load_trained(tmp_path / "c").predict(["good film"])) == 1


def test_command_says_that_training_was_still_improving(tmp_path):
    (tmp_path / "r.csv").write_text("text,label\n" + "good film,1\nbad film,0\n" * 20)
    train = "train classify r.csv --column text --label label --dim 2 --epochs 3 -o c".split()
    run = command_here(*train, cwd=tmp_path)
    assert "note       still improving at epoch 3: pass --epochs 6" in run.stderr.decode().splitlines()


def test_names_of_files_that_are_not_utf8_are_in_the_report(tmp_path):
    encoder = tokemb.fit_vocab(["a"])
    fitted = Fitted(1, 1, 0.5, None, 1.0, 1.0, 0.0)
    settings = {"vectors": "caf\udce9.vec", "word": "é"}
    Trained("skipgram", tokemb.embedding_model(encoder, 2), encoder, settings, {}, fitted).save(tmp_path / "t")
    assert read_report(tmp_path / "t")["settings"] == settings
    (tmp_path / "t" / "training.json").read_text("utf-8")


def test_refit_gives_the_weights_of_a_training_on_all_rows_for_the_best_number_of_epochs():
    schedule = Schedule(batch_size=8, learning_rate=0.05, epochs=6)
    trained = train_classifier(ROWS, dim=2, dropout=0.0, schedule=schedule)
    assert trained.fitted.refitted
    again = replace(schedule, validation_split=0, epochs=trained.fitted.best_epoch)
    expected = train_classifier(ROWS, dim=2, dropout=0.0, schedule=again)
    assert not expected.fitted.refitted
    for found, weights in zip(trained.model.get_weights(), expected.model.get_weights(), strict=True):
        np.testing.assert_allclose(found, weights, atol=1e-6)


def test_interruption_of_the_refit_keeps_the_weights_from_before_it():
    def interrupt(_, losses):
        if "loss of all rows" in losses:
            raise KeyboardInterrupt

    schedule = Schedule(batch_size=8, learning_rate=0.05, epochs=3)
    trained = train_classifier(ROWS, dim=2, dropout=0.0, schedule=schedule, on_epoch=interrupt)
    expected = train_classifier(ROWS, dim=2, dropout=0.0, schedule=replace(schedule, refit=False))
    assert (trained.fitted.interrupted, trained.fitted.refitted) == (True, False)
    for found, weights in zip(trained.model.get_weights(), expected.model.get_weights(), strict=True):
        np.testing.assert_allclose(found, weights, atol=1e-6)


def test_validation_split_beside_a_validation_file_is_an_error(tmp_path):
    (tmp_path / "r.csv").write_text("text,label\ngood film,1\nbad film,0\n")
    train = "train classify r.csv --column text --label label --validation-file r.csv --validation-split 0.2 -o c"
    run = command_here(*train.split(), cwd=tmp_path)
    assert run.returncode == 2
    assert b"--validation-split must be left out with --validation-file" in run.stderr


SESSIONS = [["a", "b", "c", "d"][row % 3 :] * 2 for row in range(20)]
ANSWERS = {"skill": [["x", "y", "x"]] * 20, "correct": [[1, row % 2, 1] for row in range(20)]}
RATINGS = {"user": list("abcd") * 10, "item": list("uvwxy") * 8, "stars": [float(row % 5) for row in range(40)]}


@pytest.mark.parametrize(
    "train",
    [
        partial(train_next, SESSIONS, dim=3, units=3, dropout=0.0),
        partial(train_knowledge_tracing, ANSWERS, dim=3, units=3, dropout=0.0),
    ],
    ids=["next", "tracing"],
)
@eagerly
def test_other_trainings_are_refitted_to_all_rows_too(train):
    schedule = Schedule(batch_size=10, learning_rate=0.05, epochs=2)
    trained = train(schedule=schedule)
    assert trained.fitted.refitted
    expected = train(schedule=replace(schedule, validation_split=0, epochs=trained.fitted.best_epoch))
    for name in (layer.name for layer in expected.model.layers if layer.name.endswith("embedding")):
        found, weights = (each.model.get_layer(name).get_weights()[0] for each in (trained, expected))
        np.testing.assert_allclose(found, weights, atol=1e-5)


@eagerly
def test_ratings_are_refitted_to_all_rows():
    losses = []
    schedule = Schedule(batch_size=8, learning_rate=0.05, epochs=2)
    trained = train_ratings(
        RATINGS, ["user", "item"], "stars", dim=3, schedule=schedule, on_epoch=lambda _, found: losses.append(found)
    )
    assert trained.fitted.refitted
    assert sum("loss of all rows" in found for found in losses) == trained.fitted.best_epoch
