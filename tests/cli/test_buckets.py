"""Tests of OOV buckets and of hashing on the command line."""

from __future__ import annotations

import json

import numpy as np
import pytest

import tokemb
from tests.conftest import command_here, ok, tokemb_command

pytestmark = pytest.mark.slow

TEXTS = ["deep learning is deep", "deep waters are still", "learning to swim"]
RATINGS = "user,item\nu1,x\nu2,y\nu1,\nu3,y\n"


@pytest.fixture
def at(tmp_path):
    (tmp_path / "texts.txt").write_text("\n".join(TEXTS) + "\n")
    (tmp_path / "ratings.csv").write_text(RATINGS)
    return tmp_path


def run(at, command, code=0):
    done = command_here(*command.split(), cwd=at)
    assert done.returncode == code, done.stderr.decode()
    return done


def test_vocabulary_with_buckets_is_fitted_inspected_and_used(at):
    done = ok(tokemb_command(*"fit-vocab texts.txt --min-count 2 --oov-buckets 3 -o v".split(), cwd=at))
    lines = done.stderr.decode().splitlines()
    assert lines[1:4] == [
        "kept       2 tokens, covering 45.45% of the text",
        "buckets    3 buckets of the hash farmhash64 for 6 distinct tokens; 50.00% of their occurrences share the id "
        "of a more frequent token",
        "input_dim  6 = the tokens + 4 reserved (0 is padding, 1 to 3 [UNK])",
    ]
    description = json.loads(run(at, "inspect v --json").stdout)
    assert description["buckets"] == {
        "count": 3,
        "hash": "farmhash64",
        "salt": None,
        "tokens": 6,
        "occurrences": 6,
        "used": 3,
        "collision_rate": 0.5,
    }
    run(at, "encode texts.txt --vocab v -o ids.npy")
    assert (np.load(at / "ids.npy") == tokemb.fit_vocab(TEXTS, min_count=2, num_oov_buckets=3).encode(TEXTS)).all()


def test_standard_input_is_hashed_without_a_vocabulary(at):
    arguments = "encode - --hash 100 --salt 1,2 --profile whitespace --maxlen 5 -o -".split()
    done = ok(tokemb_command(*arguments, cwd=at, input=(at / "texts.txt").read_bytes()))
    expected = tokemb.Encoder.hashing(100, salt=(1, 2), profile="whitespace").encode(TEXTS, maxlen=5)
    assert [json.loads(line)["ids"] for line in done.stdout.splitlines()] == expected.tolist()
    assert b"11 tokens, all of them hashed" in done.stderr


def test_ngrams_have_buckets_and_are_hashed(at):
    run(at, "fit-vocab texts.txt --ngrams 2 --min-count 2 --oov-buckets 3 -o v")
    run(at, "encode texts.txt --vocab v -o ids.npy")
    expected = tokemb.fit_vocab(TEXTS, ngrams=2, min_count=2, num_oov_buckets=3).encode(TEXTS)
    assert (np.load(at / "ids.npy") == expected).all()
    run(at, "encode texts.txt --hash 50 --ngrams 1,3 -o hashed.npy")
    assert (np.load(at / "hashed.npy") == tokemb.Encoder.hashing(50, ngrams=(1, 3)).encode(TEXTS)).all()


def test_columns_have_buckets_and_are_hashed(at):
    columns = "ratings.csv --column user --column item"
    done = run(at, f"fit-vocab {columns} --min-count 2 --oov-buckets 3 -o c")
    assert "ids        0 is padding, then the buckets, missing, and the values by count" in done.stderr.decode()
    run(at, "encode ratings.csv --vocab c -o c.npz")
    expected = tokemb.ColumnEncoder.fit(at / "ratings.csv", min_count=2, num_oov_buckets=3).encode(at / "ratings.csv")
    with np.load(at / "c.npz") as arrays:
        assert all((arrays[name] == ids).all() for name, ids in expected.items())
    run(at, f"fit-vocab {columns} --hash 50 -o h")
    assert b"all values are hashed" in run(at, "encode ratings.csv --vocab h -o fitted.npz").stderr
    run(at, f"encode {columns} --hash 50 -o hashed.npz")
    with np.load(at / "fitted.npz") as fitted, np.load(at / "hashed.npz") as hashed:
        assert all((fitted[name] == hashed[name]).all() for name in fitted)


@pytest.mark.parametrize(
    ("command", "message"),
    [
        (
            "fit-vocab texts.txt --oov-buckets 3 --no-oov --profile keras",
            "--oov-buckets must be left out with --no-oov",
        ),
        (
            "fit-vocab texts.txt --oov-buckets 3 --algorithm bpe",
            "--oov-buckets must be left out unless --algorithm word",
        ),
        ("fit-vocab texts.txt --hash 9 --oov-buckets 3", "--hash must be left out with --oov-buckets 3"),
        ("fit-vocab texts.txt --hash 9 --max-size 3", "--max-size must be left out with --hash"),
        ("fit-vocab texts.txt --hash 1", "must be an integer from 2 to 2147483647; received 1"),
        ("fit-vocab texts.txt --salt 3", "--salt must be left out without --oov-buckets or --hash"),
        ("fit-vocab texts.txt --hash 9 --salt x", "must be an integer, or two with a comma between them; received x"),
        ("fit-vocab texts.txt --hash 9 --engine spark", "--engine spark does not support --hash"),
        ("fit-vocab ratings.csv --column user --column item --salt 3", "--salt must be left out without"),
        ("encode texts.txt", "pass either --vocab, the vocabulary to encode with, or --hash, which needs none"),
        ("encode texts.txt --vocab v --hash 9", "which needs none; received both"),
        ("encode texts.txt --vocab v --salt 9", "--salt is a property of the vocabulary"),
        ("encode texts.txt --vocab v --ngrams 2", "--ngrams is a property of the vocabulary"),
        ("encode ratings.csv --column user --column item --hash 9 --profile chars", "--profile is for texts"),
    ],
)
def test_contradictory_options_are_wrong_usage_and_nothing_is_written(at, command, message):
    done = run(at, f"{command} -o out.npz", code=2)
    assert message in done.stderr.decode()
    assert not (at / "out.npz").exists()
