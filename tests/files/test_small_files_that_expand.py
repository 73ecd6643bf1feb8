"""Small files that stand for large data are refused before the memory is taken."""

from __future__ import annotations

import json
import struct
import zipfile

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import tokemb
from tests.conftest import python
from tokemb.errors import ArgumentError, TokembError, VocabularyError
from tokemb.files.json_content import parse_json
from tokemb.formats import open_ids
from tokemb.importers import import_vocabulary
from tokemb.vocabulary.folder import checksum, read_folder

pytestmark = pytest.mark.slow

LARGE = 1 << 28
COUNTS = {b"tokemb.counts": json.dumps({"format_version": 1, "profile": "words", "row_lengths": [[300, 1]]}).encode()}


def header(shape, kind="<i4"):
    """What stands in front of the numbers of a ``.npy`` file."""
    text = f"{{'descr': '{kind}', 'fortran_order': False, 'shape': {shape}, }}".encode().ljust(118) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text


def archive(path, **members):
    """A compressed archive of members, each a beginning and a number of zeros after it."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as file:
        for name, (beginning, zeros) in members.items():
            with file.open(f"{name}.npy", "w") as member:
                member.write(beginning)
                for _ in range(zeros >> 22):
                    member.write(bytes(1 << 22))
    return path


def small_ids():
    return header((1, 4)) + bytes(16), 0


def one_row(path):
    archive(path / "ids.npz", ids=(header((1, LARGE // 4)), LARGE))


def one_ragged_row(path):
    splits = header((2,), "<i8") + struct.pack("<qq", 0, LARGE // 4)
    archive(path / "ids.npz", values=(header((LARGE // 4,)), LARGE), row_splits=(splits, 0))


def long_fingerprint(path):
    archive(path / "ids.npz", ids=small_ids(), fingerprint=(header((), f"<U{LARGE // 4}"), LARGE))


def long_label(path):
    archive(path / "ids.npz", ids=small_ids(), label=(header((1,), f"<U{LARGE // 4}"), LARGE))


def long_header(path):
    archive(path / "ids.npz", ids=(b"\x93NUMPY\x02\x00" + struct.pack("<I", LARGE - 12), LARGE))


def long_token(path):
    archive(
        path / "vectors.npz",
        tokens=(header((1,), f"<U{LARGE // 4}"), LARGE),
        vectors=(header((1, 4), "<f4") + bytes(16), 0),
    )


def long_vector(path):
    archive(
        path / "vectors.npz",
        tokens=(header((1,), "<U1") + b"a\0\0\0", 0),
        vectors=(header((1, LARGE // 4), "<f4"), LARGE),
    )


def many_vectors(path):
    tokens = header((1,), "<U1") + b"a\0\0\0"
    archive(path / "vectors.npz", tokens=(tokens, 0), vectors=(header((1 << 40, 300), "<f4"), 0))


def repeated_tokens(path):
    tokens = pa.array(["x" * (LARGE // 256)] * 300)
    ones = np.ones(300, np.int64)
    table = pa.table({"token": tokens, "count": ones, "documents": ones}).replace_schema_metadata(COUNTS)
    pq.write_table(table, path / "x.counts.parquet", compression="zstd")


def one_parquet_row(path):
    ids = pa.ListArray.from_arrays(pa.array([0, LARGE // 4], pa.int32()), pa.array(np.zeros(LARGE // 4, np.int32)))
    pq.write_table(pa.table({"ids": ids}), path / "ids.parquet", compression="zstd")


def high_id(path):
    (path / "word_index.json").write_text('{"a":1,"b":99999999}')


def high_id_of_a_tokenizer(path):
    tokenizer = json.loads(json.dumps(tokemb.fit_vocab(["a b"]).specification))
    tokenizer["model"]["vocab"]["c"] = 99_999_999
    (path / "tokenizer.json").write_text(json.dumps(tokenizer))


FILES = {
    one_row: "rows of 268,435,456 bytes",
    one_ragged_row: "rows of 268,435,456 bytes",
    long_fingerprint: "fingerprint.npy must be at most 4096 bytes",
    long_label: "rows of 268,435,456 bytes",
    long_header: "is not an array",
    long_token: "it unpacks to tokens of 268,435,585",
    long_vector: "and vectors of 268,435,585 bytes",
    many_vectors: "vectors.npy must hold float32",
    repeated_tokens: "its tokens unpack from a file of",
    one_parquet_row: "67,108,864 ids in",
    high_id: "ids in a vocabulary of 2 tokens must be at most 1,000,020; the id of 'b' is 99,999,999",
    high_id_of_a_tokenizer: "ids in a vocabulary of 5 tokens must be at most 1,000,050; the id is 99,999,999",
}

OPEN = """
import sys
from pathlib import Path
import tokemb
from tests.peak import peak
from tokemb.errors import TokembError
from tokemb.formats import open_ids
from tokemb.models.pretrained import load_vectors

