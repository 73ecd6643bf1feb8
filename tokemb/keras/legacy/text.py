"""The module ``keras.preprocessing.text``, which Keras 3 removed: the ``Tokenizer`` and its functions.

tokemb's engine counts and looks up large inputs. The results are those of the original.
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

from tokemb._arrays import Float64
from tokemb.engine import TokenCounter
from tokemb.errors import ArgumentError
from tokemb.keras.legacy.bag_of_words import count_matrix
from tokemb.keras.legacy.splitting import Splitting, chunks, profile_of, split_words
from tokemb.keras.legacy.word_lookup import WordLookup
from tokemb.rows.threads import thread_count
from tokemb.vocabulary.expressions import KERAS_FILTERS

__all__ = ["Tokenizer", "hashing_trick", "one_hot", "text_to_word_sequence", "tokenizer_from_json"]

Analyzer = Callable[[str], Iterable[Any]]


def text_to_word_sequence(
    input_text: str, filters: str = KERAS_FILTERS, lower: bool = True, split: str = " "
) -> list[str]:
    """Split a text into words.

    Args:
        input_text: The text.
        filters: The characters that are replaced by ``split``.
        lower: Whether to lowercase the text first.
        split: The separator of words.

    Example:
        >>> text_to_word_sequence("Deep learning, is very-deep!")
        ['deep', 'learning', 'is', 'very', 'deep']
    """
    return split_words(input_text, filters, lower, split)


def one_hot(
    input_text: str,
    n: int,
    filters: str = KERAS_FILTERS,
    lower: bool = True,
    split: str = " ",
    analyzer: Analyzer | None = None,
) -> list[int]:
    """Call ``hashing_trick`` with Python's ``hash``, which differs between processes."""
    return hashing_trick(input_text, n, hash, filters, lower, split, analyzer)


def hashing_trick(
    text: str,
    n: int,
    hash_function: Callable[[Any], int] | str | None = None,
    filters: str = KERAS_FILTERS,
    lower: bool = True,
    split: str = " ",
    analyzer: Analyzer | None = None,
) -> list[int]:
    """Map the words of a text to integers from 1 to ``n - 1`` by their hashes. Different words may share an integer.

    Args:
        text: The text.
        n: The number of integers plus one.
        hash_function: ``"md5"``, which is the same in every process, or a function of a word. ``None`` uses ``hash``.
        filters: As for ``text_to_word_sequence``.
        lower: As for ``text_to_word_sequence``.
        split: As for ``text_to_word_sequence``.
        analyzer: A function that splits the text, instead of ``filters``, ``lower`` and ``split``.

    Example:
        >>> hashing_trick("deep learning is deep", 10, "md5")
        [8, 1, 3, 8]
    """
    words = split_words(text, filters, lower, split) if analyzer is None else analyzer(text)
    function: Any = hash if hash_function is None else _md5 if hash_function == "md5" else hash_function
    return [function(word) % (n - 1) + 1 for word in words]


def _md5(word: str) -> int:
    return int(hashlib.md5(word.encode()).hexdigest(), 16)


def _add(totals: dict[Any, int], keys: Collection[Any], counts: Iterable[int]) -> None:
    """Add ``counts`` to the totals of distinct ``keys``."""
    totals.update(zip(keys, map(add, map(totals.get, keys, repeat(0)), counts), strict=True))


