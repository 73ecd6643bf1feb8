"""Counts of transitions, and models of the next event that combine them with learned probabilities."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tokemb
from tests.conftest import eagerly
from tokemb.analysis import TokenVectors
from tokemb.rows.ragged import Ragged
from tokemb.training.next_event import Baselines, train_next
from tokemb.training.next_model import next_model
from tokemb.training.schedule import Schedule
from tokemb.training.transitions import Transitions, combined_model, transitions_of

pytestmark = pytest.mark.keras

INPUT_DIM = 7
ROWS = st.lists(st.lists(st.integers(1, INPUT_DIM - 1), max_size=8), max_size=6)


@given(ROWS)
def test_transitions_are_the_counts_of_neighbors(rows):
    expected = Counter((row[i], row[i + 1]) for row in rows for i in range(len(row) - 1))
    transitions = Transitions.count(Ragged.from_rows(rows), INPUT_DIM)
    pairs = np.stack(np.meshgrid(np.arange(1, INPUT_DIM), np.arange(1, INPUT_DIM)), -1).reshape(-1, 2).astype(np.int32)
    counts = transitions.of_pairs(pairs[:, 0], pairs[:, 1])
    assert counts.tolist() == [expected[tuple(pair)] for pair in pairs.tolist()]
    scores = np.zeros((INPUT_DIM, INPUT_DIM), np.float32)
    transitions.add_to(scores, np.arange(INPUT_DIM, dtype=np.int32))
    assert all(scores[pair] == count for pair, count in expected.items())
    assert scores.sum() == sum(expected.values()) == transitions.totals.sum()


def test_only_the_most_frequent_successors_are_kept():
    rows = Ragged.from_rows([[1, 2], [1, 3], [1, 3], [1, 4], [1, 4], [1, 4]])
    transitions = Transitions.count(rows, INPUT_DIM, max_successors=2)
    assert transitions.successors[1].tolist() == [4, 3]
    assert transitions.counts[1].tolist() == [3, 2]


def test_prior_is_low_where_counts_are_right_and_high_where_the_model_is():
    rng = np.random.default_rng(0)
    events = rng.integers(1, INPUT_DIM, 500).astype(np.int32)
    rows = Ragged.from_rows([[event, event % 6 + 1] for event in events.tolist()])
    follow = (events % 6 + 1).astype(np.int32)
    counts, uniform = Transitions.count(rows, INPUT_DIM), np.full(500, 1 / 6, np.float32)
    assert counts.select_prior(events, follow, uniform) < 1
    others = ((events + 2) % 6 + 1).astype(np.int32)
    assert counts.select_prior(events, others, np.full(500, 0.9, np.float32)) > 1e5


def test_combined_model_smooths_counts_with_the_probabilities_of_the_model(tmp_path):
    import keras

    encoder = tokemb.fit_vocab(["a b c d e"], profile="whitespace")
    model = next_model(encoder, head="gru", maxlen=4, dim=4, units=5, dropout=0.1, seed=1)
    rows = Ragged.from_rows([[2, 3, 2, 4], [2, 3, 5], [6, 6]])
    transitions = Transitions.count(rows, encoder.input_dim)
    combined = combined_model(model, transitions, 3.0)
    ids = Ragged.from_rows([[2, 3, 4], [6, 2]]).pad(4)
    expected = 3 * np.asarray(model(ids, training=False))
    counts = Counter((row[i], row[i + 1]) for row in [[2, 3, 2, 4], [2, 3, 5], [6, 6]] for i in range(len(row) - 1))
    for (event, successor), count in counts.items():
        expected[..., successor] += count * (ids == event)
    expected /= expected.sum(axis=-1, keepdims=True)
    combined.save(tmp_path / "m.keras")
    loaded = keras.models.load_model(tmp_path / "m.keras")
    for found in (combined, loaded):
        output = np.asarray(found(ids, training=False))
        np.testing.assert_allclose(output[ids != 0], expected[ids != 0], rtol=1e-5)
    assert (
        TokenVectors.load(loaded, encoder).matrix.tolist()
        == model.get_layer("token_embedding").get_weights()[0].tolist()
    )
    assert transitions_of(model) is None
    scaled, share = transitions_of(loaded)
    assert share[2] == pytest.approx(3 / 6)
    assert scaled.counts[2].tolist() == pytest.approx([2 / 6, 1 / 6])


def test_markov_ranks_order_equal_counts_by_popularity():
    rows = Ragged.from_rows([[2, 3], [2, 4], [2, 4], [5, 6], [6, 6], [2, 5]])
    baselines = Baselines.count(rows, INPUT_DIM)
    ranks = baselines.ranks(np.array([2, 2, 2, 2], np.int32), np.array([4, 5, 3, 6], np.int32), [0, 1])
    assert ranks["markov_"].tolist() == [1, 2, 3, 5]
    assert ranks["popular_"].tolist() == [3, 4, 5, 2]


@eagerly
def test_last_event_is_trained_on_with_train_last():
    rows = [["a", "b", "end"]] * 40
    schedule = Schedule(epochs=6, learning_rate=0.1, refit=False)
    trained = train_next(rows, dim=4, units=4, train_last=True, schedule=schedule)
    assert trained.metrics["on"] == "last events of validation"
    assert (trained.metrics["rows"], trained.metrics["hit_rate_at_1"]) == (4, 1)
    once = replace(schedule, epochs=1)
    assert train_next(rows, dim=4, units=4, schedule=once).metrics["hit_rate_at_1"] == 0


def test_attention_learns_what_one_previous_event_does_not_tell():
    rng = np.random.default_rng(0)
    rows = [[f"e{start}", *rng.choice(["x", "y"], 2), f"e{start}"] for start in rng.integers(0, 4, 300)]
    schedule = Schedule(epochs=8, batch_size=32, learning_rate=0.02, refit=False)
    trained = train_next(rows, head="attention", dim=8, units=8, dropout=0.0, train_last=True, schedule=schedule)
    assert trained.metrics["hit_rate_at_1"] > 0.9
    assert trained.metrics["markov_hit_rate_at_1"] < 0.6
