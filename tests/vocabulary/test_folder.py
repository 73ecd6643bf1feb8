"""The vocabulary folder: what it holds, what is refused, what is replaced."""

from __future__ import annotations

import hashlib
import json
import shutil

import numpy as np
import pyarrow.parquet as pq
import pytest
import tokenizers

import tokemb
from tests.conftest import MIXED
from tokemb import Encoder
from tokemb.errors import VocabularyError
from tokemb.vocabulary.folder import checksum, json_bytes
from tokemb.vocabulary.json_parts import json_parts


def test_the_folder_holds_what_it_says(tmp_path):
    encoder = tokemb.fit_vocab(["a b b", "b c"], max_size=2, reserve=["[BOS]"], maxlen=4)
    encoder.save(tmp_path / "v")
    assert sorted(path.name for path in (tmp_path / "v").iterdir()) == [
        "tokemb.json",
        "tokenizer.json",
        "vocabulary.parquet",
    ]
    assert pq.read_table(tmp_path / "v" / "vocabulary.parquet").to_pylist() == [
        {"id": 0, "token": "", "count": None, "documents": None},
        {"id": 1, "token": "[UNK]", "count": None, "documents": None},
        {"id": 2, "token": "[BOS]", "count": None, "documents": None},
        {"id": 3, "token": "b", "count": 3, "documents": 2},
        {"id": 4, "token": "a", "count": 1, "documents": 1},
    ]
    metadata = json.loads((tmp_path / "v" / "tokemb.json").read_text())
    assert metadata["format_version"] == 1
    assert metadata["settings"] == {"max_size": 2, "min_count": 1, "reserve": ["[BOS]"]}
    assert metadata["corpus"]["row_lengths"] == [[2, 1], [3, 1]]


def test_a_reloaded_encoder_is_the_same(tmp_path):
    encoder = tokemb.fit_vocab(
        MIXED, profile="keras", oov=False, max_size=50, min_count=1, maxlen=5, padding="pre", truncating="pre"
    )
    encoder.save(tmp_path / "v")
    again = Encoder.load(str(tmp_path / "v"))
    for name in (
        "vocabulary input_dim pad_id unk_id profile algorithm oov settings corpus maxlen padding truncating fingerprint"
    ).split():
        assert getattr(again, name) == getattr(encoder, name), name
    assert again.table.equals(encoder.table)
    np.testing.assert_array_equal(again.encode(MIXED), encoder.encode(MIXED))
    again.save(tmp_path / "w")
    for path in (tmp_path / "v").iterdir():
        assert path.read_bytes() == (tmp_path / "w" / path.name).read_bytes()


def test_the_fingerprint_is_of_the_ids_alone():
    texts = ["a b b", "b c"]
    encoder = tokemb.fit_vocab(texts)
    assert tokemb.fit_vocab(texts, maxlen=3, padding="pre").fingerprint == encoder.fingerprint
    assert tokemb.fit_vocab([*texts, "a a a"]).fingerprint != encoder.fingerprint
    assert tokemb.fit_vocab(texts, profile="whitespace").fingerprint != encoder.fingerprint
    assert tokemb.fit_vocab(texts, reserve=["x"]).fingerprint != encoder.fingerprint


@pytest.fixture
def folder(tmp_path):
    tokemb.fit_vocab(["a b b", "b c"]).save(tmp_path / "v")
    return tmp_path / "v"


def _edit(path, old, new):
    content = path.read_text("utf-8")
    assert old in content
    path.write_text(content.replace(old, new), "utf-8")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda v: shutil.rmtree(v), "there is no vocabulary at"),
        (lambda v: (v / "tokemb.json").unlink(), "is not a vocabulary folder: it contains no tokemb.json"),
        (lambda v: (v / "tokenizer.json").unlink(), "contains no tokenizer.json"),
        (lambda v: (v / "vocabulary.parquet").unlink(), "contains no vocabulary.parquet"),
        (lambda v: _edit(v / "tokenizer.json", '"b": 2', '"b": 3'), "tokenizer.json was changed after"),
        (lambda v: (v / "vocabulary.parquet").write_bytes(b"PAR1"), "vocabulary.parquet was changed after"),
        (lambda v: _edit(v / "tokemb.json", '"oov": true', '"oov": false'), "tokemb.json was changed after"),
        (lambda v: _edit(v / "tokemb.json", '"format_version": 1', '"format_version": 9'), "written by a newer tokemb"),
        (lambda v: _edit(v / "tokemb.json", '"format_version": 1', '"format_version": "x"'), "has no format_version"),
        (lambda v: (v / "tokemb.json").write_text("{"), "tokemb.json is not JSON"),
        (lambda v: (v / "tokemb.json").write_text("[]"), "must contain a JSON object; it contains a list"),
        (lambda v: [path.unlink() for path in v.iterdir()], "contains no tokenizer.json"),
    ],
)
def test_a_broken_folder_says_what_is_wrong(folder, change, message):
    change(folder)
    with pytest.raises(tokemb.TokembError, match=message):
        Encoder.load(folder)


