"""Classifiers and regressions of texts or of sequences of events."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tokemb._arrays import Array, Float32, Int64
from tokemb._validation import CLASS_WEIGHTS, check_choice, check_optional_count
from tokemb.errors import ArgumentError
from tokemb.keras.datasets.order import BatchOrder
from tokemb.models.pretrained import coverage, load_vectors
from tokemb.tables import ColumnEncoder
from tokemb.training.checkpoint_lock import locks_checkpoints
from tokemb.training.cross_validation import take_rows
from tokemb.training.early_stopping import OnEpoch
from tokemb.training.heads import CONVOLUTION_WIDTHS, check_trainable, fold_token_weights
from tokemb.training.input_fitting import Splitting, choose_inputs, fit_inputs
from tokemb.training.inputs import Inputs, Rows, TextInputs
from tokemb.training.labels import balanced_weights, label_list, sample_weights_of
from tokemb.training.loop import Batch, Feed, make_reproducible, predict_batches
from tokemb.training.refitting import fit_and_measure
from tokemb.training.result import Fitted, Trained
from tokemb.training.schedule import Schedule
from tokemb.training.targets import OneClass, Target, target_of

if TYPE_CHECKING:
    import keras

    from tokemb.encoder import Encoder

__all__ = ["Labelled", "fit_inputs", "train_classifier"]

# What the vectors of tokens are multiplied by.
_TOKEN_WEIGHTS = {"mean": "log-count ratios", "tfidf": "inverse document frequencies"}

# The number of training rows from which a classifier of short texts has convolutions. They cost time, and their gain
# was not measured with fewer rows.
_CONVOLVED_ROWS = 500


@dataclass(frozen=True)
class Labelled:
    """Texts and their labels.

    Attributes:
        texts: Texts, as for ``Encoder.encode``, or a table, as for ``ColumnEncoder.encode``.
        labels: The label of each text, its labels, or a number: a list, or a column of NumPy, pandas, Polars or Arrow,
            which becomes a list.
        weights: The weight of each text in the loss. ``None`` weighs all alike.
    """

    texts: Any
    labels: Sequence[Any]
    weights: Sequence[Any] | None = None

    def __post_init__(self) -> None:
        """Convert columns to lists, whose values have the types of Python, and whose rows are numbered from 0."""
        for name in ("labels", "weights"):
            object.__setattr__(self, name, label_list(name, getattr(self, name)))

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, rows: Int64) -> Labelled:
        """Return the rows at these indices, for cross-validation."""
        weights = None if self.weights is None else take_rows(self.weights, rows)
        return Labelled(take_rows(self.texts, rows), take_rows(self.labels, rows), weights)


@locks_checkpoints
def train_classifier(
    rows: Labelled,
    *,
    encoder: Encoder | ColumnEncoder | None = None,
    profile: str | None = None,
    segmenter: str | None = None,
    user_dictionary: Path | None = None,
    ngrams: int | Sequence[int] | None = None,
    validation: Labelled | None = None,
    test: Labelled | None = None,
    label_separator: str | None = None,
    regression: bool = False,
    class_weights: str | None = None,
    head: str = "mean",
    maxlen: int | None = None,
    dim: int | None = None,
    units: int = 64,
    dropout: float = 0.5,
    vectors: Path | None = None,
    trainable: bool = True,
    schedule: Schedule | None = None,
    on_epoch: OnEpoch | None = None,
) -> Trained:
    """Train a classifier of texts or of the rows of a table, or a regression.

    Args:
        rows: The texts and their labels. Labels are integers or texts, and Booleans become 0 and 1. Classes are
            sorted.
        encoder: The vocabulary. ``None`` fits one to the texts, of at most 30,000 words, or of at most 100,000 n-grams
            that occur at least twice. For a table, a ``ColumnEncoder``, which ``fit_inputs`` fits with the same
            defaults for texts.
        profile: How text is split if ``encoder`` is ``None``, as for ``tokemb.fit_vocab``. With the head ``mean``,
            without ``segmenter`` and ``vectors``, the default for short texts is ``"words-and-punctuation"``.
        segmenter: The library that finds the words in languages without spaces if ``encoder`` is ``None``, as for
            ``tokemb.fit_vocab``.
        user_dictionary: Words that the segmenter should find, as for ``tokemb.fit_vocab``.
        ngrams: The n-grams of the vocabulary that is fitted, as for ``tokemb.fit_vocab``. For the heads ``mean``,
            ``tfidf`` and ``attention`` without ``vectors``, ``None`` is 2: words and pairs of words, or of characters
            in scripts without spaces. Otherwise, ``None`` is 1.
        validation: The rows that decide when training stops. ``None`` splits them from ``rows``.
        test: The test set. ``None`` computes the metrics on the validation rows.
        label_separator: The text between the labels of a row, such as ``"|"``. Each row then has any number of labels,
            also none. Lists of texts are labels too. ``None`` is one label per row.
        regression: Whether labels are numbers to predict.
        class_weights: ``"balanced"`` gives all classes the same total weight in the loss. ``None`` weighs all rows
            alike.
        head: The layers above the embedding, as for ``tokemb.training.heads.text_model``. For ``"mean"`` without
            ``vectors`` and without ``regression``, the tokens of one column of texts have weights:
            ``tokemb.training.token_weights``. If they are short, with at least 500 training rows, the model also has
            convolutions. ``"tfidf"`` is not possible for a table.
        maxlen: The length that rows are truncated to. ``None`` uses that of the vocabulary, or else the length that
            99 % of the rows do not exceed. The latter is at most 400, or for the heads ``mean``, ``tfidf`` and
            ``attention`` at most 1,024 times the number of lengths of n-grams.
        dim: The embedding dimension. ``None`` is that of ``vectors``, or 50. Categories and lists have
            ``ColumnEncoder.suggested_dims``, but at most ``dim``.
        units: The number of units of the heads ``conv``, ``attention``, ``gru`` and ``lstm``, and of the hidden layer
            over several columns.
        dropout: The dropout rate.
        vectors: A file of pre-trained vectors to start from, as for ``tokemb.models.pretrained.load_vectors``. Tokens
            without a vector start with random ones.
        trainable: Whether training changes the vectors of the tokens.
        schedule: The epochs, batch size and learning rate.
        on_epoch: A function that is called after each epoch.

    Returns:
        The model and its metrics: ``accuracy``, ``macro_f1``, ``loss`` (cross-entropy), ``roc_auc`` (for two
        classes), and ``most_frequent``, the accuracy of always predicting the most frequent label. With several labels
        per row, they are ``micro_f1``, ``macro_f1``, ``exact_match`` and ``loss``, and ``most_frequent`` is the micro
        F1 of the most frequent labels. For a regression, they are ``rmse``, ``mae``, ``r2``, and ``rmse_of_mean``, the
        error of the mean label.

    Raises:
        TextError: If a label is missing or has the wrong type. ``NaN`` and similar spellings among integers are
            missing.
        ArgumentError: If an argument is invalid, or the numbers of texts and labels differ.
        VectorsError: If the pre-trained vectors cannot be used.
        TrainingError: If the training diverges.
    """
    schedule = schedule or Schedule()
    maxlen = check_optional_count("maxlen", maxlen)
    check_trainable(trainable, vectors)
    target = _target_of(rows.labels, label_separator, regression, class_weights)
    targets = target.encode(rows.labels)
    others = {name: part for name, part in (("validation", validation), ("test", test)) if part is not None}
    other_targets = {name: _targets_of_set(name, part, target) for name, part in others.items()}
    splitting = Splitting(profile, segmenter, user_dictionary, ngrams)
    inputs, encoded, notes = choose_inputs(rows.texts, encoder, splitting, head=head, maxlen=maxlen, vectors=vectors)
    data = everything = _Data.of(inputs.used(encoded), targets, rows.weights)
    sets = {
        name: _Data.of(inputs.used(inputs.encode(part.texts)), other_targets[name], part.weights)
        for name, part in others.items()
    }
    if "validation" not in sets:
        data, sets["validation"] = data.split(schedule)
    schedule = schedule.for_rows(len(data.targets))
    pretrained = None
    if vectors is not None and isinstance(inputs, TextInputs):
        pretrained = load_vectors(vectors, inputs.encoder.vocabulary)
        notes.insert(0, f"pre-trained vectors: {coverage(inputs.encoder, pretrained.found)}")
    make_reproducible(schedule.seed)
    sizes = {"dim": dim, "units": units, "dropout": dropout, "seed": schedule.seed}
    token_weights = data.token_weights(inputs, target) if pretrained is None or head == "tfidf" else None
    convolutions = inputs.is_short and token_weights is not None and len(data.targets) >= _CONVOLVED_ROWS
    settings_of_model = {"vectors": pretrained, "trainable": trainable, "convolutions": convolutions, **sizes}
    make_model = partial(inputs.model, target, **settings_of_model)
    model = make_model(token_weights=token_weights)
    schedule.compile(model, target.loss)
    weights = balanced_weights(data.targets, len(target.classes or ())) if class_weights else None
    fitted, metrics = _fit(model, data, everything, sets, target, weights, schedule, on_epoch)
    if token_weights is not None and head == "mean":
        model = fold_token_weights(model, make_model())
        schedule.compile(model, target.loss)
        # Keras warns when it loads a model whose optimizer was not built.
        model.optimizer.build(model.trainable_variables)
    settings = {
        "head": head,
        **inputs.settings,
        "dim": inputs.text_dim(model),
        "units": units,
        "dropout": dropout,
        "vectors": None if vectors is None else str(vectors),
        "trainable": trainable,
        "token_weights": None if token_weights is None else _TOKEN_WEIGHTS[head],
        "convolutions": list(CONVOLUTION_WIDTHS) if convolutions else None,
        "class_weights": class_weights,
        **target.settings,
        **schedule.to_json(),
    }
    notes += target.unbeaten(metrics) if metrics else []
    return Trained("classify", model, inputs.encoder, settings, metrics, fitted, target.classes, notes)


def _fit(
    model: keras.Model,
    data: _Data,
    everything: _Data,
    others: Mapping[str, _Data],
    target: Target,
    class_weights: Float32 | None,
    schedule: Schedule,
    on_epoch: OnEpoch | None,
) -> tuple[Fitted, dict[str, Any]]:
    """Train on ``data``, and compute the metrics on a test or validation set of ``others``.

    If validation rows were split from ``everything``, which is then not ``data``, the model is trained on all rows at
    the end.
    """
    watched = others["validation"] if len(others["validation"].targets) else None
    return fit_and_measure(
        model,
        data.feed(schedule.order(), class_weights),
        None if watched is None else watched.feed(class_weights=class_weights),
        None if everything is data else partial(everything.feed, schedule.order(), class_weights),
        schedule,
        on_epoch,
        on_validation=None if watched is None else partial(evaluate, model, watched, target),
        on_test=partial(evaluate, model, others["test"], target) if "test" in others else None,
    )


def _target_of(
    labels: Sequence[Any], label_separator: str | None, regression: bool, class_weights: str | None
) -> Target:
    """Return the target of a training, or raise ``ArgumentError`` if its classes cannot be weighted."""
    check_choice("class_weights", class_weights or CLASS_WEIGHTS[0], CLASS_WEIGHTS)
    target = target_of(labels, label_separator, regression=regression)
    if class_weights and not isinstance(target, OneClass):
        raise ArgumentError("class_weights requires one label per row")
    return target


def _targets_of_set(name: str, part: Labelled, target: Target) -> Array:
    """Return the targets of a validation or test set, or raise ``ArgumentError`` if it has no rows."""
    targets = target.encode(part.labels)
    if not len(targets):
        raise ArgumentError(f"the {name} set has no rows: pass one that has rows")
    return targets


@dataclass(frozen=True)
class _Data:
    """The inputs and targets of all rows.

    Attributes:
        rows: The encoded rows.
        targets: The targets of the rows, ``(rows, ...)``.
        weights: The weight of each row in the loss, float32 ``(rows,)``.
    """

    rows: Rows
    targets: Array
    weights: Float32

    def __post_init__(self) -> None:
        if len(self.rows) != len(self.targets):
            raise ArgumentError(
                f"every text must have a label: received {len(self.rows)} texts and {len(self.targets)} labels"
            )

    @classmethod
    def of(cls, rows: Rows, targets: Array, weights: Sequence[Any] | None) -> _Data:
        """Return the data with checked weights."""
        return cls(rows, targets, sample_weights_of(weights, len(targets)))

    def split(self, schedule: Schedule) -> tuple[_Data, _Data]:
        """Return the rows to train on and those of the validation split."""
        training, validation = (self.select(rows) for rows in schedule.split(len(self.targets)))
        training._check_weights("training")
        validation._check_weights("validation")
        return training, validation

    def _check_weights(self, name: str) -> None:
        """Raise ``ArgumentError`` if all rows of a split have the weight 0, since the loss is then always 0."""
        if len(self.weights) and not self.weights.any():
            raise ArgumentError(
                f"all rows of the {name} split have the sample weight 0: pass another validation_split or seed"
            )

    def token_weights(self, inputs: Inputs, target: Target) -> Float32 | None:
        """Return the weights of tokens in a model, as ``Inputs.token_weights``. Rows with the weight 0 are left out."""
        counted = np.flatnonzero(self.weights)
        return inputs.token_weights(self.rows.take(counted), target.memberships(self.targets[counted]))

    def select(self, rows: Int64) -> _Data:
        """Return the data of these rows."""
        return _Data(self.rows.take(rows), self.targets[rows], self.weights[rows])

    def feed(
        self,
        order: BatchOrder = BatchOrder(512),  # noqa: B008 - immutable
        class_weights: Float32 | None = None,
    ) -> Feed:
        """Return batches of all rows. The weight of a row is multiplied by that of its class."""
        weights = self.weights if class_weights is None else self.weights * class_weights[self.targets]

        def batch(rows: Int64) -> Batch:
            return self.rows.batch(rows), self.targets[rows], weights[rows]

        return Feed.of(batch, self.rows.lengths, order)


def evaluate(model: keras.Model, data: _Data, target: Target) -> dict[str, Any]:
    """Return the metrics of the model's predictions. Rows are not weighted."""
    parts = [(batch[1], output) for batch, output in predict_batches(model, data.feed())]
    targets = np.concatenate([targets for targets, _ in parts])
    return target.metrics(targets, np.concatenate([output for _, output in parts]).astype(np.float64))
