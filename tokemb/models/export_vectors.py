"""Export the vectors of a model to word2vec's text and binary formats and to NumPy's ``.npz``."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tokemb._arrays import Float32
from tokemb._validation import check_choice
from tokemb.encoder import Encoder
from tokemb.errors import ArgumentError, ModelError
from tokemb.files.atomic import atomic_file, check_output
from tokemb.files.output_kind import Kind
from tokemb.models.embedder import Embedder

if TYPE_CHECKING:
    import keras


# The longest first row of vectors, in bytes.
_LONGEST_ROW = 1 << 20


def vectors_kind(suffix: str) -> Kind:
    """Return the kind of files with ``suffix`` that ``export_vectors`` writes."""
    return Kind(f"a {suffix} file of token vectors", partial(_matches, suffix))


def _matches(suffix: str, path: Path) -> bool:
    if suffix == ".npz":
        return _is_archive(path)
    with path.open("rb") as file:
        header = re.fullmatch(rb"([0-9]+) ([0-9]+)\n", file.readline(64))
        if header is None:
            return False
        rows, dim = map(int, header.groups())
        if suffix == ".bin":
            return path.stat().st_size >= file.tell() + rows * (4 * dim + 1)
        return not rows or len(file.readline(_LONGEST_ROW).split(b" ")) == dim + 1


def _is_archive(path: Path) -> bool:
    try:
        with zipfile.ZipFile(path) as archive:
            return set(archive.namelist()) == {"tokens.npy", "vectors.npy"}
    except zipfile.BadZipFile:
        return False


_BLOCK_ROWS = 1 << 12


def export_vectors(model: keras.Model | Path | str, encoder: Encoder, path: Path | str, *, force: bool = False) -> int:
    """Write the vector of every token of the vocabulary except padding, in the order of ids.

    Args:
        model: A Keras model, or the path of a saved one. The weights of the ``Embedding`` that ids go to are written.
        encoder: The vocabulary.
        path: The file. It ends in ``.txt`` or ``.vec`` for word2vec's text format, ``.bin`` for its binary format, or
            ``.npz`` for an archive of ``tokens``, strings ``(rows,)``, and ``vectors``, float32 ``(rows, dim)``.
            Loading the file returns the same bits.
        force: Whether to replace a file that does not contain vectors in this format.

    Returns:
        The number of vectors.

    Raises:
        OutputExistsError: If there is another file at ``path``, without ``force``.
        ArgumentError: If the file has another extension, or the format cannot represent a token.
        ModelError: If the model was made for another vocabulary, its ids do not go to exactly one ``Embedding``, or a
            weight is NaN or infinite.
        OSError: If the file cannot be written.
    """
    path = Path(path)
    check_vectors_output(path, force=force)
    if encoder.buckets is not None:
        raise ArgumentError(
            f"a file of vectors has one vector per token, and cannot hold those of {encoder.buckets}: read the weights "
            "of the Embedding from the model"
        )
    embedder = Embedder(model, encoder)
    tokens, matrix = encoder.vocabulary, embedder.matrix
    ids = [index for index, token in enumerate(tokens) if token and index != encoder.pad_id]
    return write_vectors(path, [tokens[index] for index in ids], matrix[ids], force=force)


def check_vectors_output(path: Path, *, force: bool = False) -> None:
    """Raise the errors of ``write_vectors`` for the output, before the vectors are loaded."""
    check_choice("the ending of the file", path.suffix, _WRITERS)
    check_output(path, vectors_kind(path.suffix), force=force)


def write_vectors(path: Path, tokens: Sequence[str], vectors: Float32, *, force: bool = False) -> int:
    """Write vectors, float32 ``(tokens, dim)``, as ``export_vectors`` does. Return their number.

    Raises:
        OutputExistsError: If there is another file at ``path``, without ``force``.
        ArgumentError: If the format cannot represent a token.
        ModelError: If a vector is NaN or infinite.
    """
    if not np.isfinite(vectors).all():
        raise ModelError(
            "the vectors of the model are NaN or infinite: train it again from finite weights and a smaller "
            "learning rate"
        )
    with atomic_file(path, vectors_kind(path.suffix), force=force) as temporary:
        _WRITERS[path.suffix](temporary, tokens, vectors)
    return len(tokens)


def _check_tokens(tokens: Sequence[str], ending: str, forbidden: str) -> None:
    for token in tokens:
        if not set(token).isdisjoint(forbidden):
            raise ArgumentError(f"a token in a {ending} file must contain none of {forbidden!r}; received {token!r}")


def _write_text(path: Path, tokens: Sequence[str], vectors: Float32) -> None:
    import pyarrow as pa

    _check_tokens(tokens, "text", " \t\n\v\f\r")
    with path.open("wb") as file:
        file.write(b"%d %d\n" % vectors.shape)
        for start in range(0, len(tokens), _BLOCK_ROWS):
            block = vectors[start : start + _BLOCK_ROWS]
            # Arrow writes the shortest digits that identify each float32.
            numbers = pa.array(block.reshape(-1)).cast(pa.string()).to_numpy(zero_copy_only=False).reshape(block.shape)
            rows = zip(tokens[start : start + _BLOCK_ROWS], numbers.tolist(), strict=True)
            file.writelines(f"{token} {' '.join(row)}\n".encode() for token, row in rows)


def _write_binary(path: Path, tokens: Sequence[str], vectors: Float32) -> None:
    _check_tokens(tokens, ".bin", " \n")
    with path.open("wb") as file:
        file.write(b"%d %d\n" % vectors.shape)
        for token, vector in zip(tokens, vectors.astype("<f4", copy=False), strict=True):
            file.write(token.encode() + b" " + vector.tobytes() + b"\n")


def _write_archive(path: Path, tokens: Sequence[str], vectors: Float32) -> None:
    if any(token.endswith("\0") for token in tokens):
        raise ArgumentError(
            "a token in an .npz file must not end in the character U+0000, which NumPy would drop: write a .bin file"
        )
    np.savez(path, tokens=np.array(tokens, np.str_), vectors=vectors)


_WRITERS: dict[str, Callable[[Path, Sequence[str], Float32], None]] = {
    ".txt": _write_text,
    ".vec": _write_text,
    ".bin": _write_binary,
    ".npz": _write_archive,
}