@pytest.mark.parametrize(
    ("file", "change"),
    [
        ("tokenizer.json", lambda content: content["normalizer"].pop("type")),
        ("tokenizer.json", lambda content: content.pop("added_tokens")),
        ("tokenizer.json", lambda content: content.update(normalizer=[])),
        ("tokemb.json", lambda content: content["settings"].update(reserve=5)),
        ("tokemb.json", lambda content: content["settings"].update(reserve=[5])),
        ("tokemb.json", lambda content: content["settings"].update(hash_buckets="9")),
        ("tokemb.json", lambda content: content.update(corpus={})),
        ("tokemb.json", lambda content: content["corpus"].update(row_lengths=[[2, 2**70]])),
        ("tokemb.json", lambda content: content["corpus"].update(row_lengths=[[2**40, 2**40]])),
    ],
)
def test_a_folder_that_something_else_wrote_is_an_error(folder, file, change):
    metadata = json.loads((folder / "tokemb.json").read_text())
    content = metadata if file == "tokemb.json" else json.loads((folder / file).read_text())
    change(content)
    if content is not metadata:
        text = json.dumps(content).encode()
        (folder / file).write_bytes(text)
        metadata["sha256"][file] = hashlib.sha256(text).hexdigest()
    metadata["checksum"] = checksum(metadata)
    (folder / "tokemb.json").write_text(json.dumps(metadata))
    with pytest.raises(VocabularyError):
        Encoder.load(folder)


def test_a_component_without_type_is_what_the_library_takes_it_for(tmp_path, folder):
    content = json.loads((folder / "tokenizer.json").read_text())
    content["normalizer"].pop("type")
    path = tmp_path / "tokenizer.json"
    path.write_text(json.dumps(content))
    try:
        expected = tokenizers.Tokenizer.from_str(path.read_text()).encode("a b b").ids
    except Exception:
        with pytest.raises(VocabularyError):
            Encoder.load(path)
    else:
        assert Encoder.load(path).encode(["a b b"]).tolist() == [expected]


def test_save_replaces_a_vocabulary_and_nothing_else(tmp_path):
    first, second = tokemb.fit_vocab(["a"]), tokemb.fit_vocab(["b c"])
    first.save(tmp_path / "v")
    second.save(tmp_path / "v")
    assert Encoder.load(tmp_path / "v").vocabulary == second.vocabulary
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("x")
    (tmp_path / "file").write_text("x")
    for name in ("mine", "file"):
        with pytest.raises(FileExistsError, match="something else exists at this path"):
            first.save(tmp_path / name)
    with pytest.raises(NotADirectoryError, match="the folder of the output must exist"):
        first.save(tmp_path / "no" / "v")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "mine", "v"]


def test_save_never_takes_other_files_along(tmp_path):
    """Neither those in a vocabulary folder, nor a folder that happens to hold a tokemb.json."""
    encoder = tokemb.fit_vocab(["a"])
    encoder.save(tmp_path / "v")
    (tmp_path / "v" / "corpus.txt").write_text("mine")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "tokemb.json").write_text("{}")
    for name in ("v", "mine"):
        with pytest.raises(FileExistsError, match="something else exists at this path"):
            tokemb.fit_vocab(["b"]).save(tmp_path / name)
    assert (tmp_path / "v" / "corpus.txt").read_text() == "mine"
    assert Encoder.load(tmp_path / "v").vocabulary == encoder.vocabulary
    assert (tmp_path / "mine" / "tokemb.json").read_text() == "{}"


def test_permissions_are_kept(tmp_path):
    encoder = tokemb.fit_vocab(["a"])
    encoder.save(tmp_path / "v")
    (tmp_path / "v").chmod(0o700)
    encoder.save(tmp_path / "v")
    assert (tmp_path / "v").stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize(
    "content",
    [
        {
            "model": {
                "type": "WordLevel",
                "vocab": {
                    "z": 9,
                    "\\é\x7f": 8,
                    "\x00": 7,
                    "": 6,
                    "z\U00020bb7": 5,
                    "a": 0,
                    'b"\n': 1,
                    '\n  "vocab": {}': 2,
                    "中": 3,
                },
                "unk": None,
            },
            "b": [],
        },
        {"vocab": {}, "model": {"vocab": {"a": 0}}, "other": {"vocab": {}}},
        {"model": {"vocab": {}}},
        {"model": {"vocab": [["a", 0.5]]}},
        {"model": None, "vocab": {"a": 0}},
    ],
)
def test_json_has_the_bytes_of_the_standard_library(content, monkeypatch):
    compact = json.dumps(content, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()
    for many in (1 << 17, 0):
        monkeypatch.setattr("tokemb.vocabulary.json_parts.MANY_WORDS", many)
        monkeypatch.setattr("tokemb.vocabulary.json_parts._WORDS_PER_PART", 2)
        assert json_bytes(content) == json.dumps(content, ensure_ascii=False, indent=1).encode() + b"\n"
        assert b"".join(json_parts(content, sort_keys=True)) == compact
