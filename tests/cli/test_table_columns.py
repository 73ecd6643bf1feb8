"""Tests of commands with texts, categories, lists and numbers in one table."""

from __future__ import annotations

import numpy as np
import pytest

import tokemb
from tests.conftest import command_here, tokemb_command

pytestmark = pytest.mark.slow

BOOKS = "title,shop,genres,price\nGood tea,x,food|new,2.5\nTea,y,,\nDogs,x,new,10\n"
KINDS = "--text title --category shop --multi genres=| --number price"


@pytest.fixture
def at(tmp_path):
    (tmp_path / "books.csv").write_text(BOOKS)
    return tmp_path


def run(at, command, code=0, run_command=command_here):
    done = run_command(*command.split(), cwd=at)
    assert done.returncode == code, done.stderr.decode()
    return " ".join(done.stderr.decode().split())


def test_commands_give_the_arrays_of_python(at):
    run(at, f"fit-vocab books.csv {KINDS} --min-count 1 --ngrams 2 --quiet -o books", run_command=tokemb_command)
    encoder = tokemb.ColumnEncoder.load(at / "books")
    kinds = {"texts": ["title"], "columns": ["shop"], "multi": {"genres": "|"}, "numbers": ["price"]}
    fitted = tokemb.ColumnEncoder.fit(at / "books.csv", **kinds, ngrams=2)
    assert encoder.fingerprint == fitted.fingerprint
    shown = run(at, "encode books.csv --vocab books --keep price2 -o ids.npz", code=1)
    assert "has no column 'price2'" in shown
    run(at, "encode books.csv --vocab books -o ids.npz")
    with np.load(at / "ids.npz") as arrays:
        for name, ids in fitted.encode(at / "books.csv").items():
            np.testing.assert_array_equal(arrays[name], ids)
    (at / "bad.csv").write_text(BOOKS.replace("10\n", "ten\n"))
    shown = run(at, "encode bad.csv --vocab books -o bad.npz", code=1)
    assert "bad.csv, row 3 has 'ten' in the column 'price', which must hold finite numbers" in shown
    assert not (at / "bad.npz").exists()


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        ("--text title --multi genres", 1, "books.csv, row 1 has 'food|new' in the column 'genres', which must hold"),
        ("--text title --multi genres", 1, "if values have a separator, name it with --multi NAME[=SEPARATOR]"),
        ("--category shop --number title", 1, "books.csv, row 1 has 'Good tea' in the column 'title', which must hold"),
        ("--text nothing", 1, "books.csv has no column 'nothing'"),
        ("--number price", 2, "--number requires a column of --text, --category or --multi beside"),
        ("--text title --category shop,title", 2, "received 'title' more than once"),
        ("--multi genres=| --multi genres=;", 2, "received 'genres' more than once"),
        ("--text title --column shop", 2, "--column must be left out with --text, --category, --multi and --number"),
        ("--text title --group-by shop", 2, "--group-by must be left out with --text"),
        ("--text title --multi genres=", 2, "with a separator that is not empty; received 'genres='"),
        ("--text title --start [BOS]", 2, "--start is for vocabularies of texts; a folder of columns does not"),
        ("--category shop --ngrams 2", 2, "--ngrams is for vocabularies of texts; values of columns are not split"),
    ],
)
def test_invalid_columns_are_one_sentence_and_write_nothing(at, options, code, message):
    assert message in run(at, f"fit-vocab books.csv {options} -o columns", code=code)
    assert [path.name for path in at.iterdir()] == ["books.csv"]


@pytest.mark.parametrize(
    ("options", "kind"),
    [
        ("--text title", "texts"),
        ("--multi genres=|", "lists in cells"),
        ("--category shop --number price", "numbers"),
    ],
)
def test_groups_of_texts_lists_and_numbers_are_an_error(at, options, kind):
    # Whole texts would be looked up as values, and would be out of vocabulary.
    run(at, f"fit-vocab books.csv {options} -o books")
    shown = run(at, "encode books.csv --vocab books --group-by shop -o ids.npz", code=2)
    assert f"holds {kind}: only values of categories can be grouped" in shown
    assert not (at / "ids.npz").exists()


def test_groups_of_json_lists_are_an_error(at):
    (at / "posts.csv").write_text('shop,tags,day\nx,"[""a"", ""b""]",1\nx,"[]",2\n')
    run(at, "fit-vocab posts.csv --multi tags -o posts")
    shown = run(at, "encode posts.csv --vocab posts --group-by shop -o ids.npz", code=2)
    assert "holds lists in cells: only values of categories can be grouped" in shown
    # The events of a group are lists too, but each is in a row of its own.
    run(at, "fit-vocab posts.csv --column tags --column day --group-by shop -o events")
    run(at, "encode posts.csv --vocab events --group-by shop -o ids.npz")


def test_kept_column_that_is_encoded_too_has_the_ids_of_its_texts(at):
    """``--keep`` reads numbers, and 2.0 as a number would be the token 2."""
    (at / "x.csv").write_text("size,ok,shop\n2.0,1,7\n2.50,0,7\n2.0,0,8\n")
    run(at, "fit-vocab x.csv --column size,ok --column shop,ok --quiet -o v")
    run(at, "encode x.csv --vocab v --quiet -o a.npz")
    run(at, "encode x.csv --vocab v --keep size,shop --quiet -o b.npz")
    tokemb.encode_file(at / "x.csv", at / "v", at / "c.npz", keep=["size", "shop"])
    with np.load(at / "a.npz") as without, np.load(at / "b.npz") as kept, np.load(at / "c.npz") as of_python:
        for name in ("size_ok", "shop_ok"):
            np.testing.assert_array_equal(kept[name], without[name])
            np.testing.assert_array_equal(of_python[name], without[name])
        assert kept["size"].tolist() == of_python["size"].tolist() == ["2.0", "2.50", "2.0"]
        assert kept["shop"].tolist() == of_python["shop"].tolist() == [7, 7, 8]


@pytest.mark.parametrize("options", ["--keep correct", "--keep correct,time", ""])
def test_ids_of_a_column_are_the_same_if_it_is_kept(at, options):
    (at / "answers.csv").write_text("user,time,skill,correct\na,1,3,1.0\na,2,4,0.0\nb,1,3,0.0\n")
    run(at, "fit-vocab answers.csv --column skill,correct --column skill -o answers.cols")
    run(at, f"encode answers.csv --vocab answers.cols {options} -o ids.npz")
    with np.load(at / "ids.npz") as arrays:
        assert arrays["skill_correct"].tolist() == [4, 5, 3]
        if options:
            assert arrays["correct"].tolist() == ["1.0", "0.0", "0.0"]


def test_events_are_the_same_if_they_sort_the_rows(at):
    (at / "answers.csv").write_text("user,time,skill\na,1,3.0\na,2,4.0\nb,1,3.0\n")
    run(at, "fit-vocab answers.csv --column skill --group-by user --order-by time -o skills.vocab")
    run(at, "encode answers.csv --vocab skills.vocab --column skill --group-by user --order-by time,skill -o ids.npy")
    assert np.load(at / "ids.npy").tolist() == [[2, 3], [2, 0]]
