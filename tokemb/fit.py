"""Fitting a vocabulary: count, cut, and put together the specification."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from tokenizers import Tokenizer, decoders
from tokenizers.models import Model, WordLevel

from tokemb._validation import check_choice, check_count, check_optional_count
from tokemb.counts.select_tokens import PAD_TOKEN, UNK_TOKEN, nothing_left, reserved_tokens, select_tokens, word_counts
from tokemb.counts.subwords import CONTINUATION, DEFAULT_MAX_SIZE, add_word_boundary, count_subwords, train_subwords
from tokemb.counts.token_counts import TokenCounts
from tokemb.encoder import Encoder
from tokemb.errors import ArgumentError
from tokemb.rows.corpus_statistics import CorpusStatistics
from tokemb.vocabulary.folder import vocabulary_table
from tokemb.vocabulary.pad_truncate import PadTruncate
from tokemb.vocabulary.profiles import Profile, get_profile
from tokemb.vocabulary.tokenizer_json import TokenizerJson, tokenizer_json_of, tokenizer_of

ALGORITHMS = ("word", "bpe", "wordpiece", "unigram")


def fit_vocab(
    texts: Path | Iterable[Any] | TokenCounts,
    *,
    profile: str | None = None,
    algorithm: str = "word",
    max_size: int | None = None,
    min_count: int = 1,
    reserve: Iterable[str] = (),
    oov: bool = True,
    maxlen: int | None = None,
    padding: str = "post",
    truncating: str = "post",
    threads: int | None = None,
) -> Encoder:
    """Fit a vocabulary to texts.

    ``texts``: an iterable of ``str`` or of lists of tokens, a column of strings, files as ``pathlib.Path`` (read as
    ``tokemb.read_corpus`` does), or ``TokenCounts``.
    ``profile``: how text is split: ``"words"`` (the default), ``"keras"``, ``"text-vectorization"``, ``"whitespace"``,
    ``"chars"``, ``"bert"``; that of the counts if ``texts`` are counts.
    ``algorithm``: ``"word"`` (a token is a word), or ``"bpe"``, ``"wordpiece"``, ``"unigram"``.
    ``max_size``: at most so many tokens besides the reserved ones; ``None`` keeps all words, or 30,000 subwords.
    ``min_count``: words that occur less often are left out.
    ``reserve``: more tokens that get the ids after padding and out-of-vocabulary.
    ``oov``: false drops unknown tokens instead of giving them id 1, as the legacy Keras ``Tokenizer`` does without an
    ``oov_token``; only for the ``"keras"`` profile.
    ``maxlen``, ``padding``, ``truncating``: what ``encode`` does when it is not told otherwise.
    ``threads``: how many count, ``None`` for as many as there are cores; the vocabulary does not depend on it.

    Id 0 is padding (``""``), id 1 out-of-vocabulary (``"[UNK]"``), then come ``reserve`` and the tokens by count.

    Raises ``ArgumentError`` for settings that cannot be, ``TextTypeError`` and ``TextError`` for texts that are none.

    >>> fit_vocab(["a b b", "b c"], max_size=1).vocabulary
    ['', '[UNK]', 'b']
    >>> fit_vocab(["deep learning is very deep"], profile="keras", oov=False).encode(["deep learning is very deep"])
    array([[1, 2, 3, 4, 1]], dtype=int32)
    """
    max_size = check_optional_count("max_size", max_size)
    min_count = check_count("min_count", min_count)
    check_optional_count("threads", threads)  # counts are not counted again, but wrong is wrong
    if isinstance(texts, TokenCounts) and profile not in (None, texts.profile):
        raise ArgumentError(f"these counts were made with the profile {texts.profile!r}, not {profile!r}")
    splitting = get_profile(texts.profile if isinstance(texts, TokenCounts) else profile or "words")
    oov = bool(oov)
    check_combination(splitting, algorithm, oov)
    reserved = reserved_tokens(reserve, oov=oov)
    shape = PadTruncate().override(maxlen, padding, truncating)

    counts = (
        texts
        if isinstance(texts, TokenCounts)
        else TokenCounts.from_texts(texts, profile=splitting.name, threads=threads)
    )
    if algorithm == "word":
        kept_tokens = select_tokens(
            counts, ties=splitting.ties, max_size=max_size, min_count=min_count, reserved=reserved
        )
        if not kept_tokens:
            raise nothing_left(counts, min_count)
        tokens = reserved + kept_tokens
        specification = word_specification(splitting, tokens, shape)
        token_counts, documents = word_counts(tokens, counts)
        encoded, kept = counts.total, token_counts.sum().as_py() or 0
    else:
        counts.require_all_tokens("cut into subwords")
        fitted = train_subwords(
            algorithm, counts, max_size=max_size or DEFAULT_MAX_SIZE, min_count=min_count, reserved=reserved
        )
        tokens = _tokens_of(fitted)
        occurrences = count_subwords(fitted, algorithm, counts, len(tokens))
        counted = np.array([token not in reserved for token in tokens])
        token_counts = pa.array(occurrences, mask=~counted)
        documents = pa.nulls(len(tokens), pa.int64())
        encoded = int(occurrences.sum())
        kept = encoded - int(occurrences[tokens.index(UNK_TOKEN)])
        specification = shape.write(_specification(splitting, algorithm, fitted), 0, PAD_TOKEN)
    corpus = CorpusStatistics(counts.rows, counts.total, counts.distinct, encoded, encoded - kept, counts.row_lengths)
    settings = {"max_size": max_size, "min_count": min_count, "reserve": reserved[1 + oov :]}
    return Encoder(
        specification,
        tokenizer_of(specification),
        pad_id=0,
        profile=splitting.name,
        oov=oov,
        settings=settings,
        corpus=corpus,
        table=vocabulary_table(tokens, token_counts, documents),
    )


def word_specification(profile: Profile, tokens: Sequence[str], shape: PadTruncate) -> TokenizerJson:
    """The ``tokenizer.json`` of a vocabulary of words, ``tokens`` in the order of their ids."""
    specification = _specification(profile, "word", WordLevel({}, unk_token=UNK_TOKEN))
    # As the library would write it: through it, a vocabulary takes six times as long.
    specification["model"]["vocab"] = {token: index for index, token in enumerate(tokens)}
    return shape.write(specification, 0, PAD_TOKEN)


def check_combination(profile: Profile, algorithm: str, oov: bool) -> None:
    """Raise ``ArgumentError`` for an algorithm that there is not, or not with this profile, or not without ``oov``."""
    check_choice("algorithm", algorithm, ALGORITHMS)
    if algorithm != "word" and profile.name == "chars":
        raise ArgumentError(
            f'a {algorithm} model requires words to split into subwords, and profile="chars" makes none: '
            "choose another profile"
        )
    if not oov and (profile.name != "keras" or algorithm != "word"):
        raise ArgumentError(
            'oov=False, which drops words that are out of vocabulary, requires profile="keras" and algorithm="word"; '
            f"received {profile.name} and {algorithm}"
        )


def _tokens_of(model: Model) -> list[str]:
    vocabulary = Tokenizer(model).get_vocab()
    return sorted(vocabulary, key=vocabulary.__getitem__)


def _specification(profile: Profile, algorithm: str, fitted: Model) -> TokenizerJson:
    tokenizer = profile.tokenizer(fitted)
    if profile.decoder is not None:
        tokenizer.decoder = profile.decoder
    if algorithm == "wordpiece":
        tokenizer.decoder = decoders.WordPiece(prefix=CONTINUATION, cleanup=False)
    elif algorithm != "word":
        tokenizer.pre_tokenizer = add_word_boundary(profile.pre_tokenizer, algorithm)
        tokenizer.decoder = decoders.Metaspace(prepend_scheme="always")
    return tokenizer_json_of(tokenizer)
