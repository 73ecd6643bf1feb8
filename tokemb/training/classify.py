"""Classifiers and regressions of texts or of sequences of events."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from tokemb._arrays import Int64
from tokemb._validation import BAG_HEADS, CLASS_WEIGHTS, UNIGRAMS, check_choice, check_ngrams, check_optional_count
from tokemb.errors import ArgumentError, TextError
from tokemb.fit import fit_vocab
from tokemb.keras.datasets.order import BatchOrder
from tokemb.models.embedding_model import EMBEDDING_NAME
from tokemb.models.pretrained import coverage, load_vectors
from tokemb.rows.ragged import Ragged, take, take_padded
from tokemb.sources.texts import tee_if_iterator
from tokemb.training.cross_validation import take_rows
from tokemb.training.early_stopping import OnEpoch
from tokemb.training.fitting import Array, Batch, Feed, Schedule, Trained, make_reproducible, predict_batches
from tokemb.training.heads import check_trainable, inverse_document_frequency, left_out_ids, text_model
from tokemb.training.labels import balanced_weights, sample_weights_of
from tokemb.training.refitting import fit_and_measure
from tokemb.training.targets import OneClass, Target, target_of

if TYPE_CHECKING:
    import keras

    from tokemb.encoder import Encoder

# The maximum number of tokens of a vocabulary that is fitted, and the minimum count of one, with and without n-grams.
_WORDS, _NGRAMS = (30_000, 1), (100_000, 2)

# Texts with at most this many words on average are short: what they say depends on the order of few words.
_SHORT = 32

# The length that is chosen for rows is that of 99 % of them, but at most these. Heads that ignore the order are fast.
_COVERED, _LONGEST, _LONGEST_OF_MEAN = 0.99, 400, 1024


@dataclass(frozen=True)
class Labelled:
    """Texts and their labels.

    Attributes:
        texts: Texts, as for ``Encoder.encode``.
        labels: The label of each text, its labels, or a number.
        weights: The weight of each text in the loss. ``None`` weighs all alike.
    """

    texts: Any
    labels: Sequence[Any]
    weights: Sequence[Any] | None = None

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, rows: Int64) -> Labelled:
        """Return the rows at these indices, for cross-validation."""
        weights = None if self.weights is None else take_rows(self.weights, rows)
        return Labelled(take_rows(self.texts, rows), take_rows(self.labels, rows), weights)


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
    """Train a classifier of texts, or a regression.

    Args:
        rows: The texts and their labels. Labels are integers or texts. Classes are sorted.
        encoder: The vocabulary. ``None`` fits one to the texts, of at most 30,000 words or 100,000 n-grams that occur
            twice.
        profile: How text is split if ``encoder`` is ``None``, as for ``tokemb.fit_vocab``.
        segmenter: What finds the words in languages without spaces if ``encoder`` is ``None``, as for
            ``tokemb.fit_vocab``.
        user_dictionary: Words that the segmenter should find, as for ``tokemb.fit_vocab``.
        ngrams: The n-grams of the vocabulary that is fitted, as for ``tokemb.fit_vocab``. ``None`` is 2 for the heads
            ``mean``, ``tfidf`` and ``attention`` without ``vectors``, words and pairs of words, or of characters in
            scripts without spaces, or 3 if texts have at most 32 of them on average. Otherwise it is 1.
        validation: The rows that decide when training stops. ``None`` splits them from ``rows``.
        test: The test set. ``None`` computes the metrics on the validation rows.
        label_separator: The text between the labels of a row, such as ``"|"``. Each row then has any number of labels,
            also none. Lists of texts are labels too. ``None`` is one label per row.
        regression: Whether labels are numbers to predict.
        class_weights: ``"balanced"`` gives all classes the same total weight in the loss. ``None`` weighs all rows
            alike.
        head: The layers above the embedding, as for ``tokemb.training.heads.classifier``.
        maxlen: The length that rows are truncated to. ``None`` uses that of the vocabulary, or one that 99 % of the
            rows do not exceed, at most 400, or for the heads ``mean``, ``tfidf`` and ``attention`` 1,024 times the
            number of lengths of n-grams.
        dim: The embedding dimension. ``None`` is that of ``vectors``, or 50.
        units: The number of units of the heads ``conv``, ``attention``, ``gru`` and ``lstm``.
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
    pairs = encoder is None and ngrams is None and head in BAG_HEADS and vectors is None
    splitting = {"profile": profile, "segmenter": segmenter, "user_dictionary": user_dictionary}
    if pairs:
        encoder, texts = _default_vocabulary(rows.texts, splitting)
    else:
        encoder, texts = _vocabulary(rows.texts, encoder, splitting, ngrams)
    ids = encoder.encode_ragged(texts, maxlen=maxlen)
    maxlen = maxlen or encoder.maxlen or choose_maxlen(ids.lengths, head, encoder)
    data_of = partial(_Data.of, encoder=encoder, head=head, maxlen=maxlen)
    data = everything = data_of(ids.truncate(maxlen), targets, rows.weights)
    sets = {
        name: data_of(encoder.encode_ragged(part.texts, maxlen=maxlen), other_targets[name], part.weights)
        for name, part in others.items()
    }
    if "validation" not in sets:
        data, sets["validation"] = data.split(schedule)
    schedule = schedule.for_rows(len(data.targets))
    pretrained = None if vectors is None else load_vectors(vectors, encoder.vocabulary)
    make_reproducible(schedule.seed)
    model = text_model(
        encoder,
        target.output,
        head=head,
        maxlen=maxlen,
        dim=dim,
        units=units,
        dropout=dropout,
        vectors=pretrained,
        trainable=trainable,
        idf=inverse_document_frequency(data.ids, encoder.input_dim) if head == "tfidf" else None,
        seed=schedule.seed,
    )
    _compile(model, target, schedule)
    weights = balanced_weights(data.targets, len(target.classes or ())) if class_weights else None
    watched = sets["validation"] if len(sets["validation"].targets) else None
    fitted, metrics = fit_and_measure(
        model,
        data.feed(schedule.order(), weights),
        None if watched is None else watched.feed(class_weights=weights),
        None if everything is data else partial(everything.feed, schedule.order(), weights),
        schedule,
        on_epoch,
        on_validation=None if watched is None else partial(evaluate, model, watched, target),
        on_test=None if test is None else partial(evaluate, model, sets["test"], target),
    )
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
        **target.settings,
        **schedule.to_json(),
    }
    notes = [] if pretrained is None else [f"pre-trained vectors: {coverage(encoder, pretrained.found)}"]
    notes += [_describe_ngrams(encoder)] if pairs else []
    notes += target.unbeaten(metrics) if metrics else []
    return Trained("classify", model, encoder, settings, metrics, fitted, target.classes, notes)


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


