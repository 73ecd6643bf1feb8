"""Chinese words as jieba finds them, with jieba's dictionary and probabilities.

For the version of jieba that it was compared with, the search for the most probable words is a loop of this module: it
adds the same logarithms in the same order, so that the words are the same, in about a third of the time. Any other
version segments by itself.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from math import inf, log
from threading import Lock
from typing import Any

from tokemb.errors import ArgumentError, MissingPackageError

# The version whose rules `_Words` implements.
_KNOWN_VERSION = "0.42.1"

# The score of the beginning of a word that is not a word itself. The scores of words are logarithms of shares.
_PREFIX = 1.0

# Runs of characters without words of the dictionary repeat often.
_CACHED_RUNS = 1 << 16

_lock = Lock()


def open_segmenter(user_dictionary: bytes | None) -> Callable[[str], Iterable[str]]:
    """Return a function that splits a text into words.

    Args:
        user_dictionary: A dictionary in the format of jieba: a word per line, optionally with a count and a tag.

    Raises:
        ArgumentError: If jieba rejects the dictionary.
    """
    jieba, finalseg = _import_jieba()
    # Not the tokenizer that jieba's functions share, which other code may have changed.
    tokenizer = jieba.Tokenizer()
    with _lock:
        shared, finalseg.Force_Split_Words = finalseg.Force_Split_Words, set()
        try:
            _load(jieba, tokenizer, user_dictionary)
            split_words = finalseg.Force_Split_Words
        finally:
            finalseg.Force_Split_Words = shared
    if jieba.__version__ != _KNOWN_VERSION:
        return tokenizer.lcut
    return _Words(jieba, finalseg, tokenizer, split_words).cut


def _import_jieba() -> tuple[Any, Any]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # invalid escapes in its sources, and its use of pkg_resources
        try:
            import jieba
            from jieba import finalseg
        except ImportError as error:
            raise MissingPackageError("the segmenter jieba is not installed: pip install tokemb[jieba]") from error
    return jieba, finalseg


def _load(jieba: Any, tokenizer: Any, user_dictionary: bytes | None) -> None:  # noqa: ANN401 - untyped modules
    # Not with jieba's own method, which trusts a file in the folder of temporary files, whatever version wrote it.
    tokenizer.FREQ, tokenizer.total = tokenizer.gen_pfdict(tokenizer.get_dict_file())
    tokenizer.initialized = True
    if user_dictionary is not None:
        _check_lines(user_dictionary)
        tokenizer.load_userdict(io.BytesIO(user_dictionary))


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

    def __init__(self, jieba: Any, finalseg: Any, tokenizer: Any, split_words: set[str]) -> None:  # noqa: ANN401
        total = log(tokenizer.total)
        self._scores = {word: log(count) - total if count else _PREFIX for word, count in tokenizer.FREQ.items()}
        self._unknown_score = log(1) - total
        self._split_words = split_words
        self._words, self._spaces = jieba.re_han_default, jieba.re_skip_default
        self._finalseg = finalseg
        self._model = _Model(finalseg)
        self._new_words: Callable[[str], tuple[str, ...]] = lru_cache(_CACHED_RUNS)(self._find_new_words)

    def cut(self, text: str) -> list[str]:
        words: list[str] = []
        for index, block in enumerate(self._words.split(text)):
            if index % 2:  # what the group of the expression matched
                self._cut_block(block, words)
            else:
                for part in self._spaces.split(block):
                    words.extend([part] if self._spaces.match(part) else part)
        return words

    def _cut_block(self, block: str, words: list[str]) -> None:
        ends = self._word_ends(block)
        start = first = 0  # of a word, and of the run of single characters before it
        size = len(block)
        while start < size:
            end = ends[start]
            if end - start > 1:
                self._append_run(block[first:start], words)
                words.append(block[start:end])
                first = end
            start = end
        self._append_run(block[first:], words)

    def _append_run(self, run: str, words: list[str]) -> None:
        """Append the words of a run of characters, in which the dictionary has no word of several characters."""
        if len(run) < 2 or self._scores.get(run, _PREFIX) != _PREFIX:
            words.extend(run)
        else:
            words.extend(self._new_words(run))

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
                if score < 0:
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
