"""Hashes of tokens as in TensorFlow: the fingerprint FarmHash64, and with a key SipHash-2-4."""

from __future__ import annotations

import numpy as np

from tokemb._arrays import Int32, UInt8, UInt64
from tokemb.kernels.compiler import inlined
from tokemb.kernels.simd import load
from tokemb.kernels.structs import Text

_ONE, _LOWER = np.uint64(1), np.uint64(0xFFFFFFFF)

# The constants of FarmHash.
_K0, _K1, _K2 = np.uint64(0xC3A5C85C97CB3127), np.uint64(0xB492B66FBE98F273), np.uint64(0x9AE16A3B2F90404F)
_SEED_X, _SEED_Y, _SEED_Z = (
    np.uint64(81 * 0x9AE16A3B2F90404F & (1 << 64) - 1),
    np.uint64(81 * 0xB492B66FBE98F273 + 113 & (1 << 64) - 1),
    np.uint64((81 * 0xB492B66FBE98F273 + 113) * 0x9AE16A3B2F90404F + 113 & (1 << 64) - 1),
)
_BLOCK = 64

# The initial state of SipHash, the text "somepseudorandomlygeneratedbytes".
_S0, _S1 = np.uint64(0x736F6D6570736575), np.uint64(0x646F72616E646F6D)
_S2, _S3 = np.uint64(0x6C7967656E657261), np.uint64(0x7465646279746573)
_FINISH = np.uint64(0xFF)


@inlined
def _rotate_right(word: int, bits: int) -> int:
    return word >> np.uint64(bits) | word << np.uint64(64 - bits)


@inlined
def _shift_mix(word: int) -> int:
    return word ^ word >> np.uint64(47)


@inlined
def _mix(first: int, second: int, factor: int) -> int:
    """Return the hash of two words."""
    mixed = _shift_mix((first ^ second) * factor)
    return _shift_mix((second ^ mixed) * factor) * factor


@inlined
def _farmhash_up_to_16(text: UInt8, start: int, length: int) -> int:
    if length >= 8:
        factor = _K2 + np.uint64(2 * length)
        first, second = load(text, start) + _K2, load(text, start + length - 8)
        return _mix(_rotate_right(second, 37) * factor + first, (_rotate_right(first, 25) + second) * factor, factor)
    if length >= 4:
        first, second = load(text, start) & _LOWER, load(text, start + length - 4) & _LOWER
        return _mix(np.uint64(length) + (first << np.uint64(3)), second, _K2 + np.uint64(2 * length))
    if length > 0:
        first, middle, last = text[start], text[start + (length >> 1)], text[start + length - 1]
        low = np.uint64(first) + (np.uint64(middle) << np.uint64(8))
        high = np.uint64(length) + (np.uint64(last) << np.uint64(2))
        return _shift_mix(low * _K2 ^ high * _K0) * _K2
    return _K2


@inlined
def _farmhash_up_to_32(text: UInt8, start: int, length: int) -> int:
    factor = _K2 + np.uint64(2 * length)
    first, second = load(text, start) * _K1, load(text, start + 8)
    third, fourth = load(text, start + length - 8) * factor, load(text, start + length - 16) * _K2
    return _mix(
        _rotate_right(first + second, 43) + _rotate_right(third, 30) + fourth,
        first + _rotate_right(second + _K2, 18) + third,
        factor,
    )


@inlined
def _farmhash_up_to_64(text: UInt8, start: int, length: int) -> int:
    factor = _K2 + np.uint64(2 * length)
    end = start + length
    first, second = load(text, start) * _K2, load(text, start + 8)
    third, fourth = load(text, end - 8) * factor, load(text, end - 16) * _K2
    low = _rotate_right(first + second, 43) + _rotate_right(third, 30) + fourth
    high = _mix(low, first + _rotate_right(second + _K2, 18) + third, factor)
    fifth, sixth = load(text, start + 16) * factor, load(text, start + 24)
    seventh, eighth = (low + load(text, end - 32)) * factor, (high + load(text, end - 24)) * factor
    return _mix(
        _rotate_right(fifth + sixth, 43) + _rotate_right(seventh, 30) + eighth,
        fifth + _rotate_right(sixth + first, 18) + seventh,
        factor,
    )


@inlined
def _weak_hash(text: UInt8, at: int, first: int, second: int) -> tuple[int, int]:
    """Return two words for 32 bytes and two seeds."""
    word, last = load(text, at), load(text, at + 24)
    first += word
    second = _rotate_right(second + first + last, 21)
    before = first
    first += load(text, at + 8) + load(text, at + 16)
    return first + last, second + _rotate_right(first, 44) + before


