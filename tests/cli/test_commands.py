"""Tests of the commands except encode, decode and embed, in a real process where that matters."""

from __future__ import annotations

import json
import shutil
import zipfile

import numpy as np
import pytest

import tokemb
from tests.conftest import command_here, ok, tokemb_command

pytestmark = pytest.mark.slow


def test_fit_vocab_reports_its_result_and_suggests_the_next_command(here):
    run = ok(tokemb_command("fit-vocab", "text.txt", "-o", "v.vocab", "--max-size", 4, "--reserve", "[BOS]", cwd=here))
    assert run.stdout == b""
    assert run.stderr.decode().splitlines() == [
        "read       4 rows, 10 tokens, 6 distinct",
        "kept       4 tokens, covering 80.00% of the text",
        "input_dim  7 = the tokens + 3 reserved (0 is padding, 1 [UNK])",
        "rows       tokens per row: 50% 2, 90% 5, 95% 5, 99% 5, longest 5",
        "wrote      v.vocab",
        "next       tokemb encode text.txt --vocab v.vocab --maxlen 5 -o text.ids.npy",
    ]
    assert tokemb.Encoder.load(here / "v.vocab").vocabulary == ["", "[UNK]", "[BOS]", "deep", "is", "learning", "very"]


def test_fit_vocab_suggests_a_command_that_reads_the_same_bytes(here):
    (here / "latin.csv").write_bytes(b"text\ncaf\xe9\n")
    run = ok(command_here("fit-vocab", "latin.csv", "--errors", "replace", "-o", "latin", cwd=here))
    suggested = "encode latin.csv --errors replace --vocab latin --maxlen 2 -o latin.ids.npy"
    assert run.stderr.decode().splitlines()[-1] == f"next       tokemb {suggested}"
    ok(command_here(*suggested.split(), cwd=here))


def test_fit_vocab_accepts_counts_without_the_texts(here):
    run = ok(tokemb_command("count", "text.txt", "-o", "text.counts.parquet", cwd=here))
    assert run.stdout == b""
    assert run.stderr.decode().splitlines() == [
        "read       4 rows, 10 tokens, 6 distinct",
        "wrote      text.counts.parquet",
        "next       tokemb fit-vocab text.counts.parquet -o text-2.vocab",  # text.vocab exists
    ]
    (here / "text.txt").unlink()
    run = ok(tokemb_command("fit-vocab", "text.counts.parquet", "-o", "v", "--max-size", 4, cwd=here))
    assert run.stderr.decode().splitlines()[-1] == "next       tokemb encode FILE... --vocab v --maxlen 5 -o v.ids.npy"
    of_texts, of_counts = (tokemb.Encoder.load(here / name) for name in ("text.vocab", "v"))
    assert of_counts.fingerprint == of_texts.fingerprint
    assert of_counts.corpus == of_texts.corpus
    assert of_counts.table.equals(of_texts.table)


def test_fit_vocab_adds_several_counts(here):
    (here / "more.txt").write_text("More More\nit\n")
    for name in ("text", "more"):
        ok(command_here("count", f"{name}.txt", "-o", f"{name}.parquet", "--profile", "whitespace", cwd=here))
    # The profile of the counts is optional.
    for options in ([], ["--profile", "whitespace"]):
        ok(command_here("fit-vocab", "text.parquet", "more.parquet", "-o", "v", *options, cwd=here))
        both = tokemb.fit_vocab([here / "text.txt", here / "more.txt"], profile="whitespace")
        assert tokemb.Encoder.load(here / "v").fingerprint == both.fingerprint


def test_init_model_gives_the_same_bytes_again(here):
    """``text.keras`` was made by another process."""

    def weights(*options):
        ok(command_here("init-model", "--vocab", "text.vocab", "--dim", 3, *options, "-o", "m.keras", cwd=here))
        return tokemb.embed(here / "m.keras", [[0, 1, 2]])

    made = tokemb.embed(here / "text.keras", [[0, 1, 2]])
    np.testing.assert_array_equal(made, weights())
    np.testing.assert_array_equal(made, weights("--seed", 0))
    assert not np.array_equal(made, weights("--seed", 1))


