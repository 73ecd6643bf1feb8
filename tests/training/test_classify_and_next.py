"""Trainings: padding reaches no result, runs repeat, and what can be learned is."""

from __future__ import annotations

import json

import numpy as np
import pyarrow as pa
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

import tokemb
from tests.conftest import eagerly, examples
from tokemb._validation import NEXT_HEADS
from tokemb.errors import ArgumentError, ModelError, OutputExistsError, TextError
from tokemb.keras.datasets.order import BatchOrder
from tokemb.models.embedding_model import EMBEDDING_NAME, fingerprint_in_name
from tokemb.rows.ragged import Ragged, take, take_padded
from tokemb.tables import ColumnEncoder
from tokemb.training import heads, sequences
from tokemb.training import next_model as next_models
from tokemb.training.answer_history import FEATURES
from tokemb.training.classify import Labelled, train_classifier
from tokemb.training.input_fitting import choose_maxlen
from tokemb.training.knowledge_tracing import Answers, knowledge_tracing_model, train_knowledge_tracing
from tokemb.training.labels import balanced_weights
from tokemb.training.metrics import ranking_metrics, ranks_of, roc_auc
from tokemb.training.next_event import train_next
from tokemb.training.next_model import Candidates, copy_output_weights, next_model, training_model
from tokemb.training.ratings import train_ratings
from tokemb.training.result import read_report
from tokemb.training.schedule import Schedule
from tokemb.training.targets import OneClass

pytestmark = pytest.mark.keras

WORDS = "good bad film plot one two three"
ENCODER = tokemb.fit_vocab([WORDS])
LENGTHS = st.lists(st.integers(0, 40), min_size=1, max_size=60)


# Batches and sequences


@given(LENGTHS, st.integers(1, 9), st.none() | st.integers(1, 100), st.booleans(), st.integers(0, 99))
def test_every_row_is_in_one_batch_of_each_epoch(lengths, batch_size, positions, shuffle, seed):
    lengths = np.array(lengths, np.int64)
    order = BatchOrder(batch_size, shuffle, seed, positions=positions)
    passes = [order.batches(lengths, [epoch]) for epoch in range(3)]
    for batches in passes:
        assert len(batches) == len(passes[0])
        assert sorted(np.concatenate(batches).tolist()) == list(range(len(lengths)))
        for batch in batches:
            assert len(batch) <= batch_size
            assert positions is None or len(batch) == 1 or len(batch) * lengths[batch].max() <= positions


@pytest.mark.parametrize("positions", [None, 2000])
def test_shuffled_batches_hold_rows_of_similar_length_and_differ_by_epoch(positions):
    lengths = np.arange(4000) % 100 + 1
    order = BatchOrder(32, shuffle=True, positions=positions)
    first, second = (order.batches(lengths, [epoch]) for epoch in range(2))
    assert {tuple(sorted(batch)) for batch in first} != {tuple(sorted(batch)) for batch in second}
    padded = sum(len(batch) * int(lengths[batch].max()) for batch in first)
    assert padded < 1.06 * lengths.sum()


@given(st.lists(st.lists(st.integers(1, 9), max_size=12), min_size=1, max_size=8), st.none() | st.integers(1, 5))
def test_windows_hold_every_event_once_beside_the_next_one(rows, maxlen):
    ragged = Ragged.from_rows(rows)
    now, then = (sequences.windows(part(ragged), maxlen) for part in (sequences.drop_last, sequences.drop_first))
    size = maxlen or 99
    pairs = [list(zip(row, row[1:], strict=False)) for row in rows]
    wanted = [part[i : i + size] for part in pairs for i in range(0, len(part), size)]
    assert [list(zip(*both, strict=True)) for both in zip(now, then, strict=True)] == wanted


@given(st.lists(st.lists(st.integers(1, 9), max_size=5), min_size=1, max_size=8), st.data())
def test_take_returns_rows_in_the_order_of_the_indices(rows, data):
    chosen = data.draw(st.lists(st.integers(0, len(rows) - 1), max_size=9))
    found = take(Ragged.from_rows(rows), np.array(chosen, np.int64))
    assert [row.tolist() for row in found] == [rows[number] for number in chosen]
    expected = found.pad(max(1, int(found.lengths.max(initial=0))))
    np.testing.assert_array_equal(take_padded(Ragged.from_rows(rows), np.array(chosen, np.int64)), expected)


# Figures


