"""``tokemb compile`` compiles all kernels for the types that the library passes to them."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from tokenizers import Regex, Tokenizer, models, pre_tokenizers

import tokemb.kernels
from tests.conftest import python
from tokemb import Encoder
from tokemb.errors import TokembError
from tokemb.kernels.compile_all import compile_all
from tokemb.kernels.kernel import Kernel
from tokemb.kernels.object_cache import FOLDER_VARIABLE

pytestmark = pytest.mark.slow

SAVED = Path(tokemb.kernels.__file__).parent / "__pycache__"
MAIN = "from tokemb_cli.main import main; main()"
# More text than is left to the reference, and more rows than NumPy packs.
TEXT = "a fine film\nnot so fine a film, a very long one\n" * 20_000
COMMANDS = """
fit-vocab reviews.txt -o words.vocab
fit-vocab reviews.txt -o bpe.vocab --algorithm bpe --max-size 60
fit-vocab reviews.txt -o wordpiece.vocab --algorithm wordpiece --max-size 60
fit-vocab reviews.txt -o unigram.vocab --algorithm unigram --max-size 60
fit-vocab reviews.txt -o pairs.vocab --ngrams 2
fit-vocab reviews.txt -o jieba.vocab --segmenter jieba
count reviews.txt -o counts.parquet
encode reviews.txt --vocab words.vocab --maxlen 16 -o ids.npy
encode reviews.txt --vocab words.vocab -o ragged.npz
encode reviews.txt --vocab words.vocab --maxlen 16 -o ids.tfrecord
encode reviews.txt --vocab pairs.vocab --maxlen 16 -o pairs.npy
encode reviews.txt --hash 1000 --ngrams 2 -o hashed.npz
encode reviews.txt --vocab bpe.vocab --maxlen 16 -o bpe.npy
encode reviews.txt --vocab wordpiece.vocab --maxlen 16 -o wordpiece.npy
encode reviews.txt --vocab unigram.vocab -o unigram.npz
init-model --vocab words.vocab --dim 8 -o words.keras
embed reviews.txt --vocab words.vocab --model words.keras --pooling mean -o means.npy
embed reviews.txt --vocab words.vocab --model words.keras --pooling max -o maxima.npy
train skipgram reviews.txt --vocab words.vocab --dim 8 --epochs 1 -o skipgram
""".strip().splitlines()
# In one process, which is faster; the arguments of one command after the other.
RUN_ALL = """
import sys
from click.testing import CliRunner
from tokemb_cli.main import cli
for line in sys.argv[1:]:
    result = CliRunner().invoke(cli, line.split(), prog_name="tokemb")
    assert result.exit_code == 0, (line, result.output, result.stderr)
"""
MODELS = {
    "wordlevel": lambda: models.WordLevel({"fine": 0, "[UNK]": 1}, "[UNK]"),
    "wordpiece": lambda: models.WordPiece({"f": 0, "[UNK]": 1, "##i": 2}),
    "bpe": lambda: models.BPE({"f": 0, "i": 1, "fi": 2}, [("f", "i")], unk_token="f"),
    "unigram": lambda: models.Unigram([("f", -1.0), ("i", -2.0), ("fi", -2.5)], 0),
}
# The first is scanned by classes of characters, the second by an automaton.
PRE_TOKENIZERS = {
    "whitespace": lambda: pre_tokenizers.Whitespace(),
    "numbers": lambda: pre_tokenizers.Split(Regex(r"\p{N}{1,3}|\p{L}+|[^\p{L}\p{N}]+(?!\S)"), "isolated"),
}
SELECT = """
import numpy as np
from tokemb.rows.pack_rows import pack_rows, rows_with, select_ids
ids, splits = np.ones(1 << 22, np.int32), np.array([0, 1 << 22])
select_ids(ids, splits, ids == 1)
rows_with(ids, splits, np.ones(2, np.bool_))
pack_rows(ids, splits[:1], splits[1:], splits, ids)
"""


def save_tokenizers(folder):
    """Save a ``tokenizer.json`` for each kind of model and pre-tokenizer. Return the commands that use them."""
    for model, make_model in MODELS.items():
        for pre_tokenizer, make_pre_tokenizer in PRE_TOKENIZERS.items():
            tokenizer = Tokenizer(make_model())
            tokenizer.pre_tokenizer = make_pre_tokenizer()
            tokenizer.enable_padding(pad_id=0, pad_token=tokenizer.id_to_token(0))
            path = folder / f"{model}-{pre_tokenizer}.json"
            tokenizer.save(str(path))
            assert str(Encoder.load(path).explain()).startswith("scanner"), path
            yield f"encode reviews.txt --vocab {path.name} --maxlen 16 -o {path.stem}.npy"


def test_nothing_is_compiled_after_all_kernels_were_compiled(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    # Kernels that other tests have compiled are not compiled again, which takes a minute.
    (tmp_path / "cache").mkdir()
    for path in Path(os.environ.get(FOLDER_VARIABLE, SAVED)).glob("*.o"):
        shutil.copy2(path, tmp_path / "cache")
    cache = {FOLDER_VARIABLE: str(tmp_path / "cache")}
    (tmp_path / "reviews.txt").write_text(TEXT)
    commands = [*COMMANDS, *save_tokenizers(tmp_path)]
    run = python(MAIN, "compile", **cache)
    assert run.returncode == 0, run.stderr
    times = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "cache").glob("*.o")}
    assert "kernels ready" in run.stderr
    for code, arguments in [(RUN_ALL, commands), (SELECT, []), (MAIN, ["compile"])]:
        run = python(code, *arguments, **cache)
        assert run.returncode == 0, run.stderr
        assert "compiles its kernels" not in run.stderr
        assert {path.name: path.stat().st_mtime_ns for path in (tmp_path / "cache").glob("*.o")} == times


def test_machine_code_that_cannot_be_saved_is_an_error(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("not a folder")
    monkeypatch.setattr(Kernel, "prepare", lambda *_: True)
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path / "file"))
    with pytest.raises(TokembError, match=f"set the environment variable {FOLDER_VARIABLE}"):
        compile_all()


def test_machine_code_that_cannot_be_used_is_an_error(monkeypatch):
    monkeypatch.setattr(Kernel, "prepare", lambda *_: False)
    with pytest.raises(TokembError, match="compiled in each process"):
        compile_all()
