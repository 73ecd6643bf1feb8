"""Files that are one row each."""

from __future__ import annotations

import gzip
import json
import logging
import os
import shutil
from pathlib import Path

import pytest

import tokemb
from tests.conftest import tokemb_command
from tokemb.errors import TextError
from tokemb.sources.corpus import read_table
from tokemb.sources.listing import _note_left_out

FILES = {
    "train/pos/2.txt": "good\r\nfilm\n",
    "train/pos/10.txt": "",
    "train/neg/1.txt": "bad\x0bfilm 學",
    "train/neg/below/3.txt": "worse",
    "train/neg/.hidden.txt": "hidden",
    "train/_cache/4.txt": "hidden",
    "train/neg/5.feat": "1:2 3:4",
}


@pytest.fixture
def here(tmp_path, monkeypatch):
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(text.encode())
    monkeypatch.chdir(tmp_path)
    _note_left_out.cache_clear()
    return tmp_path


def rows(files, keep=("label",), **reading):
    batches = tokemb.read_corpus(files, format="documents", keep=keep, **reading)
    return [tuple(row.values()) for batch in batches for row in batch.to_pylist()]


def test_each_file_is_a_row_and_its_folder_is_the_label(here):
    assert rows("train", ["label", "file"]) == [
        ("bad\x0bfilm 學", "neg", "train/neg/1.txt"),
        ("worse", "neg", "train/neg/below/3.txt"),
        ("", "pos", "train/pos/10.txt"),
        ("good\r\nfilm\n", "pos", "train/pos/2.txt"),
    ]


@pytest.mark.keras
def test_texts_and_labels_are_those_of_keras(here):
    from keras.utils import text_dataset_from_directory

    shutil.rmtree("train/_cache")  # Keras reads hidden files
    Path("train/neg/.hidden.txt").unlink()
    dataset = text_dataset_from_directory("train", shuffle=False, batch_size=None, verbose=0)
    names = sorted(dataset.class_names)
    assert rows("train") == [(text.numpy().decode(), names[label]) for text, label in dataset]


@pytest.mark.parametrize(
    "files", ["train/pos", Path("train/pos"), "train/pos/*.txt", ["train/pos/10.txt", "train/pos/2.txt"]]
)
def test_label_of_files_without_a_folder_below_is_the_folder_that_contains_them(here, files):
    assert rows(files) == [("", "pos"), ("good\r\nfilm\n", "pos")]


def test_files_beside_the_folders_are_left_out_with_one_message(here, caplog):
    (here / "train" / "urls.txt").write_text("not a review")
    with caplog.at_level(logging.WARNING):
        assert len(rows("train")) == len(rows("train")) == 4
    assert caplog.messages == [
        "files beside the folders of train are not documents and are not read, for example train/urls.txt"
    ]


def test_names_without_an_extension_are_documents_if_none_ends_in_txt(here):
    for name in ("news/a/51060", "news/b/51061"):
        (here / name).parent.mkdir(parents=True, exist_ok=True)
        (here / name).write_text(name)
    assert rows("news") == [("news/a/51060", "a"), ("news/b/51061", "b")]


@pytest.mark.parametrize("name", [b"train/pos/\xff.txt", b"train/\xff/1.txt"])
def test_name_that_is_not_utf8_is_read_and_is_an_error_only_as_a_column(here, name):
    path = Path(os.fsdecode(name))
    path.parent.mkdir(exist_ok=True)
    path.write_text("new")
    assert ("new",) in rows("train", [])
    with pytest.raises(TextError, match=r"train/.* is not UTF-8"):
        rows("train", ["label", "file"])


def test_compressed_documents_are_decompressed(here):
    (here / "train" / "pos" / "3.txt.gz").write_bytes(gzip.compress(b"fine"))
    assert rows("train/pos")[-1] == ("fine", "pos")


def test_documents_are_a_table_with_three_columns(here):
    batch = next(read_table("train", format="documents"))
    assert batch.schema.names == ["text", "label", "file"]
    assert len(batch) == 4


def test_other_columns_and_empty_folders_are_errors(here):
    (here / "empty").mkdir()
    with pytest.raises(TextError, match="the folder empty has no file to read"):
        rows("empty")
    with pytest.raises(TextError, match="no column 'stars'; it has the columns 'text', 'label', 'file'"):
        rows("train", ["stars"])
    (here / "train" / "pos" / "2.txt").write_bytes(b"caf\xe9")
    with pytest.raises(TextError, match="train/pos/2.txt, line 1: byte 3"):
        rows("train")
    assert rows("train", errors="replace")[-1] == ("caf\ufffd", "pos")


def test_command_encodes_documents_with_their_labels(here):
    for arguments in (
        "fit-vocab train --format documents -o v",
        "encode train --format documents --vocab v --keep label --maxlen 2 -o ids.jsonl",
    ):
        run = tokemb_command(*arguments.split(), cwd=here)
        assert run.returncode == 0, run.stderr
    lines = [json.loads(line) for line in (here / "ids.jsonl").read_text().splitlines()]
    assert [line["label"] for line in lines] == ["neg", "neg", "pos", "pos"]
    assert [len(line["ids"]) for line in lines] == [2, 2, 2, 2]
