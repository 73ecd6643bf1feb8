"""Chinese words as jieba finds them, with jieba's dictionary and probabilities.

For the version of jieba that it was compared with, the search for the most probable words is a loop of this module: it
adds the same logarithms in the same order, so that the words are the same, in about half the time. Any other version
segments by itself.
"""

from __future__ import annotations

import hashlib
import io
import marshal
import sys
import warnings
from collections.abc import Callable, Iterable, Iterator
from math import inf, log
from threading import Lock
from typing import Any, NamedTuple

from tokemb.errors import ArgumentError, MissingPackageError
from tokemb.kernels import object_cache

# The version whose rules `_Words` implements.
_KNOWN_VERSION = "0.42.1"

# The score of the beginning of a word that is not a word itself. The scores of words are logarithms of shares.
_PREFIX = 1.0

# Parts of texts that are remembered: they repeat, also because a vocabulary is fitted to texts that are encoded next.
_REMEMBERED = 1 << 16

_lock = Lock()


def open_segmenter(user_dictionary: bytes | None) -> Callable[[str], Iterable[str]]:
    """Return a function that splits a text into words.

    Args:
        user_dictionary: A dictionary in the format of jieba: a word per line, optionally with a count and a tag.

    Raises:
        ArgumentError: If jieba rejects the dictionary.
    """
    jieba, finalseg = _import_jieba()
    if jieba.__version__ != _KNOWN_VERSION:
        return _load(jieba, finalseg, user_dictionary)[0].lcut
    return _Words(jieba, finalseg, _cached_scores(jieba, finalseg, user_dictionary)).cut


def _import_jieba() -> tuple[Any, Any]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # invalid escapes in its sources, and its use of pkg_resources
        try:
            import jieba
            from jieba import finalseg
        except ImportError as error:
            raise MissingPackageError("the segmenter jieba is not installed: pip install tokemb[jieba]") from error
    return jieba, finalseg


def _load(jieba: Any, finalseg: Any, user_dictionary: bytes | None) -> tuple[Any, set[str]]:  # noqa: ANN401
    """Return a tokenizer of jieba, and the words of the user dictionary that are to be split into characters."""
    # Not the tokenizer that jieba's functions share, which other code may have changed.
    tokenizer = jieba.Tokenizer()
    # Not with jieba's own method, which trusts a file in the folder of temporary files, whatever version wrote it.
    tokenizer.FREQ, tokenizer.total = tokenizer.gen_pfdict(tokenizer.get_dict_file())
    tokenizer.initialized = True
    if user_dictionary is None:
        return tokenizer, set()
    _check_lines(user_dictionary)
    with _lock:  # jieba has one set of words to split for all tokenizers
        shared, finalseg.Force_Split_Words = finalseg.Force_Split_Words, set()
        try:
            tokenizer.load_userdict(io.BytesIO(user_dictionary))
            return tokenizer, finalseg.Force_Split_Words
        finally:
            finalseg.Force_Split_Words = shared


class _Scores(NamedTuple):
    """The scores of words and of beginnings of words, the score of an unknown character, and the words to split."""

    words: dict[str, float]
    unknown: float
    split: set[str]


def _scores(jieba: Any, finalseg: Any, user_dictionary: bytes | None) -> _Scores:  # noqa: ANN401
    tokenizer, split = _load(jieba, finalseg, user_dictionary)
    total = log(tokenizer.total)
    words = {word: log(count) - total if count else _PREFIX for word, count in tokenizer.FREQ.items()}
    return _Scores(words, log(1) - total, split)


def _cached_scores(jieba: Any, finalseg: Any, user_dictionary: bytes | None) -> _Scores:  # noqa: ANN401
    """Return the scores, for jieba's own dictionary from the cache of machine code, which takes a fifth of the time."""
    if user_dictionary is not None:
        return _scores(jieba, finalseg, user_dictionary)
    with jieba.Tokenizer().get_dict_file() as file:
        digest = hashlib.sha256(file.read()).hexdigest()
    name = f"jieba-{digest[:16]}-{marshal.version}-{sys.implementation.cache_tag}"
    cached = object_cache.read(name)
    if cached is None:
        cached = marshal.dumps(tuple(_scores(jieba, finalseg, None)))
        object_cache.write(name, cached)
    return _Scores(*marshal.loads(cached))


def _check_lines(user_dictionary: bytes) -> None:
    """Raise ``ArgumentError`` for what jieba rejects, with the line, and for a dictionary without words."""
    for number, line in enumerate(user_dictionary.splitlines(), 1):
        try:
            line.decode()
        except UnicodeDecodeError as error:
            raise ArgumentError(
                f"user_dictionary must be a file in UTF-8 for jieba; line {number} is not: {error.reason} "
                f"at byte {error.start}"
            ) from None
    if not user_dictionary.decode().replace("\ufeff", "").strip():
        raise ArgumentError("user_dictionary must contain words, one per line; received a file without words")


