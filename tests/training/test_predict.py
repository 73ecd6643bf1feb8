"""Predictions and recommendations of trained models, in memory and for files."""

from __future__ import annotations

import csv
import json
import shutil

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from tokemb_cli.main import cli

import tokemb
from tests.conftest import eagerly
from tokemb._arrays import STRINGS
from tokemb.errors import ArgumentError, ModelError, OutputExistsError, TextError
from tokemb.pipeline.predict import predict_corpus
from tokemb.rows.ragged import Ragged
from tokemb.training import predict_answers, predict_events, recommend
from tokemb.training.classify import Labelled, train_classifier
from tokemb.training.knowledge_tracing import history_of, train_knowledge_tracing
from tokemb.training.next_event import train_next
from tokemb.training.next_scores import overlapping_windows
from tokemb.training.predict_answers import AnswerPredictor
from tokemb.training.predict_events import EventPredictor
from tokemb.training.predictor import top_columns
from tokemb.training.ratings import train_ratings
from tokemb.training.recommend import ItemsForUsers
from tokemb.training.result import read_report
from tokemb.training.schedule import Schedule
from tokemb.training.skipgram import SkipGram, train_skipgram
from tokemb.training.trained import load_folder

pytestmark = pytest.mark.keras

WORDS = ("good", "bad", "odd")
TEXTS = [f"{WORDS[row % 3]} film number {row % 7}" for row in range(90)]
LABELS = [f"is {WORDS[row % 3]}" for row in range(90)]
SEQUENCES = [" ".join("abcdef"[(start + step) % 6] for step in range(3 + start % 4)) for start in range(60)]
ANSWERS = {
    "skill": [[(student + step) % 4 for step in range(2 + student % 5)] for student in range(40)],
    "correct": [[(student + step) % 2 for step in range(2 + student % 5)] for student in range(40)],
}
RATINGS = {
    "user": [f"u{row % 8}" for row in range(80)],
    "item": [f"i{row * 7 % 10}" for row in range(80)],
    "stars": [float(1 + row % 5) for row in range(80)],
}


def train_all(root):
    """Save small trainings of all tasks in ``root``."""
    schedule = Schedule(epochs=2, learning_rate=0.02, refit=False)
    encoder = tokemb.fit_vocab(TEXTS)
    trainings = {
        "pairs": train_classifier(Labelled(TEXTS, LABELS), dim=4, schedule=schedule),
        "classify": train_classifier(Labelled(TEXTS, LABELS), ngrams=1, schedule=schedule),
        "binary": train_classifier(Labelled(TEXTS, [row % 2 for row in range(90)]), ngrams=1, schedule=schedule),
        "numbers": train_classifier(
            Labelled(TEXTS, [row % 2 for row in range(90)]), ngrams=1, regression=True, schedule=schedule
        ),
        "next": train_next(SEQUENCES, maxlen=4, schedule=schedule),
        "marks": train_next(SEQUENCES, maxlen=4, marks=True, schedule=schedule),
        "tracing": train_knowledge_tracing(ANSWERS, schedule=schedule),
        "ratings": train_ratings(RATINGS, ["user", "item"], "stars", schedule=schedule),
        "dense": train_ratings(RATINGS, ["user", "item"], "stars", head="dense", schedule=schedule),
        "skipgram": train_skipgram(TEXTS, encoder, SkipGram(dim=4, epochs=1)),
    }
    for name, trained in trainings.items():
        trained.save(root / name)


def load(folders, name):
    return tokemb.load_trained(folders / name)


def as_lists(rows):
    return [part.tolist() for part in np.split(rows.values, rows.row_splits[1:-1])] if len(rows) else []


# Classifiers


