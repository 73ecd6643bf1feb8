"""What an encoder knows of its vocabulary, and what follows from that alone."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any

import numpy.typing as npt
import pyarrow as pa

from tokemb.errors import ArgumentError
from tokemb.folder import table_from_parquet, vocabulary_table
from tokemb.row_shape import RowShape
from tokemb.specification import Specification, fingerprint


class VocabularyProperties:
    """The part of ``Encoder`` that encodes nothing."""

    input_dim: int
    pad_id: int | None
    _specification: Specification
    _known_fingerprint: str | None
    _ids: Mapping[str, int]
    _table: pa.Table | bytes | None
    _shape: RowShape

    @property
    def specification(self) -> Specification:
        """The content of its ``tokenizer.json``, not to be changed."""
        return self._specification

    @cached_property
    def vocabulary(self) -> list[str]:
        """The token of every id, ``input_dim`` of them; ``""`` where an id has none."""
        tokens = [""] * self.input_dim
        for token, index in self._ids.items():
            tokens[index] = token
        return tokens

    @cached_property
    def table(self) -> pa.Table:
        """The vocabulary as a table: ``id`` int32, ``token`` string, ``count`` and ``documents`` int64.

        The last two are null where there is nothing to count or it is not known: for padding, ``[UNK]``, reserved
        tokens that the text does not hold, and foreign vocabularies; ``documents`` also for subword models.
        """
        if isinstance(self._table, bytes):
            return table_from_parquet(self._table, self.input_dim)
        if self._table is None:
            unknown = pa.nulls(self.input_dim, pa.int64())
            return vocabulary_table(self.vocabulary, unknown, unknown)
        return self._table

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256, in hexadecimal, of everything that decides the ids (not truncation and padding)."""
        return self._known_fingerprint or fingerprint(self._specification)

    @property
    def maxlen(self) -> int | None:
        """The length of rows when ``encode`` is not told one: ``None`` for that of the longest row."""
        return self._shape.pad_to

    @property
    def padding(self) -> str:
        """The end that is padded when ``encode`` is not told: ``"pre"`` or ``"post"``."""
        return self._shape.padding

    @property
    def truncating(self) -> str:
        """The end that is cut when ``encode`` is not told: ``"pre"`` or ``"post"``."""
        return self._shape.truncating

    @property
    def splitting(self) -> tuple[dict[str, Any] | None, dict[str, Any] | None]:
        """The ``normalizer`` and ``pre_tokenizer`` of the ``tokenizer.json``."""
        return self._specification.get("normalizer"), self._specification.get("pre_tokenizer")

    def row_shape(self, maxlen: int | None, padding: str | None, truncating: str | None) -> RowShape:
        """How rows are truncated and padded, given what is to differ from the saved settings."""
        return self._shape.override(maxlen, padding, truncating)

    def require_pad_id(self) -> int:
        """``pad_id``; raises ``ArgumentError`` if there is none."""
        if self.pad_id is None:
            raise ArgumentError(
                "this tokenizer names no padding token: use encode_ragged, or "
                "Encoder.from_tokenizer(path, pad_token=...) with one of its tokens"
            )
        return self.pad_id

    def check_ids(self, ids: npt.NDArray[Any]) -> None:
        """Raise ``ArgumentError`` unless all ``ids``, an integer array of any shape, are the vocabulary's."""
        if ids.size and not 0 <= int(ids.min()) <= int(ids.max()) < self.input_dim:
            outside = int(ids.max()) if int(ids.max()) >= self.input_dim else int(ids.min())
            raise ArgumentError(f"ids must be from 0 to {self.input_dim - 1}, the vocabulary's; received {outside}")
