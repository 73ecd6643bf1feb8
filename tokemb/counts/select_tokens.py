"""From counts to the tokens of a vocabulary, in the order of their ids."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import pyarrow as pa

from tokemb.counts.token_counts import TokenCounts
from tokemb.errors import ArgumentError, TextError

PAD_TOKEN = ""
"""The token of id 0. No pre-tokenizer can yield it, so no text can yield the padding id."""

UNK_TOKEN = "[UNK]"
"""The token of the out-of-vocabulary id."""

# What pyarrow.compute.sort_indices needs to put one of two equally frequent tokens first.
_TIE_KEYS = {
    "ascending": ("token", "ascending"),
    "descending": ("token", "descending"),
    "first seen": ("position", "ascending"),
}


def reserved_tokens(reserve: Iterable[str], *, oov: bool = True) -> list[str]:
    """The tokens of the first ids: padding, out-of-vocabulary unless ``oov`` is false, then ``reserve``.

    Raises ``ArgumentError`` for a token that is empty, reserved already or named twice.
    """
    if isinstance(reserve, str) or not isinstance(reserve, Iterable):
        raise ArgumentError(f"reserve must be a list of tokens, as ['[BOS]']; received {reserve!r}")
    tokens = [PAD_TOKEN, *([UNK_TOKEN] if oov else [])]
    for token in reserve:
        spelled = isinstance(token, str) and token.encode(errors="ignore").decode() == token != ""
        if not spelled or token == UNK_TOKEN or token in tokens:
            raise ArgumentError(
                f"reserve must hold distinct non-empty tokens other than {UNK_TOKEN!r}; received {token!r}"
            )
        tokens.append(token)
    return tokens


def nothing_left(counts: TokenCounts, min_count: int) -> TextError:
    """The error for a corpus of which no token can enter the vocabulary."""
    reason = "no token" if min_count == 1 or not counts.distinct else f"no token that occurs {min_count} times"
    return TextError(f"the corpus ({counts.rows} rows) holds {reason}: there is nothing to make a vocabulary of")


def select_tokens(
    counts: TokenCounts, *, ties: str, max_size: int | None, min_count: int, reserved: Sequence[str]
) -> list[str]:
    """The most frequent tokens, without the reserved ones, most frequent first.

    ``ties``: how equally frequent tokens are ordered, by their UTF-8 bytes (``"ascending"``, ``"descending"``) or
    ``"first seen"``. At most ``max_size`` tokens, each occurring at least ``min_count`` times.
    """
    import pyarrow.compute as pc  # here, so that encoding does not wait for it

    names_taken = pa.array([PAD_TOKEN, UNK_TOKEN, *reserved], pa.large_string())
    free = pc.invert(pc.is_in(counts.tokens, names_taken)).to_numpy(zero_copy_only=False)
    if max_size is not None and max_size < np.count_nonzero(free):
        # What is rarer than the last that fits need not be sorted.
        min_count = max(min_count, int(np.partition(counts.counts[free], -max_size)[-max_size]))
    table = pa.table(
        {"token": counts.tokens, "count": counts.counts, "position": np.arange(len(counts.tokens))}
    ).filter(pa.array(free & (counts.counts >= min_count)))
    order = pc.sort_indices(table, sort_keys=[("count", "descending"), _TIE_KEYS[ties]])
    tokens: list[str] = table["token"].take(order[:max_size]).to_pylist()
    return tokens


def word_counts(tokens: list[str], counts: TokenCounts) -> tuple[pa.Array, pa.Array]:
    """Occurrences and documents of ``tokens``, null for those that are not in the text and for padding and OOV."""
    import pyarrow.compute as pc  # here, so that encoding does not wait for it

    position = pc.index_in(pa.array(tokens, pa.large_string()), value_set=counts.tokens)
    known = pa.array([token not in (PAD_TOKEN, UNK_TOKEN) for token in tokens])
    position = pc.if_else(known, position, None)
    return pa.array(counts.counts).take(position), pa.array(counts.documents).take(position)
