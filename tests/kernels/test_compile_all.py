"""``tokemb compile`` compiles all kernels for the types that the library passes to them."""

from __future__ import annotations

import ast
import shlex
import re
from collections import defaultdict

import numpy as np
import pytest

from tests.conftest import MIXED, ROOT, command_here
from tokemb import kernels
from tokemb.kernels import calling, object_cache
from tokemb.kernels.compile_all import all_specializations
from tokemb.kernels.kernel import Kernel

pytestmark = pytest.mark.slow

# More text than is left to the reference, and more rows than NumPy packs.
TEXT = "a fine film\nnot so fine a film, a very long one\n" * 20_000
RUNS = """
fit-vocab reviews.txt -o words.vocab --max-size 30000
fit-vocab reviews.txt -o bpe.vocab --algorithm bpe --max-size 60
fit-vocab reviews.txt -o wordpiece.vocab --algorithm wordpiece --max-size 60
fit-vocab reviews.txt -o unigram.vocab --algorithm unigram --max-size 60
count reviews.txt -o counts.parquet
encode reviews.txt --vocab words.vocab --maxlen 16 -o ids.npy
encode reviews.txt --vocab words.vocab --ragged -o ragged.npz
encode reviews.txt --vocab words.vocab --maxlen 16 -o ids.tfrecord
encode reviews.txt --vocab bpe.vocab --maxlen 16 -o bpe.npy
encode reviews.txt --vocab wordpiece.vocab --maxlen 16 -o wordpiece.npy
encode reviews.txt --vocab unigram.vocab --maxlen 16 -o unigram.npy
init-model --vocab words.vocab --dim 8 -o words.keras
embed reviews.txt --vocab words.vocab --model words.keras --pooling mean -o means.npy
embed reviews.txt --vocab words.vocab --model words.keras --pooling max -o maxima.npy
train skipgram reviews.txt --vocab words.vocab --dim 8 --epochs 1 -o skipgram.keras
"""


def test_no_command_compiles_after_all_kernels_were_compiled(tmp_path):
    cache = tmp_path / "cache"
    environment = {object_cache.FOLDER_VARIABLE: str(cache)}
    (tmp_path / "reviews.txt").write_text(TEXT)
    run = command_here("compile", cwd=tmp_path, **environment)
    assert run.returncode == 0, run.stderr
    compiled = {path.name for path in cache.glob("*.o")}
    assert {name.split("-")[0] for name in compiled} >= {"scanning.scan", "skipgram.train_skipgram", "tfrecord.frame"}
    for line in RUNS.strip().splitlines():
        run = command_here(*shlex.split(line), cwd=tmp_path, **environment)
        assert run.returncode == 0, (line, run.stderr)
        assert "compiles its kernels" not in run.stderr
        assert {path.name for path in cache.glob("*.o")} == compiled, line


def test_second_compilation_finds_all_machine_code(tmp_path):
    ...
