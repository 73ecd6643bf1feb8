"""Benchmarks of vectors: ids and texts to arrays."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
from tokenizers import Tokenizer

import tokemb
from benchmarks import peers
from benchmarks.agreement import Array, DisagreementError, close_vectors
from benchmarks.measuring import Comparison, Outcome, Party, compare
from benchmarks.setting import MAXLEN, Setting

# This number of rows gives half a gigabyte of vectors.
ROWS, DIM = 10_000, 50
TEXT_DIM = 256
KERAS_ROWS = 1024


def text_to_vectors(setting: Setting) -> Outcome:
    """Measure the encoding of texts to the means of their tokens' vectors."""
    saved, texts, model2vec = setting.tokenizer_file("all_minilm_l6_v2"), setting.texts, setting.peer("model2vec")
    plain = _plain(saved, setting.folder / "plain.json")
    encoder = tokemb.Encoder.from_tokenizer(plain)
    matrix = np.random.default_rng(0).standard_normal((encoder.input_dim, TEXT_DIM), np.float32)
    model = tokemb.embedding_model(encoder, TEXT_DIM, vectors=matrix)
    parties = [Party("tokemb", lambda _: tokemb.embed(model, encoder.encode_ragged(texts), pooling="mean"))]
    notes = []
    if model2vec is not None:
        parties.append(
            Party(
                "model2vec",
                lambda static: peers.model2vec_vectors(static, texts),
                lambda: model2vec.StaticModel(matrix, Tokenizer.from_file(str(plain)), max_length=None),
            )
        )

    def check(results: dict[str, Any]) -> None:
        if "model2vec" not in results:
            return
        rows = encoder.encode_ragged(texts)
        unknown = np.flatnonzero(rows.values == encoder.unk_id)
        known = np.ones(len(texts), bool)
        known[np.searchsorted(rows.row_splits, unknown, "right") - 1] = False
        close_vectors("tokemb", results["tokemb"][known], "model2vec", results["model2vec"][known])
        notes.append(
            f"model2vec excludes `[UNK]` from the mean, so rows that contain it ({np.count_nonzero(~known):,}) were "
            "not compared. All others agree within 0.00001."
        )

    work = f"texts to mean vectors (rows, {TEXT_DIM}), WordPiece"
    comparisons = [Comparison("model2vec", least=20)]
    outcome = compare(work, parties, comparisons, check, repeat=setting.repeat, touch=setting.touch, size=setting.size)
    return outcome + Outcome(notes=notes)


def _plain(saved: Path, path: Path) -> Path:
    """Copy the tokenizer without special tokens, truncation and padding, as model2vec requires."""
    content = json.loads(saved.read_text("utf-8"))
    path.write_text(json.dumps({**content, "post_processor": None, "truncation": None, "padding": None}), "utf-8")
    return path


def embed(setting: Setting) -> Outcome:
    """Measure the look-up of the vectors of padded ids, in memory."""
    model = tokemb.embedding_model(setting.words, DIM, seed=0)
    ids = setting.words.encode(setting.texts[:ROWS], maxlen=MAXLEN)
    large = f"model.predict, batch_size={KERAS_ROWS}"
    parties = [
        Party("tokemb", lambda _: tokemb.embed(model, ids), keep=_digest),
        Party("model.predict", lambda _: model.predict(ids, verbose=0), keep=_digest),
        Party(large, lambda _: model.predict(ids, batch_size=KERAS_ROWS, verbose=0), keep=_digest),
    ]

    def check(results: dict[str, Any]) -> None:
        for name in ("model.predict", large):
            if results[name] != results["tokemb"]:
                raise DisagreementError(f"the bits of tokemb and {name} differ")

    work = f"ids to vectors ({len(ids):,}, {MAXLEN}, {DIM})"
    comparisons = [Comparison("model.predict", least=10), Comparison(large)]
    return compare(work, parties, comparisons, check, repeat=setting.repeat, touch=setting.touch)


def pool(setting: Setting) -> Outcome:
    """Measure the mean vector of each row of padded ids."""
    model = tokemb.embedding_model(setting.words, DIM, seed=0)
    pooling = peers.pooling_model(model)
    ids = setting.words.encode(setting.texts[:ROWS], maxlen=MAXLEN)
    peer = f"model.predict with GlobalAveragePooling1D, batch_size={KERAS_ROWS}"
    # Keras divides by the number of tokens, which gives NaN for a row without any token.
    some = (ids != 0).any(axis=1)
    parties = [
        Party("tokemb", lambda _: tokemb.embed(model, ids, pooling="mean")),
        Party(peer, lambda _: pooling.predict(ids, batch_size=KERAS_ROWS, verbose=0)),
    ]

    def check(results: dict[str, Array]) -> None:
        close_vectors("tokemb", results["tokemb"][some], peer, results[peer][some])

    work = f"ids ({len(ids):,}, {MAXLEN}) to mean vectors ({len(ids):,}, {DIM})"
    return compare(work, parties, [Comparison(peer)], check, repeat=setting.repeat, touch=setting.touch)


def _digest(array: Array) -> tuple[Any, ...]:
    return array.shape, array.dtype.str, hashlib.blake2b(np.ascontiguousarray(array)).digest()
