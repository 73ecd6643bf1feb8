"""Taggers: models that predict a tag for each token, such as names or parts of speech."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from tokemb._arrays import Int64
from tokemb._validation import check_optional_count
from tokemb.errors import ArgumentError
from tokemb.fit import fit_vocab
from tokemb.keras.datasets.order import BatchOrder
from tokemb.keras.datasets.tags import classes_of, place_tags, tagged_columns
from tokemb.models.embedding_model import EMBEDDING_NAME
from tokemb.models.pretrained import coverage, load_vectors
from tokemb.rows.ragged import Ragged, take_padded
from tokemb.training.baselines import describe_unbeaten
from tokemb.training.checkpoint_lock import locks_checkpoints
from tokemb.training.cross_validation import take_rows
from tokemb.training.early_stopping import OnEpoch
from tokemb.training.forward import Forward, forward
from tokemb.training.heads import check_classes, check_trainable
from tokemb.training.input_fitting import choose_maxlen
from tokemb.training.loop import Batch, Feed, make_reproducible
from tokemb.training.refitting import fit_and_measure
from tokemb.training.result import Trained
from tokemb.training.schedule import Schedule
from tokemb.training.sequences import UNLIMITED
from tokemb.training.tag_metrics import FrequentTags, TrueTags
from tokemb.training.tag_model import predict_tokens, tagger
from tokemb.vocabulary.profiles import EVENT_PROFILE

if TYPE_CHECKING:
    from tokemb.encoder import Encoder

LEARNING_RATE, DROPOUT = 0.003, 0.3

# A vocabulary that is fitted has one subword for so many tokens, within limits. With more, nearly all words of the
# training rows would be whole, and the subwords of new words would not be trained.
_TOKENS_PER_SUBWORD, _SUBWORDS = 12, (500, 8_000)


@dataclass(frozen=True)
class Tagged:
    """Rows of tokens and their tags.

    Attributes:
        tokens: Rows of tokens, as for ``Encoder.encode_tags``.
        tags: The tag of each token.
    """

    tokens: Any
    tags: Any

    def __len__(self) -> int:
        return len(self.tags)

    def take(self, rows: Int64) -> Tagged:
        """Return the rows at these indices, for cross-validation."""
        return Tagged(take_rows(self.tokens, rows), take_rows(self.tags, rows))


@locks_checkpoints
def train_tagger(
    rows: Tagged,
    *,
    encoder: Encoder | None = None,
    validation: Tagged | None = None,
    test: Tagged | None = None,
    head: str = "lstm",
    maxlen: int | None = None,
    dim: int | None = None,
    units: int = 64,
    dropout: float = DROPOUT,
    vectors: Path | None = None,
    trainable: bool = True,
    schedule: Schedule | None = None,
    on_epoch: OnEpoch | None = None,
) -> Trained:
    """Train a model that predicts a tag for each token.

    Args:
        rows: The tokens and their tags. The classes are the sorted tags.
        encoder: The vocabulary. ``None`` fits one to the tokens: of subwords (BPE), one for every 12 tokens but at
            least 500 and at most 8,000, or with ``vectors`` of words.
        validation: The rows that decide when training stops: after ``patience`` epochs in which neither the F1 score
            of spans (or without spans the accuracy) nor, for equal scores, the loss improves. ``None`` splits them from
            ``rows``.
        test: The test set. ``None`` computes the metrics on the validation rows.
        head: ``"lstm"`` or ``"gru"``, as for ``tokemb.training.tag_model.tagger``.
        maxlen: The length that training rows are truncated to. ``None`` uses one that 99 % of them do not exceed, at
            most 400. Rows are not truncated for predictions and metrics.
        dim: The embedding dimension. ``None`` is that of ``vectors``, or 50.
        units: The number of units in each direction.
        dropout: The dropout rate.
        vectors: A file of pre-trained vectors to start from, as for ``tokemb.models.pretrained.load_vectors``.
        trainable: Whether training changes the vectors of the tokens.
        schedule: The epochs, batch size and learning rate.
        on_epoch: A function that is called after each epoch.

    Returns:
        The model and its metrics: ``accuracy``, the share of tokens with the true tag, and if tags describe spans in
        IOB2 or IOBES, ``precision``, ``recall`` and ``f1`` of spans, as `seqeval` computes them. The same metrics with
        the prefix ``baseline_`` are those of the most frequent tag of each token.

    Raises:
        TextError: If the numbers of tokens and tags of a row differ, or a tag is missing.
        ArgumentError: If an argument is invalid.
        VectorsError: If the pre-trained vectors cannot be used.
        TrainingError: If the training diverges.
    """
    schedule = schedule or Schedule(learning_rate=LEARNING_RATE)
    maxlen = check_optional_count("maxlen", maxlen)
    check_trainable(trainable, vectors)
    tokens, tags = tagged_columns(rows.tokens, rows.tags)
    classes = classes_of(tags)
    check_classes(len(classes))
    others = _other_sets(classes, validation=validation, test=test)
    training = everything = TrueTags.of(tokens, tags, classes)
    if "validation" not in others:
        training, others["validation"] = (everything.take(part) for part in schedule.split(len(tokens)))
    encoder = encoder or _fit_vocabulary(training.tokens, is_subword=vectors is None)
    maxlen = maxlen or _choose_maxlen(encoder, training.tokens)
    encode = partial(_Data.of, encoder, maxlen=maxlen, classes=len(classes))
    data, watched = encode(training), encode(others["validation"])
    if not len(data.ids.values):
        raise ArgumentError("no token to train on has an id: use another vocabulary")
    schedule = schedule.for_rows(len(data.ids))
    pretrained = None if vectors is None else load_vectors(vectors, encoder.vocabulary)
    make_reproducible(schedule.seed)
    sizes: dict[str, Any] = {"dim": dim, "units": units, "dropout": dropout}
    start: dict[str, Any] = {"vectors": pretrained, "trainable": trainable, "seed": schedule.seed}
    model = tagger(encoder, len(classes), head=head, **sizes, **start)
    schedule.compile(model, "sparse_categorical_crossentropy")
    run, baseline = forward(model), FrequentTags.count(training)
    measure = partial(evaluate, run, encoder, baseline=baseline)
    has_validation = len(others["validation"].targets) > 0
    fitted, metrics = fit_and_measure(
        model,
        data.feed(schedule.order()),
        watched.feed() if len(watched.ids) else None,
        None if training is everything else lambda: encode(everything).feed(schedule.order()),
        schedule,
        on_epoch,
        on_validation=partial(measure, rows=others["validation"]) if has_validation else None,
        on_test=None if test is None else partial(measure, rows=others["test"]),
        # The loss of rare spans rises while more of them are found.
        score=lambda: _score(measure(rows=others["validation"])),
    )
    settings = {
        "head": head,
        "maxlen": maxlen,
        **sizes,
        "dim": int(model.get_layer(EMBEDDING_NAME).output_dim),
        "vectors": None if vectors is None else str(vectors),
        "trainable": trainable,
        "tag_without_ids": classes[baseline.of_others],
        **schedule.to_json(),
    }
    notes = [] if pretrained is None else [f"pre-trained vectors: {coverage(encoder, pretrained.found)}"]
    return Trained("tag", model, encoder, settings, metrics, fitted, classes, [*notes, *_notes(metrics)])


def _other_sets(classes: list[str], **sets: Tagged | None) -> dict[str, TrueTags]:
    """Return the validation and test sets that are given, or raise ``ArgumentError`` if one has no tokens."""
    found = {
        name: TrueTags.of(*tagged_columns(part.tokens, part.tags), classes)
        for name, part in sets.items()
        if part is not None
    }
    for name, part in found.items():
        if not len(part.targets):
            raise ArgumentError(f"the {name} set has no tokens: pass one that has tokens")
    return found


def _fit_vocabulary(tokens: pa.LargeListArray, *, is_subword: bool) -> Encoder:
    if not is_subword:
        return fit_vocab(tokens, profile=EVENT_PROFILE)
    least, most = _SUBWORDS
    size = min(max(len(tokens.flatten()) // _TOKENS_PER_SUBWORD, least), most)
    return fit_vocab(tokens, profile=EVENT_PROFILE, algorithm="bpe", max_size=size)


def _choose_maxlen(encoder: Encoder, tokens: pa.LargeListArray) -> int:
    shape = encoder.pad_truncate(UNLIMITED, None, None)
    return choose_maxlen(encoder.encode_column_words(tokens, shape)[0].rows.lengths, "lstm", encoder)


@dataclass(frozen=True)
class _Data:
    """Rows of ids, truncated, with the class and the weight of each id."""

    ids: Ragged
    targets: Ragged
    weights: Ragged

    @classmethod
    def of(cls, encoder: Encoder, rows: TrueTags, maxlen: int, classes: int) -> _Data:
        """Encode rows. Tags that are none of the classes of the model have the weight 0."""
        encoded, words = encoder.encode_column_words(rows.tokens, encoder.pad_truncate(maxlen, None, None))
        targets, weights = place_tags(words, rows.targets)
        is_known = targets.values < classes
        return cls(
            encoded.rows,
            Ragged(targets.values * is_known, targets.row_splits),
            Ragged(weights.values * is_known, weights.row_splits),
        )

    def feed(self, order: BatchOrder = BatchOrder(512)) -> Feed:  # noqa: B008 - immutable
        """Return batches of all rows."""

        def batch(rows: Int64) -> Batch:
            ids, targets, weights = (take_padded(each, rows) for each in (self.ids, self.targets, self.weights))
            return ids, targets, weights.astype(np.float32)

        return Feed.of(batch, self.ids.lengths, order)


def evaluate(run: Forward, encoder: Encoder, rows: TrueTags, baseline: FrequentTags) -> dict[str, Any]:
    """Return the metrics of a model, given as a function, and with the prefix ``baseline_`` those of the baseline."""
    predicted = predict_tokens(run, encoder, rows.tokens).classes
    predicted = np.where(predicted < 0, np.int32(baseline.of_others), predicted)
    metrics = {"rows": len(rows.tokens), "tokens": len(rows.targets), **rows.metrics(predicted)}
    return metrics | {f"baseline_{name}": value for name, value in rows.metrics(baseline.predict(rows)).items()}


def _score(metrics: Mapping[str, Any]) -> float:
    """Return the metric that a tagger should maximize: the F1 score of spans, or without spans the accuracy."""
    return float(metrics.get("f1", metrics["accuracy"]))


def _notes(metrics: Mapping[str, Any]) -> Iterator[str]:
    if not metrics:
        return
    metric, name = ("f1", "F1") if "f1" in metrics else ("accuracy", "accuracy")
    baseline = {"the most frequent tag of each token": metrics[f"baseline_{metric}"]}
    yield from describe_unbeaten(metrics[metric], baseline, higher_is_better=True, metric=name)
    if metric == "accuracy":
        yield "the tags are not in IOB2 or IOBES, such as B-PER, I-PER and O, so there are no metrics of spans"
