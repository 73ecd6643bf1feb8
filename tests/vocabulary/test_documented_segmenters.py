"""The segmenters that docs/segmenters.md shows, with the real packages."""

from __future__ import annotations

import re

import numpy as np
import pyarrow as pa
import pytest

import tokemb
from tests.conftest import EXAMPLES, ROOT
from tokemb.vocabulary.segmenters import adapters, segmenter

pytestmark = pytest.mark.segmenters

# The name in the documentation, its packages, and texts with words that are known.
CASES = {
    "mecab": (("fugashi", "unidic_lite"), ["これは本です。", "東京に行きました", ""], "これ は 本 です 。"),
    "pythainlp": (("pythainlp",), ["ผมรักประเทศไทย", "แมวกินปลา abc", ""], "ผม รัก ประเทศ ไทย"),
    "kiwi": (("kiwipiepy",), ["안녕하세요", "학교에 갔다", ""], "안녕 하 세요"),
}


@pytest.fixture(params=CASES)
def documented(request, tmp_path, monkeypatch):
    """Install the module and the entry points of the page as a package. Return the name of a segmenter and its case."""
    packages, texts, first = CASES[request.param]
    for package in packages:
        pytest.importorskip(package)
    page = (ROOT / "docs" / "segmenters.md").read_text("utf-8")
    blocks = (("python", "def japanese"), ("toml", "mecab ="))
    module, entries = (re.search(rf"```{kind}\n([^`]*{word}[^`]*)```", page)[1] for kind, word in blocks)
    information = tmp_path / "my_segmenters-1.0.dist-info"
    information.mkdir()
    (tmp_path / "my_segmenters.py").write_text(module, "utf-8")
    lines = entries.replace('[project.entry-points."tokemb.segmenters"]', "[tokemb.segmenters]").replace('"', "")
    (information / "entry_points.txt").write_text(lines)
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: my-segmenters\nVersion: 1.0\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(adapters.importlib.sys.modules, "my_segmenters", raising=False)
    segmenter._open.cache_clear()
    return request.param, texts, first


@pytest.mark.filterwarnings("ignore")  # of the packages
def test_documented_segmenter_finds_the_words_of_its_package(documented, tmp_path, monkeypatch):
    name, texts, first = documented
    encoder = tokemb.fit_vocab(texts, segmenter=name)
    column = pa.array(texts * 3, pa.large_string())
    segmented = encoder.segmenter.segment(column, 1).to_pylist()
    assert segmented[0] == first
    expected = tokemb.fit_vocab(segmented[: len(texts)], profile="keras")
    assert encoder.vocabulary == expected.vocabulary
    np.testing.assert_array_equal(encoder.encode(texts), expected.encode(segmented[: len(texts)]))
    encoder.save(tmp_path / "v")
    loaded = tokemb.Encoder.load(tmp_path / "v").segmenter
    assert str(loaded) == f"{name} 1.0"
    if name == "mecab" or EXAMPLES > 1:  # each process of the others loads a model for seconds
        monkeypatch.setattr(segmenter, "_WORTH_PROCESSES", 0)
        monkeypatch.setattr(segmenter, "_PART_BYTES", 20)
        assert loaded.segment(column, 2).to_pylist() == segmented
