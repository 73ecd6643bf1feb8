"""``tokemb train skipgram`` and ``train_skipgram``, on rows of which it is known what is near what."""

from __future__ import annotations

import json
import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tokemb
from tests.conftest import command_here, ok
from tokemb import kernels
from tokemb.errors import ArgumentError, TextError
from tokemb.rows.ragged import Ragged
from tokemb.training.skipgram import SkipGram, _TrainingState, train_skipgram
from tokemb.training.skipgram_tables import character_ngrams, keep_table, negative_table, parts_of, sigmoid_tables

pytestmark = pytest.mark.keras

TOPICS, WORDS = 10, 8


def topics(rows=1500, length=12):
    """Rows of words of one topic each: ``3.5`` is a word of topic 3."""
    random = np.random.default_rng(0)
    for topic in random.integers(0, TOPICS, rows):
        yield " ".join(f"{topic}.{word}" for word in random.integers(0, WORDS, length))


def cosines(matrix):
    unit = matrix / np.linalg.norm(matrix, axis=1, keepdims=True)
    return unit @ unit.T


def check_topics(vocabulary, matrix, margin=0.2):
    """All words of a topic are nearer each other than to any of another."""
    near = cosines(matrix[2:])
    topic = np.array([token.split(".")[0] for token in vocabulary[2:]])
    same = topic[:, None] == topic
    assert same.sum() == TOPICS * WORDS**2
    assert near[same].min() > near[~same].max() + margin


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """What the command makes of topics, with a word that is out of vocabulary in each row."""
    here = tmp_path_factory.mktemp("skipgram")
    (here / "rows.txt").write_text("".join(f"{row} unknown\n" for row in topics()))
    tokemb.fit_vocab(topics(), profile="whitespace").save(here / "rows.vocab")
    arguments = "--vocab rows.vocab --dim 16 --epochs 10 --learning-rate 0.05 --sample 0 -o vectors"
    run = ok(command_here("train", "skipgram", "rows.txt", *arguments.split(), cwd=here))
    return here, run.stderr.decode(), json.loads((here / "vectors" / "training.json").read_text())


def test_what_stands_together_becomes_alike(trained):
    import keras

    here, said, report = trained
    model = keras.models.load_model(here / "vectors" / "model.keras")
    encoder = tokemb.Encoder.load(here / "vectors" / "vocabulary")
    [matrix] = model.get_weights()
    assert matrix.shape == (encoder.input_dim, 16)
    check_topics(encoder.vocabulary, matrix)
    assert not matrix[0].any()
    assert matrix[1] == pytest.approx(matrix[2:].mean(axis=0), abs=1e-6)
    assert (report["metrics"]["tokens"], report["metrics"]["unknown"]) == (1500 * 13, 1500)
    assert report["training"]["epochs"] == 10
    assert said.splitlines()[-1] == "wrote      vectors"


def test_the_model_goes_with_the_other_commands(trained):
    here, _, _ = trained
    arguments = "--vocab rows.vocab --model vectors/model.keras --pooling mean -o means.npy"
    ok(command_here("embed", "rows.txt", *arguments.split(), cwd=here))
    assert np.load(here / "means.npy").shape == (1500, 16)


def prepared(**settings):
    encoder = tokemb.fit_vocab(topics(), profile="whitespace")
    rows = encoder.encode_ragged(topics())
    counts = np.bincount(rows.values, minlength=encoder.input_dim)
    told = {"dim": 16, "sample": 0, "learning_rate": 0.05, "epochs": 10, **settings}
    return encoder, _TrainingState.of(rows, counts, SkipGram(**told))


def run(training):
    return [training.epoch(epoch) for epoch in range(training.settings.epochs)]


def test_a_seed_repeats_a_training_and_another_does_not():
    first, again, other = (prepared(seed=seed, epochs=2)[1] for seed in (3, 3, 4))
    assert run(first) == run(again) != run(other)
    assert np.array_equal(first.vectors, again.vectors)


def test_what_is_near_is_drawn_anew_for_each_seed_epoch_and_part():
    def pairs(seed, epoch, part):
        training = prepared(seed=seed)[1]
        sums = np.zeros(2)
        training._train_chunk(epoch, part, sums)
        return sums[1]

    drawn = [pairs(*which) for which in ((3, 0, 0), (4, 0, 0), (3, 1, 0))]
    assert len(set(drawn)) == 3
    assert pairs(3, 0, 0) == drawn[0]