@pytest.mark.parametrize("name", ["classify", "binary", "pairs"])
def test_labels_and_probabilities_are_those_of_the_keras_model(folders, name):
    model = load(folders, name)
    folder = model.folder
    output = folder.model.predict(folder.encoder.encode(TEXTS, maxlen=folder.settings["maxlen"]), verbose=0)
    expected = np.hstack([1 - output, output]) if output.shape[1] == 1 else output
    found = model.predict(TEXTS, top=3).to_pydict()
    assert found["prediction"] == [folder.classes[index] for index in expected.argmax(axis=1)]
    np.testing.assert_allclose(found["probability"], expected.max(axis=1), rtol=1e-5)
    np.testing.assert_allclose(found["probabilities"], -np.sort(-expected, axis=1), rtol=1e-5)
    assert [labels[0] for labels in found["predictions"]] == found["prediction"]
    assert set(found["reason"]) == {None}


def test_text_without_tokens_has_no_prediction_but_a_reason(folders):
    found = load(folders, "classify").predict(["good film", "", " . "]).to_pylist()
    assert found[0]["prediction"] in {*LABELS}
    assert found[1:] == [{"prediction": None, "probability": None, "reason": "the text has no tokens"}] * 2


def test_predictions_of_integers_are_integers(folders):
    assert load(folders, "binary").predict(TEXTS).schema.field("prediction").type == pa.int64()


@given(st.lists(st.lists(st.integers(0, 3), min_size=5, max_size=5), min_size=1), st.integers(1, 7), st.booleans())
def test_top_columns_are_those_of_a_stable_sort(rows, count, wide):
    scores = np.tile(np.array(rows, np.float32), 60 if wide else 1)
    np.testing.assert_array_equal(top_columns(scores, count), np.argsort(-scores, axis=1, kind="stable")[:, :count])


# The next event


@eagerly
def test_maxlen_of_the_vocabulary_truncates_no_sequence(tmp_path):
    encoder = tokemb.fit_vocab(SEQUENCES, profile="whitespace", maxlen=1)
    schedule = Schedule(epochs=1, learning_rate=0.02, refit=False)
    train_next(SEQUENCES, encoder=encoder, test=SEQUENCES, maxlen=4, schedule=schedule).save(tmp_path / "next")
    model = load(tmp_path, "next")
    rows = ["a b c", "a b d"]
    batch = pa.record_batch({"text": pa.array(rows, pa.large_string())})
    in_memory = model.predict(rows)
    assert len(set(map(tuple, in_memory["probabilities"].to_pylist()))) == 2
    assert model.predictor().predict_batch(batch).to_pylist() == in_memory.to_pylist()


@pytest.mark.parametrize(
    ("settings", "message"),
    [({"ngrams": 2}, "n-grams cannot be"), ({"end": "[EOS]"}, "start and end"), ({"start": "[BOS]"}, "start and end")],
)
def test_next_event_refuses_rows_with_other_ids_than_the_events(settings, message):
    with pytest.raises(ArgumentError, match=message):
        train_next(SEQUENCES, encoder=tokemb.fit_vocab(SEQUENCES, **settings))


def test_next_event_refuses_special_tokens_of_a_foreign_tokenizer(tmp_path):
    tokemb.fit_vocab(SEQUENCES, end="[EOS]").save(tmp_path / "v")
    foreign = tokemb.Encoder.from_tokenizer(tmp_path / "v" / "tokenizer.json")
    with pytest.raises(ArgumentError, match="special tokens"):
        train_next(SEQUENCES, encoder=foreign)


def test_next_events_are_those_of_the_keras_model(folders):
    model = load(folders, "next")
    encoder = model.folder.encoder
    rows = ["a b c", "d", "f a b c d e"]
    found = model.predict(rows, top=2).to_pylist()
    for row, prediction in zip(rows, found, strict=True):
        ids = encoder.encode([row.split()[-4:]])
        output = model.folder.model.predict(ids, verbose=0)[0, -1]
        output[:2] = 0  # padding and out of vocabulary
        best = np.argsort(-output)[:2]
        assert prediction["predictions"] == [encoder.vocabulary[index] for index in best]
        np.testing.assert_allclose(prediction["probabilities"], output[best] / output.sum(), rtol=1e-4)


