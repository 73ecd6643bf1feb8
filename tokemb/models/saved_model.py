"""Export SavedModels that take raw text."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path

import keras
import tensorflow as tf

from tokemb._validation import SERVED_OUTPUTS, check_choice
from tokemb.encoder import Encoder
from tokemb.errors import ArgumentError, ModelError
from tokemb.files.atomic import atomic_folder, check_folder
from tokemb.files.folders import ABOUT
from tokemb.files.output_kind import Kind
from tokemb.keras.layers.graph import Tensor
from tokemb.keras.layers.text_to_ids import TextToIds, make_layer
from tokemb.models.embedder import Embedder, load_model

_FILES = {"assets", "assets.extra", "fingerprint.pb", "saved_model.pb", "variables"}


def export_saved_model(
    encoder: Encoder,
    path: Path | str,
    *,
    model: keras.Model | Path | str | None = None,
    returns: str | None = None,
    classes: Sequence[int | str] | None = None,
    maxlen: int | None = None,
    padding: str | None = None,
    truncating: str | None = None,
    force: bool = False,
) -> TextToIds:
    """Write a SavedModel that maps raw text to ids, vectors or predictions.

    The signature ``serving_default`` has the input ``texts``, string ``(batch,)``, and one output, named like
    ``returns``, or those of ``classes``. It runs without tokemb and Keras. The folder appears complete or not at
    all. A folder that this function wrote is replaced. Missing parent folders are created, since TensorFlow Serving
    reads ``model/version``.

    Args:
        encoder: The vocabulary.
        path: The folder.
        model: A Keras model for the ids of ``encoder``, or the path of a saved one.
        returns: The output. ``"ids"``, int32 ``(batch, maxlen)``, is the default without a model. ``"predictions"``,
            the output of the model, is the default with a model. ``"vectors"``, float32 ``(batch, maxlen, dim)``, are
            the rows of the model's only ``Embedding`` for the ids.
        classes: The labels of a classifier, in the order of its outputs; two for a model with one output, the
            probability of the second. The signature then has the outputs ``label``, string ``(batch,)``, and
            ``classes``, string, and ``probabilities``, float32, both ``(batch, classes)``, instead of the predictions.
        maxlen: The length of all rows, as for ``Encoder.layer``. A model that requires a length sets it.
        padding: ``"pre"`` or ``"post"``.
        truncating: ``"pre"`` or ``"post"``.
        force: Whether to replace a read-only folder.

    Returns:
        The layer from text to ids in the SavedModel.

    Raises:
        ArgumentError: If an argument is invalid, or ``Encoder.layer`` cannot make the layer.
        ModelError: If the model was made for another vocabulary, has weights that are not finite, or cannot take the
            ids.
        OSError: If something else is at ``path``, or it cannot be written.
    """
    _check_encodable(path)
    returns = check_choice("returns", returns or ("ids" if model is None else "predictions"), SERVED_OUTPUTS)
    if (model is None) != (returns == "ids"):
        raise ArgumentError(f"returns={returns} needs {'no' if returns == 'ids' else 'a'} model")
    if Path(path).parent.is_dir():
        check_folder(Path(path), _KIND, force=force)
    if isinstance(model, (Path, str)):
        model = load_model(model)
    length = _required_length(model)
    layer = make_layer(encoder, length if maxlen is encoder.maxlen is None else maxlen, padding, truncating)
    if length not in (None, layer.maxlen):
        raise ModelError(f"the model takes rows of {length} ids; received maxlen {layer.maxlen}")
    archive = keras.export.ExportArchive()
    archive.track(layer)
    answer_for = _make_answer(model, encoder, returns, archive)
    labels = None if classes is None else _check_classes(classes, model, returns)
    named = partial(_name_outputs, returns=returns, classes=labels)

    signature = [tf.TensorSpec((None,), tf.string, name="texts")]
    serve = tf.function(lambda texts: named(answer_for(layer(texts))), input_signature=signature, autograph=False)
    try:
        serve.get_concrete_function()
    except Exception as error:  # Keras raises errors of any type
        raise ModelError(f"the model cannot take ids of shape (batch, {layer.maxlen}): {_reason(error)}") from error
    archive.add_endpoint("serve", serve)
    with _create_parents(Path(path)), atomic_folder(Path(path), _KIND, force=force) as temporary:
        archive.write_out(temporary, verbose=False)
        (temporary / ABOUT.parent).mkdir()
        about: dict[str, object] = {"fingerprint": encoder.fingerprint, "answer": returns, "maxlen": layer.maxlen}
        about |= {"classes": list(classes)} if classes else {}
        (temporary / ABOUT).write_text(json.dumps(about, indent=1) + "\n", "utf-8")
    return layer


@contextmanager
def _create_parents(path: Path) -> Iterator[None]:
    """Create the missing parent folders of ``path``, and remove them again if the block fails."""
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
    """Return the informative line of a long message, without the terminal escape codes of Keras."""
    lines = (re.sub(r"\x1b\[\d*m", "", line).strip() for line in str(error).splitlines())
    return next((line for line in lines if line and not line.startswith("Exception encounter")), type(error).__name__)


def _required_length(model: keras.Model | None) -> int | None:
    shape = getattr(model, "input_shape", None)
    return shape[1] if isinstance(shape, tuple) and len(shape) == 2 else None


def _make_answer(
    model: keras.Model | None, encoder: Encoder, returns: str, archive: keras.export.ExportArchive
) -> Callable[[Tensor], Tensor]:
    """Return the function from ids to the output, and track its weights in ``archive``."""
    if model is None:
        return lambda ids: ids
    embedder = Embedder(model, encoder)
    embedder.check_weights()
    if any(getattr(tensor, "dtype", None) == "string" for tensor in getattr(model, "inputs", None) or ()):
        raise ModelError("the model takes text already: write the SavedModel with its own method export")
    outputs = getattr(model, "outputs", None) or [None]
    if len(outputs) != 1:
        raise ModelError(f"the model must have one output; it gives {len(outputs)}")
    if returns == "vectors":
        matrix = tf.Variable(embedder.matrix, trainable=False)
        archive.track(matrix)
        return lambda ids: tf.gather(matrix, ids)
    if not model.built:
        raise ModelError("the model has no weights yet: call or train it once before the export")
    archive.track(model)
    return lambda ids: model(ids, training=False)


def _check_classes(classes: Sequence[int | str], model: keras.Model | None, returns: str) -> list[str]:
    """Return the labels as texts.

    Raises:
        ArgumentError: If they are not those of a classifier.
    """
    if model is None or returns != "predictions":
        raise ArgumentError('classes are for the predictions of a model: leave them out, or pass returns="predictions"')
    width = model.output_shape[-1] if len(model.output_shape) == 2 else None
    if width != (1 if len(classes) == 2 else len(classes)):
        raise ArgumentError(
            f"classes must be those of the model, whose output is {model.output_shape}; received {len(classes)}"
        )
    return list(map(str, classes))


def _name_outputs(output: Tensor, returns: str, classes: list[str] | None) -> dict[str, Tensor]:
    """Return the outputs of the signature by name: with ``classes`` the labels and the probabilities."""
    if classes is None:
        return {returns: output}
    probabilities = tf.concat([1 - output, output], axis=1) if output.shape[-1] == 1 else output
    labels = tf.constant(classes)
    return {
        "label": tf.gather(labels, tf.argmax(probabilities, axis=1)),
        "classes": tf.broadcast_to(labels, tf.shape(probabilities)),
        "probabilities": probabilities,
    }


def _check_encodable(path: Path | str) -> None:
    """Raise ``ArgumentError`` for a path that TensorFlow cannot write to."""
    try:
        os.path.realpath(path).encode()
    except UnicodeEncodeError:
        raise ArgumentError(f"the path of a SavedModel must be UTF-8; received {path}: use another path") from None


def _may_replace(path: Path) -> bool:
    """Return whether the folder ``path`` contains only files that ``export_saved_model`` wrote."""
    return (path / ABOUT).is_file() and {item.name for item in path.iterdir()} <= _FILES


_KIND = Kind("a SavedModel of tokemb", _may_replace)
