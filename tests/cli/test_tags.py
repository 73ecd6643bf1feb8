"""``encode --tags``: the arrays, their formats, shards that resume, and input that cannot be encoded."""

from __future__ import annotations

import json

import numpy as np
import pyarrow.parquet as pq
import pytest

import tokemb
from tests.conftest import command_here, ok, tokemb_command
from tokemb.errors import ArgumentError

CONLL = "EU B-ORG\nrejects O\n\nIt O\n\nEU B-ORG\nis O\nin O\nBrussels B-LOC\n"


def arrays(path):
    """The arrays of a .npz by name."""
    with np.load(path) as archive:
        return {name: archive[name].tolist() for name in archive.files}


ENCODE = ("encode", "a.conll", "--tags", "tags", "--vocab", "v")


@pytest.fixture
def here(tmp_path):
    (tmp_path / "a.conll").write_text(CONLL)
    tokemb.fit_vocab(tmp_path / "a.conll", profile="whitespace", reserve=["[X]"]).save(tmp_path / "v")
    return tmp_path


def test_command_writes_ids_tags_and_weights_and_tells_the_classes(here):
    for _ in range(2):  # an output of the same kind is replaced
        run = ok(tokemb_command(*ENCODE, "--maxlen", 3, "-o", "a.npz", cwd=here))
    found = arrays(here / "a.npz")
    names = tokemb.Encoder.load(here / "v").vocabulary
    assert [[names[index] for index in row] for row in found["ids"]] == [
        ["EU", "rejects", ""],
        ["It", "", ""],
        ["EU", "is", "in"],
    ]
    assert found["tags"] == [[1, 2, 0], [2, 0, 0], [1, 2, 2]]
    assert found["weights"] == [[1, 1, 0], [1, 0, 0], [1, 1, 1]]
    message = run.stderr.decode()
    assert "int32 ids (3, 3), tags (3, 3), weights (3, 3); 3 rows read and written, 7 tokens" in message
    assert "--classes B-LOC,B-ORG,O" in message


@pytest.mark.parametrize("suffix", [".parquet", ".jsonl", ".npz"])
def test_rows_have_the_longest_length_and_kept_columns_in_every_format(here, suffix):
    ok(command_here(*ENCODE, "--classes", "O,B-ORG,B-LOC", "--padding", "pre", "-o", f"a{suffix}", cwd=here))
    if suffix == ".npz":
        found = arrays(here / "a.npz")
    elif suffix == ".jsonl":
        rows = [json.loads(line) for line in (here / "a.jsonl").read_text().splitlines()]
        found = {name: [row[name] for row in rows] for name in ("tags", "weights")}
    else:
        found = pq.read_table(here / "a.parquet").to_pydict()
    assert found["tags"] == [[0, 0, 1, 0], [0, 0, 0, 0], [1, 0, 0, 2]]
    assert found["weights"] == [[0, 0, 1, 1], [0, 0, 0, 1], [1, 1, 1, 1]]


def test_ragged_rows_have_as_many_tags_as_ids(here):
    for _ in range(2):
        ok(command_here(*ENCODE, "--ragged", "-o", "a.npz", cwd=here))
    found = arrays(here / "a.npz")
    assert found["ids.row_splits"] == found["tags.row_splits"] == [0, 2, 3, 7]
    assert found["tags.values"] == [1, 2, 2, 1, 2, 2, 0]


def test_stopped_shards_resume_with_the_bytes_of_one_run(here):
    arguments = ("--maxlen", 3, "--rows-per-shard", 1, "--shard-format", "parquet")
    ok(command_here(*ENCODE, *arguments, "-o", "whole", cwd=here))
    ok(command_here(*ENCODE, *arguments, "-o", "part", cwd=here))
    manifest = json.loads((here / "part" / "_manifest.json").read_text())
    last = sorted((here / "part").glob("part-*"))[-1]
    last.write_bytes(b"damaged")
    ok(command_here(*ENCODE, *arguments, "-o", "part", cwd=here))
    for path in (here / "whole").iterdir():
        assert path.read_bytes() == (here / "part" / path.name).read_bytes()
    assert manifest["complete"]
    run = command_here(*ENCODE, *arguments, "--classes", "O,B-ORG,B-LOC", "-o", "part", cwd=here)
    assert run.returncode == 1  # other settings


def test_function_writes_what_the_command_writes(here):
    ok(command_here(*ENCODE, "--maxlen", 3, "--keep", "text", "-o", "a.parquet", cwd=here))
    tokemb.encode_file(here / "a.conll", here / "v", here / "b.parquet", tags="tags", maxlen=3, keep=["text"])
    assert (here / "a.parquet").read_bytes() == (here / "b.parquet").read_bytes()
    with pytest.raises(ArgumentError, match="classes are for tags"):
        tokemb.encode_file(here / "a.conll", here / "v", here / "c.npz", classes=["O"])


def test_grouped_rows_have_the_tags_of_their_tokens(here):
    (here / "a.csv").write_text("s,w,t\n1,EU,X\n2,It,O\n1,is,O\n")
    arguments = ("encode", "a.csv", "--group-by", "s", "--column", "w", "--tags", "t", "--vocab", "v", "-o", "a.npz")
    ok(command_here(*arguments, cwd=here))
    found = arrays(here / "a.npz")
    assert (found["tags"], found["weights"]) == ([[1, 0], [0, 0]], [[1, 1], [1, 0]])


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        ("bad.csv --column t --tags n --vocab v", 1, "bad.csv, row 2 has 2 tokens and 1 tags"),
        ("a.conll --tags tags --classes O --vocab v", 1, "must not contain 'B-ORG', which is none of the classes (O)"),
        ("a.conll --classes O --vocab v", 1, "classes are for tags"),
        ("a.conll --tags tags --overlap 1 --maxlen 3 --vocab v", 2, "--overlap must be left out"),
        ("a.conll --tags tags --keep tags --vocab v", 2, "must not contain 'tags'"),
        ("- --tags tags --vocab v", 2, "--tags requires --classes"),
        ("a.csv --tags tags --vocab columns", 2, "--tags requires a vocabulary of texts; columns is a"),
    ],
)
def test_input_that_cannot_be_encoded_is_an_error_and_writes_nothing(here, arguments, code, message):
    (here / "bad.csv").write_text("t,n\na,O\na b,O\n")
    (here / "a.csv").write_text("c,d\nx,y\n")
    if "columns" in arguments:
        ok(command_here("fit-vocab", "a.csv", "--column", "c", "--column", "d", "-o", "columns", cwd=here))
    run = command_here("encode", *arguments.split(), "-o", "new.npz", cwd=here)
    assert (run.returncode, message in run.stderr.decode()) == (code, True), run.stderr
    assert not (here / "new.npz").exists()
