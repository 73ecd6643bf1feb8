"""Word vocabularies from their tokens, and the buckets of tokens out of vocabulary."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import pyarrow as pa

from tokemb._arrays import STRINGS
from tokemb.counts.select_tokens import PAD_TOKEN, UNK_TOKEN, reserved_tokens
from tokemb.errors import ArgumentError
from tokemb.vocabulary.folder import vocabulary_table
from tokemb.vocabulary.oov_buckets import OovBuckets
from tokemb.vocabulary.pad_truncate import PadTruncate
from tokemb.vocabulary.profiles import Profile, get_profile
from tokemb.vocabulary.tokenizer_json import TokenizerJson, tokenizer_json_of
from tokemb.vocabulary.tokenizers_library import models
from tokemb.vocabulary.word_ids import MANY_WORDS, WordIds


def word_specification(
    profile: Profile, reserved: Sequence[str], words: pa.LargeStringArray, shape: PadTruncate
) -> TokenizerJson:
    """Return the ``tokenizer.json`` of a word vocabulary.

    Args:
        profile: How text is split.
        reserved: The tokens of the first ids. The buckets of tokens out of vocabulary share a token, which has the
            first of their ids.
        words: The tokens of the following ids, ``large_string`` ``(words,)``.
        shape: The truncation and padding.
    """
    tokenizer = profile.tokenizer(models.WordLevel({}, unk_token=UNK_TOKEN))
    if profile.decoder is not None:
        tokenizer.decoder = profile.decoder
    specification = tokenizer_json_of(tokenizer)
    # The same content as through `tokenizers`, which takes six times as long.
    ids: dict[str, int] = {}
    for index, token in enumerate(reserved):
        ids.setdefault(token, index)
    vocab = WordIds(ids, words, len(reserved))
    specification["model"]["vocab"] = vocab if len(words) > MANY_WORDS else vocab.to_dict()
    return shape.write(specification, 0, PAD_TOKEN)


def with_buckets(tokens: Sequence[str], buckets: OovBuckets) -> list[str]:
    """Return ``tokens``, which begin with padding and OOV, with one OOV token per bucket."""
    return [tokens[0], *[tokens[1]] * buckets.count, *tokens[2:]]


def hashed_vocabulary(
    hash_buckets: int,
    profile: str,
    ngrams: tuple[int, ...],
    salt: int | Sequence[int] | None,
    reserve: Iterable[str],
    shape: PadTruncate,
) -> tuple[TokenizerJson, dict[str, Any]]:
    """Return the ``tokenizer.json`` and the other arguments of the encoder that ``Encoder.hashing`` returns.

    The arguments and errors are those of ``Encoder.hashing``. ``ngrams`` are the lengths of n-grams, and
    ``shape`` is the truncation and padding.
    """
    splitting = get_profile(profile)
    buckets = OovBuckets.for_hashing(hash_buckets, salt)
    reserved = reserved_tokens(reserve)
    tokens = with_buckets(reserved, buckets)
    no_counts = pa.nulls(len(tokens), pa.int64())
    options = {
        "pad_id": 0,
        "profile": splitting.name,
        "ngrams": ngrams,
        "settings": {"max_size": None, "min_count": 1, "reserve": reserved[2:], "hash_buckets": hash_buckets},
        "table": vocabulary_table(tokens, no_counts, no_counts),
        "buckets": buckets,
    }
    return word_specification(splitting, tokens, pa.array([], STRINGS), shape), options


def oov_buckets(
    num_oov_buckets: int | None,
    hash_buckets: int | None,
    salt: int | Sequence[int] | None,
    algorithm: str = "word",
    *,
    oov: bool = True,
) -> OovBuckets | None:
    """Return the buckets of tokens out of vocabulary, or ``None`` if one id is enough.

    The arguments are those of ``fit_vocab``. Raise ``ArgumentError`` if they are invalid or contradict each other.
    """
    if num_oov_buckets is not None and hash_buckets is not None:
        raise ArgumentError(
            f"hash_buckets must be left out with num_oov_buckets={num_oov_buckets}, since it hashes all tokens and not "
            f"only those out of vocabulary; received hash_buckets={hash_buckets}"
        )
    name, count = ("hash_buckets", hash_buckets) if num_oov_buckets is None else ("num_oov_buckets", num_oov_buckets)
    if count is None:
        if salt is not None:
            raise ArgumentError(f"salt must be left out without num_oov_buckets or hash_buckets; received salt={salt}")
        return None
    if algorithm != "word":
        raise ArgumentError(f'{name} must be left out unless algorithm="word"; received algorithm="{algorithm}"')
    if not oov:
        raise ArgumentError(f"{name} must be left out with oov=False, which drops tokens out of vocabulary")
    if name == "num_oov_buckets":
        buckets = OovBuckets.from_arguments(name, count, salt)
        return buckets if buckets.count > 1 else None
    return OovBuckets.for_hashing(count, salt)