@pytest.mark.parametrize("name", ["next", "marks"])
def test_observed_ranks_agree_with_predictions_of_each_prefix(folders, name):
    model = load(folders, name)
    predictor = model.predictor(top=99)
    rows = ["a b c", "c a", "f"]
    observed = model.predict(rows, observed=True).to_pylist()
    for row, found in zip(rows, observed, strict=True):
        events = [*row.split(), *(["[END]"] if name == "marks" else [])]
        assert len(found["ranks"]) == len(found["probabilities"]) == len(events)
        assert name == "marks" or found["ranks"][0] is None
        for position in range(1, len(events)):
            best = predictor.predict([events[:position]]).to_pylist()[0]
            assert best["predictions"][found["ranks"][position] - 1] == events[position]
            expected = best["probabilities"][found["ranks"][position] - 1]
            assert found["probabilities"][position] == pytest.approx(expected, rel=1e-4)
    assert observed[0]["highest_rank"] == max(filter(None, observed[0]["ranks"]))
    if name == "next":
        assert observed[2]["reason"] == "the sequence has one event, and the first event is not predicted"


def test_event_out_of_vocabulary_has_no_rank_but_a_reason(folders):
    found = load(folders, "next").predict(["a b zzz c", "", "a b"], observed=True).to_pylist()
    assert found[0]["ranks"][2] is None
    assert found[0]["ranks"][3] is not None
    assert found[0]["reason"] == "1 of the events are out of vocabulary"
    assert (found[1]["ranks"], found[1]["reason"]) == (None, "the sequence has no events")
    assert found[2]["reason"] is None


def test_texts_for_a_model_of_events_are_an_error(folders):
    with pytest.raises(TextError, match="none of the 3 events occurs in the vocabulary"):
        load(folders, "next").predict(["hello to you"])


