"""Texts of TensorFlow: data sets, their iterators and tensors, whose strings are bytes of UTF-8.

TensorFlow is never imported here: an object of its own shows that it is there already.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import pyarrow as pa

from tokemb.errors import TextError, TextTypeError

# Rows of a data set of single texts that are taken together, as each step of a data set costs far more than a text.
_ROWS = 4096
# Rows and bytes of an iterator that become one Arrow array.
_BATCH_ROWS = 1 << 17
_BATCH_BYTES = 8 << 20
_LIBRARIES = ("tensorflow", "tensorflow_datasets")
# What `Dataset.cardinality` says of one that repeats without end.
_INFINITE = -1


def is_tensorflow(value: object) -> bool:
    """Return whether an object is of a class of TensorFlow or TensorFlow Datasets, or of one derived from it."""
    return any(kind.__module__.split(".")[0] in _LIBRARIES for kind in type(value).__mro__)


def tensorflow_columns(texts: Any) -> Iterator[pa.Array]:  # noqa: ANN401
    """Yield the strings of a ``tf.data.Dataset``, an iterator of one, or a tensor, as Arrow ``large_string`` arrays.

    A data set gives one text per element, or batches of texts.

    Raises:
        TextTypeError: If the elements are no strings, or are tuples or dicts of which one part is the text.
        TextError: If a string is not UTF-8. The message names the row.
    """
    first = 0
    for rows in _together(_elements(texts)):
        yield _strings(rows, first)
        first += len(rows)


def _elements(texts: Any) -> Iterable[Any]:  # noqa: ANN401
    if hasattr(texts, "element_spec") and hasattr(texts, "as_numpy_iterator"):
        _check_spec(texts.element_spec)
        if int(texts.cardinality()) == _INFINITE:
            raise TextTypeError("texts must have an end; this data set repeats forever: pass it before its repeat()")
        scalars = texts.element_spec.shape.rank == 0
        return (texts.batch(_ROWS) if scalars else texts).as_numpy_iterator()
    if hasattr(texts, "numpy"):
        return [_value(texts)]
    if not isinstance(texts, Iterable):
        raise TextTypeError(f"texts must be a column of texts; received {type(texts).__name__}")
    return map(_value, texts)


def _check_spec(spec: Any) -> None:  # noqa: ANN401
    """Raise ``TextTypeError`` unless the elements of a data set are strings, one or a batch."""
    if isinstance(spec, (tuple, list)):
        names = "text, label" if len(spec) == 2 else "text, *rest"
        place = next((place for place, part in enumerate(spec) if _is_string(part)), 0)
        remedy = f"lambda {names}: text" if place == 0 else f"lambda *row: row[{place}]"
        raise _no_texts(f"tuples of {len(spec)}", remedy)
    if isinstance(spec, dict):
        key = next((key for key, part in spec.items() if _is_string(part)), next(iter(spec), "text"))
        raise _no_texts(f"dicts with the keys {', '.join(map(str, spec))}", f"lambda row: row[{key!r}]")
    is_tensor = type(spec).__name__ == "TensorSpec"
    if not is_tensor or not _is_string(spec):
        kind = spec.dtype.name if is_tensor else type(spec).__name__
        raise TextTypeError(f"texts must be a data set of strings; the elements of this one are {kind}")
    if spec.shape.rank not in (0, 1, None):
        raise _no_texts(f"arrays of shape {tuple(spec.shape)}", "lambda texts: tf.reshape(texts, [-1])")


def _is_string(spec: Any) -> bool:  # noqa: ANN401
    return getattr(getattr(spec, "dtype", None), "name", None) == "string"


def _no_texts(received: str, remedy: str) -> TextTypeError:
    return TextTypeError(
        f"texts must be a data set of texts alone; the elements of this one are {received}: pass dataset.map({remedy})"
    )


def _value(element: Any) -> Any:  # noqa: ANN401
    return element.numpy() if hasattr(element, "numpy") else element


def _together(elements: Iterable[Any]) -> Iterator[list[bytes]]:
    """Yield the texts of elements, each of which is one text or an array of texts, in lists of bounded size."""
    rows: list[bytes] = []
    size = 0
    for element in elements:
        here = _texts_of(element)
        rows.extend(here)
        size += sum(map(len, here))
        if size >= _BATCH_BYTES or len(rows) >= _BATCH_ROWS:
            yield rows
            rows, size = [], 0
    if rows:
        yield rows


def _texts_of(element: Any) -> list[bytes]:  # noqa: ANN401
    if isinstance(element, bytes):
        return [element]
    if isinstance(element, np.ndarray) and element.ndim == 1 and element.dtype.kind in "OS":
        texts = element.tolist()
        if all(isinstance(text, bytes) for text in texts):
            return texts
    if isinstance(element, (tuple, list)):
        raise _no_texts(f"tuples of {len(element)}", "lambda text, label: text")
    if isinstance(element, dict):
        key = next((key for key, part in element.items() if isinstance(part, bytes)), "text")
        raise _no_texts(f"dicts with the keys {', '.join(map(str, element))}", f"lambda row: row[{key!r}]")
    shape = f" of shape {element.shape}" if isinstance(element, np.ndarray) else ""
    raise TextTypeError(f"texts must be a column of strings; received {type(element).__name__}{shape}: {element!r:.60}")


def _strings(rows: list[bytes], first: int) -> pa.Array:
    """Check that ``rows``, of which the first is ``texts[first]``, are UTF-8, and return them as ``large_string``."""
    try:
        return pa.array(rows, pa.large_binary()).cast(pa.large_string())
    except pa.ArrowInvalid:
        row = next(row for row, text in enumerate(rows) if not _is_utf8(text))
        raise TextError(
            f"texts[{first + row}] is not UTF-8: {rows[row]!r:.80}; convert it, for example with "
            'dataset.map(lambda text: tf.strings.unicode_transcode(text, "ISO-8859-1", "UTF-8"))'
        ) from None


def _is_utf8(text: bytes) -> bool:
    try:
        text.decode()
    except UnicodeDecodeError:
        return False
    return True
