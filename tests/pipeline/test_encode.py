"""From files to files, in Python; the command is tested in test_cli.py."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

import tokemb
from tokemb.errors import ArgumentError
from tokemb.formats import OutputOptions, open_ids, open_writer
from tokemb.models.embedder import Embedder
from tokemb.pipeline.decode import decode_ids
from tokemb.pipeline.embed import embed_ids
from tokemb.pipeline.encode import encode_corpus
from tokemb.pipeline.encoded_stream import RowOptions
from tokemb.sources.texts import batches

TEXTS = ["deep learning", "", "is very deep", "fun"]


@pytest.fixture(scope="module")
def encoder():
    return tokemb.fit_vocab(TEXTS)


def corpus(texts):
    """As ``read_corpus`` gives it."""
    return iter([pa.RecordBatch.from_arrays([column], ["text"]) for column in batches(texts)])


def written(path, rows, row_shape):
    with open_writer(path, OutputOptions("ids", np.dtype("int32"), row_shape)) as writer:
        writer.append(rows)
    return path


@pytest.mark.parametrize("suffix", [".npy", ".npz", ".parquet", ".jsonl"])
def test_any_file_of_ids_is_decoded(tmp_path, encoder, suffix):
    ids = written(tmp_path / f"ids{suffix}", encoder.encode(TEXTS, maxlen=5), (5,))
    assert [text for texts in decode_ids(encoder, ids) for text in texts] == TEXTS
    if suffix != ".npy":
        ids = written(tmp_path / f"ids{suffix}", encoder.encode_ragged(TEXTS), None)
        assert [text for texts in decode_ids(encoder, ids) for text in texts] == TEXTS


@pytest.mark.parametrize("pooling", [None, "mean"])
def test_padded_ids_of_any_file_are_embedded(tmp_path, encoder, pooling, monkeypatch):
    monkeypatch.setattr("tokemb.formats.source.BLOCK", 30)
    ids = encoder.encode(TEXTS, maxlen=5)
    model = tokemb.embedding_model(encoder, 3, seed=0)
    expected = tokemb.embed(model, ids, pooling=pooling)
    embedder = Embedder(model)
    for suffix in (".npy", ".npz", ".parquet"):
        path = written(tmp_path / f"ids{suffix}", ids, (5,))
        assert embed_ids(embedder, open_ids(path), tmp_path / "v.npy", pooling).rows == len(TEXTS)
        np.testing.assert_array_equal(np.load(tmp_path / "v.npy"), expected, strict=True)
    # Lines of JSON do not say whether they are padded; other files of different lengths have no padding.
    paths = [written(tmp_path / "ids.npz", encoder.encode_ragged(TEXTS), None)]
    paths.append(written(tmp_path / "ids.jsonl", ids, (5,)))
    for path in paths:
        if pooling is None:
            with pytest.raises(
                ArgumentError, match=rf"{path.name} (is JSON Lines|are not padded).*: pass pooling=\"mean\""
            ):
                embed_ids(embedder, open_ids(path), tmp_path / "v.npy", pooling)
        else:
            embed_ids(embedder, open_ids(path), tmp_path / "v.npy", pooling)
            np.testing.assert_array_equal(np.load(tmp_path / "v.npy"), expected, strict=True)


def test_rows_of_unknown_length(tmp_path, encoder, monkeypatch):
    monkeypatch.setattr("tokemb.sources.texts.BATCH_ROWS", 2)
    shape = encoder.pad_truncate(None, "pre", None)
    report = encode_corpus(encoder, corpus(TEXTS), tmp_path / "x.npy", RowOptions(shape))
    assert (report.rows, report.maxlen) == (4, 3)
    np.testing.assert_array_equal(np.load(tmp_path / "x.npy"), encoder.encode(TEXTS, padding="pre"))
    monkeypatch.setattr("tokemb.rows.disk_buffer._MIN_PADDED_BYTES", 1000)
    with pytest.raises(ArgumentError, match=r"padding 400 rows to the longest, 100 ids.*pass maxlen=1, or"):
        encode_corpus(encoder, corpus(["fun"] * 399 + ["deep " * 100]), tmp_path / "y.npy", RowOptions(shape))
    assert [path.name for path in tmp_path.iterdir()] == ["x.npy"]
