"""The hashes of tokens. ``tests/keras/test_oov_buckets.py`` compares them with TensorFlow."""

from __future__ import annotations

import pyarrow as pa
import pytest

from tokemb.engine.hash_tokens import hash_tokens
from tokemb.vocabulary.oov_buckets import OovBuckets


def buckets_of(tokens, *buckets):
    return hash_tokens(pa.array(tokens, pa.large_string()), OovBuckets(*buckets)).tolist()


@pytest.mark.parametrize(
    ("buckets", "expected"),
    [
        ((3,), [1, 0, 1, 1, 2]),
        ((3, (133, 137)), [1, 2, 1, 0, 2]),
        ((3, (133, 133)), [0, 0, 2, 1, 0]),
    ],
)
def test_buckets_are_those_of_the_examples_of_keras(buckets, expected):
    assert buckets_of("ABCDE", *buckets) == expected


# Lengths at which FarmHash and SipHash take another branch.
LENGTHS = (0, 1, 3, 4, 7, 8, 9, 15, 16, 17, 31, 32, 33, 63, 64, 65, 127, 128, 129, 200)


@pytest.mark.parametrize(
    ("salt", "expected"),
    [
        (
            None,
            [
                377723,
                110341,
                532182,
                200430,
                341257,
                535785,
                554121,
                581950,
                526844,
                953512,
                407538,
                715301,
                942385,
                237559,
                33172,
                977154,
                941308,
                374472,
                98018,
                490821,
            ],
        ),
        (
            (1, 2**63 - 1),
            [
                548852,
                157584,
                770346,
                856580,
                923132,
                131028,
                964719,
                663514,
                679791,
                979602,
                293330,
                700730,
                856724,
                284123,
                327662,
                735515,
                122938,
                381677,
                75202,
                276301,
            ],
        ),
    ],
    ids=["farmhash", "siphash"],
)
def test_buckets_of_all_lengths_are_those_of_tensorflow(salt, expected):
    tokens = ["é" * (length // 2) + "z" * (length % 2) for length in LENGTHS]
    assert buckets_of(tokens, 1_000_003, salt) == expected


def test_threads_do_not_change_the_buckets(monkeypatch):
    monkeypatch.setattr("tokemb.rows.threads._WORTH_THREADS", 1)
    tokens = pa.array([f"token {number}" for number in range(100)], pa.large_string())
    buckets = OovBuckets(17)
    alone = hash_tokens(tokens, buckets)
    assert hash_tokens(tokens, buckets, threads=4).tolist() == alone.tolist()
    assert hash_tokens(tokens[40:60], buckets).tolist() == alone[40:60].tolist()
