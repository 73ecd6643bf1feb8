"""The embeddings of users, items, skills and events of training folders, in Python and on the command line."""

from __future__ import annotations

import json

import numpy as np
import pytest
from click.testing import CliRunner
from tokemb_cli.main import cli

from tokemb.errors import ArgumentError, TextError
from tokemb.training.column_vectors import read_names, training_vectors
from tokemb.training.load import load_trained

pytestmark = pytest.mark.keras

NAMES = {f"i{number}": f"Film, {'Part' if number < 2 else number}" for number in range(9)}


@pytest.fixture
def names_file(tmp_path):
    lines = [f'{value},"{name}",1999\n' for value, name in NAMES.items()]
    (tmp_path / "films.csv").write_text("item,title,year\n" + "".join(lines))
    return tmp_path / "films.csv"


def test_vectors_of_a_column_are_its_embeddings_under_their_names(folders, names_file):
    vectors = training_vectors(folders / "ratings", "item", read_names(names_file))
    folder = load_trained(folders / "ratings").folder
    assert vectors.matrix.tolist() == folder.model.get_layer("item_embedding").get_weights()[0].tolist()
    tokens = folder.columns.vocabularies["item"].vocabulary
    assert vectors.tokens[tokens.index("i5")] == "Film, 5"
    assert vectors.tokens[tokens.index("i0")] == "Film, Part [i0]"
    assert vectors.tokens[tokens.index("i9")] == "i9"
    assert vectors.counts[tokens.index("i3")] == 8
    assert not vectors.real[:3].any()
    assert vectors.real[3:].all()


@pytest.mark.parametrize(
    ("name", "column", "layer"),
    [
        ("dense", "user", "user_embedding"),
        ("tracing", "skill", "skill_embedding"),
        ("tracing", "skill_correct", "answer_embedding"),
        ("next", None, "token_embedding"),
        ("skipgram", None, "token_embedding"),
    ],
)
def test_each_training_with_embeddings_has_vectors(folders, name, column, layer):
    model = load_trained(folders / name).folder.model
    assert training_vectors(folders / name, column).matrix.tolist() == model.get_layer(layer).get_weights()[0].tolist()


@pytest.mark.parametrize(
    ("name", "column", "message"),
    [
        ("ratings", None, "column must be one of user, item"),
        ("ratings", "film", "received 'film'"),
        ("next", "item", "column must be left out"),
    ],
)
def test_column_that_does_not_belong_to_the_training_is_an_error(folders, name, column, message):
    with pytest.raises(ArgumentError, match=message):
        training_vectors(folders / name, column)


def test_names_of_one_column_are_an_error():
    with pytest.raises(TextError, match="two columns"):
        read_names({"item": ["a"]})


def run(*arguments):
    return CliRunner().invoke(cli, list(map(str, arguments)))


def test_commands_show_and_export_columns_of_a_training(folders, names_file, tmp_path):
    options = ("--column", "item", "--names", names_file)
    result = run("neighbors", folders / "ratings", "Film, 5", "-k", 3, "--json", *options)
    [found] = json.loads(result.output)
    similar = load_trained(folders / "ratings").similar(["i5"], top=3).to_pylist()[0]["items"]
    shown = {"i0": "Film, Part [i0]", "i1": "Film, Part [i1]", "i9": "i9"}
    assert [near["token"] for near in found["neighbors"]] == [shown.get(item, NAMES.get(item)) for item in similar]
    result = run("export-vectors", folders / "ratings", *options, "-o", tmp_path / "films.npz")
    assert result.exit_code == 0, result.output
    saved = np.load(tmp_path / "films.npz")
    assert saved["vectors"].shape == (10, 64)
    assert "Film, 5" in saved["tokens"]
    result = run("plot", folders / "ratings", *options, "--method", "pca", "-o", tmp_path / "map.html")
    assert "10 tokens" in result.output
    assert "<title>ratings: item" in (tmp_path / "map.html").read_text()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("{ratings}", "x"), "pass it as --column NAME"),
        (("{ratings}", "x", "--column", "item", "--vocab", "v"), "leave out --vocab"),
        (("v.txt", "x", "--column", "item"), "require the folder of a training"),
    ],
)
def test_wrong_use_of_column_is_one_sentence(folders, arguments, message):
    result = run("neighbors", *(argument.format(ratings=folders / "ratings") for argument in arguments))
    assert result.exit_code in (1, 2)
    assert message in result.output
