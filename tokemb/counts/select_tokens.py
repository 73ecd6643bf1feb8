"""Select the tokens of a vocabulary from counts, in the order of their ids."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import chain

import numpy as np
import pyarrow as pa

from tokemb._arrays import Int64
from tokemb.counts.token_counts import TokenCounts
from tokemb.counts.word_limits import WordLimits
from tokemb.errors import ArgumentError, TextError
from tokemb.rows.token_order import token_order

PAD_TOKEN = ""
"""The token of id 0. No pre-tokenizer yields it, so that no text can yield the padding id."""

UNK_TOKEN = "[UNK]"
"""The token of the out-of-vocabulary id."""


def reserved_tokens(reserve: Iterable[str], *, oov: bool = True, first: Mapping[str, str] | None = None) -> list[str]:
    """Return the tokens of the first ids: padding, OOV if ``oov`` is true, those of ``first``, and ``reserve``.

    Args:
        reserve: Tokens.
        oov: Whether the vocabulary has an id for tokens out of vocabulary.
        first: Tokens by the names of their arguments, such as ``start``.

    Raises:
        ArgumentError: If a token is empty, already reserved or repeated.
    """
    if isinstance(reserve, str) or not isinstance(reserve, Iterable):
        raise ArgumentError(f"reserve must be a list of tokens, such as ['[BOS]']; received {reserve!r}")
    tokens = [PAD_TOKEN, *([UNK_TOKEN] if oov else [])]
    named = [(f"{name} must be a non-empty token", token) for name, token in (first or {}).items()]
    for rule, token in chain(named, (("reserve must contain distinct non-empty tokens", token) for token in reserve)):
        is_text = isinstance(token, str) and token.encode(errors="ignore").decode() == token != ""
        if not is_text or token == UNK_TOKEN or token in tokens:
            others = " and those of start and end" if first and "reserve" in rule else ""
            raise ArgumentError(f"{rule} other than {UNK_TOKEN!r}{others}; received {token!r}")
        tokens.append(token)
    return tokens


def no_token_error(counts: TokenCounts, min_count: int, limits: WordLimits | None = None) -> TextError:
    """Return the error for a corpus without a token that can be selected."""
    if counts.distinct and limits is not None and (names := list(limits.to_json())):
        return TextError(
            f"a vocabulary requires at least one token; the corpus ({counts.rows} rows) has none that {names[0]} allows"
        )
    if min_count == 1 or not counts.distinct:
        return TextError(f"a vocabulary requires at least one token; the corpus ({counts.rows} rows) has none")
    return TextError(
        f"a vocabulary requires at least one token; the corpus ({counts.rows} rows) has none that occurs "
        f"{min_count} times: lower min_count"
    )


def rank_tokens(
    counts: TokenCounts,
    *,
    ties: str,
    max_size: int | None = None,
    min_count: int = 1,
    reserved: Sequence[str] = (),
    limits: WordLimits | None = None,
) -> Int64:
    """Select the most frequent tokens.

    Args:
        counts: The counts.
        ties: The order of equally frequent tokens: ``"ascending"`` or ``"descending"`` by their UTF-8 bytes, or
            ``"first seen"``.
        max_size: The maximum number of tokens. ``None`` selects all.
        min_count: The minimum count of a token.
        reserved: Tokens that are not selected, because they have an id already.
        limits: Stop words, words to keep, and limits of document frequency.

    Returns:
        The positions of the tokens in ``counts`` by descending count, int64 ``(selected,)``.

    Raises:
        ArgumentError: If there are more words to keep than ``max_size``, or the limits contradict each other.
    """
    import pyarrow.compute as pc  # only here, because encoding does not need it

    excluded = pa.array([PAD_TOKEN, UNK_TOKEN, *reserved], pa.large_string())
    eligible = pc.invert(pc.is_in(counts.tokens, excluded)).to_numpy(zero_copy_only=False)
    kept = np.zeros_like(eligible)
    if limits is not None:
        kept = eligible & limits.kept(counts)
        eligible &= limits.allowed(counts) | kept
    others = eligible & ~kept
    room = None if max_size is None else max_size - np.count_nonzero(kept)
    if room is not None and room < 0:
        raise ArgumentError(
            f"max_size must be at least {np.count_nonzero(kept)}, the number of keep_words; received {max_size}"
        )
    if room and room < np.count_nonzero(others):
        # Tokens that are rarer than the last selected one need not be sorted.
        min_count = max(min_count, int(np.partition(counts.counts[others], -room)[-room]))
    positions = np.flatnonzero(kept | (others & (counts.counts >= min_count)))
    tokens = counts.tokens if len(positions) == len(counts.tokens) else counts.tokens.take(pa.array(positions))
    ranks: Int64 = positions[token_order(tokens, counts.counts[positions], ties)]
    return ranks if room is None else ranks[kept[ranks] | (np.cumsum(~kept[ranks]) <= room)]


def word_counts(tokens: Sequence[str], counts: TokenCounts, ranks: Int64 | None = None) -> tuple[pa.Array, pa.Array]:
    """Return the counts and the documents of ``tokens`` and further words, both int64 ``(tokens + ranks,)``.

    Both are null for padding, OOV and tokens that do not occur.

    Args:
        tokens: Tokens.
        counts: The counts.
        ranks: The positions in ``counts`` of further words, int64 ``(ranks,)``.
    """
    import pyarrow.compute as pc  # only here, because encoding does not need it

    ranks = np.zeros(0, np.int64) if ranks is None else ranks
    numbers = {token: number for number, token in enumerate(tokens) if token not in (PAD_TOKEN, UNK_TOKEN)}
    positions = np.full(len(tokens), -1)
    if numbers:
        found = pc.index_in(counts.tokens, value_set=pa.array(list(numbers), pa.large_string()))
        at = np.flatnonzero(found.is_valid().to_numpy(zero_copy_only=False))
        positions[np.array([*numbers.values()])[found.drop_null().to_numpy()]] = at
    all_positions = np.concatenate([positions, ranks])
    indices = pa.array(all_positions, mask=all_positions < 0)
    return pa.array(counts.counts).take(indices), pa.array(counts.documents).take(indices)


def check_absent(tokens: Mapping[str, str], counts: TokenCounts) -> None:
    """Raise ``ArgumentError`` if a start or end token occurs in the texts, where ``decode`` could not tell it apart."""
    for name, token in tokens.items():
        if (occurrences := word_counts([token], counts)[0][0].as_py()) is not None:
            raise ArgumentError(
                f"{name} must be a token that the texts do not contain; the count of {token!r:.80} is {occurrences:,}"
            )
