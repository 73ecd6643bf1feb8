"""Checkpoints: a training that was stopped is resumed, and gives the weights of one that was not."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from functools import partial
from types import SimpleNamespace

import numpy as np
import pytest

import tokemb
from tests.conftest import ROOT, command_here, eagerly, ok
from tokemb.errors import ArgumentError
from tokemb.files.locked_folder import locked_folder
from tokemb.training.checkpoint import has_checkpoint, remove_checkpoints
from tokemb.training.classify import Labelled, train_classifier
from tokemb.training.early_stopping import EarlyStopping
from tokemb.training.next_event import train_next
from tokemb.training.result import read_report
from tokemb.training.schedule import Schedule

pytestmark = pytest.mark.keras

ROWS = Labelled(["good film", "bad film"] * 20, ["pos", "neg"] * 20)
SCHEDULE = Schedule(epochs=2, batch_size=32, learning_rate=0.05)
TRAININGS = {
    "token weights": partial(train_classifier, ROWS, dim=2),
    "next": partial(train_next, [["a", "b", "c"][row % 2 :] * 2 for row in range(9)], dim=2, units=1),
}


class KilledError(Exception):
    """The process ends here."""


def kill_at(epoch, phase=""):
    def on_epoch(number, losses):
        if number == epoch and any(phase in name for name in losses):
            raise KilledError

    return on_epoch


def weights(trained):
    return [np.asarray(matrix) for matrix in trained.model.get_weights()]


@pytest.fixture
def convolutions(monkeypatch):
    """Make classifiers of a few short texts with convolutions."""
    monkeypatch.setattr("tokemb.training.classify._CONVOLVED_ROWS", 1)


@eagerly
@pytest.mark.parametrize("name", TRAININGS)
def test_resumed_training_gives_the_weights_and_losses_of_one_that_was_not_stopped(name, tmp_path, convolutions):
    train = TRAININGS[name]
    expected = train(schedule=SCHEDULE)
    schedule = replace(SCHEDULE, checkpoint=tmp_path)
    with pytest.raises(KilledError):
        train(schedule=schedule, on_epoch=kill_at(2))
    with pytest.raises(KilledError):
        train(schedule=schedule, on_epoch=kill_at(expected.fitted.best_epoch, "all rows"))
    epochs = []
    resumed = train(schedule=schedule, on_epoch=lambda epoch, _: epochs.append(epoch))
    assert epochs == [expected.fitted.best_epoch]
    assert resumed.fitted.history == expected.fitted.history
    assert resumed.fitted.refitted
    assert resumed.metrics == expected.metrics
    for found, wanted in zip(weights(resumed), weights(expected), strict=True):
        np.testing.assert_array_equal(found, wanted)


def test_early_stopping_continues_with_the_scores_and_weights_of_its_state():
    scores = iter([0.5, 0.75, 0.7, 0.6])

    def watch():
        model = SimpleNamespace(get_weights=lambda: [np.ones(2)], set_weights=lambda found: best.extend(found))
        return model, EarlyStopping(model, 2, 0.1, None, lambda: next(scores))

    best = []
    _, first = watch()
    for epoch in range(2):
        first.end_epoch(epoch, {"loss": 1.0, "val_loss": 2.0})
    model, second = watch()
    second.resume(json.loads(json.dumps(first.to_json())), [np.zeros(2)])
    assert (second.epochs, second.best_epoch, second.best_score, second.is_complete(3)) == (2, 2, 0.75, False)
    for epoch in (2, 3):
        second.end_epoch(epoch, {"loss": 1.0, "val_loss": 1.0})
    assert (model.stop_training, second.best_epoch, second.is_complete(9)) == (True, 2, True)
    second.restore_best_weights()
    assert [weights.tolist() for weights in best] == [[0, 0]]


@eagerly
def test_complete_training_is_not_repeated_and_can_run_for_more_epochs(tmp_path):
    train = partial(train_classifier, ROWS, dim=2)
    schedule = replace(SCHEDULE, checkpoint=tmp_path, epochs=1, refit=False)
    first = train(schedule=schedule)
    epochs = []
    again = train(schedule=schedule, on_epoch=lambda epoch, _: epochs.append(epoch))
    assert (epochs, again.metrics) == ([], first.metrics)
    train(schedule=replace(schedule, epochs=2), on_epoch=lambda epoch, _: epochs.append(epoch))
    assert epochs == [2]


@eagerly
def test_checkpoint_of_another_training_is_an_error(tmp_path, request):
    train = partial(train_classifier, dim=2, schedule=replace(SCHEDULE, epochs=1, refit=False, checkpoint=tmp_path))
    train(ROWS)
    others = Labelled(ROWS.texts, [*ROWS.labels[:-2], *ROWS.labels[:-3:-1]])
    for changed in (partial(train, others), partial(train, ROWS, dropout=0.1), partial(train, ROWS, dim=3)):
        with pytest.raises(ArgumentError, match="belongs to a training with other data or settings: delete it"):
            changed()
    # Its model has more variables.
    request.getfixturevalue("convolutions")
    with pytest.raises(ArgumentError, match="belongs to a training with other data or settings: delete it"):
        train(ROWS)
    [file] = tmp_path.iterdir()
    # The second one has a flag of an entry that zipfile does not support.
    flags = file.read_bytes().rindex(b"PK\1\2") + 8
    patched = file.read_bytes()[:flags] + b"\x20" + file.read_bytes()[flags + 1 :]
    for content in (b"", patched, file.read_bytes()[:-100]):
        file.write_bytes(content)
        with pytest.raises(ArgumentError, match="is not a checkpoint that can be read: delete it"):
            train(ROWS)


def test_checkpoints_are_removed_and_other_files_stay(tmp_path):
    killed = ".tokemb-0123456789ab/x.checkpoint.npz"  # a process that was killed while it wrote leaves this
    removed = (
        "all-rows.checkpoint.npz",
        "fold-1/x.checkpoint.npz",
        "final/x.checkpoint.npz",
        killed,
        f"seed-1/{killed}",
    )
    stay = ["fold-1/notes.txt", "other/x.checkpoint.npz"]
    for name in (*removed, *stay):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    assert has_checkpoint(tmp_path)
    remove_checkpoints(tmp_path)
    assert not has_checkpoint(tmp_path)
    found = [path.relative_to(tmp_path).as_posix() for path in sorted(tmp_path.rglob("*"))]
    assert found == ["fold-1", "fold-1/notes.txt", "other", "other/x.checkpoint.npz"]
    remove_checkpoints(tmp_path / "missing")


COMMAND = "train classify r.csv --column text --label label --dim 2 --learning-rate 0.05 --batch-size 8 --no-refit"


@pytest.fixture
def reviews(tmp_path):
    (tmp_path / "r.csv").write_text("text,label\n" + "good film,1\nbad film,0\n" * 20)
    return tmp_path


# The command, whose process is killed in its third epoch.
KILLED = """
import os, signal
from tokemb_cli import __main__, training
training._show = lambda epoch, _: epoch < 3 or os.kill(os.getpid(), signal.SIGKILL)
__main__.main()
"""


@eagerly
@pytest.mark.skipif(os.name == "nt", reason="Windows has not this signal")
def test_command_resumes_a_training_whose_process_was_killed(reviews):
    command = [*COMMAND.split(), *"--epochs 4 --patience 9 --checkpoint state".split()]
    paths = os.pathsep.join([str(ROOT), str(ROOT / "cli")])
    environment = {**os.environ, "PYTHONPATH": paths}
    killed = subprocess.run(
        [sys.executable, "-c", KILLED, *command, "-o", "c"], cwd=reviews, env=environment, capture_output=True
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert sorted(path.name for path in reviews.iterdir()) == ["r.csv", "state"]
    run = ok(command_here(*command, "-o", "c", cwd=reviews))
    lines = run.stderr.decode().splitlines()
    assert lines[0] == "resuming   the training in state"
    assert [line.split()[1] for line in lines if line.startswith("epoch ")] == ["3", "4"]
    assert sorted(path.name for path in reviews.iterdir()) == ["c", "r.csv"]
    training = read_report(reviews / "c")["training"]
    assert (training["interrupted"], len(training["history"]["loss"])) == (False, 4)


@eagerly
def test_command_resumes_an_interrupted_training_and_replaces_its_folder(reviews, monkeypatch):
    def interrupt(epoch, _):
        if epoch == 2:
            raise KeyboardInterrupt

    command = [*COMMAND.split(), *"--epochs 4 --checkpoint state -o c".split()]
    with monkeypatch.context() as patch:
        patch.setattr("tokemb_cli.training._show", interrupt)
        run = command_here(*command, cwd=reviews)
    assert run.returncode == 130
    last = run.stderr.decode().splitlines()[-1]
    assert last == "interrupted: c has the weights of epoch 2; repeat the command to resume the training"
    assert read_report(reviews / "c")["training"]["interrupted"]
    ok(command_here(*command, cwd=reviews))
    report = read_report(reviews / "c")
    assert (report["training"]["interrupted"], report["training"]["epochs"]) == (False, 4)
    assert "checkpoint" not in report["settings"]
    assert len(tokemb.load_trained(reviews / "c").predict(["good film"])) == 1
    assert command_here(*command, cwd=reviews).returncode == 1  # the complete folder is not replaced


@eagerly
def test_command_does_not_replace_an_interrupted_training_without_a_checkpoint_to_resume(reviews, monkeypatch):
    def interrupt(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("tokemb_cli.training._show", interrupt)
        assert command_here(*COMMAND.split(), "-o", "c", cwd=reviews).returncode == 130
    before = (reviews / "c" / "model.keras").read_bytes()
    run = command_here(*COMMAND.split(), *"--epochs 1 --checkpoint state -o c".split(), cwd=reviews)
    assert run.returncode == 1
    assert b"--force" in run.stderr
    assert (reviews / "c" / "model.keras").read_bytes() == before


@eagerly
def test_command_does_not_use_a_checkpoint_folder_of_a_training_that_runs(reviews):
    # The other training would find, replace and remove the state of this one.
    with locked_folder(reviews / "state"):
        run = command_here(*COMMAND.split(), *"--epochs 1 --checkpoint state -o c".split(), cwd=reviews)
    assert run.returncode == 1
    assert b"state is being written by" in run.stderr
    assert not (reviews / "c").exists()
    ok(command_here(*COMMAND.split(), *"--epochs 1 --checkpoint new/state -o c".split(), cwd=reviews))
    assert list((reviews / "new").iterdir()) == []


@pytest.mark.parametrize("folder", ["c", "c/state"])
def test_checkpoint_in_the_output_is_an_error(reviews, folder):
    run = command_here(*COMMAND.split(), "--checkpoint", folder, "-o", "c", cwd=reviews)
    assert run.returncode == 2
    assert b"--checkpoint must be a folder outside of the output" in run.stderr
