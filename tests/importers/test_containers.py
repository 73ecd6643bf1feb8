"""Vocabularies among other objects in a pickle or JSON file, and compressed files."""

from __future__ import annotations

import bz2
import gzip
import json
import lzma
import pickle
import zlib
from collections import OrderedDict

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.conftest import MIXED, command_here
from tokemb import fit_vocab
from tokemb.errors import ArgumentError, TextTypeError, VocabularyError
from tokemb.importers import compressed, import_vocabulary, read_foreign, verify
from tokemb.importers.pickled import read_pickle
from tokemb.importers.pickled_arrays import PickledArray
from tokemb.keras.legacy.text import Tokenizer

PROTOCOLS = range(pickle.HIGHEST_PROTOCOL + 1)


def fitted(texts=MIXED, **settings):
    tokenizer = Tokenizer(**settings)
    tokenizer.fit_on_texts(texts)
    return tokenizer


def write(path, content):
    path.write_bytes(content if isinstance(content, bytes) else pickle.dumps(content))
    return path


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("settings", [{"num_words": 40, "oov_token": "<OOV>"}, {"char_level": True}])
def test_pickle_of_the_compat_tokenizer_keeps_its_ids(tmp_path, protocol, settings):
    tokenizer = fitted(**settings)
    imported = read_foreign(write(tmp_path / "tokenizer.pickle", pickle.dumps(tokenizer, protocol)))
    assert [row.tolist() for row in imported.encoder.encode_ragged(MIXED)] == tokenizer.texts_to_sequences(MIXED)
    assert verify(imported, MIXED) == (len(MIXED), None)
    assert imported.assumed == ()


def test_pickle_of_the_compat_tokenizer_is_verified_by_the_command(tmp_path):
    write(tmp_path / "t.pickle", fitted(["deep learning", "deep"]))
    (tmp_path / "texts.txt").write_text("deep\nnew\n")
    run = command_here("import", "t.pickle", "-o", "v", "--verify", "texts.txt", cwd=tmp_path)
    assert run.returncode == 0, run.stderr.decode()
    assert "verified   2 rows of texts.txt: the ids are those of the original\n" in run.stderr.decode()


def test_verification_with_lists_that_the_original_library_does_not_accept_is_an_error(tmp_path):
    fit_vocab(["deep learning"]).save(tmp_path / "v")
    imported = read_foreign(tmp_path / "v" / "tokenizer.json")
    pq.write_table(pa.table({"text": [["deep"], ["learning"]]}), tmp_path / "rows.parquet")
    with pytest.raises(TextTypeError, match="accepts texts, not lists of tokens; .*rows.parquet contains lists"):
        verify(imported, tmp_path / "rows.parquet")


@pytest.mark.parametrize(
    "wrap",
    [
        lambda tokenizer: (tokenizer, 100),
        lambda tokenizer: [[1, 2], {"maxlen": 5, "inner": {"tokenizer": tokenizer}}],
        lambda tokenizer: {"tokenizer": tokenizer, "word_index": tokenizer.word_index},
        lambda tokenizer: {"x": np.zeros((3, 2)), "y": np.array(["a", None], object), 2: tokenizer, "n": np.int64(5)},
        lambda tokenizer: (tokenizer.to_json(), {"a", "b"}, frozenset([1]), b"bytes", bytearray(b"x")),
        lambda tokenizer: {"texts": ["a"] * 20_000, "rows": [[i] for i in range(20_000)], "x": {"y": [tokenizer]}},
        lambda tokenizer: {"json": {"class_name": "Tokenizer", "config": tokenizer.get_config()}},
        lambda tokenizer: tokenizer.to_json(),
    ],
)
@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_tokenizer_among_other_objects_is_found(tmp_path, wrap, protocol):
    tokenizer = fitted(["b b a"], oov_token="?")
    path = write(tmp_path / "t.pkl", pickle.dumps(wrap(tokenizer), protocol))
    assert import_vocabulary(path).vocabulary == ["", "?", "b", "a"]


def test_one_of_several_tokenizers_must_be_chosen(tmp_path):
    first, second = fitted(["a"]), fitted(["b c"])
    path = write(tmp_path / "t.pkl", (first, {"target": second}, [3]))
    message = (
        r'2 vocabularies \(0 \(Tokenizer, 1 words\), 1.target \(Tokenizer, 2 words\)\).* for example, pass item="0"'
    )
    with pytest.raises(ArgumentError, match=message):
        import_vocabulary(path)
    with pytest.raises(ArgumentError, match="received item='9'"):
        import_vocabulary(path, item="9")
    assert import_vocabulary(path, item="1.target").vocabulary == ["", "b", "c"]
    assert read_foreign(write(path, [3, second])).facts["item"] == "1"
    with pytest.raises(ArgumentError, match="item does not apply to this file"):
        import_vocabulary(write(path, first), item="0")
    with pytest.raises(VocabularyError, match="contains no vocabulary, so item='x'"):
        import_vocabulary(write(path, [1, 2]), item="x")
    write(path, (first, second))
    run = command_here("import", "t.pkl", "-o", "v", "--item", "1", cwd=tmp_path)
    assert run.returncode == 0, run.stderr.decode()
    assert "item '1'" in run.stderr.decode()


def test_word_map_among_other_objects_is_found_and_labels_are_not(tmp_path):
    words, labels = {"<PAD>": 0, "a": 1, "b": 2}, {"neg": 0, "pos": 1}
    path = write(tmp_path / "t.pkl", {"word2idx": words, "label2idx": labels, "maxlen": 4})
    assert import_vocabulary(path).vocabulary == ["<PAD>", "a", "b"]
    path = tmp_path / "t.json"
    path.write_text(json.dumps({"vocab": words, "labels": labels}))
    assert import_vocabulary(path).vocabulary == ["<PAD>", "a", "b"]
    with pytest.raises(ArgumentError, match=r"0 \(3 words\), 1 \(2 words\)"):
        import_vocabulary(write(path, (words, labels)))