def opened(path):
    if path.name.startswith("ids"):
        for _ in open_ids(path).blocks():
            pass
    elif path.name.startswith("vectors"):
        load_vectors(path, ["a"])
    elif path.suffix == ".parquet":
        tokemb.TokenCounts.load(path)
    elif path.name == "tokenizer.json":
        tokemb.Encoder.load(path)
    else:
        tokemb.import_vocabulary(path)

import pyarrow.parquet
for folder in map(Path, sys.argv[1:]):
    before = peak()
    try:
        opened(*folder.iterdir())
    except TokembError as error:
        print(peak() - before, error)
    else:
        print(peak() - before, "opened")
"""


@pytest.fixture(scope="module")
def opened(tmp_path_factory):
    """For each file, how many kilobytes opening it took in one process after the others, and the error."""
    folders = {make: tmp_path_factory.mktemp(make.__name__) for make in FILES}
    for make, folder in folders.items():
        make(folder)
    run = python(OPEN, *map(str, folders.values()))
    assert run.returncode == 0, run.stderr
    return dict(zip(FILES, run.stdout.splitlines(), strict=True))


@pytest.mark.parametrize("make", FILES, ids=lambda make: make.__name__)
def test_a_small_file_of_large_data_is_refused_before_it_takes_memory(opened, make):
    grown, message = opened[make].split(" ", 1)
    assert FILES[make] in message
    assert int(grown) < 100_000


@pytest.mark.parametrize("ending", [".npy", ".npz"])
def test_a_small_file_of_a_trillion_rows_without_ids_is_refused(tmp_path, ending):
    path, content = tmp_path / f"ids{ending}", header((10**12, 0))
    if ending == ".npy":
        path.write_bytes(content)
    else:
        archive(path, ids=(content, 0))
    with pytest.raises(ArgumentError, match="it declares 1,000,000,000,000 rows without ids"):
        open_ids(path)


def test_rows_without_ids_are_read(tmp_path):
    np.save(tmp_path / "ids.npy", np.zeros((1000, 0), np.int32))
    assert [block.ids.shape for block in open_ids(tmp_path / "ids.npy").blocks()] == [(1000, 0)]


def test_ids_with_gaps_are_imported(tmp_path):
    (tmp_path / "w.json").write_text('{"a":1,"b":900000}')
    assert import_vocabulary(tmp_path / "w.json", profile=None).input_dim == 900_001


def test_kept_texts_of_very_different_lengths_are_read(tmp_path):
    texts = np.array(["a", "b" * 5000] + ["c"] * 2000)
    np.savez_compressed(tmp_path / "ids.npz", ids=np.ones((len(texts), 2), np.int32), text=texts)
    blocks = list(open_ids(tmp_path / "ids.npz").blocks())
    assert [text for block in blocks for text in block.kept_columns["text"].to_pylist()] == texts.tolist()


def test_padded_ids_that_are_nearly_all_padding_are_read(tmp_path):
    ids = np.zeros((40_000, 256), np.int64)
    np.savez_compressed(tmp_path / "ids.npz", ids=ids)
    assert sum(len(block) for block in open_ids(tmp_path / "ids.npz").blocks()) == 40_000
    column = pa.FixedSizeListArray.from_arrays(pa.array(ids.reshape(-1)), 256)
    pq.write_table(pa.table({"ids": column}), tmp_path / "ids.parquet")
    assert sum(len(block) for block in open_ids(tmp_path / "ids.parquet").blocks()) == 40_000


def _rewritten(folder, **changes):
    """Change ``tokemb.json`` and make its checksums right again."""
    content = json.loads((folder / "tokemb.json").read_bytes()) | changes
    content["checksum"] = checksum(content)
    (folder / "tokemb.json").write_text(json.dumps(content))


@pytest.mark.parametrize(
    "changes",
    [
        {"sha256": 5},
        {"sha256": {}},
        {"corpus": {"row_lengths": 3}},
        {"corpus": {"rows": "x"}},
        {"profile": ["words"]},
        {"settings": "x"},
        {"oov": None},
    ],
)
def test_a_vocabulary_with_right_checksums_and_wrong_content_is_an_error(tmp_path, changes):
    tokemb.fit_vocab(["a b"]).save(tmp_path / "v")
    _rewritten(tmp_path / "v", **changes)
    with pytest.raises(VocabularyError):
        tokemb.Encoder.load(tmp_path / "v")


def test_a_vocabulary_table_with_other_rows_than_ids_is_an_error(tmp_path):
    import hashlib

    tokemb.fit_vocab(["a b"]).save(tmp_path / "v")
    table = pq.read_table(tmp_path / "v" / "vocabulary.parquet")
    pq.write_table(pa.concat_tables([table, table]), tmp_path / "v" / "vocabulary.parquet")
    sums = read_json_sums(tmp_path / "v")
    sums["vocabulary.parquet"] = hashlib.sha256((tmp_path / "v" / "vocabulary.parquet").read_bytes()).hexdigest()
    _rewritten(tmp_path / "v", sha256=sums)
    assert read_folder(tmp_path / "v").table
    with pytest.raises(VocabularyError, match="must have one row for each of 4 ids; it has 8"):
        _ = tokemb.Encoder.load(tmp_path / "v").table


def read_json_sums(folder):
    return json.loads((folder / "tokemb.json").read_bytes())["sha256"]


@pytest.mark.parametrize("content", [b"[" * 300 + b"]" * 300, b'{"a":' * 100_000 + b"1" + b"}" * 100_000])
def test_json_that_is_nested_too_deeply_is_an_error(content):
    with pytest.raises(ValueError, match="JSON must be nested at most 200 levels deep"):
        parse_json(content)
    assert parse_json(b"[" * 199 + b"1" + b"]" * 199)


@pytest.mark.parametrize("name", ["tokenizer.json", "word_index.json", "_manifest.json", "tokemb.json"])
def test_files_of_deeply_nested_json_are_an_error(tmp_path, name):
    (tmp_path / name).write_bytes(b'{"tokenizer":' * 900 + b"1" + b"}" * 900)
    from tokemb.pipeline.inspect import inspect

    with pytest.raises(TokembError):
        inspect(tmp_path if name != "word_index.json" else tmp_path / name)
    with pytest.raises(TokembError):
        import_vocabulary(tmp_path / name)


def test_a_tokenizer_with_deep_json_that_the_library_ignores_is_an_error(tmp_path):
    tokenizer = json.loads(json.dumps(tokemb.fit_vocab(["a b"], maxlen=3).specification))
    tokenizer["truncation"]["unknown"] = "deep"
    text = json.dumps(tokenizer).replace('"deep"', "[" * 100_000 + "]" * 100_000)
    (tmp_path / "tokenizer.json").write_text(text)
    with pytest.raises(VocabularyError, match="JSON must be nested at most 200 levels deep"):
        tokemb.Encoder.load(tmp_path / "tokenizer.json")
