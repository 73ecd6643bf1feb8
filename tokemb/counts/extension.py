"""A vocabulary with the tokens of new texts appended: old ids stay, counts are added."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa

from tokemb._validation import check_count, check_optional_count
from tokemb.counts.select_tokens import select_tokens, word_counts
from tokemb.counts.token_counts import TokenCounts
from tokemb.errors import ArgumentError, VocabularyError
from tokemb.rows.corpus_statistics import CorpusStatistics
from tokemb.vocabulary.folder import vocabulary_table
from tokemb.vocabulary.profiles import Profile, get_profile
from tokemb.vocabulary.tokenizer_json import TokenizerJson, tokenizer_of
from tokemb.vocabulary.vocabulary import Vocabulary


def extend_vocabulary(
    encoder: Vocabulary,
    texts: Path | Iterable[Any] | TokenCounts,
    max_new: int | None,
    min_count: int,
    threads: int | None,
) -> tuple[TokenizerJson, dict[str, Any]]:
    """What ``Encoder.grow`` makes the new encoder of: its specification, and all else that an encoder keeps.

    Arguments and errors are those of ``Encoder.grow``.
    """
    max_new = check_optional_count("max_new", max_new)
    min_count = check_count("min_count", min_count)
    check_optional_count("threads", threads)
    splitting = _splitting(encoder)
    counts = _counted(texts, splitting, threads)
    old = encoder.vocabulary
    model = encoder.specification["model"]
    # Words of an imported vocabulary can share an id, of which `old` has only one; unk_token can be no word at all.
    reserved = [*old, *model["vocab"], model["unk_token"]]
    new = select_tokens(counts, ties=splitting.ties, max_size=max_new, min_count=min_count, reserved=reserved)
    table = _added(encoder.table, [*old, *new], counts)
    vocab = {**model["vocab"], **{token: index for index, token in enumerate(new, len(old))}}
    settings = encoder.settings or {}
    if new:
        settings = {**settings, "grown_from": [*settings.get("grown_from", ()), encoder.fingerprint]}
    kept = {
        "pad_id": encoder.pad_id,
        "profile": encoder.profile,
        "oov": encoder.oov,
        "settings": settings,
        "corpus": encoder.corpus and _corpus(encoder.corpus, encoder.table, table, counts),
        "table": table,
    }
    return {**encoder.specification, "model": {**model, "vocab": vocab}}, kept


def _splitting(encoder: Vocabulary) -> Profile:
    """Return how new texts are split for a vocabulary that can grow; raise ``VocabularyError`` for others."""
    if encoder.algorithm != "word":
        raise VocabularyError(
            f"only word vocabularies grow; in this one, of {encoder.algorithm}, a new piece would also cut known words "
            "anew, so that they lose their ids: fit another one"
        )
    ties = (encoder.settings or {}).get("ties")
    if encoder.profile is not None:
        profile = get_profile(encoder.profile)
        return replace(profile, ties=ties or profile.ties)
    if ties is None:
        raise VocabularyError(
            "a vocabulary grows if tokemb fitted or imported it; of a foreign tokenizer.json the profile is not known, "
            "so new texts cannot be counted: load the whole vocabulary folder"
        )
    tokenizer = tokenizer_of(encoder.specification)
    return Profile("", tokenizer.normalizer, tokenizer.pre_tokenizer, tokenizer.decoder, ties)


def _counted(texts: Path | Iterable[Any] | TokenCounts, splitting: Profile, threads: int | None) -> TokenCounts:
    if not isinstance(texts, TokenCounts):
        return TokenCounts.of_splitting(texts, splitting, threads)
    if not splitting.name:
        raise ArgumentError(
            "this vocabulary splits texts as the library that it was imported from, which no profile does, so counts "
            f"with the profile {texts.profile!r} cannot grow it: pass the texts themselves"
        )
    if texts.profile != splitting.name:
        raise ArgumentError(
            f"these counts were made with the profile {texts.profile!r}, the vocabulary with {splitting.name!r}"
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
