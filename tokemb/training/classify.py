"""Classifiers of texts or of sequences of events."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from tokemb._arrays import Int32, Int64
from tokemb._validation import CLASS_WEIGHTS, UNIGRAMS, check_choice, check_ngrams, check_optional_count
from tokemb.errors import ArgumentError
from tokemb.fit import fit_vocab
from tokemb.keras.datasets.order import BatchOrder
from tokemb.models.embedding_model import EMBEDDING_NAME
from tokemb.models.pretrained import coverage, load_vectors
from tokemb.rows.ragged import Ragged, take, take_padded
from tokemb.sources.texts import tee_if_iterator
from tokemb.training.early_stopping import OnEpoch
from tokemb.training.fitting import Batch, Feed, Schedule, Trained, fit, make_reproducible, predict_batches
from tokemb.training.heads import classifier, left_out_ids
from tokemb.training.labels import Label, balanced_weights, classes_of, targets_of
from tokemb.training.metrics import confusion_matrix, f1_scores, roc_auc

if TYPE_CHECKING:
    import keras

    from tokemb.encoder import Encoder

# The maximum number of tokens of a vocabulary that is fitted, and the minimum count of one, with and without n-grams.
_WORDS, _NGRAMS = (30_000, 1), (100_000, 2)

# The length that is chosen for rows is that of 99 % of them, but at most these. The head "mean" is fast for long rows.
_COVERED, _LONGEST, _LONGEST_OF_MEAN = 0.99, 400, 1024


@dataclass(frozen=True)
class Labelled:
    """Texts and their labels.

    Attributes:
        texts: Texts, as for ``Encoder.encode``.
        labels: The label of each text.
    """

    texts: Any
    labels: Sequence[Label]


def train_classifier(
    rows: Labelled,
    *,
    encoder: Encoder | None = None,
    profile: str | None = None,
    segmenter: str | None = None,
    user_dictionary: Path | None = None,
    ngrams: int | Sequence[int] | None = None,
    validation: Labelled | None = None,
    test: Labelled | None = None,
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
    """Train a classifier of texts.

    Args:
        rows: The texts and their labels. Labels are integers or texts. Classes are sorted.
        encoder: The vocabulary. ``None`` fits one to the texts, of at most 30,000 words or 100,000 n-grams that occur
            twice.
        profile: How text is split if ``encoder`` is ``None``, as for ``tokemb.fit_vocab``.
        segmenter: What finds the words in languages without spaces if ``encoder`` is ``None``, as for
            ``tokemb.fit_vocab``.
        user_dictionary: Words that the segmenter should find, as for ``tokemb.fit_vocab``.
        ngrams: The n-grams of the vocabulary that is fitted, as for ``tokemb.fit_vocab``. ``None`` is 2 for the head
            ``mean`` without ``vectors``, words and pairs of words, or of characters in scripts without spaces, and
            otherwise 1.
        validation: The rows that decide when training stops. ``None`` splits them from ``rows``.
        test: The test set. ``None`` computes the metrics on the validation rows.
        class_weights: ``"balanced"`` gives all classes the same total weight in the loss. ``None`` weighs all rows
            alike.
        head: The layers above the embedding, as for ``tokemb.training.heads.classifier``.
        maxlen: The length that rows are truncated to. ``None`` uses that of the vocabulary, or one that 99 % of the
            rows do not exceed, at most 400, or for the head ``mean`` 1,024 times the number of lengths of n-grams.
        dim: The embedding dimension. ``None`` is that of ``vectors``, or 50.
        units: The number of units of the heads ``conv``, ``gru`` and ``lstm``.
        dropout: The dropout rate.
        vectors: A file of pre-trained vectors to start from, as for ``tokemb.models.pretrained.load_vectors``. Tokens
            without a vector start with random ones.
        trainable: Whether training changes the vectors of the tokens.
        schedule: The epochs, batch size and learning rate.
        on_epoch: A function that is called after each epoch.

    Returns:
        The model and its metrics: ``accuracy``, ``macro_f1``, ``loss`` (cross-entropy), ``roc_auc`` (for two
        classes), and ``most_frequent``, the accuracy of always predicting the most frequent label.

    Raises:
        TextError: If a label is missing or has the wrong type. ``NaN`` and similar spellings among integers are
            missing.
        ArgumentError: If an argument is invalid, or the numbers of texts and labels differ.
        VectorsError: If the pre-trained vectors cannot be used.
        TrainingError: If the training diverges.
    """
    schedule = schedule or Schedule()
    maxlen = check_optional_count("maxlen", maxlen)
    check_choice("class_weights", class_weights or CLASS_WEIGHTS[0], CLASS_WEIGHTS)
    classes = classes_of(rows.labels)
    targets = targets_of(rows.labels, classes)
    others = {name: part for name, part in (("validation", validation), ("test", test)) if part is not None}
    other_targets = {name: _targets_of_set(name, part, classes) for name, part in others.items()}
    if vectors is None and not trainable:
        raise ArgumentError("trainable=False requires pre-trained vectors: pass vectors=...")
    pairs = encoder is None and ngrams is None and head == "mean" and vectors is None
    splitting = {"profile": profile, "segmenter": segmenter, "user_dictionary": user_dictionary}
    encoder, texts = _vocabulary(rows.texts, encoder, splitting, 2 if pairs else ngrams)
    ids = encoder.encode_ragged(texts, maxlen=maxlen)
    maxlen = maxlen or encoder.maxlen or choose_maxlen(ids.lengths, head, encoder)
    data = _Data.of(ids.truncate(maxlen), targets, encoder, head, maxlen)
    sets = {
        name: _Data.of(encoder.encode_ragged(part.texts, maxlen=maxlen), other_targets[name], encoder, head, maxlen)
        for name, part in others.items()
    }
    if "validation" not in sets:
        training_rows, validation_rows = schedule.split(len(targets))
        sets["validation"], data = data.select(validation_rows), data.select(training_rows)
    schedule = schedule.for_rows(len(data.targets))
    pretrained = None if vectors is None else load_vectors(vectors, encoder.vocabulary)
    make_reproducible(schedule.seed)
    model = classifier(
        encoder,
        len(classes),
        head=head,
        maxlen=maxlen,
        dim=dim,
        units=units,
        dropout=dropout,
        vectors=pretrained,
        trainable=trainable,
        seed=schedule.seed,
    )
    _compile(model, schedule)
    weights = balanced_weights(data.targets, len(classes)) if class_weights else None
    watched = sets["validation"]
    fitted = fit(
        model,
        data.feed(schedule.order(), weights),
        watched.feed(class_weights=weights) if len(watched.targets) else None,
        schedule,
        on_epoch,
    )
    on = "test" if test is not None else "validation"
    metrics: dict[str, Any] = {"on": on, **evaluate(model, sets[on])} if len(sets[on].targets) else {}
    settings = {
        "head": head,
        "ngrams": list(encoder.ngrams),
        "maxlen": maxlen,
        "dim": int(model.get_layer(EMBEDDING_NAME).output_dim),
        "units": units,
        "dropout": dropout,
        "vectors": None if vectors is None else str(vectors),
        "trainable": trainable,
        "class_weights": class_weights,
        **schedule.to_json(),
    }
    notes = list(_notes(metrics, pairs=pairs))
    if pretrained is not None:
        notes.insert(0, f"pre-trained vectors: {coverage(encoder, pretrained.found)}")
    return Trained("classify", model, encoder, settings, metrics, fitted, classes, notes)


def _targets_of_set(name: str, part: Labelled, classes: list[Label]) -> Int32:
    """Return the class indices of a validation or test set, or raise ``ArgumentError`` if it has no rows."""
    targets = targets_of(part.labels, classes)
    if not len(targets):
        raise ArgumentError(f"the {name} set has no rows: pass one that has rows")
    return targets


def _vocabulary(
    texts: Any,  # noqa: ANN401
    encoder: Encoder | None,
    splitting: dict[str, Any],
    ngrams: int | Sequence[int] | None,
) -> tuple[Encoder, Any]:
    """Return the vocabulary, fitted to the texts unless it was passed, and the texts, which can then be read again.

    ``splitting`` are the arguments of ``tokemb.fit_vocab`` that decide how texts are split.
    """
    if encoder is not None:
        if ngrams is not None:
            raise ArgumentError(f"ngrams must be left out with encoder, whose n-grams are {list(encoder.ngrams)}")
        for name in ("segmenter", "user_dictionary"):
            if splitting[name] is not None:
                raise ArgumentError(f"{name} must be left out with encoder=..., which contains its segmenter")
        return encoder, texts
    counted, texts = tee_if_iterator(texts)
    lengths = check_ngrams(ngrams)
    max_size, min_count = _WORDS if lengths == UNIGRAMS else _NGRAMS
    return fit_vocab(counted, **splitting, ngrams=lengths, max_size=max_size, min_count=min_count), texts


def choose_maxlen(lengths: Int64, head: str, encoder: Encoder) -> int:
    """Return the length that 99 % of the rows do not exceed, within the limit of the head."""
    longest = _LONGEST_OF_MEAN * len(encoder.ngrams) if head == "mean" else _LONGEST
    return min(max(int(np.quantile(lengths, _COVERED, method="inverted_cdf")), 1), longest) if len(lengths) else longest


def _notes(metrics: dict[str, Any], *, pairs: bool) -> Iterator[str]:
    if pairs:
        yield (
            "pairs of neighbouring words, or of characters in scripts without spaces, are tokens too: pass ngrams=1 "
            "for words alone"
        )
    if metrics and metrics["accuracy"] <= metrics["most_frequent"]:
        yield (
            f"the accuracy, {metrics['accuracy']}, does not exceed {metrics['most_frequent']}, the accuracy of always "
            "predicting the most frequent label"
        )


@dataclass(frozen=True)
class _Data:
    """The ids and targets of all rows.

    Attributes:
        ids: The ids of each row.
        targets: The class index of each row, int32 ``(rows,)``.
        length: The length of all batches. ``None`` pads each batch to its longest row.
    """

    ids: Ragged
    targets: Int32
    length: int | None

    def __post_init__(self) -> None:
        if len(self.ids) != len(self.targets):
            raise ArgumentError(
                f"every text must have a label: received {len(self.ids)} texts and {len(self.targets)} labels"
            )

    @classmethod
    def of(cls, ids: Ragged, targets: Int32, encoder: Encoder, head: str, maxlen: int) -> _Data:
        """Return the data without the ids that the head leaves out, which saves time."""
        left_out = left_out_ids(encoder, head)
        return cls(ids.select(~np.isin(ids.values, left_out)) if left_out else ids, targets, batch_length(head, maxlen))

    def select(self, rows: Int64) -> _Data:
        """Return the data of these rows."""
        return _Data(take(self.ids, rows), self.targets[rows], self.length)

    def feed(
        self,
        order: BatchOrder = BatchOrder(512),  # noqa: B008 - immutable
        class_weights: npt.NDArray[np.float32] | None = None,
    ) -> Feed:
        """Return batches of all rows. The weight of a row is that of its class."""
        weights = np.ones(len(self.targets), np.float32) if class_weights is None else class_weights[self.targets]

        def batch(rows: Int64) -> Batch:
            return take_padded(self.ids, rows, self.length), self.targets[rows], weights[rows]

        return Feed.of(batch, self.ids.lengths, order)


def batch_length(head: str, maxlen: int) -> int | None:
    """Return the length of all batches of a head. ``None`` if each batch is padded to its longest row."""
    return maxlen if head == "flatten" else None


def _compile(model: keras.Model, schedule: Schedule) -> None:
    import keras

    binary = model.output_shape[-1] == 1
    loss = "binary_crossentropy" if binary else "sparse_categorical_crossentropy"
    model.compile(keras.optimizers.Adam(schedule.learning_rate), loss)


def evaluate(model: keras.Model, data: _Data) -> dict[str, Any]:
    """Return the metrics of the model's predictions."""
    parts = [(batch[1], output) for batch, output in predict_batches(model, data.feed())]
    targets = np.concatenate([target for target, _ in parts])
    predictions = np.concatenate([output for _, output in parts]).astype(np.float64)
    binary = predictions.shape[1] == 1
    probabilities = np.hstack([1 - predictions, predictions]) if binary else predictions
    confusion = confusion_matrix(targets, probabilities.argmax(axis=1), probabilities.shape[1])
    target_probabilities = np.clip(probabilities[np.arange(len(targets)), targets], 1e-7, 1)
    metrics: dict[str, Any] = {
        "rows": len(targets),
        "accuracy": round(float((probabilities.argmax(axis=1) == targets).mean()), 4),
        "macro_f1": round(float(np.nanmean(f1_scores(confusion))), 4),
        "loss": round(float(-np.log(target_probabilities).mean()), 4),
    }
    if binary:
        area = roc_auc(targets, predictions[:, 0])
        metrics["roc_auc"] = area if area is None else round(area, 4)
    metrics["most_frequent"] = round(float(np.bincount(targets).max() / len(targets)), 4)
    return metrics
