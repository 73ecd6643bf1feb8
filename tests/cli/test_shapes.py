"""Folders of shards of every shape of rows: the command writes shards that are missing with the bytes of one run."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from tokemb_cli.main import cli

import tokemb

WORDS = [f"w{number}" for number in range(40)]
SENTENCES = [" ".join(WORDS[row : 3 * row + 1]) for row in range(9)]

TEXTS = "x.jsonl --column text --vocab v --maxlen 8"
SHAPES = {
    "windows": f"{TEXTS} --overlap 2 --keep n",
    "windows of events": "x.jsonl --column tag --group-by group --order-by n --vocab v --maxlen 4 --overlap 1",
    "pairs": f"{TEXTS} --column other --keep n",
    "windows of pairs": f"{TEXTS} --column other --overlap 1 --keep n",
    "packed": f"{TEXTS} --pack",
    "packed windows": f"{TEXTS} --pack --overlap 2",
    "tags of CoNLL files": "x.conll --tags tags --vocab v --maxlen 8",
    "targets": f"{TEXTS} --targets other --target-maxlen 6 --keep n",
    "several inputs": "x.jsonl --vocab columns --maxlen 5 --keep other",
    "documents": "documents --format documents --keep label --vocab v --maxlen 6",
}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """The inputs of all shapes."""
    here = tmp_path_factory.mktemp("shapes")
    tags = [f"w{row % 3}" for row in range(len(SENTENCES))]
    others = [" ".join(text.split()[::-2]) for text in SENTENCES]
    rows = [
        {"n": row, "group": row % 3, "text": text, "other": other, "tag": tag, "list": "w1|w2"}
        for row, (text, other, tag) in enumerate(zip(SENTENCES, others, tags, strict=True))
    ]
    (here / "x.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (here / "x.conll").write_text("".join("".join(f"{word} O\n" for word in text.split()) + "\n" for text in SENTENCES))
    for row, text in enumerate(SENTENCES):
        (here / "documents" / tags[row]).mkdir(parents=True, exist_ok=True)
        (here / "documents" / tags[row] / f"{row}.txt").write_text(text)
    tokemb.fit_vocab([" ".join(WORDS)], start="[CLS]", end="[SEP]").save(here / "v")
    kinds = {"texts": ["text"], "columns": ["tag"], "multi": {"list": "|"}, "numbers": ["n"]}
    tokemb.ColumnEncoder.fit(here / "x.jsonl", **kinds).save(here / "columns")
    return here


def run(arguments):
    result = CliRunner().invoke(cli, ["encode", *arguments.split()])
    assert result.exit_code == 0, result.stderr
    return result.stderr


def contents(folder):
    return {path.name: path.read_bytes() for path in Path(folder).iterdir()}


@pytest.mark.parametrize("shape", SHAPES)
def test_missing_shards_are_written_again_with_the_bytes_of_one_run(made, tmp_path, monkeypatch, shape):
    monkeypatch.chdir(made)
    rows = 1 if shape.startswith("packed") else 2
    command = f"{SHAPES[shape]} --rows-per-shard {rows} -o {tmp_path / 'shards'}"
    run(command)
    whole = contents(tmp_path / "shards")
    assert len(whole) > 3
    (tmp_path / "shards" / "part-00001.npz").unlink()
    assert f"({rows} of them already written)" in run(command)
    assert contents(tmp_path / "shards") == whole
