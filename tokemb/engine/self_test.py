"""Difficult strings for which a backend must give the ids of the reference before it is used with a tokenizer."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import chain

import numpy as np
import pyarrow as pa

from tokemb._arrays import STRINGS
from tokemb.rows.ragged import Ragged
from tokemb.vocabulary.tokenizer_json import TokenizerJson

Encode = Callable[[pa.LargeStringArray], Ragged]

_SPACES = " \t\n\r\x0b\x0c\x1c\x1d\x1e\x1f\x85\xa0\u1680\u2000\u2002\u2009\u2028\u2029\u202f\u205f\u3000"
_INVISIBLE = "\u00ad\u034f\u061c\u180e\u200b\u200c\u200d\u200e\u2060\ufe0f\ufeff"
_ODD = "\ufffd\ufffe\uffff\ufdd0\U0001fffe\U0010ffff\ue000\uf8ff\U000f0000\U00100000\u0378\U000e0001"
_WORDS = """
deep Deep DEEP dEEP café CAFÉ naïve straße STRASSE ẞ ŉ ǅ ǆ İstanbul ıi ﬁne ſo K Å ÅÅ ªº ™ Ⅷ ⅷ Ⓐ
ΟΔΥΣΣΕΥΣ ΣΑΣ ας σς ᾳ ᾼ Ёлка ЁЛКА МИР й ѕ Ҁ ҉ ა Ა ᏸ Ꭰ ﷺ ﷽ Ղարաբաղ שָׁלוֹם مرحباً می‌خواهم ۱۲۳ ٣٤ ܫܠܡܐ
हिन्दी क्‍ष ज्ञान नमस्ते বাংলা ৎ தமிழ் ௧ తెలుగు ಕನ್ನಡ മലയാളം ൺ සිංහල ไทย ที่นี่ ๑๒ ລາວ བོད་ မြန်မာ ខ្មែរ አማርኛ ᓀᐦᐃᔭ ᠮᠣᠩᠭᠣᠯ
學而時習之 不亦說乎？ 𠮷野家 龥 龦 鿕 〇 々 ラーメン ｶﾞ ガ カタカナー ひらがな ゛ ㍿ 한국어 각 힣 ㄱ ｶ Ｆｕｌｌ １２
𝕳𝖊𝖑𝖑𝖔 𝟘𝟙 e\u0301 \u0301 a\u0308b q\u0307\u0323 q\u0323\u0307 \u1e69 s\u0323\u0307 \u0344 \u0958 \u212b \u2126 \u0f73
\U0001d15e \u1100\u1161\u11a8 \u0438\u0306 𐍈𐌰 𒀀 𓀀 ❤️‍🔥 👩🏽‍💻 1️⃣ 🇫🇷 🇫 ↔ ◾ © 🏴󠁧󠁢󠁥󠁮󠁧󠁿 🙂text text🙂 🫠 🪿 ♥ ☃️ 👍🏿👍 😀😀😀
² ½ x² 1½ ¾ 3.5% $1,000 1e-9 0xFF 1_000 12:30 2016-01-02 +1 -1 1st 2ND a1b2c3 ١٢٣٤٥ ①② ㊿
https://example.org/a?b=c&d=%20#e user@example.org C:\\dir\\x.txt ../x __init__ a.b.c a_b well-known #tag @you
""".split()
_PUNCTUATION = r"""
... .... !!! ?! ?!?! -- --- ---- == === => -> <- :: := ;; ,, '' ''' '''' "" "a" `` ``` ** *** ## ### // /* */
(( )) [[ ]] {{ }} <> <<>> << >> || && $$ %% tokemb ~~ ^^ __ \\ \n \t …… —— –– “” ‘’ «» 、。 ！？ ، ؟ ¡¿ • ‣ § ¶ °
""".split()
_CODE = (
    "def f(x):\n    return x + 1\n\n\nclass A:\n\tpass\n",
    "for (int i = 0; i < 10; ++i) {\n\t\tx[i] += 0x1F;\n}",
    '{"a": [1, 2.5, null], "b": "\\u00e9"}',
    "<p class='x'>a&nbsp;b</p><br /><br />",
    "SELECT * FROM t WHERE a = 'b''c';",
    "\r\n\r\na\r\n b\r\n  c\n\r\n",
    "[PAD] [UNK] [CLS]x[SEP] <pad> </s> <s>x <unk> <mask> ▁under ##piece <0x41> <|endoftext|> <|x|> Ġa Ċ Ā",
)
_CONTRACTIONS = [
    f"{before}{apostrophe}{ending}{after}"
    for before in ("it", "IT", "1", "é", "中", " ", "'", ".", "")
    for apostrophe in "'’"
    for ending in ("s", "S", "t", "re", "RE", "Ve", "m", "ll", "lL", "d", "D", "ſ", "x", "st")
    for after in ("", "x")
][::3]  # a third of them covers every kind

COMMON_STRINGS = (
    "",
    *map(chr, range(128)),
    *(f"a{chr(code)}b {chr(code)}" for code in (*range(32), *range(127, 161))),
    *(f"{before}{space * count}{after}" for space in _SPACES for count in (1, 2, 3) for before, after in ("  ", "ab")),
    *(" " * count + "a" for count in (1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 33, 63, 100)),
    *(
        "a" + end * count + b
        for end in ("\n", "\r\n", "\t", " \n", "\n ")
        for count in (1, 2, 3, 5, 8)
        for b in ("", "b")
    ),
    *(f"x{character}y {character}{character} {character}'s" for character in _INVISIBLE + _ODD),
    *("1234567890"[:count] for count in range(1, 11)),
    *("7" * count for count in range(1, 11)),
    *(f" {number} x{number}y {number}" for number in (8401, 99999, 314159, 2718281, 16180339)),
    *(form for word in _WORDS for form in (word, f" {word}  {word}", f"{word}'s {word}1 1{word}")),
    *(form for marks in _PUNCTUATION for form in (marks, f"a{marks}b", f" {marks} 1{marks}\n")),
    *_CONTRACTIONS,
    *_CODE,
    "a" * 3000,
    "ab" * 500 + "é" * 300,
    "é" * 1000,
    "中" * 1000,
    "🙂" * 300,
    "1" * 1000,
    "." * 1000,
    "Pneumonoultramicroscopicsilicovolcanoconiosis" * 5,
    "e" + "\u0301" * 200,
)


def self_test(encode: Encode, reference: Encode, specification: TokenizerJson) -> str | None:
    """Compare ``encode`` with ``reference`` on difficult strings.

    The strings are the same for every tokenizer, plus some around its added tokens. Exceptions of both functions
    propagate.

    Args:
        encode: The backend. Like ``reference``, it takes ``large_string`` (rows,).
        reference: The reference backend.
        specification: The content of the ``tokenizer.json``.

    Returns:
        The first string with other ids, as its Python representation, or ``None``.
    """
    strings = pa.array(chain(COMMON_STRINGS, _strings_with_added_tokens(specification)), STRINGS)
    ids, expected = encode(strings), reference(strings)
    if len(ids) != len(expected):
        return "the number of rows"
    if np.array_equal(ids.row_splits, expected.row_splits) and np.array_equal(ids.values, expected.values):
        return None
    mismatches = (i for i in range(len(strings)) if not np.array_equal(ids[i], expected[i]))
    return f"{strings[next(mismatches)].as_py()!a:.100}"


def _strings_with_added_tokens(specification: TokenizerJson) -> Iterator[str]:
    tokens = [token["content"] for token in specification.get("added_tokens") or []]
    for token in tokens[:: len(tokens) // 100 + 1]:  # Whisper has 1608
        yield token
        yield f"a{token}b {token} c{token} {token}d  {token}  \n{token}\n1{token}1{token}{token}"
        yield f".{token}'s\t{token}\u0301"
        yield f" {token}"
        yield f"{token} "
        yield f"{token.upper()} {token.lower()} {token[:-1]} {token[1:]} {token[:-1]}{token}{token[1:]}"
    yield "".join(tokens[:300])
    yield " ".join(tokens[:300])
