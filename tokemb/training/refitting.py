"""Train with a validation split, and then again on all rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from tokemb.training.early_stopping import OnEpoch, Score
from tokemb.training.loop import Feed, fit
from tokemb.training.result import Fitted
from tokemb.training.schedule import Schedule

if TYPE_CHECKING:
    import keras

# A function that returns the metrics of a model.
Measure = Callable[[], Mapping[str, Any]]


def fit_and_measure(
    model: keras.Model,
    training: Feed,
    validation: Feed | None,
    everything: Callable[[], Feed] | None,
    schedule: Schedule,
    on_epoch: OnEpoch | None,
    *,
    on_validation: Measure | None,
    on_test: Measure | None,
    score: Score | None = None,
) -> tuple[Fitted, dict[str, Any]]:
    """Train a compiled model with early stopping, compute its metrics, and train it again on all rows.

    Args:
        model: The model.
        training: The batches to train on.
        validation: The validation batches. ``None`` runs all epochs and keeps the last weights.
        everything: A function that returns the batches of all rows, also those of the validation split. ``None`` if
            the validation rows are not split from the training rows, and are never trained on.
        schedule: The settings.
        on_epoch: A function that is called after each epoch.
        on_validation: Computes the metrics on the validation rows. ``None`` if there are none.
        on_test: Computes the metrics on the test set instead. ``None`` if there is none.
        score: As for ``fit``.

    Returns:
        The course of the training, and the metrics. They are empty without validation rows and without a test set.

    Raises:
        TrainingError: If the training diverges.
    """
    start = InitialState(model)
    fitted = fit(model, training, validation, schedule, on_epoch, score)
    metrics: dict[str, Any] = {}
    if on_test is None and on_validation is not None:  # the rows must not be trained on before
        metrics = {"on": "validation", **on_validation()}
    if everything is not None and schedule.refit:
        fitted = refit(start, model, everything(), fitted, schedule, on_epoch)
    if on_test is not None:
        metrics = {"on": "test", **on_test()}
    return fitted, metrics


class InitialState:
    """The weights and the optimizer of a compiled model before training, to train it again."""

    def __init__(self, model: keras.Model) -> None:
        """Copy the state of ``model``."""
        model.optimizer.build(model.trainable_variables)
        self._model = model
        self._weights = model.get_weights()
        self._optimizer = [variable.numpy() for variable in model.optimizer.variables]

    def restore(self) -> None:
        """Undo the training of the model."""
        self._model.set_weights(self._weights)
        for variable, value in zip(self._model.optimizer.variables, self._optimizer, strict=True):
            variable.assign(value)


def refit(
    start: InitialState, model: keras.Model, rows: Feed, fitted: Fitted, schedule: Schedule, on_epoch: OnEpoch | None
) -> Fitted:
    """Train a model again, on all rows, for the number of epochs that was the best one on the validation split.

    Small data gain the most. Nothing happens without ``schedule.refit``, without a validation split, or after an
    interruption. Ctrl-C in this function keeps the weights from before it.

    Args:
        start: The state of ``model`` before ``fit``.
        model: The model.
        rows: The batches of all rows, also those of the validation split.
        fitted: The result of ``fit``.
        schedule: The settings.
        on_epoch: A function that is called after each epoch.

    Returns:
        ``fitted`` with the time of both trainings.

    Raises:
        TrainingError: If the training diverges.
    """
    if not schedule.refit or fitted.validation_loss is None or fitted.interrupted:
        return fitted

    def show(epoch: int, losses: Mapping[str, float]) -> None:
        if on_epoch is not None:
            on_epoch(epoch, {f"{name} of all rows": loss for name, loss in losses.items()})

    selected = model.get_weights()
    start.restore()
    try:
        repeated = fit(model, rows, None, replace(schedule, epochs=fitted.best_epoch), show)
    except KeyboardInterrupt:
        repeated = None
    if repeated is None or repeated.interrupted:
        model.set_weights(selected)
        return replace(fitted, interrupted=True)
    runs = (fitted, repeated)
    seconds = sum(run.seconds for run in runs)
    return replace(
        fitted,
        seconds=round(seconds, 2),
        rows_per_second=round(sum(run.rows_per_second * run.seconds for run in runs) / max(seconds, 1e-9), 1),
        input_share=round(sum(run.input_share * run.seconds for run in runs) / max(seconds, 1e-9), 4),
        refitted=True,
    )
