"""Profiles: named ways of splitting text, each defined by standard ``tokenizers`` components only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from tokemb._validation import UNIGRAMS, check_choice
from tokemb.vocabulary.expressions import (
    ASCII_PUNCTUATION,
    ASCII_SPACE,
    ASCII_UPPER,
    FINAL_SIGMA,
    KERAS_SEPARATORS,
    WORDS,
)
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
        ngrams: The lengths of the n-grams that are tokens of a vocabulary, in the order of the ids in a row.
    """

    name: str
    normalizer: Normalizer | None
    pre_tokenizer: PreTokenizer
    decoder: Decoder | None = None
    ties: str = "ascending"
    ngrams: tuple[int, ...] = UNIGRAMS

    def tokenizer(self, model: Model | None = None) -> Tokenizer:
        """Return a tokenizer with this profile and ``model``, by default an empty model."""
        tokenizer = Tokenizer(model or models.WordLevel({}, unk_token=""))
        if self.normalizer is not None:
            tokenizer.normalizer = self.normalizer
        tokenizer.pre_tokenizer = self.pre_tokenizer
        return tokenizer


# The profile of events and of values of columns, which are looked up unchanged. It splits texts the least.
EVENT_PROFILE = "whitespace"


def python_lower() -> Normalizer:
    """Return a normalizer equivalent to Python's ``str.lower``."""
    return normalizers.Sequence([normalizers.Replace(Regex(FINAL_SIGMA), "ς"), normalizers.Lowercase()])


PROFILES: Mapping[str, Profile] = MappingProxyType(
    {
        profile.name: profile
        for profile in (
            Profile(
                "words",
                normalizers.Sequence([normalizers.Replace("\u2019", "'"), normalizers.Lowercase()]),
                pre_tokenizers.Split(Regex(WORDS), "removed", invert=True),
            ),
            Profile(
                "keras",
                python_lower(),
                pre_tokenizers.Split(Regex(KERAS_SEPARATORS), "removed"),
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
