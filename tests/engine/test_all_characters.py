"""The tables of all characters, made by a few long queries, are those of queries about single characters."""

from __future__ import annotations

import json

import numpy as np
import pytest
from tokenizers import Regex, normalizers, pre_tokenizers

import tokemb.engine.char_table
from tests.conftest import EXAMPLES, TOKENIZERS
from tests.engine.test_components import SCANNED
from tokemb.engine.char_queries import CharQueries
from tokemb.engine.char_table import CharTable
from tokemb.engine.character_sets import normalize_each
from tokemb.engine.components import UnprovableError, neighbor_split, normalizer_steps
from tokemb.kernels import object_cache
from tokemb.kernels.structs import CODES, NEEDS_REFERENCE, PAGE, PAGES, TAIL, UNCHANGED
from tokemb.vocabulary.profiles import PROFILES
from tokemb.vocabulary.tokenizer_json import tokenizer_json_of

# Case, marks, Hangul, "\r\n", full-width and compatibility characters, private and unassigned ones, all planes.
SAMPLE = [*range(0x700), *range(0x1E00, 0x2100), *range(0xAC00, 0xAC20), *range(0xFB00, 0xFB10), *range(0, CODES, 251)]


def _tokenizer_files():
    files = sorted(TOKENIZERS.glob("*/tokenizer.json"))
    return {file.parent.name: json.loads(file.read_text("utf-8")) for file in files}


def _components():
    """Return the components of the profiles, of the tests and of tokenizer files, by name."""
    found = {name: tokenizer_json_of(profile.tokenizer()) for name, profile in PROFILES.items()}
    for name, (normalizer, pre_tokenizer) in SCANNED.items():
        found[f"component {name}"] = {
            "normalizer": normalizer and json.loads(normalizer.__getstate__()),
            "pre_tokenizer": json.loads(pre_tokenizer.__getstate__()),
        }
    return found | {f"file {name}": content for name, content in _tokenizer_files().items()}


COMPONENTS = _components()


def queried(name):
    """Return the steps, the pre-tokenizer and the complete table of components."""
    normalizer, pre_tokenizer = (COMPONENTS[name][key] for key in ("normalizer", "pre_tokenizer"))
    try:
        steps, split = normalizer_steps(normalizer), neighbor_split(pre_tokenizer)
    except UnprovableError:
        pytest.skip("the scanner does not support it")
    table = CharTable(steps, split, f"{json.dumps(normalizer)}\n{json.dumps(pre_tokenizer)}")
    table.query_tokenizers(range(PAGES))
    return steps, split, table


def describe(table, code):
    """Return what ``CharQueries.describe`` should return, from a table."""
    entry = PAGE * int(table.page_of[code // PAGE]) + code % PAGE
    first, last = table.starts[entry : entry + 2]
    classes = [each for each in table.classes[first:last].tolist() if each != TAIL]
    if table.flags[entry] & NEEDS_REFERENCE:
        return None
    text = chr(code) if table.flags[entry] & UNCHANGED else table.text[first:last].tobytes().decode()
    return list(zip(text, classes, strict=True))


def assert_same(name, codes):
    steps, split, char_table = queried(name)
    queries = CharQueries(steps, split, list(map(ord, char_table.runs)))
    for code in codes:
        assert describe(char_table.table, code) == queries.describe(chr(code)), hex(code)


@pytest.mark.parametrize("name", PROFILES)
def test_tables_are_those_of_single_queries_in_a_sample(name):
    assert_same(name, SAMPLE)


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in COMPONENTS if name not in PROFILES])
def test_tables_of_other_components_are_those_of_single_queries_in_a_sample(name):
    assert_same(name, SAMPLE)


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in COMPONENTS if not name.startswith("component")])
def test_tables_are_those_of_single_queries_in_all_planes(name):
    # All of Unicode takes a minute for each name: TOKEMB_TEST_EXAMPLES=97 tests all.
    assert_same(name, range(0, CODES, max(1, int(97 / EXAMPLES))))


def test_tables_are_small(tmp_path, monkeypatch):
    monkeypatch.setenv(object_cache.FOLDER_VARIABLE, str(tmp_path))
    queried("words")
    assert sum(file.stat().st_size for file in tmp_path.iterdir()) < 1 << 15


@pytest.mark.parametrize("name", ["flags", "classes"])
def test_saved_tables_that_disagree_with_the_library_are_made_again(name, tmp_path, monkeypatch):
    monkeypatch.setenv(object_cache.FOLDER_VARIABLE, str(tmp_path))
    describe_all = tokemb.engine.char_table.describe_all
    wrong = lambda *arguments: {**(right := describe_all(*arguments)), name: np.roll(right[name], 1)}  # noqa: E731
    monkeypatch.setattr(tokemb.engine.char_table, "describe_all", wrong)
    queried("whitespace")
    monkeypatch.setattr(tokemb.engine.char_table, "describe_all", describe_all)
    assert_same("whitespace", SAMPLE)


def test_pages_with_first_characters_of_added_tokens_are_not_shared():
    split = neighbor_split({"type": "WhitespaceSplit"})
    plain, added = CharTable([], split, "whitespace"), CharTable([], split, "whitespace", ["龥<", "<"])
    for table in (plain, added):
        table.query_tokenizers(range(PAGES))
    shared = plain.table.page_of[[0x9F, 0x50]]
    assert shared[0] == shared[1]
    different = [code for code in [*SAMPLE, 0x9FA5] if _flags(plain, code) != _flags(added, code)]
    assert sorted(set(different)) == [ord("<"), 0x9FA5]
    assert all(describe(plain.table, code) == describe(added.table, code) for code in SAMPLE)


def _flags(char_table, code):
    return char_table.table.flags[PAGE * char_table.table.page_of[code // PAGE] + code % PAGE]


@pytest.mark.parametrize(
    "normalizer",
    [
        normalizers.Lowercase(),
        normalizers.NFKD(),
        normalizers.Replace(Regex("[^a]"), "|│\n"),  # changes all separators, or makes them
        normalizers.Replace("b", "│"),
        normalizers.Replace("│", ""),
    ],
)
def test_normalize_each_is_one_by_one(normalizer):
    texts = ["a", "B", "", "│", "ﬃ", "b", "한", "\u0301", "e\u0301", "\n"] * 700
    assert normalize_each(normalizer.normalize_str, texts) == [normalizer.normalize_str(text) for text in texts]


def test_pages_are_added_alone_until_they_are_many_or_saved(tmp_path, monkeypatch):
    monkeypatch.setenv(object_cache.FOLDER_VARIABLE, str(tmp_path))
    split = neighbor_split(json.loads(pre_tokenizers.Whitespace().__getstate__()))
    table = CharTable([], split, "Whitespace")
    table.query_tokenizers([0x4E, 0xD8])
    assert np.flatnonzero(table.table.page_of >= 0).tolist() == [0, 0x4E, 0xD8]
    few = {code: describe(table.table, code) for code in (0x41, 0x4E00, 0x4EFF, 0xD800)}
    table.query_tokenizers(range(0x20, 0x40))
    complete = table.table
    assert (complete.page_of >= 0).all()
    assert {code: describe(complete, code) for code in few} == few
    table.query_tokenizers([0x1F6])
    assert table.table is complete
    another = CharTable([], split, "Whitespace")
    another.query_tokenizers([0x4E])
    assert (another.table.page_of >= 0).all()