def test_containers_without_end_are_left(tmp_path):
    rows = [1]
    for _ in range(40):
        rows = [rows, rows]
    with pytest.raises(VocabularyError, match="a pickled list"):
        import_vocabulary(write(tmp_path / "t.pkl", rows))
    cycle = []
    cycle.append(cycle)
    with pytest.raises(VocabularyError, match="a pickled list"):
        import_vocabulary(write(tmp_path / "t.pkl", cycle))


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize(
    "values",
    [["a", "é", ""], [b"a", b"\xc3\xa9"], [1, -2, 3], [0.5, 1.0], [True, False], np.array(["x", b"y", 5], object)],
)
def test_arrays_and_scalars_are_read_without_numpy_running_anything(protocol, values):
    array = np.array(values)
    read = read_pickle(pickle.dumps([array, array[0], array.astype(array.dtype.newbyteorder())], protocol))
    assert read[0].values() == read[2].values() == array.tolist()
    assert read[1] == array[0]
    assert read_pickle(pickle.dumps(np.zeros((2, 3)), protocol)).shape == (2, 3)


@pytest.mark.parametrize("compress", [0, 3, ("gzip", 3), ("bz2", 3), ("lzma", 3), ("xz", 3), ("zlib", 3)])
def test_joblib_files_with_arrays_among_the_objects_are_read(tmp_path, compress):
    joblib = pytest.importorskip("joblib")
    tokenizer = fitted(["b b a"])
    value = {"x": np.arange(1000.0), "o": np.array(["s", None], object), "t": tokenizer, "z": np.zeros(0)}
    path = tmp_path / "t.joblib"
    joblib.dump(value, path, compress=compress)
    assert import_vocabulary(path).vocabulary == ["", "b", "a"]
    read = read_pickle(compressed.decompress(path.read_bytes(), path))
    assert isinstance(read["x"], PickledArray)
    assert (read["x"].values(), read["o"].values()) == (list(range(1000)), ["s", None])


def zstd(content):
    sink = pa.BufferOutputStream()
    with pa.CompressedOutputStream(sink, "zstd") as stream:
        stream.write(content)
    return sink.getvalue().to_pybytes()


COMPRESSORS = {
    "gzip": gzip.compress,
    "bzip2": bz2.compress,
    "xz": lzma.compress,
    "lzma": lambda content: lzma.compress(content, lzma.FORMAT_ALONE),
    "zlib": zlib.compress,
    "zstd": zstd,
}


@pytest.mark.parametrize("name", COMPRESSORS)
def test_compressed_files_of_every_kind_are_read(tmp_path, name):
    path = write(tmp_path / "t.pkl", COMPRESSORS[name](pickle.dumps(fitted(["b b a"]))))
    assert import_vocabulary(path).vocabulary == ["", "b", "a"]
    path = write(tmp_path / "words.txt", COMPRESSORS[name](b"b\na\n"))
    assert import_vocabulary(path).vocabulary == ["", "[UNK]", "b", "a"]


@pytest.mark.parametrize("name", COMPRESSORS)
def test_compressed_file_that_is_cut_or_too_large_is_refused(tmp_path, name):
    packed = COMPRESSORS[name](pickle.dumps(fitted()))
    with pytest.raises(VocabularyError, match="is compressed with .*, but is corrupt"):
        import_vocabulary(write(tmp_path / "t.pkl", packed[: len(packed) // 2]))
    with pytest.raises(VocabularyError, match="at most 1,000 bytes when decompressed"):
        compressed.decompress(packed, tmp_path / "t.pkl", max_bytes=1000)


def test_compressed_file_that_says_it_is_huge_takes_no_memory(tmp_path):
    packed = lzma.compress(b"a", filters=[{"id": lzma.FILTER_LZMA2, "dict_size": 1 << 30}])
    with pytest.raises(VocabularyError, match="(?i)compressed with xz.*memory"):
        import_vocabulary(write(tmp_path / "t.pkl", packed))


def test_word_list_that_begins_as_zlib_does_is_a_word_list(tmp_path):
    (tmp_path / "w.txt").write_text("x^2\nx^3\n")
    assert import_vocabulary(tmp_path / "w.txt").vocabulary[2:] == ["x^2", "x^3"]


def test_several_gzip_members_are_one_file(tmp_path):
    content = pickle.dumps(fitted(["b b a"]))
    path = write(tmp_path / "t.pkl", gzip.compress(content[:50]) + gzip.compress(content[50:]))
    assert import_vocabulary(path).vocabulary == ["", "b", "a"]


def test_tokenizer_json_that_is_compressed_is_read(tmp_path):
    import tokemb

    encoder = tokemb.fit_vocab(["b b a"])
    encoder.save(tmp_path / "v")
    path = write(tmp_path / "t.json.gz", gzip.compress((tmp_path / "v" / "tokenizer.json").read_bytes()))
    assert import_vocabulary(path).encode(["a b"]).tolist() == encoder.encode(["a b"]).tolist()


def test_objects_of_label_encoders_are_skipped(tmp_path):
    preprocessing = pytest.importorskip("sklearn.preprocessing")
    labels = preprocessing.LabelEncoder().fit(["x", "y"])
    for protocol in PROTOCOLS:
        path = write(tmp_path / "t.pkl", pickle.dumps(OrderedDict(l=labels, t=fitted(["b b a"])), protocol))
        assert import_vocabulary(path).vocabulary == ["", "b", "a"]
