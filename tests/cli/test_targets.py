"""``encode --targets``: arrays of sequence-to-sequence training, shards that resume, and options that do not fit."""

from __future__ import annotations

import json

import numpy as np
import pyarrow.parquet as pq
import pytest

import tokemb
from tests.conftest import command_here, ok, tokemb_command

SOURCES, TARGETS = ["a b c", "b", "c c c c"], ["x y", "z z z", ""]
ENCODE = ("encode", "p.csv", "--column", "en", "--vocab", "en", "--targets", "de", "--target-vocab", "de")

TEXTS_AND_TARGETS = "--column en --targets de --target-vocab de"


@pytest.fixture
def here(tmp_path):
    rows = zip(SOURCES, TARGETS, range(3), strict=True)
    (tmp_path / "p.csv").write_text(
        "en,de,n,ids\n" + "".join(f"{source},{target},{n},0\n" for source, target, n in rows)
    )
    tokemb.fit_vocab(SOURCES, profile="whitespace").save(tmp_path / "en")
    tokemb.fit_vocab(TARGETS, profile="whitespace", start="<", end=">").save(tmp_path / "de")
    return tmp_path


def expected(here, maxlen=None, target_maxlen=None):
    """Return the arrays of the library by name."""
    targets = tokemb.Encoder.load(here / "de").encode_targets(TARGETS, maxlen=target_maxlen)
    return {"ids": tokemb.Encoder.load(here / "en").encode(SOURCES, maxlen=maxlen), **targets._asdict()}


def test_arrays_of_the_library_are_those_of_shifted_rows(here):
    encoder = tokemb.Encoder.load(here / "de")
    for maxlen in (None, 3, 7):
        rows = encoder.encode(TARGETS, maxlen=None if maxlen is None else maxlen + 1)
        targets = encoder.encode_targets(TARGETS, maxlen=maxlen)
        for array, other in zip(targets, (rows[:, :-1], rows[:, 1:], np.float32(rows[:, 1:] != 0)), strict=True):
            np.testing.assert_array_equal(array, other)
            assert array.dtype == other.dtype
    assert encoder.encode_targets([]).next_ids.shape == (0, 0)


def test_command_writes_the_arrays_of_the_library(here):
    run = ok(tokemb_command(*ENCODE, "--keep", "n", "-o", "s.npz", cwd=here))
    message = run.stderr.decode()
    assert "int32 ids (3, 4), decoder_ids (3, 4), next_ids (3, 4), weights (3, 4); 3 rows read and written" in message
    assert "8 tokens, 0.00% of them out of vocabulary, 0 rows truncated; targets: 5 tokens, 0.00% of them" in message
    with np.load(here / "s.npz") as written:
        assert written["n"].tolist() == [0, 1, 2]
        for name, array in expected(here).items():
            np.testing.assert_array_equal(written[name], array)


def test_lengths_of_both_texts_are_independent_and_truncation_is_counted(here):
    lengths = ("--maxlen", 3, "--padding", "pre", "--target-maxlen", 3, "--dtype", "uint16")
    run = ok(command_here(*ENCODE, *lengths, "-o", "s.npz", cwd=here))
    assert "8 tokens, 0.00% of them out of vocabulary, 1 rows truncated; targets: 5 tokens" in run.stderr.decode()
    assert run.stderr.decode().endswith("1 rows truncated\n")
    with np.load(here / "s.npz") as written:
        assert written["weights"].dtype == np.uint16
        arrays = expected(here, 3, 3) | {
            "ids": tokemb.Encoder.load(here / "en").encode(SOURCES, maxlen=3, padding="pre")
        }
        for name, array in arrays.items():
            np.testing.assert_array_equal(written[name], array)


@pytest.mark.parametrize("only", ["--maxlen", "--target-maxlen"])
def test_the_other_length_is_that_of_the_longest_row(here, only):
    ok(command_here(*ENCODE, only, 6, "-o", "s.jsonl", cwd=here))
    lengths = {"maxlen": 6} if only == "--maxlen" else {"target_maxlen": 6}
    arrays = expected(here, **lengths)
    rows = [json.loads(line) for line in (here / "s.jsonl").read_text().splitlines()]
    assert rows == [{name: array[i].tolist() for name, array in arrays.items()} for i in range(3)]


