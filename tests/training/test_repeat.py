"""Trainings with several seeds, and losses for TensorBoard."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tokemb.errors import ArgumentError
from tokemb.training.repeat import repeat
from tokemb.training.result import Fitted, Trained
from tokemb.training.schedule import Schedule
from tokemb.training.tensorboard import log_epochs

FITTED = Fitted(1, 1, 1.0, None, 1.0, 1.0, 0.0)


def train(schedule, on_epoch=None):
    metrics = {"on": "test", "rows": 3, "accuracy": 0.5 + schedule.seed / 10, "roc_auc": None}
    return Trained("classify", schedule.seed, None, {}, metrics, FITTED)


def test_metrics_of_several_seeds_have_mean_and_standard_deviation():
    trained = repeat(train, Schedule(seed=2), 3)
    assert trained.model == 2
    assert trained.metrics["seeds"] == {"accuracy": {"mean": 0.8, "std": 0.1, "values": [0.7, 0.8, 0.9]}}


def test_one_seed_has_the_metrics_of_its_training():
    assert repeat(train, Schedule(), 1).metrics == train(Schedule()).metrics
    with pytest.raises(ArgumentError, match="seeds must be an integer of at least 1"):
        repeat(train, Schedule(), 0)


def test_interruption_ends_the_trainings_of_all_seeds():
    def interrupted(schedule, on_epoch):
        return replace(train(schedule), fitted=replace(FITTED, interrupted=schedule.seed == 1))

    trained = repeat(interrupted, Schedule(), 5)
    assert trained.fitted.interrupted
    assert "seeds" not in trained.metrics


@pytest.mark.keras
def test_folder_for_tensorboard_whose_name_is_not_utf8_is_an_error(tmp_path):
    with pytest.raises(ArgumentError, match="the path for TensorBoard must be UTF-8; received .*/caf"):
        log_epochs(tmp_path / "caf\udce9")


def test_losses_of_epochs_are_scalars_of_tensorboard(tmp_path):
    import tensorflow as tf

    shown = []
    log = log_epochs(tmp_path / "logs", lambda epoch, losses: shown.append((epoch, dict(losses))))
    log(1, {"loss": 0.5, "loss of all rows": 0.25})
    [file] = (tmp_path / "logs").iterdir()
    events = [tf.compat.v1.Event.FromString(record.numpy()) for record in tf.data.TFRecordDataset(str(file))]
    values = {
        value.tag: (event.step, tf.make_ndarray(value.tensor)) for event in events for value in event.summary.value
    }
    assert values == {"loss": (1, 0.5), "loss_of_all_rows": (1, 0.25)}
    assert shown == [(1, {"loss": 0.5, "loss of all rows": 0.25})]
