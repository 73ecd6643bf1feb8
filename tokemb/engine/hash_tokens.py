"""The hash buckets of tokens."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from tokemb._arrays import Int32
from tokemb.rows.threads import parallel_map, split_evenly
from tokemb.vocabulary.oov_buckets import OovBuckets


def hash_tokens(tokens: pa.LargeStringArray, buckets: OovBuckets, threads: int = 1) -> Int32:
    """Return the bucket of each of ``tokens``, ``large_string`` (tokens,): int32 (tokens,), from 0."""
    from tokemb import kernels  # slow imports that vocabularies without buckets do not need
    from tokemb.engine.pretoken_cache import text_of, with_slack

    def hash_range(first: int, last: int) -> Int32:
        found = np.empty(last - first, np.int32)
        kernels.hash_tokens(with_slack(text_of(tokens[first:last])), buckets.count, buckets.key, found)
        return found

    if not len(tokens):
        return np.zeros(0, np.int32)
    return np.concatenate(parallel_map(hash_range, split_evenly(len(tokens), len(tokens), threads)))