@given(st.lists(st.integers(0, 30), max_size=8), st.integers(1, 7))
def test_overlapping_windows_have_each_position_once_with_half_a_window_before_it(lengths, maxlen):
    rows = Ragged.from_lengths(np.arange(sum(lengths), dtype=np.int32), np.array(lengths, np.int64))
    indices, is_new = overlapping_windows(rows, maxlen)
    assert sorted(indices.values[is_new.values > 0].tolist()) == list(range(sum(lengths)))
    for window, new in zip(as_lists(indices), as_lists(is_new), strict=True):
        assert 0 < len(window) <= maxlen
        assert window == list(range(window[0], window[0] + len(window)))
        is_start_of_row = window[0] in rows.row_splits
        assert is_start_of_row or sum(new[: maxlen - max(maxlen // 2, 1)]) == 0


# Knowledge tracing


def test_probabilities_of_skills_are_those_of_the_keras_model(folders):
    model = load(folders, "tracing")
    columns = model.folder.columns
    found = model.predict(ANSWERS).to_pylist()
    encoded = columns.encode_ragged(ANSWERS)
    for row in (0, 4, 7):
        answers = as_lists(encoded["skill_correct"])[row]
        for skill, probability in zip(found[row]["skills"], found[row]["probabilities"], strict=True):
            skill_id = columns.vocabularies["skill"].vocabulary.index(skill)
            asked = np.full(len(answers), skill_id, np.int32)
            history = history_of(columns, *encoded.values())
            features = history.features(np.arange(*encoded["skill"].row_splits[row : row + 2]), asked)
            inputs = {"answers": np.array([answers]), "next_skill": asked[None], "history": features[None]}
            assert probability == pytest.approx(float(model.folder.model(inputs)[0, -1]), rel=1e-4)


def test_observed_answers_and_the_curve_of_a_skill_agree_with_all_skills(folders):
    model = load(folders, "tracing")
    asked = model.predict(ANSWERS, observed=True).to_pylist()
    curve = model.predict(ANSWERS, skill=2).to_pylist()
    predictor = model.predictor()
    for row in (3, 4):
        skills, correct = ANSWERS["skill"][row], ANSWERS["correct"][row]
        assert asked[row]["probabilities"][0] is None
        for position in range(1, len(skills)):
            before = {"skill": [skills[:position]], "correct": [correct[:position]]}
            found = predictor.predict(before).to_pylist()[0]
            every = dict(zip(found["skills"], found["probabilities"], strict=True))
            assert asked[row]["probabilities"][position] == pytest.approx(every[str(skills[position])], rel=1e-4)
            assert curve[row]["probabilities"][position - 1] == pytest.approx(every["2"], rel=1e-4)


def test_student_with_one_answer_has_skills_but_no_observed_answer(folders):
    model = load(folders, "tracing")
    one = {"skill": [[1], [9, 1]], "correct": [[1], [0, 1]]}
    assert len(model.predict(one).to_pylist()[0]["probabilities"]) == 4
    found = model.predict(one, observed=True).to_pylist()
    assert found[0]["reason"] == "the student has one answer, and the first answer is not predicted"
    assert found[1]["reason"] == "1 of the answers are out of vocabulary"
    with pytest.raises(ArgumentError, match="skill must be one that the model was trained on; received 9"):
        model.predict(one, skill=9)
    with pytest.raises(TextError, match="make them with group_events"):
        model.predict({"skill": [1], "correct": [1]})


# Ratings


def test_ratings_are_those_of_the_keras_model(folders):
    model = load(folders, "ratings")
    expected = model.folder.model.predict(model.folder.columns.encode(RATINGS), verbose=0)[:, 0]
    np.testing.assert_allclose(model.predict(RATINGS)["prediction"].to_numpy(), expected, rtol=1e-6)


def test_unknown_users_have_no_rating_or_the_average(folders):
    model = load(folders, "ratings")
    pairs = {"user": ["u1", "nobody", None], "item": ["nothing", "i1", "i1"]}
    found = model.predict(pairs)
    assert found["prediction"].null_count == 3
    reasons = ["item is out of vocabulary", "user is out of vocabulary", "user is missing"]
    assert found["reason"].to_pylist() == reasons
    average = model.predict(pairs, unknown="average")
    assert average["reason"].to_pylist() == reasons
    everyone = model.predict({"user": [f"u{number}" for number in range(8)], "item": ["i1"] * 8})
    assert average["prediction"][1].as_py() == pytest.approx(everyone["prediction"].to_numpy().mean(), rel=1e-4)


@pytest.mark.parametrize(
    ("name", "table", "make"),
    [
        ("tracing", ANSWERS, AnswerPredictor),
        ("ratings", {"user": RATINGS["user"][:7]}, lambda folder: ItemsForUsers(folder, 4)),
    ],
)
def test_rows_with_many_values_are_predicted_a_few_at_a_time(folders, tmp_path, monkeypatch, name, table, make):
    folder, sizes = load(folders, name).folder, []
    expected = make(folder).predict(table)
    monkeypatch.setattr(predict_answers, "_MAX_PROBABILITIES", 12)  # three students with four skills
    monkeypatch.setattr(recommend, "_MAX_ITEMS", 12)
    predictor = make(folder)
    predict_batch = predictor.predict_batch
    monkeypatch.setattr(predictor, "predict_batch", lambda batch: sizes.append(len(batch)) or predict_batch(batch))
    predict_corpus(predictor, iter([pa.RecordBatch.from_pydict(table)]), tmp_path / "p.parquet")
    names, values, _ = expected.column_names
    for found in (predictor.predict(table), pq.read_table(tmp_path / "p.parquet")):
        assert found[names].to_pylist() == expected[names].to_pylist()
        numbers = [pc.list_flatten(each[values]).to_pylist() for each in (found, expected)]
        assert numbers[0] == pytest.approx(numbers[1], rel=1e-5)
    assert max(sizes) == 3
    assert sum(sizes) == 2 * len(expected)


def test_next_events_of_many_rows_are_predicted_a_few_at_a_time(folders, tmp_path, monkeypatch):
    rows = ["zzz", *SEQUENCES[:6]]
    expected = load(folders, "next").predict(rows, top=4)
    monkeypatch.setattr(predict_events, "_MAX_EVENTS", 12)
    predictor, sizes = EventPredictor(load(folders, "next").folder, 4), []
    predict_ids = predictor.predict_ids
    monkeypatch.setattr(predictor, "predict_ids", lambda ids: sizes.append(len(ids)) or predict_ids(ids))
    predict_corpus(
        predictor, iter([pa.RecordBatch.from_pydict({"text": pa.array(rows, STRINGS)})]), tmp_path / "p.parquet"
    )
    for found in (predictor.predict(rows), pq.read_table(tmp_path / "p.parquet")):
        assert found["predictions"].to_pylist() == expected["predictions"].to_pylist()
        numbers = [pc.list_flatten(each["probabilities"]).to_pylist() for each in (found, expected)]
        assert numbers[0] == pytest.approx(numbers[1], rel=1e-5)
    assert sizes == [3, 3, 1] * 2


@pytest.mark.parametrize("name", ["ratings", "dense"])
def test_recommended_items_have_the_highest_ratings_of_all_unseen_items(folders, name):
    model = load(folders, name)
    found = model.recommend(["u1", "nobody"], top=3, seen=RATINGS).to_pylist()
    seen = {item for user, item in zip(RATINGS["user"], RATINGS["item"], strict=True) if user == "u1"}
    others = sorted({*RATINGS["item"]} - seen)
    ratings = model.predict({"user": ["u1"] * len(others), "item": others})["prediction"].to_pylist()
    expected = sorted(zip(ratings, others, strict=True), reverse=True)[:3]
    assert found[0]["items"] == [item for _, item in expected]
    np.testing.assert_allclose(found[0]["ratings"], [rating for rating, _ in expected], rtol=1e-6)
    assert found[1] == {"items": None, "ratings": None, "reason": "user is out of vocabulary"}


def test_similar_items_have_the_nearest_embeddings_without_the_item_itself(folders):
    model = load(folders, "ratings")
    [matrix] = model.folder.model.get_layer("item_embedding").get_weights()
    tokens = model.folder.columns.vocabularies["item"].vocabulary
    unit = matrix / np.linalg.norm(matrix, axis=1, keepdims=True)
    cosines = unit @ unit[tokens.index("i3")]
    expected = [tokens[index] for index in np.argsort(-cosines) if index > 2 and tokens[index] != "i3"][:4]
    assert model.similar(["i3"], top=4).to_pylist()[0]["items"] == expected


def test_user_who_has_seen_everything_has_no_items(folders):
    everything = {"user": ["u1"] * 10, "item": [f"i{number}" for number in range(10)]}
    found = load(folders, "ratings").recommend(["u1"], seen=everything).to_pylist()
    assert found == [{"items": [], "ratings": [], "reason": "no item is left to recommend"}]


def test_users_in_a_list_are_read_like_those_of_a_table(tmp_path):
    table = {"user": [1, 2, 3] * 4, "item": [5, 6] * 6, "stars": [1.0, 2.0, 5.0] * 4}
    train_ratings(table, ["user", "item"], "stars", dim=2, schedule=Schedule(epochs=1)).save(tmp_path / "ratings")
    model = tokemb.load_trained(tmp_path / "ratings")
    for users in ([1.0, float("nan")], np.array([1.0, np.nan]), ["1", None], [1, None]):
        assert model.recommend(users)["reason"].to_pylist() == [None, "user is missing"]
    assert model.recommend([1, "2"])["reason"].to_pylist() == [None, None]


def test_no_users_and_no_items_have_no_recommendations(folders):
    model = load(folders, "ratings")
    assert model.recommend([]).column_names == ["items", "ratings", "reason"]
    assert len(model.recommend([])) == len(model.similar([])) == 0


# Folders and options


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("classify", {"observed": True}, "observed must be left out: .* holds a classifier"),
        ("ratings", {"top": 3}, "top must be left out: .* holds a model of ratings"),
        ("next", {"top": 3, "observed": True}, "top must be left out with observed=True"),
        ("classify", {"top": 0}, "top must be an integer of at least 1"),
        ("ratings", {"unknown": "zero"}, "unknown must be one of missing, average"),
    ],
)
def test_option_of_another_task_is_an_error(folders, name, options, message):
    with pytest.raises(ArgumentError, match=message):
        load(folders, name).predict([], **options)


@pytest.mark.parametrize("name", ["binary", "numbers", "next", "tracing", "ratings", "skipgram"])
def test_model_of_a_folder_is_loaded_by_keras(folders, name):
    import keras

    model = keras.models.load_model(folders / name / "model.keras")
    assert model.count_params() == load_folder(folders / name).model.count_params()


def test_folder_that_another_training_replaces_while_it_is_loaded_is_an_error(folders, tmp_path, monkeypatch):
    shutil.copytree(folders / "binary", tmp_path / "binary")

    def replace_first(path):
        (tmp_path / "binary").rename(tmp_path / "old")
        shutil.copytree(folders / "binary", tmp_path / "binary")
        return load_model(path)

    load_model = tokemb.training.trained.load_model
    monkeypatch.setattr("tokemb.training.trained.load_model", replace_first)
    with pytest.raises(ModelError, match="binary was replaced while it was loaded: load it again when no training"):
        load_folder(tmp_path / "binary")


def test_folder_of_another_kind_is_an_error(folders, tmp_path):
    with pytest.raises(ModelError, match="skip-gram vectors, which predict nothing"):
        load(folders, "skipgram").predict(["a"])
    with pytest.raises(ModelError, match="recommended by a model of ratings; .* holds a classifier"):
        load(folders, "classify").recommend(["u1"])
    with pytest.raises(ModelError, match="is not the folder of a training"):
        tokemb.load_trained(tmp_path)


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("classify", {"settings": {}}, "no valid setting head"),
        ("classify", {"settings": {"head": "mean", "maxlen": [3]}}, "no valid setting maxlen"),
        ("classify", {"settings": {"head": "mean", "maxlen": 3, "label_separator": 1}}, "no valid setting label_separ"),
        ("classify", {"classes": ["a", 1]}, "no valid classes"),
        ("classify", {"classes": ["a", "a", "b"]}, "no valid classes"),
        ("binary", {"classes": [0, True]}, "no valid classes"),
        ("binary", {"classes": [0, 1 << 64]}, "no valid classes"),
        ("binary", {"classes": ["a", "\ud800"]}, "no valid classes"),
        ("binary", {"training": {"history": 1}}, "no valid training"),
        ("binary", {"classes": [0, 1, 2]}, "its model has 1 outputs, and training.json describes 3"),
        ("next", {"settings": {"maxlen": None}}, "no valid setting maxlen"),
        ("ratings", {"settings": {}}, "no valid setting rating"),
    ],
)
def test_folder_whose_report_was_changed_is_an_error(folders, tmp_path, name, change, message):
    folder = tmp_path / "changed"
    shutil.copytree(folders / name, folder)
    report = read_report(folder) | change
    (folder / "training.json").write_text(json.dumps(report))
    with pytest.raises(ModelError, match=message):
        tokemb.load_trained(folder)


