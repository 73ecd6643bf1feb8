from __future__ import annotations

import re

import pyarrow as pa
import pytest
from tokemb_cli.row_sample import RowSample

import tokemb
from tests.conftest import command_here, ok

TEXTS = [" ".join(["internationalization"] * (1 + row % 20)) for row in range(200)]


@pytest.fixture
def here(tmp_path):
    (tmp_path / "t.txt").write_text("\n".join(TEXTS) + "\n", "utf-8")
    return tmp_path


def suggested(run):
    return int(re.search(r"^next .* --maxlen (\d+) ", run.stderr.decode(), re.MULTILINE)[1])


@pytest.mark.parametrize("algorithm", ["bpe", "wordpiece", "unigram"])
def test_suggested_maxlen_of_subwords_truncates_at_most_5_percent_of_the_rows(here, algorithm):
    run = ok(command_here("fit-vocab", "t.txt", "-o", "v", "--algorithm", algorithm, "--max-size", 24, cwd=here))
    lengths = tokemb.Encoder.load(here / "v").encode_ragged(TEXTS).lengths
    assert (lengths > suggested(run)).mean() <= 0.05
    assert suggested(run) in lengths
    assert suggested(run) > 20  # more than words


def test_lengths_of_subwords_are_those_before_truncation_without_start_and_end(here):
    def shown(*options):
        command = ("fit-vocab", "t.txt", "-o", "v", "--algorithm", "bpe", "--max-size", 24, *options)
        return ok(command_here(*command, cwd=here)).stderr.decode()

    def lengths(text):
        return next(line for line in text.splitlines() if line.startswith("rows "))

    plain, around = shown(), shown("--start", "[S]", "--end", "[E]")
    assert lengths(shown("--maxlen", 3)) == lengths(plain) == lengths(around)
    suggested = [int(re.search(r"--maxlen (\d+) ", text)[1]) for text in (plain, around)]
    assert suggested[1] == suggested[0] + 2


def test_suggested_maxlen_of_words_is_that_of_their_counts(here):
    run = ok(command_here("fit-vocab", "t.txt", "-o", "v", cwd=here))
    assert suggested(run) == 19
    assert b"tokens per row: 50% 10, " in run.stderr


def test_subwords_of_counts_get_no_maxlen_that_words_would_suggest(here):
    tokemb.TokenCounts.from_texts(TEXTS).save(here / "c.parquet")
    shown = ok(command_here("fit-vocab", "c.parquet", "-o", "v", "--algorithm", "bpe", cwd=here)).stderr.decode()
    assert "words per row: " in shown
    assert "--maxlen" not in shown


def test_large_corpus_is_sampled_evenly():
    sample = RowSample(largest=64)
    texts = [" ".join("a" * (1 + row % 10)) for row in range(1000)]
    batches = [pa.record_batch([pa.array(texts[start : start + 70])], names=["text"]) for start in range(0, 1000, 70)]
    assert list(sample.tee(iter(batches))) == batches
    lengths = sample.lengths(tokemb.fit_vocab(["a"]))
    assert sample.rows == 1000
    assert not sample.is_complete
    assert 32 <= sum(lengths.values()) <= 64
    assert set(lengths) <= set(range(1, 11))
