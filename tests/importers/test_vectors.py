"""Vocabularies of the words of files of vectors, and word maps that end with padding."""

from __future__ import annotations

import bz2
import gzip
import pickle

import numpy as np
import pytest

import tokemb
from tests.conftest import command_here, ok
from tokemb.analysis import TokenVectors
from tokemb.analysis.evaluate import analogy_accuracy
from tokemb.errors import ArgumentError, VectorsError, VocabularyError
from tokemb.importers import read_foreign, verify
from tokemb.models.pretrained import load_vectors

ROWS = ["， 1 2 3", "的 4 5 6", "深度 1 0 1", "深\u3000度 0 0 1", "[UNK] 9 9 9", "Wi-Fi 7 8 9", "学习 0 1 1"]
TEXT = "\n".join(["7 3", *ROWS]) + "\n"
WORDS = ["，", "的", "深度", "深\u3000度", "Wi-Fi", "学习"]


CONTENTS = {
    "sgns.zhihu.bigram": TEXT.encode(),
    "bom": b"\xef\xbb\xbf" + TEXT.encode(),
    "sgns.bz2": bz2.compress(TEXT.encode()),
    "sgns.gz": gzip.compress(TEXT.encode()),
    "glove": "".join(f"{word} {' '.join('12345678')}\n" for word in WORDS).encode(),
    "binary": b"6 2\n" + b"".join(w.encode() + b" " + np.float32([0.1, 2]).tobytes() + b"\n" for w in WORDS),
}


@pytest.mark.parametrize("name", CONTENTS)
def test_words_of_vectors_become_the_vocabulary(name, tmp_path):
    content = CONTENTS[name]
    path = tmp_path / name
    path.write_bytes(content)
    imported = read_foreign(path)
    assert imported.kind == "vectors"
    assert imported.encoder.vocabulary == ["", "[UNK]", *WORDS]
    assert imported.encoder.encode(["Wi-Fi 深度 wi-fi"]).tolist() == [[6, 4, 1]]
    assert imported.encoder.encode([["深\u3000度"]]).tolist() == [[5]]
    assert "1 words contain white space" in imported.notes[1]
    assert load_vectors(path, imported.encoder.vocabulary).found[2:].all()
    assert tokemb.import_vocabulary(path, max_size=2).vocabulary == ["", "[UNK]", "，", "的"]


def test_words_are_read_only_as_far_as_they_are_needed(tmp_path):
    path = tmp_path / "sgns"
    path.write_text(TEXT + "damaged\n" * 9, "utf-8")
    assert len(tokemb.import_vocabulary(path, max_size=4).vocabulary) == 6
    with pytest.raises(VectorsError, match="line 9"):
        tokemb.import_vocabulary(path)


def test_segmenter_of_an_import_finds_the_words(tmp_path):
    (tmp_path / "sgns").write_text(TEXT, "utf-8")
    imported = read_foreign(tmp_path / "sgns", tokemb.importers.options.Options(segmenter="jieba"))
    assert imported.encoder.encode(["深度学习，的"]).tolist() == [[4, 7, 2, 3]]
    (tmp_path / "texts.txt").write_text("深度学习\n的深度\n", "utf-8")
    assert verify(imported, tmp_path / "texts.txt") == (2, None)
    run = command_here("import", "sgns", "--segmenter", "jieba", "--max-size", "3", "-o", "v", cwd=tmp_path)
    assert "words 3" in ok(run).stderr.decode()
    assert tokemb.Encoder.load(tmp_path / "v").segmenter.name == "jieba"


@pytest.mark.parametrize(("header", "pairs"), [("3 200000\n", 3), ("", 3), ("", 1 << 17)])
def test_sparse_vectors_are_refused(header, pairs, tmp_path):
    row = " ".join(f"{position}:1.5e-1" for position in range(pairs))
    (tmp_path / "ppmi.zhihu.word").write_text(f"{header}的 {row}\n了 2:1.0 3:2.0\n", "utf-8")
    run = command_here("import", "ppmi.zhihu.word", "-o", "v", cwd=tmp_path)
    assert run.returncode == 1
    assert "pairs of position and value (sparse vectors, such as ppmi.*)" in run.stderr.decode()
    with pytest.raises(VectorsError, match="pairs of position and value"):
        load_vectors(tmp_path / "ppmi.zhihu.word", ["的"])


@pytest.mark.parametrize(
    ("content", "options", "error", "message"),
    [
        (TEXT, {"num_words": 5}, ArgumentError, "num_words does not apply to this file"),
        (TEXT, {"profile": "chars", "segmenter": "jieba"}, ArgumentError, "profile must be one of keras"),
        ("1 2\n[UNK] 1 2\n", {}, VocabularyError, "contains no words"),
        ("好\n坏\n", {"max_size": 5}, ArgumentError, "max_size does not apply to this file"),
    ],
)
def test_options_that_do_not_apply_are_errors(content, options, error, message, tmp_path):
    (tmp_path / "file").write_text(content, "utf-8")
    with pytest.raises(error, match=message):
        tokemb.import_vocabulary(tmp_path / "file", **options)


PAD_LAST = {" ": 0, "的": 1, "好": 2, "<UNK>": 3, "<PAD>": 4}


@pytest.mark.keras
def test_word_map_with_padding_last_and_its_embeddings_are_imported(tmp_path):
    (tmp_path / "vocab.pkl").write_bytes(pickle.dumps(PAD_LAST))
    imported = read_foreign(tmp_path / "vocab.pkl")
    encoder = imported.encoder
    assert (encoder.profile, encoder.pad_id, encoder.unk_id, encoder.input_dim) == ("chars", 4, 3, 5)
    assert encoder.encode(["好的 坏"], maxlen=6).tolist() == [[2, 1, 0, 3, 4, 4]]
    (tmp_path / "texts.txt").write_text("好的 坏\n 的\n", "utf-8")
    assert verify(imported, tmp_path / "texts.txt") == (2, None)
    embeddings = np.arange(10).reshape(5, 2) / 8
    np.savez_compressed(tmp_path / "e.npz", embeddings=embeddings)
    model = tokemb.embedding_model(encoder, vectors=tmp_path / "e.npz")
    np.testing.assert_array_equal(tokemb.embed(model, encoder.encode(["好坏"])), embeddings[[[2, 3]]])
    np.savez(tmp_path / "e.npz", embeddings=embeddings[1:])
    with pytest.raises(VectorsError, match=r"of 4 ids without their tokens, and the vocabulary has 5"):
        load_vectors(tmp_path / "e.npz", encoder.vocabulary)


def test_words_with_padding_last_are_split_at_white_space(tmp_path):
    (tmp_path / "vocab.pkl").write_bytes(pickle.dumps({"很好": 0, "<UNK>": 1, "<PAD>": 2}))
    assert tokemb.import_vocabulary(tmp_path / "vocab.pkl").encode(["很好 好", ""]).tolist() == [[0, 1], [2, 2]]


def test_analogies_in_the_format_of_ca8_are_read(tmp_path):
    (tmp_path / "v.txt").write_text("4 2\n北京 1 0\n京 1 1\n上海 2 0\n沪 2 1\n", "utf-8")
    (tmp_path / "semantic.txt").write_text(": geography\n北京 京 上海 沪\n上海 沪 北京 京\n北京 京 天津 津\n", "utf-8")
    accuracy = analogy_accuracy(TokenVectors.load(tmp_path / "v.txt", None), tmp_path / "semantic.txt")
    assert (accuracy.questions, accuracy.asked) == (3, 2)
