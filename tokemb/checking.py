"""Whether a vocabulary, a model and ids fit together, before any work."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy.typing as npt

from tokemb.contract import Finding, id_errors, length_finding, vocabulary_errors, vocabulary_warnings
from tokemb.embedder import ready_model
from tokemb.encoder import Encoder
from tokemb.errors import ArgumentError
from tokemb.lookup import LookUp
from tokemb.network import Network
from tokemb.npy import open_ids
from tokemb.ragged import check_id_rows

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
    findings = [*vocabulary_errors(ready, encoder), *vocabulary_warnings(ready, encoder)]
    if not ids:
        findings += filter(None, [length_finding(ready, encoder)])
    for number, source in enumerate(ids, 1):
        findings += _findings_in(ready, encoder, source, str(source) if isinstance(source, Path) else f"array {number}")
    return sorted(findings, key=lambda finding: finding.level)


def _findings_in(
    model: LookUp | Network, encoder: Encoder, source: npt.ArrayLike | Path, name: str
) -> Iterator[Finding]:
    try:
        ids = open_ids(source) if isinstance(source, Path) else check_id_rows(source)
    except ArgumentError as error:
        yield Finding("error", "dtype", f"{error}: encode the texts again, or save the ids as int32 (rows, maxlen)")
        return
    for finding in id_errors(model, encoder, ids):
        yield replace(finding, message=f"{name}: {finding.message}")
