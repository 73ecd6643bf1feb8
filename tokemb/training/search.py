"""Search over stated settings: train with each combination, and again with the one that validates best."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import fields, replace
from itertools import product
from typing import Any

import numpy as np

from tokemb._validation import check_count
from tokemb.errors import ArgumentError, TrainingError
from tokemb.training.checkpoint_lock import locks_checkpoints
from tokemb.training.repeat import Watch, as_interrupted, watch_nothing
from tokemb.training.result import Trained, settings_text
from tokemb.training.schedule import Schedule

# The attributes of the schedule, and those that a search does not change, because they decide what is compared.
_SCHEDULE = frozenset(attribute.name for attribute in fields(Schedule))
_FIXED = ("seed", "validation_split", "refit", "checkpoint")

# A function that raises ``ArgumentError`` for settings that a training would reject.
Check = Callable[[Mapping[str, Any]], None]


@locks_checkpoints
def search(
    train: Callable[..., Trained],
    grid: Mapping[str, Sequence[Any]],
    *,
    schedule: Schedule,
    trials: int | None = None,
    test: Any = None,  # noqa: ANN401
    watch: Watch = watch_nothing,
    check: Check | None = None,
    **settings: Any,  # noqa: ANN401
) -> Trained:
    """Train with combinations of settings, and then with the best one.

    The validation loss of the best epoch decides, or for a tagger the score that also decides when it stops. The test
    set is used for the model that is returned only.

    Args:
        train: A training without its rows, such as ``partial(train_classifier, rows)``.
        grid: The values of each setting: an argument of ``train``, or an attribute of the schedule.
        schedule: The schedule. It must have a validation split, unless ``settings`` has a validation set.
        trials: The number of combinations, which are then drawn at random without replacement. ``None`` tries all.
        test: The test set of the model that is returned, as for ``train``.
        watch: A function that is called with the name and the settings of each training and returns its
            ``on_epoch``.
        check: A function that is called with the settings of each combination before the first training. It raises
            ``ArgumentError`` for settings that ``train`` would reject, which is then known at once. ``None`` leaves
            this to ``train``.
        **settings: Other arguments of ``train``.

    Returns:
        A training with the best combination. Its ``trials`` have the settings, the validation loss and the metrics of
        each combination, the best one first. Trainings that diverged come last. An interruption ends the search: the
        best model so far is returned.

    Raises:
        ArgumentError: If a setting is unknown, invalid or has no values, or there are no validation rows.
        TrainingError: If all trainings diverge.
    """
    _check_names(train, grid)
    if not schedule.validation_split and settings.get("validation") is None:
        raise ArgumentError("validation_split must be greater than 0 for a search, whose trials are compared on it")
    best: tuple[tuple[float, float], dict[str, Any], Trained] | None = None
    rows: list[dict[str, Any]] = []
    failure: TrainingError | None = None
    every = combinations(grid, trials, schedule.seed)
    for values in every:
        _, others = _divide(values, schedule)
        if check is not None:
            check(others)
    for number, values in enumerate(every, 1):
        name = f"trial-{number}"
        changed, others = _divide(values, schedule.part(name, refit=False))
        try:
            trained = train(schedule=changed, on_epoch=watch(name, settings_text(values)), **settings, **others)
        except TrainingError as error:
            failure = error
            rows.append({"settings": values, "failure": str(error)})
            continue
        rank = _rank(trained)
        if best is None or rank > best[0]:
            best = rank, values, trained
        rows.append(_trial(values, trained, -rank[1]))
        if trained.fitted.interrupted:
            return as_interrupted(replace(best[2], trials=_sorted(rows)))
    if best is None:
        raise failure or ArgumentError("the search has no settings: pass values of at least one")
    changed, others = _divide(best[1], schedule.part("final"))
    trained = train(schedule=changed, on_epoch=watch("final", settings_text(best[1])), test=test, **settings, **others)
    return replace(trained, trials=_sorted(rows))


def combinations(grid: Mapping[str, Sequence[Any]], trials: int | None, seed: int) -> list[dict[str, Any]]:
    """Return the combinations of the values of all settings, or some of them in a random order.

    Example:
        >>> combinations({"dim": [8, 16], "head": ["mean", "conv"]}, None, 0)[:2]
        [{'dim': 8, 'head': 'mean'}, {'dim': 8, 'head': 'conv'}]
    """
    for name, values in grid.items():
        if not len(values):
            raise ArgumentError(f"the setting {name!r} of a search must have values")
    every = [dict(zip(grid, values, strict=True)) for values in product(*grid.values())]
    if trials is None or check_count("trials", trials) >= len(every):
        return every
    return [every[index] for index in np.random.default_rng(seed).permutation(len(every))[:trials]]


def _check_names(train: Callable[..., Trained], names: Iterable[str]) -> None:
    """Raise ``ArgumentError`` for a name that is neither an argument of the training nor of the schedule."""
    parameters = inspect.signature(train).parameters
    # A training that passes its arguments on checks their names itself.
    passes_on = any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters.values())
    for name in names:
        if name in _FIXED:
            raise ArgumentError(f"{name} must be the same for all trainings of a search")
        if not passes_on and name not in parameters and name not in _SCHEDULE:
            raise ArgumentError(f"a search must name arguments of the training or of Schedule; received {name!r}")


def _divide(values: Mapping[str, Any], schedule: Schedule) -> tuple[Schedule, dict[str, Any]]:
    """Return the schedule with its settings, and the settings that are arguments of the training."""
    changed = replace(schedule, **{name: value for name, value in values.items() if name in _SCHEDULE})
    return changed, {name: value for name, value in values.items() if name not in _SCHEDULE}


def _rank(trained: Trained) -> tuple[float, float]:
    """Return the validation score and the negative validation loss of the best epoch. Higher ones are better."""
    fitted = trained.fitted
    if fitted.validation_loss is None:
        raise ArgumentError("a search requires validation rows, and this training has none")
    return 0.0 if fitted.validation_score is None else fitted.validation_score, -fitted.validation_loss


def _trial(values: dict[str, Any], trained: Trained, loss: float) -> dict[str, Any]:
    fitted = trained.fitted
    score = {} if fitted.validation_score is None else {"validation_score": fitted.validation_score}
    return {
        "settings": values,
        **score,
        "validation_loss": round(loss, 6),
        "metrics": dict(trained.metrics),
        "best_epoch": fitted.best_epoch,
        "seconds": fitted.seconds,
    }


def _sorted(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the trials from the best to the worst."""
    return sorted(rows, key=lambda row: (-row.get("validation_score", 0.0), row.get("validation_loss", math.inf)))
