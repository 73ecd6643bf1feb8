"""Subword models in the kernels give the ids of the models of `tokenizers`, for any vocabulary and any pre-token."""

from __future__ import annotations

import json

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer, models, pre_tokenizers

import tokemb
from tests.engine.test_choice import assert_same, both
from tokemb import engine
from tokemb._arrays import STRINGS
from tokemb.engine import Engine, scan
from tokemb.engine import subword_model as module
from tokemb.engine.subword_model import subword_model
from tokemb.vocabulary.tokenizer_json import BLANK, model_of

pytestmark = pytest.mark.slow

BYTE_LEVEL = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": False}
METASPACE = {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always", "split": True}
RESTS = [(), (METASPACE,), ({**METASPACE, "split": False},), ({**METASPACE, "prepend_scheme": "never"},), (BYTE_LEVEL,)]

# Few characters, so that tokens overlap and repeat: of one to four bytes.
ALPHABET = "aab▁é中🙂"
WORDS = st.text(ALPHABET, min_size=1, max_size=12)
TEXTS = st.lists(st.text(ALPHABET + "x ß", min_size=1, max_size=70), min_size=1, max_size=20)


def assert_same_ids(model, kind, texts, rest=()):
    """Compare the ids of the kernels and of `tokenizers` for pre-tokens."""
    pre_tokenizer = {"type": "Sequence", "pretokenizers": list(rest)} if rest else None
    tokenizer = Tokenizer.from_str(json.dumps({**BLANK, "model": model, "pre_tokenizer": pre_tokenizer}))
    tables = subword_model(model_of(tokenizer) if kind == "Unigram" else model, kind, rest)
    assert not isinstance(tables, str), tables
    ids = tables.encode(pa.array(texts, STRINGS))
    assert [row.tolist() for row in ids] == [tokenizer.encode(text, add_special_tokens=False).ids for text in texts]


@given(
    words=st.sets(WORDS, max_size=30),
    continuing=st.sets(WORDS, max_size=30),
    prefix=st.sampled_from(["##", "", "a", "▁"]),
    max_characters=st.sampled_from([0, 3, 100]),
    texts=TEXTS,
)
def test_wordpiece_gives_the_ids_of_tokenizers(words, continuing, prefix, max_characters, texts):
    tokens = dict.fromkeys(["[UNK]", *sorted(words), *sorted(prefix + word for word in continuing)])
    model = {
        "type": "WordPiece",
        "unk_token": "[UNK]",
        "continuing_subword_prefix": prefix,
        "max_input_chars_per_word": max_characters,
        "vocab": {token: index for index, token in enumerate(tokens)},
    }
    assert_same_ids(model, "WordPiece", texts)


@st.composite
def bpe_models(draw, byte_level=False):
    """Draw a model whose merges are of tokens that other merges may make, in any order."""
    prefix, suffix = ("", "") if draw(st.booleans()) else draw(st.sampled_from([("##", ""), ("", "</w>"), ("#", "$")]))
    characters = "abâĸģÃ©" if byte_level else "ab▁é中🙂"  # the bytes of "ab▁é", as ByteLevel writes them
    tokens = [
        before + character + after for character in characters for before in {"", prefix} for after in {"", suffix}
    ]
    tokens = [token for token in tokens if draw(st.integers(0, 5))]
    merges = []
    for _ in range(draw(st.integers(0, 25)) if tokens else 0):
        left, right = draw(st.sampled_from(tokens)), draw(st.sampled_from(tokens))
        if right[: len(prefix)].isascii() and len(prefix) < len(right) and len(left + right) < 30:
            merges.append([left, right])
            tokens.append(left + right[len(prefix) :])
    # Tokens for no byte, for all bytes of "ß" and some of "é", or for all bytes.
    fallback = draw(st.sampled_from([(), (0xC3, 0x9F), range(256)])) if not (byte_level or prefix or suffix) else ()
    tokens += [f"<0x{byte:02X}>" for byte in fallback]
    return {
        "type": "BPE",
        "dropout": None,
        "unk_token": draw(st.sampled_from(["<unk>", None])),
        "continuing_subword_prefix": prefix,
        "end_of_word_suffix": suffix,
        "fuse_unk": draw(st.booleans()),
        "byte_fallback": bool(fallback),
        "ignore_merges": draw(st.booleans()),
        "vocab": {token: index for index, token in enumerate(dict.fromkeys(["<unk>", *tokens]))},
        "merges": draw(st.permutations(merges)),
    }


@given(model=bpe_models(), rest=st.sampled_from(RESTS[:-1]), texts=TEXTS)
def test_bpe_gives_the_ids_of_tokenizers(model, rest, texts):
    assert_same_ids(model, "BPE", texts, rest)


@given(model=bpe_models(byte_level=True), add_prefix_space=st.booleans(), texts=TEXTS)
def test_byte_level_bpe_gives_the_ids_of_tokenizers(model, add_prefix_space, texts):
    assert_same_ids(model, "BPE", texts, ({**BYTE_LEVEL, "add_prefix_space": add_prefix_space},))


@given(
    tokens=st.lists(st.tuples(WORDS, st.sampled_from([-1.1, -2.2, -3.3, -0.1, 0.0, 7.0])), max_size=40),
    byte_fallback=st.sampled_from([0, 200, 256]),
    rest=st.sampled_from(RESTS[:-1]),
    texts=TEXTS,
)
def test_unigram_gives_the_ids_of_tokenizers(tokens, byte_fallback, rest, texts):
    byte_tokens = [(f"<0x{byte:02X}>", -5.0) for byte in range(byte_fallback)]
    vocabulary = [("a<unk>", 0.0), ("x", -3.0), *tokens, *byte_tokens]
    model = {"type": "Unigram", "unk_id": 1, "vocab": vocabulary, "byte_fallback": bool(byte_fallback)}
    assert_same_ids(model, "Unigram", texts, rest)


def test_equal_sums_of_scores_are_compared_as_in_tokenizers():
    vocabulary = [("<unk>", 0.0), *(("." * length, -1.1 * length) for length in range(1, 8))]
    model = {"type": "Unigram", "unk_id": 0, "vocab": vocabulary}
    assert_same_ids(model, "Unigram", ["." * length for length in range(1, 200)])


@pytest.mark.parametrize("merged", ["aa", "ab"])
def test_a_pretoken_of_a_megabyte_is_merged_in_seconds(merged):
    tokens = [merged * (1 << power) for power in range(12)]
    model = {
        "type": "BPE",
        "vocab": {token: index for index, token in enumerate(["a", "b", *tokens])},
        "merges": [[merged[0], merged[1]], *([token, token] for token in tokens[:-1])],
    }
    tables = subword_model(model, "BPE", ())
    text = "ab" * (1 << 19)
    [ids] = tables.encode(pa.array([text], STRINGS))
    assert ids.tolist() == ([len(tokens) + 1] * 256 if merged == "ab" else [0, 1] * (1 << 19))


@pytest.mark.parametrize(
    ("model", "kind", "rest", "reason"),
    [
        ({"vocab": {"a": 0}, "unk_token": "[UNK]"}, "WordPiece", (), "out of vocabulary is not in the vocabulary"),
        ({"vocab": [["a", 0.0]], "unk_id": None}, "Unigram", (), "no token for characters out of vocabulary"),
        ({"vocab": {"a": 0, "b": 0}, "merges": []}, "BPE", (), "two tokens have the same id"),
        ({"vocab": {"a": 0}, "merges": [], "unk_token": "u"}, "BPE", (), "out of vocabulary is not in the vocabulary"),
        ({"vocab": {"a": 0, "b": 1}, "merges": [["a", "b"]]}, "BPE", (), "a token that is not in the vocabulary"),
        ({"vocab": {"a": 0}, "merges": []}, "BPE", ({"type": "Digits"},), "Digits"),
        (
            {"vocab": {"a": 0}, "merges": []},
            "BPE",
            ({**METASPACE, "prepend_scheme": "first"},),
            "positions in the text",
        ),
        ({"vocab": {"a": 0}}, "WordLevel", (), "no WordLevel model"),
    ],
)
def test_an_unsupported_model_is_rejected_with_a_reason(model, kind, rest, reason):
    assert reason in subword_model(model, kind, rest)


@pytest.fixture
def subwords(monkeypatch):
    """An encoder with a BPE model, and texts with 60,000 distinct words."""
    monkeypatch.setattr(engine, "SMALL_BYTES", 0)
    encoder = tokemb.fit_vocab(["abcdefghij klmnop ab cd"] * 9, algorithm="bpe", max_size=60)
    letters = "abcdefghij"
    texts = [
        " ".join("".join(letters[int(digit)] for digit in str(number)) for number in range(first, first + 100))
        for first in range(0, 60_000, 100)
    ]
    return encoder, texts


@pytest.mark.parametrize("limit", [1 << 12, 1 << 19])
def test_a_full_cache_changes_no_ids(limit, subwords, monkeypatch):
    monkeypatch.setattr(module, "_MAX_PRETOKENS", limit)
    encoder, texts = subwords
    expected, rows = both(encoder, texts)
    assert_same(rows, expected)
    assert_same(both(encoder, texts, threads=5)[1], expected)


@pytest.mark.parametrize(("name", "limit"), [("_MAX_BYTES", 100), ("_MAX_IDS", 100)])
def test_a_cache_without_room_for_bytes_or_ids_changes_no_ids(name, limit, subwords, monkeypatch):
    monkeypatch.setattr(module, name, limit)
    encoder, texts = subwords
    long_words = [text.replace(" ", "abcdefghij ") for text in texts]  # only their bytes are saved
    expected, rows = both(encoder, [*texts, *long_words])
    assert_same(rows, expected)


def test_kernels_write_no_id_beyond_their_output(monkeypatch, tmp_path):
    monkeypatch.setattr(engine, "SMALL_BYTES", 0)
    monkeypatch.setattr(Engine, "_prefers_gigatoken", False)
    outputs, kernel_output, spare = [], scan._kernel_output, 8

    def with_spare_ids(target, max_ids, scratch):
        out = kernel_output(target, max_ids, scratch)
        outputs.append(np.full(max_ids + spare, -1, np.int32))
        return out._replace(ids=outputs[-1][:max_ids])

    monkeypatch.setattr(scan, "_kernel_output", with_spare_ids)
    pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    vocabulary = {character: index for index, character in enumerate(sorted(pre_tokenizer.alphabet()))}
    tokenizer = Tokenizer(models.BPE(vocabulary, []))
    tokenizer.pre_tokenizer = pre_tokenizer
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    # Each byte is an id, also that of the space before a row, and the last pre-token has one.
    expected, rows = both(tokemb.Encoder.load(tmp_path / "tokenizer.json"), ["1!1!", "a!"], threads=1)
    assert_same(rows, expected)
    assert [output[-spare:].tolist() for output in outputs] == [[-1] * spare]


def test_merges_as_lines_of_text_are_the_same_as_pairs():
    vocabulary = {token: index for index, token in enumerate(["a", "b", "#", "ab", "#ab"])}
    pairs = [["a", "b"], ["#", "ab"]]
    for merges in (pairs, ["#version: 0.2", "a b", "# ab"], ["a b", "# ab"]):
        assert_same_ids({"type": "BPE", "vocab": vocabulary, "merges": merges}, "BPE", ["ab#ab", "#", "ba"])


def test_a_row_with_a_longer_pretoken_than_the_kernels_support_has_the_ids_of_the_reference(subwords):
    encoder, _ = subwords
    expected, rows = both(encoder, ["ab", "abcdefgh" * (1 << 18) + "a", "cd"])
    assert_same(rows, expected)