def test_ragged_rows_have_no_weights(here):
    ok(command_here(*ENCODE, "--ragged", "--keep", "de", "-o", "s.parquet", cwd=here))
    found = pq.read_table(here / "s.parquet").to_pydict()
    assert list(found) == ["ids", "decoder_ids", "next_ids", "de"]
    assert found["de"] == TARGETS
    arrays = expected(here)
    for name in ("decoder_ids", "next_ids"):
        assert found[name] == [
            row[is_id].tolist() for row, is_id in zip(arrays[name], arrays["weights"] == 1, strict=True)
        ]


def test_shards_of_the_function_are_resumed_by_the_command(here):
    settings = {"column": "en", "targets": "de", "target_encoder": here / "de", "maxlen": 4, "target_maxlen": 5}
    for folder in ("whole", "part"):
        tokemb.encode_file(here / "p.csv", here / "en", here / folder, rows_per_shard=1, **settings)
    sorted((here / "part").glob("*.npz"))[-1].write_bytes(b"damaged")
    arguments = ("--maxlen", 4, "--target-maxlen", 5, "--rows-per-shard", 1, "-o", "part")
    run = ok(command_here("encode", here / "p.csv", *ENCODE[2:], *arguments, cwd=here))
    assert b"3 files, 3 rows (2 of them already written)" in run.stderr
    for path in (here / "whole").iterdir():
        assert path.read_bytes() == (here / "part" / path.name).read_bytes()
    run = command_here(
        "encode", here / "p.csv", *ENCODE[2:], "--maxlen", 4, "--target-maxlen", 6, *arguments[4:], cwd=here
    )
    assert run.returncode == 1  # other settings


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (
            "--column en --targets de",
            2,
            "--target-vocab must be a vocabulary whose rows begin and end with special tokens",
        ),
        ("--column en --targets de", 2, "fit one with tokemb fit-vocab --start '[BOS]' --end '[EOS]'"),
        ("--targets de --target-vocab de", 2, "--targets requires one other column of texts"),
        ("--column de --targets de --target-vocab de", 2, "--targets requires one other column of texts"),
        ("--column en --column n --targets de --target-vocab de", 2, "--targets requires one other column of texts"),
        (f"{TEXTS_AND_TARGETS} --group-by n", 2, "--targets requires one other column of texts"),
        ("--column en --targets no --target-vocab de", 1, "p.csv has no column 'no'"),
        ("--column en --target-vocab de", 2, "--target-vocab requires --targets"),
        ("--column en --target-maxlen 3", 2, "--target-maxlen requires --targets"),
        (f"{TEXTS_AND_TARGETS} --target-maxlen 0", 2, "--target-maxlen"),
        (f"{TEXTS_AND_TARGETS} --maxlen 3 --target-maxlen 999999999", 2, "--target-maxlen must be"),
        ("--column en --targets de --target-vocab no", 1, "no"),
        (f"{TEXTS_AND_TARGETS} --pack --maxlen 4", 2, "--pack must be left out with --targets NAME: each row"),
        (f"{TEXTS_AND_TARGETS} --overlap 1 --maxlen 3", 2, "--overlap must be left out with"),
        (f"{TEXTS_AND_TARGETS} --tags n", 2, "--tags must be left out"),
        (f"{TEXTS_AND_TARGETS} --rows-per-shard 2 --maxlen 3", 1, "pass it as --target-maxlen"),
        (f"{TEXTS_AND_TARGETS} --keep ids", 1, "ids"),
    ],
)
def test_option_that_does_not_fit_is_one_sentence_and_writes_nothing(here, arguments, code, message):
    before = sorted(here.iterdir())
    run = command_here("encode", "p.csv", *arguments.split(), "--vocab", "en", "-o", "new.npz", cwd=here)
    assert (run.returncode, message in run.stderr.decode()) == (code, True), run.stderr
    assert sorted(here.iterdir()) == before