@given(st.lists(st.tuples(st.integers(0, 1), st.integers(0, 5)), min_size=1, max_size=30))
def test_roc_auc_is_the_share_of_pairs_in_order(rows):
    targets, scores = (np.array(column) for column in zip(*rows, strict=True))
    ones, zeros = scores[targets == 1], scores[targets == 0]
    pairs = [(one > zero) + (one == zero) / 2 for one in ones for zero in zeros]
    assert roc_auc(targets, scores) == (pytest.approx(sum(pairs) / len(pairs)) if pairs else None)


@given(st.integers(1, 6), st.integers(1, 12), st.integers(0, 99))
def test_ranks_are_places_in_a_stable_sort(rows, candidates, seed):
    rng = np.random.default_rng(seed)
    scores = rng.integers(0, 4, (rows, candidates)).astype(np.float32)
    targets = rng.integers(0, candidates, rows).astype(np.int32)
    orders = np.argsort(-scores, axis=1, kind="stable")
    assert ranks_of(targets, scores).tolist() == [
        order.tolist().index(target) + 1 for order, target in zip(orders, targets, strict=True)
    ]


def test_ranking_metrics_are_those_computed_by_hand():
    figures = ranking_metrics(np.array([1, 2, 4, 20]))
    assert figures == {"hit_rate_at_1": 0.25, "hit_rate_at_3": 0.5, "hit_rate_at_10": 0.75, "mrr": 0.45}


@pytest.mark.parametrize("whole", [False, True])
def test_loss_of_knowledge_tracing_is_the_mean_over_all_answers(whole, monkeypatch):
    monkeypatch.setattr("tokemb.training.knowledge_tracing.MAX_POSITIONS", 20)
    table = pa.table(students(30))
    encoder = ColumnEncoder.fit(table, columns=["skill", ("skill", "correct")])
    answers = Answers.of(encoder, table, "correct")
    feed = answers.feed() if whole else answers.windows(3).training_feed(Schedule(batch_size=7))
    rows, losses = [], []
    for inputs, correct, weights in feed.batches(0):
        rows.append(len(correct))
        # As Keras computes the loss of a batch, if the loss of each answer is its skill.
        losses.append((inputs["next_skill"] * weights).mean())
    assert len(rows) > 3
    assert np.average(losses, weights=rows) == pytest.approx(answers.skills.values.mean(), rel=1e-5)


# Padding


@pytest.fixture(scope="module")
def models():
    made = {}
    for head in heads.HEADS:
        model = heads.text_model(ENCODER, OneClass([1, 2, 3]).output, head=head, maxlen=12, dim=4, units=6, seed=2)
        _large_padding(model.get_layer(EMBEDDING_NAME))
        made[head] = model
    return made


def _large_padding(embedding):
    """What a row that is not masked out would be told by."""
    (matrix,) = embedding.get_weights()
    matrix[0] = 1000
    embedding.set_weights([matrix])


def _given(model, inputs):
    return np.asarray(model(inputs, training=False))


@pytest.mark.parametrize("head", heads.HEADS)
@examples(8)
@given(data=st.data())
def test_padding_does_not_change_predictions_of_a_classifier(models, head, data):
    rows = data.draw(st.lists(st.lists(st.integers(1, ENCODER.input_dim - 1), max_size=6), min_size=1, max_size=4))
    model, ids = models[head], Ragged.from_rows(rows)
    if head == "flatten":  # has one length: its padding must be as good as zeros
        (matrix,) = model.get_layer(EMBEDDING_NAME).get_weights()
        before = _given(model, ids.pad(12))
        model.get_layer(EMBEDDING_NAME).set_weights([np.where(np.arange(len(matrix))[:, None] == 0, -7, matrix)])
        after = _given(model, ids.pad(12))
        model.get_layer(EMBEDDING_NAME).set_weights([matrix])
    else:
        before, after = _given(model, ids.pad(6)), _given(model, ids.pad(11))
        alone = [_given(model, Ragged.from_rows([row]).pad(max(1, len(row))))[0] for row in rows]
        np.testing.assert_allclose(before, alone, atol=1e-5)
    assert np.isfinite(before).all()
    np.testing.assert_allclose(before, after, atol=1e-5)


@pytest.mark.parametrize("head", NEXT_HEADS)
def test_padding_does_not_change_predictions_of_the_next_event(head):
    model = next_model(ENCODER, head=head, maxlen=4, dim=4, units=5, dropout=0.1, seed=1)
    _large_padding(model.get_layer(EMBEDDING_NAME))
    ids = Ragged.from_rows([[2, 3, 4, 5], [6, 2]])
    short, long = _given(model, ids.pad(4)), _given(model, ids.pad(9))
    np.testing.assert_allclose(short[0], long[0, :4], atol=1e-6)
    np.testing.assert_allclose(short[1, :2], long[1, :2], atol=1e-6)


