"""A vocabulary with the tokens of new texts appended: old ids stay, counts are added."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from tokemb.arguments import check_count, check_optional_count
from tokemb.counts import TokenCounts
from tokemb.errors import ArgumentError, VocabularyError
from tokemb.folder import vocabulary_table
from tokemb.profiles import get_profile
from tokemb.specification import Specification
from tokemb.statistics import CorpusStatistics
from tokemb.vocabulary import cut, word_counts

if TYPE_CHECKING:
    from tokemb.encoder import Encoder


def growth(
    encoder: Encoder,
    texts: Path | Iterable[Any] | TokenCounts,
    max_new: int | None,
    min_count: int,
    threads: int | None,
) -> tuple[Specification, dict[str, Any]]:
    """What ``Encoder.grow`` makes the new encoder of: its specification, and all else that an encoder keeps.

    Arguments and errors are those of ``Encoder.grow``.
    """
    max_new = check_optional_count("max_new", max_new)
    min_count = check_count("min_count", min_count)
    check_optional_count("threads", threads)
    profile, corpus = _can_grow(encoder)
    counts = _counted(texts, profile, threads)
    old = encoder.vocabulary
    new = cut(counts, ties=get_profile(profile).ties, max_size=max_new, min_count=min_count, reserved=old)
    table = _added(encoder.table, [*old, *new], counts)
    model = encoder.specification["model"]
    vocab = {**model["vocab"], **{token: index for index, token in enumerate(new, len(old))}}
    settings = encoder.settings or {}
    if new:
        settings = {**settings, "grown_from": [*settings.get("grown_from", ()), encoder.fingerprint]}
    kept = {
        "pad_id": encoder.pad_id,
        "profile": profile,
        "oov": encoder.oov,
        "settings": settings,
        "corpus": _corpus(corpus, encoder.table, table, counts),
        "table": table,
    }
    return {**encoder.specification, "model": {**model, "vocab": vocab}}, kept


def _can_grow(encoder: Encoder) -> tuple[str, CorpusStatistics]:
    """The profile and the corpus of a vocabulary that can grow; raises ``VocabularyError`` for others."""
    if encoder.model != "word":
        raise VocabularyError(
            f"only word vocabularies grow; in this one, of {encoder.model}, a new piece would also cut known words "
            "anew, so that they lose their ids: fit another one"
        )
    if encoder.profile is None or encoder.corpus is None:
        raise VocabularyError(
            "a vocabulary grows that tokemb fit; of a foreign tokenizer.json the profile is not known, so new texts "
            "cannot be counted: load the whole vocabulary folder"
        )
    return encoder.profile, encoder.corpus


def _counted(texts: Path | Iterable[Any] | TokenCounts, profile: str, threads: int | None) -> TokenCounts:
    if not isinstance(texts, TokenCounts):
        return TokenCounts.from_texts(texts, profile=profile, threads=threads)
    if texts.profile != profile:
        raise ArgumentError(
            f"these counts were made with the profile {texts.profile!r}, the vocabulary with {profile!r}"
        )
    texts.require_all_tokens("used to grow a vocabulary")
    return texts


def _added(table: pa.Table, tokens: list[str], counts: TokenCounts) -> pa.Table:
    """The table of ``tokens``, which begin with those of ``table``: its counts and new ones, null where both are."""
    import pyarrow.compute as pc  # here, so that encoding does not wait for it

    nothing = pa.nulls(len(tokens) - len(table), pa.int64())
    columns = []
    for name, added in zip(("count", "documents"), word_counts(tokens, counts), strict=True):
        before = pa.concat_arrays([*table[name].chunks, nothing])
        both = pc.add(before.fill_null(0), added.fill_null(0))
        columns.append(pc.if_else(pc.or_(before.is_valid(), added.is_valid()), both, None))
    return vocabulary_table(tokens, *columns)


def _corpus(old: CorpusStatistics, before: pa.Table, after: pa.Table, counts: TokenCounts) -> CorpusStatistics:
    """The statistics of both corpora together; ``before`` and ``after`` are the tables of the two vocabularies.

    Which tokens the old vocabulary left out is not known, so those among them that are new tokens now stay counted as
    out of vocabulary, and as distinct from the new ones.
    """
    import pyarrow.compute as pc

    def occurrences(table: pa.Table) -> int:
        return int(pc.sum(table["count"]).as_py() or 0)

    row_lengths = dict(old.row_lengths)
    for length, rows in counts.row_lengths.items():
        row_lengths[length] = row_lengths.get(length, 0) + rows
    seen = before.filter(before["count"].is_valid())["token"].cast(pa.large_string())
    unseen = pc.invert(pc.is_in(counts.tokens, value_set=seen))
    known = occurrences(after) - occurrences(before)
    return CorpusStatistics(
        old.rows + counts.rows,
        old.tokens + counts.total,
        old.distinct + int(pc.sum(unseen).as_py() or 0),
        old.encoded + counts.total,
        old.oov + counts.total - known,
        dict(sorted(row_lengths.items())),
    )
