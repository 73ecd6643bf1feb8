"""Spans of tags and their metrics are those of seqeval."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.conftest import examples
from tokemb.training.spans import SpanTags, span_metrics

CLASSES = ["O", *(f"{prefix}-{kind}" for prefix in "BIES" for kind in ("PER", "LOC", "A-B"))]
ROWS = st.lists(st.lists(st.tuples(st.integers(0, 12), st.integers(0, 12)), max_size=8), min_size=1, max_size=5)


def flat(rows):
    splits = np.concatenate([[0], np.cumsum([len(row) for row in rows])]).astype(np.int64)
    true, found = (np.array([pair[side] for row in rows for pair in row], np.int32) for side in (0, 1))
    return true, found, splits


@examples(60)
@given(ROWS)
def test_spans_and_metrics_are_those_of_seqeval(rows):
    metrics = pytest.importorskip("seqeval.metrics")
    entities = pytest.importorskip("seqeval.metrics.sequence_labeling").get_entities
    tags = SpanTags.of(CLASSES)
    true, found, splits = flat(rows)
    spans = tags.spans(true, splits)
    for number, row in enumerate(rows):
        inside = (splits[number] <= spans.starts) & (spans.starts < splits[number + 1])
        bounds = (spans.starts[inside] - splits[number], spans.ends[inside] - splits[number] - 1)
        kinds = [tags.names[kind] for kind in spans.types[inside]]
        assert list(zip(kinds, *map(np.ndarray.tolist, bounds), strict=True)) == entities([CLASSES[a] for a, _ in row])
    if not len(true):  # seqeval has no metrics of no tokens
        return
    names = [[[CLASSES[pair[side]] for pair in row] for row in rows] for side in (0, 1)]
    expected = {
        "precision": metrics.precision_score(*names, zero_division=0),
        "recall": metrics.recall_score(*names, zero_division=0),
        "f1": metrics.f1_score(*names, zero_division=0),
    }
    assert span_metrics(spans, tags.spans(found, splits)) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ("B-PER I-PER O B-PER", [(0, 2), (3, 4)]),
        ("B-PER B-PER I-PER", [(0, 1), (1, 3)]),
        ("I-PER I-LOC O I-PER", [(0, 1), (1, 2), (3, 4)]),
        ("B-PER E-PER S-PER E-PER I-PER", [(0, 2), (2, 3), (3, 4), (4, 5)]),
        ("O O", []),
    ],
)
def test_spans_are_those_marked_by_hand(row, expected):
    found = SpanTags.of(CLASSES).spans(
        np.array([CLASSES.index(tag) for tag in row.split()]), np.array([0, row.count(" ") + 1])
    )
    assert list(zip(found.starts.tolist(), found.ends.tolist(), strict=True)) == expected


def test_metrics_are_those_computed_by_hand():
    tags = SpanTags.of(["B", "I", "O"])
    true, found = (tags.spans(np.array(row), np.array([0, 3, 5])) for row in ([0, 1, 2, 0, 0], [0, 1, 0, 0, 1]))
    assert span_metrics(true, found) == pytest.approx({"precision": 1 / 3, "recall": 1 / 3, "f1": 1 / 3})


@pytest.mark.parametrize("classes", [["NOUN", "O"], ["O"], ["B-PER", "L-PER"], []])
def test_tags_that_describe_no_spans_have_none(classes):
    assert SpanTags.of(classes) is None