def test_inspect_describes_every_kind_of_file(here):
    def inspect(name, command=command_here):
        shown = ok(command("inspect", name, cwd=here)).stdout.decode()
        return shown, json.loads(ok(command("inspect", name, "--json", cwd=here)).stdout)

    encoder = tokemb.Encoder.load(here / "text.vocab")
    shown, description = inspect("text.vocab", command=tokemb_command)
    assert (description["profile"], description["input_dim"]) == ("words", 6)
    assert description["fingerprint"] == encoder.fingerprint
    assert description["corpus"]["coverage"] == 0.8
    assert description["top"][0] == {"id": 2, "token": "deep", "count": 2, "documents": 1}
    assert "input_dim               6\n" in shown
    assert "corpus.coverage         80.00%\n" in shown
    shown, description = inspect("text.vocab/tokenizer.json")
    assert (description["profile"], description["model"], description["corpus"]) == (None, "word", None)
    shown, description = inspect("text.keras", command=tokemb_command)
    assert encoder.fingerprint.startswith(description["vocabulary"])
    assert description["embeddings"] == [
        {"name": "token_embedding", "input_dim": 6, "output_dim": 3, "mask_zero": True}
    ]
    assert "mask_zero yes" in shown
    ok(command_here("count", "text.txt", "-o", "text.counts.parquet", cwd=here))
    shown, description = inspect("text.counts.parquet")
    assert description == {
        "kind": "counts",
        "profile": "words",
        "rows": 4,
        "tokens": 10,
        "distinct": 6,
        "row_lengths": {"50%": 2, "90%": 5, "95%": 5, "99%": 5, "100%": 5},
        "top": [
            {"token": "deep", "count": 2, "documents": 1},
            {"token": "learning", "count": 2, "documents": 2},
            {"token": "is", "count": 2, "documents": 2},
            {"token": "very", "count": 2, "documents": 2},
            {"token": "new", "count": 1, "documents": 1},
            {"token": "it", "count": 1, "documents": 1},
        ],
    }
    assert "row_lengths.90%         5\n" in shown
    top = ok(command_here("inspect", "text.counts.parquet", "--json", "--top", 1, cwd=here)).stdout
    assert [item["token"] for item in json.loads(top)["top"]] == ["deep"]
    assert inspect("ids.npy")[1] == {
        "kind": "array",
        "shape": [4, 4],
        "dtype": "int32",
        "bytes": 64,
        "min": 0,
        "max": 5,
        "zeros": 7 / 16,
    }
    assert inspect("vectors.npy")[1]["shape"] == [4, 4, 3]


