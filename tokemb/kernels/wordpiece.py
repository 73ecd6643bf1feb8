"""Encode one pre-token with a WordPiece model: the longest token that matches, again and again."""

from __future__ import annotations

import numpy as np

from tokemb._arrays import UInt8
from tokemb.kernels.compiler import inlined
from tokemb.kernels.subword_structs import SubwordWorkspace, WordPiece
from tokemb.kernels.trie import ROOT, child_of

_NONE = np.uint64(0)


@inlined
def _exceeds(text: UInt8, start: int, end: int, characters: int) -> bool:
    """Return whether ``text[start:end]`` has more than this number of characters."""
    if end - start <= characters:
        return False
    count = 0
    for at in range(start, end):
        count += np.int64(text[at] & 0xC0 != 0x80)
    return count > characters


def encode_wordpiece(
    model: WordPiece, workspace: SubwordWorkspace, text: UInt8, start: int, end: int, count: int
) -> int:
    """Write the ids of the pre-token ``text[start:end]`` to ``workspace.ids`` from ``count`` on.

    Returns:
        The position after the last id.
    """
    trie, continuing, max_characters, unk_id = model
    edges, tokens = trie
    ids = workspace.ids
    if _exceeds(text, start, end, max_characters):
        ids[count] = unk_id
        return count + 1
    node, at, position = ROOT, start, count
    while at < end:
        token, stop = -1, at
        for following in range(at, end):
            node, ends_token = child_of(edges, node, text[following])
            if node == _NONE:
                break
            if ends_token:
                token, stop = np.int64(tokens[node]), following + 1
        if token < 0:
            ids[count] = unk_id
            return count + 1
        ids[position] = token
        position += 1
        at, node = stop, np.uint64(continuing)
    return position