def test_model_of_answers_without_their_history_is_an_error(folders, tmp_path):
    import keras

    folder = tmp_path / "earlier"
    shutil.copytree(folders / "tracing", folder)
    name = keras.models.load_model(folder / "model.keras", compile=False).name
    inputs = [keras.Input((None,), dtype="int32", name=each) for each in ("answers", "next_skill")]
    keras.Model(inputs, inputs[0] + inputs[1], name=name).save(folder / "model.keras")
    with pytest.raises(ModelError, match="earlier holds a model of an earlier tokemb, without the input 'history'"):
        tokemb.load_trained(folder)


def test_end_of_a_sequence_is_no_candidate_of_the_ranks_of_last_events(folders, monkeypatch):
    predictor = load(folders, "marks").predictor()
    ids = predictor.encode(pa.array(SEQUENCES, pa.large_string()))
    expected = predictor.last_ranks(ids)
    end, last = predictor._marks.end, predictor._scorer.last

    def with_probable_end(history):
        for rows, scores in last(history):
            scores[:, end] = np.inf
            yield rows, scores

    monkeypatch.setattr(predictor._scorer, "last", with_probable_end)
    np.testing.assert_array_equal(predictor.last_ranks(ids), expected)


# Files


def write_texts(path, rows):
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("id", "text"), *enumerate(rows)])


