"""Subword models, trained by ``tokenizers`` on counted words.

Training on counts instead of text bounds the memory by the distinct words and makes the result independent of the order
of the texts. `tokenizers` itself gives another vocabulary at every run, because its trainers go through their words and
characters in the order of a randomly seeded hash map. That shows in three places, each mended here:

* Characters inside a word (``##x``) are numbered in that order, and ties are broken by those numbers: they are reserved
  in sorted order beforehand.
* Unigram gives characters that its training dropped scores that rise in that order: they are given out again, sorted.
* Unigram sums floating-point numbers in that order: scores are rounded, far above the noise, and sorted again.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow as pa
from tokenizers import Tokenizer, pre_tokenizers
from tokenizers.models import BPE, Model, Unigram, WordPiece
from tokenizers.pre_tokenizers import PreTokenizer
from tokenizers.trainers import BpeTrainer, Trainer, UnigramTrainer, WordPieceTrainer

from tokemb._arrays import Int64
from tokemb.counts.select_tokens import UNK_TOKEN, nothing_left
from tokemb.counts.token_counts import TokenCounts
from tokemb.engine.reference import Reference
from tokemb.errors import ArgumentError
from tokemb.rows.threads import thread_count
from tokemb.sources.texts import slices

DEFAULT_MAX_SIZE = 30_000
CONTINUATION = "##"

# Words are handed to the trainer joined by this, and split at it again. No profile but `chars` leaves it in a token.
_DELIMITER = " "
_PIECE_WORDS = 4096

# The most pieces that UnigramTrainer of tokenizers begins with.
_UNIGRAM_SEEDS = 1_000_000
# UnigramTrainer::finalize in tokenizers adds this much for each character that it puts back.
_SCORE_STEP = 0.0001
_STEP_NOISE = 1e-5
_SCORE_DECIMALS = 4


def add_word_boundary(pre_tokenizer: PreTokenizer, model: str) -> PreTokenizer:
    """``pre_tokenizer`` with what ``model`` needs to know where a word begins.

    BPE and Unigram get the mark ``▁`` in front of each word, as SentencePiece writes it; WordPiece marks continuations.
    """
    if model == "wordpiece":
        return pre_tokenizer
    return pre_tokenizers.Sequence([pre_tokenizer, pre_tokenizers.Metaspace(prepend_scheme="always")])


def train_subwords(model: str, counts: TokenCounts, *, max_size: int, min_count: int, reserved: Sequence[str]) -> Model:
    """Train a ``"bpe"``, ``"wordpiece"`` or ``"unigram"`` model whose first ids are ``reserved``.

    ``max_size``: at most so many tokens besides the reserved ones. Words that occur less than ``min_count`` times are
    left out. Raises ``ArgumentError`` if the characters alone are more than ``max_size``, or a token holds a space;
    ``TextError`` if no word is left.
    """
    words, repeats = _words(counts, min_count)
    characters, continued = _alphabet(words, model)
    if len(characters) + len(continued) > max_size:
        raise ArgumentError(
            f"a {model} model of this text requires max_size of at least {len(characters) + len(continued)}, "
            f"its distinct characters; received {max_size}"
        )
    # The trainers reserve memory for the size they are told, however large; there are no more pieces than this.
    possible = max(sum(map(len, words)), _UNIGRAM_SEEDS) + len(characters) + len(continued)
    tokenizer, trainer = _untrained(model, len(reserved) + min(max_size, possible), [*reserved, *continued])
    tokenizer.pre_tokenizer = _split_words(model)
    tokenizer.train_from_iterator(_repeated(words, repeats), trainer)
    return _canonical(tokenizer, reserved, max_size) if model == "unigram" else tokenizer.model


def count_subwords(model: Model, kind: str, counts: TokenCounts, size: int) -> Int64:
    """How often each id of ``model`` comes up in the counted text, int64 (size,)."""
    tokenizer = Tokenizer(model)
    tokenizer.pre_tokenizer = _split_words(kind)
    reference = Reference(tokenizer)
    result = np.zeros(size, np.int64)
    start = 0
    for words in slices(counts.tokens):
        pieces = reference.encode(words, thread_count())
        np.add.at(result, pieces.values, np.repeat(counts.counts[start : start + len(words)], pieces.lengths))
        start += len(words)
    return result


def _words(counts: TokenCounts, min_count: int) -> tuple[list[str], list[int]]:
    import pyarrow.compute as pc  # here, so that encoding does not wait for it

    keep = (counts.counts >= min_count) & (pc.binary_length(counts.tokens).to_numpy() > 0)
    table = pa.table({"word": counts.tokens, "count": counts.counts}).filter(pa.array(keep)).sort_by("word")
    if not len(table):
        raise nothing_left(counts, min_count)
    words: list[str] = table["word"].to_pylist()
    for word in words:
        if _DELIMITER in word:
            raise ArgumentError(f"a subword model cannot be trained on tokens that hold a space: {word!r:.80}")
    return words, table["count"].to_pylist()


def _alphabet(words: list[str], model: str) -> tuple[set[str], list[str]]:
    """The characters, and for WordPiece those that stand inside a word, marked and sorted."""
    if model == "wordpiece":
        inside = {character for word in words for character in word[1:]}
        return set("".join(words)), [CONTINUATION + character for character in sorted(inside)]
    return {"▁", *"".join(words)}, []


def _untrained(model: str, vocab_size: int, first: list[str]) -> tuple[Tokenizer, Trainer]:
    if model == "bpe":
        bpe = BpeTrainer(vocab_size=vocab_size, special_tokens=first, show_progress=False)
        return Tokenizer(BPE(unk_token=UNK_TOKEN)), bpe
    if model == "wordpiece":
        wordpiece = WordPieceTrainer(vocab_size=vocab_size, special_tokens=first, show_progress=False)
        return Tokenizer(WordPiece(unk_token=UNK_TOKEN, continuing_subword_prefix=CONTINUATION)), wordpiece
    unigram = UnigramTrainer(vocab_size=vocab_size, special_tokens=first, unk_token=UNK_TOKEN, show_progress=False)
    return Tokenizer(Unigram()), unigram


def _split_words(model: str) -> PreTokenizer:
    return add_word_boundary(pre_tokenizers.CharDelimiterSplit(_DELIMITER), model)


def _repeated(words: list[str], repeats: list[int]) -> Iterator[str]:
    """Each word as often as it occurs: the trainers take text only."""
    for word, count in zip(words, repeats, strict=True):
        while count > 0:
            yield _DELIMITER.join([word] * min(count, _PIECE_WORDS))
            count -= _PIECE_WORDS


def _canonical(tokenizer: Tokenizer, reserved: Sequence[str], max_size: int) -> Unigram:
    """The trained Unigram model without what differs from run to run, and within ``max_size``.

    The trainer keeps every character, and then stops adding pieces only if it hits the size exactly.
    """
    vocabulary = json.loads(tokenizer.to_str())["model"]["vocab"]
    scores: dict[str, float] = {token: score for token, score in vocabulary[len(reserved) :] if token not in reserved}
    dropped = _dropped_characters(scores)
    scores |= dict(zip(sorted(dropped), sorted(scores[character] for character in dropped), strict=True))
    # Adding zero turns -0.0, which is written differently, into 0.0.
    learned = [(token, round(score, _SCORE_DECIMALS) + 0.0) for token, score in scores.items()]
    best_first = sorted(learned, key=lambda piece: (-piece[1], piece[0]))
    # Characters stay, whatever their score; of the others the best, as far as there is room.
    kept = sorted(best_first, key=lambda piece: len(piece[0]) > 1)[:max_size]
    learned = sorted(kept, key=lambda piece: (-piece[1], piece[0]))
    return Unigram([*((token, 0.0) for token in reserved), *learned], reserved.index(UNK_TOKEN), False)


def _dropped_characters(scores: dict[str, float]) -> list[str]:
    """The characters that training dropped and the trainer put back, each a step above the one before."""
    lowest = min(scores.values())
    steps = {token: (score - lowest) / _SCORE_STEP for token, score in scores.items() if len(token) == 1}
    return [token for token, step in steps.items() if abs(step - round(step)) < _STEP_NOISE]
