"""Training of byte-pair encoding: the most frequent pair of neighbouring symbols becomes a symbol, again and again.

The order of the merges is that of BpeTrainer in `tokenizers`: the highest count first, and among equal counts the pair
with the lowest ids. Like there, a pair is found again through the words in which it arose, and the counts in the queue
are corrected when a pair reaches its top. A merge can make a token that exists, for example one with the prefix of
continuations. Its pairs can then be in the queue twice, each time with other words, and the older entry is first.
"""

from __future__ import annotations

import numpy as np

from tokemb._arrays import Int64
from tokemb.kernels.bpe_training_structs import FINISHED, NEEDS_PAIRS, NEEDS_TOKENS, Events, Pairs, Tokens, Words
from tokemb.kernels.compiler import inlined
from tokemb.kernels.key_table import find_slot
from tokemb.kernels.structs import Int32Matrix, Int64Matrix

_HALF, _ONE, _NONE = np.uint64(32), np.uint64(1), np.uint64(0)
_LOW = np.uint64(0xFFFFFFFF)
_HASH_START, _HASH_FACTOR = np.uint64(0xCBF29CE484222325), np.uint64(0x100000001B3)


@inlined
def _pair_index(pairs: Pairs, used: int, left: int, right: int) -> int:
    """Return the index of a pair. A new pair gets the index ``used`` and the count 0."""
    key = np.uint64(left) << _HALF | np.uint64(right)
    slot = find_slot(pairs.table, key)
    if pairs.table[slot] != _NONE:
        return np.int64(pairs.table[slot + _ONE])
    pairs.table[slot] = key + _ONE
    pairs.table[slot + _ONE] = np.uint64(used)
    pairs.keys[used], pairs.counts[used], pairs.events[used] = key, 0, -1
    return used


@inlined
def _record(pairs: Pairs, events: Events, pair: int, word: int, recorded: int) -> int:
    """Record that ``pair`` arose in ``word``, once per word. Return the number of events."""
    newest = pairs.events[pair]
    if newest >= 0 and events.words[newest] == word:
        return recorded
    events.words[recorded], events.earlier[recorded] = word, newest
    pairs.events[pair] = recorded
    return recorded + 1


@inlined
def _is_before(queue: Int64Matrix, pairs: Pairs, first: int, second: int) -> bool:
    if queue[first, 0] != queue[second, 0]:
        return queue[first, 0] > queue[second, 0]
    if queue[first, 1] != queue[second, 1]:
        return pairs.keys[queue[first, 1]] < pairs.keys[queue[second, 1]]
    return queue[first, 2] < queue[second, 2]


@inlined
def _swap(queue: Int64Matrix, first: int, second: int) -> None:
    for column in range(3):
        queue[first, column], queue[second, column] = queue[second, column], queue[first, column]


@inlined
def _push(queue: Int64Matrix, pairs: Pairs, length: int, pair: int) -> int:
    """Move the events of a pair to the queue. Return the length of the queue."""
    queue[length, 0], queue[length, 1], queue[length, 2] = pairs.counts[pair], pair, pairs.events[pair]
    pairs.events[pair] = -1
    at = length
    while at > 0 and _is_before(queue, pairs, at, (at - 1) >> 1):
        _swap(queue, at, (at - 1) >> 1)
        at = (at - 1) >> 1
    return length + 1


@inlined
def _sift_down(queue: Int64Matrix, pairs: Pairs, length: int) -> None:
    """Move the first entry of the queue to its place."""
    at = 0
    while True:
        child = 2 * at + 1
        if child + 1 < length and _is_before(queue, pairs, child + 1, child):
            child += 1
        if child >= length or not _is_before(queue, pairs, child, at):
            return
        _swap(queue, at, child)
        at = child


