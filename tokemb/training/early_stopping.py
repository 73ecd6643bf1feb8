"""Keep the weights of the best epoch, and stop a training that no longer improves."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from tokemb._arrays import Array
from tokemb.training.divergence import check_losses

if TYPE_CHECKING:
    import keras

# A function that is called after each epoch with its number, from 1, and its losses.
OnEpoch = Callable[[int, Mapping[str, float]], None]

# A function that returns a score of the model on the validation rows. Higher scores are better.
Score = Callable[[], float]


class EarlyStopping:
    """Watch the losses of the epochs of a training.

    In contrast to the callback of Keras, the best weights can also be restored after an interruption.

    Attributes:
        history: The losses of each complete epoch, by name.
    """

    def __init__(
        self,
        model: keras.Model,
        patience: int,
        learning_rate: float,
        on_epoch: OnEpoch | None,
        score: Score | None = None,
    ) -> None:
        """Initialize the state before the first epoch.

        Args:
            model: The model.
            patience: The number of epochs without a better one after which training stops.
            learning_rate: The learning rate, for the message about losses that are not finite.
            on_epoch: A function that is called after each epoch.
            score: The score by which epochs with a validation loss are compared. ``None`` compares their validation
                losses, as for equal scores.
        """
        self.history: dict[str, list[float]] = {}
        self._score = score
        # The score and the negative validation loss of each epoch.
        self._ranks: list[tuple[float, float]] = []
        self._model, self._patience, self._learning_rate, self._on_epoch = model, patience, learning_rate, on_epoch
        self._best_weights: list[Array] | None = None

    @property
    def epochs(self) -> int:
        """The number of complete epochs."""
        return len(self.history.get("loss", []))

    @property
    def best_epoch(self) -> int:
        """The number of the best epoch, or of the last one without a validation split."""
        return self._ranks.index(max(self._ranks)) + 1 if self._ranks else self.epochs

    @property
    def best_score(self) -> float | None:
        """The score of the best epoch. ``None`` without a function for it, or without a validation split."""
        return self._ranks[self.best_epoch - 1][0] if self._ranks and self._score is not None else None

    def end_epoch(self, epoch: int, losses: Mapping[str, float]) -> None:
        """Record the losses of an epoch, as the callback ``on_epoch_end`` of Keras.

        Raises:
            TrainingError: If a loss is not finite.
        """
        check_losses(epoch + 1, losses, self._learning_rate)
        if "val_loss" in losses:
            rank = (0.0 if self._score is None else self._score(), -losses["val_loss"])
            if not self._ranks or rank > max(self._ranks):
                self._best_weights = self._model.get_weights()
            self._ranks.append(rank)
        for name, loss in losses.items():
            self.history.setdefault(name, []).append(float(loss))
        if self.epochs - self.best_epoch >= self._patience:
            self._model.stop_training = True
        if self._on_epoch is not None:
            self._on_epoch(epoch + 1, losses)

    def is_complete(self, epochs: int) -> bool:
        """Return whether the training has run ``epochs`` epochs, or has not improved for ``patience`` epochs."""
        return self.epochs >= epochs or self.epochs - self.best_epoch >= self._patience

    @property
    def best_weights(self) -> list[Array] | None:
        """The weights of the best epoch. ``None`` without a validation split."""
        return self._best_weights

    def to_json(self) -> dict[str, Any]:
        """Return the losses and the scores of the epochs so far."""
        return {"history": self.history, "ranks": self._ranks}

    def resume(self, state: Mapping[str, Any], best_weights: list[Array]) -> None:
        """Continue after the epochs of ``to_json``. ``best_weights`` are empty without a validation split."""
        self.history = {name: list(losses) for name, losses in state["history"].items()}
        self._ranks = [(score, loss) for score, loss in state["ranks"]]
        self._best_weights = best_weights or None

    def restore_best_weights(self) -> None:
        """Set the weights of the model to those of the best epoch. Without a validation split they stay."""
        if self._best_weights is not None:
            self._model.set_weights(self._best_weights)
