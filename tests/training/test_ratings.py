"""``tokemb train ratings`` and ``train_ratings``, on ratings of which it is known what can be told of them."""

from __future__ import annotations

import json

import numpy as np
import pyarrow as pa
import pytest

from tests.conftest import command_here, eagerly, ok
from tokemb.errors import ArgumentError, TextError
from tokemb.sources import texts
from tokemb.tables import ColumnEncoder
from tokemb.training.baselines import Biases
from tokemb.training.column_vectors import training_vectors
from tokemb.training.load import load_trained
from tokemb.training.ratings import parse_ratings, train_ratings
from tokemb.training.ratings_model import fill_unseen, penalized, rating_model, training_model
from tokemb.training.schedule import Schedule

pytestmark = pytest.mark.keras

USERS, ITEMS, ROWS, NOISE = 150, 100, 12_000, 0.3


def low_rank(rows, seed=0):
    """Ratings of rank 3 and noise: users, items, ratings, (rows,) each."""
    tastes = np.random.default_rng(0)
    user_factors, item_factors = tastes.normal(size=(USERS, 3)), tastes.normal(size=(ITEMS, 3)) / np.sqrt(3)
    user_bias, item_bias = tastes.normal(size=USERS) * 0.3, tastes.normal(size=ITEMS) * 0.3
    random = np.random.default_rng(seed + 1)
    user, item = random.integers(0, USERS, rows), random.integers(0, ITEMS, rows)
    told = 3.5 + (user_factors[user] * item_factors[item]).sum(axis=1) + user_bias[user] + item_bias[item]
    return user, item, told + random.normal(size=rows) * NOISE


def table(rows, seed=0):
    user, item, rating = low_rank(rows, seed)
    return pa.table({"user": user, "item": item, "rating": rating})


def write(path, rows, seed):
    lines = [f"u{u}\t{i}\t{r:.4f}\t88{n}\n" for n, (u, i, r) in enumerate(zip(*low_rank(rows, seed), strict=True))]
    path.write_text("".join(lines))


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """What the command makes of a file that is laid out as MovieLens' u.data."""
    here = tmp_path_factory.mktemp("ratings")
    write(here / "u.data", ROWS, 0)
    write(here / "u.test", 3000, 1)
    arguments = "--format tsv --no-header --column 0 --column 1 --rating 2 --test u.test --dim 3 -o stars"
    run = ok(command_here("train", "ratings", "u.data", *arguments.split(), cwd=here))
    return here, run.stderr.decode(), json.loads((here / "stars" / "training.json").read_text())


def test_it_comes_near_the_noise(trained):
    _, _, report = trained
    metrics = report["metrics"]
    assert (metrics["on"], metrics["rows"]) == ("test", 3000)
    assert 0.95 * NOISE < metrics["rmse"] < 1.1 * NOISE
    assert metrics["mae"] < metrics["rmse"] < metrics["rmse_of_mean"] / 3
    assert report["training"]["rows_per_second"] > 0


def test_the_command_says_what_is_in_the_report(trained):
    _, said, report = trained
    lines = said.splitlines()
    assert "metrics    on the test file:" in lines
    assert ["rmse", str(report["metrics"]["rmse"])] in [line.split() for line in lines]
    assert lines[-1] == "wrote      stars"


def test_the_model_is_plain_keras_and_goes_with_its_columns(trained):
    import keras

    here, _, report = trained
    model = keras.models.load_model(here / "stars" / "model.keras")
    columns = ColumnEncoder.load(here / "stars" / "vocabulary")
    assert {tensor.name: tensor.dtype for tensor in model.inputs} == {"0": "int32", "1": "int32"}
    assert model.get_layer("0_embedding").embeddings.shape == (columns.input_dims["0"], 3)
    user, item, rating = low_rank(3000, 1)
    ids = columns.encode({"0": [f"u{u}" for u in user], "1": item})
    off = model.predict(ids, verbose=0)[:, 0] - np.round(rating, 4)
    assert np.sqrt((off**2).mean()) == pytest.approx(report["metrics"]["rmse"], abs=1e-3)


def test_somebody_unknown_is_predicted_what_users_are_on_average(trained):
    import keras

    here, _, _ = trained
    model = keras.models.load_model(here / "stars" / "model.keras")
    columns = ColumnEncoder.load(here / "stars" / "vocabulary")
    users = [*range(USERS)]
    of_all = model.predict(columns.encode({"0": [f"u{u}" for u in users], "1": [7] * USERS}), verbose=0)
    of_unknown = model.predict(columns.encode({"0": ["nobody", None], "1": [7, 7]}), verbose=0)
    assert of_unknown[:, 0] == pytest.approx(of_all.mean(), abs=1e-3)
    assert of_all.std() > 0.3


