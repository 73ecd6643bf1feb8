"""Texts of TensorFlow: datasets, their iterators, and tensors of UTF-8 strings.

TensorFlow is never imported here. If an object of TensorFlow is passed, it has been imported already.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import pyarrow as pa

from tokemb.errors import TextError, TextTypeError

# Rows per batch of a dataset of single texts, since each step of a dataset is far more expensive than a text.
_ROWS = 4096
# Maximum rows and bytes of an iterator that become one Arrow array.
_BATCH_ROWS = 1 << 17
_BATCH_BYTES = 8 << 20
_LIBRARIES = ("tensorflow", "tensorflow_datasets")
# The `Dataset.cardinality` of a dataset that repeats forever.
_INFINITE = -1


def is_tensorflow(value: object) -> bool:
    """Return whether the class of an object is from TensorFlow or TensorFlow Datasets, or derived from one of them."""
    return any(kind.__module__.split(".")[0] in _LIBRARIES for kind in type(value).__mro__)


def tensorflow_columns(texts: Any) -> Iterator[pa.Array]:  # noqa: ANN401
    """Yield the strings of a ``tf.data.Dataset``, an iterator of one, or a tensor, as Arrow ``large_string`` arrays.

    The elements of a dataset are single texts or batches of texts.

    Raises:
        TextTypeError: If the elements are not strings, for example tuples or dicts that contain a text.
        TextError: If a string is not UTF-8. The message names the row.
    """
    first = 0
    for rows in _batch_rows(_elements(texts)):
        yield _strings(rows, first)
        first += len(rows)


def _elements(texts: Any) -> Iterable[Any]:  # noqa: ANN401
    if hasattr(texts, "element_spec") and hasattr(texts, "as_numpy_iterator"):
        _check_spec(texts.element_spec)
        if int(texts.cardinality()) == _INFINITE:
            raise TextTypeError("texts must be finite; this dataset repeats forever: pass the dataset before repeat()")
        scalars = texts.element_spec.shape.rank == 0
        return (texts.batch(_ROWS) if scalars else texts).as_numpy_iterator()
    if hasattr(texts, "numpy"):
        return [_to_numpy(texts)]
    if not isinstance(texts, Iterable):
        raise TextTypeError(f"texts must be a column of texts; received {type(texts).__name__}")
    return map(_to_numpy, texts)


def _check_spec(spec: Any) -> None:  # noqa: ANN401
    """Raise ``TextTypeError`` unless the elements of a dataset are strings or batches of strings."""
    if isinstance(spec, (tuple, list)):
        names = "text, label" if len(spec) == 2 else "text, *rest"
        index = next((index for index, part in enumerate(spec) if _is_string(part)), 0)
        remedy = f"lambda {names}: text" if index == 0 else f"lambda *row: row[{index}]"
        raise _wrong_elements(f"tuples of {len(spec)}", remedy)
    if isinstance(spec, dict):
        key = next((key for key, part in spec.items() if _is_string(part)), next(iter(spec), "text"))
        raise _wrong_elements(f"dicts with the keys {', '.join(map(str, spec))}", f"lambda row: row[{key!r}]")
    is_tensor = type(spec).__name__ == "TensorSpec"
    if not is_tensor or not _is_string(spec):
        kind = spec.dtype.name if is_tensor else type(spec).__name__
        raise TextTypeError(f"texts must be a dataset of strings; the elements of this one are {kind}")
    if spec.shape.rank not in (0, 1, None):
        raise _wrong_elements(f"arrays of shape {tuple(spec.shape)}", "lambda texts: tf.reshape(texts, [-1])")


def _is_string(spec: Any) -> bool:  # noqa: ANN401
    return getattr(getattr(spec, "dtype", None), "name", None) == "string"


def _wrong_elements(received: str, remedy: str) -> TextTypeError:
    return TextTypeError(
        f"texts must be a dataset of texts only; the elements of this one are {received}: pass dataset.map({remedy})"
    )


def _to_numpy(element: Any) -> Any:  # noqa: ANN401
    return element.numpy() if hasattr(element, "numpy") else element


def _batch_rows(elements: Iterable[Any]) -> Iterator[list[bytes]]:
    """Yield the texts of elements in lists of bounded size. An element is one text or an array of texts."""
    rows: list[bytes] = []
    size = 0
    for element in elements:
        texts = _texts_of(element)
        rows.extend(texts)
        size += sum(map(len, texts))
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
        raise _wrong_elements(f"tuples of {len(element)}", "lambda text, label: text")
    if isinstance(element, dict):
        key = next((key for key, part in element.items() if isinstance(part, bytes)), "text")
        raise _wrong_elements(f"dicts with the keys {', '.join(map(str, element))}", f"lambda row: row[{key!r}]")
    shape = f" of shape {element.shape}" if isinstance(element, np.ndarray) else ""
    raise TextTypeError(f"texts must be a column of strings; received {type(element).__name__}{shape}: {element!r:.60}")


def _strings(rows: list[bytes], first: int) -> pa.Array:
    """Convert rows of UTF-8 to ``large_string``. The first row is ``texts[first]``."""
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
