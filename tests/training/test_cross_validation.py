"""Cross-validation: folds, and the spread of the metrics over them."""

from __future__ import annotations

import json
import tracemalloc
from collections import Counter
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.conftest import command_here, eagerly, ok
from tokemb.errors import ArgumentError, TextError
from tokemb.training.classify import Labelled, train_classifier
from tokemb.training.cross_validation import cross_validate, split_folds, take_rows
from tokemb.training.result import Fitted, Trained
from tokemb.training.schedule import Schedule

FITTED = Fitted(1, 1, 1.0, None, 1.0, 1.0, 0.0)


@given(st.lists(st.sampled_from("abc"), min_size=2, max_size=40), st.integers(2, 5), st.integers(0, 9))
def test_every_row_is_in_one_fold_and_labels_are_spread_evenly(labels, folds, seed):
    labels = [*labels, *labels, *"aabbcc"]
    found = split_folds(len(labels), folds, seed, stratify=labels)
    assert sorted(np.concatenate(found).tolist()) == list(range(len(labels)))
    assert max(map(len, found)) - min(map(len, found)) <= 1
    for label in "abc":
        counts = [Counter(labels[row] for row in fold)[label] for fold in found]
        assert max(counts) - min(counts) <= 1


@given(st.lists(st.integers(0, 9), min_size=1, max_size=40), st.integers(2, 5))
def test_rows_of_a_group_are_in_the_same_fold(groups, folds):
    groups = [*groups, *range(10)]
    found = split_folds(len(groups), folds, 0, groups=groups)
    assert sorted(np.concatenate(found).tolist()) == list(range(len(groups)))
    assert all(len(fold) for fold in found)
    assert sum(len({groups[row] for row in fold}) for fold in found) == 10


def test_long_texts_and_texts_that_end_with_nul_are_groups_of_their_own():
    tracemalloc.start()
    groups = ["x" * 100_000, *(f"{number}\0" if number % 2 else str(number - 1) for number in range(1, 2_001))]
    found = split_folds(len(groups), 2_001, 0, groups=groups)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert sorted(map(len, found)) == [1] * 2_001
    assert peak < 100_000_000


def test_folds_of_groups_have_the_same_shares_of_labels():
    groups, labels = np.repeat(np.arange(12), 3), np.repeat(["a", "b", "b"], 12)
    for fold in split_folds(36, 4, 0, stratify=labels.tolist(), groups=groups):
        assert Counter(labels[fold].tolist()) == {"a": 3, "b": 6}


def test_no_fold_is_empty_if_each_group_has_one_label():
    groups = np.repeat(["A", "B", "C", "D"], 10).tolist()
    labels = np.tile(np.repeat(["a", "b"], 10), 2).tolist()
    for folds in (2, 3, 4):
        found = split_folds(40, folds, 0, stratify=labels, groups=groups)
        assert max(map(len, found)) - min(map(len, found)) <= 10
        assert all(map(len, found))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"folds": 1}, "folds must be an integer of at least 2"),
        ({"folds": 7}, "folds must not exceed the number of rows, 6; received 7"),
        ({"folds": 3, "groups": [1, 1, 1, 2, 2, 2]}, "folds must not exceed the number of groups, 2"),
        ({"folds": 2, "groups": [1]}, "every row must have a group: received 6 rows and 1 groups"),
        ({"folds": 2, "stratify": [*"aabbbc"]}, "each label must occur at least twice for cross-validation; 'c'"),
    ],
)
def test_folds_that_are_impossible_are_errors(arguments, message):
    with pytest.raises((ArgumentError, TextError), match=message):
        split_folds(6, **arguments)


def fake(rows, *, test, schedule, on_epoch=None, interrupted_at=None):
    """Train nothing. The accuracy is the number of test rows."""
    assert not isinstance(rows, pa.Table) or test is None or len(rows) + len(test) == 6
    metrics = {"on": "test", "accuracy": 0.0 if test is None else float(len(test))}
    name = schedule.checkpoint.name
    return Trained("classify", name, None, {}, metrics, replace(FITTED, interrupted=name == interrupted_at))


