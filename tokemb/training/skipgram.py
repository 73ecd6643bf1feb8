"""Vectors of words, or of items, by what is near them: skip-gram with negative sampling, word2vec and item2vec."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tokemb import kernels
from tokemb._arrays import Int64
from tokemb._validation import check_count
from tokemb.encoder import Encoder
from tokemb.errors import ArgumentError, TextError
from tokemb.models.embedding_model import embedding_model
from tokemb.rows.pooling import Float32
from tokemb.rows.ragged import Ragged
from tokemb.training.divergence import check_losses, check_weights
from tokemb.training.fitting import Fitted, OnEpoch, Trained
from tokemb.training.skipgram_tables import keep_table, negative_table, sigmoid_tables

# Ids that are trained on with one learning rate, by one thread at a time.
_PART = 10_000
_WHOLE_ROWS = 2**31 - 1


@dataclass(frozen=True)
class SkipGram:
    """How vectors are trained.

    ``dim``: their latent factors. ``window``: how far off a word may be that is near; for each it is drawn from 1 to
    ``window``. ``negatives``: words drawn at random for each. ``sample``: words of a larger share of the text than this
    are left out now and then; 0 for never. ``epochs``: passes over the rows.
    ``rate``: the learning rate at the start, which falls evenly to ``last_rate``. ``seed``: of all that is random.
    ``threads``: with one, the same seed gives the same vectors; several are faster, and never give the same twice.

    Raises ``ArgumentError`` for values that cannot be.
    """

    dim: int = 100
    window: int = 5
    negatives: int = 5
    sample: float = 1e-3
    epochs: int = 5
    rate: float = 0.025
    last_rate: float = 0.0001
    seed: int = 0
    threads: int = 1

    def __post_init__(self) -> None:
        for name in ("dim", "window", "negatives", "epochs", "threads"):
            check_count(name, getattr(self, name))
        check_count("seed", self.seed, least=0)
        if not 0 <= self.sample < 1:
            raise ArgumentError(f"sample must be at least 0 and less than 1; received {self.sample}")
        if not 0 < self.last_rate <= self.rate < math.inf:
            raise ArgumentError(
                "rate must be finite and at least last_rate, and both greater than 0; "
                f"received {self.rate} and {self.last_rate}"
            )


def train_skipgram(
    texts: Path | Iterable[Any],
    encoder: Encoder,
    settings: SkipGram | None = None,
    *,
    on_epoch: OnEpoch | None = None,
) -> Trained:
    """Train vectors of the tokens of a vocabulary.

    ``texts``: as for ``Encoder.encode``, or rows of tokens; they are encoded once, and their ids, four bytes a token,
    are in memory. What is out of vocabulary is left out, so that what stands around it is near.

    The model is that of ``tokemb.embedding_model``: padding has zeros, ids that the texts do not have, ``[UNK]`` among
    them, the mean of those that they do. The metrics are ``tokens``, ``unknown`` (how many were left out), ``loss``
    (of a pair, the sum over its negatives, in the last epoch), ``tokens_per_second``, a token counted in each epoch.
    Raises ``TextError`` if no two tokens are near each other, ``TrainingError`` if the training diverges.
    """
    settings = settings or SkipGram()
    rows, unknown = _known_rows(texts, encoder)
    counts = np.bincount(rows.values, minlength=encoder.input_dim)
    training = _Training.of(rows, counts, settings)
    training.load()
    start = time.perf_counter()
    losses = []
    for epoch in range(settings.epochs):
        losses.append(training.epoch(epoch))
        check_losses(epoch + 1, {"loss": losses[-1]}, settings.rate)
        if on_epoch is not None:
            on_epoch(epoch + 1, {"loss": losses[-1]})
    seconds = time.perf_counter() - start
    fitted = Fitted(
        epochs=settings.epochs,
        best_epoch=settings.epochs,
        loss=losses[-1],
        validation_loss=None,
        seconds=round(seconds, 2),
        rows_per_second=round(settings.epochs * len(rows) / seconds, 1),
        input_share=0.0,
    )
    metrics = {
        "tokens": len(rows.values) + unknown,
        "unknown": unknown,
        "loss": round(losses[-1], 4),
        "tokens_per_second": round(settings.epochs * len(rows.values) / seconds),
    }
    check_weights([training.vectors], settings.rate)
    model = embedding_model(encoder, vectors=_all_rows(training.vectors, counts, encoder.pad_id))
    return Trained("skipgram", model, encoder, asdict(settings), metrics, fitted)


def _known_rows(texts: Path | Iterable[Any], encoder: Encoder) -> tuple[Ragged, int]:
    """The ids of the tokens that are known, and how many are not."""
    rows = encoder.encode_ragged(texts, maxlen=_WHOLE_ROWS)
    tokens = len(rows.values)
    if encoder.unk_id is not None:
        rows = rows.select(rows.values != encoder.unk_id)
    if rows.lengths.max(initial=0) < 2:
        raise TextError("no row has two tokens of the vocabulary: there is nothing near another to learn from")
    return rows, tokens - len(rows.values)


def _all_rows(vectors: Float32, counts: Int64, pad_id: int | None) -> Float32:
    """``vectors``, in which ids without any now have one."""
    vectors[counts == 0] = vectors[counts > 0].mean(axis=0)
    if pad_id is not None:
        vectors[pad_id] = 0
    return vectors


@dataclass(frozen=True)
class _Training:
    """What kernels work on; ``cuts``: int64 (parts + 1,), the rows with which parts begin."""

    rows: Ragged
    cuts: Int64
    keep: npt.NDArray[np.uint32]
    table: npt.NDArray[np.int32]
    sigmoids: tuple[Float32, Float32]
    vectors: Float32
    outputs: Float32
    settings: SkipGram

    @classmethod
    def of(cls, rows: Ragged, counts: Int64, settings: SkipGram) -> _Training:
        shape = (len(counts), settings.dim)
        random = np.random.default_rng(settings.seed)
        vectors = (random.random(shape, np.float32) * 2 - 1) / np.float32(settings.dim)
        starts = np.arange(0, len(rows.values), _PART)
        cuts = np.unique(np.append(np.searchsorted(rows.row_splits[:-1], starts), len(rows)))
        tables = keep_table(counts, settings.sample), negative_table(counts), sigmoid_tables()
        return cls(rows, cuts, *tables, vectors, np.zeros(shape, np.float32), settings)

    def epoch(self, epoch: int) -> float:
        """Pass over all rows once; returns the mean loss of a pair."""
        sums = np.zeros((len(self.cuts) - 1, 2))
        pool = ThreadPoolExecutor(self.settings.threads)
        try:
            for future in [pool.submit(self._part, epoch, part, sums[part]) for part in range(len(sums))]:
                future.result()
        finally:
            pool.shutdown(cancel_futures=True)  # interrupted, it does not finish what has not begun
        loss, pairs = sums.sum(axis=0)
        return float(loss / max(pairs, 1))

    def _part(self, epoch: int, part: int, sums: npt.NDArray[np.float64]) -> None:
        settings, splits = self.settings, self.rows.row_splits
        first, last = int(self.cuts[part]), int(self.cuts[part + 1])
        done = (epoch + splits[first] / len(self.rows.values)) / settings.epochs
        rate = settings.rate + (settings.last_rate - settings.rate) * done
        state = np.random.SeedSequence((settings.seed, epoch, part)).generate_state(1, np.uint64)
        self._run(first, last, rate, state.astype(np.uint64), sums)

    def load(self) -> None:
        """Have the kernel ready, which on a new machine takes seconds."""
        self._run(0, 0, 0.0, np.zeros(1, np.uint64), np.zeros(2))

    def _run(
        self, first: int, last: int, rate: float, random: npt.NDArray[np.uint64], sums: npt.NDArray[np.float64]
    ) -> None:
        kernels.train_skipgram(
            self.rows.values,
            self.rows.row_splits,
            self.keep,
            self.table,
            *self.sigmoids,
            self.vectors,
            self.outputs,
            np.array([rate], np.float32),
            random,
            np.empty(int(np.diff(self.rows.row_splits[first : last + 1]).max(initial=0)), np.int32),
            np.empty(self.settings.negatives + 1, np.int32),
            np.empty(2 * self.settings.window * self.settings.negatives, np.int32),
            np.empty(self.settings.dim, np.float32),
            sums,
            self.settings.window,
            first,
            last,
        )