@pytest.mark.parametrize("suffix", [".parquet", ".jsonl", ".csv"])
def test_file_has_the_predictions_and_kept_columns_of_all_rows(folders, tmp_path, suffix):
    rows = [*TEXTS, "."]
    write_texts(tmp_path / "new.csv", rows)
    model = load(folders, "classify")
    output = tmp_path / f"predicted{suffix}"
    report = tokemb.predict_file(tmp_path / "new.csv", model.predictor(top=2), output, column="text", keep=["id"])
    assert str(report) == "91 rows read and written, 1 of them could not be predicted"
    expected = model.predict(rows, top=2).to_pylist()
    if suffix == ".parquet":
        found = pq.read_table(output).to_pylist()
    elif suffix == ".jsonl":
        found = [json.loads(line) for line in output.read_text().splitlines()]
    else:
        with output.open(newline="") as file:
            found = [
                {name: json.loads(text) if "s" in name[-1] and text else text or None for name, text in row.items()}
                for row in csv.DictReader(file)
            ]
    assert [row["prediction"] for row in found] == [row["prediction"] for row in expected]
    assert [row["predictions"] for row in found] == [row["predictions"] for row in expected]
    assert [row["reason"] for row in found] == [row["reason"] for row in expected]
    assert [int(row["id"]) for row in found] == list(range(91))
    probabilities = [float(row["probability"]) for row in found[:-1]]
    np.testing.assert_allclose(probabilities, [row["probability"] for row in expected[:-1]], rtol=1e-5)


