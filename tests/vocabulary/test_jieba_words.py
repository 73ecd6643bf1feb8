"""The words of jieba, found by jieba itself and by the kernel."""

from __future__ import annotations

import gzip
import sys
from itertools import islice

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.conftest import DATA, ROWS, examples
from tokemb.errors import ArgumentError, MissingPackageError
from tokemb.kernels.object_cache import FOLDER_VARIABLE
from tokemb.vocabulary.segmenters import jieba_kernel, jieba_words
from tokemb.vocabulary.segmenters.jieba_kernel import open_kernel
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
    "100%",
    "2.5a",
    "x.y",
    "_&_",
    "..",
]
PARTS += [" ", "\u3000", "\r\n", "\r", "\n", "\t", "，", "！", "😀", "か", "한", "%", "5", "a"]


@pytest.fixture(scope="module")
def jieba():
    return jieba_words.import_jieba()[0]


@pytest.fixture(scope="module")
def kernel():
    return open_kernel(None)


def segmented(kernel, texts, threads=1):
    return kernel.segment(pa.array(texts, pa.large_string()), threads).to_pylist()


def plain(tokenizer, texts):
    return [" ".join(tokenizer.lcut(text)) for text in texts]


@given(text=st.lists(st.one_of(st.sampled_from(PARTS), st.text("一二三四中国人民大学生活动", max_size=5))).map("".join))
@examples(200)
def test_words_of_random_texts_equal_those_of_jieba(text, jieba, kernel):
    assert segmented(kernel, [text]) == plain(jieba, [text])


@pytest.mark.parametrize("corpus", ["chinese_reviews/waimai_10k.csv", "chinese_poetry_tang/tang.jsonl.gz"])
def test_words_of_corpora_equal_those_of_jieba(corpus, jieba, kernel):
    path = DATA / corpus
    if not path.exists():
        pytest.skip("without the corpora")
    with (gzip.open if path.suffix == ".gz" else open)(path, "rt", encoding="utf-8") as file:
        texts = list(islice(file, 5 * ROWS))
    assert segmented(kernel, texts) == plain(jieba, texts)


def test_words_do_not_depend_on_threads_and_slices(kernel, monkeypatch):
    texts = ["深度学习很深，", "", "韩玉赏鉴的云计算", "的", " "]
    column = pa.array([*texts, *texts], pa.large_string())
    expected = segmented(kernel, texts)
    monkeypatch.setattr(jieba_kernel, "_WORTH_THREAD", 1)
    assert kernel.segment(column.slice(5), 3).to_pylist() == expected
    assert kernel.segment(column.slice(0, 0), 3).to_pylist() == []


def test_words_with_a_user_dictionary_equal_those_of_jieba_and_change_no_other_segmenter(jieba, kernel):
    finalseg = sys.modules["jieba.finalseg"]
    texts = ["韩玉赏鉴中出云计算，Edu Trust认证的乔丹中出"]
    before = segmented(kernel, texts), set(finalseg.Force_Split_Words)
    found = segmented(open_kernel(DICTIONARY), texts)
    assert (segmented(kernel, texts), finalseg.Force_Split_Words) == before
    assert found == plain_with(DICTIONARY, texts)
    assert "云计算" in found[0].split()
    assert found != before[0]


def plain_with(dictionary, texts):
    """Return the words of jieba with a user dictionary, with the words that are split as it sets them for all."""
    jieba, finalseg = jieba_words.import_jieba()
    tokenizer, finalseg.Force_Split_Words = jieba_words.load_tokenizer(jieba, finalseg, dictionary)
    try:
        return plain(tokenizer, texts)
    finally:
        finalseg.Force_Split_Words = set()


def test_word_with_a_huge_count_is_found_as_by_jieba():
    dictionary, texts = "云计算 99999999999999999999999\n".encode(), ["这是云计算的书"]
    found = segmented(open_kernel(dictionary), texts)
    assert "云计算" in found[0].split()
    assert found == plain_with(dictionary, texts)


def test_dictionary_is_read_from_the_cache_without_jieba(kernel, monkeypatch, tmp_path):
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path))
    open_kernel(None)
    assert len(list(tmp_path.glob("jieba-*"))) == 1
    monkeypatch.setattr(jieba_kernel, "import_jieba", lambda: pytest.fail("jieba was imported"))
    assert segmented(open_kernel(None), ["深度学习很深"]) == segmented(kernel, ["深度学习很深"])


def test_another_version_of_jieba_segments_by_itself(jieba, monkeypatch, tmp_path):
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path))
    monkeypatch.setattr(jieba, "__version__", "0.43")
    assert open_kernel(None) is None
    assert list(tmp_path.iterdir()) == []
    monkeypatch.setattr(jieba_words, "load_tokenizer", lambda jieba, *_: (jieba.Tokenizer(), set()))
    assert open_segmenter(None).__func__ is jieba.Tokenizer.lcut


@pytest.mark.parametrize(
    ("content", "message"),
    [("云计算\n".encode() + "云".encode("gbk"), "line 2 is not"), (b"\xef\xbb\xbf \n\n", "must contain words")],
)
def test_a_dictionary_that_is_not_utf8_or_empty_is_an_error(content, message):
    with pytest.raises(ArgumentError, match=message):
        jieba_words.check_lines(content)


@pytest.mark.parametrize("opened", [open_kernel, open_segmenter])
def test_missing_package_names_the_command_that_installs_it(monkeypatch, opened):
    monkeypatch.setitem(sys.modules, "jieba", None)
    with pytest.raises(MissingPackageError, match=r"pip install tokemb\[jieba\]"):
        opened(None)