class _Words:
    """The words of jieba's default mode, with its hidden Markov model for words that are not in the dictionary."""

    def __init__(self, jieba: Any, finalseg: Any, scores: _Scores) -> None:  # noqa: ANN401
        self._scores, self._unknown_score, self._split_words = scores
        self._words, self._spaces = jieba.re_han_default, jieba.re_skip_default
        self._finalseg = finalseg
        self._model = _Model(finalseg)
        # Without reference cycles through this object, which would keep its dictionary in memory.
        self._new_words: dict[str, tuple[str, ...]] = {}
        self._blocks: dict[str, tuple[str, ...]] = {}

    def cut(self, text: str) -> list[str]:
        words: list[str] = []
        for index, block in enumerate(self._words.split(text)):
            if index % 2:  # what the group of the expression matched
                words += _remember(self._blocks, block, self._cut_block)
            else:
                for part in self._spaces.split(block):
                    words.extend([part] if self._spaces.match(part) else part)
        return words

    def _cut_block(self, block: str) -> tuple[str, ...]:
        words: list[str] = []
        ends = self._word_ends(block)
        start = first = 0  # of a word, and of the run of single characters before it
        size = len(block)
        while start < size:
            end = ends[start]
            if end - start > 1:
                if first < start:
                    self._append_run(block[first:start], words)
                words.append(block[start:end])
                first = end
            start = end
        if first < size:
            self._append_run(block[first:], words)
        return tuple(words)

    def _append_run(self, run: str, words: list[str]) -> None:
        """Append the words of a run of characters, in which the dictionary has no word of several characters."""
        if len(run) < 2 or self._scores.get(run, _PREFIX) != _PREFIX:
            words.extend(run)
        else:
            words += _remember(self._new_words, run, self._find_new_words)

    def _word_ends(self, block: str) -> list[int]:
        """Return the end of the most probable word that starts at each character."""
        get, unknown, size = self._scores.get, self._unknown_score, len(block)
        best = [0.0] * (size + 1)  # the score of the most probable words from each character on
        ends = list(range(1, size + 1))
        for start in range(size - 1, -1, -1):
            end = start + 1
            score = get(block[start])
            highest = -inf
            while score is not None:
                if score <= 0:  # 0 for a word of the user dictionary that is far more frequent than all others
                    score += best[end]
                    if score >= highest:  # of equal scores, the longest word
                        highest, ends[start] = score, end
                if end == size:
                    break
                end += 1
                score = get(block[start:end])
            # A character that no word of the dictionary begins with is a word.
            best[start] = unknown + best[start + 1] if highest == -inf else highest
        return ends

    def _find_new_words(self, run: str) -> tuple[str, ...]:
        """Split a run of characters by the hidden Markov model."""
        words: list[str] = []
        for index, block in enumerate(self._finalseg.re_han.split(run)):
            if index % 2:
                for word in self._model.words(block):
                    words.extend(word if word in self._split_words else [word])
            else:
                words.extend(filter(None, self._finalseg.re_skip.split(block)))
        return tuple(words)


def _remember(found: dict[str, tuple[str, ...]], part: str, cut: Callable[[str], tuple[str, ...]]) -> tuple[str, ...]:
    """Return ``cut(part)``, and keep it in ``found`` while there is room."""
    words = found.get(part)
    if words is None:
        words = cut(part)
        if len(found) < _REMEMBERED:
            found[part] = words
    return words


class _Model:
    """The hidden Markov model of jieba: a character begins, continues or ends a word, or is one."""

    def __init__(self, finalseg: Any) -> None:  # noqa: ANN401
        self._start, self._moves, self._emissions = finalseg.start_P, finalseg.trans_P, finalseg.emit_P
        self._least = finalseg.MIN_FLOAT
        self._of_character: dict[str, tuple[float, ...]] = {}

    def words(self, block: str) -> Iterator[str]:
        start = 0
        for index, state in enumerate(self._states(block)):
            if state in "ES":
                yield block[start : index + 1]
                start = index + 1

    def _states(self, block: str) -> list[str]:
        """Return the most probable state of each character: B, M, E or S. Of equal ones, the last letter, as jieba."""
        moves, known = self._moves, self._of_character
        e_b, s_b, b_m, m_m = moves["E"]["B"], moves["S"]["B"], moves["B"]["M"], moves["M"]["M"]
        b_e, m_e, e_s, s_s = moves["B"]["E"], moves["M"]["E"], moves["E"]["S"], moves["S"]["S"]
        chosen = []
        for index, character in enumerate(block):
            emission = known.get(character) or self._emission(character)
            if not index:
                b, m, e, s = (self._start[state] + value for state, value in zip("BMES", emission, strict=True))
                continue
            to_b, to_m, to_e, to_s = emission
            from_e, from_s = e + e_b + to_b, s + s_b + to_b
            b_before, next_b = ("S", from_s) if from_s >= from_e else ("E", from_e)
            from_b, from_m = b + b_m + to_m, m + m_m + to_m
            m_before, next_m = ("M", from_m) if from_m >= from_b else ("B", from_b)
            from_b, from_m = b + b_e + to_e, m + m_e + to_e
            e_before, next_e = ("M", from_m) if from_m >= from_b else ("B", from_b)
            from_e, from_s = e + e_s + to_s, s + s_s + to_s
            s_before, s = ("S", from_s) if from_s >= from_e else ("E", from_e)
            b, m, e = next_b, next_m, next_e
            chosen.append({"B": b_before, "M": m_before, "E": e_before, "S": s_before})
        state = "S" if s >= e else "E"
        states = [state]
        for before in reversed(chosen):
            state = before[state]
            states.append(state)
        return states[::-1]

    def _emission(self, character: str) -> tuple[float, ...]:
        values = tuple(self._emissions[state].get(character, self._least) for state in "BMES")
        self._of_character[character] = values
        return values
