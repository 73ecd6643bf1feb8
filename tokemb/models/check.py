"""Whether a vocabulary, a model and ids fit together, before any work."""

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
from tokemb.models.embedder import ready_model
from tokemb.models.embedding_lookup import EmbeddingLookup
from tokemb.models.keras_model import KerasModel
from tokemb.rows.ragged import check_id_rows

if TYPE_CHECKING:
    import keras


def check(encoder: Encoder, model: keras.Model | Path | str, *ids: npt.ArrayLike | Path) -> list[Finding]:
    """What does not fit between a vocabulary, a model, and ids that the one made for the other.

    ``model``: a Keras model whose input is ids, or the path of a saved one; one that is only a look-up is read without
    TensorFlow. ``ids``: any number of integer arrays (rows, maxlen), or of files of ids as ``pathlib.Path``.

    Returns the findings, errors first; none if all fits. docs/growing.md lists what is looked at.
    Raises ``ModelError`` if the model cannot be loaded, ``OSError`` if a file cannot be read.

    >>> import tokemb
    >>> encoder = tokemb.fit_vocab(["deep learning is very deep"])
    >>> model = tokemb.embedding_model(encoder, 2)
    >>> tokemb.check(encoder, model)
    []
    >>> for finding in tokemb.check(encoder, model, [[2, 6]]):
    ...     print(finding)
    error    array 1: the model has input_dim 6, so ids go up to 5; received 6: use the vocabulary that the model was \
made for, or make the model from this one
    """
    ready = ready_model(model, None)
    findings = [*vocabulary_errors(ready, encoder), *weight_errors(ready), *vocabulary_warnings(ready, encoder)]
    if not ids and not ready.text:  # a text layer in the model makes rows of the right length
        findings += filter(None, [length_finding(ready, encoder)])
    for number, source in enumerate(ids, 1):
        findings += _findings_in(ready, encoder, source, str(source) if isinstance(source, Path) else f"array {number}")
    return sorted(findings, key=lambda finding: finding.level)


def _findings_in(
    model: EmbeddingLookup | KerasModel, encoder: Encoder, source: npt.ArrayLike | Path, name: str
) -> Iterator[Finding]:
    seen: set[str] = set()
    try:
        for finding in _id_findings(model, encoder, source):
            if finding.rule not in seen:  # the first of each is enough
                seen.add(finding.rule)
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
        made, now = file.fingerprint[:12], encoder.fingerprint[:12]
        message = f"the ids were made by the vocabulary {made}, this is {now}: encode the texts again"
        yield Finding("error", "fingerprint", message)
    for block in file.blocks():
        yield from id_errors(model, encoder, block.ids)
