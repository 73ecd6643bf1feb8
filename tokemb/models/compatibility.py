"""The rules that a vocabulary, a model and ids must satisfy, and the remedies if they do not."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from tokemb._arrays import Array
from tokemb.encoder import Encoder
from tokemb.models.embedding_lookup import EmbeddingLookup
from tokemb.models.embedding_model import FINGERPRINT_DIGITS, fingerprint_in_name
from tokemb.models.keras_model import KerasModel
from tokemb.rows.ragged import Ragged

_REMEDY = "use the vocabulary that the model was made for, or make the model from this one"


@dataclass(frozen=True)
class Finding:
    """A rule that is violated.

    Attributes:
        level: ``"error"`` if results would be wrong or impossible, ``"warning"`` if they may be unexpected.
        rule: The rule: ``"fingerprint"``, ``"input_dim"``, ``"mask_zero"``, ``"weights"``, ``"padding"``,
            ``"maxlen"``, ``"dtype"`` or ``"ids"``.
        message: The problem and its remedy, in one sentence.
    """

    level: str
    rule: str
    message: str

    def __str__(self) -> str:
        return f"{self.level:<8} {self.message}"


def vocabulary_errors(model: EmbeddingLookup | KerasModel, encoder: Encoder) -> Iterator[Finding]:
    """Yield the reasons why ``model`` cannot take the ids of ``encoder``."""
    grown_from = (encoder.settings or {}).get("grown_from", ())
    yield from fingerprint_errors(model.names, model.text_fingerprints, encoder.fingerprint, grown_from)
    if model.mask_zero and encoder.pad_id != 0:
        padding = "has no padding" if encoder.pad_id is None else f"pads with {encoder.pad_id}"
        message = f"the model masks id 0, but the vocabulary {padding}"
        remedy = "make the model with embedding_model(..., mask_zero=False)"
        yield Finding("error", "mask_zero", f"{message}: {remedy}")
    if model.input_dim is not None and model.input_dim < encoder.input_dim:
        message = f"the model has input_dim {model.input_dim}, the vocabulary needs {encoder.input_dim}: {_REMEDY}"
        yield Finding("error", "input_dim", message)


def fingerprint_errors(
    names: Iterable[str], text_fingerprints: Iterable[str], fingerprint: str, grown_from: Sequence[str] = ()
) -> Iterator[Finding]:
    """Yield an error for each other vocabulary that a model was made for.

    Args:
        names: The names of the model and its layers. Some contain a fingerprint.
        text_fingerprints: The fingerprints of the vocabularies in the model's layers that turn text into ids.
        fingerprint: The fingerprint of the vocabulary.
        grown_from: The fingerprints of the vocabularies that it grew from.
    """
    for made_for in sorted(set(filter(None, map(fingerprint_in_name, names)))):
        if not fingerprint.startswith(made_for):
            yield _other_vocabulary("the model was made for the vocabulary", made_for, fingerprint, grown_from)
    for other in sorted(set(text_fingerprints) - {fingerprint}):
        digits = other[:FINGERPRINT_DIGITS]
        yield _other_vocabulary("a text layer in the model holds the vocabulary", digits, fingerprint, grown_from)


def _other_vocabulary(fact: str, digits: str, fingerprint: str, grown_from: Sequence[str]) -> Finding:
    message = f"{fact} {digits}, this is {fingerprint[: len(digits)]}"
    if any(before.startswith(digits) for before in grown_from):
        message += ", which grew from it: use the grown model, or grow this one with tokemb.grow_model"
    else:
        message += ": use the vocabulary that it was made for"
    return Finding("error", "fingerprint", message)


def weight_errors(model: EmbeddingLookup | KerasModel) -> Iterator[Finding]:
    """Yield an error if weights of a model are NaN or infinite."""
    if not model.is_finite():
        message = "weights of the model are NaN or infinite, so its output is too"
        yield Finding("error", "weights", f"{message}: train it again from finite weights and a smaller learning rate")


def vocabulary_warnings(model: EmbeddingLookup | KerasModel, encoder: Encoder) -> Iterator[Finding]:
    """Yield the reasons why the output of ``model`` for the ids of ``encoder`` may be unexpected."""
    shared = shared_padding(encoder)
    if shared is not None:
        yield Finding("warning", "padding", f"{shared}: give each an id of its own, or make the model without a mask")
    if model.input_dim is None:
        message = "the Embedding that takes the ids was not found, so ids are not compared with its input_dim"
        yield Finding("warning", "input_dim", f"{message}: feed the ids to an Embedding unchanged")
    elif not model.mask_zero and encoder.pad_id == 0:
        message = "the Embedding of the model does not mask padding, so later layers read it as a token"
        yield Finding(
            "warning",
            "mask_zero",
            f"{message}: make the model with embedding_model(..., mask_zero=True), unless this is intended",
        )


def shared_padding(encoder: Encoder) -> str | None:
    """Return the problem of a vocabulary whose padding and OOV token share an id. ``None`` if they do not."""
    if encoder.pad_id is not None and encoder.pad_id == encoder.unk_id:
        return f"id {encoder.pad_id} is both padding and out-of-vocabulary: a mask hides both"
    return None


def length_finding(model: EmbeddingLookup | KerasModel, encoder: Encoder) -> Finding | None:
    """Return a finding if the default length of the rows of ``encoder`` is not the length that ``model`` takes."""
    default_length = encoder.pad_truncate(None, None, None).fixed_length
    if model.maxlen in (None, default_length):
        return None
    message, remedy = f"the model takes rows of {model.maxlen} ids", f"use encode(..., maxlen={model.maxlen})"
    if default_length is None:
        return Finding("warning", "maxlen", f"{message}, the vocabulary pads them to the longest row: {remedy}")
    return Finding("error", "maxlen", f"{message}, the vocabulary makes rows of {default_length}: {remedy}")


def id_errors(model: EmbeddingLookup | KerasModel, encoder: Encoder, rows: Array | Ragged) -> Iterator[Finding]:
    """Yield the reasons why ``model`` cannot take rows of ids, or why ``encoder`` cannot have made them.

    Args:
        model: The model.
        encoder: The vocabulary.
        rows: Integer array ``(rows, maxlen)``, or a ``Ragged``.
    """
    ids = rows.values if isinstance(rows, Ragged) else rows
    if model.maxlen is not None and ids.ndim == 2 and ids.shape[1] != model.maxlen:
        message = f"the model takes rows of {model.maxlen} ids, these have {ids.shape[1]}"
        yield Finding("error", "maxlen", f"{message}: use encode(..., maxlen={model.maxlen})")
    if not ids.size:
        return
    lowest, highest = int(ids.min()), int(ids.max())
    error = range_error(lowest, highest, model.input_dim)
    if error is not None:
        yield Finding("error", "ids", error)
    elif highest >= encoder.input_dim:
        message = f"the vocabulary has ids up to {encoder.input_dim - 1}; received {highest}"
        yield Finding("error", "ids", f"{message}: use the vocabulary that made these ids, or encode the texts again")


def range_error(lowest: int, highest: int, input_dim: int | None) -> str | None:
    """Return the message for ids from ``lowest`` to ``highest`` that a model cannot take. ``None`` if it can."""
    if lowest < 0:
        return f"ids must not be negative; received {lowest}"
    if input_dim is None or highest < input_dim:
        return None
    return f"the model has input_dim {input_dim}, so ids go up to {input_dim - 1}; received {highest}: {_REMEDY}"
