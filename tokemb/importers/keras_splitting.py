"""Splitting of the legacy Keras ``Tokenizer`` and of ``TextVectorization``, as ``tokenizers`` components."""

from __future__ import annotations

from dataclasses import replace

from tokemb.errors import VocabularyError
from tokemb.sources.texts import is_unicode
from tokemb.vocabulary.expressions import ASCII_PUNCTUATION, ASCII_SPACE, ASCII_UPPER, KERAS_FILTERS
from tokemb.vocabulary.profiles import PROFILES, Profile, python_lower
from tokemb.vocabulary.tokenizers_library import Normalizer, PreTokenizer, Regex, decoders, normalizers, pre_tokenizers


def keras_profile(filters: str, lower: bool, split: str, char_level: bool) -> Profile:
    """Return the profile of a ``Tokenizer``. If a named profile is equivalent, return that.

    Args:
        filters: As in Keras.
        lower: As in Keras.
        split: As in Keras.
        char_level: As in Keras.

    Raises:
        VocabularyError: If ``split`` is empty, with which Keras cannot split.
    """
    normalizer = python_lower() if lower else None
    if char_level:
        if not lower:
            return replace(PROFILES["chars"], ties="first seen")
        return Profile("", normalizer, PROFILES["chars"].pre_tokenizer, decoders.Fuse(), ties="first seen")
    if not split or not is_unicode(split):
        raise VocabularyError(f"split of a Keras Tokenizer must be valid text and not empty; it is {split!r:.60}")
    filters = "".join(filter(is_unicode, filters))  # lone surrogates occur in no text
    if lower and split == " " and set(filters) == set(KERAS_FILTERS):
        return PROFILES["keras"]
    if len(split) == 1:
        pre_tokenizer = pre_tokenizers.Split(Regex(f"{_any_of(filters + split)}+"), "removed")
        return Profile("", normalizer, pre_tokenizer, ties="first seen")
    # A replaced character and its neighbours can form another separator, so the text is replaced first, as in Keras.
    steps = [*([normalizer] if normalizer else []), *([_replace(_any_of(filters), split)] if filters else [])]
    return Profile("", normalizers.Sequence(steps), pre_tokenizers.Split(split, "removed"), ties="first seen")


def layer_profile(standardize: str | None, split: str | None) -> Profile:
    """Return the profile of a ``TextVectorization`` layer.

    Args:
        standardize: ``"lower_and_strip_punctuation"``, ``"lower"``, ``"strip_punctuation"`` or ``None``.
        split: ``"whitespace"``, ``"character"`` or ``None``.
    """
    if (standardize, split) == ("lower_and_strip_punctuation", "whitespace"):
        return PROFILES["text-vectorization"]
    steps: list[Normalizer] = []
    if standardize and "lower" in standardize:
        steps.extend(normalizers.Replace(letter, letter.lower()) for letter in ASCII_UPPER)
    if standardize and "strip_punctuation" in standardize:
        steps.append(_replace(ASCII_PUNCTUATION, ""))
    pre_tokenizer: PreTokenizer = pre_tokenizers.Sequence([])
    if split == "whitespace":
        pre_tokenizer = pre_tokenizers.Split(Regex(ASCII_SPACE), "removed")
    elif split == "character":
        pre_tokenizer = PROFILES["chars"].pre_tokenizer
    decoder = decoders.Fuse() if split == "character" else None
    return Profile("", normalizers.Sequence(steps) if steps else None, pre_tokenizer, decoder, ties="descending")


def _replace(pattern: str, replacement: str) -> Normalizer:
    return normalizers.Replace(Regex(pattern), replacement)


def _any_of(characters: str) -> str:
    """Return a character class of a regular expression, with every character escaped."""
    return "[" + "".join(f"\\x{{{ord(character):X}}}" for character in dict.fromkeys(characters)) + "]"
