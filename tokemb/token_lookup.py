"""Rows that are tokens already, looked up as they are."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pyarrow as pa

from tokemb.errors import VocabularyError
from tokemb.ragged import Ragged
from tokemb.texts import STRINGS


class TokenLookup:
    """Tokens to ids, without splitting."""

    def __init__(self, ids: Mapping[str, int], unknown_id: int | None) -> None:
        """``ids``: the id of every token. ``unknown_id``: that of all others, if they have one.

        An empty token of id 0 is padding, which no row has: it is unknown.
        """
        known = {token: index for token, index in ids.items() if token or index}
        self._tokens = pa.array(list(known), STRINGS)
        # The id of unknown tokens stands last, where the position -1 finds it.
        self._ids = np.array([*known.values(), unknown_id or 0], np.int32)
        self._has_unknown = unknown_id is not None

    def encode(self, rows: pa.LargeListArray) -> Ragged:
        """The ids of ``rows``, ``large_list<large_string>`` (rows,).

        Raises ``VocabularyError`` for an unknown token if there is no id for them.
        """
        import pyarrow.compute as pc  # here, so that small inputs do not wait for it

        tokens = rows.flatten()
        position = pc.index_in(tokens, value_set=self._tokens)
        if position.null_count and not self._has_unknown:
            token = tokens.filter(position.is_null())[0].as_py()
            raise VocabularyError(f"the vocabulary has no token {token!r}, and no id for unknown tokens")
        ids = self._ids[position.fill_null(-1).to_numpy()]
        return Ragged.from_lengths(ids, rows.value_lengths().to_numpy().astype(np.int64))
