"""Segmenters in vocabularies, counts and processes. Most tests use one that splits a text into pairs of characters."""

from __future__ import annotations

import copy
import json
import os
import pickle

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tokemb
from tests.conftest import examples
from tokemb.errors import ArgumentError, MissingPackageError, TextError, TextTypeError, VocabularyError
from tokemb.vocabulary.segmenters import adapters, segmenter
from tokemb.vocabulary.segmenters.processes import Processes

PAIRS = """
def open_segmenter(user_dictionary):
    size = len(user_dictionary or b"xx")
    print("a library that prints")
    def words(text):
        if text == "fail":
            raise KeyError(text)
        return [text[start : start + size] for start in range(0, len(text), size)]
    return words
"""
TEXTS = ["深度学习很深", "深度", "", "很 深", "\u3000深度\n"]


@pytest.fixture
def pairs(tmp_path, monkeypatch):
    """Provide the segmenter ``pairs`` of a package of version 1.0. Return a function that changes the version."""
    folder = tmp_path / "site"
    information = folder / "tokemb_pairs-1.0.dist-info"
    information.mkdir(parents=True)
    (folder / "tokemb_pairs.py").write_text(PAIRS)
    (information / "entry_points.txt").write_text("[tokemb.segmenters]\npairs = tokemb_pairs:open_segmenter\n")

    def set_version(version):
        (information / "METADATA").write_text(f"Metadata-Version: 2.1\nName: tokemb-pairs\nVersion: {version}\n")

    set_version("1.0")
    monkeypatch.syspath_prepend(folder)
    monkeypatch.delitem(adapters.importlib.sys.modules, "tokemb_pairs", raising=False)
    segmenter._open.cache_clear()
    return set_version


def segmented(texts, size=2):
    return [" ".join(text[start : start + size] for start in range(0, len(text), size)) for text in texts]


def test_ids_equal_those_of_texts_with_spaces_between_the_words(pairs):
    encoder = tokemb.fit_vocab(TEXTS, segmenter="pairs")
    expected = tokemb.fit_vocab(segmented(TEXTS), profile="keras")
    assert encoder.vocabulary == expected.vocabulary
    np.testing.assert_array_equal(encoder.encode(TEXTS), expected.encode(segmented(TEXTS)))
    np.testing.assert_array_equal(encoder.encode_ragged(TEXTS).values, expected.encode_ragged(segmented(TEXTS)).values)
    assert (encoder.vectorize(TEXTS) != expected.vectorize(segmented(TEXTS))).nnz == 0
    assert encoder.fingerprint != expected.fingerprint
    assert "words are found by pairs 1.0 first" in str(encoder.explain("深度"))


def test_folder_holds_the_segmenter_and_its_dictionary(pairs, tmp_path):
    dictionary = tmp_path / "words.txt"
    dictionary.write_bytes(b"123")
    encoder = tokemb.fit_vocab(TEXTS, segmenter="pairs", user_dictionary=dictionary, profile="whitespace")
    dictionary.unlink()
    encoder.save(tmp_path / "v")
    encoder.save(tmp_path / "v")  # replaces the folder with the dictionary in it
    metadata = json.loads((tmp_path / "v" / "tokemb.json").read_text("utf-8"))
    assert metadata["format_version"] == 2
    assert metadata["segmenter"].pop("user_dictionary") == metadata["sha256"]["user_dictionary.txt"]
    assert metadata["segmenter"] == {"name": "pairs", "package": "tokemb-pairs", "version": "1.0"}
    for other in (tokemb.Encoder.load(tmp_path / "v"), pickle.loads(pickle.dumps(encoder)), copy.copy(encoder)):
        assert (other.segmenter, other.fingerprint) == (encoder.segmenter, encoder.fingerprint)
        np.testing.assert_array_equal(other.encode(TEXTS), encoder.encode(TEXTS))
    (tmp_path / "v" / "user_dictionary.txt").write_bytes(b"12")
    with pytest.raises(VocabularyError, match=r"user_dictionary.txt was changed"):
        tokemb.Encoder.load(tmp_path / "v")


def test_folder_without_a_segmenter_is_of_format_1(tmp_path):
    tokemb.fit_vocab(["a"]).save(tmp_path / "v")
    metadata = json.loads((tmp_path / "v" / "tokemb.json").read_text("utf-8"))
    assert metadata["format_version"] == 1
    assert "segmenter" not in metadata


def test_another_version_is_an_error_that_names_the_command(pairs, tmp_path):
    tokemb.fit_vocab(TEXTS, segmenter="pairs").save(tmp_path / "v")
    pairs("1.1")
    encoder = tokemb.Encoder.load(tmp_path / "v")  # ids can still be decoded
    assert encoder.decode([[2]]) == ["深度"]
    with pytest.raises(VocabularyError, match=r"tokemb-pairs 1.0, and version 1.1 .* pip install tokemb-pairs==1.0"):
        encoder.encode(TEXTS)


def test_a_package_that_is_missing_is_an_error_that_names_the_command(pairs, tmp_path, monkeypatch):
    encoder = tokemb.fit_vocab(TEXTS, segmenter="pairs")
    monkeypatch.setattr("importlib.metadata.entry_points", lambda group: [])
    with pytest.raises(MissingPackageError, match=r"pip install tokemb-pairs==1.0"):
        encoder.encode(TEXTS)
    with pytest.raises(ArgumentError, match="segmenter must be one of jieba"):
        tokemb.fit_vocab(TEXTS, segmenter="pairs")