@pytest.mark.parametrize("cell", heads.CELLS)
def test_padding_does_not_change_the_probability_of_an_answer(cell):
    table = {"skill": [["a", "b", "c"]], "correct": [["0", "1", "1"]]}
    encoder = ColumnEncoder.fit(table, columns=["skill", ("skill", "correct")])
    model = knowledge_tracing_model(encoder, cell=cell, dim=3, units=4, dropout=0.1)
    _large_padding(model.get_layer("answer_embedding"))
    answers, skills = Ragged.from_rows([[3, 4, 5], [4]]), Ragged.from_rows([[4, 5, 3], [3]])
    history = np.random.default_rng(0).random((2, 8, len(FEATURES)), np.float32)
    short, long = (
        _given(model, {"answers": answers.pad(n), "next_skill": skills.pad(n), "history": history[:, :n]})
        for n in (3, 8)
    )
    np.testing.assert_allclose(short[0], long[0, :3], atol=1e-6)
    np.testing.assert_allclose(short[1, :1], long[1, :1], atol=1e-6)


# Learning


def reviews(rows, seed=0):
    rng = np.random.default_rng(seed)
    texts = [" ".join(rng.choice(WORDS.split()[2:], rng.integers(1, 9))) for _ in range(rows)]
    labels = ["pos" if number else "neg" for number in rng.integers(0, 2, rows)]
    return Labelled(
        [f"{text} {'good' if x == 'pos' else 'bad'}" for text, x in zip(texts, labels, strict=True)], labels
    )


QUICK = Schedule(epochs=6, batch_size=32, learning_rate=0.03, seed=5, refit=False)


@pytest.mark.parametrize("head", ["mean", "conv"])
def test_classifier_learns_and_predicts_the_same_after_loading(head, tmp_path):
    import keras

    shown = []
    trained = train_classifier(
        reviews(300),
        test=reviews(60, 1),
        head=head,
        dim=4,
        units=8,
        schedule=QUICK,
        on_epoch=lambda *x: shown.append(x),
    )
    assert trained.metrics["on"] == "test"
    assert trained.metrics["accuracy"] == trained.metrics["roc_auc"] == 1
    assert trained.metrics["most_frequent"] < 0.7
    assert [epoch for epoch, losses in shown if "val_loss" in losses] == list(range(1, trained.fitted.epochs + 1))
    assert 0 < trained.fitted.input_share < 1
    trained.save(tmp_path / "out")
    with pytest.raises(OutputExistsError, match="contains a trained model"):
        trained.save(tmp_path / "out")
    trained.save(tmp_path / "out", force=True)
    encoder = tokemb.Encoder.load(tmp_path / "out" / "vocabulary")
    model = keras.models.load_model(tmp_path / "out" / "model.keras")
    assert encoder.fingerprint.startswith(fingerprint_in_name(model.name))
    likely = model.predict(encoder.encode(["good film", "bad film and more"]), verbose=0)[:, 0]
    report = read_report(tmp_path / "out")
    assert [report["classes"][int(p > 0.5)] for p in likely] == ["pos", "neg"]
    assert report["metrics"] == trained.metrics
    assert report["settings"]["head"] == head


def test_weights_of_the_best_epoch_are_kept():
    """Of labels that follow from nothing, more epochs learn only the rows themselves."""
    rows = reviews(120)
    labels = np.random.default_rng(3).integers(0, 2, 120).tolist()
    schedule = Schedule(epochs=40, learning_rate=0.1, batch_size=16, validation_split=0.3, patience=2, refit=False)
    losses = []
    trained = train_classifier(
        Labelled(rows.texts, labels),
        dim=8,
        dropout=0.0,
        schedule=schedule,
        on_epoch=lambda _, x: losses.append(x["val_loss"]),
    )
    assert len(losses) == trained.fitted.epochs < 40
    assert trained.fitted.best_epoch == trained.fitted.epochs - 2
    assert trained.metrics["loss"] == pytest.approx(min(losses), abs=1e-3)
    assert trained.metrics["loss"] < losses[-1]


