"""Encode one pre-token with a Unigram model: the tokens with the highest sum of scores.

The order of the additions and comparisons is that of ``encode_optimized`` in `tokenizers`
(``tokenizers/src/models/unigram/model.rs``), because it decides between equal sums.
"""

from __future__ import annotations

import numpy as np

from tokemb._arrays import Float64, Int32, UInt8
from tokemb.kernels.compiler import inlined
from tokemb.kernels.subword_structs import SubwordWorkspace, Trie, Unigram
from tokemb.kernels.trie import ROOT, child_of, token_at

_NONE = np.uint64(0)


@inlined
def _character_length(byte: int) -> int:
    """Return the number of bytes of the character that begins with ``byte``."""
    return 1 + np.int64(byte >= 0xC0) + np.int64(byte >= 0xE0) + np.int64(byte >= 0xF0)


@inlined
def _find_best(
    trie: Trie,
    token_scores: Float64,
    unk_score: float,
    unk_id: int,
    text: UInt8,
    start: int,
    end: int,
    scores: Float64,
    best_starts: Int32,
    best_ids: Int32,
) -> None:
    """Write the score, the start and the id of the best token that ends at each byte."""
    edges, tokens = trie
    length = end - start
    scores[0] = 0.0
    for at in range(1, length + 1):
        best_starts[at] = -1
    at = 0
    while at < length:
        score_here, character_end = scores[at], at + _character_length(text[start + at])
        node, is_character, token_end = ROOT, False, at
        while token_end < length:
            node, ends_token = child_of(edges, node, text[start + token_end])
            if node == _NONE:
                break
            token_end += 1
            if ends_token:
                token = tokens[node]
                score = token_scores[token] + score_here
                if best_starts[token_end] < 0 or score > scores[token_end]:
                    scores[token_end], best_starts[token_end], best_ids[token_end] = score, at, token
                is_character |= token_end == character_end
        if not is_character:
            score = unk_score + score_here
            if best_starts[character_end] < 0 or score > scores[character_end]:
                scores[character_end], best_starts[character_end], best_ids[character_end] = score, at, unk_id
        at = character_end


@inlined
def _append_unknown_backwards(
    trie: Trie, bytes_: Int32, unk_id: int, text: UInt8, start: int, end: int, ids: Int32, position: int
) -> int:
    """Write the ids of neighbouring characters out of vocabulary in reverse order. Return the next position."""
    token = token_at(trie, text, start, end)
    if token >= 0:
        ids[position] = token
        return position + 1
    has_bytes = True
    for at in range(start, end):
        has_bytes &= bytes_[text[at]] >= 0
    if not has_bytes:
        ids[position] = unk_id
        return position + 1
    for offset in range(end - start):
        ids[position + offset] = bytes_[text[end - 1 - offset]]
    return position + end - start


def encode_unigram(model: Unigram, workspace: SubwordWorkspace, text: UInt8, start: int, end: int, count: int) -> int:
    """Write the ids of the pre-token ``text[start:end]`` to ``workspace.ids`` from ``count`` on.

    Returns:
        The position after the last id.
    """
    trie, token_scores, unk_score, unk_id, bytes_ = model
    ids, best_starts = workspace.ids, workspace.symbols
    best_ids = best_starts[end - start + 1 :]
    _find_best(trie, token_scores, unk_score[0], unk_id, text, start, end, workspace.scores, best_starts, best_ids)
    at, position, unknown_end = end - start, count, -1
    while at > 0:
        if best_ids[at] == unk_id:
            unknown_end = max(unknown_end, at)
        else:
            if unknown_end > 0:
                position = _append_unknown_backwards(
                    trie, bytes_, unk_id, text, start + at, start + unknown_end, ids, position
                )
                unknown_end = -1
            ids[position] = best_ids[at]
            position += 1
        at = np.int64(best_starts[at])
    if unknown_end > 0:
        position = _append_unknown_backwards(trie, bytes_, unk_id, text, start, start + unknown_end, ids, position)
    for offset in range((position - count) // 2):
        ids[count + offset], ids[position - 1 - offset] = ids[position - 1 - offset], ids[count + offset]
    return position
