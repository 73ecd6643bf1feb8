"""Check whether a vocabulary, a model and ids fit together."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy.typing as npt

from tokemb.encoder import Encoder
from tokemb.errors import ArgumentError
from tokemb.formats import open_ids
from tokemb.models.compatibility import (
    Finding,
    id_errors,
    length_finding,
    vocabulary_errors,
    vocabulary_warnings,
    weight_errors,
)
from tokemb.models.embedder import prepare_model
from tokemb.models.embedding_lookup import EmbeddingLookup
from tokemb.models.keras_model import KerasModel
from tokemb.rows.ragged import check_id_rows

if TYPE_CHECKING:
    import keras


def check(encoder: Encoder, model: keras.Model | Path | str, *ids: npt.ArrayLike | Path) -> list[Finding]:
    """Check whether a vocabulary, a model and ids fit together.

    Args:
        encoder: The vocabulary.
        model: A Keras model whose input is ids, or the path of a saved one. A model that is only a lookup is read
            without TensorFlow.
        *ids: Integer arrays ``(rows, maxlen)``, or files of ids as ``pathlib.Path``.

    Returns:
        The findings, errors first. The list is empty if everything fits. docs/growing.md lists the rules.

    Raises:
        ModelError: If the model cannot be loaded.
        OSError: If a file cannot be read.

    Example:
        >>> import tokemb
        >>> encoder = tokemb.fit_vocab(["deep learning is very deep"])
        >>> model = tokemb.embedding_model(encoder, 2)
        >>> tokemb.check(encoder, model)
        []
        >>> for finding in tokemb.check(encoder, model, [[2, 6]]):
        ...     print(finding)
        error    array 1: the model has input_dim 6, so ids go up to 5; received 6: use the vocabulary that the model \
was made for, or make the model from this one
    """
    prepared = prepare_model(model, None)
    findings = [
        *vocabulary_errors(prepared, encoder),
        *weight_errors(prepared),
        *vocabulary_warnings(prepared, encoder),
    ]
    if not ids and not prepared.text_fingerprints:  # a text layer in the model makes rows of the right length
        findings += filter(None, [length_finding(prepared, encoder)])
    for number, source in enumerate(ids, 1):
        name = str(source) if isinstance(source, Path) else f"array {number}"
        findings += _first_of_each_rule(prepared, encoder, source, name)
    return sorted(findings, key=lambda finding: finding.level)


def _first_of_each_rule(
    model: EmbeddingLookup | KerasModel, encoder: Encoder, source: npt.ArrayLike | Path, name: str
) -> Iterator[Finding]:
    rules: set[str] = set()
    try:
        for finding in _id_findings(model, encoder, source):
            if finding.rule not in rules:
                rules.add(finding.rule)
                yield replace(finding, message=f"{name}: {finding.message}")
    except ArgumentError as error:
        yield Finding("error", "dtype", f"{error}: encode the texts again, or save the ids as int32 (rows, maxlen)")


def _id_findings(
    model: EmbeddingLookup | KerasModel, encoder: Encoder, source: npt.ArrayLike | Path
) -> Iterator[Finding]:
    if not isinstance(source, Path):
        yield from id_errors(model, encoder, check_id_rows(source))
        return
    file = open_ids(source)
    if file.fingerprint and file.fingerprint != encoder.fingerprint:
        message = f"the ids were made by the vocabulary {file.fingerprint[:12]}, this is {encoder.fingerprint[:12]}"
        yield Finding("error", "fingerprint", f"{message}: encode the texts again")
    for block in file.blocks():
        yield from id_errors(model, encoder, block.ids)
