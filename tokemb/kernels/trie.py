"""A trie of tokens."""

from __future__ import annotations

import numpy as np

from tokemb._arrays import Int32, UInt8, UInt64
from tokemb.kernels.compiler import inlined
from tokemb.kernels.structs import Text
from tokemb.kernels.subword_structs import ENDS_TOKEN, Trie

ROOT = np.uint64(1)

_K0 = np.uint64(0x9E3779B185EBCA87)
_ONE, _NONE = np.uint64(1), np.uint64(0)
_EIGHT, _HALF = np.uint64(8), np.uint64(32)
_FLAG, _NODE = np.uint64(ENDS_TOKEN), np.uint64(ENDS_TOKEN - 1)


@inlined
def _find_slot(edges: UInt64, key: int) -> int:
    mask = np.uint64(len(edges) - 1)
    slot = ((key * _K0) >> _HALF) & mask
    while edges[slot] >> _HALF != key and edges[slot] != _NONE:
        slot = (slot + _ONE) & mask
    return slot


@inlined
def child_of(edges: UInt64, node: int, byte: int) -> tuple[int, bool]:
    """Return the child of ``node`` for ``byte``, uint64, and whether a token ends there. It is 0 if there is none."""
    edge = edges[_find_slot(edges, node << _EIGHT | np.uint64(byte))]
    return edge & _NODE, edge & _FLAG != _NONE


@inlined
def token_at(trie: Trie, text: UInt8, start: int, end: int) -> int:
    """Return the id of the token ``text[start:end]``, or -1 if there is none."""
    edges, tokens = trie
    node = ROOT
    for at in range(start, end):
        node, _ = child_of(edges, node, text[at])
        if node == _NONE:
            return -1
    return np.int64(tokens[node])


def fill_trie(texts: Text, ids: Int32, edges: UInt64, tokens: Int32) -> int:
    """Insert tokens into the empty trie ``edges`` and ``tokens``. A later id of a token replaces an earlier one.

    Args:
        texts: The tokens.
        ids: Their ids, int32 (tokens,).
        edges: uint64 (slots,), zeros, more than there are bytes in the tokens.
        tokens: int32, more than there are bytes in the tokens plus 2. All are -1.

    Returns:
        The number of nodes, including the unused node 0.
    """
    data, offsets = texts
    nodes = np.uint64(2)
    slot = _NONE
    for index in range(len(ids)):
        node = ROOT
        for at in range(offsets[index], offsets[index + 1]):
            key = node << _EIGHT | np.uint64(data[at])
            slot = _find_slot(edges, key)
            if edges[slot] == _NONE:
                edges[slot] = key << _HALF | nodes
                nodes += _ONE
            node = edges[slot] & _NODE
        if node != ROOT:  # an empty token matches nothing
            edges[slot] |= _FLAG
            tokens[node] = ids[index]
    return np.int64(nodes)


def find_node(text: UInt8, edges: UInt64) -> int:
    """Return the node of ``text`` in a trie. It is 0 if there is none."""
    node = ROOT
    for at in range(len(text)):
        node, _ = child_of(edges, node, text[at])
        if node == _NONE:
            break
    return np.int64(node)


def copy_edges(edges: UInt64, out: UInt64) -> None:
    """Insert all ``edges`` into ``out``, an empty table of another size."""
    for slot in range(len(edges)):
        if edges[slot] != _NONE:
            out[_find_slot(out, edges[slot] >> _HALF)] = edges[slot]