def test_several_threads_learn_the_same_things():
    encoder, training = prepared(threads=3)
    assert len(training.bounds) > 2
    losses = run(training)
    check_topics(encoder.vocabulary, training.vectors)
    assert losses[-1] < losses[0]


def test_every_row_is_in_one_part():
    _, training = prepared()
    assert (training.bounds[0], training.bounds[-1]) == (0, 1500)
    assert (np.diff(training.bounds) > 0).all()


def reference_pair(vector, outputs, targets, rate):
    """One step of negative sampling, as its definition says, in doubles; returns the loss."""
    loss, change = 0.0, np.zeros_like(vector)
    for place, target in enumerate(targets):
        if place and target == targets[0]:
            continue
        right = 1 / (1 + np.exp(-vector @ outputs[target]))
        loss -= np.log(right if place == 0 else 1 - right)
        step = ((place == 0) - right) * rate
        change += step * outputs[target]
        outputs[target] += step * vector
    vector += change
    return loss


@pytest.mark.parametrize("negative", [3, 1])
def test_a_step_is_that_of_the_definition(negative):
    """Two words in a row and one that is always the negative, maybe one of the two: nothing is left to chance."""
    random = np.random.default_rng(5)
    vectors = random.normal(size=(4, 24)).astype(np.float32) / 3
    outputs = random.normal(size=(4, 24)).astype(np.float32) / 3
    expected, expected_outputs = vectors.astype(np.float64), outputs.astype(np.float64)
    rate = 0.1
    loss = 0.0
    for center, near in ((1, 2), (2, 1)):
        loss += reference_pair(expected[near], expected_outputs, [center, negative, negative], rate)
    sums = np.zeros(2)
    kernels.train_skipgram(
        np.array([1, 2], np.int32),
        np.array([0, 2]),
        np.full(4, 2**32 - 1, np.uint32),
        np.array([negative], np.int32),
        *sigmoid_tables(),
        vectors,
        outputs,
        np.array([rate], np.float32),
        np.array([1], np.uint64),
        np.empty(2, np.int32),
        np.empty(3, np.int32),
        np.empty(100, np.int32),
        np.empty(24, np.float32),
        sums,
        1,
        0,
        1,
    )
    assert vectors == pytest.approx(expected, abs=1e-3)
    assert outputs == pytest.approx(expected_outputs, abs=1e-3)
    assert sums == pytest.approx([loss, 2], abs=0.02)


@pytest.mark.parametrize("is_cbow", [0, 1])
def test_step_with_parts_is_that_of_the_definition(is_cbow):
    """The words 1, 2 and 3 with one to three parts each, a window of one word, and always the same negative."""
    random = np.random.default_rng(5)
    vectors, outputs = (random.normal(size=(rows, 24)).astype(np.float32) / 3 for rows in (7, 4))
    expected, expected_outputs = vectors.astype(np.float64), outputs.astype(np.float64)
    parts = [[0], [1, 4], [2], [3, 4, 5]]
    loss, steps = 0.0, 0
    for center, contexts in ((1, [2]), (2, [1, 3]), (3, [2])):
        for group in [contexts] if is_cbow else [[context] for context in contexts]:
            used = [part for context in group for part in parts[context]]
            hidden = expected[used].mean(axis=0)
            before = hidden.copy()
            loss += reference_pair(hidden, expected_outputs, [center, 0, 0], 0.1)
            np.add.at(expected, used, hidden - before)
            steps += 1
    sums = np.zeros(2)
    flat = Ragged.from_rows(parts)
    kernels.train_composed(
        np.array([1, 2, 3], np.int32),
        np.array([0, 3]),
        np.full(4, 2**32 - 1, np.uint32),
        np.array([0], np.int32),
        *sigmoid_tables(),
        flat.values,
        flat.row_splits,
        vectors,
        outputs,
        np.array([0.1], np.float32),
        np.array([1], np.uint64),
        np.empty(3, np.int32),
        np.empty(3, np.int32),
        np.empty(24, np.float32),
        np.empty(24, np.float32),
        sums,
        is_cbow,
        1,
        0,
        1,
    )
    assert vectors == pytest.approx(expected, abs=2e-3)
    assert outputs == pytest.approx(expected_outputs, abs=2e-3)
    assert sums == pytest.approx([loss, steps], abs=0.03)