BAD_INPUT = [
    ("fit-vocab none.txt -o v", "no such file or directory: none.txt"),
    ("fit-vocab folder.npy -o v", "the folder folder.npy has no file to read"),
    ("fit-vocab latin1.txt -o v", "latin1.txt, line 2: byte 4 (0xe9) is not UTF-8; save the file as UTF-8 first"),
    ("fit-vocab blank.txt -o v", "a vocabulary requires at least one token; the corpus (3 rows) has none"),
    ("fit-vocab text.txt -o v --min-count 9", "has none that occurs 9 times: lower --min-count"),
    (
        "fit-vocab text.txt -o v --no-oov",
        "--no-oov, which drops tokens out of vocabulary, requires --profile keras and --algorithm word",
    ),
    ("fit-vocab text.txt -o ids.npy", "something else exists at this path; name a new folder, or move it away"),
    ("fit-vocab text.txt -o none/v", "the folder of the output must exist; create it first"),
    ("fit-vocab none.parquet -o v", "no such file or directory: none.parquet"),
    ("fit-vocab text.parquet -o v", "text.parquet is not a valid parquet file"),
    (
        "fit-vocab words.parquet -o v --profile bert",
        "these counts require --profile words, with which they were made; received --profile bert",
    ),
    ("fit-vocab words.parquet bert.parquet -o v", "counts to add must have the same profile; received words and bert"),
    ("count none.txt -o v.parquet", "no such file or directory: none.txt"),
    ("count latin1.txt -o v.parquet", "latin1.txt, line 2: byte 4 (0xe9) is not UTF-8"),
    ("count text.txt -o none/v.parquet", "the folder of the output must exist; create it first"),
    ("inspect text.parquet", "text.parquet is not a valid .parquet file"),
    ("encode text.txt --vocab none -o v.npy", "there is no vocabulary at none"),
    ("encode latin1.txt --vocab text.vocab -o v.npy", "latin1.txt, line 2: byte 4 (0xe9) is not UTF-8"),
    ("encode text.txt --vocab tampered -o v.npy", "tokenizer.json was changed after tokemb wrote it"),
    ("encode text.txt --vocab newer -o v.npy", "newer was written by a newer tokemb (format 99; this one reads 2)"),
    ("encode text.txt --vocab text.vocab -o folder.npy", "the output is an existing folder; name a file"),
    (
        "decode text.txt --vocab text.vocab",
        "a file of ids must end in one of .npy, .npz, .parquet, .jsonl; received text.txt",
    ),
    (
        "decode vectors.npy --vocab text.vocab",
        "must hold ids, integers (rows, maxlen); it holds float32 (4, 4, 3)",
    ),
    ("decode last.npy --vocab text.vocab", "ids must be from 0 to 5, the highest id of the vocabulary; received 99"),
    ("decode broken.npy --vocab text.vocab", "broken.npy is not a .npy file of numbers"),
    ("inspect null.keras", "null.keras is not a .keras model"),
    ("embed ids.npy --model null.keras -o v.npy", "Keras cannot load null.keras"),
    ("decode high.npy --vocab text.vocab", "ids must be from 0 to 5, the highest id of the vocabulary; received 99"),
    ("init-model --vocab none -o v.keras", "there is no vocabulary at none"),
    ("embed high.npy --model text.keras -o v.npy", "the model has input_dim 6, so ids go up to 5; received 99"),
    ("embed pickle.npy --model text.keras -o v.npy", "pickle.npy is not a .npy file of numbers"),
    ("embed ids.npy --model none.keras -o v.npy", "there is no model at none.keras"),
    (
        "embed ids.npy --model text.txt -o v.npy",
        "Keras cannot load text.txt: the name of a saved model must end in one of .keras, .h5",
    ),
    ("embed text.txt --vocab other --model text.keras -o v.npy", "the model was made for the vocabulary"),
    ("inspect none", "none does not exist"),
    ("inspect text.txt", "text.txt is not a file or folder that tokemb can inspect"),
    ("inspect bad.keras", "bad.keras is not a .keras model"),
]


@pytest.fixture
def bad(here):
    """A folder with a bad file of every kind."""
    (here / "latin1.txt").write_bytes(b"abc\n\xe9t\xe9\n")
    (here / "blank.txt").write_bytes(b"\n \n...\n")
    (here / "text.parquet").write_bytes(b"PAR1, a text that begins so\n")
    for profile in ("words", "bert"):
        tokemb.TokenCounts.from_texts(["a"], profile=profile).save(here / f"{profile}.parquet")
    (here / "folder.npy").mkdir()
    (here / "bad.keras").write_bytes(b"PK")
    np.save(here / "high.npy", np.array([[1, 99]]))
    np.save(here / "last.npy", np.append(np.ones(3_000_000, int), 99)[:, None])
    (here / "broken.npy").write_bytes(b"\x93NUMPY\x01\x00\x10\x00{'descr': '<i4', ")
    (here / "text.vocab.more").mkdir()
    with zipfile.ZipFile(here / "null.keras", "w") as archive:
        archive.writestr("config.json", "null")
        archive.writestr("metadata.json", "[]")
    np.save(here / "pickle.npy", np.array([[{}]], object))
    tokemb.fit_vocab(["other"]).save(here / "other")
    for name, file, old, new in (
        ("tampered", "tokenizer.json", '"deep": 2', '"deep": 3'),
        ("newer", "tokemb.json", '"format_version": 1', '"format_version": 99'),
    ):
        shutil.copytree(here / "text.vocab", here / name)
        path = here / name / file
        path.write_text(path.read_text().replace(old, new))
    return here


def check_bad_input(bad, command, arguments, message):
    before = sorted(bad.rglob("*"))
    run = command(*arguments.split(), cwd=bad)
    shown = run.stderr.decode()
    assert run.returncode == 1, shown
    assert shown.startswith("Error: ")
    assert message in shown
    assert shown.count("\n") == 1, "one sentence"
    assert run.stdout == b""
    assert sorted(bad.rglob("*")) == before, "nothing is written"


@pytest.mark.parametrize(("arguments", "message"), BAD_INPUT)
def test_bad_input_is_one_sentence_and_exit_code_1(bad, arguments, message):
    check_bad_input(bad, command_here, arguments, message)


