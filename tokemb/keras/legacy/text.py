"""``keras.preprocessing.text``, which Keras 3 took out: the ``Tokenizer`` and what belongs to it.

Many texts are counted and looked up by tokemb's engine; the results are those of the original.
"""

from __future__ import annotations

import hashlib
import json
import warnings
from collections import Counter, OrderedDict, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from itertools import chain, repeat
from math import inf
from operator import add
from typing import Any

import pyarrow as pa

from tokemb.engine import TokenCounter
from tokemb.errors import ArgumentError
from tokemb.keras.legacy.bag_of_words import Float64, count_matrix
from tokemb.keras.legacy.splitting import FILTERS, Splitting, chunks, profile_of, split_words
from tokemb.keras.legacy.word_lookup import WordLookup
from tokemb.rows.threads import thread_count

__all__ = ["Tokenizer", "hashing_trick", "one_hot", "text_to_word_sequence", "tokenizer_from_json"]

Analyzer = Callable[[str], Iterable[Any]]


def text_to_word_sequence(input_text: str, filters: str = FILTERS, lower: bool = True, split: str = " ") -> list[str]:
    """Split a text into words.

    Every character in ``filters`` becomes ``split``, at which the text is split; ``lower`` is done before.

    >>> text_to_word_sequence("Deep learning, is very-deep!")
    ['deep', 'learning', 'is', 'very', 'deep']
    """
    return split_words(input_text, filters, lower, split)


def one_hot(
    input_text: str,
    n: int,
    filters: str = FILTERS,
    lower: bool = True,
    split: str = " ",
    analyzer: Analyzer | None = None,
) -> list[int]:
    """``hashing_trick`` with Python's ``hash``, which is another in every process."""
    return hashing_trick(input_text, n, hash, filters, lower, split, analyzer)


def hashing_trick(
    text: str,
    n: int,
    hash_function: Callable[[Any], int] | str | None = None,
    filters: str = FILTERS,
    lower: bool = True,
    split: str = " ",
    analyzer: Analyzer | None = None,
) -> list[int]:
    """Turn the words of a text into numbers from 1 to ``n - 1`` by their hashes; different words may share one.

    ``hash_function``: ``"md5"``, which is the same everywhere, or a function of a word; ``None`` for ``hash``.
    ``analyzer``: splits the text, in place of ``filters``, ``lower`` and ``split``.

    >>> hashing_trick("deep learning is deep", 10, "md5")
    [8, 1, 3, 8]
    """
    words = split_words(text, filters, lower, split) if analyzer is None else analyzer(text)
    function: Any = hash if hash_function is None else _md5 if hash_function == "md5" else hash_function
    return [function(word) % (n - 1) + 1 for word in words]


def _md5(word: str) -> int:
    return int(hashlib.md5(word.encode()).hexdigest(), 16)


def _add(counted: dict[Any, int], keys: Collection[Any], counts: Iterable[int]) -> None:
    """Add ``counts`` to those of ``keys``, each of which is there once."""
    counted.update(zip(keys, map(add, map(counted.get, keys, repeat(0)), counts), strict=True))


