"""Vectors of words or items trained by skip-gram or CBOW with negative sampling (word2vec, item2vec, fastText)."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tokemb import kernels
from tokemb._arrays import Float32, Float64, Int32, Int64, UInt32, UInt64
from tokemb._validation import check_count, check_fraction
from tokemb.analysis.token_vectors import TokenVectors
from tokemb.encoder import Encoder
from tokemb.errors import ArgumentError, TextError
from tokemb.models.embedding_model import embedding_model
from tokemb.rows.ragged import Ragged
from tokemb.training.divergence import check_losses, check_weights
from tokemb.training.early_stopping import OnEpoch
from tokemb.training.result import Fitted, Trained
from tokemb.training.sequences import UNLIMITED
from tokemb.training.skipgram_tables import keep_table, negative_table, parts_of, sigmoid_tables
from tokemb.training.word_tests import WordTests

# The number of ids in a chunk, which one thread trains on with one learning rate.
_CHUNK_TOKENS = 10_000
_LONGEST_SUBWORD = 20


@dataclass(frozen=True)
class SkipGram:
    """The settings of skip-gram and CBOW.

    Attributes:
        cbow: Whether the center word is predicted from the mean of its context words (CBOW), which takes less time than
            skip-gram, where each context word predicts it alone.
        subwords: The smallest and the largest number of characters of n-grams whose vectors are parts of the vectors of
            words, as in fastText, usually ``(3, 6)``. ``None`` trains one vector per word.
        dim: The embedding dimension.
        window: The maximum distance between a token and its context tokens. For each token it is sampled from 1 to
            ``window``.
        negatives: The number of negative samples for each pair.
        sample: Tokens whose relative frequency is higher than this are subsampled. 0 turns it off.
        epochs: The number of epochs.
        learning_rate: The initial learning rate. It decreases linearly to ``final_learning_rate``.
        final_learning_rate: The final learning rate.
        seed: The random seed.
        threads: The number of threads. With one, a seed reproduces the vectors. With more, runs give different vectors.

    Raises:
        ArgumentError: If a value is invalid.
    """

    dim: int = 100
    window: int = 5
    negatives: int = 5
    sample: float = 1e-3
    epochs: int = 5
    learning_rate: float = 0.025
    final_learning_rate: float = 0.0001
    seed: int = 0
    threads: int = 1
    cbow: bool = False
    subwords: tuple[int, int] | None = None

    def __post_init__(self) -> None:
        for name in ("dim", "window", "negatives", "epochs", "threads"):
            check_count(name, getattr(self, name))
        check_count("seed", self.seed, least=0)
        if self.subwords is not None and not 1 <= self.subwords[0] <= self.subwords[1] <= _LONGEST_SUBWORD:
            raise ArgumentError(
                f"subwords must be two lengths from 1 to {_LONGEST_SUBWORD}, the smaller one first; "
                f"received {self.subwords[0]} and {self.subwords[1]}"
            )
        check_fraction("sample", self.sample)
        if not 0 < self.final_learning_rate <= self.learning_rate < math.inf:
            raise ArgumentError(
                "learning_rate must be finite and at least final_learning_rate, and both greater than 0; "
                f"received {self.learning_rate} and {self.final_learning_rate}"
            )


def train_skipgram(
    texts: Path | Iterable[Any],
    encoder: Encoder,
    settings: SkipGram | None = None,
    *,
    similarities: Sequence[Path] = (),
    analogies: Sequence[Path] = (),
    on_epoch: OnEpoch | None = None,
) -> Trained:
    """Train vectors of the tokens of a vocabulary.

    Args:
        texts: Texts or rows of tokens, as for ``Encoder.encode``. They are encoded once, and their ids are kept in
            memory, four bytes per token. Tokens out of vocabulary are removed before windows are formed, unless they
            have hash buckets, whose vectors are trained.
        encoder: The vocabulary.
        settings: The settings.
        similarities: Files of pairs of words and their similarity, as for ``tokemb.analysis.similarity_correlation``.
        analogies: Files of analogies, as for ``tokemb.analysis.analogy_accuracy``.
        on_epoch: A function that is called after each epoch.

    Returns:
        A model like that of ``tokemb.embedding_model`` and its metrics. Padding has a zero vector. Ids that do not
        occur in the texts, such as ``[UNK]``, get the mean vector. The metrics are ``tokens``, ``unknown`` (the number
        of removed tokens), ``loss`` (the mean loss of a pair with its negatives in the last epoch),
        ``tokens_per_second`` (a token counts once per epoch). By its name, each file of ``similarities`` adds its rank
        correlation, and each file of ``analogies`` its accuracy, with the number of pairs or questions whose words have
        vectors.

    Raises:
        ArgumentError: If tokens are n-grams.
        TextError: If no row has two tokens of the vocabulary, or a file of pairs or analogies cannot be read.
        MissingPackageError: If ``similarities`` are given and SciPy is not installed.
        TrainingError: If the training diverges.
    """
    settings = settings or SkipGram()
    encoder.require_unigrams(
        "trained by skip-gram, since neighbours in a row of n-grams are not neighbours in the text"
    )
    tests = WordTests.read(similarities, analogies)
    rows, oov_count = _encode_known_tokens(texts, encoder)
    counts = np.bincount(rows.values, minlength=encoder.input_dim)
    parts = None if settings.subwords is None else parts_of(encoder.vocabulary, *settings.subwords)
    training = _TrainingState.of(rows, counts, settings, parts)
    training.load()
    start = time.perf_counter()
    losses = []
    for epoch in range(settings.epochs):
        losses.append(training.epoch(epoch))
        check_losses(epoch + 1, {"loss": losses[-1]}, settings.learning_rate)
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
        history={"loss": [round(loss, 6) for loss in losses]},
    )
    metrics = {
        "tokens": len(rows.values) + oov_count,
        "unknown": oov_count,
        "loss": round(losses[-1], 4),
        "tokens_per_second": round(settings.epochs * len(rows.values) / seconds),
    }
    vectors = training.composed()
    check_weights([vectors], settings.learning_rate)
    vectors = _fill_unseen(vectors, counts, encoder.pad_id)
    metrics |= tests.metrics(TokenVectors.of_matrix(vectors, encoder))
    return Trained("skipgram", embedding_model(encoder, vectors=vectors), encoder, asdict(settings), metrics, fitted)


def _encode_known_tokens(texts: Path | Iterable[Any], encoder: Encoder) -> tuple[Ragged, int]:
    """Return the ids of texts without tokens out of vocabulary, and the number of these."""
    rows = encoder.encode_ragged(texts, maxlen=UNLIMITED)
    tokens = len(rows.values)
    if encoder.buckets is None and encoder.unk_id is not None:
        rows = rows.select(rows.values != encoder.unk_id)
    if rows.lengths.max(initial=0) < 2:
        raise TextError(
            "no row has two tokens of the vocabulary, so there are no pairs to train on: pass longer rows, "
            "or the vocabulary of these texts as encoder=..."
        )
    return rows, tokens - len(rows.values)


def _fill_unseen(vectors: Float32, counts: Int64, pad_id: int | None) -> Float32:
    """Set the vectors of ids that do not occur to the mean of the others, and that of padding to zeros.

    ``vectors`` is changed.
    """
    vectors[counts == 0] = vectors[counts > 0].mean(axis=0)
    if pad_id is not None:
        vectors[pad_id] = 0
    return vectors


@dataclass(frozen=True)
class _TrainingState:
    """The arrays that the kernel reads and changes.

    Attributes:
        bounds: The first row of each chunk, and the number of rows, int64 ``(chunks + 1,)``.
        parts: The rows of ``vectors`` whose mean is the vector of each token.
    """

    rows: Ragged
    bounds: Int64
    keep: UInt32
    table: Int32
    sigmoids: tuple[Float32, Float32]
    vectors: Float32
    outputs: Float32
    parts: Ragged
    settings: SkipGram

    @classmethod
    def of(cls, rows: Ragged, counts: Int64, settings: SkipGram, parts: Ragged | None = None) -> _TrainingState:
        if parts is None:
            parts = Ragged(np.arange(len(counts), dtype=np.int32), np.arange(len(counts) + 1))
        shape = (len(counts), settings.dim)
        random = np.random.default_rng(settings.seed)
        part_shape = (int(parts.values.max(initial=0)) + 1, settings.dim)
        vectors = (random.random(part_shape, np.float32) * 2 - 1) / np.float32(settings.dim)
        chunk_starts = np.arange(0, len(rows.values), _CHUNK_TOKENS)
        bounds = np.unique(np.append(np.searchsorted(rows.row_splits[:-1], chunk_starts), len(rows)))
        tables = keep_table(counts, settings.sample), negative_table(counts), sigmoid_tables()
        return cls(rows, bounds, *tables, vectors, np.zeros(shape, np.float32), parts, settings)

    def composed(self) -> Float32:
        """Return the vector of each token, float32 ``(input_dim, dim)``."""
        if self.settings.subwords is None:
            return self.vectors
        sums = np.add.reduceat(self.vectors[self.parts.values], self.parts.row_splits[:-1], axis=0)
        means: Float32 = (sums / self.parts.lengths[:, None]).astype(np.float32)
        return means

    def epoch(self, epoch: int) -> float:
        """Train on all rows once and return the mean loss of a pair."""
        sums = np.zeros((len(self.bounds) - 1, 2))
        pool = ThreadPoolExecutor(self.settings.threads)
        try:
            for future in [pool.submit(self._train_chunk, epoch, chunk, sums[chunk]) for chunk in range(len(sums))]:
                future.result()
        finally:
            pool.shutdown(cancel_futures=True)  # after an interruption, no further chunk starts
        loss, pairs = sums.sum(axis=0)
        return float(loss / max(pairs, 1))

    def _train_chunk(self, epoch: int, chunk: int, sums: Float64) -> None:
        settings, splits = self.settings, self.rows.row_splits
        first, last = int(self.bounds[chunk]), int(self.bounds[chunk + 1])
        progress = (epoch + splits[first] / len(self.rows.values)) / settings.epochs
        learning_rate = settings.learning_rate + (settings.final_learning_rate - settings.learning_rate) * progress
        state = np.random.SeedSequence((settings.seed, epoch, chunk)).generate_state(1, np.uint64)
        self._run(first, last, learning_rate, state.astype(np.uint64), sums)

    def load(self) -> None:
        """Compile or load the kernel, which takes seconds on a new machine."""
        self._run(0, 0, 0.0, np.zeros(1, np.uint64), np.zeros(2))

    def _run(self, first: int, last: int, learning_rate: float, random: UInt64, sums: Float64) -> None:
        settings = self.settings
        texts = (self.rows.values, self.rows.row_splits, self.keep, self.table, *self.sigmoids)
        state = (self.vectors, self.outputs, np.array([learning_rate], np.float32), random)
        sampled = np.empty(int(np.diff(self.rows.row_splits[first : last + 1]).max(initial=0)), np.int32)
        targets, gradient = np.empty(settings.negatives + 1, np.int32), np.empty(settings.dim, np.float32)
        if settings.cbow or settings.subwords is not None:
            kernels.train_composed(
                *texts,
                self.parts.values,
                self.parts.row_splits,
                *state,
                sampled,
                targets,
                np.empty(settings.dim, np.float32),
                gradient,
                sums,
                int(settings.cbow),
                settings.window,
                first,
                last,
            )
            return
        # As many as a window can have in the longest row.
        negative_ids = np.empty(2 * min(settings.window, len(sampled)) * settings.negatives, np.int32)
        kernels.train_skipgram(
            *texts, *state, sampled, targets, negative_ids, gradient, sums, settings.window, first, last
        )
