"""SavedModels that take raw text."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import keras
import tensorflow as tf

from tokemb._validation import check_choice
from tokemb.encoder import Encoder
from tokemb.errors import ArgumentError, ModelError
from tokemb.files.atomic import atomic_folder, check_folder
from tokemb.files.output_kind import Kind
from tokemb.keras.layers.graph import Tensor
from tokemb.keras.layers.text_to_ids import TextToIds, make_layer
from tokemb.models.embedder import Embedder, load_model

ANSWERS = ("ids", "vectors", "predictions")

# Beside the assets of TensorFlow, as its guides have it for the files of others.
_ABOUT = Path("assets.extra", "tokemb.json")
_FILES = {"assets", "assets.extra", "fingerprint.pb", "saved_model.pb", "variables"}


def export_saved_model(
    encoder: Encoder,
    path: Path | str,
    *,
    model: keras.Model | Path | str | None = None,
    answer: str | None = None,
    maxlen: int | None = None,
    padding: str | None = None,
    truncating: str | None = None,
    force: bool = False,
) -> TextToIds:
    """Write a SavedModel from raw text, string (batch,), to ids, vectors or predictions; whole or not at all.

    ``model``: a Keras model for the ids of ``encoder``, or the path of a saved one.
    ``answer``: ``"ids"``, int32 (batch, maxlen), the default without a model; ``"vectors"``, float32 (batch, maxlen,
    dim), what the model's one ``Embedding`` holds for the ids; ``"predictions"``, the model's output, the default.
    ``maxlen``, ``padding``, ``truncating``: as for ``Encoder.layer``; a model of one length of rows decides ``maxlen``.
    ``force``: replace a read-only folder too.

    The signature ``serving_default`` has the input ``texts`` and one output, named like ``answer``. Neither tokemb nor
    Keras is needed to run it. A folder that this wrote is replaced; missing parent
    folders are created, as TensorFlow Serving reads ``model/version``. Returns the layer that is in it.

    Raises what ``Encoder.layer`` raises; ``ModelError`` for a model of another vocabulary, with weights that are not
    finite, or that cannot take the ids; ``OSError`` if something else is at ``path``, or it cannot be written.
    """
    _check_encodable(path)
    answer = check_choice("answer", answer or ("ids" if model is None else "predictions"), ANSWERS)
    if (model is None) != (answer == "ids"):
        raise ArgumentError(f"the answer {answer} needs {'no' if answer == 'ids' else 'a'} model")
    if Path(path).parent.is_dir():
        check_folder(Path(path), _KIND, force=force)
    if isinstance(model, (Path, str)):
        model = load_model(model)
    length = _length_of_rows(model)
    layer = make_layer(encoder, length if maxlen is encoder.maxlen is None else maxlen, padding, truncating)
    if length not in (None, layer.maxlen):
        raise ModelError(f"the model takes rows of {length} ids; received maxlen {layer.maxlen}")
    archive = keras.export.ExportArchive()
    archive.track(layer)
    of_ids = _of_ids(model, encoder, answer, archive)

    signature = [tf.TensorSpec((None,), tf.string, name="texts")]
    serve = tf.function(lambda texts: {answer: of_ids(layer(texts))}, input_signature=signature, autograph=False)
    try:
        serve.get_concrete_function()
    except Exception as error:  # Keras raises all kinds
        raise ModelError(f"the model cannot take ids of shape (batch, {layer.maxlen}): {_reason(error)}") from error
    archive.add_endpoint("serve", serve)
    with _parents(Path(path)), atomic_folder(Path(path), _KIND, force=force) as temporary:
        archive.write_out(temporary, verbose=False)
        (temporary / _ABOUT.parent).mkdir()
        about = {"fingerprint": encoder.fingerprint, "answer": answer, "maxlen": layer.maxlen}
        (temporary / _ABOUT).write_text(json.dumps(about, indent=1) + "\n", "utf-8")
    return layer


@contextmanager
def _parents(path: Path) -> Iterator[None]:
    """Create the missing parent folders of ``path``; remove them again if the block fails."""
    missing = [folder for folder in path.parents if not folder.exists()]
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        yield
    except BaseException:
        for folder in missing:
            with suppress(OSError):
                folder.rmdir()
        raise


def _reason(error: Exception) -> str:
    """The line that matters of a message of many, without the marks for terminals that Keras puts into it."""
    lines = (re.sub(r"\x1b\[\d*m", "", line).strip() for line in str(error).splitlines())
    return next((line for line in lines if line and not line.startswith("Exception encounter")), type(error).__name__)


def _length_of_rows(model: keras.Model | None) -> int | None:
    shape = getattr(model, "input_shape", None)
    return shape[1] if isinstance(shape, tuple) and len(shape) == 2 else None


def _of_ids(
    model: keras.Model | None, encoder: Encoder, answer: str, archive: keras.export.ExportArchive
) -> Callable[[Tensor], Tensor]:
    """What becomes of ids."""
    if model is None:
        return lambda ids: ids
    embedder = Embedder(model, encoder)
    embedder.check_weights()
    if any(getattr(tensor, "dtype", None) == "string" for tensor in getattr(model, "inputs", None) or ()):
        raise ModelError("the model takes text already: its own method export writes a SavedModel")
    outputs = getattr(model, "outputs", None) or [None]
    if len(outputs) != 1:
        raise ModelError(f"the model must have one output; it gives {len(outputs)}")
    if answer == "vectors":
        matrix = tf.Variable(embedder.matrix, trainable=False)
        archive.track(matrix)
        return lambda ids: tf.gather(matrix, ids)
    if not model.built:
        raise ModelError("the model has no weights yet: call it once, or train it, before it is exported")
    archive.track(model)
    return lambda ids: model(ids, training=False)


def _check_encodable(path: Path | str) -> None:
    """Raise ``ArgumentError`` for a path that TensorFlow cannot write to."""
    try:
        os.path.realpath(path).encode()
    except UnicodeEncodeError:
        raise ArgumentError(f"TensorFlow writes only to paths that are UTF-8; received {path}: name another") from None


def _may_replace(path: Path) -> bool:
    """Whether the folder ``path`` is one that ``export_saved_model`` wrote, and nothing else."""
    return (path / _ABOUT).is_file() and {item.name for item in path.iterdir()} <= _FILES


_KIND = Kind("a SavedModel of tokemb", _may_replace)