def _vocabulary(
    texts: Any,  # noqa: ANN401
    encoder: Encoder | None,
    splitting: dict[str, Any],
    ngrams: int | Sequence[int] | None,
) -> tuple[Encoder, Any]:
    """Return the vocabulary, fitted to the texts unless it was passed, and the texts, which can then be read again.

    ``splitting`` are the arguments of ``tokemb.fit_vocab`` that decide how texts are split.
    """
    if encoder is None:
        return _fit_vocabulary(texts, splitting, check_ngrams(ngrams))
    if ngrams is not None:
        raise ArgumentError(f"ngrams must be left out with encoder=..., whose n-grams are {list(encoder.ngrams)}")
    for name in ("segmenter", "user_dictionary"):
        if splitting[name] is not None:
            raise ArgumentError(f"{name} must be left out with encoder=..., which contains its segmenter")
    return encoder, texts


def _fit_vocabulary(texts: Any, splitting: dict[str, Any], ngrams: tuple[int, ...]) -> tuple[Encoder, Any]:  # noqa: ANN401
    max_size, min_count = _WORDS if ngrams == UNIGRAMS else _NGRAMS
    counted, texts = tee_if_iterator(texts)
    try:
        return fit_vocab(counted, **splitting, ngrams=ngrams, max_size=max_size, min_count=min_count), texts
    except TextError:
        if min_count == 1:
            raise
    # Few short texts can be without an n-gram that occurs twice.
    counted, texts = tee_if_iterator(texts)
    return fit_vocab(counted, **splitting, ngrams=ngrams, max_size=max_size), texts


