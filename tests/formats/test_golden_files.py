"""The files of every output format of ``tokemb encode`` are those that earlier versions wrote."""

from __future__ import annotations

import hashlib
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.conftest import command_here, ok
from tokemb.formats import FORMATS

# An empty text, an out-of-vocabulary word, missing values, and a text that is too long for NumPy's fixed-width ones.
KEPT = {
    "label": pa.array([1, None, -(2**40)]),
    "score": pa.array([0.5, None, -2.0]),
    "flag": pa.array([True, False, None]),
    "source": pa.array(["é" * 70, "中", None]),
}
TEXTS = ["deep learning is very deep", "", "learning zebra"]
IDS = {
    "padded": [[2, 4, 3, 5], [0, 0, 0, 0], [4, 1, 0, 0]],
    "ragged": [[2, 4, 3, 5, 2], [], [4, 1]],
}
METADATA = {
    b"tokemb.fingerprint": b"9c2dc7750a144dc5d8e2bcc7193446dd10b73fcc25e3b038e856a299faf32e2f",
    b"tokemb.pad_id": b"0",
}
DIGESTS = {
    "padded.npy": "1903ec7b63b0cd0e799d874332827e8e83a4bc06f6470536e50749849e69b813",
    "padded.npz": "030c1c48c3dac122dbd90023c32b15bf5088c202e31661d7f2a55ee80acacd70",
    "ragged.npz": "e468b7cf881342c8c2b5014365638ea732e8cb718becdf093ef1b354b11b71a6",
    "padded.tfrecord": "a7379e6b10df18c5f477313a4baf1e983d11d1be42f4c7e563bf798acc13d4c1",
    "ragged.tfrecord": "c1ac235a2686126757acb721a625e247cfd8baba8cf0d003a81cd76a29bc45c7",
    "padded.jsonl": "bcd37190afdadc1adcea6f78cf1ac0662b04a68a73e5ed21ee4702b37547cae9",
    "ragged.jsonl": "f4329780a7fce21bd55a2773f1c349dee5c9ed868ed6695aa9938c6a2ba36c62",
}
# The bytes of Parquet depend on the version of pyarrow, so the table is compared.
TABLES = ("padded.parquet", "ragged.parquet")
# The bytes of ArrayRecord depend on the version of array-record. test_array_record.py compares its records with those
# of .tfrecord.
ELSEWHERE = {".array_record"}


@pytest.fixture(scope="module")
def here(tmp_path_factory):
    """A folder with a corpus and a vocabulary."""
    here = tmp_path_factory.mktemp("golden")
    rows = pa.table({"text": TEXTS, **KEPT}).to_pylist()
    (here / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (here / "corpus.txt").write_text("deep learning is very deep\nlearning is deep\n")
    ok(command_here("fit-vocab", "corpus.txt", "-o", "v", cwd=here))
    return here


def test_every_output_format_has_a_golden_file():
    assert {f".{name.partition('.')[2]}" for name in (*DIGESTS, *TABLES)} == {*FORMATS} - ELSEWHERE


@pytest.mark.parametrize("name", [*DIGESTS, *TABLES])
def test_encode_writes_the_golden_file(here, name):
    form, _, suffix = name.partition(".")
    rows = ["--ragged"] if form == "ragged" else ["--maxlen", 4]
    keep = [] if suffix == "npy" else ["--keep", ",".join(KEPT)]
    ok(command_here("encode", "rows.jsonl", "--vocab", "v", *rows, *keep, "-o", name, cwd=here))
    if name in DIGESTS:
        assert hashlib.sha256((here / name).read_bytes()).hexdigest() == DIGESTS[name]
        return
    metadata = METADATA if form == "ragged" else {**METADATA, b"tokemb.maxlen": b"4"}
    table = pq.read_table(here / name)
    assert table.equals(pa.table({"ids": pa.array(IDS[form], pa.list_(pa.int32())), **KEPT}))
    assert table.schema.metadata == metadata