class Tokenizer:
    """Map words to ids by frequency: ``fit_on_texts``, then ``texts_to_sequences`` or ``texts_to_matrix``.

    The ``texts`` of all methods are an iterable of ``str``, or of lists of tokens, to which only ``lower`` applies.

    Attributes:
        word_counts: The number of occurrences of each word, in order of first appearance.
        word_docs: The number of rows that contain each word.
        word_index: The id of each word, from 1, by descending count.
        index_word: The word of each id.
        index_docs: The number of rows that contain each id.
        document_count: The number of rows in the corpus.

    Example:
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
        filters: str = KERAS_FILTERS,
        lower: bool = True,
        split: str = " ",
        char_level: bool = False,
        oov_token: Any = None,  # noqa: ANN401 - any token of a row of tokens
        analyzer: Analyzer | None = None,
        **kwargs: Any,  # noqa: ANN401
    ) -> None:
        """Initialize the tokenizer.

        Args:
            num_words: The highest id plus one. Higher ids are dropped, or become the id of ``oov_token``. They remain
                in ``word_index``.
            filters: As for ``text_to_word_sequence``.
            lower: As for ``text_to_word_sequence``.
            split: As for ``text_to_word_sequence``.
            char_level: Whether every character is a token. ``filters`` and ``split`` are then not used.
            oov_token: The token of id 1, for words out of vocabulary. ``None`` drops them.
            analyzer: A function that splits a text, instead of ``filters``, ``lower`` and ``split``.
            **kwargs: ``document_count``, or the deprecated name ``nb_words`` of ``num_words``.
        """
        if "nb_words" in kwargs:
            warnings.warn("nb_words of Tokenizer is deprecated: use num_words", stacklevel=2)
            num_words = kwargs.pop("nb_words")
        self.document_count: int = kwargs.pop("document_count", 0)
        if kwargs:
            raise TypeError(f"Tokenizer has no arguments named {', '.join(kwargs)}")
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

    # Fit

    def fit_on_texts(self, texts: Iterable[Any]) -> None:
        """Add the words of ``texts`` to the counts, and assign new ids to all words."""
        for rows in chunks(texts):
            words, counts, documents = self._count(rows)
            _add(self.word_counts, words, counts)
            _add(self.word_docs, words, documents)
            self.document_count += len(rows)
        by_count = sorted(self.word_counts, key=self.word_counts.__getitem__, reverse=True)
        words = by_count if self.oov_token is None else [self.oov_token, *by_count]
        # A word that equals the oov_token gets the later of its two ids.
        self.word_index = dict(zip(words, range(1, len(words) + 1), strict=True))
        self.index_word = {index: word for word, index in self.word_index.items()}
        self.index_docs.update(
            zip(map(self.word_index.__getitem__, self.word_docs), self.word_docs.values(), strict=True)
        )

    def fit_on_sequences(self, sequences: Sequence[Iterable[int]]) -> None:
        """Count the ``sequences`` that contain each id, for ``sequences_to_matrix`` with the mode tfidf."""
        self.document_count += len(sequences)
        documents = Counter(chain.from_iterable(map(dict.fromkeys, sequences)))
        _add(self.index_docs, documents.keys(), documents.values())

    def _count(self, rows: list[Any]) -> tuple[Collection[Any], Iterable[int], Iterable[int]]:
        """Return the words in order of first appearance, their counts, and the numbers of rows that contain them."""
        column = self._column(rows)
        if column is not None:
            counter = TokenCounter(profile_of(self._splitting), thread_count())
            counter.add(column)
            tally = counter.result()
            return tally.tokens.to_pylist(), tally.counts.tolist(), tally.documents.tolist()
        words = [list(self._words(row)) for row in rows]
        counts = Counter(chain.from_iterable(words))
        documents = Counter(chain.from_iterable(map(dict.fromkeys, words)))  # in the same order
        return counts.keys(), counts.values(), documents.values()

    # Encode and decode

    def texts_to_sequences(self, texts: Iterable[Any]) -> list[list[int]]:
        """Encode texts as lists of ids. Words out of vocabulary become the id of ``oov_token``, or are dropped."""
        return list(self.texts_to_sequences_generator(texts if isinstance(texts, list) else list(texts)))

    def texts_to_sequences_generator(self, texts: Iterable[Any]) -> Iterator[list[int]]:
        """Yield the rows of ``texts_to_sequences``. An iterator is read one row at a time."""
        for rows in chunks(texts) if isinstance(texts, list) else ([row] for row in texts):
            column = self._column(rows)
            lookup = None if column is None else self._current_lookup()
            if lookup is None:
                yield from map(self._ids, rows)
                continue
            limit, oov_id = self._limit, self.word_index.get(self.oov_token)
            ids = (index if index < limit else oov_id for index in lookup.word_index.values())
            yield from lookup.sequences(column, [*ids, oov_id])

    def sequences_to_texts(self, sequences: Iterable[Iterable[int]]) -> list[str]:
        """Decode lists of ids to words joined by spaces. Other ids are treated as in ``texts_to_sequences``."""
        return list(self.sequences_to_texts_generator(sequences))

    def sequences_to_texts_generator(self, sequences: Iterable[Iterable[int]]) -> Iterator[str]:
        """Yield the texts of ``sequences_to_texts``."""
        oov_id = self.word_index.get(self.oov_token)
        limit = self._limit
        for sequence in sequences:
            words = []
            for index in sequence:
                word = self.index_word.get(index)
                if word is None:
                    if self.oov_token is not None:
                        words.append(self.index_word[oov_id])  # type: ignore[index]  # a KeyError if not fitted
                elif index < limit:
                    words.append(word)
                elif oov_id is not None:
                    words.append(self.index_word[oov_id])
            yield " ".join(words)

    def _ids(self, row: Any) -> list[int]:  # noqa: ANN401
        oov_id: Any = self.word_index.get(self.oov_token)
        limit = self._limit
        ids = []
        for word in self._words(row):
            index = self.word_index.get(word)
            if index is None:
                if self.oov_token is not None:
                    ids.append(oov_id)
            elif index < limit:
                ids.append(index)
            elif oov_id is not None:
                ids.append(oov_id)
        return ids

    @property
    def _limit(self) -> float:
        """The highest id of the output plus one."""
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
        """Return ``rows`` as a column for the engine, or ``None`` if Python must split them."""
        return self._splitting.column(rows) if self.analyzer is None or self.char_level else None

    def _current_lookup(self) -> WordLookup | None:
        """Return a lookup for the current ``word_index``, or ``None`` if the engine does not support it."""
        if self._lookup is None or not self._lookup.matches(self.word_index, self._splitting):
            plain = {*map(type, self.word_index)} <= {str} and {*map(type, self.word_index.values())} <= {int}
            if not plain or (self.oov_token is not None and self.oov_token not in self.word_index):
                return None
            try:
                self._lookup = WordLookup(self.word_index, self._splitting)
            except UnicodeEncodeError:  # a word with a lone surrogate
                return None
        return self._lookup

    # Make matrices

    def texts_to_matrix(self, texts: Iterable[Any], mode: str = "binary") -> Float64:
        """Call ``sequences_to_matrix`` with the result of ``texts_to_sequences``."""
        return self.sequences_to_matrix(self.texts_to_sequences(texts), mode=mode)

    def sequences_to_matrix(self, sequences: Sequence[Sequence[int]], mode: str = "binary") -> Float64:
        """Convert lists of ids to bags of words.

        Args:
            sequences: The lists of ids.
            mode: ``"binary"`` (1 for each id in the row), ``"count"`` (its number of occurrences), ``"freq"`` (the
                count divided by the length of the row), or ``"tfidf"``: (1 + log(count)) * log(1 + N / (1 + n)),
                where N is the number of rows of the corpus, and n those that contain the id.

        Returns:
            float64 array ``(rows, num_words)``, or ``(rows, words + 1)`` without ``num_words``. Column ``j`` is id
            ``j``.

        Raises:
            ArgumentError: If the mode is invalid, or the tokenizer was not fitted.
        """
        if not self.num_words and not self.word_index:
            raise ArgumentError("the number of columns is not known: set num_words, or call fit_on_texts first")
        if mode == "tfidf" and not self.document_count:
            raise ArgumentError("the mode tfidf needs counts: call fit_on_texts or fit_on_sequences first")
        columns = self.num_words or len(self.word_index) + 1
        return count_matrix(sequences, columns, mode, self.index_docs, self.document_count)

    # Save

    def get_config(self) -> dict[str, Any]:
        """Return the content of ``to_json``: the settings without ``analyzer``, and each kind of counts as JSON."""
        settings = ("num_words", "filters", "lower", "split", "char_level", "oov_token", "document_count")
        counts = ("word_counts", "word_docs", "index_docs", "index_word", "word_index")
        return {
            **{name: getattr(self, name) for name in settings},
            **{name: json.dumps(getattr(self, name)) for name in counts},
        }

    def to_json(self, **kwargs: Any) -> str:  # noqa: ANN401
        """Return JSON for ``tokenizer_from_json`` of this module or Keras. ``kwargs`` are those of ``json.dumps``."""
        return json.dumps({"class_name": type(self).__name__, "config": self.get_config()}, **kwargs)

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_lookup": None}


def tokenizer_from_json(json_string: str) -> Tokenizer:
    """Load a tokenizer from the JSON of ``to_json``, of this module or Keras."""
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