def _default_vocabulary(texts: Any, splitting: dict[str, Any]) -> tuple[Encoder, Any]:  # noqa: ANN401
    """Return a vocabulary of words and pairs, and of triples too if the texts are short."""
    encoder, texts = _fit_vocabulary(texts, splitting, (1, 2))
    lengths = encoder.corpus.row_lengths if encoder.corpus else {}
    ids = sum(length * rows for length, rows in lengths.items())
    # A row of n words has 2 n - 1 words and pairs.
    if (ids / max(sum(lengths.values()), 1) + 1) / 2 > _SHORT:
        return encoder, texts
    return _fit_vocabulary(texts, splitting, (1, 2, 3))


def _describe_ngrams(encoder: Encoder) -> str:
    return (
        f"sequences of up to {encoder.ngrams[-1]} words, or of characters in scripts without spaces, are tokens too: "
        "pass ngrams=1 for words alone"
    )


def choose_maxlen(lengths: Int64, head: str, encoder: Encoder) -> int:
    """Return the length that 99 % of the rows do not exceed, within the limit of the head."""
    longest = _LONGEST_OF_MEAN * len(encoder.ngrams) if head in BAG_HEADS else _LONGEST
    return min(max(int(np.quantile(lengths, _COVERED, method="inverted_cdf")), 1), longest) if len(lengths) else longest


@dataclass(frozen=True)
class _Data:
    """The ids and targets of all rows.

    Attributes:
        ids: The ids of each row.
        targets: The targets of the rows, ``(rows, ...)``.
        weights: The weight of each row in the loss, float32 ``(rows,)``.
        length: The length of all batches. ``None`` pads each batch to its longest row.
    """

    ids: Ragged
    targets: Array
    weights: npt.NDArray[np.float32]
    length: int | None

    def __post_init__(self) -> None:
        if len(self.ids) != len(self.targets):
            raise ArgumentError(
                f"every text must have a label: received {len(self.ids)} texts and {len(self.targets)} labels"
            )

    @classmethod
    def of(
        cls,
        ids: Ragged,
        targets: Array,
        weights: Sequence[Any] | None,
        encoder: Encoder,
        head: str,
        maxlen: int,
    ) -> _Data:
        """Return the data without the ids that the head leaves out, which saves time."""
        left_out = left_out_ids(encoder, head)
        used = ids.select(~np.isin(ids.values, left_out)) if left_out else ids
        return cls(used, targets, sample_weights_of(weights, len(targets)), batch_length(head, maxlen))

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

    def select(self, rows: Int64) -> _Data:
        """Return the data of these rows."""
        return _Data(take(self.ids, rows), self.targets[rows], self.weights[rows], self.length)

    def feed(
        self,
        order: BatchOrder = BatchOrder(512),  # noqa: B008 - immutable
        class_weights: npt.NDArray[np.float32] | None = None,
    ) -> Feed:
        """Return batches of all rows. The weight of a row is multiplied by that of its class."""
        weights = self.weights if class_weights is None else self.weights * class_weights[self.targets]

        def batch(rows: Int64) -> Batch:
            return take_padded(self.ids, rows, self.length), self.targets[rows], weights[rows]

        return Feed.of(batch, self.ids.lengths, order)


def batch_length(head: str, maxlen: int) -> int | None:
    """Return the length of all batches of a head. ``None`` if each batch is padded to its longest row."""
    return maxlen if head == "flatten" else None


def _compile(model: keras.Model, target: Target, schedule: Schedule) -> None:
    import keras

    model.compile(keras.optimizers.Adam(schedule.learning_rate), target.loss)


def evaluate(model: keras.Model, data: _Data, target: Target) -> dict[str, Any]:
    """Return the metrics of the model's predictions. Rows are not weighted."""
    parts = [(batch[1], output) for batch, output in predict_batches(model, data.feed())]
    targets = np.concatenate([targets for targets, _ in parts])
    return target.metrics(targets, np.concatenate([output for _, output in parts]).astype(np.float64))