def test_the_rows_that_training_did_not_meet_get_the_mean_of_those_that_it_did():
    columns = ColumnEncoder.fit({"a": ["x", "y", "z"], "b": [1, 2, 3]})
    model = rating_model(columns, (3.0, 1.0), dim=2, seed=1)
    before = model.get_layer("a_embedding").get_weights()[0]
    fill_unseen(model, {"a": np.array([3, 4, 4], np.int32), "b": np.array([3, 4, 5], np.int32)})
    after = model.get_layer("a_embedding").get_weights()[0]
    assert after[[3, 4]].tolist() == before[[3, 4]].tolist()
    assert np.allclose(after[[0, 1, 2, 5]], before[[3, 4]].mean(axis=0))


def test_penalty_counts_rows_and_does_not_change_the_loss():
    import keras

    columns = ColumnEncoder.fit({"a": ["x", "y"], "b": [1, 2]})
    model = rating_model(columns, (0.0, 1.0), dim=2, seed=1)
    trained = training_model(model, 0.5)
    trained.compile(keras.optimizers.SGD(1.0), penalized)
    ids = {"a": np.array([3, 3, 3, 4], np.int32), "b": np.array([3, 4, 3, 4], np.int32)}
    # Ratings without errors but with an equal noise above and below leave the penalty as the only gradient.
    noise = np.array([1, 1, -1, -1], np.float32)
    ratings = model.predict(ids, verbose=0)[:, 0] + noise
    before = model.get_layer("a_bias").get_weights()[0] + 1
    model.get_layer("a_bias").set_weights([before])
    loss = trained.evaluate(ids, ratings + 1, verbose=0)
    assert loss == pytest.approx(1)
    trained.train_on_batch(ids, ratings + 1)
    after = model.get_layer("a_bias").get_weights()[0]
    errors = np.array([noise[:3].sum(), noise[3]])
    assert after[[3, 4], 0] == pytest.approx(1 + 2 / 4 * errors - 2 / 4 * 0.5 / 4 * np.array([3, 1]), rel=1e-5)


def test_biases_are_the_regularized_means_of_balanced_ratings():
    ids = {"user": np.repeat([0, 1], 40).astype(np.int32), "item": np.tile([0, 1], 40).astype(np.int32)}
    biases = Biases.fit(ids, np.where(ids["user"] == 0, 2.0, 4.0), {"user": 3, "item": 2})
    assert biases.mean == 3
    assert biases.biases["user"] == pytest.approx([-40 / 50, 40 / 50, 0])
    assert biases.biases["item"] == pytest.approx([0, 0])
    assert biases.predict({"user": np.array([1]), "item": np.array([0])}) == pytest.approx([3.8])


def test_model_that_does_not_beat_the_biases_says_so(tmp_path):
    random = np.random.default_rng(0)
    user, item = random.integers(0, 40, 600), random.integers(0, 40, 600)
    lines = [f"{u},{i},{u % 5 + random.normal():.2f}\n" for u, i in zip(user, item, strict=True)]
    (tmp_path / "r.csv").write_text("user,item,stars\n" + "".join(lines))
    arguments = "train ratings r.csv --column user --column item --rating stars --epochs 1 -o stars".split()
    run = ok(command_here(*arguments, cwd=tmp_path))
    report = json.loads((tmp_path / "stars" / "training.json").read_text())
    assert report["metrics"]["rmse_of_biases"] < report["metrics"]["rmse"]
    assert "the model does not beat the biases of users and items: RMSE" in report["notes"][0]
    assert f"note       {report['notes'][0]}" in run.stderr.decode().splitlines()


@eagerly
def test_a_seed_repeats_a_training_and_another_does_not():
    rows = table(150)
    figures = [
        train_ratings(
            rows, ["user", "item"], "rating", dim=2, schedule=Schedule(epochs=1, seed=seed, refit=False)
        ).metrics["rmse"]
        for seed in (3, 3, 4)
    ]
    assert figures[0] == figures[1] != figures[2]


def test_a_dense_head_learns_too():
    schedule = Schedule(epochs=15, batch_size=256, learning_rate=0.01, refit=False)
    made = train_ratings(table(ROWS), ["user", "item"], "rating", head="dense", dim=4, schedule=schedule)
    assert {"user_embedding", "item_embedding", "hidden"} <= {layer.name for layer in made.model.layers}
    assert made.metrics["rmse"] < 0.7 * made.metrics["rmse_of_mean"]


@pytest.mark.parametrize("head", ["dot", "dense"])
def test_bounds_are_kept_and_a_model_starts_at_the_mean(head):
    columns = ColumnEncoder.fit({"a": ["x", "y"], "b": [1, 2], "c": [1, 2]})
    model = rating_model(columns, (2.0, 1.0), head=head, rating_range=(1.0, 5.0), seed=0)
    ids = {name: np.array([3, 4], np.int32) for name in "abc"}
    assert model.predict(ids, verbose=0)[:, 0] == pytest.approx([2, 2], abs=0.2)
    for layer in model.layers:
        layer.set_weights([weights + 9 for weights in layer.get_weights()])
    assert model.predict(ids, verbose=0)[:, 0] == pytest.approx([5, 5])


