"""The words of jieba, found by jieba itself and by the faster loop."""

from __future__ import annotations

import gzip
import io
import sys
from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.conftest import DATA, ROWS, examples
from tokemb.errors import ArgumentError, MissingPackageError
from tokemb.vocabulary.segmenters import jieba_words
from tokemb.vocabulary.segmenters.jieba_words import open_segmenter

DICTIONARY = "\ufeff云计算 5\n韩玉赏鉴 3 nz\nEdu Trust认证 2000\n乔丹\n中出 0\n\n".encode()
# Words, unknown names, characters beyond the dictionary's, white space of several kinds, numbers and marks.
PARTS = [
    "深度学习",
    "云计算",
    "韩玉赏鉴",
    "中出",
    "韓愈",
    "的",
    "了",
    "𠀀",
    "㐀",
    "龦",
    "C++",
    "3.14%",
    "a-b_c",
    "Wi-Fi",
    "é",
]
PARTS += [" ", "\u3000", "\r\n", "\t", "，", "！", "😀", "か", "한"]


@pytest.fixture(scope="module")
def jieba():
    return jieba_words._import_jieba()[0]


@pytest.fixture(scope="module")
def words():
    return open_segmenter(None)


def plain(jieba, dictionary=None):
    tokenizer = jieba.Tokenizer()
    tokenizer.FREQ, tokenizer.total = tokenizer.gen_pfdict(tokenizer.get_dict_file())
    tokenizer.initialized = True
    if dictionary is not None:
        tokenizer.load_userdict(io.BytesIO(dictionary))
    return tokenizer.lcut


@given(text=st.lists(st.one_of(st.sampled_from(PARTS), st.text("一二三四中国人民大学生活动", max_size=5))).map("".join))
@examples(200)
def test_words_of_random_texts_equal_those_of_jieba(text, jieba, words):
    assert words(text) == jieba.lcut(text)


@pytest.mark.parametrize("corpus", ["chinese_reviews/waimai_10k.csv", "chinese_poetry_tang/tang.jsonl.gz"])
def test_words_of_corpora_equal_those_of_jieba(corpus, jieba, words):
    path = DATA / corpus
    if not path.exists():
        pytest.skip("without the corpora")
    with (gzip.open if path.suffix == ".gz" else open)(path, "rt", encoding="utf-8") as file:
        texts = list(islice(file, 5 * ROWS))
    assert [words(text) for text in texts] == [jieba.lcut(text) for text in texts]


def test_words_with_a_user_dictionary_equal_those_of_jieba_and_change_no_other_segmenter(jieba, words):
    finalseg = sys.modules["jieba.finalseg"]
    text = "韩玉赏鉴中出云计算，Edu Trust认证的乔丹中出"
    before = words(text), set(finalseg.Force_Split_Words)
    found = open_segmenter(DICTIONARY)(text)
    assert (words(text), finalseg.Force_Split_Words) == before
    try:
        assert found == plain(jieba, DICTIONARY)(text)
    finally:
        finalseg.Force_Split_Words.clear()
    assert "云计算" in found
    assert found != before[0]


def test_word_with_a_huge_count_is_found_as_by_jieba(jieba):
    dictionary = "云计算 99999999999999999999999\n".encode()
    found = open_segmenter(dictionary)("这是云计算的书")
    assert "云计算" in found
    assert found == plain(jieba, dictionary)("这是云计算的书")


def test_another_version_of_jieba_segments_by_itself(jieba, monkeypatch):
    monkeypatch.setattr(jieba, "__version__", "0.43")
    monkeypatch.setattr(jieba_words, "_load", lambda jieba, *_: (jieba.Tokenizer(), set()))
    assert open_segmenter(None).__func__ is jieba.Tokenizer.lcut


@pytest.mark.parametrize(
    ("content", "message"),
    [("云计算\n".encode() + "云".encode("gbk"), "line 2 is not"), (b"\xef\xbb\xbf \n\n", "must contain words")],
)
def test_a_dictionary_that_is_not_utf8_or_empty_is_an_error(content, message):
    with pytest.raises(ArgumentError, match=message):
        jieba_words._check_lines(content)


def test_missing_package_names_the_command_that_installs_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "jieba", None)
    with pytest.raises(MissingPackageError, match=r"pip install tokemb\[jieba\]"):
        open_segmenter(None)