@pytest.mark.parametrize("settings", [{"cbow": True}, {"subwords": (2, 3)}, {"cbow": True, "subwords": (2, 3)}])
def test_cbow_and_subwords_find_the_topics_of_words(settings):
    encoder = tokemb.fit_vocab(topics(), profile="whitespace")
    made = SkipGram(dim=16, sample=0, learning_rate=0.05, epochs=20, **settings)
    trained = train_skipgram(topics(), encoder, made)
    check_topics(encoder.vocabulary, trained.model.get_weights()[0], margin=0.1)
    assert trained.settings["cbow"] == made.cbow
    assert trained.fitted.history["loss"][-1] < trained.fitted.history["loss"][0]


@given(st.lists(st.text("ab-é", max_size=5), min_size=1, max_size=8, unique=True), st.integers(1, 3), st.integers(0, 2))
def test_parts_of_words_are_themselves_and_the_ngrams_that_they_share(tokens, least, more):
    parts = parts_of(tokens, least, least + more)
    ngrams = [set(character_ngrams(token, least, least + more)) for token in tokens]
    for number, token in enumerate(tokens):
        row = parts.values[parts.row_splits[number] : parts.row_splits[number + 1]].tolist()
        shared = {ngram for ngram in ngrams[number] if sum(ngram in other for other in ngrams) > 1}
        assert (row[0], len(set(row)), len(row)) == (number, len(shared) + 1, len(shared) + 1)
        assert all(ngram in f"<{token}>" and ngram != f"<{token}>" for ngram in shared)
        for other in range(number):
            rest = parts.values[parts.row_splits[other] : parts.row_splits[other + 1]].tolist()
            assert len(set(row) & set(rest)) == len(ngrams[number] & ngrams[other])


def test_command_reports_similarities_and_analogies(tmp_path):
    (tmp_path / "rows.txt").write_text("".join(f"{row}\n" for row in topics(300)))
    tokemb.fit_vocab(tmp_path / "rows.txt", profile="whitespace").save(tmp_path / "v")
    (tmp_path / "pairs.txt").write_text("0.1 0.2 9\n0.1 1.2 2\n2.1 2.2 8\n0.1 film 5\n")
    (tmp_path / "questions.txt").write_text(": topics\n0.1 0.2 1.1 1.2\n0.1 film 1.1 1.2\n")
    options = "--vocab v --dim 8 --epochs 2 --cbow --subwords 2 3 --similarities pairs.txt --analogies questions.txt"
    run = ok(command_here("train", "skipgram", "rows.txt", *options.split(), "-o", "w", cwd=tmp_path))
    report = json.loads((tmp_path / "w" / "training.json").read_text())
    assert report["settings"].items() >= {"cbow": True, "subwords": [2, 3]}.items()
    assert -1 <= report["metrics"]["pairs spearman"] <= 1
    assert report["metrics"]["questions accuracy"] in (0, 1)
    lines = [line.split(maxsplit=2) for line in run.stderr.decode().splitlines()]
    assert ["pairs", "pairs", "3 of 4"] in lines
    assert ["questions", "questions", "1 of 2"] in lines
    (tmp_path / "pairs.txt").write_text("0.1 0.2\n")
    run = command_here("train", "skipgram", "rows.txt", *options.split(), "-o", "x", cwd=tmp_path)
    assert (run.returncode, b"pairs.txt, line 1 must be two words and a number" in run.stderr) == (1, True)


@pytest.mark.parametrize(("window", "low", "high"), [(1, 2, 2), (4, 4.5, 5.5)])
def test_the_window_shrinks_at_random(window, low, high):
    """A word in a long row has on average window + 1 near it: as many as (1 + window) / 2 on each side."""
    rows = Ragged(np.full(5000, 2, np.int32), np.array([0, 5000]))
    training = _TrainingState.of(rows, np.array([0, 0, 5000]), SkipGram(dim=1, window=window, sample=0, epochs=1))
    sums = np.zeros(2)
    training._train_chunk(0, 0, sums)
    assert low * 0.99 <= sums[1] / 5000 <= high * 1.01


def test_frequent_words_are_kept_as_often_as_they_should_be():
    counts = np.array([0, 0, 50_000])
    rows = Ragged(np.full(50_000, 2, np.int32), np.array([0, 50_000]))
    training = _TrainingState.of(rows, counts, SkipGram(dim=1, window=1, sample=0.01, epochs=1))
    sums = np.zeros(2)
    training._train_chunk(0, 0, sums)
    assert sums[1] / 2 / 50_000 == pytest.approx(0.11, abs=0.01)  # sqrt(0.01) + 0.01


