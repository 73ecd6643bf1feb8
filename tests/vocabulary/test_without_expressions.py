"""The equivalents of the regular expressions of the profiles, compared with the library that runs the expressions."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Regex, normalizers

import tokemb
from tests.conftest import CORPORA, EXAMPLES, MIXED
from tokemb.importers.keras_splitting import keras_profile
from tokemb.vocabulary import character_ranges
from tokemb.vocabulary.expressions import ALONE, CASE_IGNORABLE, CASED, PUNCTUATION, WORD
from tokemb.vocabulary.profiles import PROFILES
from tokemb.vocabulary.tokenizer_json import tokenizer_json_of, tokenizer_of
from tokemb.vocabulary.without_expressions import without_expressions

CHARACTERS = [chr(code) for code in range(0x110000) if not 0xD800 <= code < 0xE000]
SPLITTINGS = {
    **{name: PROFILES[name] for name in ("words", "words-and-punctuation", "keras", "text-vectorization", "chars")},
    "import": keras_profile(filters='.,]^-\\\t"', lower=False, split=" ", char_level=False),
}
TEXTS = st.text() | st.text("aAΣσςİ'’ \t\n\x0b\x1f\xa0\u200c\u200d\ufe0f\u0301\xad·.:-_!]^中🙂▁K")


def pre_tokens(tokenizer, text):
    """Return the pre-tokens of a text by the library."""
    normalized = tokenizer.normalizer.normalize_str(text) if tokenizer.normalizer else text
    return [token for token, _ in tokenizer.pre_tokenizer.pre_tokenize_str(normalized)]


def assert_equivalent(content, texts):
    equivalent, prepare = without_expressions(content)
    assert "Regex" not in json.dumps(equivalent)
    original, other = tokenizer_of(content), tokenizer_of(equivalent)
    for text in texts:
        assert pre_tokens(other, prepare(text)) == pre_tokens(original, text)


@pytest.mark.parametrize(
    ("ranges", "expression"),
    [
        (character_ranges.ALONE, f"[{ALONE}]"),
        (character_ranges.PUNCTUATION, PUNCTUATION),
        (character_ranges.WORD, WORD),
        (character_ranges.CASED, CASED),
        (character_ranges.CASE_IGNORABLE, CASE_IGNORABLE),
    ],
    ids=["alone", "punctuation", "word", "cased", "case-ignorable"],
)
def test_character_ranges_are_those_of_the_library(ranges, expression):
    delete = normalizers.Replace(Regex(f"(?:{expression})+"), "").normalize_str
    rest = set("".join(delete("".join(CHARACTERS[at : at + 4096])) for at in range(0, len(CHARACTERS), 4096)))
    spans = [[int(end, 16) for end in span.split("-")] for span in ranges.split()]
    members = {chr(code) for span in spans for code in range(span[0], span[-1] + 1) if not 0xD800 <= code < 0xE000}
    assert members == set(CHARACTERS) - rest


@pytest.mark.parametrize("name", SPLITTINGS)
@given(TEXTS)
def test_equivalent_file_splits_random_texts_equally(name, text):
    assert_equivalent(tokenizer_json_of(SPLITTINGS[name].tokenizer()), [text])


@pytest.mark.slow
@pytest.mark.parametrize("name", SPLITTINGS)
def test_equivalent_file_splits_characters_of_all_planes_equally(name):
    content = tokenizer_json_of(SPLITTINGS[name].tokenizer())
    # With tokenizers 1.0, texts with newer characters are errors.
    spans = [[int(end, 16) for end in span.split("-")] for span in character_ranges.NEWER.split()]
    newer = {chr(code) for span in spans for code in range(span[0], span[-1] + 1)}
    # The sets of characters are compared in full above. TOKEMB_TEST_EXAMPLES=37 tests all characters in texts too.
    sample = [*CHARACTERS[:0x3000], *CHARACTERS[0x3000 :: max(1, int(37 / EXAMPLES))]]
    snippets = [f"a{character}b {character}Σ'{character}Σ " for character in sample if character not in newer]
    assert_equivalent(content, ["".join(snippets[at : at + 25]) for at in range(0, len(snippets), 25)])
    assert_equivalent(content, [*MIXED, *(text for corpus in CORPORA.values() for text in corpus)])


@pytest.mark.parametrize("algorithm", ["bpe", "wordpiece", "unigram"])
@pytest.mark.parametrize("profile", ["words", "keras", "text-vectorization"])
def test_equivalent_file_of_a_subword_model_gives_the_same_ids(profile, algorithm):
    texts = [*MIXED, "▁a▁b ▁▁ a▁ a\xa0b ▁", " "]
    content = tokemb.fit_vocab(texts, profile=profile, algorithm=algorithm, max_size=400).specification
    equivalent, prepare = without_expressions({**content, "padding": None})
    original, other = tokenizer_of({**content, "padding": None}), tokenizer_of(equivalent)
    assert "Metaspace" not in json.dumps(equivalent["pre_tokenizer"])
    for text in texts:
        assert other.encode(prepare(text)).ids == original.encode(text).ids


@pytest.mark.parametrize(
    "change",
    [
        {"added_tokens": [{"content": "x"}]},
        {"normalizer": {"type": "NFC"}},
        {"pre_tokenizer": {"type": "Whitespace"}},
        {"pre_tokenizer": None},
        {"pre_tokenizer": {"type": "Split", "pattern": {"Regex": "[a-z]+"}, "behavior": "Removed", "invert": False}},
        {"pre_tokenizer": {"type": "Split", "pattern": {"Regex": "[k]+"}, "behavior": "Removed", "invert": False}},
        {"pre_tokenizer": {"type": "Split", "pattern": {"Regex": "[ ]+"}, "behavior": "Isolated", "invert": False}},
    ],
    ids=str,
)
def test_file_without_a_proven_equivalent_is_unchanged(change):
    content = {**tokenizer_json_of(PROFILES["words"].tokenizer()), **change}
    assert without_expressions(content) == (content, None)
