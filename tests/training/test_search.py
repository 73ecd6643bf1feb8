"""Search over settings: the validation decides, and the best training is repeated."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import partial

import pytest

from tests.conftest import command_here, eagerly, ok
from tokemb.errors import ArgumentError, TrainingError
from tokemb.training.result import Fitted, Trained
from tokemb.training.schedule import Schedule
from tokemb.training.search import combinations, search

FITTED = Fitted(1, 1, 1.0, None, 1.0, 1.0, 0.0)


def train(rows, *, dim=1, validation=None, test=None, schedule, on_epoch=None, interrupted_at=None, scores=None):
    """Train nothing. The validation loss is the distance to dim 3 and the learning rate 0.5."""
    if dim == 9:
        raise TrainingError("the training diverged")
    loss = abs(dim - 3) + abs(schedule.learning_rate - 0.5)
    fitted = replace(FITTED, validation_loss=loss, interrupted=dim == interrupted_at, refitted=schedule.refit)
    if scores:
        fitted = replace(fitted, validation_score=scores[dim])
    metrics = {"on": "validation" if test is None else "test", "accuracy": dim / 10}
    return Trained("classify", dim, None, {}, metrics, fitted)


def settings(trained):
    return [trial["settings"] for trial in trained.trials]


def test_combination_with_the_lowest_validation_loss_is_trained_again_and_tested():
    seen = []
    trained = search(
        partial(train, None),
        {"dim": [1, 3, 4], "learning_rate": [0.1, 0.4]},
        schedule=Schedule(),
        test="test rows",
        watch=lambda name, described: seen.append((name, described)),
    )
    assert (trained.model, trained.metrics["on"], trained.fitted.refitted) == (3, "test", True)
    assert settings(trained)[:2] == [{"dim": 3, "learning_rate": 0.4}, {"dim": 3, "learning_rate": 0.1}]
    assert trained.trials[0]["metrics"] == {"on": "validation", "accuracy": 0.3}
    assert [trial["validation_loss"] for trial in trained.trials] == [0.1, 0.4, 1.1, 1.4, 2.1, 2.4]
    assert seen[0] == ("trial-1", "dim 1, learning rate 0.1")
    assert seen[-1] == ("final", "dim 3, learning rate 0.4")


def test_validation_score_decides_before_the_loss():
    trained = search(partial(train, None, scores={3: 0.5, 4: 0.75}), {"dim": [3, 4]}, schedule=Schedule())
    assert (trained.model, settings(trained)) == (4, [{"dim": 4}, {"dim": 3}])


def test_training_that_diverges_is_the_last_trial_and_an_error_if_all_do():
    trained = search(partial(train, None), {"dim": [9, 4]}, schedule=Schedule())
    assert trained.trials[-1] == {"settings": {"dim": 9}, "failure": "the training diverged"}
    with pytest.raises(TrainingError, match="the training diverged"):
        search(partial(train, None), {"dim": [9]}, schedule=Schedule())


def test_interruption_returns_the_best_model_so_far():
    trained = search(partial(train, None, interrupted_at=1), {"dim": [2, 1, 3]}, schedule=Schedule())
    assert (trained.model, trained.fitted.interrupted, len(trained.trials)) == (2, True, 2)


def test_trials_are_distinct_combinations_in_an_order_that_the_seed_decides():
    grid = {"dim": [1, 2, 3, 4], "units": [1, 2, 3]}
    every = combinations(grid, None, 0)
    assert len(every) == 12
    some = combinations(grid, 5, 1)
    assert some == combinations(grid, 5, 1) != combinations(grid, 5, 2)
    assert len({tuple(values.items()) for values in some}) == 5
    assert combinations(grid, 50, 1) == every


@pytest.mark.parametrize(
    ("grid", "message"),
    [
        ({"seed": [1]}, "seed must be the same for all trainings of a search"),
        ({"size": [1]}, "must name arguments of the training or of Schedule; received 'size'"),
        ({"dim": []}, "the setting 'dim' of a search must have values"),
    ],
)
def test_settings_that_cannot_be_searched_are_errors(grid, message):
    with pytest.raises(ArgumentError, match=message):
        search(partial(train, None), grid, schedule=Schedule())


def test_search_without_validation_rows_is_an_error():
    schedule = Schedule(validation_split=0)
    with pytest.raises(ArgumentError, match="validation_split must be greater than 0 for a search"):
        search(partial(train, None), {"dim": [1]}, schedule=schedule)
    assert search(partial(train, None), {"dim": [1]}, schedule=schedule, validation="rows").model == 1


def test_all_trials_are_checked_before_the_first_training():
    def check(values):
        if values["dim"] == 4:
            raise ArgumentError("dim must not be 4")

    started = []
    watch = lambda name, _: started.append(name)  # noqa: E731 - returns None
    with pytest.raises(ArgumentError, match="dim must not be 4"):
        search(partial(train, None), {"dim": [1, 4]}, schedule=Schedule(), watch=watch, check=check)
    with pytest.raises(ArgumentError, match="learning_rate must be finite and greater than 0"):
        search(partial(train, None), {"learning_rate": [1.0, 0.0]}, schedule=Schedule(), watch=watch)
    assert started == []


COMMAND = "train classify r.csv --column text --label label --ngrams 1"


@pytest.fixture
def reviews(tmp_path):
    (tmp_path / "r.csv").write_text("text,label\n" + "good film,1\nbad film,0\n" * 20)
    return tmp_path


@pytest.mark.keras
@eagerly
def test_command_writes_and_shows_the_trials(reviews):
    options = "--search dim=2,3 --search learning-rate=0.1,0.0001 --epochs 1 --trials 2 -o c"
    run = ok(command_here(*f"{COMMAND} {options}".split(), cwd=reviews))
    report = json.loads((reviews / "c" / "training.json").read_text())
    best = report["trials"][0]
    assert len(report["trials"]) == 2
    assert best["settings"].items() <= report["settings"].items()
    assert report["training"]["refitted"]
    lines = run.stderr.decode().splitlines()
    start = next(number for number, line in enumerate(lines) if line.startswith("search "))
    assert lines[start].split() == "search dim learning rate validation loss accuracy".split()
    shown = [*map(str, best["settings"].values()), f"{best['validation_loss']:.4f}", str(best["metrics"]["accuracy"])]
    assert lines[start + 1].split() == shown


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("--search size=1", "--search must be one of head, dim"),
        ("--search seed=1,2", "and its values, such as 'dim=32,64'; received 'seed=1,2'"),
        ("--search dim", "received 'dim'"),
        ("--search dim=0,8", "must be an integer from 1"),
        ("--search head=mean,deep", "'deep'"),
        ("--dim 8 --search dim=8,9", "--dim must be left out with --search 'dim=8,9'"),
        ("--search dim=8 --search dim=9", "--search must name an option once; received --dim twice"),
        ("--trials 3", "--trials requires --search"),
    ],
)
def test_search_that_is_wrong_usage_is_an_error(reviews, options, message):
    run = command_here(*f"{COMMAND} {options} -o c".split(), cwd=reviews)
    assert run.returncode == 2, run.stderr
    assert message in run.stderr.decode()
    assert not (reviews / "c").exists()