def test_head_mean_learns_from_pairs_of_words_which_are_tokens_by_default():
    texts, labels = ["not good", "very good", "very bad", "not bad"] * 20, [0, 1, 0, 1] * 20
    settings = {"dim": 8, "dropout": 0.0, "schedule": Schedule(epochs=40, learning_rate=0.05, refit=False)}
    pairs = train_classifier(Labelled(texts, labels), **settings)
    assert pairs.vocabulary.ngrams == (1, 2)
    assert (pairs.settings["ngrams"], pairs.metrics["accuracy"]) == ([1, 2], 1)
    assert ["pass ngrams=1 for words alone" in note for note in pairs.notes] == [True]
    words = train_classifier(Labelled(texts, labels), ngrams=1, **settings)
    assert words.vocabulary.ngrams == (1,)
    assert words.metrics["accuracy"] < 1
    with pytest.raises(ArgumentError, match="ngrams must be left out with encoder"):
        train_classifier(Labelled(texts, labels), encoder=ENCODER, ngrams=2)


@examples(5)
@given(st.lists(st.integers(2, 9), max_size=6), st.integers(1, 4))
def test_ngrams_out_of_vocabulary_do_not_change_predictions_of_the_head_mean(pair_model, row, count):
    ids = Ragged.from_rows([row, [1] * count + row, [*row, *[1] * count, 0]])
    first, *others = _given(pair_model, ids.pad(12))
    np.testing.assert_allclose(others, [first] * 2, atol=1e-6)


@pytest.fixture(scope="module")
def pair_model():
    return heads.text_model(tokemb.fit_vocab([WORDS], ngrams=2), OneClass([1, 2, 3]).output, dim=4, seed=2)


@pytest.mark.parametrize(("head", "longest"), [("mean", 2048), ("gru", 400)])
def test_length_of_rows_is_that_of_99_percent_of_them_within_a_limit(head, longest):
    encoder = tokemb.fit_vocab([WORDS], ngrams=2)
    assert choose_maxlen(np.array([3] * 99 + [3000]), head, encoder) == 3
    assert choose_maxlen(np.array([3000] * 5), head, encoder) == longest
    assert choose_maxlen(np.zeros(5, np.int64), head, encoder) == 1


def test_balanced_class_weights_are_those_of_scikit_learn():
    from sklearn.utils.class_weight import compute_class_weight

    targets = np.array([0, 0, 0, 2, 1, 0, 2], np.int32)
    expected = compute_class_weight("balanced", classes=np.arange(3), y=targets)
    np.testing.assert_allclose(balanced_weights(targets, 3), expected, rtol=1e-6)
    assert balanced_weights(targets, 4)[3] == 1


def test_balanced_class_weights_find_a_rare_class_that_cannot_be_told_with_certainty():
    rng = np.random.default_rng(0)
    labels = (rng.random(400) < 0.2).astype(int).tolist()
    texts = ["rare" if label and rng.random() < 0.4 or rng.random() < 0.2 else "usual" for label in labels]
    settings = {"ngrams": 1, "dim": 2, "dropout": 0.0, "schedule": Schedule(epochs=8, learning_rate=0.1, refit=False)}
    plain, balanced = (
        train_classifier(Labelled(texts, labels), test=Labelled(texts, labels), class_weights=weights, **settings)
        for weights in (None, "balanced")
    )
    assert balanced.metrics["macro_f1"] > plain.metrics["macro_f1"] + 0.1
    with pytest.raises(ArgumentError, match="class_weights must be"):
        train_classifier(Labelled(texts, labels), class_weights="other")


def test_validation_rows_decide_when_training_stops_and_are_not_trained_on():
    rows, opposite = reviews(60), reviews(60)
    opposite = Labelled(opposite.texts, ["neg" if label == "pos" else "pos" for label in opposite.labels])
    schedule = Schedule(epochs=20, batch_size=8, learning_rate=0.05, patience=2, refit=False)
    trained = train_classifier(rows, validation=opposite, dim=4, ngrams=1, dropout=0.0, schedule=schedule)
    assert trained.fitted.epochs == trained.fitted.best_epoch + 2 < 10
    assert (trained.metrics["on"], trained.metrics["rows"]) == ("validation", 60)


