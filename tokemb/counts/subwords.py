"""Train subword models on counted words.

Training on counts bounds the memory by the number of distinct words and makes the result independent of the order of
the texts. BPE and WordPiece are trained by ``merges``, with the results of `tokenizers` in a fraction of the time.
Characters inside a word (``##x``) have ids in sorted order, because `tokenizers` numbers them in the order of a
randomly seeded hash map.

Unigram is trained by `tokenizers`, which gives another vocabulary at every run, for the same reason. Two results are
made reproducible here:

* Unigram gives ascending scores in this order to the characters that its training dropped. These scores are assigned
  again in sorted order.
* Unigram sums floating-point numbers in this order. The scores are rounded, far above the noise, and sorted again.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from itertools import chain

import numpy as np
import pyarrow as pa

from tokemb._arrays import Int64
from tokemb.counts.merges import learn_merges
from tokemb.counts.select_tokens import UNK_TOKEN, no_token_error
from tokemb.counts.token_counts import TokenCounts
from tokemb.engine import Engine
from tokemb.errors import ArgumentError
from tokemb.rows.threads import thread_count
from tokemb.sources.texts import slices
from tokemb.vocabulary.tokenizer_json import tokenizer_json_of
from tokemb.vocabulary.tokenizers_library import (
    Model,
    PreTokenizer,
    Tokenizer,
    models,
    pre_tokenizers,
    trainers,
)

DEFAULT_MAX_SIZE = 30_000
CONTINUATION = "##"
_BOUNDARY = "▁"

# Far more than any corpus has. Files of counts that others made can have more.
_MAX_CHARACTERS = 1e18

# The trainer gets chunks of words joined by this, and splits them again. Only tokens of the profile `chars` contain it.
_DELIMITER = " "
_WORDS_PER_CHUNK = 4096

# The maximum number of words that UnigramTrainer reads, about a million per second. Larger counts are scaled down.
_UNIGRAM_WORDS = 1 << 27
# The maximum number of subwords with which UnigramTrainer of tokenizers begins.
_UNIGRAM_SEEDS = 1_000_000
# UnigramTrainer::finalize in tokenizers adds this step for each character that it restores.
_SCORE_STEP = 0.0001
_STEP_NOISE = 1e-5
_SCORE_DECIMALS = 4


def add_word_boundary(pre_tokenizer: PreTokenizer, model: str) -> PreTokenizer:
    """Return ``pre_tokenizer`` with the word boundaries that ``model`` requires.

    BPE and Unigram get the mark ``▁`` before each word, as in SentencePiece. WordPiece marks continuations instead.
    """
    if model == "wordpiece":
        return pre_tokenizer
    return pre_tokenizers.Sequence([pre_tokenizer, pre_tokenizers.Metaspace(prepend_scheme="always")])


def train_subwords(model: str, counts: TokenCounts, *, max_size: int, min_count: int, reserved: Sequence[str]) -> Model:
    """Train a ``"bpe"``, ``"wordpiece"`` or ``"unigram"`` model whose first ids are ``reserved``.

    Args:
        model: The algorithm.
        counts: The counts of the words.
        max_size: The maximum number of tokens besides the reserved ones.
        min_count: The minimum count of a word. Rarer words are left out.
        reserved: The tokens of the first ids.

    Raises:
        ArgumentError: If there are more than ``max_size`` distinct characters, a word contains a space, or the number
            of characters does not fit int64.
        TextError: If no word is left.
    """
    _check_characters(counts)
    words, repeats = _words(counts, min_count)
    characters, continued = _alphabet(words, model)
    if len(characters) + len(continued) > max_size:
        raise ArgumentError(
            f"max_size must be at least {len(characters) + len(continued)}, the number of distinct characters of this "
            f"text, for the model {model}; received {max_size}"
        )
    if model == "unigram":
        return _train_unigram(words, repeats, reserved, max_size, len(characters))
    words, repeats = _with_boundaries(words, repeats) if model == "bpe" else (words, repeats)
    first_tokens = list(dict.fromkeys([*reserved, *continued, *sorted(characters)]))
    prefix = CONTINUATION if model == "wordpiece" else ""
    learned = learn_merges(words, repeats, first_tokens, len(reserved) + max_size, prefix)
    ids = dict(zip(learned.tokens, range(len(learned.tokens)), strict=True))
    if model == "bpe":
        return models.BPE(ids, learned.pairs, unk_token=UNK_TOKEN)
    return models.WordPiece(ids, unk_token=UNK_TOKEN, continuing_subword_prefix=CONTINUATION)


def count_subwords(model: Model, kind: str, counts: TokenCounts, size: int) -> Int64:
    """Count the occurrences of each id of a subword model in the counted text.

    Args:
        model: The trained model.
        kind: The algorithm.
        counts: The counts of the words.
        size: The number of ids.

    Returns:
        int64 array ``(size,)``.

    Raises:
        ArgumentError: If the number of characters does not fit int64.
    """
    _check_characters(counts)
    tokenizer = Tokenizer(model)
    tokenizer.pre_tokenizer = _split_words(kind)
    engine = Engine(tokenizer_json_of(tokenizer), tokenizer)
    result = np.zeros(size, np.int64)
    start = 0
    for words in slices(counts.tokens):
        subwords = engine.encode(words, thread_count())
        np.add.at(result, subwords.values, np.repeat(counts.counts[start : start + len(words)], subwords.lengths))
        start += len(words)
    return result


def _check_characters(counts: TokenCounts) -> None:
    """Raise ``ArgumentError`` if sums of the counts of pairs of characters could exceed int64."""
    import pyarrow.compute as pc  # only here, because encoding does not need it

    characters = pc.utf8_length(counts.tokens).to_numpy().astype(np.float64) + 1  # with the mark of a boundary
    if characters @ counts.counts >= _MAX_CHARACTERS:
        raise ArgumentError(
            f"subwords are learned from texts of fewer than {_MAX_CHARACTERS:g} characters; received "
            f"{characters @ counts.counts:g}: pass smaller counts"
        )


def _words(counts: TokenCounts, min_count: int) -> tuple[list[str], list[int]]:
    import pyarrow.compute as pc  # only here, because encoding does not need it

    keep = (counts.counts >= min_count) & (pc.binary_length(counts.tokens).to_numpy() > 0)
    table = pa.table({"word": counts.tokens, "count": counts.counts}).filter(pa.array(keep)).sort_by("word")
    if not len(table):
        raise no_token_error(counts, min_count)
    words: list[str] = table["word"].to_pylist()
    for word in words:
        if _DELIMITER in word:
            raise ArgumentError(f"a subword model requires tokens without spaces; the counts contain {word!r:.80}")
    return words, table["count"].to_pylist()


def _alphabet(words: list[str], model: str) -> tuple[set[str], list[str]]:
    """Return all characters, and for WordPiece the marked, sorted characters that occur inside a word."""
    if model == "wordpiece":
        inside = {character for word in words for character in word[1:]}
        return set("".join(words)), [CONTINUATION + character for character in sorted(inside)]
    return {_BOUNDARY, *"".join(words)}, []


def _with_boundaries(words: list[str], repeats: list[int]) -> tuple[list[str], list[int]]:
    """Return the pre-tokens of the words with the mark ``▁``, and how often each occurs."""
    if not any(_BOUNDARY in word for word in words):
        return [_BOUNDARY + word for word in words], repeats
    splitting = _split_words("bpe")
    pretokens = [[text for text, _ in splitting.pre_tokenize_str(word)] for word in words]
    lengths = list(map(len, pretokens))
    return list(chain.from_iterable(pretokens)), np.repeat(repeats, lengths).tolist()


def _train_unigram(
    words: list[str], repeats: list[int], reserved: Sequence[str], max_size: int, characters: int
) -> models.Unigram:
    # The trainer allocates memory for the requested size. There cannot be more subwords than this.
    possible = max(sum(map(len, words)), _UNIGRAM_SEEDS) + characters
    trainer = trainers.UnigramTrainer(
        vocab_size=len(reserved) + min(max_size, possible),
        special_tokens=list(reserved),
        unk_token=UNK_TOKEN,
        show_progress=False,
    )
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.pre_tokenizer = _split_words("unigram")
    tokenizer.train_from_iterator(_repeated(words, _scaled(repeats)), trainer)
    return _canonical(tokenizer, reserved, max_size)


def _split_words(model: str) -> PreTokenizer:
    return add_word_boundary(pre_tokenizers.CharDelimiterSplit(_DELIMITER), model)


def _scaled(repeats: list[int]) -> list[int]:
    """Return counts with about the same ratios, whose sum is hardly larger than ``_UNIGRAM_WORDS``."""
    total = sum(repeats)
    return repeats if total <= _UNIGRAM_WORDS else [max(count * _UNIGRAM_WORDS // total, 1) for count in repeats]


def _repeated(words: list[str], repeats: list[int]) -> Iterator[str]:
    """Yield chunks that contain each word as often as it occurs, because the trainers accept only text."""
    for word, count in zip(words, repeats, strict=True):
        while count > 0:
            yield _DELIMITER.join([word] * min(count, _WORDS_PER_CHUNK))
            count -= _WORDS_PER_CHUNK


def _canonical(tokenizer: Tokenizer, reserved: Sequence[str], max_size: int) -> models.Unigram:
    """Return the trained Unigram model in a form that is equal for all runs, with at most ``max_size`` subwords.

    The trainer keeps every character, and therefore may exceed the requested size.
    """
    vocabulary = json.loads(tokenizer.to_str())["model"]["vocab"]
    scores: dict[str, float] = {token: score for token, score in vocabulary[len(reserved) :] if token not in reserved}
    dropped = _dropped_characters(scores)
    scores |= dict(zip(sorted(dropped), sorted(scores[character] for character in dropped), strict=True))
    # Adding zero turns -0.0 into 0.0, which is written differently.
    learned = [(token, round(score, _SCORE_DECIMALS) + 0.0) for token, score in scores.items()]
    best_first = sorted(learned, key=lambda entry: (-entry[1], entry[0]))
    # All characters are selected, and then the other subwords with the highest scores.
    selected = sorted(best_first, key=lambda entry: len(entry[0]) > 1)[:max_size]
    learned = sorted(selected, key=lambda entry: (-entry[1], entry[0]))
    return models.Unigram([*((token, 0.0) for token in reserved), *learned], reserved.index(UNK_TOKEN), False)


def _dropped_characters(scores: dict[str, float]) -> list[str]:
    """Return the characters that training dropped and the trainer restored, each a step above the previous one."""
    lowest = min(scores.values())
    steps = {token: (score - lowest) / _SCORE_STEP for token, score in scores.items() if len(token) == 1}
    return [token for token, step in steps.items() if abs(step - round(step)) < _STEP_NOISE]
