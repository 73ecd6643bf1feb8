"""Trained models: load a training folder, and predict with it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tokemb.errors import ArgumentError, ModelError
from tokemb.tables import ColumnEncoder
from tokemb.training.evaluation import AT, Evaluation, evaluate_batches, labelled_batches
from tokemb.training.predict_answers import AnswerPredictor
from tokemb.training.predict_classes import text_predictor
from tokemb.training.predict_events import EventPredictor
from tokemb.training.predict_ratings import RatingPredictor
from tokemb.training.predict_tags import TagPredictor
from tokemb.training.predictor import TaskPredictor
from tokemb.training.recommend import TOP, ItemsForUsers, SimilarItems
from tokemb.training.trained import TASKS, TrainedFolder, load_folder

if TYPE_CHECKING:
    import pyarrow as pa

_PREDICTORS: dict[str, Callable[[TrainedFolder], type[TaskPredictor]]] = {
    "classify": text_predictor,
    "tag": lambda _: TagPredictor,
    "next": lambda _: EventPredictor,
    "tracing": lambda _: AnswerPredictor,
    "ratings": lambda _: RatingPredictor,
}


def load_trained(path: Path | str) -> TrainedModel:
    """Load the folder of a training to predict with it.

    Args:
        path: A folder that a ``tokemb train`` command, or ``Trained.save``, wrote.

    Raises:
        ModelError: If the folder is not that of a training, or was changed.
    """
    return TrainedModel(load_folder(path))


@dataclass(frozen=True)
class TrainedModel:
    """A trained model that predicts.

    Attributes:
        folder: The content of its training folder.
    """

    folder: TrainedFolder
    # The graphs of a predictor are made once for all calls with the same options.
    _predictors: dict[Any, TaskPredictor] = field(default_factory=dict, repr=False, compare=False)

    @property
    def task(self) -> str:
        """The name of the task: one of ``tokemb.training.trained.TASKS``, such as ``"classify"``."""
        return self.folder.task

    def __repr__(self) -> str:
        return f"<TrainedModel {self.task}, {self.folder.path}>"

    def predictor(self, **options: Any) -> TaskPredictor:  # noqa: ANN401
        """Return the predictor of files, for ``predict_file``. The options are those of ``predict``.

        Raises:
            ArgumentError: If an option does not belong to the task, or is invalid.
            ModelError: If the model does not predict.
        """
        if self.task not in _PREDICTORS:
            raise ModelError(
                f"{self.folder.path} holds {TASKS[self.task]}, which predict nothing: find the nearest tokens with "
                "neighbors, or embed texts with embed"
            )
        kind = _PREDICTORS[self.task](self.folder)
        for name in options:
            if name not in kind.options:
                raise ArgumentError(f"{name} must be left out: {self.folder.path} holds {self.folder.description}")
        return kind(self.folder, **options)

    def predict(self, rows: Any, **options: Any) -> pa.Table:  # noqa: ANN401
        """Predict rows in memory.

        Args:
            rows: Texts or sequences of events, as for ``Encoder.encode``. For a tagger, rows of tokens, as for
                ``Encoder.encode_tags``. For models of ratings, of knowledge tracing and of several columns, a table, as
                for ``ColumnEncoder.encode``.
            **options: For a classifier and the next event ``top``, the number of labels or events in the lists of the
                most probable ones. For the next event and knowledge tracing ``observed``, whether to predict each event
                or answer of the sequence from those before it. For knowledge tracing ``skill``, to predict the answers
                for this skill after each answer. For ratings ``unknown``, ``"missing"`` or ``"average"``.

        Returns:
            An Arrow table with one row per row, in their order. What cannot be predicted is null, and the column
            ``reason`` says why.

        Raises:
            ArgumentError: If an option does not belong to the task, or is invalid.
            TextError: If the rows are not those of the model.
        """
        key = tuple(sorted(options.items()))
        if key not in self._predictors:
            self._predictors[key] = self.predictor(**options)
        return self._predictors[key].predict(rows)

    def recommend(self, users: Any, *, top: int = TOP, seen: Any = None) -> pa.Table:  # noqa: ANN401
        """Recommend items to users with a model of ratings.

        Args:
            users: A list of users, or a table with their column.
            top: The number of items for each user.
            seen: A table of users and items whose pairs are not recommended, such as the ratings.

        Returns:
            An Arrow table with one row per user: ``items``, ``ratings`` and ``reason``, which says why a user, for
            example one out of vocabulary, has no items.

        Raises:
            ArgumentError: If ``top`` is invalid.
            ModelError: If the folder does not hold a model of users and items.
        """
        return ItemsForUsers(self.folder, top, seen).predict(users)

    def similar(self, items: Any, *, top: int = TOP) -> pa.Table:  # noqa: ANN401
        """Find the items that are the most similar, by the cosine of the embeddings of a model of ratings.

        Args:
            items: A list of items, or a table with their column.
            top: The number of similar items for each item.

        Returns:
            An Arrow table with one row per item: ``items``, ``similarities`` and ``reason``.

        Raises:
            ArgumentError: If ``top`` is invalid.
            ModelError: If the folder does not hold a model of users and items.
        """
        return SimilarItems(self.folder, top).predict(items)

    def evaluate(self, rows: Any, labels: Any = None, *, at: Sequence[int] = AT) -> Evaluation:  # noqa: ANN401
        """Compute the metrics of the model on labelled rows in memory.

        Args:
            rows: As for ``predict``. For ratings, the table has their column too.
            labels: The labels of the texts of a classifier, or the tags of the tokens of a tagger.
            at: The numbers of candidates of the hit rates and NDCG of the next event.

        Returns:
            The metrics, and for a classifier the confusion matrix and the most confident errors.

        Raises:
            ArgumentError: If there are no rows, or the labels of a classifier or tagger are missing.
            ModelError: If the training has nothing to evaluate.
            TextError: If a label did not occur in training, or the rows are not those of the model.
        """
        return evaluate_batches(self.folder, labelled_batches(self.folder, rows, labels), at=at)

    def export(self, path: Path | str, *, force: bool = False) -> None:
        """Write a SavedModel of a classifier that maps raw text to labels and probabilities.

        Args:
            path: The folder. See ``tokemb.models.saved_model.export_saved_model``.
            force: Whether to replace a read-only folder.

        Raises:
            ArgumentError: If the vocabulary cannot be exported.
            ModelError: If the folder does not hold a classifier.
            OSError: If something else is at ``path``, or it cannot be written.
        """
        folder = self.folder
        if folder.description != TASKS["classify"]:
            raise ModelError(f"a classifier is exported with its classes; {folder.path} holds {folder.description}")
        if isinstance(folder.vocabulary, ColumnEncoder):
            raise ModelError(
                f"a classifier of texts is exported; {folder.path} predicts from the columns "
                f"{', '.join(folder.columns.parts)}: serve its model.keras with the arrays of ColumnEncoder.encode"
            )
        from tokemb.models.saved_model import export_saved_model

        export_saved_model(
            folder.encoder,
            path,
            model=folder.model,
            classes=folder.classes,
            maxlen=folder.settings["maxlen"],
            force=force,
        )