@eagerly
@pytest.mark.parametrize("frozen", [True, False])
def test_pretrained_vectors_are_trained_unless_they_are_frozen(frozen, tmp_path):
    found = {"good": [3.0, 1.0, 2.0], "bad": [-1.0, 4.0, 0.5]}
    lines = (" ".join([word, *map(str, vector)]) for word, vector in found.items())
    (tmp_path / "glove.txt").write_text("\n".join(lines) + "\n")
    lines = (f"{text},{label}\n" for text, label in zip(reviews(40).texts, reviews(40).labels, strict=True))
    (tmp_path / "r.csv").write_text("text,label\n" + "".join(lines))
    arguments = ["--column", "text", "--label", "label", "--epochs", 1, "--head", "conv", "--units", 4]
    freeze = ["--frozen"] if frozen else []
    vectors = ["--vectors", tmp_path / "glove.txt"]
    result = run("classify", tmp_path / "r.csv", *arguments, *vectors, *freeze, "-o", tmp_path / "out")
    assert result.exit_code == 0, result.output
    assert "pre-trained vectors: 2 of 7 tokens" in result.output
    folder = tokemb.load_trained(tmp_path / "out").folder
    (matrix,) = folder.model.get_layer(EMBEDDING_NAME).get_weights()
    rows = matrix[[folder.encoder.vocabulary.index(word) for word in found]]
    assert (rows == np.array(list(found.values()), np.float32)).all() == frozen
    assert (folder.settings["dim"], folder.settings["ngrams"]) == (3, [1])
    result = run("classify", tmp_path / "r.csv", *arguments, "--frozen", "-o", tmp_path / "new")
    assert result.exit_code == 2
    assert "--frozen requires --vectors FILE" in result.output


@eagerly
def test_classifier_that_does_not_exceed_the_most_frequent_label_says_so():
    labels = [0, 0, 0, 0, 0, 0, 0, 0, 0, 1] * 4
    trained = train_classifier(
        Labelled(["a film"] * 40, labels), ngrams=1, dim=2, schedule=Schedule(epochs=1, refit=False)
    )
    (note,) = trained.notes
    assert f"does not exceed {trained.metrics['most_frequent']}" in note


def bits(trained):
    return [weight.tobytes() for weight in trained.model.get_weights()]


@eagerly
def test_same_seed_gives_the_same_weights_and_another_seed_others():
    first, second, other = (
        train_classifier(reviews(60), dim=3, schedule=Schedule(epochs=1, seed=seed, refit=False)) for seed in (1, 1, 2)
    )
    assert bits(first) == bits(second)
    assert first.metrics == second.metrics
    assert bits(first) != bits(other)


@eagerly
def test_same_seed_draws_the_same_candidates(monkeypatch):
    monkeypatch.setattr(next_models, "SAMPLED_IDS", 2)
    schedule = Schedule(epochs=1, seed=1, refit=False)
    first, second = (train_next([["a", "b", "c", "d"]] * 20, dim=3, units=4, schedule=schedule) for _ in range(2))
    assert bits(first) == bits(second)


@pytest.mark.parametrize("drawn", [next_models.SAMPLED_IDS, 3])
def test_next_event_is_learned_with_all_and_with_sampled_candidates(drawn, monkeypatch):
    monkeypatch.setattr(next_models, "SAMPLED_IDS", drawn)
    rng = np.random.default_rng(0)
    rows = [[f"e{(start + i) % 12}" for i in range(rng.integers(3, 9))] for start in rng.integers(0, 12, 200)]
    trained = train_next(
        rows, maxlen=4, dim=12, units=16, dropout=0.0, schedule=Schedule(epochs=8, learning_rate=0.03, refit=False)
    )
    assert trained.metrics["rows"] == 200
    assert trained.metrics["hit_rate_at_1"] > 0.95
    assert trained.metrics["popular_hit_rate_at_1"] < 0.3
    assert trained.metrics["markov_hit_rate_at_1"] == 1
    assert trained.metrics["repeated"] == 0
    assert trained.model.output_shape == (None, None, trained.vocabulary.input_dim)


def test_candidates_hold_the_next_events_and_sampled_ids_at_their_probability():
    """Each is one as often as its chance says."""
    random = np.random.default_rng(0)
    shares = np.append([0, 0, 0.5, 0.3], np.full(16, 0.0125))
    candidates = Candidates(shares, sampled=6)
    met, chances = np.zeros(20), np.zeros(20)
    for _ in range(4000):
        targets = random.choice(20, 5, p=shares).astype(np.int32)
        ids, log_probability = candidates.inputs(targets, random).values()
        assert (np.diff(ids) > 0).all()
        assert np.isin(targets, ids).all()
        met[ids] += 1
        chances[ids] = np.exp(log_probability)
    np.testing.assert_allclose(met / 4000, chances, atol=0.03)
    assert candidates.inputs(targets, np.random.default_rng(1))["candidates"].dtype == np.int32


