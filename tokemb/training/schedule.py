"""The schedule of a training: its duration, batch size and optimizer settings."""

from __future__ import annotations

import math
import numbers
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tokemb._arrays import Int64
from tokemb._validation import check_count, check_fraction, check_optional_count
from tokemb.errors import ArgumentError
from tokemb.keras.datasets.order import BatchOrder

if TYPE_CHECKING:
    import keras

# With batch_size=None, an epoch has at least so many steps, within the limits of the batch size.
_STEPS, _BATCH_SIZES = 256, (32, 256)


@dataclass(frozen=True)
class Schedule:
    """The duration and the optimizer settings of a training.

    Attributes:
        epochs: The maximum number of epochs. Early stopping usually ends a training before.
        batch_size: The batch size. ``None`` chooses a power of two from 32 to 256 by the number of training rows
            (``for_rows``): small data need small batches for enough steps.
        learning_rate: The learning rate of Adam.
        validation_split: The fraction of the rows in the validation split. 0 trains without validation and without
            early stopping.
        patience: The number of epochs without a lower validation loss after which training stops. The best weights are
            restored.
        seed: The random seed.
        refit: Whether to train again, on all rows and for the best number of epochs, after the validation split has
            decided it (``refit``).
        checkpoint: A folder to which the state of the training is written after each epoch. If it contains the state of
            the same training, which was stopped, the training is resumed. ``epochs`` and ``patience`` may differ. The
            state of a complete training is kept until the folder is deleted. The folder is locked during a training.
            ``None`` writes no state.

    Raises:
        ArgumentError: If a value is invalid.
    """

    epochs: int = 100
    batch_size: int | None = None
    learning_rate: float = 0.001
    validation_split: float = 0.1
    patience: int = 3
    seed: int = 0
    refit: bool = True
    checkpoint: Path | None = None

    def __post_init__(self) -> None:
        for name in ("epochs", "patience"):
            check_count(name, getattr(self, name))
        check_optional_count("batch_size", self.batch_size)
        check_count("seed", self.seed, least=0)
        check_fraction("validation_split", self.validation_split)
        if not isinstance(self.learning_rate, numbers.Real) or not 0 < self.learning_rate < math.inf:
            raise ArgumentError(f"learning_rate must be finite and greater than 0; received {self.learning_rate!r}")

    def to_json(self) -> dict[str, Any]:
        """Return the settings for ``training.json``."""
        return {name: value for name, value in asdict(self).items() if name != "checkpoint"}

    def part(self, name: str, **changes: Any) -> Schedule:  # noqa: ANN401 - any attribute
        """Return the schedule of one of several trainings, with ``changes``. Its checkpoints have a folder ``name``."""
        checkpoint = None if self.checkpoint is None else Path(self.checkpoint) / name
        return replace(self, checkpoint=checkpoint, **changes)

    def for_rows(self, rows: int) -> Schedule:
        """Return the schedule with the batch size for this number of training rows, if none was set."""
        if self.batch_size is not None:
            return self
        smallest, largest = _BATCH_SIZES
        size = min(max(rows // _STEPS, smallest), largest)
        return replace(self, batch_size=1 << (size.bit_length() - 1))

    def compile(self, model: keras.Model, loss: Any) -> None:  # noqa: ANN401 - any loss of Keras
        """Compile a model with Adam."""
        import keras

        model.compile(keras.optimizers.Adam(self.learning_rate), loss)

    def order(self, positions: int | None = None) -> BatchOrder:
        """Return the order of the training rows, with at most ``positions`` positions in a batch.

        Raises:
            ArgumentError: If the batch size is not set.
        """
        if self.batch_size is None:
            raise ArgumentError("batch_size must be set: choose it with Schedule.for_rows")
        return BatchOrder(self.batch_size, shuffle=True, seed=self.seed, positions=positions)

    def split(self, rows: int) -> tuple[Int64, Int64]:
        """Split rows into a training and a validation split.

        Args:
            rows: The number of rows.

        Returns:
            The row indices of the training and of the validation split, int64, each ascending.

        Raises:
            ArgumentError: If no row is left to train on.
        """
        validation_count = round(rows * self.validation_split) or int(self.validation_split > 0)
        if rows <= validation_count:
            raise ArgumentError(
                "the training split must have rows; "
                f"received {rows} rows: lower validation_split={self.validation_split:g}"
            )
        order = np.random.default_rng(self.seed).permutation(rows)
        return np.sort(order[validation_count:]), np.sort(order[:validation_count])