def test_counts_hold_the_segmenter(pairs, tmp_path):
    dictionary = tmp_path / "words.txt"
    dictionary.write_bytes(b"123")
    arguments = {"segmenter": "pairs", "user_dictionary": dictionary}
    halves = [tokemb.TokenCounts.from_texts(texts, **arguments) for texts in (TEXTS[:2], TEXTS[2:])]
    sum(halves).save(tmp_path / "a.counts.parquet")
    counts = tokemb.TokenCounts.load(tmp_path / "a.counts.parquet")
    encoder, expected = tokemb.fit_vocab(counts), tokemb.fit_vocab(TEXTS, **arguments)
    assert (encoder.vocabulary, encoder.fingerprint) == (expected.vocabulary, expected.fingerprint)
    other = tokemb.TokenCounts.from_texts(TEXTS, profile="keras")
    with pytest.raises(ArgumentError, match="same segmenter; received pairs 1.0 with the user dictionary .* and none"):
        counts + other
    with pytest.raises(ArgumentError, match="the counts must have the segmenter of the vocabulary"):
        encoder.grow(other)
    with pytest.raises(ArgumentError, match="leave out segmenter, or count the texts again"):
        tokemb.fit_vocab(other, segmenter="pairs")


def test_grow_segments_new_texts(pairs):
    encoder = tokemb.fit_vocab(TEXTS, segmenter="pairs").grow(["云计算机"])
    assert encoder.vocabulary[-2:] == ["云计", "算机"]
    assert encoder.encode(["云计算机"]).tolist() == [[encoder.input_dim - 2, encoder.input_dim - 1]]


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"algorithm": "bpe"}, ArgumentError, 'segmenter must be left out unless algorithm="word"'),
        ({"profile": "words"}, ArgumentError, "profile must be one of keras, text-vectorization, whitespace"),
        ({"texts": [["深", "度"]]}, TextTypeError, "received rows that are lists of tokens"),
        ({"segmenter": None, "user_dictionary": "words.txt"}, ArgumentError, "user_dictionary is for a segmenter"),
        ({"user_dictionary": "words.txt"}, ArgumentError, "must be a file as pathlib.Path"),
        ({"segmenter": "nothing"}, ArgumentError, "segmenter must be one of jieba, pairs, or"),
        ({"segmenter": len}, ArgumentError, "segmenter must be a name"),
        ({"texts": ["fail"]}, TextError, "the segmenter tokemb_pairs:open_segmenter failed: KeyError"),
    ],
)
def test_contradictory_arguments_are_one_sentence(arguments, error, message, pairs):
    with pytest.raises(error, match=message):
        tokemb.fit_vocab(**{"texts": TEXTS, "segmenter": "pairs", **arguments})


@pytest.mark.keras
def test_graphs_and_spark_refuse_a_segmenter(pairs):
    encoder = tokemb.fit_vocab(TEXTS, segmenter="pairs", profile="text-vectorization")
    for use in (encoder.layer, encoder.to_text_vectorization):
        with pytest.raises(ArgumentError, match="cannot segment texts with pairs 1.0"):
            use()
    pytest.importorskip("pyspark")
    from tokemb.integrations.spark.worker import serialize_encoder

    with pytest.raises(ArgumentError, match="Spark cannot segment texts with pairs 1.0"):
        serialize_encoder(encoder)


@pytest.fixture
def in_processes(pairs, monkeypatch):
    """Return a segmenter that uses processes for any text, a few bytes at a time."""
    monkeypatch.setattr(segmenter, "_WORTH_PROCESSES", 0)
    monkeypatch.setattr(segmenter, "_PART_BYTES", 20)
    return segmenter.Segmenter("pairs", "tokemb-pairs", "1.0")


def test_processes_return_all_rows_in_order(in_processes):
    @given(texts=st.lists(st.text("深度学习 a", max_size=30), max_size=40))
    @examples(20)
    def check(texts):
        column = pa.array(["not in the slice", *texts], pa.large_string()).slice(1)
        assert in_processes.segment(column, 2).to_pylist() == segmented(texts)

    check()
    with pytest.raises(TextError, match="KeyError"):
        in_processes.segment(pa.array(["fail"], pa.large_string()), 2)
    assert in_processes.segment(pa.array(TEXTS, pa.large_string()), 2).to_pylist() == segmented(TEXTS)


def test_processes_end_with_the_segmenter(in_processes):
    in_processes.segment(pa.array(TEXTS, pa.large_string()), 2)
    workers = list(in_processes._processes._idle.queue)
    assert [worker.poll() for worker in workers] == [None, None]
    in_processes._processes = None
    assert [worker.poll() for worker in workers] == [0, 0]


def test_a_process_that_was_killed_is_one_sentence(in_processes):
    in_processes.segment(pa.array(TEXTS, pa.large_string()), 1 + 1)
    for worker in in_processes._processes._idle.queue:
        worker.kill()
        worker.wait()
    with pytest.raises(TextError, match="ended with code -9"):
        in_processes.segment(pa.array(TEXTS, pa.large_string()), 2)
    assert in_processes.segment(pa.array(TEXTS, pa.large_string()), 2).to_pylist() == segmented(TEXTS)


def test_a_forked_process_does_not_use_the_processes_of_its_parent(pairs, monkeypatch):
    processes = Processes("tokemb_pairs:open_segmenter", None, 1)
    assert processes.usable
    monkeypatch.setattr(os, "getpid", lambda: -1)
    assert not processes.usable


@pytest.mark.parametrize("content", [{}, "jieba", {"name": ["jieba"], "package": "jieba", "version": "0.42.1"}])
def test_damaged_description_of_a_segmenter_is_an_error_in_one_sentence(content):
    with pytest.raises(VocabularyError, match="must have the texts name, package and version"):
        segmenter.Segmenter.from_json(content, None)
