"""Cross-validation: compute metrics on all rows, each with a model that was not trained on this row."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa

from tokemb._arrays import Int64
from tokemb._validation import check_count
from tokemb.errors import ArgumentError, TextError
from tokemb.training.checkpoint_lock import locks_checkpoints
from tokemb.training.repeat import Watch, as_interrupted, spread, watch_nothing
from tokemb.training.result import Trained
from tokemb.training.schedule import Schedule


@locks_checkpoints
def cross_validate(
    train: Callable[..., Trained],
    rows: Any,  # noqa: ANN401
    *,
    folds: int,
    stratify: Sequence[Any] | None = None,
    groups: Sequence[Any] | None = None,
    schedule: Schedule,
    test: Any = None,  # noqa: ANN401
    watch: Watch = watch_nothing,
    **settings: Any,  # noqa: ANN401
) -> Trained:
    """Train on all rows, and compute metrics by cross-validation.

    The rows are divided into folds. For each fold, a model is trained on the rows of the other folds, with a
    vocabulary, a validation split and a refit of its own. Its metrics are computed on the fold.

    Args:
        train: A training, such as ``train_classifier``.
        rows: Its rows: ``Labelled``, ``Tagged``, a table or an Arrow array.
        folds: The number of folds, at least 2.
        stratify: The label of each row. Folds then have the same shares of labels. ``None`` divides rows at random.
        groups: The group of each row, for example its author. The rows of a group are in the same fold.
        schedule: The schedule. Its seed decides the folds.
        test: The test set of the model that is returned, as for ``train``.
        watch: A function that is called with the name and the settings of each training and returns its
            ``on_epoch``.
        **settings: Other arguments of ``train``.

    Returns:
        A training on all rows. Its metrics have ``folds``: the mean and the sample standard deviation of each metric
        over the folds, and the metric of each fold. An interruption ends the trainings. If no model of all rows is
        trained yet, the one of the first fold is returned.

    Raises:
        ArgumentError: If there are fewer rows or groups than folds.
        TextError: If a label occurs once.
    """
    if isinstance(rows, dict):
        rows = pa.table(rows)
    metrics, first = [], None
    for number, fold in enumerate(split_folds(len(rows), folds, schedule.seed, stratify, groups), 1):
        name = f"fold-{number}"
        others = np.setdiff1d(np.arange(len(rows)), fold)
        trained = train(
            take_rows(rows, others),
            test=take_rows(rows, fold),
            schedule=schedule.part(name),
            on_epoch=watch(name, ""),
            **settings,
        )
        first = first or trained
        if trained.fitted.interrupted:
            return as_interrupted(first)
        metrics.append(trained.metrics)
    trained = train(rows, test=test, schedule=schedule.part("final"), on_epoch=watch("final", ""), **settings)
    return replace(trained, metrics={**trained.metrics, "folds": spread(metrics)})


def take_rows(rows: Any, indices: Int64) -> Any:  # noqa: ANN401 - any rows
    """Return the rows at these indices: by ``take`` as Arrow, NumPy and pandas have it, or as a list."""
    if isinstance(rows, Mapping):
        rows = pa.table(dict(rows))
    elif hasattr(rows, "__arrow_c_stream__") and not hasattr(rows, "take"):  # Polars
        rows = pa.table(rows) if hasattr(rows, "columns") else pa.chunked_array(rows)
    if hasattr(rows, "take"):
        return rows.take(indices)
    if not isinstance(rows, Sequence):
        raise ArgumentError(f"rows must be a sequence, an array or a table to be divided; received {type(rows)}")
    return [rows[index] for index in indices.tolist()]


def split_folds(
    rows: int,
    folds: int,
    seed: int = 0,
    stratify: Sequence[Any] | None = None,
    groups: Sequence[Any] | None = None,
) -> list[Int64]:
    """Divide rows into folds of nearly equal size.

    Args:
        rows: The number of rows.
        folds: The number of folds, at least 2.
        seed: The random seed.
        stratify: The label of each row. The numbers of rows of a label then differ by at most 1 between folds, or with
            ``groups`` as little as a greedy search finds.
        groups: The group of each row. The rows of a group are in the same fold.

    Returns:
        The row indices of each fold, int64, ascending.

    Raises:
        ArgumentError: If there are fewer rows or groups than folds.
        TextError: If a label occurs once.

    Example:
        >>> [fold.tolist() for fold in split_folds(6, 3, stratify=["a", "b", "a", "b", "a", "b"])]
        [[2, 3], [4, 5], [0, 1]]
    """
    check_count("folds", folds, least=2)
    labels = np.zeros(rows, np.int64) if stratify is None else _label_indices(stratify)
    shuffled = np.random.default_rng(seed).permutation(rows)
    if groups is None:
        _check_enough(rows, folds, "rows")
        fold_of = np.empty(rows, np.int64)
        # Rows of equal labels follow each other, so that dealing them out gives each fold as many.
        fold_of[shuffled[np.argsort(labels[shuffled], kind="stable")]] = np.arange(rows) % folds
    else:
        fold_of = _folds_of_groups(labels, groups, folds, shuffled)
    return [np.flatnonzero(fold_of == number) for number in range(folds)]


def _label_indices(labels: Sequence[Any]) -> Int64:
    distinct, indices = _numbered(labels)
    counts = np.bincount(indices, minlength=len(distinct))
    if counts.min(initial=2) < 2:
        label = distinct[counts.argmin()]
        raise TextError(f"each label must occur at least twice for cross-validation; {label!r:.80} occurs once")
    return indices


def _numbered(values: Sequence[Any]) -> tuple[list[str], Int64]:
    """Return the distinct texts of values, sorted, and the number of each value among them, int64 ``(values,)``.

    In an array of NumPy, all texts would take as much memory as the longest, and a NUL at their end would be lost.
    """
    texts = [str(value) for value in values]
    distinct = sorted(set(texts))
    numbers = {text: number for number, text in enumerate(distinct)}
    return distinct, np.fromiter((numbers[text] for text in texts), np.int64, len(texts))


def _check_enough(count: int, folds: int, name: str) -> None:
    if count < folds:
        raise ArgumentError(f"folds must not exceed the number of {name}, {count}; received {folds}")


def _folds_of_groups(labels: Int64, groups: Sequence[Any], folds: int, shuffled: Int64) -> Int64:
    """Return the fold of each row, int64 ``(rows,)``, so that the folds have similar counts of labels.

    As in ``StratifiedGroupKFold`` of scikit-learn, the largest groups come first, and each is added to the fold in
    which the shares of labels then differ the least between folds.
    """
    if len(groups) != len(labels):
        raise ArgumentError(f"every row must have a group: received {len(labels)} rows and {len(groups)} groups")
    distinct, group_of = _numbered(groups)
    _check_enough(len(distinct), folds, "groups")
    counts = np.zeros((len(distinct), labels.max(initial=0) + 1))
    np.add.at(counts, (group_of, labels), 1)
    shares = counts / counts.sum(axis=0)
    totals, sizes = np.zeros((folds, counts.shape[1])), np.zeros(folds)
    fold_of_group = np.empty(len(distinct), np.int64)
    # Groups of equal size come in a random order.
    in_order = np.array(list(dict.fromkeys(group_of[shuffled].tolist())))
    for group in in_order[np.argsort(-counts[in_order].sum(axis=1), kind="stable")]:
        # Adding the group to a fold changes the sum of squares by this much. The smallest one is the most even. Several
        # folds without the labels of the group are equal, and then the smallest one gets it. No fold stays empty.
        change = 2 * totals @ shares[group]
        fold_of_group[group] = np.lexsort((sizes, change))[0]
        sizes[fold_of_group[group]] += counts[group].sum()
        totals[fold_of_group[group]] += shares[group]
    return fold_of_group[group_of]
