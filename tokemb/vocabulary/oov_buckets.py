"""The hash buckets of tokens out of vocabulary."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from tokemb._arrays import UInt64
from tokemb._validation import check_count
from tokemb.errors import ArgumentError, VocabularyError

# Each bucket is an id of the vocabulary, and lists and tables have an entry for every id.
_LARGEST = 10_000_000
# A salt is a pair of int64, as in TensorFlow.
_SALTS = range(-(2**63), 2**63)


@dataclass(frozen=True)
class BucketStatistics:
    """How the tokens out of vocabulary of the fitted corpus share buckets.

    Attributes:
        tokens: The number of distinct tokens out of vocabulary.
        occurrences: The number of their occurrences.
        used: The number of buckets with at least one of them.
        collisions: The number of occurrences of tokens that are not the most frequent one of their bucket.
    """

    tokens: int
    occurrences: int
    used: int
    collisions: int

    @property
    def collision_rate(self) -> float:
        """The share of the occurrences that get the id of a more frequent token, from 0 to 1."""
        return self.collisions / self.occurrences if self.occurrences else 0.0

    @classmethod
    def from_json(cls, content: object) -> BucketStatistics | None:
        """Return the statistics of a JSON object. Raise ``VocabularyError`` if it is another value."""
        if content is None:
            return None
        names = set(cls.__dataclass_fields__)
        if not isinstance(content, dict) or set(content) != names or any(type(n) is not int for n in content.values()):
            raise VocabularyError(f"the statistics of the buckets must hold the integers {', '.join(sorted(names))}")
        return cls(**content)


@dataclass(frozen=True)
class OovBuckets:
    """The buckets of tokens out of vocabulary, whose ids are ``unk_id`` and the ones after it.

    Attributes:
        count: The number of buckets.
        salt: The key of the hash SipHash-2-4, two integers. ``None`` for the hash FarmHash64.
        statistics: How the tokens of the fitted corpus share them, if that is known.
    """

    count: int
    salt: tuple[int, int] | None = None
    statistics: BucketStatistics | None = field(default=None, compare=False)

    @classmethod
    def from_arguments(cls, name: str, count: int, salt: int | Sequence[int] | None) -> OovBuckets:
        """Return the buckets of arguments of the user.

        Args:
            name: The name of the argument ``count``.
            count: The number of buckets.
            salt: An integer, two integers, or ``None``, as in Keras.

        Raises:
            ArgumentError: If an argument is invalid.
        """
        count = check_count(name, count)
        if count > _LARGEST:
            raise ArgumentError(f"{name} must be at most {_LARGEST}; received {count}")
        return cls(count, _pair_of(salt))

    @classmethod
    def for_hashing(cls, hash_buckets: int, salt: int | Sequence[int] | None) -> OovBuckets:
        """Return the buckets of hashing. ``hash_buckets`` includes padding. The errors are those of the above."""
        buckets = cls.from_arguments("hash_buckets", check_count("hash_buckets", hash_buckets, least=2), salt)
        return replace(buckets, count=buckets.count - 1)

    @classmethod
    def from_json(cls, content: object, statistics: object = None) -> OovBuckets | None:
        """Return the buckets of ``to_json``, or ``None`` for ``None``.

        Args:
            content: The buckets.
            statistics: Their statistics as JSON, if they are known.

        Raises:
            VocabularyError: If ``content`` does not describe buckets.
        """
        if content is None:
            return None
        try:
            if not isinstance(content, dict) or content["hash"] not in _HASHES:
                raise ArgumentError("the hash is unknown")
            if (content["hash"] == _HASHES[1]) != (content["salt"] is not None):
                raise ArgumentError("the salt does not fit the hash")
            buckets = cls.from_arguments("count", content["count"], content["salt"])
            return replace(buckets, statistics=BucketStatistics.from_json(statistics))
        except (KeyError, ArgumentError) as error:
            raise VocabularyError(f"the buckets of this vocabulary are not valid: {error}") from None

    def to_json(self) -> dict[str, Any]:
        """Return all that determines the ids, as JSON."""
        salt = None if self.salt is None else list(self.salt)
        return {"count": self.count, "hash": self.hash, "salt": salt}

    @property
    def hash(self) -> str:
        """The name of the hash."""
        return _HASHES[self.salt is not None]

    @property
    def key(self) -> UInt64:
        """The key for the kernels: uint64 (2,), or (0,) without a salt."""
        return np.array(self.salt or (), np.int64).view(np.uint64)

    def __str__(self) -> str:
        return f"{self.count:,} buckets of the hash {self.hash}"


# Without and with a salt.
_HASHES = ("farmhash64", "siphash-2-4")


def _pair_of(salt: int | Sequence[int] | None) -> tuple[int, int] | None:
    if salt is None:
        return None
    values: list[Any] = list(salt) if isinstance(salt, (list, tuple)) else [salt, salt]
    try:
        first, second = map(operator.index, values)
    except (TypeError, ValueError):
        first = second = _SALTS.stop
    if first not in _SALTS or second not in _SALTS or any(isinstance(value, bool) for value in values):
        raise ArgumentError(f"salt must be an integer of 64 bits or two of them; received {salt!r}")
    return first, second
