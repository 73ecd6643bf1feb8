"""From texts to ids, and to counts: the ways there are, and the choice between them.

A way turns an Arrow array of texts into a ``Ragged`` of ids, before any truncation, padding or special tokens. What the
ids are is defined by the ``tokenizers`` library; a way only decides how fast they come.
"""

from __future__ import annotations

from typing import Protocol

import pyarrow as pa
from tokenizers import Tokenizer

from tokemb.engine import reference
from tokemb.engine.tally import Tally
from tokemb.profiles import Profile
from tokemb.ragged import Ragged
from tokemb.specification import Specification


class Way(Protocol):
    """One way of turning texts into ids."""

    def encode(self, texts: pa.LargeStringArray) -> Ragged:
        """The ids of ``texts``, ``large_string`` (rows,), as a ``Ragged`` of as many rows."""


def choose(specification: Specification, tokenizer: Tokenizer, unknown_id: int | None = None) -> Way:
    """The fastest way that gives the ids of ``tokenizer``, made from ``specification``, without truncation and padding.

    ``unknown_id``: an id that no token has, for the unknown tokens of a word-level model that has none for them.
    """
    if unknown_id is not None:
        return reference.Reference(reference.mark_unknown(specification, unknown_id))
    return reference.Reference(tokenizer)


def count(texts: pa.LargeStringArray, profile: Profile) -> Tally:
    """Count the tokens of ``texts``, ``large_string`` (rows,), split by ``profile``."""
    return reference.count(texts, profile)