def test_metrics_of_folds_are_added_to_those_of_the_model_of_all_rows(tmp_path):
    seen = []
    trained = cross_validate(
        fake,
        {"x": list("abcdef")},
        folds=4,
        schedule=Schedule(checkpoint=tmp_path),
        watch=lambda name, _: seen.append(name),
    )
    assert trained.model == "final"
    assert trained.metrics["accuracy"] == 0.0
    assert trained.metrics["folds"] == {"accuracy": {"mean": 1.5, "std": 0.5774, "values": [2.0, 2.0, 1.0, 1.0]}}
    assert seen == ["fold-1", "fold-2", "fold-3", "fold-4", "final"]


class Exported:
    """A column or table of another library that Arrow can read, such as Polars."""

    def __init__(self, values):
        self.__arrow_c_stream__ = values.__arrow_c_stream__
        if isinstance(values, pa.Table):
            self.columns = values.column_names


def test_rows_of_other_libraries_are_taken_as_arrow():
    texts = ["a", "b", "c"]
    table = pa.table({"x": texts})
    part = Labelled(Exported(table), Exported(table["x"])).take(np.array([2, 0]))
    assert (part.texts.to_pydict(), part.labels) == ({"x": ["c", "a"]}, ["c", "a"])
    with pytest.raises(ArgumentError, match="rows must be a sequence, an array or a table to be divided"):
        take_rows(iter(texts), np.array([0]))


def test_interruption_ends_the_trainings_of_all_folds(tmp_path):
    rows = pa.table({"x": list("abcdef")})
    schedule = Schedule(checkpoint=tmp_path)
    trained = cross_validate(fake, rows, folds=3, schedule=schedule, interrupted_at="fold-2")
    assert (trained.model, trained.fitted.interrupted) == ("fold-1", True)
    assert "folds" not in trained.metrics


@pytest.mark.keras
@eagerly
def test_folds_of_a_classifier_are_tested_on_texts_that_it_was_not_trained_on():
    rows = Labelled([f"good film {row}" if row % 2 else f"bad film {row}" for row in range(40)], [0, 1] * 20)
    schedule = Schedule(epochs=8, learning_rate=0.1, refit=False)
    trained = cross_validate(
        train_classifier, rows, folds=2, stratify=rows.labels, schedule=schedule, dim=2, ngrams=1, dropout=0.0
    )
    assert trained.metrics["on"] == "validation"
    assert trained.metrics["folds"]["accuracy"] == {"mean": 1.0, "std": 0.0, "values": [1.0, 1.0]}


@pytest.mark.keras
@eagerly
def test_command_writes_and_shows_the_metrics_of_folds(tmp_path):
    reviews = [f"{('bad', 'good')[row % 2]} film,{row % 2},author {row % 7}\n" for row in range(40)]
    (tmp_path / "r.csv").write_text("text,label,author\n" + "".join(reviews))
    command = "train classify r.csv --column text --label label --dim 2 --epochs 1 --no-refit"
    run = ok(command_here(*f"{command} --folds 2 --fold-groups author -o c".split(), cwd=tmp_path))
    assert b"read       40 rows" in run.stderr
    folds = json.loads((tmp_path / "c" / "training.json").read_text())["metrics"]["folds"]
    spread = folds["accuracy"]
    lines = run.stderr.decode().splitlines()
    assert f"accuracy      mean {spread['mean']}, standard deviation {spread['std']} of 2 folds" in lines
    assert [line for line in lines if line.startswith("training ")] == [
        "training   fold 1",
        "training   fold 2",
        "training   final",
    ]
    for options, message in (
        ("--folds 2 --seeds 2", b"only one of --seeds, --folds and --search can be used at a time"),
        ("--fold-groups author", b"--fold-groups requires --folds"),
        ("--folds 1", b"must be an integer from 2"),
    ):
        wrong = command_here(*f"{command} {options} -o d".split(), cwd=tmp_path)
        assert (wrong.returncode, message in wrong.stderr) == (2, True), wrong.stderr
