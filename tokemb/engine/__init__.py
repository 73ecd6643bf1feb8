"""From texts to ids: the ways there are, and the choice between them.

A way turns an Arrow array of texts into a ``Ragged`` of ids, before any truncation, padding or special tokens. What the
ids are is defined by the ``tokenizers`` library; a way only decides how fast they come.
"""

from __future__ import annotations

from typing import Protocol

import pyarrow as pa
from tokenizers import Tokenizer

from tokemb.engine.reference import Reference
from tokemb.ragged import Ragged


class Way(Protocol):
    """One way of turning texts into ids."""

    name: str

    def encode(self, texts: pa.LargeStringArray) -> Ragged:
        """The ids of ``texts``, ``large_string`` (rows,), as a ``Ragged`` of as many rows."""


def choose(tokenizer: Tokenizer) -> Way:
    """The fastest way that gives the ids of ``tokenizer``."""
    return Reference(tokenizer)