def test_saved_model_gives_the_probabilities_of_the_trained_one(monkeypatch):
    monkeypatch.setattr(next_models, "SAMPLED_IDS", 2)
    model = next_model(ENCODER, head="gru", maxlen=4, dim=4, units=5, dropout=0.1, seed=1)
    trained = training_model(model)
    trained.get_layer("bias").set_weights([np.random.default_rng(0).normal(size=(ENCODER.input_dim, 1))])
    copy_output_weights(model, trained)
    ids = Ragged.from_rows([[2, 3, 4, 5], [6, 2]]).pad(4)
    everything = np.arange(ENCODER.input_dim, dtype=np.int32)
    logits = _given(trained, {"token_ids": ids, "candidates": everything, "log_probability": np.zeros(len(everything))})
    odds = np.exp(logits)
    np.testing.assert_allclose(_given(model, ids), odds / odds.sum(axis=-1, keepdims=True), rtol=1e-5)


@pytest.mark.parametrize("values", ["01", {"0", "1"}, {"0": 1, "1": 2}, iter("01")])
def test_labels_and_weights_that_are_no_column_are_an_error(values):
    with pytest.raises(ArgumentError, match="labels must be a list or a column with one value per row; received"):
        Labelled(["a", "b"], values)
    with pytest.raises(ArgumentError, match="weights must be a list or a column with one value per row; received"):
        Labelled(["a", "b"], ["0", "1"], values)


def test_lists_of_values_of_numpy_have_the_types_of_python():
    rows = Labelled(["a", "b"], list(np.array([2, 3])), list(np.array([0.5, 1], np.float32)))
    assert (rows.labels, rows.weights) == ([2, 3], [0.5, 1.0])
    assert {type(label) for label in rows.labels} == {int}


@pytest.mark.parametrize("more", [-1, 1])
def test_number_of_labels_other_than_that_of_texts_is_an_error(untrained, more):
    rows = reviews(20)
    with pytest.raises(ArgumentError, match=f"received {20 + more} texts and 20 labels"):
        train_classifier(Labelled([*rows.texts, "good"][: 20 + more], rows.labels))


@eagerly
def test_training_on_an_iterator_gives_the_metrics_of_a_list():
    schedule = Schedule(epochs=1, refit=False)
    rows = [["a", "b", "c"], ["b", "c", "a", "b"]] * 10
    trained, again = (train_next(given, dim=4, units=4, schedule=schedule) for given in (rows, iter(rows)))
    assert again.metrics == trained.metrics
    rows = reviews(20)
    trained, again = (
        train_classifier(Labelled(given, rows.labels), dim=4, schedule=schedule)
        for given in (rows.texts, iter(rows.texts))
    )
    assert again.metrics == trained.metrics


def test_last_event_is_trained_on_only_with_a_test_set():
    rows = [["a", "b", "c"]] * 40
    trained = train_next(rows, dim=4, units=4, schedule=Schedule(epochs=2, learning_rate=0.05, validation_split=0))
    assert trained.metrics["hit_rate_at_1"] == 0
    trained = train_next(
        rows, test=rows, dim=4, units=4, schedule=Schedule(epochs=40, learning_rate=0.05, validation_split=0)
    )
    assert trained.metrics["hit_rate_at_1"] == 1
    assert (trained.fitted.epochs, trained.fitted.validation_loss) == (40, None)


def students(rows, seed=0):
    """Some who know all skills but one, and some who know none but that."""
    rng = np.random.default_rng(seed)
    table = {"skill": [], "correct": []}
    for able in rng.integers(0, 2, rows):
        skills = rng.integers(0, 4, rng.integers(2, 14))
        table["skill"].append([f"s{skill}" for skill in skills])
        table["correct"].append([int((skill == 0) != able) for skill in skills])
    return table


def test_knowledge_tracing_learns_which_skills_students_have():
    trained = train_knowledge_tracing(
        students(200),
        test=students(50, 1),
        maxlen=6,
        dim=8,
        units=12,
        dropout=0.0,
        schedule=Schedule(epochs=20, learning_rate=0.03, batch_size=32, patience=20, refit=False),
    )
    assert trained.metrics["on"] == "test"
    assert trained.metrics["roc_auc"] > 0.95
    assert trained.metrics["answers"] == sum(len(row) - 1 for row in students(50, 1)["skill"])


# What cannot be


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ([1, None], "row 2 has no label"),
        (["a", ""], "row 2 has no label"),
        ([1, "a"], "all integers or all texts"),
        ([0.5, 1.0], "integers or texts; the label of row 1 is 0.5 of type float"),
        ([["x"], ["y"]], r"integers or texts; the label of row 1 is \['x'\] of type list"),
        ([float("nan"), 1], "row 1 has no label"),
    ],
)
def test_missing_or_mixed_labels_are_an_error(labels, message):
    with pytest.raises(TextError, match=message):
        train_classifier(Labelled(["a", "b"], labels))


