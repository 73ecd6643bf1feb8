"""Append the tokens of new texts to a vocabulary. Existing ids are unchanged, and counts are added."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa

from tokemb._validation import check_count, check_optional_count
from tokemb.counts.matching_counts import count_with, splitting_of
from tokemb.counts.select_tokens import check_absent, rank_tokens, word_counts
from tokemb.counts.token_counts import TokenCounts
from tokemb.errors import ArgumentError, VocabularyError
from tokemb.rows.corpus_statistics import CorpusStatistics
from tokemb.vocabulary.folder import vocabulary_table
from tokemb.vocabulary.profiles import Profile
from tokemb.vocabulary.tokenizer_json import TokenizerJson
from tokemb.vocabulary.vocabulary import Vocabulary


def extend_vocabulary(
    encoder: Vocabulary,
    texts: Path | Iterable[Any] | TokenCounts,
    max_new: int | None,
    min_count: int,
    threads: int | None,
) -> tuple[TokenizerJson, dict[str, Any]]:
    """Return the ``tokenizer.json`` and the other arguments of the encoder that ``Encoder.grow`` returns.

    The arguments and errors are those of ``Encoder.grow``.
    """
    max_new = check_optional_count("max_new", max_new)
    min_count = check_count("min_count", min_count)
    check_optional_count("threads", threads)
    splitting = _splitting(encoder)
    counts = count_with(splitting, texts, "grow it", threads)
    counts.require_all_tokens("used to grow a vocabulary")
    saved = encoder.settings or {}
    check_absent({name: saved[name] for name in ("start", "end") if name in saved}, counts)
    old = encoder.vocabulary
    model = encoder.specification["model"]
    # Words of an imported vocabulary can share an id, and `old` has only one of them. unk_token need not be in `vocab`.
    # Stop words of the first fit are left out again.
    stop_words = (encoder.settings or {}).get("stop_words", ())
    reserved = [*old, *model["vocab"], model["unk_token"], *stop_words]
    ranks = rank_tokens(counts, ties=splitting.ties, max_size=max_new, min_count=min_count, reserved=reserved)
    new: list[str] = counts.tokens.take(pa.array(ranks)).to_pylist()
    table = _extend_table(encoder.table, [*old, *new], counts)
    vocab = {**model["vocab"], **{token: index for index, token in enumerate(new, len(old))}}
    settings = encoder.settings or {}
    if new:
        settings = {**settings, "grown_from": [*settings.get("grown_from", ()), encoder.fingerprint]}
    options = {
        **encoder.options,
        "settings": settings,
        "corpus": encoder.corpus and _extend_corpus(encoder.corpus, encoder.table, table, counts),
        "table": table,
        # The tokens that the old texts had out of vocabulary are not known.
        "buckets": encoder.buckets and replace(encoder.buckets, statistics=None),
    }
    return {**encoder.specification, "model": {**model, "vocab": vocab}}, options


def _splitting(encoder: Vocabulary) -> Profile:
    """Return how new texts are split. Raise ``VocabularyError`` if the vocabulary cannot grow."""
    if encoder.algorithm != "word":
        raise VocabularyError(
            f"only word vocabularies can grow; this one has the algorithm {encoder.algorithm}, in which a new "
            "subword would change the ids of existing words: fit a new vocabulary"
        )
    return splitting_of(encoder, "grow")


def _extend_table(table: pa.Table, tokens: list[str], counts: TokenCounts) -> pa.Table:
    """Return the table of ``tokens``, which begin with those of ``table``, with the sums of old and new counts.

    A sum is null where both counts are.

    Raises:
        ArgumentError: If a sum does not fit int64.
    """
    import pyarrow.compute as pc  # only here, because encoding does not need it

    missing = pa.nulls(len(tokens) - len(table), pa.int64())
    columns = []
    for name, added in zip(("count", "documents"), word_counts(tokens, counts), strict=True):
        before = pa.concat_arrays([*table[name].chunks, missing])
        try:
            both = pc.add_checked(before.fill_null(0), added.fill_null(0))
        except pa.ArrowInvalid:
            raise ArgumentError("the sum of old and new counts must fit int64: pass smaller counts") from None
        columns.append(pc.if_else(pc.or_(before.is_valid(), added.is_valid()), both, None))
    return vocabulary_table(tokens, *columns)


def _extend_corpus(old: CorpusStatistics, before: pa.Table, after: pa.Table, counts: TokenCounts) -> CorpusStatistics:
    """Return the statistics of both corpora together.

    The tokens that the old vocabulary left out are not known. If they are among the new tokens, their old occurrences
    still count as out of vocabulary, and they are counted twice as distinct tokens.

    Args:
        old: The statistics of the old corpus.
        before: The table of the old vocabulary.
        after: The table of the new vocabulary.
        counts: The counts of the new texts.
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
