"""Long pairs of texts that are split into windows are those of tokenizers with a stride."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer

import tokemb
from tests.conftest import CORPORA, TOKENIZERS, command_here, examples, ok
from tokemb.errors import ArgumentError

WORDS = [f"w{i}" for i in range(20)]
ENCODER = tokemb.fit_vocab([" ".join(WORDS)], start="[CLS]", end="[SEP]")
TEXTS = st.lists(st.sampled_from(WORDS), max_size=14).map(" ".join)


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pairs")
    ENCODER.save(folder / "v")
    return folder / "v" / "tokenizer.json"


def of_tokenizers(path, pairs, maxlen, overlap, strategy):
    """Return the rows of each pair: ids and type ids."""
    tokenizer = Tokenizer.from_file(str(path))
    tokenizer.no_padding()
    tokenizer.enable_truncation(maxlen, stride=overlap, strategy=strategy)
    encodings = (tokenizer.encode(*pair) for pair in pairs)
    return [[(row.ids, row.type_ids) for row in (each, *each.overflowing)] for each in encodings]


def rows_of(windows, count):
    """Return the rows of each pair as ``of_tokenizers`` does."""
    mask = windows.inputs["attention_mask"]
    rows = [
        (ids[kept].tolist(), types[kept].tolist())
        for ids, types, kept in zip(windows.inputs["ids"], windows.inputs["type_ids"], mask, strict=True)
    ]
    return [[rows[i] for i in np.flatnonzero(windows.row == number)] for number in range(count)]


@examples(60)
@given(st.lists(st.tuples(TEXTS, TEXTS), min_size=1, max_size=4), st.integers(9, 16), st.integers(0, 2))
def test_windows_of_both_texts_are_the_overflow_of_tokenizers(path, pairs, maxlen, overlap):
    windows = ENCODER.encode_pair_windows(*zip(*pairs, strict=True), maxlen=maxlen, overlap=overlap)
    assert rows_of(windows, len(pairs)) == of_tokenizers(path, pairs, maxlen, overlap, "longest_first")
    texts = [[ENCODER.encode_ragged([text])[0][1:-1].tolist() for text in pair] for pair in pairs]
    for ids, types, row, *starts in zip(windows.inputs["ids"], windows.inputs["type_ids"], *windows[1:], strict=True):
        bare = [token for token in ids[types == 0] if token > 3], [token for token in ids[types == 1] if token > 3]
        for part, text, start in zip(bare, texts[row], starts, strict=True):
            assert text[start : start + len(part)] == part


@pytest.mark.parametrize("strategy", ["only_first", "only_second"])
def test_windows_of_one_text_are_the_overflow_of_tokenizers(path, strategy):
    pairs = [(" ".join(WORDS[: 3 * i]), " ".join(WORDS[10 : 10 + i])) for i in range(6)]
    pairs = pairs if strategy == "only_first" else [(second, first) for first, second in pairs]
    settings = {"maxlen": 12, "overlap": 2, "pair_truncation": strategy}
    windows = ENCODER.encode_pair_windows(*zip(*pairs, strict=True), **settings)
    assert rows_of(windows, len(pairs)) == of_tokenizers(path, pairs, 12, 2, strategy)


@pytest.mark.parametrize("name", ["bert_base_cased", "roberta_base", "xlmr_small_padding"])
def test_windows_of_foreign_tokenizers_are_their_overflow(name):
    file = TOKENIZERS / name / "tokenizer.json"
    if not file.exists():
        pytest.skip(f"the file {name} is not at hand")
    encoder = tokemb.Encoder.load(file)
    texts = [text for corpus in CORPORA.values() for text in corpus[:2]]
    pairs = list(zip(texts, reversed(texts), strict=True))
    windows = encoder.encode_pair_windows(texts, texts[::-1], maxlen=24, overlap=4)
    found, expected = rows_of(windows, len(pairs)), of_tokenizers(file, pairs, 24, 4, "longest_first")
    if name == "xlmr_small_padding":  # all its type ids are 0, but tokenizers leaves 1 in the overflow of second texts
        assert not windows.inputs["type_ids"].any()
        found, expected = ([[ids for ids, _ in rows] for rows in each] for each in (found, expected))
    assert found == expected


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({}, "overlap must be left out without a length of the rows: pass maxlen"),
        ({"maxlen": 9, "overlap": 6}, r"overlap must be smaller than .* \(6\); received 6"),
        ({"maxlen": 9, "overlap": 3}, "the first text of pair number 2 gets 3 tokens in a row, and overlap is 3"),
        ({"maxlen": 9, "pair_truncation": "only_first"}, "the second text of pair number 2 alone fills"),
    ],
)
def test_setting_that_cannot_be_is_an_error(settings, message):
    long = " ".join(WORDS)
    with pytest.raises(ArgumentError, match=message):
        ENCODER.encode_pair_windows(["w1", long], ["w2", long], **settings)


def test_command_splits_long_pairs(path):
    folder = path.parent.parent
    pairs = [(" ".join(WORDS[:i]), " ".join(WORDS[: 4 * i])) for i in range(4)]
    lines = [json.dumps({"q": first, "a": second, "n": n}) for n, (first, second) in enumerate(pairs)]
    (folder / "x.jsonl").write_text("\n".join(lines))
    options = ["--vocab", "v", "--column", "q", "--column", "a", "--maxlen", 10, "--overlap", 1, "--keep", "n"]
    ok(command_here("encode", "x.jsonl", *options, "-o", "x.npz", cwd=folder))
    windows = ENCODER.encode_pair_windows(*zip(*pairs, strict=True), maxlen=10, overlap=1)
    ok(command_here("encode", "x.jsonl", *options, "--rows-per-shard", 2, "-o", "shards", cwd=folder))
    with np.load(folder / "x.npz") as written:
        for name, array in {**windows.inputs, **windows._asdict(), "n": windows.row}.items():
            if name != "inputs":
                np.testing.assert_array_equal(written[name], array)
        shards = [np.load(file)["ids"] for file in sorted((folder / "shards").glob("*.npz"))]
        np.testing.assert_array_equal(np.concatenate(shards), written["ids"])
    run = command_here("encode", "x.jsonl", *options[:-1], "row", "-o", "no.npz", cwd=folder)
    assert run.returncode == 2
