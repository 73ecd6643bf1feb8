"""Profiles: named ways of splitting text, each defined by standard ``tokenizers`` components only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType

from tokemb._validation import UNIGRAMS, check_choice
from tokemb.errors import ArgumentError
from tokemb.vocabulary.expressions import (
    ASCII_PUNCTUATION,
    ASCII_SPACE,
    ASCII_UPPER,
    FINAL_SIGMA,
    KERAS_SEPARATORS,
    WORDS,
    WORDS_AND_PUNCTUATION,
)
from tokemb.vocabulary.segmenters.segmenter import Segmenter
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
        segmenter: The segmenter that puts spaces between the words of a text before it is split, or ``None``.
    """

    name: str
    normalizer: Normalizer | None
    pre_tokenizer: PreTokenizer
    decoder: Decoder | None = None
    ties: str = "ascending"
    ngrams: tuple[int, ...] = UNIGRAMS
    segmenter: Segmenter | None = None

    def tokenizer(self, model: Model | None = None) -> Tokenizer:
        """Return a tokenizer with this profile and ``model``, by default an empty model."""
        tokenizer = Tokenizer(model or models.WordLevel({}, unk_token=""))
        if self.normalizer is not None:
            tokenizer.normalizer = self.normalizer
        tokenizer.pre_tokenizer = self.pre_tokenizer
        return tokenizer


# The profiles that split at spaces only, and the one that is used by default with a segmenter. The other profiles would
# split the words that it finds.
SEGMENTED_PROFILES = ("keras", "text-vectorization", "whitespace")
DEFAULT_SEGMENTED_PROFILE = "keras"

# The profile of events and of values of columns, which are looked up unchanged. It splits texts the least.
EVENT_PROFILE = "whitespace"


def python_lower() -> Normalizer:
    """Return a normalizer equivalent to Python's ``str.lower``."""
    return normalizers.Sequence([normalizers.Replace(Regex(FINAL_SIGMA), "ς"), normalizers.Lowercase()])


_lower_words = normalizers.Sequence([normalizers.Replace("\u2019", "'"), normalizers.Lowercase()])

PROFILES: Mapping[str, Profile] = MappingProxyType(
    {
        profile.name: profile
        for profile in (
            Profile(
                "words",
                _lower_words,
                pre_tokenizers.Split(Regex(WORDS), "removed", invert=True),
            ),
            Profile(
                "words-and-punctuation",
                _lower_words,
                pre_tokenizers.Split(Regex(WORDS_AND_PUNCTUATION), "removed", invert=True),
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


def segmented_profile(profile: str | None, segmenter: str | None, user_dictionary: Path | None) -> Profile:
    """Return the profile with the segmenter of ``fit_vocab``.

    Raises:
        ArgumentError: If the profile would split the words of the segmenter. Others are those of
            ``Segmenter.from_arguments``.
    """
    if segmenter is None:
        Segmenter.from_arguments(None, user_dictionary)
        return get_profile("words" if profile is None else profile)
    splitting = get_profile(DEFAULT_SEGMENTED_PROFILE if profile is None else profile)
    if splitting.name not in SEGMENTED_PROFILES:
        raise ArgumentError(
            f"profile must be one of {', '.join(SEGMENTED_PROFILES)} with a segmenter, since the others split its "
            f"words; received {splitting.name!r}"
        )
    return replace(splitting, segmenter=Segmenter.from_arguments(segmenter, user_dictionary))
