"""Benchmarks of word vocabularies: encoding and fitting."""

from __future__ import annotations

from typing import Any

from tokenizers import Tokenizer

import tokemb
from benchmarks import peers
from benchmarks.agreement import same_ids, same_ragged, same_vocabulary
from benchmarks.measuring import Comparison, Outcome, Party, SkipError, compare
from benchmarks.setting import MAX_SIZE, MAXLEN, Setting

LAYER, LEGACY, TOKENIZERS = "TextVectorization", "Keras Tokenizer", "tokenizers"
LIKE_LAYER, LIKE_LEGACY = "tokemb with its profile text-vectorization", "tokemb with its profile keras"
OWN_SPLITTING = (
    f"The profile `words` splits differently from {LAYER} and the {LEGACY}, so its ids are compared with `tokenizers`. "
    "The profiles text-vectorization and keras give the same ids as these two."
)
NANOTOKEN = "nanotoken (other ids: WordPiece, second pass)"
POEM_MAXLEN = 128
NGRAMS, NGRAM_MAXLEN = 100_000, 512
BUCKETS = 1000
LOOKUP = f"{LAYER} with StringLookup"


def encode(setting: Setting) -> Outcome:
    """Measure the encoding of a list of ``str`` to padded ids."""
    texts, words = setting.texts, setting.words
    saved = setting.saved(words, "words") / "tokenizer.json"
    like_layer, like_legacy = setting.fit("text-vectorization"), setting.fit("keras")
    parties = [
        Party("tokemb", lambda _: words.encode(texts, maxlen=MAXLEN)),
        Party(
            LAYER,
            lambda layer: peers.vectorize(layer, texts, MAXLEN),
            lambda: peers.adapted(texts, MAX_SIZE, MAXLEN),
        ),
        Party(LIKE_LAYER, lambda _: like_layer.encode(texts, maxlen=MAXLEN)),
        Party(
            LEGACY,
            lambda tokenizer: peers.legacy_encode(tokenizer, texts, MAXLEN),
            lambda: peers.legacy_tokenizer(texts, MAX_SIZE),
        ),
        Party(LIKE_LEGACY, lambda _: like_legacy.encode(texts, maxlen=MAXLEN)),
        Party(
            TOKENIZERS,
            lambda tokenizer: peers.tokenizers_padded(tokenizer, texts, MAXLEN),
            lambda: Tokenizer.from_file(str(saved)),
        ),
        *_nanotoken(setting),
    ]

    def check(results: dict[str, Any]) -> None:
        same_ids(results, "tokemb", TOKENIZERS)
        same_ids(results, LIKE_LAYER, LAYER)
        same_ids(results, LIKE_LEGACY, LEGACY)

    comparisons = [
        Comparison(LAYER, least=7),
        Comparison(LEGACY, least=15),
        Comparison(TOKENIZERS, least=22),
        Comparison(LAYER, party=LIKE_LAYER),
        Comparison(LEGACY, party=LIKE_LEGACY),
        Comparison(NANOTOKEN),
    ]
    work = f"encode to (rows, {MAXLEN}), words"
    notes = [OWN_SPLITTING]
    return compare(
        work, parties, comparisons, check, repeat=setting.repeat, touch=setting.touch, size=setting.size, notes=notes
    )


def _nanotoken(setting: Setting) -> list[Party]:
    """Return another fast encoder on the same text. The case ``wordpiece`` compares its ids."""
    try:
        saved = setting.tokenizer_file("all_minilm_l6_v2")
    except SkipError:
        return []
    nanotoken = setting.peer("nanotoken")
    if nanotoken is None:
        return []
    return [
        Party(
            NANOTOKEN,
            lambda tokenizer: peers.nanotoken_padded(tokenizer, setting.texts, MAXLEN),
            lambda: nanotoken.WordPieceTokenizer.from_json(saved.read_text("utf-8")),
        )
    ]


def ragged(setting: Setting) -> Outcome:
    """Measure the encoding of a list of ``str`` to ids without padding."""
    texts, encoder = setting.texts, tokemb.fit_vocab(setting.texts, max_size=MAX_SIZE)
    saved = setting.saved(encoder, "ragged") / "tokenizer.json"

    def unpadded() -> Tokenizer:
        tokenizer = Tokenizer.from_file(str(saved))
        tokenizer.no_padding()
        return tokenizer

    def check(results: dict[str, Any]) -> None:
        rows = results["tokemb"]
        same_ragged({**results, "tokemb": (rows.values, rows.row_splits)}, "tokemb", TOKENIZERS)

    parties = [
        Party("tokemb", lambda _: encoder.encode_ragged(texts)),
        Party(TOKENIZERS, lambda tokenizer: peers.tokenizers_ragged(tokenizer, texts), unpadded),
    ]
    comparisons = [Comparison(TOKENIZERS)]
    return compare(
        "encode to ragged, words",
        parties,
        comparisons,
        check,
        repeat=setting.repeat,
        touch=setting.touch,
        size=setting.size,
    )


