"""How Keras splits texts, as ``tokenizers`` components: the legacy ``Tokenizer`` and ``TextVectorization``."""

from __future__ import annotations

from dataclasses import replace

from tokenizers import Regex, decoders, normalizers, pre_tokenizers
from tokenizers.normalizers import Normalizer
from tokenizers.pre_tokenizers import PreTokenizer

from tokemb.errors import VocabularyError
from tokemb.importers.unicode_text import is_unicode
from tokemb.vocabulary.profiles import ASCII_PUNCTUATION, ASCII_SPACE, ASCII_UPPER, PROFILES, Profile, python_lower

DEFAULT_FILTERS = '!"#$%&()*+,-./:;<=>?@[\\]^_`{|}~\t\n'
"""The ``filters`` of a ``Tokenizer`` that is not told any."""


def keras_profile(filters: str, lower: bool, split: str, char_level: bool) -> Profile:
    """How a ``Tokenizer`` with these settings splits; one of the known profiles if that is the same.

    Raises ``VocabularyError`` for an empty ``split``, with which the original splits nothing.
    """
    normalizer = python_lower() if lower else None
    if char_level:
        if not lower:
            return replace(PROFILES["chars"], ties="first seen")
        return Profile("", normalizer, PROFILES["chars"].pre_tokenizer, decoders.Fuse(), ties="first seen")
    if not split or not is_unicode(split):
        raise VocabularyError(f"split of a Keras Tokenizer must be text that is not empty; it is {split!r:.60}")
    filters = "".join(filter(is_unicode, filters))  # others are in no text
    if lower and split == " " and set(filters) == set(DEFAULT_FILTERS):
        return PROFILES["keras"]
    if len(split) == 1:
        cut = pre_tokenizers.Split(Regex(f"{_any_of(filters + split)}+"), "removed")
        return Profile("", normalizer, cut, ties="first seen")
    # What takes the place of a filtered character can be one half of what is split at, so it is put there as in Keras.
    steps = [*([normalizer] if normalizer else []), *([_replace(_any_of(filters), split)] if filters else [])]
    return Profile("", normalizers.Sequence(steps), pre_tokenizers.Split(split, "removed"), ties="first seen")


def layer_profile(standardize: str | None, split: str | None) -> Profile:
    """How a ``TextVectorization`` with these settings splits.

    ``standardize``: ``"lower_and_strip_punctuation"``, ``"lower"``, ``"strip_punctuation"`` or ``None``; ``split``:
    ``"whitespace"``, ``"character"`` or ``None``.
    """
    if (standardize, split) == ("lower_and_strip_punctuation", "whitespace"):
        return PROFILES["text-vectorization"]
    steps: list[Normalizer] = []
    if standardize and "lower" in standardize:
        steps.extend(normalizers.Replace(letter, letter.lower()) for letter in ASCII_UPPER)
    if standardize and "strip_punctuation" in standardize:
        steps.append(_replace(ASCII_PUNCTUATION, ""))
    cut: PreTokenizer = pre_tokenizers.Sequence([])
    if split == "whitespace":
        cut = pre_tokenizers.Split(Regex(ASCII_SPACE), "removed")
    elif split == "character":
        cut = PROFILES["chars"].pre_tokenizer
    decoder = decoders.Fuse() if split == "character" else None
    return Profile("", normalizers.Sequence(steps) if steps else None, cut, decoder, ties="descending")


def _replace(pattern: str, by: str) -> Normalizer:
    return normalizers.Replace(Regex(pattern), by)


def _any_of(characters: str) -> str:
    """A class of characters, none of which means anything else in a regular expression."""
    return "[" + "".join(f"\\x{{{ord(character):X}}}" for character in dict.fromkeys(characters)) + "]"