def test_negatives_are_drawn_by_the_power_of_their_counts():
    counts = np.array([0, 0, 1000, 10, 300, 0])
    drawn = np.bincount(negative_table(counts), minlength=6)
    expected = counts**0.75 / (counts**0.75).sum() * drawn.sum()
    assert np.abs(drawn - expected).max() <= 1
    assert not drawn[counts == 0].any()


def test_every_pair_has_negatives_of_its_own():
    """Of 98 pairs of 50 words with one negative each, hardly two are the same among ten thousand."""
    rows = Ragged(np.arange(2, 52, dtype=np.int32), np.array([0, 50]))
    counts = np.append([0, 0], np.ones(10_000, np.int64))
    training = _TrainingState.of(rows, counts, SkipGram(dim=2, window=1, negatives=1, sample=0, epochs=1))
    training._train_chunk(0, 0, np.zeros(2))
    assert 90 <= training.outputs[52:].any(axis=1).sum() <= 98


def test_nothing_is_left_out_without_a_sample():
    assert (keep_table(np.array([0, 7, 10**9]), 0) == 2**32 - 1).all()


def test_window_that_is_longer_than_all_rows_takes_no_memory_for_it():
    rows, settings = Ragged(np.arange(6, dtype=np.int32) % 3, np.array([0, 3, 6])), SkipGram(dim=2, window=2**31 - 1)
    training = _TrainingState.of(rows, np.array([2, 2, 2]), settings)
    tracemalloc.start()
    training.epoch(0)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 10_000_000


def test_long_rows_are_not_cut_and_events_are_items():
    encoder = tokemb.fit_vocab([["x y", "z"]], profile="whitespace", maxlen=2)
    rows = [["x y", "z"] * 10]
    assert train_skipgram(rows, encoder, SkipGram(dim=2, epochs=1)).metrics["tokens"] == 20


@pytest.mark.parametrize("rows", [[], ["a", "", "b"], ["a nothing", "nobody"]])
def test_rows_without_neighbours_are_an_error(rows):
    with pytest.raises(TextError, match="no row has two tokens of the vocabulary"):
        train_skipgram(rows, tokemb.fit_vocab(["a b"]), SkipGram(dim=2))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"window": 0}, "window must be an integer of at least 1"),
        ({"negatives": 0}, "negatives must be"),
        ({"threads": 0}, "threads must be"),
        ({"seed": -1}, "seed must be"),
        ({"sample": 1}, "sample must be at least 0 and less than 1"),
        ({"learning_rate": 0.00001}, "learning_rate must be finite and at least final_learning_rate"),
        ({"subwords": (3, 2)}, "subwords must be two lengths from 1 to 20, the smaller one first; received 3 and 2"),
        ({"final_learning_rate": 0}, "both greater than 0"),
    ],
)
def test_settings_that_cannot_be(settings, message):
    with pytest.raises(ArgumentError, match=message):
        SkipGram(**settings)


def test_vectors_of_items_in_the_order_of_time(tmp_path):
    lines = [
        f"u{row},{1000 - at},{token}\n" for row, text in enumerate(topics(100)) for at, token in enumerate(text.split())
    ]
    (tmp_path / "views.csv").write_text("user,time,item\n" + "".join(lines))
    reading = "views.csv --column item --group-by user --order-by time"
    ok(command_here("fit-vocab", *reading.split(), "-o", "items.vocab", cwd=tmp_path))
    arguments = f"{reading} --vocab items.vocab --dim 4 --epochs 1 -o items"
    ok(command_here("train", "skipgram", *arguments.split(), cwd=tmp_path))
    assert json.loads((tmp_path / "items" / "training.json").read_text())["metrics"]["tokens"] == 1200
    run = command_here("train", "skipgram", *arguments.split(), "--column", "user", cwd=tmp_path)
    assert (run.returncode, b"pass --column once" in run.stderr) == (2, True)


def test_ngrams_are_refused():
    encoder = tokemb.fit_vocab(["a b c", "b c"], ngrams=2)
    with pytest.raises(ArgumentError, match="n-grams cannot be trained by skip-gram"):
        train_skipgram(["a b c"], encoder)