def count_pairs(words: Words, pairs: Pairs, events: Events, queue: Int64Matrix, progress: Int64) -> int:
    """Count the pairs of neighbouring symbols and queue them.

    Args:
        words: The words.
        pairs: The pairs.
        events: The words in which pairs arose.
        queue: int64 (entries, 3), a binary heap: the count, the index and the newest event of each pair.
        progress: int64 (6,): the number of pairs, events, entries of the queue, tokens, merges and counted words.

    Returns:
        ``FINISHED``, or ``NEEDS_PAIRS`` if ``pairs`` or ``queue`` must become larger before the next call.
    """
    used, recorded, queued = progress[0], progress[1], progress[2]
    status = FINISHED
    for word in range(progress[5], len(words.lengths)):
        start, stop = words.starts[word], words.starts[word] + words.lengths[word]
        if used + words.lengths[word] > min(len(pairs.keys), len(queue)):
            status = NEEDS_PAIRS
            break
        for at in range(start, stop - 1):
            pair = _pair_index(pairs, used, words.symbols[at], words.symbols[at + 1])
            used = max(used, pair + 1)
            pairs.counts[pair] += words.counts[word]
            recorded = _record(pairs, events, pair, word, recorded)
        progress[5] = word + 1
    if status == FINISHED:
        for pair in range(used):
            queued = _push(queue, pairs, queued, pair)
    progress[0], progress[1], progress[2] = used, recorded, queued
    return status


@inlined
def _token_slot(tokens: Tokens, token: int) -> int:
    """Return the slot of the token with the text of ``token``, or the free slot for it. Free slots contain -1."""
    start, size = tokens.offsets[token], tokens.offsets[token + 1] - tokens.offsets[token]
    hashed = _HASH_START
    for at in range(start, start + size):
        hashed = (hashed ^ np.uint64(tokens.text[at])) * _HASH_FACTOR
    slot = np.int64((hashed ^ (hashed >> _HALF)) & np.uint64(len(tokens.table) - 1))
    while tokens.table[slot] >= 0:
        other = tokens.offsets[tokens.table[slot]]
        if tokens.offsets[tokens.table[slot] + 1] - other == size:
            same = 0
            while same < size and tokens.text[other + same] == tokens.text[start + same]:
                same += 1
            if same == size:
                return slot
        slot = (slot + 1) & (len(tokens.table) - 1)
    return slot


def index_tokens(tokens: Tokens, count: int) -> None:
    """Enter the first ``count`` tokens in the empty ``tokens.table``."""
    for token in range(count):
        tokens.table[_token_slot(tokens, token)] = token


@inlined
def _joined_token(tokens: Tokens, count: int, left: int, right: int, prefix: int) -> int:
    """Return the id of the text of two tokens, ``count`` if it is new. The second one loses ``prefix`` bytes."""
    end = tokens.offsets[count]
    for token, skipped in ((left, 0), (right, prefix)):
        for at in range(tokens.offsets[token] + skipped, tokens.offsets[token + 1]):
            tokens.text[end] = tokens.text[at]
            end += 1
    tokens.offsets[count + 1] = end
    slot = _token_slot(tokens, count)
    if tokens.table[slot] < 0:
        tokens.table[slot] = count
    return np.int64(tokens.table[slot])


@inlined
def _has_room(tokens: Tokens, count: int, left: int, right: int) -> bool:
    size = tokens.offsets[left + 1] - tokens.offsets[left] + tokens.offsets[right + 1] - tokens.offsets[right]
    return (
        count + 1 < len(tokens.offsets)
        and 2 * count < len(tokens.table)
        and tokens.offsets[count] + size <= len(tokens.text)
    )


