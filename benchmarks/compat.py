"""A benchmark of old Keras code with one changed import."""

from __future__ import annotations

from typing import Any

import numpy as np

import tokemb.keras.legacy.sequence
import tokemb.keras.legacy.text
from benchmarks import peers
from benchmarks.agreement import DisagreementError, same_ids, same_vocabulary
from benchmarks.measuring import Comparison, Outcome, Party, compare
from benchmarks.setting import MAXLEN, Setting

LEGACY = "Keras Tokenizer"


def tokenizer(setting: Setting) -> Outcome:
    """Measure fitting a ``Tokenizer`` to a list of ``str``, encoding the list, and padding the ids."""

    def work(package: Any) -> tuple[Any, list[list[int]], np.ndarray]:
        fitted = package.text.Tokenizer()
        fitted.fit_on_texts(setting.texts)
        sequences = fitted.texts_to_sequences(setting.texts)
        return fitted, sequences, package.sequence.pad_sequences(sequences, maxlen=MAXLEN)

    parties = [Party("tokemb", lambda _: work(tokemb.keras.legacy)), Party(LEGACY, work, peers.legacy_preprocessing)]
    return compare(
        "fit, sequences and padding, Keras' names",
        parties,
        [Comparison(LEGACY, least=6)],
        _check,
        repeat=setting.repeat,
        touch=setting.touch,
        size=setting.size,
    )


def _check(results: dict[str, Any]) -> None:
    (ours, our_sequences, our_ids), (theirs, their_sequences, their_ids) = results["tokemb"], results[LEGACY]
    same_vocabulary("tokemb", list(ours.word_index), LEGACY, list(theirs.word_index))
    for name in ("word_index", "index_word", "word_counts", "word_docs", "index_docs", "document_count"):
        if getattr(ours, name) != getattr(theirs, name):
            raise DisagreementError(f"tokemb and {LEGACY} differ in {name}")
    if our_sequences != their_sequences:
        raise DisagreementError(f"tokemb and {LEGACY} give other sequences")
    same_ids({"tokemb": our_ids, LEGACY: their_ids}, "tokemb", LEGACY)