def test_invalid_settings_are_an_error():
    with pytest.raises(ArgumentError, match="classes must be at least 2"):
        train_classifier(Labelled(["a", "b"], [1, 1]))
    with pytest.raises(ArgumentError, match="pass the length as maxlen=..."):
        heads.text_model(ENCODER, OneClass([1, 2]).output, head="flatten")
    with pytest.raises(ArgumentError, match="head must be one of"):
        heads.text_model(ENCODER, OneClass([1, 2]).output, head="other")
    for wrong in (
        {"epochs": 0},
        {"validation_split": 1.0},
        {"validation_split": "0.1"},
        {"learning_rate": 0},
        {"learning_rate": None},
        {"seed": -1},
    ):
        with pytest.raises(ArgumentError, match=next(iter(wrong))):
            Schedule(**wrong)
    with pytest.raises(ArgumentError, match="the training split must have rows"):
        Schedule(validation_split=0.1).split(1)
    with pytest.raises(ArgumentError, match="at least three events"):
        train_next(["a b", "b"])


@pytest.mark.parametrize("maxlen", [0, -1])
def test_maxlen_below_one_is_an_error(maxlen):
    with pytest.raises(ArgumentError, match="maxlen must be an integer of at least 1"):
        train_classifier(reviews(20), maxlen=maxlen)


@pytest.fixture
def untrained(monkeypatch):
    """Fails where a training begins."""
    monkeypatch.setattr("tokemb.training.refitting.InitialState.__init__", lambda *_: pytest.fail("was trained"))


def test_invalid_test_set_is_an_error_before_training(untrained):
    for test, message in (
        (Labelled([], []), "has no rows"),
        (Labelled(["a", "b"], ["pos", None]), "row 2 has no label"),
        (Labelled(["a", "b"], ["pos", "other"]), "label of row 2, 'other', does not"),
        (Labelled(["a", "b"], ["pos"]), "must have a label: received 2 texts and 1 labels"),
    ):
        for name in ("test", "validation"):
            with pytest.raises((ArgumentError, TextError), match=message):
                train_classifier(reviews(20), **{name: test})
    with pytest.raises(ArgumentError, match="no sequence is long enough to compute metrics on"):
        train_next([["a", "b", "c"]] * 9, test=[["a"], []])
    ratings = {"user": ["a", "b"] * 9, "item": ["c", "d"] * 9, "stars": [1, 2] * 9}
    for stars, message in (([], "has no rows"), ([None], "row 1 has no number in the column 'stars'")):
        test = {"user": ["a"] * len(stars), "item": ["c"] * len(stars), "stars": pa.array(stars, pa.int64())}
        with pytest.raises((ArgumentError, TextError), match=message):
            train_ratings(ratings, ["user", "item"], "stars", test=test)
    one = {"skill": [["a"]], "correct": [[1]]}
    with pytest.raises(ArgumentError, match="no student has enough answers to compute metrics on"):
        train_knowledge_tracing(students(20), test=one)
    with pytest.raises(TextError, match="0 or 1"):
        train_knowledge_tracing(students(20), test={"skill": [["a", "b"]], "correct": [[1, 2]]})
    with pytest.raises(ArgumentError, match="no student has enough answers to train on"):
        train_knowledge_tracing({name: rows * 9 for name, rows in one.items()}, test=students(20))


def test_vocabulary_of_other_columns_is_an_error():
    table = students(10)
    with pytest.raises(ArgumentError, match="must be fitted to the columns 'skill' and"):
        train_knowledge_tracing(table, encoder=ColumnEncoder.fit(table))


@pytest.mark.parametrize("answers", [["0", "2"], ["1", "yes"], [0, None]])
def test_answers_other_than_0_and_1_are_an_error(answers):
    with pytest.raises(TextError, match="0 or 1"):
        train_knowledge_tracing({"skill": [["a", "b"]] * 4, "correct": [answers] * 4})


def test_missing_lists_of_answers_are_an_error_also_if_they_hide_values():
    splits, missing = pa.array([0, 2, 4, 5], pa.int32()), pa.array([False, True, False])
    correct = pa.ListArray.from_arrays(splits, pa.array([1, 0, 0, 0, 1]), mask=missing)
    with pytest.raises(TextError, match="row 2 has no list in the column 'correct'"):
        train_knowledge_tracing(pa.table({"skill": [["a", "b"], ["c"], ["b"]], "correct": correct}))


