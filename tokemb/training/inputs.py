"""What a classifier reads: the texts of one column, or a table of texts, values, lists and numbers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import pyarrow as pa

from tokemb._arrays import Bool, Float32, Int32, Int64
from tokemb.encoder import Encoder
from tokemb.models.embedding_model import EMBEDDING_NAME
from tokemb.rows.ragged import Ragged, take, take_padded
from tokemb.sources.cells import CellParser
from tokemb.tables import ColumnEncoder
from tokemb.tables.encoded_table import EncodedTable
from tokemb.tables.tables import table_batches
from tokemb.training.column_model import column_model, embedding_layers
from tokemb.training.heads import DIM, left_out_ids, text_model
from tokemb.training.token_weights import inverse_document_frequency, token_weights

if TYPE_CHECKING:
    import keras

    from tokemb.training.targets import Target


# Texts are short if 99 % of them have at most so many words.
_SHORT = 32

# Short texts have features of so many tokens at their beginning: they say what a question asks for. Their classifiers
# also have convolutions.
_FIRST_TOKENS = (1, 2, 4, 8)


class Rows(Protocol):
    """Encoded rows, from which padded batches are made."""

    def __len__(self) -> int:
        """Return the number of rows."""

    @property
    def lengths(self) -> Int64:
        """The number of ids of each row, int64 ``(rows,)``, by which rows are grouped."""

    def take(self, rows: Int64) -> Rows:
        """Return the rows at some indices."""

    def batch(self, rows: Int64) -> Any:  # noqa: ANN401 - one array, or one by the name of each input
        """Return the inputs of a model for the rows at some indices."""


@dataclass(frozen=True, eq=False)
class TextRows:
    """The ids of texts.

    Attributes:
        ids: The ids of each row.
        length: The length of all batches. ``None`` pads each batch to its longest row.
        fill_first: Whether padding precedes the ids.
    """

    ids: Ragged
    length: int | None
    fill_first: bool = False

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def lengths(self) -> Int64:
        """The number of ids of each row, int64 ``(rows,)``."""
        return self.ids.lengths

    def take(self, rows: Int64) -> TextRows:
        """Return the rows at some indices."""
        return TextRows(take(self.ids, rows), self.length, self.fill_first)

    def batch(self, rows: Int64) -> Int32:
        """Return the padded ids of the rows at some indices, int32 ``(batch, maxlen)``."""
        return take_padded(self.ids, rows, self.length, fill_first=self.fill_first)


class Inputs(ABC):
    """The vocabulary of the inputs of a model, and how they are encoded.

    Attributes:
        table_columns: The columns of a table to read. ``None`` for texts or sequences of events.
        cells: The parsers of columns of numbers and lists.
        is_short: Whether the inputs are short texts, and the head is ``mean``.
    """

    encoder: Encoder | ColumnEncoder
    table_columns: list[str] | None = None
    cells: Mapping[str, CellParser] = {}
    is_short: bool = False

    @abstractmethod
    def encode(self, rows: Any) -> Rows:  # noqa: ANN401 - texts, or a table
        """Encode rows in memory."""

    @abstractmethod
    def encode_batch(self, batch: pa.RecordBatch) -> Rows:
        """Encode a batch of a file."""

    @abstractmethod
    def used(self, rows: Any) -> Rows:  # noqa: ANN401 - the rows of a subclass
        """Return rows without the ids that the head leaves out, which saves time in training."""

    @property
    @abstractmethod
    def settings(self) -> dict[str, Any]:
        """What ``training.json`` records of the inputs."""

    @abstractmethod
    def is_empty(self, rows: Rows) -> Bool:
        """Return which rows have nothing to predict from, bool ``(rows,)``."""

    @abstractmethod
    def model(self, target: Target, **settings: Any) -> keras.Model:  # noqa: ANN401
        """Make a model that predicts ``target``. The settings are those of ``text_model``."""

    def token_weights(self, rows: Rows, memberships: tuple[Int64, Int64] | None) -> Float32 | None:  # noqa: ARG002
        """Return constant factors of the vectors of tokens, float32 ``(input_dim,)``. ``None`` if there are none.

        Args:
            rows: The rows to train on.
            memberships: The row and the class of each pair of a row and one of its classes. ``None`` for numbers.
        """
        return None

    @abstractmethod
    def text_dim(self, model: keras.Model) -> int | None:
        """Return the embedding dimension of the tokens of texts in a ``model``."""

    @abstractmethod
    def describe(self, batch: pa.RecordBatch, row: int) -> str:
        """Return a row of a batch of a file as a text."""


class TextInputs(Inputs):
    """Texts, or sequences of events."""

    encoder: Encoder

    def __init__(self, encoder: Encoder, head: str, maxlen: int) -> None:
        """Initialize the inputs.

        Args:
            encoder: The vocabulary.
            head: The head of the model.
            maxlen: The length that rows are truncated to.
        """
        self.encoder, self._head, self.maxlen = encoder, head, maxlen
        # This head has weights for each position, and Encoder.encode and exported models pad on the saved side.
        is_flat = head == "flatten"
        self._length, self._fill_first = maxlen if is_flat else None, is_flat and encoder.padding == "pre"
        self.is_short = head == "mean" and maxlen <= _SHORT * len(encoder.ngrams)
        self._first_tokens = _FIRST_TOKENS if self.is_short else ()

    def rows(self, ids: Ragged) -> TextRows:
        """Return truncated ids as rows."""
        return TextRows(ids, self._length, self._fill_first)

    def encode(self, rows: Any) -> TextRows:  # noqa: ANN401
        """Encode texts in memory, as for ``Encoder.encode``."""
        return self.rows(self.encoder.encode_ragged(rows, maxlen=self.maxlen))

    def encode_batch(self, batch: pa.RecordBatch) -> TextRows:
        """Encode the first column of a batch."""
        shape = self.encoder.pad_truncate(self.maxlen, None, None)
        return self.rows(self.encoder.encode_column(batch.column(0), shape).rows)

    def used(self, rows: TextRows) -> TextRows:
        """Return rows without the ids that the head leaves out. The convolutions of short texts read all ids."""
        if self.is_short:
            return rows
        return TextRows(_used_ids(self.encoder, self._head, rows.ids), rows.length, rows.fill_first)

    @property
    def settings(self) -> dict[str, Any]:
        """The lengths of n-grams, that of rows, and the numbers of tokens at their beginning with own features."""
        return {
            "ngrams": list(self.encoder.ngrams),
            "maxlen": self.maxlen,
            "first_tokens": list(self._first_tokens) or None,
        }

    def is_empty(self, rows: Rows) -> Bool:
        """Return which texts have no tokens, bool ``(rows,)``."""
        return rows.lengths == 0

    def model(self, target: Target, **settings: Any) -> keras.Model:  # noqa: ANN401
        """Make a ``text_model``."""
        shape: dict[str, Any] = {"head": self._head, "maxlen": self.maxlen, "first_tokens": self._first_tokens}
        return text_model(self.encoder, target.output, **shape, **settings)

    def token_weights(self, rows: Rows, memberships: tuple[Int64, Int64] | None) -> Float32 | None:
        """Return log-count ratios for the head ``mean``, and inverse document frequencies for the head ``tfidf``."""
        if isinstance(rows, TextRows):
            if self._head == "tfidf":
                return inverse_document_frequency(rows.ids, self.encoder.input_dim)
            if self._head == "mean" and memberships is not None:
                ids = _used_ids(self.encoder, self._head, rows.ids)
                return token_weights(ids, *memberships, self.encoder.input_dim)
        return None

    def text_dim(self, model: keras.Model) -> int | None:
        """Return the embedding dimension of the tokens."""
        return int(model.get_layer(EMBEDDING_NAME).output_dim)

    def describe(self, batch: pa.RecordBatch, row: int) -> str:
        """Return the text of a row."""
        text = batch.column(0)[row].as_py()
        return text if isinstance(text, str) else " ".join(text)


class TableInputs(Inputs):
    """The columns of a table."""

    encoder: ColumnEncoder

    def __init__(self, encoder: ColumnEncoder, head: str) -> None:
        """Initialize the inputs.

        Args:
            encoder: The fitted columns, with the lengths that texts are truncated to.
            head: The head of texts.
        """
        self.encoder, self._head = encoder, head
        self.table_columns, self.cells = encoder.parts, encoder.cells
        self._texts = [column.name for column in encoder.columns if column.kind == "texts"]

    def encode(self, rows: Any) -> EncodedTable:  # noqa: ANN401
        """Encode a table in memory, as for ``ColumnEncoder.encode``."""
        return self._encode(list(table_batches(rows, self.table_columns, cells=self.cells)))

    def encode_batch(self, batch: pa.RecordBatch) -> EncodedTable:
        """Encode a batch of a table."""
        return self._encode([batch])

    def _encode(self, batches: list[pa.RecordBatch]) -> EncodedTable:
        table = self.encoder.encode_table(batches)
        # Lists are padded to the longest of a batch, and texts too, unless the model has weights for each position.
        is_fixed = {name: self._head == "flatten" and name in self._texts for name in table.columns}
        maxlen = {name: table.maxlen[name] if fixed else None for name, fixed in is_fixed.items()}
        return EncodedTable(table.columns, maxlen, table.padding)

    def used(self, rows: EncodedTable) -> EncodedTable:
        """Return rows without the ids of texts that the head leaves out."""
        columns = dict(rows.columns)
        for name in self._texts:
            ids = columns[name]
            if isinstance(ids, Ragged):
                columns[name] = _used_ids(self.encoder.vocabularies[name], self._head, ids)
        return EncodedTable(columns, rows.maxlen, rows.padding)

    @property
    def settings(self) -> dict[str, Any]:
        """What each column holds, and the lengths of n-grams and of rows of texts."""
        lengths = self.encoder.lengths(None)
        return {
            "inputs": {column.name: column.kind for column in self.encoder.columns},
            "ngrams": {name: list(self.encoder.vocabularies[name].ngrams) for name in self._texts},
            "maxlen": {name: lengths[name] for name in self._texts},
        }

    def is_empty(self, rows: Rows) -> Bool:
        """Return ``False`` for all rows: a missing value is an input too."""
        return np.zeros(len(rows), bool)

    def model(self, target: Target, **settings: Any) -> keras.Model:  # noqa: ANN401
        """Make a ``column_model``. There are no pre-trained vectors, and no weights of tokens."""
        for_texts = ("vectors", "trainable", "token_weights", "convolutions")
        settings = {name: value for name, value in settings.items() if name not in for_texts}
        largest = settings["dim"] or DIM
        settings["dims"] = {name: min(size, largest) for name, size in self.encoder.suggested_dims.items()}
        return column_model(self.encoder, target.output, head=self._head, hidden=settings["units"], **settings)

    def text_dim(self, model: keras.Model) -> int | None:
        """Return the embedding dimension of the tokens of texts. ``None`` if there are no texts."""
        layers = embedding_layers(self.encoder)
        return int(model.get_layer(layers[self._texts[0]]).output_dim) if self._texts else None

    def describe(self, batch: pa.RecordBatch, row: int) -> str:
        """Return the columns of a row with their values."""
        values = {name: batch.column(name)[row].as_py() for name in self.table_columns or ()}
        return ", ".join(f"{name}: {value}" for name, value in values.items())


def _used_ids(encoder: Encoder, head: str, ids: Ragged) -> Ragged:
    left_out = left_out_ids(encoder, head)
    return ids.select(~np.isin(ids.values, left_out)) if left_out else ids
