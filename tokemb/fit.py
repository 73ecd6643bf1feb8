"""Fit a vocabulary: count tokens, select them, and build the ``tokenizer.json``."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import pyarrow as pa

from tokemb._arrays import STRINGS, Int64
from tokemb._validation import ALGORITHMS, UNIGRAMS, check_choice, check_count, check_ngrams, check_optional_count
from tokemb.counts.bucket_statistics import with_statistics
from tokemb.counts.select_tokens import (
    PAD_TOKEN,
    UNK_TOKEN,
    check_absent,
    no_token_error,
    rank_tokens,
    reserved_tokens,
    word_counts,
)
from tokemb.counts.spilled_counts import Frequent
from tokemb.counts.subwords import CONTINUATION, DEFAULT_MAX_SIZE, add_word_boundary, count_subwords, train_subwords
from tokemb.counts.token_counts import TokenCounts
from tokemb.counts.word_limits import WordLimits
from tokemb.counts.word_vocabulary import oov_buckets, with_buckets, word_specification
from tokemb.encoder import Encoder
from tokemb.errors import ArgumentError
from tokemb.rows.corpus_statistics import CorpusStatistics
from tokemb.vocabulary.deferred_tokenizer import DeferredTokenizer
from tokemb.vocabulary.folder import vocabulary_table
from tokemb.vocabulary.oov_buckets import OovBuckets
from tokemb.vocabulary.pad_truncate import PadTruncate
from tokemb.vocabulary.profiles import Profile, get_profile, segmented_profile
from tokemb.vocabulary.segmenters.segmenter import Segmenter
from tokemb.vocabulary.special_tokens import post_processor, start_end_tokens
from tokemb.vocabulary.tokenizer_json import TokenizerJson, tokenizer_json_of, tokenizer_of
from tokemb.vocabulary.tokenizers_library import Model, Tokenizer, decoders


def fit_vocab(
    texts: Path | Iterable[Any] | TokenCounts,
    *,
    profile: str | None = None,
    algorithm: str = "word",
    segmenter: str | None = None,
    user_dictionary: Path | None = None,
    ngrams: int | Sequence[int] | None = None,
    max_size: int | None = None,
    min_count: int = 1,
    min_documents: int | float = 1,
    max_documents: int | float | None = None,
    stop_words: Path | Iterable[str] | None = None,
    keep_words: Path | Iterable[str] | None = None,
    reserve: Iterable[str] = (),
    start: str | None = None,
    end: str | None = None,
    oov: bool = True,
    num_oov_buckets: int | None = None,
    hash_buckets: int | None = None,
    salt: int | Sequence[int] | None = None,
    maxlen: int | None = None,
    padding: str = "post",
    truncating: str = "post",
    threads: int | None = None,
) -> Encoder:
    """Fit a vocabulary to texts.

    Id 0 is padding (``""``) and id 1 is out of vocabulary (``"[UNK]"``). The tokens of ``reserve`` follow, then the
    other tokens by descending count.

    Args:
        texts: An iterable of ``str`` or of lists of tokens, a column of strings, files as ``pathlib.Path`` (read as by
            ``tokemb.read_corpus``), or ``TokenCounts``.
        profile: How text is split: ``"words"`` (the default), ``"words-and-punctuation"``, ``"keras"``,
            ``"text-vectorization"``, ``"whitespace"``, ``"chars"`` or ``"bert"``. For ``TokenCounts``, the default is
            their profile.
        algorithm: The algorithm: ``"word"`` (a token is a word), ``"bpe"``, ``"wordpiece"`` or ``"unigram"``.
        segmenter: The library that finds the words in languages without spaces, before texts are split: ``"jieba"``,
            or a name that an installed package provides. ``encode`` uses it too. The default profile is then
            ``"keras"``, with which the ids are those of ``jieba.cut`` and the Keras ``Tokenizer``. See
            docs/segmenters.md.
        user_dictionary: A file of words that the segmenter should find, in its own format.
        ngrams: N-grams, sequences of neighbouring tokens joined by a space, as tokens of the vocabulary, as in Keras'
            ``TextVectorization``: the maximum length, such as 2 for words and pairs of words, or the lengths, such as
            ``(1, 3)``. A row of ids contains the n-grams of the first length, then those of the second one, and so on.
            Only for the algorithm ``"word"``. For ``TokenCounts``, the default is their n-grams. See docs/ngrams.md.
        max_size: The maximum number of tokens besides the reserved ones. ``None`` selects all words, or 30,000
            subwords.
        min_count: The minimum count of a word. Rarer words are left out.
        min_documents: The minimum number of rows that contain a word, or their share if it is a float. Rarer words are
            left out. Only for the algorithm ``"word"``, as are the next three arguments.
        max_documents: The maximum number of rows that contain a word, or their share if it is a float.
        stop_words: Words that are left out, or a text file with one word per line as ``pathlib.Path``. They are
            normalized as texts are. Like all words that are left out, they are out of vocabulary.
        keep_words: Words, or a file of them, that are not left out if they occur, whatever their counts are.
        reserve: Tokens that get the ids after padding and out of vocabulary.
        start: A token that begins every row, such as ``"[BOS]"``. Truncation keeps it. Its id precedes those of
            ``reserve``.
        end: A token that ends every row, such as ``"[EOS]"``.
        oov: Whether tokens out of vocabulary get id 1. ``False`` drops them, as the legacy Keras ``Tokenizer`` does
            without an ``oov_token``, and requires the profile ``"keras"``.
        num_oov_buckets: The number of ids of tokens out of vocabulary, from id 1 on. The hash of a token determines
            its id, as with ``num_oov_indices`` of Keras' ``StringLookup``. ``None`` is one id. Only for the algorithm
            ``"word"``. See docs/buckets.md.
        hash_buckets: The ``input_dim`` of hashing without a vocabulary: all tokens get ids from 1 to
            ``hash_buckets - 1``, as with ``num_bins`` of Keras' ``Hashing(mask_value="")``. The texts are counted only
            for statistics. ``Encoder.hashing`` needs no texts.
        salt: An integer or two for another hash, as in Keras. Only with ``num_oov_buckets`` or ``hash_buckets``.
        maxlen: The length of all rows that ``encode`` uses by default.
        padding: The side of padding that ``encode`` uses by default: ``"pre"`` or ``"post"``.
        truncating: The side of truncation that ``encode`` uses by default: ``"pre"`` or ``"post"``.
        threads: The number of threads. ``None`` uses all cores. The vocabulary does not depend on it.

    Raises:
        ArgumentError: If an argument is invalid.
        TextTypeError: If ``texts`` has the wrong type.
        TextError: If a row is not text, or no token can be selected.

    Example:
        >>> fit_vocab(["a b b", "b c"], max_size=1).vocabulary
        ['', '[UNK]', 'b']
        >>> encoder = fit_vocab(["deep learning is very deep"], profile="keras", oov=False)
        >>> encoder.encode(["deep learning is very deep"])
        array([[1, 2, 3, 4, 1]], dtype=int32)
    """
    max_size = check_optional_count("max_size", max_size)
    min_count = check_count("min_count", min_count)
    check_optional_count("threads", threads)  # invalid also where TokenCounts need no threads
    splitting = _splitting(texts, profile, segmenter, user_dictionary, ngrams)
    oov = bool(oov)
    check_combination(splitting, algorithm, oov)
    buckets = oov_buckets(num_oov_buckets, hash_buckets, salt, algorithm, oov=oov)
    around = start_end_tokens(start, end)
    check_ngrams_alone(splitting, *around)
    reserved = reserved_tokens(reserve, oov=oov, first=around)
    shape = PadTruncate().override(maxlen, padding, truncating)
    shape.room(around)  # raises an error if no row could be encoded
    limits = WordLimits.from_arguments(splitting, stop_words, keep_words, min_documents, max_documents)
    check_limits(limits, algorithm)
    if hash_buckets is not None:
        check_no_selection(max_size, min_count, limits)

    if algorithm == "word":
        frequent = needed_words(max_size, min_count, limits, reserved, buckets)
        counts = _counts_of(texts, splitting, threads, frequent)
        check_absent(around, counts)
        ranks = np.zeros(0, np.int64)
        if hash_buckets is None:
            ranks = _rank_words(counts, splitting, max_size, min_count, reserved, limits)
        fitted = _fit_words(counts, ranks, splitting, reserved, buckets, shape)
    else:
        counts = _counts_of(texts, splitting, threads, Frequent())
        check_absent(around, counts)
        fitted = _fit_subwords(counts, splitting, algorithm, max_size or DEFAULT_MAX_SIZE, min_count, reserved, shape)
    if around:
        fitted.specification["post_processor"] = post_processor(around, fitted.id_of)
    settings = {
        **{"max_size": max_size, "min_count": min_count, "reserve": reserved[1 + oov :]},
        **around,
        **limits.to_json(),
        **({} if hash_buckets is None else {"hash_buckets": hash_buckets}),
    }
    return Encoder(
        fitted.specification,
        fitted.tokenizer,
        pad_id=0,
        profile=splitting.name,
        oov=oov,
        settings=settings,
        corpus=CorpusStatistics(
            counts.rows, counts.total, counts.distinct, fitted.encoded, fitted.unknown, counts.row_lengths
        ),
        segmenter=splitting.segmenter,
        ngrams=splitting.ngrams,
        table=vocabulary_table(fitted.tokens, fitted.counts, fitted.documents),
        buckets=fitted.buckets,
    )


@dataclass(frozen=True)
class _Fitted:
    """The tokens of a vocabulary.

    Attributes:
        specification: The content of its ``tokenizer.json``, to which a post-processor may be added.
        tokens: The tokens in the order of their ids, ``large_string`` ``(tokens,)``.
        counts: The count of each token, int64 ``(tokens,)``, null for tokens that are not counted.
        documents: The number of rows that contain each token, int64 ``(tokens,)``, null if it is not known.
        encoded: The number of ids of the corpus.
        unknown: The number of those that are out of vocabulary.
        is_word: Whether tokens are words.
        buckets: The buckets of tokens out of vocabulary, with their statistics.
    """

    specification: TokenizerJson
    tokens: pa.LargeStringArray
    counts: pa.Array
    documents: pa.Array
    encoded: int
    unknown: int
    is_word: bool
    buckets: OovBuckets | None = None

    def id_of(self, token: str) -> int:
        """Return the id of a token of the vocabulary."""
        index: int = self.tokens.index(token).as_py()
        return index

    @property
    def tokenizer(self) -> Tokenizer:
        """The tokenizer. That of words is made when it is first used."""
        if self.is_word:
            return cast("Tokenizer", DeferredTokenizer(self.specification))
        return tokenizer_of(self.specification)


def _splitting(
    texts: object, profile: str | None, segmenter: str | None, user_dictionary: Path | None, ngrams: object
) -> Profile:
    """Return how texts are split. Raise ``ArgumentError`` if ``TokenCounts`` were made in another way."""
    if not isinstance(texts, TokenCounts):
        splitting = segmented_profile(profile, segmenter, user_dictionary)
    elif profile in (None, texts.profile):
        splitting = counted_profile(texts, segmenter, user_dictionary)
    else:
        raise ArgumentError(
            f"these counts require profile={texts.profile!r}, with which they were made; received profile={profile!r}"
        )
    return replace(splitting, ngrams=ngrams_of(texts, ngrams))


def _counts_of(texts: Any, splitting: Profile, threads: int | None, frequent: Frequent) -> TokenCounts:  # noqa: ANN401
    """Return the counts of texts, or ``texts`` if they are counts."""
    return texts if isinstance(texts, TokenCounts) else TokenCounts.of_splitting(texts, splitting, threads, frequent)


def needed_words(
    max_size: int | None, min_count: int, limits: WordLimits, reserved: list[str], buckets: OovBuckets | None
) -> Frequent:
    """Return which words are needed if the counts exceed memory."""
    # Other limits may leave out some of the most frequent tokens.
    top = None if max_size is None or limits.to_json() else max_size + len(reserved)
    return Frequent(min_count, top, (*limits.keep_words, *reserved), buckets)


def _rank_words(
    counts: TokenCounts,
    splitting: Profile,
    max_size: int | None,
    min_count: int,
    reserved: list[str],
    limits: WordLimits,
) -> Int64:
    """Return the positions of the selected words. Raise ``TextError`` if there are none."""
    ranks = rank_tokens(
        counts, ties=splitting.ties, max_size=max_size, min_count=min_count, reserved=reserved, limits=limits
    )
    if not len(ranks):
        raise no_token_error(counts, min_count, limits)
    return ranks


def _fit_words(
    counts: TokenCounts,
    ranks: Int64,
    splitting: Profile,
    reserved: list[str],
    buckets: OovBuckets | None,
    shape: PadTruncate,
) -> _Fitted:
    """Make a vocabulary of the words at the positions ``ranks`` of ``counts``."""
    tokens = _take_words(reserved, counts, ranks)
    if buckets is not None:
        buckets = with_statistics(buckets, counts, tokens[2:])
        reserved = with_buckets(reserved, buckets)
        tokens = _take_words(reserved, counts, ranks)
    token_counts, documents = word_counts(reserved, counts, ranks)
    unknown = counts.total - (token_counts.sum().as_py() or 0)
    specification = word_specification(splitting, reserved, tokens[len(reserved) :], shape)
    return _Fitted(specification, tokens, token_counts, documents, counts.total, unknown, is_word=True, buckets=buckets)


def _take_words(reserved: list[str], counts: TokenCounts, ranks: Int64) -> pa.LargeStringArray:
    """Return the reserved tokens and the words at the positions ``ranks`` of ``counts``."""
    return pa.concat_arrays([pa.array(reserved, STRINGS), counts.tokens.take(pa.array(ranks))])


def _fit_subwords(
    counts: TokenCounts,
    splitting: Profile,
    algorithm: str,
    max_size: int,
    min_count: int,
    reserved: list[str],
    shape: PadTruncate,
) -> _Fitted:
    """Learn a vocabulary of subwords."""
    counts.require_all_tokens("split into subwords")
    model = train_subwords(algorithm, counts, max_size=max_size, min_count=min_count, reserved=reserved)
    tokens = _tokens_of(model)
    occurrences = count_subwords(model, algorithm, counts, len(tokens))
    token_counts = pa.array(occurrences, mask=np.array([token in reserved for token in tokens]))
    specification = shape.write(_specification(splitting, algorithm, model), 0, PAD_TOKEN)
    encoded, unknown = int(occurrences.sum()), int(occurrences[tokens.index(UNK_TOKEN)])
    documents = pa.nulls(len(tokens), pa.int64())
    return _Fitted(specification, pa.array(tokens, STRINGS), token_counts, documents, encoded, unknown, is_word=False)


def counted_profile(counts: TokenCounts, segmenter: str | None, user_dictionary: Path | None) -> Profile:
    """Return how the texts of counts were split. Raise ``ArgumentError`` if another segmenter is requested."""
    requested = Segmenter.from_arguments(segmenter, user_dictionary)
    if requested is not None and requested != counts.segmenter:
        raise ArgumentError(
            f"the counts must have the requested segmenter, {requested}; received {counts.segmenter or 'none'}: leave "
            "out segmenter, or count the texts again with it"
        )
    return replace(get_profile(counts.profile), segmenter=counts.segmenter)


def ngrams_of(texts: object, ngrams: object) -> tuple[int, ...]:
    """Return the lengths of n-grams to fit. Raise ``ArgumentError`` if they differ from those of ``TokenCounts``."""
    lengths = check_ngrams(ngrams)
    if not isinstance(texts, TokenCounts) or (ngrams is not None and lengths == texts.ngrams):
        return lengths
    if ngrams is not None:
        raise ArgumentError(
            f"these counts require ngrams={list(texts.ngrams)}, with which they were made; received "
            f"ngrams={ngrams!r:.80}"
        )
    return texts.ngrams


def check_ngrams_alone(profile: Profile, *others: str) -> None:
    """Raise ``ArgumentError`` if there are n-grams and one of ``others``, the names of the other arguments."""
    if others and profile.ngrams != UNIGRAMS:
        raise ArgumentError(
            f"{others[0]} must be left out with ngrams={list(profile.ngrams)}, which are not in the order of the text"
        )


def check_combination(profile: Profile, algorithm: str, oov: bool) -> None:
    """Raise ``ArgumentError`` if ``algorithm`` is unknown, or does not support the profile or ``oov=False``."""
    check_choice("algorithm", algorithm, ALGORITHMS)
    if algorithm != "word" and profile.segmenter is not None:
        raise ArgumentError(
            'segmenter must be left out unless algorithm="word", since subwords are learned from whole texts; '
            f'received algorithm="{algorithm}"'
        )
    if algorithm != "word" and profile.ngrams != UNIGRAMS:
        raise ArgumentError(
            f'ngrams must be left out unless algorithm="word", because subwords are no words; received '
            f'algorithm="{algorithm}"'
        )
    if algorithm != "word" and profile.name == "chars":
        raise ArgumentError(
            f'algorithm="{algorithm}" splits words into subwords and requires a profile that yields words; received '
            'profile="chars": choose another profile, such as profile="words"'
        )
    if not oov and (profile.name != "keras" or algorithm != "word"):
        raise ArgumentError(
            'oov=False, which drops tokens out of vocabulary, requires profile="keras" and algorithm="word"; '
            f"received profile={profile.name!r} and algorithm={algorithm!r}"
        )


def check_no_selection(max_size: int | None, min_count: int, limits: WordLimits) -> None:
    """Raise ``ArgumentError`` if an argument selects words, although all words are hashed."""
    names = [*(["max_size"] if max_size else []), *(["min_count"] if min_count > 1 else []), *limits.to_json()]
    if names:
        raise ArgumentError(f"{names[0]} must be left out with hash_buckets, since all words are hashed")


def check_limits(limits: WordLimits, algorithm: str) -> None:
    """Raise ``ArgumentError`` if subwords are learned and ``limits`` leave out words."""
    if algorithm != "word" and (names := list(limits.to_json())):
        raise ArgumentError(f'{names[0]} must be left out unless algorithm="word"; received algorithm="{algorithm}"')


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