def fit(setting: Setting) -> Outcome:
    """Measure fitting a vocabulary to a list of ``str``."""
    texts = setting.texts
    saved = setting.saved(setting.words, "words") / "tokenizer.json"

    def fitted(profile: str) -> tokemb.Encoder:
        return tokemb.fit_vocab(texts, profile=profile, max_size=MAX_SIZE)

    parties = [
        Party("tokemb", lambda _: fitted("words")),
        Party(LAYER, lambda _: peers.adapted(texts, MAX_SIZE)),
        Party(LIKE_LAYER, lambda _: fitted("text-vectorization")),
        Party(LEGACY, lambda _: peers.legacy_tokenizer(texts, MAX_SIZE)),
        Party(LIKE_LEGACY, lambda _: fitted("keras")),
        Party(TOKENIZERS, lambda _: peers.tokenizers_trained(saved, texts, MAX_SIZE)),
    ]

    def check(results: dict[str, Any]) -> None:
        trained = peers.ids_in_order(results[TOKENIZERS].get_vocab())
        same_vocabulary("tokemb", results["tokemb"].vocabulary, TOKENIZERS, trained)
        same_vocabulary(LIKE_LAYER, results[LIKE_LAYER].vocabulary, LAYER, results[LAYER].get_vocabulary())
        legacy = ["", *peers.ids_in_order(results[LEGACY].word_index)][: MAX_SIZE + 2]
        same_vocabulary(LIKE_LEGACY, results[LIKE_LEGACY].vocabulary, LEGACY, legacy)

    comparisons = [
        Comparison(LAYER, least=6),
        Comparison(TOKENIZERS, least=8),
        Comparison(LEGACY),
        Comparison(LAYER, party=LIKE_LAYER),
        Comparison(LEGACY, party=LIKE_LEGACY),
    ]
    notes = [OWN_SPLITTING]
    return compare(
        "fit, words",
        parties,
        comparisons,
        check,
        repeat=setting.repeat,
        touch=setting.touch,
        size=setting.size,
        notes=notes,
    )


def ngrams(setting: Setting) -> Outcome:
    """Measure the encoding of a list of ``str`` to padded ids of words and pairs of words."""
    texts = setting.texts
    encoder = tokemb.fit_vocab(texts, profile="text-vectorization", ngrams=2, max_size=NGRAMS)
    parties = [
        Party(LIKE_LAYER, lambda _: encoder.encode(texts, maxlen=NGRAM_MAXLEN)),
        Party(
            LAYER,
            lambda layer: peers.vectorize(layer, texts, NGRAM_MAXLEN),
            lambda: peers.adapted(texts, NGRAMS, NGRAM_MAXLEN, ngrams=2),
        ),
    ]
    return compare(
        f"encode to (rows, {NGRAM_MAXLEN}), words and pairs of words",
        parties,
        [Comparison(LAYER, party=LIKE_LAYER, least=6)],
        lambda results: same_ids(results, LIKE_LAYER, LAYER),
        repeat=setting.repeat,
        touch=setting.touch,
        size=setting.size,
    )


def buckets(setting: Setting) -> Outcome:
    """Measure the encoding of a list of ``str`` to padded ids of words, with buckets of words out of vocabulary."""
    return _compare_buckets(setting, "words and OOV buckets", MAX_SIZE, MAXLEN, None)


def ngram_buckets(setting: Setting) -> Outcome:
    """Measure the encoding of a list of ``str`` to padded ids of words and pairs of words, with OOV buckets."""
    return _compare_buckets(setting, "words, pairs of words and OOV buckets", NGRAMS, NGRAM_MAXLEN, 2)


def _compare_buckets(setting: Setting, tokens: str, max_size: int, maxlen: int, ngrams: int | None) -> Outcome:
    texts = setting.texts
    encoder = tokemb.fit_vocab(
        texts, profile="text-vectorization", ngrams=ngrams, max_size=max_size, num_oov_buckets=BUCKETS
    )
    words = encoder.vocabulary[1 + BUCKETS :]
    parties = [
        Party(LIKE_LAYER, lambda _: encoder.encode(texts, maxlen=maxlen)),
        Party(
            LOOKUP,
            lambda layer: peers.vectorize(layer, texts, maxlen),
            lambda: peers.layer_with_buckets(words, BUCKETS, maxlen, ngrams=ngrams),
        ),
    ]
    return compare(
        f"encode to (rows, {maxlen}), {tokens}",
        parties,
        [Comparison(LOOKUP, party=LIKE_LAYER, least=6)],
        lambda results: same_ids(results, LIKE_LAYER, LOOKUP),
        repeat=setting.repeat,
        touch=setting.touch,
        size=setting.size,
    )


def poems(setting: Setting) -> Outcome:
    """Measure the encoding of Chinese poems to padded ids, one token per character."""
    texts = setting.poems
    encoder = tokemb.fit_vocab(texts, max_size=MAX_SIZE, maxlen=POEM_MAXLEN)
    saved = setting.saved(encoder, "poems") / "tokenizer.json"
    layer = "TextVectorization by characters"
    parties = [
        Party("tokemb", lambda _: encoder.encode(texts, maxlen=POEM_MAXLEN)),
        Party(
            layer,
            lambda layer: peers.vectorize(layer, texts, POEM_MAXLEN),
            lambda: peers.adapted(texts, MAX_SIZE, POEM_MAXLEN, split="character"),
        ),
        Party(
            TOKENIZERS,
            lambda tokenizer: peers.tokenizers_padded(tokenizer, texts, POEM_MAXLEN),
            lambda: Tokenizer.from_file(str(saved)),
        ),
    ]
    return compare(
        f"encode Chinese poems to (rows, {POEM_MAXLEN}), words",
        parties,
        [Comparison(layer, least=8), Comparison(TOKENIZERS)],
        lambda results: same_ids(results, "tokemb", TOKENIZERS),
        repeat=setting.repeat,
        touch=setting.touch,
        size=sum(len(text.encode()) for text in texts),
        notes=[
            "Poems: Chinese punctuation marks are tokens in TextVectorization but not in `words`, so the ids differ. "
            "Those of tokemb are compared with `tokenizers`."
        ],
    )
