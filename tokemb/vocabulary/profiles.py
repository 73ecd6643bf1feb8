"""Profiles: named ways of splitting text, each defined by standard ``tokenizers`` components only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from tokemb._validation import check_choice
from tokemb.vocabulary.tokenizers_library import (
    Decoder,
    Model,
    Normalizer,
    PreTokenizer,
    Regex,
    Tokenizer,
    decoders,
    models,
    normalizers,
    pre_tokenizers,
)


@dataclass(frozen=True)
class Profile:
    """A way of splitting text, and the order of equally frequent tokens.

    Attributes:
        name: The name of the profile.
        normalizer: The normalizer, or ``None``.
        pre_tokenizer: The pre-tokenizer.
        decoder: The decoder. ``None`` joins tokens with a space, as in ``tokenizers``.
        ties: ``"ascending"`` or ``"descending"`` by the UTF-8 bytes of the tokens, or ``"first seen"``.
    """

    name: str
    normalizer: Normalizer | None
    pre_tokenizer: PreTokenizer
    decoder: Decoder | None = None
    ties: str = "ascending"

    def tokenizer(self, model: Model | None = None) -> Tokenizer:
        """Return a tokenizer with this profile and ``model``, by default an empty model."""
        tokenizer = Tokenizer(model or models.WordLevel({}, unk_token=""))
        if self.normalizer is not None:
            tokenizer.normalizer = self.normalizer
        tokenizer.pre_tokenizer = self.pre_tokenizer
        return tokenizer


# Scripts written without spaces, and symbols: each character is a token of its own. The script properties do not
# include the prolonged sound mark and the half-width marks, which Unicode shares between the kana. Some emoji are not
# "other symbols" (So): arrows are mathematical signs, and skin tones are modifiers.
_ALONE = (
    r"\p{Han}\p{Hiragana}\p{Katakana}\x{30FC}\x{FF70}\x{FF9E}\x{FF9F}"
    r"\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}"
    r"\p{So}\p{Extended_Pictographic}\p{Emoji_Modifier}"
)
# A variation selector is a mark that selects how the preceding symbol is drawn. It is not part of a word.
_WORD = rf"[[\p{{L}}\p{{M}}\p{{N}}_]&&[^{_ALONE}\p{{Variation_Selector}}]]"
# Characters inside a word that are not letters: an apostrophe, and the joiners of Indic and Persian spelling.
_JOIN = r"['\x{200C}\x{200D}]"
_WORDS = rf"[{_ALONE}]|{_WORD}+(?:{_JOIN}{_WORD}+)*"

# Python's str.lower, which Keras calls, writes a sigma at the end of a word as ς (Unicode, SpecialCasing,
# Final_Sigma). Lowercase maps each character by itself. Otherwise both are equal.
_CASED = r"[\p{Cased}&&[^\p{Case_Ignorable}]]"
_FINAL_SIGMA = rf"(?<={_CASED}\p{{Case_Ignorable}}*)Σ(?!\p{{Case_Ignorable}}*{_CASED})"
# The `filters` of the legacy Tokenizer, which it replaces by spaces, and the space at which it splits.
_KERAS_SEPARATORS = r'[!"#$%&()*+,\-./:;<=>?@\[\\\]^_`{|}~\t\n ]+'

# TextVectorization lowercases only A to Z (tf.strings.lower without an encoding), deletes ASCII punctuation, and
# splits at ASCII white space (tf.strings.split without a separator).
ASCII_UPPER = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
ASCII_PUNCTUATION = r'[!"#$%&()*+,\-./:;<=>?@\[\\\]^_`{|}~\x27]'
ASCII_SPACE = r"[ \t\n\x0B\f\r]+"


# The profile of events and of values of columns, which are looked up unchanged. It splits texts the least.
EVENT_PROFILE = "whitespace"


def python_lower() -> Normalizer:
    """Return a normalizer equivalent to Python's ``str.lower``."""
    return normalizers.Sequence([normalizers.Replace(Regex(_FINAL_SIGMA), "ς"), normalizers.Lowercase()])


PROFILES: Mapping[str, Profile] = MappingProxyType(
    {
        profile.name: profile
        for profile in (
            Profile(
                "words",
                normalizers.Sequence([normalizers.Replace("\u2019", "'"), normalizers.Lowercase()]),
                pre_tokenizers.Split(Regex(_WORDS), "removed", invert=True),
            ),
            Profile(
                "keras",
                python_lower(),
                pre_tokenizers.Split(Regex(_KERAS_SEPARATORS), "removed"),
                ties="first seen",
            ),
            Profile(
                "text-vectorization",
                normalizers.Sequence(
                    [
                        *(normalizers.Replace(letter, letter.lower()) for letter in ASCII_UPPER),
                        normalizers.Replace(Regex(ASCII_PUNCTUATION), ""),
                    ]
                ),
                pre_tokenizers.Split(Regex(ASCII_SPACE), "removed"),
                ties="descending",
            ),
            Profile(
                EVENT_PROFILE,
                None,
                pre_tokenizers.WhitespaceSplit(),
            ),
            Profile(
                "chars",
                None,
                pre_tokenizers.Split("", "isolated"),
                decoders.Fuse(),
            ),
            Profile(
                "bert",
                normalizers.BertNormalizer(),
                pre_tokenizers.BertPreTokenizer(),
            ),
        )
    }
)


def get_profile(name: str) -> Profile:
    """Return the profile with this name. Raise ``ArgumentError`` if there is none."""
    return PROFILES[check_choice("profile", name, PROFILES)]