def test_three_columns_are_multiplied_in_pairs():
    columns = ColumnEncoder.fit({"a": ["x"], "b": ["x"], "c": ["x"]})
    model = rating_model(columns, (10.0, 2.0), dim=1, seed=0)
    for name, factor in (("a", 2.0), ("b", 3.0), ("c", 5.0)):
        model.get_layer(f"{name}_embedding").set_weights([np.full((4, 1), factor)])
        model.get_layer(f"{name}_bias").set_weights([np.full((4, 1), 0.5)])
    ids = {name: np.array([3], np.int32) for name in "abc"}
    assert model.predict(ids, verbose=0).tolist() == [[10 + 2 * (6 + 10 + 15 + 1.5)]]


# Both heads name the layers of columns alike, and their other layers differently.
@eagerly
@pytest.mark.parametrize(
    ("names", "head"),
    [
        (("user id", "user_id"), "dot"),
        (("日本", "x"), "dense"),
        (("a", "a_embedding"), "dot"),
        (("a", "a_bias"), "dot"),
        (("score", "rating", "hidden"), "dot"),
        (("score", "rating", "hidden"), "dense"),
    ],
)
def test_names_of_columns_are_free(tmp_path, names, head):
    """TensorFlow and Keras restrict the names of layers."""
    rows = {name: [f"{name}{row % (3 + n)}" for row in range(12)] for n, name in enumerate(names)}
    rows["stars"] = list(range(12))
    trained = train_ratings(rows, names, "stars", head=head, dim=2, units=2, schedule=Schedule(epochs=1, refit=False))
    trained.save(tmp_path / "m")
    loaded = load_trained(tmp_path / "m")
    assert loaded.predict(rows).num_rows == 12
    for name in names:
        assert len(training_vectors(tmp_path / "m", name).tokens) == 3 + len(set(rows[name]))
    if len(names) == 2:
        assert loaded.recommend(rows[names[0]]).num_rows == 12
        assert loaded.similar(rows[names[1]]).num_rows == 12


@eagerly
def test_ratings_that_begin_with_integers_can_be_fractions_in_later_blocks(tmp_path, monkeypatch):
    lines = [f"u{row % 5},i{row % 7},{5 if row < 20 else 2.5}\n" for row in range(40)]
    (tmp_path / "rows.csv").write_text("".join(["user,item,stars\n", *lines]))
    monkeypatch.setattr(texts, "BATCH_BYTES", 100)
    columns = ("--column", "user", "--column", "item", "--rating", "stars")
    ok(command_here("train", "ratings", "rows.csv", *columns, "--epochs", 1, "--dim", 2, "-o", "stars", cwd=tmp_path))
    found = json.loads(ok(command_here("evaluate", "stars", "rows.csv", "--json", cwd=tmp_path)).stdout)
    assert found == load_trained(tmp_path / "stars").evaluate(tmp_path / "rows.csv").metrics
    with pytest.raises(TextError, match="row 2 has no number in the column 'stars'"):
        parse_ratings(pa.chunked_array([["1.5", "", "3"]]), "stars")


def test_ratings_that_are_none_are_errors():
    rows = {"user": ["a", "b"], "item": [1, 2], "rating": [1.0, None]}
    with pytest.raises(TextError, match="row 2 has no number in the column 'rating'"):
        train_ratings(rows, ["user", "item"], "rating")
    with pytest.raises(TextError, match="must be numbers; row"):
        train_ratings({**rows, "rating": ["good", "bad"]}, ["user", "item"], "rating")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"head": "deep"}, "head must be one of dot, dense"),
        ({"rating_range": (3, 9)}, "around the mean rating, 2"),
        ({"l2": -1}, "l2 must be a finite number of at least 0"),
        ({"columns": ["user"]}, "at least two columns"),
        ({"columns": ["user", "rating"]}, "rating must not be one of the columns"),
        ({"columns": ["user", "items"]}, "'items' hold lists"),
    ],
)
def test_settings_that_cannot_be(settings, message):
    rows = {"user": ["a", "b", "a"], "item": [1, 2, 3], "items": [["x"], ["y"], []], "rating": [1, 2, 3]}
    told = {"columns": ["user", "item"], "schedule": Schedule(validation_split=0), **settings}
    with pytest.raises(ArgumentError, match=message):
        train_ratings(rows, rating="rating", **told)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("--column a", b"repeat --column"),
        ("--column a --column b --group-by a", b"ratings are rows, not sequences: leave out --group-by"),
    ],
)
def test_wrong_usage(tmp_path, arguments, message):
    (tmp_path / "r.csv").write_text("a,b,r\n1,2,3\n")
    run = command_here("train", "ratings", "r.csv", *arguments.split(), "--rating", "r", "-o", "out", cwd=tmp_path)
    assert run.returncode == 2
    assert message in run.stderr
    assert not (tmp_path / "out").exists()
