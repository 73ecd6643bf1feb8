"""How the counted tokens out of vocabulary share hash buckets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pyarrow as pa

from tokemb.counts.token_counts import TokenCounts
from tokemb.engine.hash_tokens import hash_tokens
from tokemb.vocabulary.oov_buckets import BucketStatistics, OovBuckets


def with_statistics(buckets: OovBuckets, counts: TokenCounts, known: Sequence[str]) -> OovBuckets:
    """Return ``buckets`` with statistics of a corpus, unless its rare tokens were left out.

    Args:
        buckets: The buckets.
        counts: The counts of the corpus.
        known: The tokens of the vocabulary.
    """
    if counts.left_out:
        return buckets
    import pyarrow.compute as pc  # only here, because encoding does not need it

    is_oov = pc.invert(pc.is_in(counts.tokens, value_set=pa.array(known, pa.large_string())))
    tokens, occurrences = counts.tokens.filter(is_oov), counts.counts[is_oov.to_numpy(zero_copy_only=False)]
    bucket_of_token = hash_tokens(tokens, buckets)
    most_frequent = np.zeros(buckets.count, np.int64)
    np.maximum.at(most_frequent, bucket_of_token, occurrences)
    total = int(occurrences.sum())
    statistics = BucketStatistics(
        tokens=len(tokens),
        occurrences=total,
        used=int(np.count_nonzero(most_frequent)),
        collisions=total - int(most_frequent.sum()),
    )
    return replace(buckets, statistics=statistics)
