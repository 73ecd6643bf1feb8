"""The ids of the words of a large vocabulary, without a Python object for each word."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, ValuesView
from functools import cached_property
from itertools import chain

import numpy as np
import pyarrow as pa

from tokemb._arrays import STRINGS, Int64

MANY_WORDS = 1 << 17
"""The number of words up to which a dictionary is used instead: it is faster, and takes little memory."""

_WORDS_AT_A_TIME = 1 << 16


class WordIds(Mapping[str, int]):
    """A map from words to consecutive ids, with the words in Arrow. It takes a tenth of the memory of a dictionary.

    The first lookup of a word makes a dictionary. Fitting, saving and the kernels do not look up words.
    """

    def __init__(self, reserved: Mapping[str, int], words: pa.LargeStringArray, first_id: int) -> None:
        """Initialize the map.

        Args:
            reserved: The ids of the tokens before the words.
            words: Distinct words that are not reserved, ``large_string`` (words,).
            first_id: The id of the first word. The ids of the others follow.
        """
        self._reserved = reserved
        self._words = words
        self._first_id = first_id

    @property
    def tokens(self) -> pa.LargeStringArray:
        """The reserved tokens and the words, ``large_string`` (tokens,)."""
        return pa.concat_arrays([pa.array(list(self._reserved), STRINGS), self._words])

    @property
    def ids(self) -> Int64:
        """The ids of ``tokens``, int64 (tokens,)."""
        return np.fromiter(self.iter_ids(), np.int64, len(self))

    @cached_property
    def _ids_of_words(self) -> dict[str, int]:
        ids = range(self._first_id, self._first_id + len(self._words))
        return dict(zip(self._words.to_pylist(), ids, strict=True))

    def to_dict(self) -> dict[str, int]:
        """Return the ids as a dictionary."""
        return {**self._reserved, **self._ids_of_words}

    def __getitem__(self, token: str) -> int:
        return self._reserved[token] if token in self._reserved else self._ids_of_words[token]

    def __iter__(self) -> Iterator[str]:
        yield from self._reserved
        for start in range(0, len(self._words), _WORDS_AT_A_TIME):
            yield from self._words.slice(start, _WORDS_AT_A_TIME).to_pylist()

    def __len__(self) -> int:
        return len(self._reserved) + len(self._words)

    def iter_ids(self) -> Iterator[int]:
        """Iterate over the ids of the tokens."""
        return chain(self._reserved.values(), range(self._first_id, self._first_id + len(self._words)))

    def values(self) -> ValuesView[int]:
        """Return a view of the ids that needs no dictionary."""
        return _Ids(self)


class _Ids(ValuesView[int]):
    """The ids of a ``WordIds``."""

    def __init__(self, words: WordIds) -> None:
        super().__init__(words)
        self._words = words

    def __iter__(self) -> Iterator[int]:
        return self._words.iter_ids()
