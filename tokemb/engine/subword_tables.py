"""The tables of a subword model for the kernels, made from the model in a ``tokenizer.json``.

What the settings of a model mean is defined by `tokenizers` (``tokenizers/src/models``).
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import Any

import numpy as np
import pyarrow as pa

from tokemb._arrays import Int32, UInt64
from tokemb.engine.pretoken_cache import PretokenCache, text_of, with_slack
from tokemb.kernels import copy_edges, fill_key_table, fill_trie, find_all, find_node
from tokemb.kernels.structs import PretokenTable, Text
from tokemb.kernels.subword_structs import Bpe, Trie, Unigram, WordPiece
from tokemb.rows.ragged import Ragged
from tokemb.rows.string_buffers import arrow_strings

Model = dict[str, Any]

# A node and a byte are 32 bits in the kernels.
_MAX_NODES = 1 << 24
_NO_BYTES = np.full(256, -1, np.int32)
# A line of older files that begins with this is no merge.
_VERSION = "#version"
# The score of a character out of vocabulary is the lowest score minus this (kUnkPenalty).
_UNK_PENALTY = 10.0


class UnsupportedError(Exception):
    """The kernels do not support a model. The message names the reason."""


def wordpiece_tables(model: Model) -> WordPiece:
    """Return the tables of a WordPiece model.

    Raises:
        UnsupportedError: If the kernels do not support it.
    """
    vocabulary: dict[str, int] = model["vocab"]
    unk_id = vocabulary.get(model["unk_token"])
    if unk_id is None:
        raise UnsupportedError("the token for pre-tokens out of vocabulary is not in the vocabulary")
    trie = _trie(arrow_strings(list(vocabulary)), _ids(vocabulary))
    prefix = np.frombuffer(model["continuing_subword_prefix"].encode(), np.uint8)
    return WordPiece(trie, find_node(prefix, trie.edges), model["max_input_chars_per_word"], unk_id)


def unigram_tables(model: Model) -> Unigram:
    """Return the tables of a Unigram model.

    Args:
        model: The model with the scores that `tokenizers` has read, as ``model_of`` returns it.

    Raises:
        UnsupportedError: If the kernels do not support it.
    """
    tokens, scores = zip(*model["vocab"], strict=True) if model["vocab"] else ((), ())
    unk_id = model.get("unk_id")
    if unk_id is None:
        raise UnsupportedError("the model has no token for characters out of vocabulary")
    values = np.array(scores, np.float64)
    return Unigram(
        _trie(arrow_strings(tokens), np.arange(len(tokens), dtype=np.int32)),
        values,
        values.min(keepdims=True) - _UNK_PENALTY,
        unk_id,
        _byte_tokens(dict(zip(tokens, range(len(tokens)), strict=True))) if model.get("byte_fallback") else _NO_BYTES,
    )


def bpe_tables(model: Model, *, byte_level: bool) -> Bpe:
    """Return the tables of a BPE model.

    Args:
        model: The model.
        byte_level: Whether its symbols are the characters that the pre-tokenizer ByteLevel makes of bytes.

    Raises:
        UnsupportedError: If the kernels do not support it.
    """
    vocabulary: dict[str, int] = model["vocab"]
    ids = _ids(vocabulary)
    in_order = np.sort(ids)
    if (in_order[1:] == in_order[:-1]).any():
        raise UnsupportedError("two tokens have the same id")
    unk_token = model.get("unk_token")
    if unk_token is not None and unk_token not in vocabulary:
        raise UnsupportedError("the token for characters out of vocabulary is not in the vocabulary")
    prefix, suffix = model.get("continuing_subword_prefix") or "", model.get("end_of_word_suffix") or ""
    fallback = _byte_tokens(vocabulary) if model.get("byte_fallback") else _NO_BYTES
    if model.get("byte_fallback") and (prefix or suffix):
        raise UnsupportedError("the model falls back to bytes and adds a prefix or suffix to characters")
    # For each position of a character: whether it is not the first one, and whether it is the last one.
    affixes = [(not_first * prefix, last * suffix) for last in (False, True) for not_first in (False, True)]
    characters = np.zeros(2, np.uint64)
    if byte_level:
        rows = [[vocabulary.get(before + char + after, -1) for char in _BYTE_CHARACTERS] for before, after in affixes]
        bytes_ = np.array(rows, np.int32)
        if model.get("byte_fallback") and (bytes_ < 0).any():
            raise UnsupportedError("the model falls back to bytes of the characters that stand for bytes")
    else:
        bytes_ = np.stack([fallback] * len(affixes))
        characters = _character_table(vocabulary, affixes)
    whole = _NO_TOKENS
    if model.get("ignore_merges"):
        texts = arrow_strings(list(vocabulary))
        whole = _trie_of(*_raw_bytes(texts, ids)) if byte_level else _trie(texts, ids)
    return Bpe(
        _merge_table(model["merges"], vocabulary, len(prefix.encode())),
        characters,
        bytes_,
        whole,
        int(byte_level),
        -1 if unk_token is None else vocabulary[unk_token],
        int(bool(model.get("fuse_unk"))),
    )


def _ids(vocabulary: dict[str, int]) -> Int32:
    if max(vocabulary.values(), default=0) > np.iinfo(np.int32).max:
        raise UnsupportedError("an id exceeds 2**31")
    return np.fromiter(vocabulary.values(), np.int32, len(vocabulary))


def _byte_tokens(vocabulary: dict[str, int]) -> Int32:
    """Return the ids of the tokens that stand for bytes, int32 (256,). -1 for none."""
    return np.array([vocabulary.get(f"<0x{byte:02X}>", -1) for byte in range(256)], np.int32)


def _trie(tokens: pa.LargeStringArray, ids: Int32) -> Trie:
    return _trie_of(text_of(tokens), ids)


def _trie_of(text: Text, ids: Int32) -> Trie:
    size = int(text.offsets[-1] - text.offsets[0])
    if size + 2 > _MAX_NODES:
        raise UnsupportedError(f"the tokens have {size} bytes, more than {_MAX_NODES}")
    edges, tokens = np.zeros(_slots(size), np.uint64), np.full(size + 2, -1, np.int32)
    nodes = fill_trie(text, ids, edges, tokens)
    if _slots(nodes) == len(edges):
        return Trie(edges, tokens[:nodes])
    compact = np.zeros(_slots(nodes), np.uint64)
    copy_edges(edges, compact)
    return Trie(compact, tokens[:nodes].copy())


def key_table(keys: UInt64, values: UInt64) -> UInt64:
    """Return a ``key_table`` of the kernels from ``keys`` to ``values``, uint64 (keys,)."""
    table = np.zeros(2 * _slots(len(keys)), np.uint64)
    fill_key_table(keys, values, table)
    return table


def _slots(entries: int) -> int:
    """Return a power of two of which ``entries`` are at most half."""
    return 1 << max(2 * entries, 2).bit_length()


def _merge_table(merges: Sequence[str] | Sequence[Sequence[str]], vocabulary: dict[str, int], prefix: int) -> UInt64:
    """Return the merges as a ``key_table``.

    The kernels look up the tokens, because Python would take longer than everything else in the first call.

    Args:
        merges: Pairs of tokens, the first one with the lowest rank.
        vocabulary: The ids of the tokens.
        prefix: The number of bytes of the prefix that the second token loses.
    """
    tokens = _merged_tokens(merges)
    ids, known = _ids(vocabulary).astype(np.uint64), _known_tokens(vocabulary)
    pairs = ids[_numbers(known, tokens)]
    half, ranks = np.uint64(32), np.arange(len(pairs) // 2, dtype=np.uint64)
    new_ids = ids[_numbers(known, _joined(tokens, prefix))]
    return key_table(pairs[::2] << half | pairs[1::2], ranks << half | new_ids)


def _known_tokens(vocabulary: dict[str, int]) -> PretokenTable:
    """Return the tokens, numbered in their order."""
    numbers = np.arange(len(vocabulary) + 1)
    tokens = arrow_strings(list(vocabulary))
    return PretokenCache.empty().with_pretokens(tokens, Ragged(numbers[:-1].astype(np.int32), numbers)).pretokens


def _numbers(known: PretokenTable, tokens: Text) -> Int32:
    numbers = np.empty(len(tokens.offsets) - 1, np.int32)
    find_all(known, with_slack(tokens), numbers)
    if len(numbers) and numbers.min() < 0:
        raise UnsupportedError("a merge contains a token that is not in the vocabulary")
    return numbers


def _joined(tokens: Text, prefix: int) -> Text:
    """Return the tokens that merges make of pairs of ``tokens``, the second one without its first ``prefix`` bytes."""
    data, offsets = tokens
    if not prefix:
        return Text(data, offsets[::2].copy())  # the bytes of a pair follow each other
    lengths = np.diff(offsets)
    if (lengths[1::2] <= prefix).any():
        raise UnsupportedError("a merge does not make its first token longer")
    lengths[1::2] -= prefix
    is_kept = np.ones(len(data), np.bool_)
    for byte in range(prefix):
        is_kept[offsets[1:-1:2] + byte] = False
    return Text(data[is_kept], np.append(np.int64(0), np.cumsum(lengths))[::2].copy())


def _merged_tokens(merges: Sequence[str] | Sequence[Sequence[str]]) -> Text:
    """Return the tokens of the merges, two for each. Older files write a merge as text with one space."""
    if not merges or not isinstance(merges[0], str):
        return text_of(arrow_strings(list(chain.from_iterable(merges))))
    lines = " ".join(line for line in merges if isinstance(line, str))
    if _VERSION in lines:
        lines = " ".join(line for line in merges if isinstance(line, str) and not line.startswith(_VERSION))
    text = np.frombuffer(lines.encode(), np.uint8)
    is_space = text == ord(" ")
    spaces = np.flatnonzero(is_space)
    ends = np.append(spaces, len(text)) - np.arange(len(spaces) + 1)
    return Text(text[~is_space], np.append(np.int64(0), ends if len(text) else ends[:0]))


def _character_table(vocabulary: dict[str, int], affixes: Sequence[tuple[str, str]]) -> UInt64:
    """Return the ids of the characters as a ``key_table``. The keys are those of ``Bpe.characters``."""
    tokens = {
        (before, after): [
            (ord(token[len(before)]), token_id)
            for token, token_id in vocabulary.items()
            if len(token) == len(before) + 1 + len(after) and token.startswith(before) and token.endswith(after)
        ]
        for before, after in set(affixes)
    }
    items = [(code << 2 | place, value) for place, affix in enumerate(affixes) for code, value in tokens[affix]]
    keys, values = np.array(items, np.uint64).reshape(-1, 2).T.copy()
    return key_table(keys, values)


def _byte_characters() -> str:
    """Return the character that stands for each byte in byte-level models."""
    printable = {*range(ord("!"), ord("~") + 1), *range(0xA1, 0xAD), *range(0xAE, 0x100)}
    others = [byte for byte in range(256) if byte not in printable]
    return "".join(chr(byte if byte in printable else 256 + others.index(byte)) for byte in range(256))


_BYTE_CHARACTERS = _byte_characters()


def _raw_bytes(tokens: pa.LargeStringArray, ids: Int32) -> tuple[Text, Int32]:
    """Return the bytes of the tokens of a byte-level model, and their ids.

    Tokens with a character that stands for no byte are left out, because no pre-token contains it.
    """
    byte_of = np.full(0x110000, -1, np.int16)
    byte_of[[ord(character) for character in _BYTE_CHARACTERS]] = np.arange(256)
    words = tokens.to_pylist()
    data = byte_of[np.frombuffer("".join(words).encode("utf-32-le"), np.uint32)]
    lengths = np.fromiter(map(len, words), np.int64, len(words))
    token_of = np.repeat(np.arange(len(lengths)), lengths)
    is_bytes = np.bincount(token_of[data < 0], minlength=len(lengths)) == 0
    offsets = np.append(np.int64(0), np.cumsum(lengths[is_bytes]))
    return Text(data[is_bytes[token_of]].astype(np.uint8), offsets), ids[is_bytes]


_NO_TOKENS = Trie(np.zeros(2, np.uint64), np.zeros(0, np.int32))