@inlined
def _farmhash_long(text: UInt8, start: int, length: int) -> int:
    x, y, z = _SEED_X + load(text, start), _SEED_Y, _shift_mix(_SEED_Z) * _K2
    v0 = v1 = w0 = w1 = np.uint64(0)
    factor, scale = _K1, _ONE
    blocks = (length - 1) // _BLOCK
    for block in range(blocks + 1):
        at = start + block * _BLOCK
        if block == blocks:  # the last bytes, some of which may belong to the block before, too
            at = start + length - _BLOCK
            factor, scale = _K1 + ((z & _FINISH) << _ONE), np.uint64(9)
            w0 += np.uint64((length - 1) & (_BLOCK - 1))
            v0 += w0
            w0 += v0
        x = _rotate_right(x + y + v0 + load(text, at + 8), 37) * factor
        y = _rotate_right(y + v1 + load(text, at + 48), 42) * factor
        x ^= w1 * scale
        y += v0 * scale + load(text, at + 40)
        z = _rotate_right(z + w0, 33) * factor
        v0, v1 = _weak_hash(text, at, v1 * factor, x + w0)
        w0, w1 = _weak_hash(text, at + 32, z + w1, y + load(text, at + 16))
        z, x = x, z
    return _mix(_mix(v0, w0, factor) + _shift_mix(y) * _K0 + z, _mix(v1, w1, factor) + x, factor)


@inlined
def farmhash(text: UInt8, start: int, end: int) -> int:
    """Return the fingerprint of ``text[start:end]``, uint64. ``SLACK`` bytes after the end can be read."""
    length = end - start
    if length <= 16:
        return _farmhash_up_to_16(text, start, length)
    if length <= 32:
        return _farmhash_up_to_32(text, start, length)
    if length <= _BLOCK:
        return _farmhash_up_to_64(text, start, length)
    return _farmhash_long(text, start, length)


@inlined
def _siphash_round(v0: int, v1: int, v2: int, v3: int) -> tuple[int, int, int, int]:
    v0 += v1
    v2 += v3
    v1 = _rotate_right(v1, 64 - 13) ^ v0
    v3 = _rotate_right(v3, 64 - 16) ^ v2
    v0 = _rotate_right(v0, 64 - 32)
    v2 += v1
    v0 += v3
    v1 = _rotate_right(v1, 64 - 17) ^ v2
    v3 = _rotate_right(v3, 64 - 21) ^ v0
    return v0, v1, _rotate_right(v2, 64 - 32), v3


@inlined
def siphash(text: UInt8, start: int, end: int, key: UInt64) -> int:
    """Return the hash of ``text[start:end]``, uint64, with ``key``, uint64 (2,)."""
    v0, v1, v2, v3 = _S0 ^ key[0], _S1 ^ key[1], _S2 ^ key[0], _S3 ^ key[1]
    words = (end - start) // 8
    for number in range(words + 1):
        word = load(text, start + 8 * number)
        if number == words:  # the last bytes, and the length in the highest byte
            rest = np.uint64(8 * (end - start - 8 * words))
            word = word & ((_ONE << rest) - _ONE) | np.uint64(end - start) << np.uint64(56)
        v3 ^= word
        for _ in range(2):
            v0, v1, v2, v3 = _siphash_round(v0, v1, v2, v3)
        v0 ^= word
    v2 ^= _FINISH
    for _ in range(4):
        v0, v1, v2, v3 = _siphash_round(v0, v1, v2, v3)
    return v0 ^ v1 ^ v2 ^ v3


@inlined
def bucket_of(text: UInt8, start: int, end: int, buckets: int, key: UInt64) -> int:
    """Return the bucket of a token, from 0 to ``buckets - 1``.

    Args:
        text: The bytes that contain the token. ``SLACK`` bytes after its end can be read.
        start: Its start.
        end: Its end.
        buckets: The number of buckets.
        key: The key of SipHash, uint64 (2,). FarmHash is used if it is empty.
    """
    hashed = siphash(text, start, end, key) if len(key) else farmhash(text, start, end)
    return np.int64(hashed % np.uint64(buckets))


def hash_tokens(tokens: Text, buckets: int, key: UInt64, found: Int32) -> None:
    """Write the bucket of each token to ``found``, int32 (tokens,). The other arguments are those of ``bucket_of``."""
    data, offsets = tokens
    for index in range(len(found)):
        found[index] = bucket_of(data, offsets[index], offsets[index + 1], buckets, key)
