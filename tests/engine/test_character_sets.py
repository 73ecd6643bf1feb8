"""The characters that an expression matches, found by a few long queries, are those that it matches one by one."""

from __future__ import annotations

import numpy as np
import pytest
from tokenizers import Regex, pre_tokenizers

from tests.conftest import EXAMPLES
from tokemb.engine.character_sets import CODES, matching_characters
from tokemb.kernels import object_cache


@pytest.fixture
def cache_folder(monkeypatch, tmp_path):
    monkeypatch.setenv(object_cache.FOLDER_VARIABLE, str(tmp_path))
    matching_characters.cache_clear()
    yield tmp_path
    matching_characters.cache_clear()


def one_by_one(expression, codes):
    split = pre_tokenizers.Split(Regex(expression), "removed").pre_tokenize_str
    return [not 0xD800 <= code < 0xE000 and not split(chr(code)) for code in codes]


# The last three match several characters when case is ignored.
EXPRESSIONS = [r"\p{L}", r"\s", r"[^\s\p{L}\p{N}]", r"(?i:s)", "(?i:ﬆ)", "(?i:ﬗ)"]


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_matching_characters_are_those_of_single_queries_in_a_sample(expression):
    # TOKEMB_TEST_EXAMPLES=17 tests all of Unicode, in some seconds for each expression.
    codes = [*range(0x3000), *range(0xFB00, 0xFB20), *range(0, CODES, max(1, int(17 / EXAMPLES)))]
    assert matching_characters(expression)[codes].tolist() == one_by_one(expression, codes)


def test_matching_characters_are_saved_and_damaged_files_are_rebuilt(cache_folder):
    expected = matching_characters(r"\p{N}")
    [file] = cache_folder.iterdir()
    saved = file.read_bytes()
    file.write_bytes(saved[:-1])
    matching_characters.cache_clear()
    np.testing.assert_array_equal(matching_characters(r"\p{N}"), expected)
    assert file.read_bytes() == saved


def test_matching_characters_are_not_queried_again_once_saved(cache_folder, monkeypatch):
    expected = matching_characters(r"\p{N}")
    matching_characters.cache_clear()
    monkeypatch.setattr("tokemb.engine.character_sets._query", None)
    np.testing.assert_array_equal(matching_characters(r"\p{N}"), expected)
