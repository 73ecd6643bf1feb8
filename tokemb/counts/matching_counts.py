"""Counts of texts that are split as those of a vocabulary."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from tokemb.counts.token_counts import TokenCounts
from tokemb.errors import ArgumentError, VocabularyError
from tokemb.vocabulary.profiles import Profile, get_profile
from tokemb.vocabulary.tokenizer_json import tokenizer_of
from tokemb.vocabulary.vocabulary import Vocabulary


def splitting_of(encoder: Vocabulary, use: str) -> Profile:
    """Return how the texts of a vocabulary are split.

    Args:
        encoder: The vocabulary.
        use: What requires it, for the message, for example ``"grow"``.

    Raises:
        VocabularyError: If the vocabulary is a foreign ``tokenizer.json``.
    """
    ties = (encoder.settings or {}).get("ties")
    if encoder.profile is not None:
        profile = get_profile(encoder.profile)
        return replace(profile, ties=ties or profile.ties, ngrams=encoder.ngrams)
    if ties is None:
        raise VocabularyError(
            f"only vocabularies that tokemb fitted or imported can {use}, since a foreign tokenizer.json does not name "
            "a profile to count new texts with: load the whole vocabulary folder"
        )
    tokenizer = tokenizer_of(encoder.specification)
    return Profile("", tokenizer.normalizer, tokenizer.pre_tokenizer, tokenizer.decoder, ties, encoder.ngrams)


def count_with(
    splitting: Profile, texts: Path | Iterable[Any] | TokenCounts, use: str, threads: int | None
) -> TokenCounts:
    """Count texts split by ``splitting``, or return counts that were made with it.

    Args:
        splitting: How texts are split, as ``splitting_of`` returns it.
        texts: The texts, as for ``TokenCounts.from_texts``, or counts.
        use: What the counts are for, for the message, for example ``"grow it"``.
        threads: The number of threads.

    Raises:
        ArgumentError: If ``texts`` are counts that were made with another profile or other n-grams.
    """
    if not isinstance(texts, TokenCounts):
        return TokenCounts.of_splitting(texts, splitting, threads)
    if not splitting.name:
        raise ArgumentError(
            "this vocabulary was imported and splits texts as no profile does, so that counts with the profile "
            f"{texts.profile!r} cannot {use}: pass the texts themselves"
        )
    if texts.profile != splitting.name:
        raise ArgumentError(
            f"the counts must have the profile of the vocabulary, {splitting.name!r}; received {texts.profile!r}: "
            "count the texts again with it"
        )
    if texts.ngrams != splitting.ngrams:
        raise ArgumentError(
            f"the counts must have the n-grams of the vocabulary, the lengths {list(splitting.ngrams)}; received "
            f"{list(texts.ngrams)}: count the texts again with them"
        )
    return texts
