"""The encoder of tables: make, load and save it, and use it with Keras."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tokemb.encoder import Encoder
from tokemb.errors import ArgumentError, TextError
from tokemb.tables.column import Column
from tokemb.tables.fitting import FitSettings, Salt, Setting, fit_columns, hash_columns
from tokemb.tables.selection import Selection
from tokemb.tables.table_encoder import TableEncoder
from tokemb.tables.tables import joined_batches, table_batches
from tokemb.vocabulary.pad_truncate import PadTruncate

if TYPE_CHECKING:
    import tensorflow as tf


class ColumnEncoder(TableEncoder):
    """Encode tables as ids and decode ids as tables, with one vocabulary per column or group of columns.

    A column encoder is made by ``ColumnEncoder.fit``, ``ColumnEncoder.hashing`` or ``ColumnEncoder.load``. In every
    vocabulary of values, id 0 is padding (only in lists), id 1 is out of vocabulary, id 2 is a missing value, and the
    other ids are the values. With buckets, the ids from 1 on are out of vocabulary, and the next one is a missing
    value. Texts are encoded as by an ``Encoder``. Numbers are not encoded: they pass through as float32, and the mean
    of the fitted table takes the place of missing ones.

    Attributes:
        columns: The ``tokemb.tables.Column`` of each column, in order.
        encoders: The ``Encoder`` of each vocabulary.
        vocabularies: The ``Encoder`` of each column but those of numbers, by its name. Columns that share a vocabulary
            have the same encoder.
        rows: The number of rows of the table that the vocabularies were fitted to.

    Example:
        >>> table = {"from": ["ZRH", "LHR", "ZRH"], "to": ["LHR", None, "OSL"], "seats": [2, 2, 1]}
        >>> encoder = ColumnEncoder.fit(table, shared=[["from", "to"]])
        >>> encoder.encode({"from": ["OSL", "SFO"], "to": ["ZRH", ""], "seats": [1, 2]})
        {'from': array([5, 1], dtype=int32), 'to': array([4, 2], dtype=int32), 'seats': array([4, 3], dtype=int32)}
        >>> encoder.vocabularies["from"].vocabulary
        ['', '[UNK]', '[MISSING]', 'LHR', 'ZRH', 'OSL']
        >>> encoder.input_dims, encoder.suggested_dims
        ({'from': 6, 'to': 6, 'seats': 5}, {'from': 4, 'to': 4, 'seats': 4})
    """

    @classmethod
    def fit(
        cls,
        table: Any,  # noqa: ANN401 - anything a user may hold
        *,
        columns: Sequence[str | Sequence[str]] | None = None,
        texts: Iterable[str] | Mapping[str, Encoder | None] = (),
        multi: Iterable[str] | Mapping[str, str | None] = (),
        numbers: Iterable[str] = (),
        shared: Iterable[Sequence[str]] = (),
        max_size: Setting = None,
        min_count: Setting = 1,
        num_oov_buckets: Setting = None,
        hash_buckets: Setting = None,
        salt: Salt = None,
        maxlen: Setting = None,
        padding: str = "post",
        truncating: str = "post",
        profile: str = "words",
        algorithm: str = "word",
        ngrams: int | Sequence[int] | None = None,
        **reading: Any,  # noqa: ANN401
    ) -> ColumnEncoder:
        """Fit vocabularies to the columns of a table.

        The order of the encoded columns is texts, columns, lists of ``multi``, numbers.

        Args:
            table: An Arrow table, a pandas or Polars data frame, a dict of columns, an iterator of record batches, or
                names of files, which are read some megabytes at a time.
            columns: The columns of values to encode. ``None`` for all columns of the table, or none if there are texts,
                lists or numbers. A tuple of columns is one event: ``("skill", "correct")`` is the column
                ``skill_correct`` with tokens like ``7|1``.
            texts: The columns of texts, or a mapping from them to the ``Encoder`` of each. ``None`` in the mapping
                fits a vocabulary. A missing text is an empty one.
            multi: The columns of lists in cells such as ``Comedy|Drama`` or ``["a", "b"]``: a mapping from the column
                to the separator of its values, or to ``None`` if cells are lists as JSON or Python write them. Other
                columns of lists can be among ``columns``.
            numbers: The columns of numbers, which pass through. The mean takes the place of missing numbers.
            shared: Groups of columns that share a vocabulary, for example ``[["from", "to"]]``.
            max_size: The maximum number of values of a vocabulary, without the reserved tokens. An integer for all
                columns, or a mapping from names of columns. It applies to texts and values.
            min_count: The minimum count of a word or value. An integer for all columns, or a mapping.
            num_oov_buckets: The number of ids of values out of vocabulary, as for ``fit_vocab``. An integer for all
                columns, or a mapping.
            hash_buckets: The number of ids of hashing without a vocabulary, as for ``fit_vocab``. The missing value
                gets the next id. An integer for all columns, or a mapping.
            salt: An integer or two for another hash, as for ``fit_vocab``.
            maxlen: The default length of encoded lists and texts. An integer for all columns, or a mapping.
            padding: The default side of padding of lists and texts, ``"pre"`` or ``"post"``.
            truncating: The default side of truncation of lists and texts, ``"pre"`` or ``"post"``.
            profile: How texts are split, as for ``fit_vocab``.
            algorithm: The algorithm that makes the tokens of texts, as for ``fit_vocab``.
            ngrams: The n-grams of the vocabularies of texts, as for ``fit_vocab``.
            **reading: Arguments of ``tokemb.sources.corpus.read_table`` for files: ``format``, ``header``,
                ``delimiter``, ``errors``, ...

        Raises:
            ArgumentError: If an argument is invalid.
            TextTypeError: If ``table`` is not a table, or a column does not hold categories (docs/columns.md).
            TextError: If a column is missing, or a value is not a category, a list or a number, as its column requires.

        Example:
            >>> table = {"title": ["Good tea", "Tea"], "tags": ["hot|new", ""], "price": ["2.5", None]}
            >>> encoder = ColumnEncoder.fit(table, texts=["title"], multi={"tags": "|"}, numbers=["price"])
            >>> encoder.encode({"title": ["good coffee"], "tags": ["new|hot"], "price": [3]})
            {'title': array([[3, 1]], dtype=int32),
             'tags': array([[4, 3]], dtype=int32),
             'price': array([3.], dtype=float32)}
        """
        shape = PadTruncate().override(None, padding, truncating)
        selection = Selection.of(columns, texts, multi, numbers)
        settings = FitSettings(
            shared,
            max_size,
            min_count,
            maxlen,
            num_oov_buckets,
            hash_buckets,
            salt,
            profile,
            algorithm,
            ngrams,
        )
        batches = table_batches(table, selection.parts, cells=selection.cells, **reading)
        fitted, encoders, rows = fit_columns(batches, selection, settings)
        return cls(fitted, encoders, rows=rows, padding=shape.padding, truncating=shape.truncating)

    @classmethod
    def hashing(
        cls,
        table: Any,  # noqa: ANN401
        hash_buckets: Setting,
        *,
        columns: Sequence[str | Sequence[str]] | None = None,
        shared: Iterable[Sequence[str]] = (),
        salt: Salt = None,
        maxlen: Setting = None,
        padding: str = "post",
        truncating: str = "post",
        **reading: Any,  # noqa: ANN401
    ) -> ColumnEncoder:
        """Make an encoder that hashes all values, without fitting vocabularies. The ids are those of ``fit``.

        Args:
            table: A table, as for ``fit``. Only its first rows are read, which tell which columns hold lists.
            hash_buckets: As for ``fit``.
            columns: As for ``fit``.
            shared: As for ``fit``.
            salt: As for ``fit``.
            maxlen: As for ``fit``.
            padding: As for ``fit``.
            truncating: As for ``fit``.
            **reading: As for ``fit``.

        Raises:
            ArgumentError: If an argument is invalid. Other errors are those of ``fit``.

        Example:
            >>> encoder = ColumnEncoder.hashing({"city": ["ZRH"]}, 1000)
            >>> encoder.encode({"city": ["ZRH", "LHR", None]}), encoder.input_dims
            ({'city': array([ 210,  740, 1000], dtype=int32)}, {'city': 1001})
        """
        shape = PadTruncate().override(None, padding, truncating)
        selection = Selection.of(columns)
        first = next(table_batches(table, selection.parts, **reading), None)
        if first is None:
            raise TextError("the columns of a table without rows cannot be hashed, since their kinds are not known")
        hashed, encoders = hash_columns(first, selection.values, shared, hash_buckets, salt, maxlen)
        return cls(hashed, encoders, rows=0, padding=shape.padding, truncating=shape.truncating)

    @classmethod
    def load(cls, path: Path | str) -> ColumnEncoder:
        """Load a folder that ``save`` wrote.

        Raises:
            VocabularyError: If the folder is missing, newer than this library, or was changed.
        """
        from tokemb.tables.folder import read_columns

        content = read_columns(Path(path))
        return cls(
            content.columns,
            content.encoders,
            rows=content.rows,
            padding=content.padding,
            truncating=content.truncating,
        )

    def save(self, path: Path | str, *, force: bool = False) -> None:
        """Write the folder of columns atomically. An existing folder of columns without other files is replaced.

        Args:
            path: The folder.
            force: Whether to replace a read-only folder, too.

        Raises:
            OSError: If ``path`` holds anything else, or cannot be written.
        """
        from tokemb.tables.folder import ColumnsContent, write_columns

        content = ColumnsContent(self.columns, self.encoders, self.rows, self.padding, self.truncating)
        write_columns(content, self.fingerprint, Path(path), force=force)

    def __repr__(self) -> str:
        return f"<ColumnEncoder {', '.join(self.names)}, fingerprint {self.fingerprint[:12]}>"

    def select(self, names: Sequence[str]) -> ColumnEncoder:
        """Return the encoder of some of the columns. The ids are the same.

        Args:
            names: The names of the columns.

        Raises:
            ArgumentError: If a name is unknown.
        """
        for name in names:
            if name not in self.names:
                raise ArgumentError(f"names must be of the columns {', '.join(self.names)}; received {name!r}")
        return self._of([column for column in self.columns if column.name in names])

    def with_maxlen(self, maxlen: Mapping[str, int | None]) -> ColumnEncoder:
        """Return the encoder with other default lengths of lists and texts. The ids are the same."""
        lengths = self.lengths(maxlen)
        return self._of(
            [
                replace(column, maxlen=lengths[column.name]) if column.has_rows_of_ids else column
                for column in self.columns
            ]
        )

    def _of(self, columns: Sequence[Column]) -> ColumnEncoder:
        return ColumnEncoder(columns, self.encoders, rows=self.rows, padding=self.padding, truncating=self.truncating)

    def dataset(
        self,
        table: Any,  # noqa: ANN401
        labels: Any = None,  # noqa: ANN401
        *,
        classes: Sequence[str] | Mapping[str, Sequence[str]] | None = None,
        batch_size: int = 32,
        shuffle: bool = False,
        seed: int | None = None,
        bucket: bool = False,
        maxlen: Setting = None,
        padding: str | None = None,
        truncating: str | None = None,
        drop_remainder: bool = False,
        **reading: Any,  # noqa: ANN401
    ) -> tf.data.Dataset:
        """Make a ``tf.data.Dataset`` of a table for ``fit``, ``evaluate`` and ``predict``. The ids stay in memory.

        Args:
            table: A table, as for ``fit``. Other columns are ignored.
            labels: A column of labels, as for ``Encoder.dataset``, or the name of a column of the table. A mapping from
                names of outputs to these for a model with several outputs.
            classes: The classes in order, if the labels are strings. It may be a mapping if ``labels`` is one.
            batch_size: The number of rows in a batch.
            shuffle: Whether to shuffle the rows in each epoch.
            seed: Seed of the shuffling. Epochs are repeatable with a seed.
            bucket: Whether to group rows of similar length, and to pad each batch to its longest row.
            maxlen: As for ``encode``. ``None`` for the saved length, or that of the longest row of each batch.
            padding: As for ``encode``.
            truncating: As for ``encode``.
            drop_remainder: Whether to drop a last batch with fewer rows.
            **reading: Arguments for files, as for ``fit``.

        Returns:
            A dataset of dicts of arrays by the names of columns, as of ``encode``, or of pairs of them and labels
            ``(batch, ...)``, by the names of outputs if there are several.

        Raises:
            ArgumentError: If an argument or a label is invalid. Errors of tables are those of ``encode``.
        """
        from tokemb.keras.datasets.order import BatchOrder
        from tokemb.tables.dataset import label_arrays, label_columns, make_dataset

        order = BatchOrder.from_settings(batch_size, shuffle, seed, bool(bucket), drop_remainder)
        of_table = label_columns(labels)
        names = dict.fromkeys([*self.parts, *of_table])
        batches = list(table_batches(table, list(names), of_table, self.cells, exact=self.parts, **reading))
        encoded = self.encode_table(batches, maxlen=maxlen, padding=padding, truncating=truncating)
        numbers = label_arrays(labels, joined_batches(batches), classes)
        return make_dataset(encoded, numbers, order, one_length=not bucket)
