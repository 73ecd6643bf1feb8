"""Folders for TensorBoard's embedding projector: vectors and token metadata as tab-separated text."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from tokemb._arrays import Float32
from tokemb.analysis.token_vectors import TokenVectors
from tokemb.encoder import Encoder
from tokemb.files.atomic import atomic_folder
from tokemb.files.output_kind import Kind
from tokemb.models.embedding_model import EMBEDDING_NAME
from tokemb.vocabulary.escape_token import escape_token

if TYPE_CHECKING:
    import keras

VECTORS, METADATA, CONFIG = "vectors.tsv", "metadata.tsv", "projector_config.pbtxt"

_BLOCK_ROWS = 1 << 12

# A ProjectorConfig of the plugin. With a tensor_path it needs no checkpoint.
_CONFIG = f"""\
embeddings {{
  tensor_name: "{EMBEDDING_NAME}"
  tensor_path: "{VECTORS}"
  metadata_path: "{METADATA}"
}}
"""


def export_projector(
    model: keras.Model | Path | str | TokenVectors, encoder: Encoder | None, path: Path | str, *, force: bool = False
) -> int:
    """Write the vectors of all real tokens, ordered by id, to a folder. A folder of an earlier call is replaced.

    ``vectors.tsv`` has one row per token and one column per dimension. Its digits round-trip float32. ``metadata.tsv``
    has a header and the columns token, id and, if any is known, count. Invisible characters of tokens, such as tabs and
    newlines, are escaped.

    Args:
        model: A Keras model or vectors, as for ``TokenVectors.load``.
        encoder: The vocabulary of the model.
        path: The folder.
        force: Whether to replace a read-only folder.

    Returns:
        The number of tokens.

    Raises:
        OSError: If something else is at ``path``, or the folder cannot be written. Other errors are those of
            ``TokenVectors.load``.
    """
    vectors = TokenVectors.load(model, encoder)
    rows = np.flatnonzero(vectors.real)
    with atomic_folder(Path(path), Kind("a folder for the projector", _is_projector_folder), force=force) as folder:
        with (folder / VECTORS).open("wb") as file:
            file.writelines(_vector_lines(vectors.matrix[rows]))
        with (folder / METADATA).open("wb") as file:
            file.writelines(_metadata_lines(vectors, rows.tolist()))
        (folder / CONFIG).write_bytes(_CONFIG.encode())
    return len(rows)


def _is_projector_folder(folder: Path) -> bool:
    names = {file.name for file in folder.iterdir()}
    return names == {VECTORS, METADATA, CONFIG} and (folder / CONFIG).read_bytes() == _CONFIG.encode()


def _vector_lines(matrix: Float32) -> Iterator[bytes]:
    for start in range(0, len(matrix), _BLOCK_ROWS):
        block = matrix[start : start + _BLOCK_ROWS]
        numbers = pa.array(block.reshape(-1)).cast(pa.string()).to_numpy(zero_copy_only=False).reshape(block.shape)
        yield from (f"{chr(9).join(row)}\n".encode() for row in numbers.tolist())


def _metadata_lines(vectors: TokenVectors, rows: list[int]) -> Iterator[bytes]:
    has_counts = bool((vectors.counts[rows] >= 0).any())
    yield b"token\tid\tcount\n" if has_counts else b"token\tid\n"
    for row in rows:
        count = vectors.count(row)
        counts = [] if not has_counts else ["" if count is None else str(count)]
        yield ("\t".join([escape_token(vectors.tokens[row]), str(row), *counts]) + "\n").encode()
