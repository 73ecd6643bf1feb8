"""Damage files at random, open them in this process, and report what is neither a result nor an error of tokemb's.

Tests run this in a child process, so that a crash is seen as one:
``python -m tests.fuzz FOLDER SEED ROUNDS`` damages every file that ``samples`` writes into the folder.
"""

from __future__ import annotations

import random
import sys
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

import tokemb
from tokemb.errors import TokembError
from tokemb.formats import open_ids
from tokemb.formats.manifest import read_manifest
from tokemb.importers import import_vocabulary
from tokemb.models.embedding_lookup import read_lookup
from tokemb.models.keras_archive import check_model_file
from tokemb.models.pretrained import load_vectors
from tokemb.pipeline.inspect import inspect

TEXTS = ["deep learning is very deep", "", "very new learning", "naïve 學 👩‍💻"]
Opener = Callable[[Path], Any]


def _blocks(path: Path) -> list[Any]:
    source = open_ids(path)
    return [(block.values.tolist(), block.kept_columns.to_pydict()) for block in source.blocks()]


def _encoded(path: Path) -> Any:
    encoder = tokemb.Encoder.load(path)
    return encoder.encode(TEXTS, maxlen=5).tolist(), encoder.vocabulary, encoder.table.to_pydict()


def _model(path: Path) -> Any:
    lookup = read_lookup(path)
    if lookup is not None:
        return lookup.matrix.tolist()
    try:
        check_model_file(path)  # what Keras is asked after; it takes seconds to import
    except Exception as error:
        raise TokembError from error
    raise TokembError("Keras is asked")


def _counts(path: Path) -> Any:
    counts = tokemb.TokenCounts.load(path)
    return counts.tokens.to_pylist(), counts.counts.tolist(), counts.rows


def _tokenizer(path: Path) -> Any:
    return tokemb.Encoder.load(path).encode_ragged(TEXTS).values.tolist()


def samples(folder: Path) -> Iterator[tuple[Path, Path, Opener, bool]]:
    """Write a file of each kind; give the file to damage, what to open, how, and whether damage must be noticed."""
    encoder = tokemb.fit_vocab(TEXTS)
    encoder.save(folder / "v")
    for name in ("tokenizer.json", "vocabulary.parquet", "tokemb.json"):
        yield folder / "v" / name, folder / "v", _encoded, True
    (folder / "tokenizer.json").write_bytes((folder / "v" / "tokenizer.json").read_bytes())
    yield folder / "tokenizer.json", folder / "tokenizer.json", _tokenizer, False
    yield folder / "tokenizer.json", folder / "tokenizer.json", import_vocabulary, False
    tokemb.embedding_model(encoder, 6, seed=0).save(folder / "m.keras")
    yield folder / "m.keras", folder / "m.keras", _model, True
    yield folder / "m.keras", folder / "m.keras", inspect, False
    ids = encoder.encode(TEXTS, maxlen=5)
    np.save(folder / "i.npy", ids)
    yield folder / "i.npy", folder / "i.npy", _blocks, False
    ragged = encoder.encode_ragged(TEXTS)
    np.savez(folder / "i.npz", ids=ids, label=np.array(["a", "b", "c", "dd"]), pad_id=np.array(0))
    yield folder / "i.npz", folder / "i.npz", _blocks, True
    np.savez_compressed(folder / "r.npz", values=ragged.values, row_splits=ragged.row_splits)
    yield folder / "r.npz", folder / "r.npz", _blocks, True
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pa.table({"ids": [row.tolist() for row in ids], "label": ["a", "b", None, "dd"]})
    pq.write_table(table, folder / "i.parquet", write_page_checksum=True)
    yield folder / "i.parquet", folder / "i.parquet", _blocks, False
    (folder / "i.jsonl").write_text('{"ids":[1,2],"label":"a"}\n{"ids":[3],"label":null}\n' * 5)
    yield folder / "i.jsonl", folder / "i.jsonl", _blocks, False
    tokemb.TokenCounts.from_texts(TEXTS).save(folder / "c.parquet")
    yield folder / "c.parquet", folder / "c.parquet", _counts, False
    from tokemb.formats.manifest import Manifest

    (folder / "s").mkdir()
    manifest = Manifest("f" * 64, {"rows_per_shard": 2, "format": ".npz", "keep": []}, {"files": ["x"]})
    manifest.rows, manifest.bytes, manifest.crc32, manifest.complete = [2, 1], [5, 5], [7, 8], True
    manifest.save(folder / "s", folder)
    yield folder / "s" / "_manifest.json", folder / "s" / "_manifest.json", read_manifest, False
    yield folder / "s" / "_manifest.json", folder / "s", inspect, False
    (folder / "x.vec").write_text("2 3\na 1 2 3\nb 4 5 6\n")
    yield folder / "x.vec", folder / "x.vec", _vectors, False
    np.savez(folder / "x.npz", tokens=np.array(["a", "b"]), vectors=np.eye(2, dtype=np.float32))
    yield folder / "x.npz", folder / "x.npz", _vectors, True
    (folder / "w.json").write_text('{"good": 1, "film": 2, "bad": 3}')
    yield folder / "w.json", folder / "w.json", import_vocabulary, False


def _vectors(path: Path) -> Any:
    read = load_vectors(path, ["a", "b", "c"])
    return read.matrix.tolist(), read.found.tolist()


def damaged(content: bytes, randomly: random.Random) -> bytes:
    """Some bytes changed, removed, repeated, or all after a place cut off."""
    changed = bytearray(content)
    for _ in range(randomly.choice([1, 1, 1, 3, 10])):
        place = randomly.randrange(len(changed)) if changed else 0
        way = randomly.randrange(6)
        if way == 0:
            del changed[place:]
        elif way == 1:
            del changed[place : place + randomly.randrange(1, 20)]
        elif way == 2:
            changed[place:place] = changed[place : place + randomly.randrange(1, 20)]
        elif way == 3 and changed:
            changed[place] = randomly.choice(b'\x00\xff\x7f\x80"[]{}-0:,9e\\')
        elif changed:
            changed[place] ^= 1 << randomly.randrange(8)
    return bytes(changed)


def main(folder: Path, seed: int, rounds: int) -> None:
    """Print a line for each damage that led to anything but a result or an error of tokemb's."""
    for file, opened, opener, noticed in samples(folder):
        sound = file.read_bytes()
        expected = opener(opened)
        for number in range(rounds):
            content = damaged(sound, random.Random(f"{seed} {file.name} {number}"))
            file.write_bytes(content)
            print(f"AT {file.name} {opener.__name__} {number}", file=sys.stderr, flush=True)
            try:
                result = opener(opened)
            except TokembError:
                continue
            except BaseException as error:
                if isinstance(error, OSError) and error.errno is not None:  # of the disk: Arrow's own have no number
                    continue
                where = traceback.extract_tb(error.__traceback__)[-1]
                print(f"{file.name} {opener.__name__} {number}: {error!r:.200} at {where.filename}:{where.lineno}")
                continue
            if noticed and content != sound and repr(result) != repr(expected):
                print(f"{file.name} {opener.__name__} {number}: another result")
        file.write_bytes(sound)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
