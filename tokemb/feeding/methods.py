"""The methods of ``Encoder`` that feed Keras models."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    import pyarrow as pa
    import tensorflow as tf

    from tokemb.encoder import Encoder
    from tokemb.feeding.py_dataset import EncodedBatches


class FeedingMethods:
    """Texts and labels to the batches that ``model.fit`` takes. See docs/keras.md."""

    def dataset(
        self,
        texts: Path | Iterable[Any] | Callable[[], Iterator[pa.RecordBatch]],
        labels: Any = None,  # noqa: ANN401 - any column of numbers
        *,
        column: str | None = None,
        classes: Sequence[str] | None = None,
        batch_size: int = 32,
        shuffle: bool = False,
        seed: int | None = None,
        bucket: bool | Sequence[int] = False,
        maxlen: int | None = None,
        padding: str | None = None,
        truncating: str | None = None,
        drop_remainder: bool = False,
        buffer: int | None = None,
        threads: int | None = None,
    ) -> tf.data.Dataset:
        """Make a ``tf.data.Dataset`` of texts and labels, for ``fit``, ``evaluate`` and ``predict``.

        ``texts``: as ``encode`` takes them, or a function that gives record batches as ``tokemb.read_corpus`` does.
        ``labels``: a column of numbers, one or several a row; of files and record batches also the name of theirs.
        ``column``: of files, the one that holds the texts. ``classes``: labels are strings, and these their order.
        ``shuffle``: whether rows come in another random order in each pass; ``seed`` makes the passes repeatable.
        ``bucket``: ``True`` puts rows of similar length together, which are padded to the longest of their batch;
        lengths that ascend, as ``[64, 256]``, are those that rows are padded to, the ones that fit the same together.
        ``maxlen``, ``padding``, ``truncating``, ``threads``: as for ``encode``; without ``maxlen`` a batch is as long
        as its longest row, and with ``bucket`` rows are cut to it but not padded to it.
        ``drop_remainder``: whether rows that make no whole batch are left out.
        ``buffer``: how many rows to hold in memory, for files that are larger; they are read anew for each pass, and
        shuffled so many at a time. ``None`` to encode all once, and hold the ids.

        Gives ids int32 (batch, maxlen), or pairs of them and labels (batch, ...): float32, or the whole numbers' dtype.
        Raises ``ArgumentError`` for settings and labels that cannot be; for texts what ``encode`` raises.
        """
        from tokemb.feeding.settings import FeedSettings
        from tokemb.feeding.tf_dataset import make_dataset

        rows = maxlen, padding, truncating, drop_remainder, threads
        settings = FeedSettings(column, classes, batch_size, shuffle, seed, bucket, *rows)
        return make_dataset(cast("Encoder", self), texts, labels, settings, buffer)

    def py_dataset(
        self,
        texts: Path | Iterable[Any] | Callable[[], Iterator[pa.RecordBatch]],
        labels: Any = None,  # noqa: ANN401
        *,
        column: str | None = None,
        classes: Sequence[str] | None = None,
        batch_size: int = 32,
        shuffle: bool = False,
        seed: int | None = None,
        bucket: bool | Sequence[int] = False,
        maxlen: int | None = None,
        padding: str | None = None,
        truncating: str | None = None,
        drop_remainder: bool = False,
        threads: int | None = None,
    ) -> EncodedBatches:
        """Make a ``keras.utils.PyDataset`` of texts and labels, for any backend of Keras; TensorFlow is not needed.

        The arguments, batches and errors are those of ``dataset``, and so are the passes of a seed.
        """
        from tokemb.feeding.py_dataset import make_py_dataset
        from tokemb.feeding.settings import FeedSettings

        rows = maxlen, padding, truncating, drop_remainder, threads
        settings = FeedSettings(column, classes, batch_size, shuffle, seed, bucket, *rows)
        return make_py_dataset(cast("Encoder", self), texts, labels, settings)
