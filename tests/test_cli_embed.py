"""``tokemb embed`` of files of ids and of corpora, with columns beside them."""

from __future__ import annotations

import json

import numpy as np
import pytest

import tokemb
from tests.conftest import tokemb_command

TEXTS = ["deep learning", "", "is very deep"] * 3
LABELS = [number % 4 for number in range(len(TEXTS))]


@pytest.fixture
def here(tmp_path):
    tokemb.fit_vocab(TEXTS).save(tmp_path / "v")
    rows = zip(LABELS, TEXTS, strict=True)
    (tmp_path / "rows.jsonl").write_text(
        "".join(json.dumps({"label": label, "text": text}) + "\n" for label, text in rows)
    )
    return tmp_path


def ok(run):
    assert run.returncode == 0, run.stderr.decode()
    return run


def test_vectors_with_columns(here):
    model = tokemb.embedding_model(tokemb.Encoder.load(here / "v"), 4, seed=1)
    model.save(here / "m.keras")
    ids = tokemb.Encoder.load(here / "v").encode(TEXTS)
    ok(tokemb_command(*"encode rows.jsonl --keep label --vocab v -o ids.npz".split(), cwd=here))
    ok(tokemb_command(*"embed ids.npz --model m.keras --pooling mean -o of_ids.npz".split(), cwd=here))
    texts = "embed rows.jsonl --keep label --vocab v --model m.keras --pooling mean --dtype float16 -o of_texts.npz"
    ok(tokemb_command(*texts.split(), cwd=here))
    expected = tokemb.embed(model, ids, pooling="mean")
    of_ids, of_texts = np.load(here / "of_ids.npz"), np.load(here / "of_texts.npz")
    np.testing.assert_array_equal(of_ids["vectors"], expected)
    np.testing.assert_array_equal(of_texts["vectors"], expected.astype(np.float16), strict=True)
    assert of_ids["label"].tolist() == of_texts["label"].tolist() == LABELS
    tokemb.fit_vocab(["other words"]).save(here / "other")
    ok(tokemb_command(*"encode rows.jsonl --vocab other -o of_other.npz".split(), cwd=here))
    run = tokemb_command(*"embed of_other.npz --model m.keras -o x.npy".split(), cwd=here)
    assert (run.returncode, b"the model was made for the vocabulary" in run.stderr) == (1, True)