@eagerly
def test_folder_that_is_no_training_is_not_replaced(tmp_path):
    (tmp_path / "training.json").write_text('{"other": 1}')
    with pytest.raises(ModelError, match="not the folder of a training"):
        read_report(tmp_path)
    trained = train_classifier(reviews(20), dim=2, schedule=Schedule(epochs=1, refit=False))
    with pytest.raises(FileExistsError):
        trained.save(tmp_path)
    assert [file.name for file in tmp_path.iterdir()] == ["training.json"]


# The command


def run(*arguments):
    from tokemb_cli.main import cli

    return CliRunner().invoke(cli, ["train", *map(str, arguments)], prog_name="tokemb")


def test_command_classifies_sequences_of_events(tmp_path):
    rng = np.random.default_rng(0)
    with (tmp_path / "events.csv").open("w") as file:
        file.write("user,event,kind\n")
        for user in range(60):
            kind = ("calm", "mid", "wild")[user % 3]
            file.writelines(f"{user},{event}{kind[0]},{kind}\n" for event in rng.choice(list("xyz"), 4))
    arguments = (
        "--column event --group-by user --label kind --epochs 20 --learning-rate 0.05 --dim 4 --batch-size 16".split()
    )
    result = run("classify", tmp_path / "events.csv", *arguments, "-o", tmp_path / "out")
    assert result.exit_code == 0, result.output
    report = json.loads((tmp_path / "out" / "training.json").read_text())
    assert report["classes"] == ["calm", "mid", "wild"]
    assert report["metrics"]["accuracy"] == 1
    assert "epoch 1    loss " in result.output
    assert "settings   head mean, ngrams [1, 2], maxlen 7, " in result.output
    assert "accuracy      1.0" in result.output
    weighted = ("--class-weights", "balanced", "--validation-file", tmp_path / "events.csv", "--epochs", 1)
    result = run("classify", tmp_path / "events.csv", *arguments, *weighted, "-o", tmp_path / "weighted")
    assert result.exit_code == 0, result.output
    report = read_report(tmp_path / "weighted")
    assert (report["settings"]["class_weights"], report["metrics"]["rows"]) == ("balanced", 60)
    (tmp_path / "other").write_text("mine")
    wrong = {"other": (1, "something else exists at this path"), "no/out": (1, "must exist")}
    for output, (code, message) in wrong.items():
        result = run("classify", tmp_path / "events.csv", *arguments, "-o", tmp_path / output)
        assert (result.exit_code, message in result.output) == (code, True), result.output
    result = run("classify", tmp_path / "events.csv", *arguments, "--column", "kind", "-o", tmp_path / "out")
    assert (result.exit_code, "one column" in result.output) == (2, True)
    (tmp_path / "texts.csv").write_text("text\n" + "a\nb\n" * 8)
    result = run("classify", tmp_path / "texts.csv", "--label", "text", "--epochs", "1", "-o", tmp_path / "texts")
    assert result.exit_code == 0, result.output
    result = run("classify", tmp_path / "events.csv", "--column", "event", "--label", "none", "-o", tmp_path / "new")
    assert result.exit_code == 1
    assert "none" in result.output


@eagerly
def test_commands_train_the_next_event_and_knowledge_tracing(tmp_path):
    (tmp_path / "sessions.txt").write_text("a b a b a\nb a b a\n" * 20)
    result = run("next", tmp_path / "sessions.txt", "-o", tmp_path / "next", "--epochs", 1, "--dim", 4, "--quiet")
    assert (result.exit_code, result.output) == (0, "")
    assert read_report(tmp_path / "next")["metrics"]["rows"] == 40
    table = students(30)
    lines = [
        f"{number},{skill},{right}\n"
        for number, row in enumerate(zip(*table.values(), strict=True))
        for skill, right in zip(*row, strict=True)
    ]
    (tmp_path / "answers.csv").write_text("student,skill,right\n" + "".join(lines))
    arguments = "--column skill --correct-column right --group-by student --epochs 1 --dim 4 --units 4".split()
    test = ("--test", tmp_path / "answers.csv")
    result = run("knowledge-tracing", tmp_path / "answers.csv", *arguments, *test, "-o", tmp_path / "tracing")
    assert result.exit_code == 0, result.output
    report = read_report(tmp_path / "tracing")
    assert report["metrics"]["answers"] == len(lines) - 30
    encoder = ColumnEncoder.load(tmp_path / "tracing" / "vocabulary")
    assert encoder.fingerprint == report["fingerprint"]
    assert pa.table(table).num_rows == 30
