"""The settings of datasets."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tokemb._validation import check_choice, check_count, check_left_out
from tokemb.engine.text_encoder import TextEncoder
from tokemb.errors import ArgumentError
from tokemb.keras.datasets.batches import BatchMaker
from tokemb.keras.datasets.examples import ExampleMaker, Examples, pack_examples
from tokemb.keras.datasets.labels import check_classes
from tokemb.keras.datasets.order import BatchOrder
from tokemb.keras.datasets.targets import TargetRows

_WITH_PACK = "with pack=True, which makes one row of several texts"
_log = logging.getLogger("tokemb")


@dataclass(frozen=True)
class FeedSettings:
    """The arguments of ``Encoder.dataset`` and ``Encoder.py_dataset``, which document them."""

    column: str | None = None
    classes: Sequence[str] | None = None
    batch_size: int = 32
    shuffle: bool = False
    seed: int | None = None
    bucket: bool | Sequence[int] = False
    maxlen: int | None = None
    padding: str | None = None
    truncating: str | None = None
    drop_remainder: bool = False
    threads: int | None = None
    second: Any = None
    pair_truncation: str | None = None
    overlap: int | None = None
    validation_split: float | None = None
    subset: str | None = None
    pack: bool = False
    targets: Any = None
    target_encoder: TextEncoder | None = None
    target_maxlen: int | None = None

    def makers(self, encoder: TextEncoder) -> tuple[ExampleMaker, BatchMaker]:
        """Return the makers of examples and of batches, or raise ``ArgumentError`` if a setting is invalid."""
        order = BatchOrder.from_settings(self.batch_size, self.shuffle, self.seed, self.bucket, self.drop_remainder)
        pairs = self.second is not None
        shape = encoder.row_shape(
            self.maxlen,
            self.padding,
            self.truncating,
            overlap=self.overlap,
            is_pair=pairs,
            pair_truncation=self.pair_truncation,
            pairs_by="second=...",
        )
        target_rows = self._target_rows(encoder)
        examples = ExampleMaker(
            encoder,
            self.column,
            check_classes(self.classes),
            shape,
            self.maxlen,
            self.truncating,
            self.threads,
            self.second if target_rows is None else self.targets,
            self.overlap,
            target_rows,
        )
        template = encoder.pair_template if pairs else None
        return examples, BatchMaker.of(order, shape, encoder.require_pad_id(), template, target_rows)

    def _target_rows(self, encoder: TextEncoder) -> TargetRows | None:
        """Return how target texts become rows. ``None`` if there are none."""
        if self.targets is None:
            why = "without targets: pass targets=..., the target texts"
            check_left_out(why, target_encoder=self.target_encoder, target_maxlen=self.target_maxlen)
            return None
        why = "with targets=...: each row is one text with its target"
        check_left_out(why, second=self.second, overlap=self.overlap, pack=self.pack, classes=self.classes)
        return TargetRows.of(encoder if self.target_encoder is None else self.target_encoder, self.target_maxlen)

    def examples(self, maker: ExampleMaker, texts: Any, labels: Any) -> Examples:  # noqa: ANN401
        """Return the examples of ``subset``, packed if they should be. The errors are those of the dataset."""
        self.check_labels(labels)
        length = self.packed_length(maker)
        examples = self._select(maker.in_memory(texts, labels))
        if length is None:
            return examples
        packed = Examples.concatenate(list(pack_examples([examples], length, self.threads)))
        padding = 1 - len(packed.rows.values) / max(len(packed) * length, 1)
        _log.info(
            "packed %d texts into %d rows of %d ids, %.2f%% padding", len(examples), len(packed), length, 100 * padding
        )
        return packed

    def check_labels(self, labels: Any) -> None:  # noqa: ANN401
        """Raise ``ArgumentError`` if there are labels, and rows are packed or have targets."""
        if self.pack:
            check_left_out(_WITH_PACK, labels=labels)
        if self.targets is not None:
            check_left_out("with targets, which a model predicts in their place", labels=labels)

    def packed_length(self, maker: ExampleMaker) -> int | None:
        """Return the length of packed rows. ``None`` if each row is one text.

        Raises:
            ArgumentError: If rows are packed, and another setting does not fit that, or they have no common length.
        """
        if not self.pack:
            return None
        check_left_out(_WITH_PACK, second=self.second, bucket=self.bucket or None)
        return maker.shape.packed_length

    def _select(self, examples: Examples) -> Examples:
        """Return the examples of ``subset``. All windows of a text are in the same one.

        Raises:
            ArgumentError: If a setting is invalid, or the subset would have no texts.
        """
        if self.validation_split is None and self.subset is None:
            return examples
        if self.validation_split is None or self.subset is None or self.seed is None:
            raise ArgumentError("validation_split, subset and seed must be passed together, so that two calls agree")
        check_choice("subset", self.subset, ("training", "validation"))
        if not 0 < self.validation_split < 1:
            raise ArgumentError(f"validation_split must be between 0 and 1; received {self.validation_split!r}")
        texts = examples.text_count
        order = np.random.default_rng(check_count("seed", self.seed, least=0)).permutation(texts)
        is_validation = order < round(self.validation_split * texts)
        return examples.of_texts(is_validation if self.subset == "validation" else ~is_validation)
