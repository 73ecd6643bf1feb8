"""The history of answers is that of a plain loop, and repeated answers are found."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.conftest import examples
from tokemb.tables import ColumnEncoder
from tokemb.training import answer_history
from tokemb.training.answer_history import FEATURES, AnswerHistory
from tokemb.training.knowledge_tracing import history_of

SEQUENCES = st.lists(st.lists(st.tuples(st.integers(3, 5), st.integers(-1, 1)), max_size=12), min_size=1, max_size=4)


def history(students):
    """The history of students, whose answers are pairs of a skill and -1, 0 or 1."""
    skills, correct = (np.array([pair[side] for row in students for pair in row], np.int32) for side in (0, 1))
    splits = np.concatenate([[0], np.cumsum([len(row) for row in students])]).astype(np.int64)
    return AnswerHistory.of(skills, correct, splits)


def average(answers, rate):
    found = 0.5
    for answer in answers:
        found += rate * (answer - found)
    return found


def repeated(answers, skill):
    """The longest series at the end that occurred before another skill, and the mean of what followed it."""
    values = [correct for _, correct in answers]
    lengths = {}
    for end in range(1, len(values)):
        length = 0
        while length < min(end, 32) and values[end - 1 - length] == values[-1 - length]:
            length += 1
        if answers[end][0] != skill:
            lengths[end] = length
    longest = max(lengths.values(), default=0)
    after = [values[end] for end, length in lengths.items() if length == longest > 0]
    return longest, (sum(after) + 0.5) / (len(after) + 1)


def expected_features(answers, skill):
    answers = [pair for pair in answers if pair[1] >= 0]
    every = [correct for _, correct in answers]
    own = [correct for each, correct in answers if each == skill]
    longest, after = repeated(answers, skill)
    return [
        np.log1p(sum(own)),
        np.log1p(len(own) - sum(own)),
        average(own, 0.15),
        average(own, 0.5),
        np.log1p(len(every)),
        (sum(every) + 0.5) / (len(every) + 1),
        average(every, 0.05),
        average(every, 0.4),
        bool(answers) and answers[-1][0] == skill,
        np.log1p(longest),
        after,
    ]


@examples(40)
@given(students=SEQUENCES, pairs=st.integers(1, 50))
def test_features_are_those_of_a_plain_loop(students, pairs):
    positions = [(row, end) for row, answers in enumerate(students) for end in range(1, len(answers) + 1)]
    asked = [3 + number % 4 for number in range(len(positions))]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(answer_history, "_PAIRS", pairs)
        found = history(students).features(np.arange(len(positions)), np.array(asked, np.int32))
    expected = [
        expected_features(students[row][:end], skill) for (row, end), skill in zip(positions, asked, strict=True)
    ]
    np.testing.assert_allclose(found, np.array(expected).reshape(-1, len(FEATURES)), rtol=1e-5, atol=1e-6)


def test_long_series_of_answers_are_compared_up_to_their_maximum_length():
    answers = [(3 + number % 2, int(number % 3 > 0)) for number in range(100)]
    questions = np.arange(100)
    found = history([answers]).features(questions, np.full(100, 5, np.int32))
    np.testing.assert_allclose(found, [expected_features(answers[: end + 1], 5) for end in questions], rtol=1e-5)
    assert np.expm1(found[:, FEATURES.index("repeated_answers")]).max() == pytest.approx(32)


def test_answers_that_are_repeated_in_another_skill_are_predicted():
    series = [1, 0, 0, 1, 1, 1, 0, 1, 0, 0, 0, 1]
    students = [[(skill, correct) for skill in (3, 4) for correct in series]]
    positions = np.arange(15, 23)
    found = history(students).features(positions, np.full(8, 4, np.int32))[:, -1]
    assert (found > 0.5).tolist() == [correct == 1 for correct in series[4:]]


def test_answers_out_of_vocabulary_have_no_effect_on_the_history():
    table = {"skill": [["a", "b", "a"]], "correct": [[True, False, False]]}
    encoder = ColumnEncoder.fit(table, columns=["skill", ("skill", "correct")])
    new = {"skill": [["a", "new", "b", "a"]], "correct": [["true", "true", "maybe", "false"]]}
    skills, events = encoder.encode_ragged(new).values()
    history = history_of(encoder, skills, events)
    assert history.correct.tolist() == [1, 0]
    assert history.last.tolist() == [0, 0, 0, 1]


@pytest.mark.parametrize("correct", [["0", "1"], ["0.0", "1.0"], ["False", "TRUE"]])
def test_correctness_is_read_from_the_vocabulary_in_each_notation(correct):
    table = {"skill": [["a|b", "a|b"]], "correct": [correct]}
    encoder = ColumnEncoder.fit(table, columns=["skill", ("skill", "correct")])
    skills, events = encoder.encode_ragged(table).values()
    assert history_of(encoder, skills, events).correct.tolist() == [0, 1]
