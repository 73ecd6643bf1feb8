"""Ids that tell of young characters: never missed, and only promised where they tell."""

from __future__ import annotations

import unicodedata

import numpy as np
import pytest
from tokenizers import pre_tokenizers

from tests.conftest import EXAMPLES
from tests.engine.test_gigatoken import OURS, each_file, sequence, split, texts_of, trained, ways
from tokemb.engine.unicode_version import has_newer_characters, tokens_to_screen
from tokemb.rows.pack_rows import rows_with

pytestmark = pytest.mark.slow

DASHES_AND_QUOTES = range(0x2000, 0x2040)


@each_file
def test_no_high_character_without_a_high_id(specification):
    high = tokens_to_screen(specification)
    if high is None:
        pytest.skip("the ids of this file do not tell")
    step = 1 if EXAMPLES > 1 else 97
    codes = np.array([*range(0x250, 0xD800), *range(0xE000, 0x110000)])[::step]
    rows = ways(specification)[1].encode(texts_of([f"is{chr(code)} \u2019{chr(code)}e" for code in codes]))
    found = rows_with(rows.values, rows.row_splits, high)
    missed = codes[(codes >= 0x340) & ~np.isin(codes, DASHES_AND_QUOTES) & ~found]
    # Old characters that NFC puts lower ones in place of, or takes for a mark of the letter before them.
    lowered = {code for code in missed.tolist() if max(map(ord, unicodedata.normalize("NFC", f"s{chr(code)}"))) < 0x340}
    assert set(missed.tolist()) <= lowered, missed
    assert not lowered or specification["normalizer"] is not None
    assert not has_newer_characters(texts_of([chr(code) for code in lowered])).any()


def test_most_texts_have_none():
    specification = OURS["gpt2"]
    texts = ["plain words, and more of them", "déjà vu \u2014 \u201cquoted\u201d\u2026", ""]
    rows = ways(specification)[1].encode(texts_of(texts))
    high = tokens_to_screen(specification)
    assert not rows_with(rows.values, rows.row_splits, high).any()
    assert len(high) == 600 + 1 and high[-1], "an id that there should not be is suspect"


def without_a_byte():
    specification = trained()
    del specification["model"]["vocab"][sorted(pre_tokenizers.ByteLevel.alphabet())[40]]
    return specification


@pytest.mark.parametrize(
    "specification",
    [
        pytest.param(trained(normalizer={"type": "NFKC"}), id="other normalizer"),
        pytest.param(trained(pre_tokenizer=sequence(split("a+", "Removed", invert=True))), id="text is dropped"),
        pytest.param(trained(pre_tokenizer=None), id="no bytes"),
        pytest.param(without_a_byte(), id="a byte without a token"),
    ],
)
def test_ids_that_do_not_tell(specification):
    assert tokens_to_screen(specification) is None
