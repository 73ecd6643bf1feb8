from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

import tokemb
from tests.conftest import MIXED
from tokemb.vocabulary.profiles import PROFILES


def split(profile, text):
    splitting = PROFILES[profile]
    text = splitting.normalizer.normalize_str(text) if splitting.normalizer else text
    return [token for token, _ in splitting.pre_tokenizer.pre_tokenize_str(text)]


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("Deep learning is VERY deep.", "deep learning is very deep"),
        ("don't don’t rock'n'roll 'quoted' it''s", "don't don't rock'n'roll quoted it s"),
        ("well-known 3.5% x² ½ _a_ snake_case", "well known 3 5 x² ½ _a_ snake_case"),
        ("学而時習之，abc中d 𠮷々", "学 而 時 習 之 abc 中 d 𠮷 々"),
        ("ラーメン ｶﾞ", "ラ ー メ ン ｶ ﾞ"),
        ("ที่นี่", "ท ี ่ น ี ่"),
        ("ສະ ក្រ မြန်", "ສ ະ ក ្ រ မ ြ န ်"),
        ("مرحباً می‌خواهم ۱۲۳", "مرحباً می‌خواهم ۱۲۳"),
        ("हिन्दी क्‍ष", "हिन्दी क्‍ष"),
        ("한국어 좋아요", "한국어 좋아요"),
        ("Ёлка İstanbul ΣΑΣ", "ёлка i̇stanbul σασ"),
        ("❤️‍🔥 👩🏽‍💻 🇫🇷 ↔ © text🙂", "❤ 🔥 👩 🏽 💻 🇫 🇷 ↔ © text 🙂"),
        ("naïve e\u0301te\u0301", "naïve e\u0301te\u0301"),
        ("a\x00b\u200bc\u00add \u3000e\ufeff", "a b c d e"),
        ("$5 + 6 = #tag @me ^ ` < ~ ¿", "5 6 tag me"),
        ("", ""),
        (" \n\t...", ""),
    ],
)
def test_words(text, tokens):
    assert split("words", text) == tokens.split(" ") * bool(tokens)


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ('What\'s 3.5% of $5--or "so"?', 'what\'s 3 . 5 % of $ 5 - - or " so " ?'),
        ("rock'n'roll 'quoted' it''s ’ snake_case _", "rock'n'roll quoted it s snake_case _"),
        ("学而時習之，abc。ラ・ー ¿Qué?", "学 而 時 習 之 ， abc 。 ラ ・ ー ¿ qué ?"),
        ("a\x00b\u200bc\u00add 👩🏽‍💻!", "a b c d 👩 🏽 💻 !"),
    ],
)
def test_words_and_punctuation(text, tokens):
    assert split("words-and-punctuation", text) == tokens.split(" ")


@given(st.text())
def test_words_and_punctuation_without_the_punctuation_are_the_words(text):
    tokens = split("words-and-punctuation", text)
    is_mark = [len(token) == 1 and unicodedata.category(token)[0] in "PS" for token in tokens]
    words = split("words", text)
    assert [token for token, mark in zip(tokens, is_mark, strict=True) if not mark] == [
        word for word in words if not (len(word) == 1 and unicodedata.category(word)[0] in "PS")
    ]


def test_whitespace_is_unicode_white_space_and_nothing_else():
    assert split("whitespace", "A,b\u00a0c\u3000d\x1fe\u200bf\n") == ["A,b", "c", "d\x1fe\u200bf"]


@given(st.text())
def test_chars_are_the_characters(text):
    assert split("chars", text) == list(text)


@given(st.text())
def test_keras_is_python_lower_split_at_the_filters(text):
    separators = '!"#$%&()*+,-./:;<=>?@[\\]^_`{|}~\t\n'
    expected = text.lower().translate(dict.fromkeys(map(ord, separators), " ")).split(" ")
    # Lower case of characters that are newer than this Python's Unicode tables is known to `tokenizers` alone.
    if split("keras", text) != [token for token in expected if token]:
        assert any(unicodedata.category(character) == "Cn" for character in text)


@pytest.mark.parametrize("profile", PROFILES)
def test_no_text_yields_the_empty_token(profile):
    for text in MIXED:
        assert "" not in split(profile, text)


def test_an_unknown_profile_lists_the_known():
    with pytest.raises(tokemb.TokembError, match="one of words, words-and-punctuation, keras, .*; received 'word'"):
        tokemb.fit_vocab(["a"], profile="word")