def read_predictions(path):
    """Read the labels of a CSV file of predictions, and its numbers."""
    rows = list(csv.DictReader(path.read_text().splitlines()))
    return [row["prediction"] for row in rows], [float(row["probability"]) for row in rows]


def test_shards_are_resumed(folders, tmp_path):
    write_texts(tmp_path / "new.csv", TEXTS)
    predictor = load(folders, "classify").predictor()
    arguments = {"column": "text", "rows_per_shard": 40, "shard_format": "csv"}
    tokemb.predict_file(tmp_path / "new.csv", predictor, tmp_path / "shards", **arguments)
    names = [f"part-0000{number}.csv" for number in range(3)]
    before = [read_predictions(tmp_path / "shards" / name) for name in names]
    (tmp_path / "shards" / names[1]).unlink()
    report = tokemb.predict_file(tmp_path / "new.csv", predictor, tmp_path / "shards", **arguments)
    assert (report.read, report.rows) == (90, 50)
    for (labels, probabilities), name in zip(before, names, strict=True):
        again = read_predictions(tmp_path / "shards" / name)
        assert again[0] == labels
        np.testing.assert_allclose(again[1], probabilities, rtol=1e-5)  # rows share batches with other rows
    with pytest.raises(OutputExistsError):
        tokemb.predict_file(tmp_path / "new.csv", load(folders, "binary").predictor(), tmp_path / "shards", **arguments)


