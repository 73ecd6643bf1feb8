"""The reference backend: ``tokenizers`` itself."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain
from typing import TYPE_CHECKING, cast

import numpy as np
import pyarrow as pa

from tokemb._arrays import STRINGS
from tokemb.errors import VocabularyError
from tokemb.rows.ragged import Ragged
from tokemb.sources.texts import slices
from tokemb.vocabulary.tokenizer_json import BLANK, TokenizerJson, is_failure, tokenizer_of
from tokemb.vocabulary.tokenizers_library import Encoding, Tokenizer, trainers

if TYPE_CHECKING:
    from tokemb.engine.token_index import TokenIndex
    from tokemb.vocabulary.deferred_tokenizer import DeferredTokenizer

_PARALLELISM = "TOKENIZERS_PARALLELISM"
# Whether `tokenizers` may have started threads.
_has_threads = False
# The maximum bytes of text and the maximum rows per batch. The objects that `tokenizers` creates for a batch, about 20
# bytes per byte of English text and one object per row, then take tens of megabytes.
BATCH_LIMITS = 4 << 20, 1 << 16
# `tokenizers` loads a word vocabulary for more bytes of text than this, or for more than 16 inputs.
_MAX_LOOKED_UP = 1 << 16


class Reference:
    """Encode with ``tokenizers``. It accepts every tokenizer, at the speed of that library."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        """Initialize the backend with a tokenizer without truncation and padding."""
        self._tokenizer = tokenizer

    def encode(self, texts: pa.LargeStringArray, threads: int | None = None) -> Ragged:
        """Encode texts.

        Args:
            texts: ``large_string`` (rows,).
            threads: 1 for one thread. Otherwise `tokenizers` uses all cores.

        Returns:
            The ids as a ``Ragged`` with as many rows.

        Raises:
            VocabularyError: If `tokenizers` cannot encode a text.
        """
        with _limit_threads(threads, len(texts)):
            return Ragged.concatenate([self._encode(batch) for batch in slices(texts, *BATCH_LIMITS)])

    def _encode(self, texts: pa.LargeStringArray) -> Ragged:
        try:
            encodings = self._tokenizer.encode_batch_fast(texts.to_pylist(), add_special_tokens=False)
        except BaseException as error:
            if is_failure(error):
                raise VocabularyError(f"the tokenizer cannot encode these texts: {error}") from error
            raise
        return _to_ragged(encodings)


class WordReference(Reference):
    """Look up the words of a few small inputs, as long as `tokenizers` has not loaded the vocabulary.

    Loading it takes longer than splitting the texts twice.
    """

    def __init__(self, tokenizer: DeferredTokenizer, specification: TokenizerJson) -> None:
        """Initialize the backend.

        Args:
            tokenizer: The tokenizer, without truncation and padding.
            specification: The content of its ``tokenizer.json``: a word-level model that contains its OOV token, and no
                added tokens.
        """
        super().__init__(cast("Tokenizer", tokenizer))
        self._deferred = tokenizer
        self._specification = specification
        self._bytes_left = _MAX_LOOKED_UP

    def encode(self, texts: pa.LargeStringArray, threads: int | None = None) -> Ragged:
        """Encode texts. The arguments and the result are those of ``Reference.encode``."""
        self._bytes_left -= max(texts.nbytes, _MAX_LOOKED_UP >> 4)
        if self._bytes_left < 0 or self._deferred.is_made:
            return super().encode(texts, threads)
        rows, tokens = pre_tokenize(texts, tokenizer_of(_splitting(self._specification)), threads)
        vocab = self._specification["model"]["vocab"]
        unknown = vocab[self._specification["model"]["unk_token"]]
        ids = np.array([vocab.get(token, unknown) for token in tokens.to_pylist()], np.int32)
        return Ragged(ids[rows.values], rows.row_splits)


def mark_oov(specification: TokenizerJson, oov_id: int) -> Tokenizer:
    """Return a word-level tokenizer that encodes tokens out of vocabulary as ``oov_id``. ``tokenizers`` would raise."""
    model = specification["model"]
    name = "\t"  # a text may contain it, and then it is out of vocabulary too
    while name in model["vocab"]:
        name += "\t"
    model = {**model, "vocab": {**model["vocab"], name: oov_id}, "unk_token": name}
    return tokenizer_of({**specification, "model": model, "truncation": None, "padding": None})


class HashingReference(Reference):
    """Encode texts with buckets for tokens out of vocabulary: ``tokenizers`` only splits the texts."""

    def __init__(self, specification: TokenizerJson, token_index: TokenIndex) -> None:
        """Initialize the backend.

        Args:
            specification: The content of a ``tokenizer.json`` without added tokens.
            token_index: The ids of tokens.
        """
        self._splitting = _splitting(specification)
        self._token_index = token_index

    def encode(self, texts: pa.LargeStringArray, threads: int | None = None) -> Ragged:
        """Encode texts. The arguments and the result are those of ``Reference.encode``."""
        return Ragged.concatenate([self._hash(batch, threads) for batch in slices(texts, *BATCH_LIMITS)])

    def _hash(self, texts: pa.LargeStringArray, threads: int | None) -> Ragged:
        rows, tokens = pre_tokenize(texts, tokenizer_of(self._splitting), threads)
        return Ragged(self._token_index.ids(tokens)[rows.values], rows.row_splits)


def _splitting(specification: TokenizerJson) -> TokenizerJson:
    """Return a ``tokenizer.json`` that splits texts as another one does."""
    return {**BLANK, **{name: specification.get(name) for name in ("normalizer", "pre_tokenizer")}}


def pre_tokenize(
    texts: pa.LargeStringArray, tokenizer: Tokenizer, threads: int | None
) -> tuple[Ragged, pa.LargeStringArray]:
    """Pre-tokenize texts.

    Args:
        texts: ``large_string`` (rows,).
        tokenizer: A tokenizer that splits texts. Its model is replaced.
        threads: 1 for one thread. Otherwise `tokenizers` uses all cores.

    Returns:
        Rows of indices into the distinct tokens, and the distinct tokens, ``large_string`` (distinct,).
    """
    rows = texts.to_pylist()
    # The vocabulary consists of all tokens of the batch, so that encoding is only pre-tokenization.
    unlimited = trainers.WordLevelTrainer(vocab_size=np.iinfo(np.int32).max, min_frequency=0, show_progress=False)
    with _limit_threads(threads, len(rows)):
        tokenizer.train_from_iterator(rows, unlimited)
        encodings = tokenizer.encode_batch_fast(rows, add_special_tokens=False)
    vocabulary = tokenizer.get_vocab()
    return _to_ragged(encodings), pa.array(sorted(vocabulary, key=vocabulary.__getitem__), STRINGS)


@contextmanager
def _limit_threads(threads: int | None, texts: int) -> Iterator[None]:
    """Make `tokenizers` use one thread if ``threads`` is 1, or if there is only one text.

    It reads the environment variable at every call.
    """
    global _has_threads
    previous = os.environ.get(_PARALLELISM)
    if (threads != 1 and texts > 1) or previous is not None:
        _has_threads = True
        yield
        return
    os.environ[_PARALLELISM] = "false"
    try:
        yield
    finally:
        os.environ.pop(_PARALLELISM, None)


def _use_one_thread() -> None:
    """Make `tokenizers` use one thread in a forked process, which would wait forever for threads that it lacks."""
    if _has_threads:
        os.environ[_PARALLELISM] = "false"


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_use_one_thread)


def _to_ragged(encodings: list[Encoding]) -> Ragged:
    lengths = np.fromiter(map(len, encodings), np.int64, len(encodings))
    ids = chain.from_iterable(encoding.ids for encoding in encodings)
    return Ragged.from_lengths(np.fromiter(ids, np.int32, int(lengths.sum())), lengths)
