"""Errors and warnings for values that are not texts, or that are probably not the intended texts."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tokemb.errors import TextError, TextTypeError
from tokemb.sources.tensorflow_texts import is_tensorflow

# Rows that are checked before a warning.
_SAMPLE = 1000


def wrong_table(texts: Any) -> TextTypeError:  # noqa: ANN401
    """Return the error for a table that is passed instead of one of its columns."""
    names = [str(name) for name in _column_names(texts)]
    name = next((name for name in names if "text" in name.lower()), names[0] if names else None)
    has = "" if name is None else f" (here {', '.join(map(repr, names[:10]))}), for example texts[{name!r}]"
    return TextTypeError(
        f"texts must be one column, not a {type(texts).__name__}: pass the column that contains the texts{has}"
    )


def _column_names(texts: Any) -> Sequence[Any]:  # noqa: ANN401
    if isinstance(texts, dict):
        return list(texts)
    names: Any = getattr(texts, "column_names", None)
    names = getattr(texts, "columns", ()) if names is None else names
    try:
        return [name for name in names if isinstance(name, (str, int))]
    except TypeError:
        return ()


def wrong_array(texts: np.ndarray[Any, Any]) -> TextTypeError:
    """Return the error for an array that does not have exactly one axis."""
    remedy = ": pass texts[:, 0], or texts.ravel() if every element is a text" if texts.ndim == 2 else ""
    return TextTypeError(f"texts must be one column; received an array of shape {texts.shape}{remedy}")


def wrong_row(value: object, row: int) -> TextError | TextTypeError:
    """Return the error for a row that is not text."""
    if value is None or repr(value) in ("nan", "np.float64(nan)", "<NA>", "NaT"):
        return TextError(f"texts[{row}] is missing ({value!r}): fill or drop it first")
    if isinstance(value, Path):
        return TextTypeError(f"texts and files cannot be mixed: every row must be a str; texts[{row}] is {value!r:.80}")
    remedy = ""
    if isinstance(value, bytes):
        remedy = ", which is bytes: decode each text, for example with [text.decode() for text in texts]"
    elif is_tensorflow(value):
        remedy = ", which is a tensor: pass the dataset itself, or text.numpy().decode() of each text"
    return TextTypeError(f"every row must be a str, or every row a list of str; texts[{row}] is {value!r:.80}{remedy}")


def warn_of_whole_texts(rows: list[Any]) -> None:
    """Warn if each row is a list of one token that is a whole text, as in ``df[["text"]].values.tolist()``.

    There is no warning for a single row, or if only a few tokens contain spaces, such as "New York".
    """
    sample = rows[:_SAMPLE]
    if len(sample) < 2 or any(isinstance(row, str) or len(row) != 1 for row in sample):
        return
    with_space = sum(len(str(row[0]).split()) > 1 for row in sample)
    if with_space * 2 > len(sample):
        warnings.warn(
            "every row is a list of one token, and most of these tokens contain white space, such as "
            f"{str(sample[0][0])!r:.60}: tokens in lists are not split; if they are whole texts, pass "
            "[row[0] for row in texts], or one column of the table",
            UserWarning,
            stacklevel=2,
        )
