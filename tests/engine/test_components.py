"""Components that look at one character at a time are scanned, others are not; the ids are those of the reference."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import AddedToken, Regex, Tokenizer, models, normalizers, pre_tokenizers

import tokemb
from tests.conftest import MIXED, examples
from tests.engine.test_choice import assert_same, both, no_input_is_small  # noqa: F401 - a fixture
from tokemb.engine.components import UnprovableError
from tokemb.engine.joining_characters import charsmap_of_first_bytes
from tokemb.engine.scan_plan import char_table_of

pytestmark = pytest.mark.slow


def word_level(normalizer, pre_tokenizer, added=()):
    """An encoder with these components that knows the words of ``MIXED``, as far as they come out of them."""
    tokenizer = Tokenizer(models.WordLevel({}, unk_token="[UNK]"))
    if normalizer is not None:
        tokenizer.normalizer = normalizer
    tokenizer.pre_tokenizer = pre_tokenizer
    pieces = {
        piece
        for text in MIXED
        for piece, _ in pre_tokenizer.pre_tokenize_str(normalizer.normalize_str(text) if normalizer else text)
    }
    tokenizer.model = models.WordLevel(
        {token: index for index, token in enumerate(["[UNK]", *sorted(pieces)[::2]])}, unk_token="[UNK]"
    )
    tokenizer.add_tokens(list(added))
    return tokemb.Encoder.from_tokenizer(tokenizer)


def charsmap(texts):
    """A map of Precompiled, in the form of `charsmap_of_first_bytes`, that replaces some texts."""
    keys = {text.encode(): other.encode() + b"\0" for text, other in texts.items()}
    prefixes = sorted({key[:length] for key in keys for length in range(len(key) + 1)})
    children = {prefix: 256 * number for number, prefix in enumerate(prefixes, 1)}
    units = np.zeros(256 * (len(prefixes) + 1), "<u4")
    units[0] = children[b""] << 10
    for prefix in prefixes[1:]:
        unit = children[prefix[:-1]] ^ prefix[-1]
        units[unit] = (unit ^ children[prefix]) << 10 | (prefix in keys) << 8 | prefix[-1]
    for number, key in enumerate(keys):
        units[children[key]] = 1 << 31 | len(b"".join(list(keys.values())[:number]))
    return np.array([units.nbytes], "<u4").tobytes() + units.tobytes() + b"".join(keys.values())


N, P = normalizers, pre_tokenizers
SCANNED = {
    "whitespace": (None, P.Whitespace()),
    "whitespace split": (None, P.WhitespaceSplit()),
    "bert": (N.BertNormalizer(), P.BertPreTokenizer()),
    "bert cased": (N.BertNormalizer(lowercase=False), P.BertPreTokenizer()),
    "bert accents": (N.BertNormalizer(strip_accents=False, handle_chinese_chars=False), P.BertPreTokenizer()),
    "bert raw": (N.BertNormalizer(clean_text=False, strip_accents=True, lowercase=False), P.BertPreTokenizer()),
    "lower": (N.Lowercase(), P.Whitespace()),
    "strip accents": (N.Sequence([N.NFD(), N.StripAccents(), N.Lowercase()]), P.WhitespaceSplit()),
    "nmt": (N.Nmt(), P.WhitespaceSplit()),
    "nfc": (N.NFC(), P.Whitespace()),
    "nfkc lower": (N.Sequence([N.NFKC(), N.Lowercase()]), P.Whitespace()),
    "nfkd": (N.NFKD(), P.Whitespace()),
    "replace": (N.Sequence([N.Replace("e", "EE"), N.Replace(Regex("[0-9]"), "#"), N.Lowercase()]), P.WhitespaceSplit()),
    "replace by more": (N.Replace("中", " zhong "), P.WhitespaceSplit()),
    "delete": (N.Replace(Regex("[aeiou]+"), ""), P.WhitespaceSplit()),
    "replace a text": (N.Replace("ing", "ION"), P.WhitespaceSplit()),
    "replace texts first": (
        N.Sequence([N.Replace("  ", "_"), N.Replace("ee", "é"), N.NFKD(), N.Replace("a", "  ")]),
        P.WhitespaceSplit(),
    ),
    "precompiled": (N.Precompiled(charsmap_of_first_bytes()), P.Split("", "isolated")),
    "precompiled with a mark": (N.Precompiled(charsmap({"\u05be": "\u05be\u05bf"})), P.Split("", "isolated")),
    "around": (N.Replace(Regex(r"(?<=\s)d(?=e)"), "D"), P.WhitespaceSplit()),
    "punctuation": (None, P.Punctuation()),
    "punctuation removed": (None, P.Punctuation("removed")),
    "punctuation runs": (None, P.Sequence([P.WhitespaceSplit(), P.Punctuation("contiguous")])),
    "digits": (None, P.Sequence([P.WhitespaceSplit(), P.Digits(individual_digits=True)])),
    "digit runs": (None, P.Sequence([P.Whitespace(), P.Digits(individual_digits=False)])),
    "delimiter": (N.Lowercase(), P.CharDelimiterSplit("e")),
    "split text": (None, P.Split(" ", "isolated")),
    "split class": (None, P.Split(Regex(r"[\s\p{P}]"), "removed")),
    "split classes": (None, P.Split(Regex(r"\p{L}+|\p{N}|[^\s\p{L}\p{N}]+"), "removed", invert=True)),
    "split runs": (None, P.Split(Regex(r"[aeiou]+|\s"), "isolated")),
    "split contiguous": (None, P.Split(Regex(r"[a-e]|\s+"), "contiguous")),
    "overlapping": (None, P.Split(Regex(r"[a-g]+|[e-z]+"), "removed", invert=True)),
    "joined": (None, P.Split(Regex(r"\w+(?:[.'’-]\w+)*"), "removed", invert=True)),
    "joined in one script": (
        None,
        P.Split(Regex(r"\p{Greek}+(?:ς\p{Greek}+)*|[а-я]+(?:-[а-я]+)*"), "removed", invert=True),
    ),
    "characters": (N.Lowercase(), P.Split("", "isolated")),
    "then metaspace": (None, P.Sequence([P.WhitespaceSplit(), P.Metaspace(prepend_scheme="always")])),
    "then bytes": (None, P.Sequence([P.Whitespace(), P.ByteLevel(add_prefix_space=True)])),
    "spaces": (N.Replace(Regex(" {2,}"), " "), P.Whitespace()),
    "bytes": (None, P.ByteLevel()),
    "merged": (None, P.Punctuation("merged_with_previous")),
    "merged next": (None, P.Split(" ", "merged_with_next")),
    "look ahead": (None, P.Split(Regex(r"\s+(?!\S)|\s+"), "removed")),
    "inverted": (None, P.Split(Regex(r"\w+"), "isolated", invert=True)),
}
NOT_SCANNED = {
    "prepend": (N.Prepend("_"), P.Whitespace()),
    "strip": (N.Strip(), P.Whitespace()),
    "a space for many": (N.Replace(Regex(r"\s+"), "_"), P.Whitespace()),
    "metaspace": (None, P.Metaspace()),
    "then metaspace first": (None, P.Sequence([P.Whitespace(), P.Metaspace(prepend_scheme="first")])),
    "scripts": (None, P.UnicodeScripts()),
    "lengths": (None, P.FixedLength(3)),
    "look behind": (None, P.Split(Regex(r"(?<=\S)\s+"), "removed")),
    "merged runs": (None, P.Split(Regex(r"\s+"), "merged_with_previous")),
}
MANY = st.lists(
    st.text()
    | st.text("abcdefgzEI' -’.,;09߀²½\t\n\r  e\u0301ßİŉÅ\u212b가\u1100\u1161\u302e\u302f\u0334中ςσΣЖж-")
    | st.text("aé中👍\u0301\u0600\u0903\u093f\u0e33\u11a8\u200d\ufe0f\uff9e\U0001f1e6\U0001f3fd\r\n", max_size=6)
    | st.sampled_from(MIXED),
    max_size=5,
)


@pytest.mark.parametrize("name", SCANNED)
@examples(8)
@given(texts=MANY)
def test_scanned_components_give_the_ids_of_the_reference_for_any_text(name, texts):
    encoder = _word_level(name)
    assert encoder.explain().backend == "scanner"
    expected, rows = both(encoder, texts)
    assert_same(rows, expected)


@pytest.mark.parametrize("name", SCANNED)
def test_scanned_components_give_the_ids_of_the_reference_for_real_texts(name, corpus):
    encoder = _word_level(name)
    expected, rows = both(encoder, corpus)
    assert_same(rows, expected)


@pytest.mark.parametrize(
    ("name", "text", "backend"),
    [
        ("replace texts first", "it is 'red'", "scanner"),
        ("replace texts first", "deep", "reference"),
        ("replace texts first", "a  b", "reference"),
        ("precompiled", "café “中文” 👍", "scanner"),
        ("precompiled", "cafe\u0301", "reference"),
        ("precompiled", "a\r\n", "reference"),
        ("nfkd", "café “中文” 한 ﬁ\r\n", "scanner"),
        ("nfkd", "cafe\u0301", "reference"),
        ("nfkc lower", "ｶﾞ", "reference"),
        ("nfc", "\u1100\u1161", "reference"),
        ("bert", "café", "scanner"),
        ("bert", "a\u302e", "reference"),
        ("bert cased", "café e\u0301", "scanner"),
    ],
)
def test_backend_of_a_text_depends_on_the_characters_that_combine_in_it(name, text, backend):
    assert _word_level(name).explain(text).backend == backend


@pytest.mark.parametrize("name", NOT_SCANNED)
def test_components_that_are_not_scanned_go_to_the_reference(name):
    encoder = _word_level(name)
    assert encoder.explain().backend == "reference"
    assert encoder.explain().reason
    expected, rows = both(encoder, MIXED)
    assert_same(rows, expected)


def _word_level(name, made={}):  # noqa: B006 - kept on purpose
    if name not in made:
        made[name] = word_level(*{**SCANNED, **NOT_SCANNED}[name])
    return made[name]


@pytest.mark.parametrize("normalized", [False, True])
@given(
    texts=st.lists(
        st.text("[MASK]maskéÉ <>\t") | st.sampled_from(["[MASK]", "x[MASK] ", "[mask]", "é", "É<"]), max_size=4
    )
)
def test_added_tokens_inside_a_text_get_the_ids_of_the_reference(normalized, texts):
    added = [
        AddedToken("[MASK]", normalized=normalized, lstrip=True),
        AddedToken("É<", normalized=normalized, single_word=True),
    ]
    encoder = word_level(N.Lowercase(), P.Whitespace(), added)
    expected, rows = both(encoder, texts)
    assert_same(rows, expected)


def test_vocabulary_without_oov_token_fails_as_the_reference_does():
    tokenizer = Tokenizer(models.WordLevel({"a": 0}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = P.Whitespace()
    encoder = tokemb.Encoder.from_tokenizer(tokenizer)
    assert encoder.encode_ragged(["a a", "a"]).values.tolist() == [0, 0, 0]
    with pytest.raises(tokemb.TokembError, match="UNK"):
        encoder.encode_ragged(["a", "a b"])


def test_character_that_becomes_many_gives_the_ids_of_the_reference():
    """More pieces than there is room for in the kernels go to the reference."""
    for times in (1, 15, 60, 2000):
        encoder = word_level(N.Replace("x", "a the " * times), P.WhitespaceSplit())
        for texts in (["q " * 2040 + "xxx y"] * 3, ["b x x y"], ["x" * 50 + " " + "x" * 50] * 2):
            expected, rows = both(encoder, texts)
            assert_same(rows, expected)


def test_added_token_that_strips_the_space_before_it_gives_the_ids_of_the_reference():
    encoder = word_level(None, P.Split("", "isolated"), [AddedToken("<mask>", lstrip=True), AddedToken("[PAD]")])
    encoder.pad_id = encoder.vocabulary.index("[PAD]")
    rows = ["a" * 1900 + " " * 300 + "<mask>b"]
    for maxlen in (1950, 2030, 2044, 2300):
        expected = both(encoder, rows)[0].pad(maxlen, value=encoder.pad_id)
        np.testing.assert_array_equal(encoder.encode(rows, maxlen=maxlen), expected)


@pytest.mark.parametrize(
    ("normalizer", "after"), [(N.NFC(), "\u3099"), (N.Sequence([N.Replace("xx", "\u3099"), N.NFC()]), "xx")]
)
@pytest.mark.parametrize("length", [255, 256, 257, 512])
def test_last_character_of_a_full_row_combines_with_the_one_after_it(normalizer, after, length):
    tokenizer = Tokenizer(models.WordLevel({"[PAD]": 0, "か": 1, "が": 2}, unk_token="[PAD]"))
    tokenizer.normalizer, tokenizer.pre_tokenizer = normalizer, P.Split("", "isolated")
    encoder = tokemb.Encoder.from_tokenizer(tokenizer, pad_token="[PAD]")
    rows = encoder.encode(["か" * length + after], maxlen=length)
    assert rows.tolist() == [[1] * (length - 1) + [2]]


def test_oov_word_without_oov_token_is_an_error_also_after_maxlen():
    tokenizer = Tokenizer(models.WordLevel({"[PAD]": 0, "a": 1}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = P.Whitespace()
    encoder = tokemb.Encoder.from_tokenizer(tokenizer)
    for words in (1, 5000):
        with pytest.raises(tokemb.TokembError, match="UNK"):
            encoder.encode(["a " * words + "zzz"], maxlen=1)


@pytest.mark.parametrize("number", [30, 200])
def test_too_many_added_tokens_go_to_the_reference(number):
    added = [AddedToken(f"t{index}", normalized=True) for index in range(number)]
    encoder = word_level(N.Lowercase(), P.Whitespace(), added)
    assert encoder.explain().backend == ("scanner" if number == 30 else "reference")
    expected, rows = both(encoder, [*MIXED, "a T7 t29x t199"])
    assert_same(rows, expected)


COLLAPSE = {"type": "Replace", "pattern": {"Regex": " {2,}"}, "content": " "}
TO_UNDERSCORE = {"type": "Replace", "pattern": {"String": " "}, "content": "_"}


@pytest.mark.parametrize(
    ("normalizers", "pre_tokenizer", "tokens", "is_scanned"),
    [
        ([COLLAPSE], {"type": "WhitespaceSplit"}, (), True),
        ([COLLAPSE, TO_UNDERSCORE], {"type": "WhitespaceSplit"}, (), False),
        ([COLLAPSE], {"type": "Punctuation", "behavior": "Isolated"}, (), False),
        ([COLLAPSE], {"type": "WhitespaceSplit"}, ("a b",), False),
    ],
)
def test_collapsed_spaces_are_scanned_only_if_all_of_them_separate(normalizers, pre_tokenizer, tokens, is_scanned):
    normalizer = {"type": "Sequence", "normalizers": normalizers}
    arguments = json.dumps(normalizer), json.dumps(pre_tokenizer), (), tokens
    if is_scanned:
        assert char_table_of(*arguments).class_of(" ") == 0
    else:
        with pytest.raises(UnprovableError, match="Replace looks at more than one character"):
            char_table_of(*arguments)
