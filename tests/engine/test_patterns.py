"""Automata split texts exactly as `tokenizers` splits them at the matches of regular expressions."""

from __future__ import annotations

import functools
import json

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

import tokemb
from tests.conftest import MIXED
from tests.engine.test_choice import assert_same, both, no_input_is_small  # noqa: F401 - a fixture
from tokemb import kernels
from tokemb._arrays import STRINGS
from tokemb.engine import pattern_automaton
from tokemb.engine.components import UnprovableError
from tokemb.engine.gigatoken import Gigatoken
from tokemb.engine.pattern_automata import compile_automata
from tokemb.engine.pattern_split import pattern_plan
from tokemb.engine.pretoken_cache import text_of
from tokemb.kernels.structs import MAX_PRETOKENS

P = pre_tokenizers


@pytest.fixture(autouse=True)
def automata_without_gigatoken(monkeypatch):
    monkeypatch.setattr(Gigatoken, "may_be_used", False)


GPT2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
QWEN2 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
CL100K = (
    r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}+| ?[^\s\p{L}\p{N}]++[\r\n]*+|\s++$|\s*[\r\n]"
    r"|\s+(?!\S)|\s"
)
_CONTRACTIONS = "(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
O200K = (
    rf"[^\r\n\p{{L}}\p{{N}}]?[\p{{Lu}}\p{{Lt}}\p{{Lm}}\p{{Lo}}\p{{M}}]*[\p{{Ll}}\p{{Lm}}\p{{Lo}}\p{{M}}]+{_CONTRACTIONS}"
    rf"|[^\r\n\p{{L}}\p{{N}}]?[\p{{Lu}}\p{{Lt}}\p{{Lm}}\p{{Lo}}\p{{M}}]+[\p{{Ll}}\p{{Lm}}\p{{Lo}}\p{{M}}]*{_CONTRACTIONS}"
    r"|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
DEEPSEEK = (
    r"""[!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*"""
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)
CLIP = r"<\|startoftext\|>|<\|endoftext\|>|'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"


def isolated(pattern):
    return P.Split(Regex(pattern), "isolated")


KNOWN = {
    "gpt2": isolated(GPT2),
    "qwen2": isolated(QWEN2),
    "llama3": isolated(QWEN2.replace(r"|\p{N}|", r"|\p{N}{1,3}|")),
    "cl100k": isolated(CL100K),
    "o200k": isolated(O200K),
    "deepseek": P.Sequence([isolated(r"\p{N}{1,3}"), isolated("[一-龥぀-ゟ゠-ヿ]+"), isolated(DEEPSEEK)]),
    "deepseek coder": P.Sequence(
        [
            isolated(r"[\r\n]"),
            isolated(r"\s?\p{L}+"),
            isolated(r"\s?\p{P}+"),
            isolated("[一-龥ࠀ-一가-퟿]+"),
            P.Digits(True),
        ]
    ),
    "clip": P.Split(Regex(CLIP), "removed", invert=True),
    "starcoder": P.Sequence([P.Digits(individual_digits=True), isolated(GPT2)]),
    "bloom": isolated(r" ?[^(\s|[.,!?…。，、।۔،])]+"),
    "falcon": P.Sequence([P.Punctuation("contiguous"), isolated(GPT2), P.Digits(False), isolated("[0-9][0-9][0-9]")]),
    "gemma": P.Split(" ", "merged_with_previous"),
}


@functools.cache
def automata_of(pre_tokenizer):
    plan = pattern_plan(json.loads(pre_tokenizer))
    assert not plan.rest
    return compile_automata(plan.splits)


def split(pre_tokenizer, texts):
    """The pre-tokens of each text, by the automata."""
    automata = automata_of(pre_tokenizer.__getstate__())
    levels = len(automata.firsts) + 1
    starts, ends = np.zeros((2, levels, MAX_PRETOKENS), np.int32)
    text = text_of(pa.array(texts, STRINGS))
    out, lengths = np.zeros(2 * int(text.offsets[-1]) + 2, np.int32), np.zeros(len(texts), np.int64)
    kernels.split_texts(automata, text, starts, ends, np.zeros((3, levels), np.int64), out, lengths)
    pretokens = iter(text.data[start:end].tobytes().decode() for start, end in out.reshape(-1, 2).tolist())
    return [[next(pretokens) for _ in range(length)] for length in lengths]


def expected(pre_tokenizer, texts):
    found = [[pretoken for pretoken, _ in pre_tokenizer.pre_tokenize_str(text)] for text in texts]
    return [[] if pretokens == [""] else pretokens for pretokens in found]


CHARACTERS = "aAsStTfFiIlLkK'’ \n\r\t\xa0\u3000\u2028\x85019²٣Ⅷßſ\u212aﬁﬆéÉ\u0301中あ!.,-_<|>😀\u200d𝟘İıǅ"
TEXTS = st.lists(st.text(CHARACTERS, max_size=30) | st.text(" a1'\n", max_size=30), min_size=1, max_size=8)
SETS = [
    *(r"\p{L}", r"\p{N}", r"\s", r"\S", r"\d", r"\w", r"\W", r"[^\s\p{L}\p{N}]", r"[^\r\n\p{L}\p{N}]", r"[\r\n]"),
    *(r"\p{Lu}", r"[\p{Ll}\p{M}]", r"\P{L}", r"\p{^N}", "a", "s", "t", " ", "'", r"\n", "[a-f]", "[sdmt]", ".", "é"),
    *("中", r"\p{P}", "[!-/:-@]", r"[^(\s|[.,!?…。])]", r"\x{4e2d}", r"\.", "[a-]"),
]
AHEAD = [
    *(r"(?!\S)", r"(?=\s)", "(?!a)", r"(?=\p{L}|$)", "$", r"(?![\r\n])", r"\z", r"(?=[^\s])", r"(?!\s|\z)"),
]
QUANTIFIERS = ["", "", "", "?", "*", "+", "{1,3}", "{2}", "{1,3}+", "{,2}", "{2,}", "??", "*?", "+?", "?+", "*+", "++"]


def _quantified(parts):
    return st.builds("{}{}".format, parts, st.sampled_from(QUANTIFIERS))


def _larger(parts):
    concatenation = st.lists(_quantified(parts) | st.sampled_from(AHEAD), min_size=1, max_size=3).map("".join)
    alternation = st.lists(concatenation, min_size=1, max_size=3).map("|".join)
    return st.builds("{}{})".format, st.sampled_from(["(?:", "(?:", "(", "(?i:"]), alternation)


PATTERNS = st.recursive(st.sampled_from(SETS), _larger, max_leaves=8)
BEHAVIORS = ["isolated", "isolated", "isolated", "removed", "contiguous", "merged_with_previous", "merged_with_next"]


# Many random patterns are invalid or not supported.
@pytest.mark.slow
@settings(suppress_health_check=[*settings().suppress_health_check, HealthCheck.filter_too_much])
@given(PATTERNS, st.sampled_from(BEHAVIORS), st.booleans(), TEXTS)
def test_random_patterns_split_as_tokenizers_splits(pattern, behavior, invert, texts):
    try:
        pre_tokenizer = P.Split(Regex(pattern), behavior, invert=invert)
    except Exception:  # noqa: BLE001 - an invalid expression
        assume(False)
    try:
        automata_of(pre_tokenizer.__getstate__())
    except UnprovableError:
        assume(False)
    assert split(pre_tokenizer, texts) == expected(pre_tokenizer, texts)


@pytest.mark.parametrize("behavior", ["removed", "isolated"])
@pytest.mark.parametrize("invert", [False, True])
@pytest.mark.parametrize("pattern", [r"\s+(?!\S)|\s+", r"\w+", "b"])
def test_texts_between_matches_are_complete_where_a_chunk_ends(pattern, behavior, invert):
    pre_tokenizer = P.Split(Regex(pattern), behavior, invert=invert)
    texts = ["a b  " * 3000, "ab" * 5000, "é-- " * 3000, " ".join("a" * (number % 7) for number in range(9000))]
    assert split(pre_tokenizer, texts) == expected(pre_tokenizer, texts)


@pytest.mark.parametrize("name", KNOWN)
def test_known_patterns_split_as_tokenizers_splits(name):
    texts = [
        *MIXED,
        "  ".join(MIXED),
        "\r\n ".join(MIXED),
        "a\n\n \n  b   c" * 2000,
        "x" + " " * 5000 + "y",
        "1" * 5000,
    ]
    assert split(KNOWN[name], texts) == expected(KNOWN[name], texts)


def test_patterns_with_more_classes_of_characters_than_pairs_have_split_as_tokenizers_splits():
    letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
    pre_tokenizer = isolated("|".join(2 * letter for letter in letters))
    classes = automata_of(pre_tokenizer.__getstate__()).pair_classes[0]
    assert np.count_nonzero(classes == classes[-1]) > np.count_nonzero(classes[128:] == classes[-1]) == 128
    texts = ["".join(letter * count for letter in letters) for count in range(1, 6)]
    assert split(pre_tokenizer, texts) == expected(pre_tokenizer, texts)


@pytest.mark.slow
@pytest.mark.parametrize("name", KNOWN)
@given(TEXTS)
def test_known_patterns_split_any_text_as_tokenizers_splits(name, texts):
    assert split(KNOWN[name], texts) == expected(KNOWN[name], texts)


@pytest.mark.slow
@pytest.mark.parametrize("name", KNOWN)
def test_known_patterns_split_corpora_as_tokenizers_splits(name, corpus):
    assert split(KNOWN[name], corpus) == expected(KNOWN[name], corpus)


@pytest.mark.parametrize("behavior", ["isolated", "removed"])
def test_texts_without_a_match_are_joined_at_the_limit_of_a_chunk(behavior):
    # "b" begins a match that never ends, after as many pre-tokens as fit into one chunk.
    pre_tokenizer = P.Split(Regex("a|bc"), behavior)
    texts = ["a" * count + "xbxbx" * 3 + "a" * 5 for count in range(2040, 2060)]
    assert split(pre_tokenizer, texts) == expected(pre_tokenizer, texts)


@pytest.mark.parametrize("behavior", ["isolated", "removed", "contiguous", "merged_with_previous", "merged_with_next"])
@pytest.mark.parametrize("pattern", ["a", Regex(r"\s"), Regex("[ab]")])
def test_behaviors_split_as_tokenizers_splits(pattern, behavior):
    texts = ["", "a", "aa b", "b a  a", " a b ", "cc", "caac"]
    pre_tokenizer = P.Split(pattern, behavior)
    assert split(pre_tokenizer, texts) == expected(pre_tokenizer, texts)


@pytest.mark.parametrize(
    ("pattern", "reason"),
    [
        ("a*", "matches an empty text"),
        ("(?=a)", "matches an empty text"),
        ("^a", r"contains the character \^"),
        (r"\ba", "contains the escape"),
        ("(?<=a)b", "an unusual group"),
        (r"(a)\1", "contains the escape"),
        ("a(?=bc)", "a look-ahead at more than one character"),
        ("(?:ab)++", "a possessive quantifier of more than one character"),
        ("(?>ab|a)", "an atomic group of more than one character"),
        ("a{2}?", "an unusual quantifier"),
        ("a**", "an unusual quantifier"),
        ("(?:a?)+b", "an unusual quantifier"),
        ("(?:a?){2}b", "an unusual quantifier"),
        ("[a-z&&[^b]]", "not a union of characters"),
        ("[[:alpha:]]", "a class that begins with"),
        ("(?i:é)", "beyond ASCII that ignores case"),
        (r"(?i:\p{Lu})", "beyond ASCII that ignores case"),
        ("(?i:ss)", "one character matches several of its letters"),
        ("(?i:[sf]t)", "one character matches several of its letters"),
        ("a{65}", "an unusual quantifier"),
    ],
)
def test_unsupported_expressions_are_left_to_the_reference(pattern, reason):
    Regex(pattern)  # it is valid
    component = {"type": "Split", "pattern": {"Regex": pattern}, "behavior": "Isolated", "invert": False}
    with pytest.raises(UnprovableError, match=reason):
        compile_automata(pattern_plan(component).splits)


def test_an_automaton_with_too_many_states_is_not_used(monkeypatch):
    monkeypatch.setattr(pattern_automaton, "_MAX_STATES", 8)
    component = {"type": "Split", "pattern": {"Regex": "abcdefghijk|[a-k]"}, "behavior": "Isolated", "invert": False}
    with pytest.raises(UnprovableError, match="more than 8 states"):
        compile_automata(pattern_plan(component).splits)


def bpe(pre_tokenizer, normalizer=None, added=()):
    """An encoder with a small byte-level BPE model."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizer
    if normalizer is not None:
        tokenizer.normalizer = normalizer
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = P.ByteLevel.alphabet()
    tokenizer.train_from_iterator(MIXED, trainers.BpeTrainer(vocab_size=400, initial_alphabet=alphabet))
    tokenizer.add_tokens(list(added))
    return tokemb.Encoder.from_tokenizer(tokenizer)


BYTES = P.ByteLevel(add_prefix_space=False, use_regex=False)
N = normalizers
ENCODERS = {
    "gpt2": (P.ByteLevel(add_prefix_space=False),),
    "gpt2 with a space": (P.ByteLevel(add_prefix_space=True),),
    "llama3": (P.Sequence([KNOWN["llama3"], BYTES]),),
    "qwen2": (P.Sequence([KNOWN["qwen2"], BYTES]), N.NFC()),
    "o200k": (P.Sequence([KNOWN["o200k"], BYTES]), None, ["<|endoftext|>", "<|fim|>"]),
    "spaces before all": (P.Sequence([KNOWN["clip"], P.ByteLevel(add_prefix_space=True, use_regex=False)]),),
    "starcoder": (P.Sequence([P.Digits(True), P.ByteLevel(add_prefix_space=False)]),),
    "bytes are split again": (P.Sequence([P.ByteLevel(add_prefix_space=False), P.Digits(True)]),),
    "runs of spaces": (
        P.Sequence([KNOWN["clip"], BYTES]),
        N.Sequence([N.NFC(), N.Replace(Regex(r"\s+"), " "), N.Lowercase()]),
    ),
    "lower": (P.Sequence([KNOWN["gpt2"], BYTES]), N.Lowercase(), [AddedToken("deep l", normalized=True), "中d"]),
}


@functools.cache
def encoder_of(name):
    return bpe(*ENCODERS[name])


@pytest.mark.parametrize("name", ENCODERS)
@pytest.mark.usefixtures("no_input_is_small")
def test_tokenizers_with_patterns_are_scanned_with_the_ids_of_the_reference(name):
    encoder = encoder_of(name)
    assert "automata" in str(encoder.explain())
    texts = [*MIXED, "  ".join(MIXED), "x<|fim|>y", "<|endoftext|>", "a<b <| c", " a", "e\u0301 क़ ạ̸"]
    reference, rows = both(encoder, texts)
    assert_same(rows, reference)


@pytest.mark.slow
@pytest.mark.parametrize("name", ENCODERS)
@pytest.mark.usefixtures("no_input_is_small")
@given(texts=TEXTS)
def test_tokenizers_with_patterns_scan_any_text_with_the_ids_of_the_reference(name, texts):
    reference, rows = both(encoder_of(name), texts)
    assert_same(rows, reference)


@pytest.mark.parametrize(
    ("normalizer", "pre_tokenizer"),
    [
        (N.Replace(Regex(r"\s+"), " "), KNOWN["gpt2"]),  # the pre-tokens contain spaces
        (N.Sequence([N.Replace(Regex(r"\s+"), " "), N.Replace(" ", "_")]), KNOWN["clip"]),
        (N.Prepend("_"), KNOWN["clip"]),
    ],
)
def test_normalizers_of_several_characters_are_left_to_the_reference(normalizer, pre_tokenizer):
    encoder = bpe(P.Sequence([pre_tokenizer, BYTES]), normalizer)
    assert "looks at more than one character" in str(encoder.explain())


@given(st.text("aeé\u0301\u0316\u0323\u0338क़\u093cขั้\u1100\u1161가\u2126 ", max_size=6))
def test_texts_that_composition_changes_are_left_to_the_reference(text):
    reason = encoder_of("qwen2").explain(text)
    assert reason.backend == "reference" or N.NFC().normalize_str(text) == text


def test_explain_names_the_added_token_of_a_text():
    encoder = encoder_of("o200k")
    assert str(encoder.explain("a<|fim|>")) == "reference: the text contains the added token '<|fim|>'"
    assert encoder.explain("a<|f").backend == "scanner"