@pytest.mark.parametrize(
    ("suffix", "rows", "keep", "message"),
    [
        (".csv", [], [], "the input has no rows"),
        (".npz", TEXTS, [], "the output must end in one of .parquet, .jsonl, .csv"),
    ],
)
def test_nothing_is_written_after_an_error(folders, tmp_path, suffix, rows, keep, message):
    write_texts(tmp_path / "new.csv", rows)
    output = tmp_path / f"predicted{suffix}"
    with pytest.raises(ArgumentError, match=message):
        tokemb.predict_file(
            tmp_path / "new.csv", load(folders, "classify").predictor(), output, column="text", keep=keep
        )
    assert not output.exists()


def test_kept_column_with_the_name_of_a_prediction_is_an_error(folders, tmp_path):
    (tmp_path / "new.csv").write_text("text,prediction\ngood film,1\n")
    with pytest.raises(ArgumentError, match="cannot be called 'prediction'"):
        tokemb.predict_file(
            tmp_path / "new.csv",
            load(folders, "classify").predictor(),
            tmp_path / "p.csv",
            column="text",
            keep=["prediction"],
        )


def test_only_a_parquet_file_of_predictions_is_replaced(folders, tmp_path):
    write_texts(tmp_path / "new.csv", TEXTS)
    predictor = load(folders, "classify").predictor()
    for _ in range(2):
        tokemb.predict_file(tmp_path / "new.csv", predictor, tmp_path / "p.parquet", column="text")
    pq.write_table(pa.table({"text": TEXTS}), tmp_path / "t.parquet")
    with pytest.raises(OutputExistsError):
        tokemb.predict_file(tmp_path / "new.csv", predictor, tmp_path / "t.parquet", column="text")


def run(*arguments):
    result = CliRunner().invoke(cli, list(map(str, arguments)))
    return result.exit_code, result.stdout, result.stderr


def test_commands_write_what_python_returns(folders, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "users.csv").write_text("user\nu1\nnobody\n")
    with (tmp_path / "answers.csv").open("w", newline="") as file:
        rows = [("student", "skill", "correct"), ("s1", 1, 1), ("s2", 2, 0), ("s1", 3, 0)]
        csv.writer(file).writerows(rows)
    code, _, error = run(
        "predict",
        folders / "tracing",
        "answers.csv",
        "--group-by",
        "student",
        "--keep",
        "student",
        "-o",
        "skills.parquet",
    )
    assert code == 0, error
    found = pq.read_table("skills.parquet").to_pylist()
    expected = load(folders, "tracing").predict({"skill": [[1, 3], [2]], "correct": [[1, 0], [0]]}).to_pylist()
    assert [row.pop("student") for row in found] == ["s1", "s2"]
    assert found == expected
    code, _, error = run("recommend", folders / "ratings", "users.csv", "--top", 2, "-o", "items.parquet")
    assert code == 0, error
    assert (
        pq.read_table("items.parquet").to_pylist()
        == load(folders, "ratings").recommend(["u1", "nobody"], top=2).to_pylist()
    )


def test_commands_name_options_in_errors(folders, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "answers.csv").write_text("skill,correct\n1,1\n")
    for arguments, message in [
        (["predict", folders / "tracing", "answers.csv", "-o", "p.csv"], "make them with --group-by"),
        (["predict", folders / "classify", "answers.csv", "--observed", "-o", "p.csv"], "--observed must be left out"),
        (["recommend", folders / "classify", "answers.csv", "-o", "p.csv"], "holds a classifier"),
    ]:
        code, _, error = run(*arguments)
        assert code != 0
        assert message in error
    assert not (tmp_path / "p.csv").exists()


@pytest.mark.parametrize("command", ["predict", "recommend"])
def test_folder_of_the_training_is_not_replaced_by_the_output(folders, tmp_path, command):
    pairs, folder = tmp_path / "pairs.csv", folders / "ratings"
    pairs.write_text("user,item\nu1,i1\n")
    before = sorted(path.name for path in folder.iterdir())
    code, _, error = run(command, folder, pairs, "--rows-per-shard", 5, "--force", "-o", folder)
    assert code == 1
    assert "name a new folder" in error
    assert sorted(path.name for path in folder.iterdir()) == before