def merge_pairs(
    words: Words,
    pairs: Pairs,
    events: Events,
    queue: Int64Matrix,
    tokens: Tokens,
    merges: Int32Matrix,
    progress: Int64,
    max_tokens: int,
    prefix: int,
) -> int:
    """Merge pairs until there are ``max_tokens`` tokens, or each word is one symbol.

    Args:
        words: The words.
        pairs: The pairs, as ``count_pairs`` leaves them.
        events: The words in which pairs arose. There is room for two more per symbol.
        queue: The queue, as ``count_pairs`` leaves it.
        tokens: The text of the symbols. All symbols of the words are tokens.
        merges: int32 (merges, 3): the first symbol, the second symbol and the symbol that replaces them.
        progress: As for ``count_pairs``.
        max_tokens: The number of tokens.
        prefix: The number of bytes of the prefix that a token loses when it is appended to another one.

    Returns:
        ``FINISHED``, or ``NEEDS_PAIRS`` or ``NEEDS_TOKENS`` if ``pairs`` and ``queue``, or ``tokens`` and ``merges``,
        must become larger before the next call.
    """
    used, recorded, queued, token_count, merged = progress[0], progress[1], progress[2], progress[3], progress[4]
    status = FINISHED
    while token_count < max_tokens and queued > 0:
        count = pairs.counts[queue[0, 1]]
        if queue[0, 0] != count:
            queue[0, 0] = count
            _sift_down(queue, pairs, queued)
            continue
        if count < 1:
            break
        key = pairs.keys[queue[0, 1]]
        left, right = np.int64(key >> _HALF), np.int64(key & _LOW)
        # A new pair consists of the new symbol and any symbol before or after it.
        if max(used, queued) + 2 * (token_count + 1) > min(len(pairs.keys), len(queue)):
            status = NEEDS_PAIRS
            break
        if merged == len(merges) or not _has_room(tokens, token_count, left, right):
            status = NEEDS_TOKENS
            break
        new = _joined_token(tokens, token_count, left, right, prefix)
        token_count = max(token_count, new + 1)
        merges[merged, 0], merges[merged, 1], merges[merged, 2] = left, right, new
        merged += 1
        event, first_event = queue[0, 2], recorded
        queued -= 1
        _swap(queue, 0, queued)
        _sift_down(queue, pairs, queued)
        while event >= 0:
            word = events.words[event]
            used, recorded = _merge_in_word(words, pairs, events, word, left, right, new, used, recorded)
            event = events.earlier[event]
        for event in range(first_event, recorded):
            pair = events.pairs[event]
            if pairs.events[pair] >= 0:
                if pairs.counts[pair] > 0:
                    queued = _push(queue, pairs, queued, pair)
                pairs.events[pair] = -1
    progress[0], progress[1], progress[2], progress[3], progress[4] = used, recorded, queued, token_count, merged
    return status


@inlined
def _merge_in_word(
    words: Words, pairs: Pairs, events: Events, word: int, left: int, right: int, new: int, used: int, recorded: int
) -> tuple[int, int]:
    """Replace ``left`` and ``right`` by ``new`` in a word. Return the numbers of pairs and of events."""
    symbols, count = words.symbols, words.counts[word]
    start = read = write = words.starts[word]
    stop = start + words.lengths[word]
    while read < stop:
        if symbols[read] != left or read + 1 == stop or symbols[read + 1] != right:
            symbols[write] = symbols[read]
            read += 1
        else:
            symbols[write] = new
            read += 2
            if write > start:
                before = symbols[write - 1]
                pairs.counts[_pair_index(pairs, used, before, left)] -= count
                used, recorded = _add(pairs, events, before, new, count, word, used, recorded)
            if read < stop:
                after = symbols[read]
                pairs.counts[_pair_index(pairs, used, right, after)] -= count
                used, recorded = _add(pairs, events, new, after, count, word, used, recorded)
        write += 1
    words.lengths[word] = write - start
    return used, recorded


@inlined
def _add(
    pairs: Pairs, events: Events, left: int, right: int, count: int, word: int, used: int, recorded: int
) -> tuple[int, int]:
    """Count a new pair in a word. Return the numbers of pairs and of events."""
    pair = _pair_index(pairs, used, left, right)
    pairs.counts[pair] += count
    events.pairs[recorded] = pair
    return max(used, pair + 1), _record(pairs, events, pair, word, recorded)
