"""Choose the vocabularies and the lengths of the inputs of a classifier."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tokemb._arrays import Int64
from tokemb._validation import BAG_HEADS, UNIGRAMS, check_left_out, check_ngrams
from tokemb.engine.ngrams import SEPARATOR
from tokemb.errors import TextError
from tokemb.fit import fit_vocab
from tokemb.rows.ragged import Ragged
from tokemb.sources.texts import tee_if_iterator
from tokemb.tables import ColumnEncoder
from tokemb.tables.fitting import FitSettings, column_texts, fit_columns
from tokemb.tables.selection import Selection
from tokemb.tables.tables import joined_batches, table_batches
from tokemb.training.inputs import Inputs, Rows, TableInputs, TextInputs, TextRows

if TYPE_CHECKING:
    from tokemb.encoder import Encoder

# The n-grams of a vocabulary that is fitted for the heads that ignore the order: words and pairs of words. With
# sequences of three words, classifiers of short texts are less accurate.
_PAIRS = 2

# The maximum number of tokens of a vocabulary that is fitted, and their minimum count: for words, and for n-grams.
_WORDS, _NGRAMS = (30_000, 1), (100_000, 2)

# The profile of short texts, in which punctuation marks are evidence. The accuracy on others is the same without them.
_SHORT_PROFILE = "words-and-punctuation"
_NOTE_ON_PUNCTUATION = (
    f"punctuation marks are tokens too, because the texts are short: the vocabulary has the profile {_SHORT_PROFILE}"
)
_NOTE_ON_PAIRS = (
    "pairs of neighbouring words, or of characters in scripts without spaces, are tokens too: "
    "pass ngrams=1 for words alone"
)

# The length that is chosen is one that this share of the rows does not exceed, within a limit. The limit is higher for
# heads that ignore the order, because they are fast.
_COVERED, _LONGEST, _LONGEST_OF_MEAN = 0.99, 400, 1024


@dataclass(frozen=True)
class Splitting:
    """How texts are split if a vocabulary is fitted to them: arguments of ``fit_vocab``. ``None`` is the default."""

    profile: str | None
    segmenter: str | None
    user_dictionary: Path | None
    ngrams: int | Sequence[int] | None

    @property
    def is_default(self) -> bool:
        """Whether the words are those of the default profile."""
        return self.profile is None and self.segmenter is None

    def for_head(self, head: str) -> tuple[Splitting, list[str]]:
        """Return the splitting with the n-grams that a head has by default, and a note if they are pairs."""
        if self.ngrams is not None or head not in BAG_HEADS:
            return self, []
        return replace(self, ngrams=_PAIRS), [_NOTE_ON_PAIRS]

    def fit(self, texts: Any) -> tuple[Encoder, Any]:  # noqa: ANN401 - any texts
        """Return a vocabulary of the texts, and the texts, which can be read again."""
        ngrams = check_ngrams(self.ngrams)
        max_size, min_count = _WORDS if ngrams == UNIGRAMS else _NGRAMS
        arguments: dict[str, Any] = {**vars(self), "ngrams": ngrams, "max_size": max_size}
        counted, texts = tee_if_iterator(texts)
        try:
            return fit_vocab(counted, **arguments, min_count=min_count), texts
        except TextError:
            if min_count == 1:
                raise
        # In a few short texts, no n-gram may occur twice.
        counted, texts = tee_if_iterator(texts)
        return fit_vocab(counted, **arguments), texts

    def check_unused(self, encoder: Encoder | ColumnEncoder, vectors: Path | None) -> None:
        """Raise ``ArgumentError`` for options that have no effect with a vocabulary that is already fitted."""
        if isinstance(encoder, ColumnEncoder):
            why = "with encoder=..., which is fitted to the columns of a table"
            check_left_out(why, **vars(self), vectors=vectors)
            return
        check_left_out(f"with encoder=..., whose n-grams are {list(encoder.ngrams)}", ngrams=self.ngrams)
        why = "with encoder=..., which contains its segmenter"
        check_left_out(why, segmenter=self.segmenter, user_dictionary=self.user_dictionary)


def choose_inputs(
    rows: Any,  # noqa: ANN401 - texts or a table
    encoder: Encoder | ColumnEncoder | None,
    splitting: Splitting,
    *,
    head: str,
    maxlen: int | None,
    vectors: Path | None,
) -> tuple[Inputs, Rows, list[str]]:
    """Return the inputs of a model, the encoded rows, and notes on what was chosen.

    Args:
        rows: Texts, or a table for a ``ColumnEncoder``.
        encoder: The vocabulary. ``None`` fits one to the texts.
        splitting: How the texts are split if ``encoder`` is ``None``.
        head: The head of the model.
        maxlen: The length that rows are truncated to. ``None`` chooses it.
        vectors: The pre-trained vectors of a training, which have no n-grams.
    """
    notes: list[str] = []
    if encoder is not None:
        splitting.check_unused(encoder, vectors)
    if isinstance(encoder, ColumnEncoder):
        return *_table_inputs(rows, encoder, head, maxlen), notes
    if encoder is not None:
        return *_text_inputs(rows, encoder, head, maxlen), notes
    if vectors is None:
        splitting, notes = splitting.for_head(head)
    encoder, rows = splitting.fit(rows)
    measured, rows = tee_if_iterator(rows)
    inputs, encoded = _text_inputs(measured, encoder, head, maxlen)
    if inputs.is_short and splitting.is_default and vectors is None:
        other, rows = replace(splitting, profile=_SHORT_PROFILE).fit(rows)
        with_punctuation, encoded_with_punctuation = _text_inputs(rows, other, head, maxlen)
        if with_punctuation.is_short and _has_other_words(other, encoder):
            return with_punctuation, encoded_with_punctuation, [*notes, _NOTE_ON_PUNCTUATION]
    return inputs, encoded, notes


def _has_other_words(other: Encoder, encoder: Encoder) -> bool:
    """Return whether a vocabulary has words or marks that another one lacks. Their pairs of words may differ, too."""
    words = {token for token in other.vocabulary if SEPARATOR not in token}
    return not words.issubset(encoder.vocabulary)


def _text_inputs(texts: Any, encoder: Encoder, head: str, maxlen: int | None) -> tuple[TextInputs, TextRows]:  # noqa: ANN401
    """Return the inputs of texts with a length, and the encoded texts."""
    measured, texts = tee_if_iterator(texts)
    ids = encoder.encode_ragged(measured, maxlen=maxlen)
    maxlen = maxlen or encoder.maxlen or choose_maxlen(ids.lengths, head, encoder)
    inputs = TextInputs(encoder, head, maxlen)
    # The vocabulary decides which ids of longer rows are left out: it can keep an end token, or the end of the text.
    return inputs, inputs.encode(texts) if ids.lengths.max(initial=0) > maxlen else inputs.rows(ids)


def _table_inputs(table: Any, encoder: ColumnEncoder, head: str, maxlen: int | None) -> tuple[Inputs, Rows]:  # noqa: ANN401
    """Return the inputs of a table with lengths of all texts, and the encoded table."""
    batches = list(table_batches(table, encoder.parts, cells=encoder.cells))
    texts = [column for column in encoder.columns if column.kind == "texts"]
    lengths = {column.name: maxlen or column.maxlen for column in texts}
    if None in lengths.values():
        untruncated = encoder.encode_table(batches).columns
        for name, length in lengths.items():
            rows = untruncated[name]
            if length is None and isinstance(rows, Ragged):
                lengths[name] = choose_maxlen(rows.lengths, head, encoder.vocabularies[name])
    inputs = TableInputs(encoder.with_maxlen(lengths), head)
    return inputs, inputs.encode(iter(batches))


def fit_inputs(
    table: Any,  # noqa: ANN401
    *,
    texts: Iterable[str] = (),
    columns: Sequence[str | Sequence[str]] = (),
    multi: Iterable[str] | Mapping[str, str | None] = (),
    numbers: Iterable[str] = (),
    profile: str | None = None,
    segmenter: str | None = None,
    user_dictionary: Path | None = None,
    ngrams: int | Sequence[int] | None = None,
    head: str = "mean",
    **reading: Any,  # noqa: ANN401
) -> ColumnEncoder:
    """Fit the columns of a table for ``train_classifier``, with its defaults for the vocabularies of texts.

    Args:
        table: A table, as for ``ColumnEncoder.fit``. It is read into memory.
        texts: The columns of texts.
        columns: The columns of values, as for ``ColumnEncoder.fit``. Values that occur once are out of vocabulary. They
            share one trained embedding, which is also that of new values. If all values of a column occur once, they
            are in the vocabulary.
        multi: The columns of lists in cells, as for ``ColumnEncoder.fit``.
        numbers: The columns of numbers.
        profile: As for ``train_classifier``.
        segmenter: As for ``train_classifier``.
        user_dictionary: As for ``train_classifier``.
        ngrams: As for ``train_classifier``.
        head: As for ``train_classifier``.
        **reading: Arguments for files, as for ``ColumnEncoder.fit``.

    Raises:
        ArgumentError: If an argument is invalid. Other errors are those of ``ColumnEncoder.fit``.
    """
    selection = Selection.of(columns, texts, multi, numbers)
    batches = list(table_batches(table, selection.parts, cells=selection.cells, **reading))
    splitting, _ = Splitting(profile, segmenter, user_dictionary, ngrams).for_head(head)
    rows = joined_batches(batches)
    vocabularies = {name: splitting.fit(column_texts(name, rows))[0] for name in selection.texts}
    fitted, encoders, count = fit_columns(
        batches, replace(selection, texts=vocabularies), FitSettings(leave_out_single=True)
    )
    return ColumnEncoder(fitted, encoders, rows=count)


def choose_maxlen(lengths: Int64, head: str, encoder: Encoder) -> int:
    """Return the length that 99 % of the rows do not exceed, within the limit of the head."""
    longest = _LONGEST_OF_MEAN * len(encoder.ngrams) if head in BAG_HEADS else _LONGEST
    return min(max(int(np.quantile(lengths, _COVERED, method="inverted_cdf")), 1), longest) if len(lengths) else longest