class Tokenizer:
    """Words to ids by frequency: ``fit_on_texts``, then ``texts_to_sequences`` or ``texts_to_matrix``.

    ``num_words``: ids from this up are left out, or become that of ``oov_token``; ``word_index`` keeps them.
    ``filters``, ``lower``, ``split``: as in ``text_to_word_sequence``.
    ``char_level``: every character is a token; ``filters`` and ``split`` have no part in it.
    ``oov_token``: the token of id 1, which stands for unknown ones; without, they are left out.
    ``analyzer``: splits a text, in place of the settings above.
    ``document_count`` may be given too, and ``nb_words``, with a warning, for ``num_words``.

    Everywhere ``texts`` are an iterable of ``str``, or of lists of tokens, which ``lower`` alone applies to.

    ``word_counts``, ``word_docs``: occurrences of every word and rows that hold it, in order of first appearance.
    ``word_index``, ``index_word``: ids by word, from 1 by count, and the other way round. ``index_docs``: rows by id.
    ``document_count``: rows fitted on.

    >>> tokenizer = Tokenizer(oov_token="<unk>")
    >>> tokenizer.fit_on_texts(["deep learning is very deep"])
    >>> tokenizer.word_index
    {'<unk>': 1, 'deep': 2, 'learning': 3, 'is': 4, 'very': 5}
    >>> tokenizer.texts_to_sequences(["Deep learning is not magic"])
    [[2, 3, 4, 1, 1]]
    """

    def __init__(
        self,
        num_words: int | None = None,
        filters: str = FILTERS,
        lower: bool = True,
        split: str = " ",
        char_level: bool = False,
        oov_token: Any = None,  # noqa: ANN401 - a token, which is what a row of tokens may hold
        analyzer: Analyzer | None = None,
        **kwargs: Any,  # noqa: ANN401
    ) -> None:
        if "nb_words" in kwargs:
            warnings.warn("the argument nb_words of Tokenizer is now called num_words", stacklevel=2)
            num_words = kwargs.pop("nb_words")
        self.document_count: int = kwargs.pop("document_count", 0)
        if kwargs:
            raise TypeError(f"Tokenizer has no arguments {', '.join(kwargs)}")
        self.num_words = num_words
        self.filters = filters
        self.lower = lower
        self.split = split
        self.char_level = char_level
        self.oov_token = oov_token
        self.analyzer = analyzer
        self.word_counts: dict[Any, int] = OrderedDict()
        self.word_docs: dict[Any, int] = defaultdict(int)
        self.index_docs: dict[int, int] = defaultdict(int)
        self.word_index: dict[Any, int] = {}
        self.index_word: dict[int, Any] = {}
        self._lookup: WordLookup | None = None

    # Fitting

    def fit_on_texts(self, texts: Iterable[Any]) -> None:
        """Count the words of ``texts``, besides those counted before, and number all of them anew."""
        for rows in chunks(texts):
            words, counts, documents = self._count(rows)
            _add(self.word_counts, words, counts)
            _add(self.word_docs, words, documents)
            self.document_count += len(rows)
        by_count = sorted(self.word_counts, key=self.word_counts.__getitem__, reverse=True)
        words = by_count if self.oov_token is None else [self.oov_token, *by_count]
        # A word that is the oov_token too keeps the later of its two ids.
        self.word_index = dict(zip(words, range(1, len(words) + 1), strict=True))
        self.index_word = {index: word for word, index in self.word_index.items()}
        self.index_docs.update(
            zip(map(self.word_index.__getitem__, self.word_docs), self.word_docs.values(), strict=True)
        )

    def fit_on_sequences(self, sequences: Sequence[Iterable[int]]) -> None:
        """Count in how many ``sequences`` each id is, for ``sequences_to_matrix`` with the mode tfidf."""
        self.document_count += len(sequences)
        documents = Counter(chain.from_iterable(map(dict.fromkeys, sequences)))
        _add(self.index_docs, documents.keys(), documents.values())

    def _count(self, rows: list[Any]) -> tuple[Collection[Any], Iterable[int], Iterable[int]]:
        """The words of ``rows`` in order of first appearance, how often each occurs, and in how many rows."""
        column = self._column(rows)
        if column is not None:
            counter = TokenCounter(profile_of(self._splitting), thread_count())
            counter.add(column)
            tally = counter.result()
            return tally.tokens.to_pylist(), tally.counts.tolist(), tally.documents.tolist()
        words = [list(self._words(row)) for row in rows]
        counts = Counter(chain.from_iterable(words))
        documents = Counter(chain.from_iterable(map(dict.fromkeys, words)))  # of the same order
        return counts.keys(), counts.values(), documents.values()

    # Texts to ids and back

    def texts_to_sequences(self, texts: Iterable[Any]) -> list[list[int]]:
        """Turn ``texts`` into lists of ids; unknown words become that of ``oov_token``, or are left out."""
        return list(self.texts_to_sequences_generator(texts if isinstance(texts, list) else list(texts)))

    def texts_to_sequences_generator(self, texts: Iterable[Any]) -> Iterator[list[int]]:
        """``texts_to_sequences``, a row at a time; of an iterator no more is read than is asked for."""
        for rows in chunks(texts) if isinstance(texts, list) else ([row] for row in texts):
            column = self._column(rows)
            lookup = None if column is None else self._lookup_of_words()
            if lookup is None:
                yield from map(self._ids, rows)
                continue
            limit, unknown = self._limit, self.word_index.get(self.oov_token)
            ids = (index if index < limit else unknown for index in lookup.word_index.values())
            yield from lookup.sequences(column, [*ids, unknown])

    def sequences_to_texts(self, sequences: Iterable[Iterable[int]]) -> list[str]:
        """Turn lists of ids into texts, the words joined by spaces; other ids as in ``texts_to_sequences``."""
        return list(self.sequences_to_texts_generator(sequences))

    def sequences_to_texts_generator(self, sequences: Iterable[Iterable[int]]) -> Iterator[str]:
        """``sequences_to_texts``, a row at a time."""
        unknown = self.word_index.get(self.oov_token)
        limit = self._limit
        for sequence in sequences:
            words = []
            for index in sequence:
                word = self.index_word.get(index)
                if word is None:
                    if self.oov_token is not None:
                        words.append(self.index_word[unknown])  # type: ignore[index]  # a KeyError if not fitted
                elif index < limit:
                    words.append(word)
                elif unknown is not None:
                    words.append(self.index_word[unknown])
            yield " ".join(words)

    def _ids(self, row: Any) -> list[int]:  # noqa: ANN401
        unknown: Any = self.word_index.get(self.oov_token)
        limit = self._limit
        ids = []
        for word in self._words(row):
            index = self.word_index.get(word)
            if index is None:
                if self.oov_token is not None:
                    ids.append(unknown)
            elif index < limit:
                ids.append(index)
            elif unknown is not None:
                ids.append(unknown)
        return ids

    @property
    def _limit(self) -> float:
        """Ids from this up are not given."""
        return self.num_words or inf

    def _words(self, row: Any) -> Iterable[Any]:  # noqa: ANN401
        if isinstance(row, list):
            return [token.lower() for token in row] if self.lower else row
        if self.char_level:
            return row.lower() if self.lower else row
        return split_words(row, self.filters, self.lower, self.split) if self.analyzer is None else self.analyzer(row)

    @property
    def _splitting(self) -> Splitting:
        return Splitting(self.filters, bool(self.lower), self.split, bool(self.char_level))

    def _column(self, rows: list[Any]) -> pa.LargeStringArray | None:
        """``rows`` for the engine, or ``None`` if Python is to split them."""
        return self._splitting.column(rows) if self.analyzer is None or self.char_level else None

    def _lookup_of_words(self) -> WordLookup | None:
        """Looks up the words of the ``word_index`` that there is now; ``None`` if only Python can."""
        if self._lookup is None or not self._lookup.is_of(self.word_index, self._splitting):
            plain = {*map(type, self.word_index)} <= {str} and {*map(type, self.word_index.values())} <= {int}
            if not plain or (self.oov_token is not None and self.oov_token not in self.word_index):
                return None
            try:
                self._lookup = WordLookup(self.word_index, self._splitting)
            except UnicodeEncodeError:  # a word with a lone surrogate
                return None
        return self._lookup

    # Matrices

    def texts_to_matrix(self, texts: Iterable[Any], mode: str = "binary") -> Float64:
        """``sequences_to_matrix`` of ``texts_to_sequences``."""
        return self.sequences_to_matrix(self.texts_to_sequences(texts), mode=mode)

    def sequences_to_matrix(self, sequences: Sequence[Sequence[int]], mode: str = "binary") -> Float64:
        """Turn lists of ids into bags of words, one a row.

        ``mode``: ``"binary"`` (1 for each id in the row), ``"count"`` (how often it occurs), ``"freq"`` (that divided
        by the length of the row), or ``"tfidf"`` ((1 + log(count)) * log(1 + rows / (1 + rows with the id)), with
        the rows that were fitted).

        Returns float64 (rows, ``num_words``), or (rows, words + 1) without ``num_words``; column ``j`` is id ``j``.
        Raises ``ArgumentError`` for another mode, and if nothing was fitted that it needs.
        """
        if not self.num_words and not self.word_index:
            raise ArgumentError("a matrix needs a width: set num_words, or call fit_on_texts first")
        if mode == "tfidf" and not self.document_count:
            raise ArgumentError("the mode tfidf needs counts: call fit_on_texts or fit_on_sequences first")
        columns = self.num_words or len(self.word_index) + 1
        return count_matrix(sequences, columns, mode, self.index_docs, self.document_count)

    # Keeping

    def get_config(self) -> dict[str, Any]:
        """All that ``to_json`` keeps: the settings but ``analyzer``, and what was counted, as JSON each."""
        settings = ("num_words", "filters", "lower", "split", "char_level", "oov_token", "document_count")
        counted = ("word_counts", "word_docs", "index_docs", "index_word", "word_index")
        return {
            **{name: getattr(self, name) for name in settings},
            **{name: json.dumps(getattr(self, name)) for name in counted},
        }

    def to_json(self, **kwargs: Any) -> str:  # noqa: ANN401
        """The tokenizer as JSON, for ``tokenizer_from_json``, here or of Keras; ``kwargs`` go to ``json.dumps``."""
        return json.dumps({"class_name": type(self).__name__, "config": self.get_config()}, **kwargs)

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_lookup": None}


def tokenizer_from_json(json_string: str) -> Tokenizer:
    """The tokenizer that ``to_json``, here or of Keras, wrote."""
    config = json.loads(json_string)["config"]
    word_counts, word_docs, word_index, index_docs, index_word = (
        json.loads(config.pop(name)) for name in ("word_counts", "word_docs", "word_index", "index_docs", "index_word")
    )
    tokenizer = Tokenizer(**config)
    tokenizer.word_counts, tokenizer.word_docs, tokenizer.word_index = word_counts, word_docs, word_index
    # The keys of a JSON object are strings.
    tokenizer.index_docs = {int(index): documents for index, documents in index_docs.items()}
    tokenizer.index_word = {int(index): word for index, word in index_word.items()}
    return tokenizer