# One run of each command, and runs in which TensorFlow may write messages.
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        case
        for case in BAD_INPUT
        if case[0].startswith(
            (
                "fit-vocab latin1",
                "count none",
                "inspect text.p",
                "encode text.txt --vocab newer",
                "decode high",
                "init-model --vocab none",
                "embed ids.npy --model null",
                "embed high",
            )
        )
    ],
)
def test_bad_input_is_one_sentence_in_a_process_of_its_own(bad, arguments, message):
    check_bad_input(bad, tokemb_command, arguments, message)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("", "Usage: tokemb"),
        ("fit-vocabulary x", "No such command 'fit-vocabulary'"),
        ("fit-vocab text.txt", "Missing option '-o' / '--output'"),
        ("fit-vocab -o v", "Missing argument 'FILE...'"),
        ("fit-vocab text.txt -o v --max-size many", "must be an integer from 1 to 2147483647; received many"),
        ("fit-vocab text.txt -o v --max-size 0", "must be an integer from 1 to 2147483647; received 0"),
        ("fit-vocab text.txt -o v --maxlen 0", "must be an integer from 1 to 2147483647; received 0"),
        ("encode text.txt --vocab text.vocab --maxlen 0 -o v.npy", "must be an integer from 1 to 2147483647"),
        ("encode text.txt --vocab text.vocab --maxlen 9999999999 -o v.npy", "must be an integer from 1 to 2147483647"),
        ("init-model --vocab text.vocab --dim 0 -o v.keras", "must be an integer from 1 to 2147483647; received 0"),
        ("fit-vocab text.txt -o v --algorithm word2vec", "'word2vec' is not one of"),
        ("fit-vocab text.txt -o v --profile latin", "'latin' is not one of"),
        ("fit-vocab text.txt words.parquet -o v", "texts and counts cannot be mixed"),
        ("fit-vocab words.parquet - -o v", "texts and counts cannot be mixed"),
        ("fit-vocab text.txt -o text.txt", "the output is also an input: text.txt"),
        ("fit-vocab text.txt -o text.vocab/..", "the output is also an input: text.txt"),
        ("count text.txt -o text.counts", "must end in .parquet; received text.counts"),
        ("count words.parquet -o more.parquet", "words.parquet holds counts, not texts: pass it to tokemb fit-vocab"),
        ("count text.txt -o v.parquet --profile latin", "'latin' is not one of"),
        (
            "encode text.txt --vocab text.vocab -o ids.csv",
            "must be - or end in .npy, .npz, .parquet, .tfrecord, .array_record, .jsonl; ",
        ),
        ("init-model --vocab text.vocab -o model.h5", "must end in .keras; received model.h5"),
        ("embed text.txt --model text.keras -o v.npy", "texts require --vocab"),
        ("embed ids.npy --model text.keras --maxlen 3 -o v.npy", "ids are padded already"),
    ],
)
def test_wrong_usage_is_exit_code_2(here, arguments, message):
    tokemb.TokenCounts.from_texts(["a"]).save(here / "words.parquet")
    run = (command_here if arguments else tokemb_command)(*arguments.split(), cwd=here)
    assert run.returncode == 2
    assert message in run.stderr.decode()
    assert run.stdout == b""


def test_version_and_help_are_shown(tmp_path):
    assert ok(tokemb_command("--version", cwd=tmp_path)).stdout.decode() == f"tokemb {tokemb.__version__}\n"
    assert b"fit-vocab" in ok(tokemb_command("-h", cwd=tmp_path)).stdout


@pytest.mark.any_message
def test_unexpected_error_is_one_sentence(monkeypatch):
    from click.testing import CliRunner
    from tokemb_cli.main import cli

    import tokemb.pipeline.inspect

    def broken(*_, **__):
        raise ZeroDivisionError("deep\nin it")

    monkeypatch.setattr(tokemb.pipeline.inspect, "inspect", broken)
    result = CliRunner().invoke(cli, ["inspect", "x"])
    assert result.exit_code == 1
    assert result.stderr == "Error: unexpected ZeroDivisionError: deep in it (set TOKEMB_DEBUG=1 to see where)\n"
    monkeypatch.setenv("TOKEMB_DEBUG", "1")
    assert isinstance(CliRunner().invoke(cli, ["inspect", "x"]).exception, ZeroDivisionError)
