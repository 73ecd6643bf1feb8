"""The frequencies of what a report is about, and of the new texts that it is compared with."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from tokemb._arrays import STRINGS
from tokemb.analysis.report.frequencies import Frequencies
from tokemb.counts.matching_counts import count_with, splitting_of
from tokemb.counts.subwords import count_subwords
from tokemb.counts.token_counts import TokenCounts
from tokemb.vocabulary.profiles import get_profile
from tokemb.vocabulary.tokenizer_json import tokenizer_of
from tokemb.vocabulary.vocabulary import Vocabulary


def frequencies_of(source: TokenCounts | Vocabulary) -> Frequencies:
    """Return the frequencies of counts or of the texts that a vocabulary was fitted to.

    Raises:
        VocabularyError: If the vocabulary holds no counts.
    """
    return Frequencies.of_counts(source) if isinstance(source, TokenCounts) else Frequencies.of_vocabulary(source)


def new_frequencies(
    source: TokenCounts | Vocabulary, texts: Path | Iterable[Any] | TokenCounts, threads: int | None
) -> Frequencies:
    """Return the frequencies of new texts, split as those of ``source``.

    Raises:
        VocabularyError: If ``source`` is a foreign ``tokenizer.json``.
        ArgumentError: If ``texts`` are counts with another profile.
    """
    if isinstance(source, TokenCounts):
        profile = replace(get_profile(source.profile), ngrams=source.ngrams)
        return Frequencies.of_counts(count_with(profile, texts, "be compared with it", threads))
    splitting = splitting_of(source, "be compared with new texts")
    counts = count_with(splitting, texts, "be compared with it", threads)
    return Frequencies.of_counts(counts, splitting.ties) if source.algorithm == "word" else _subwords(source, counts)


def _subwords(vocabulary: Vocabulary, counts: TokenCounts) -> Frequencies:
    """Return the frequencies of the subwords of counted words."""
    counts.require_all_tokens("split into subwords")
    model = tokenizer_of(vocabulary.specification).model
    occurrences = count_subwords(model, vocabulary.algorithm, counts, vocabulary.input_dim)
    total = int(occurrences.sum())
    if vocabulary.unk_id is not None:
        occurrences[vocabulary.unk_id] = 0
    ids = np.argsort(-occurrences, kind="stable")[: np.count_nonzero(occurrences)]
    return Frequencies(
        pa.array(vocabulary.vocabulary, STRINGS).take(pa.array(ids)),
        occurrences[ids],
        None,
        total,
        len(ids),
        None,
        counts.row_lengths,
        int(occurrences.sum()) == total,
        "words",
    )
