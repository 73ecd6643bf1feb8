"""How the counted tokens out of vocabulary share hash buckets."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyarrow as pa

from tokemb.counts.token_counts import TokenCounts
from tokemb.engine.hash_tokens import hash_tokens
from tokemb.vocabulary.oov_buckets import BucketStatistics, OovBuckets


def with_statistics(buckets: OovBuckets, counts: TokenCounts, known: pa.LargeStringArray) -> OovBuckets:
    """Return ``buckets`` with statistics of a corpus, unless tokens were left out whose buckets are not known.

    Args:
        buckets: The buckets.
        counts: The counts of the corpus.
        known: The tokens of the vocabulary, ``large_string`` ``(known,)``.
    """
    if counts.left_out and counts.left_out_counts is None:
        return buckets
    import pyarrow.compute as pc  # only here, because encoding does not need it

    is_oov = pc.invert(pc.is_in(counts.tokens, value_set=known))
    tokens, is_known = counts.tokens.filter(is_oov), ~is_oov.to_numpy(zero_copy_only=False)
    most_frequent = np.zeros(buckets.count, np.int64)
    np.maximum.at(most_frequent, hash_tokens(tokens, buckets), counts.counts[~is_known])
    if counts.left_out_counts is not None:
        most_frequent = np.maximum(most_frequent, counts.left_out_counts)
    total = counts.total - int(counts.counts[is_known].sum())
    statistics = BucketStatistics(
        tokens=counts.left_out + len(tokens),
        occurrences=total,
        used=int(np.count_nonzero(most_frequent)),
        collisions=total - int(most_frequent.sum()),
    )
    return replace(buckets, statistics=statistics)
