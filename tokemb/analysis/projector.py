"""A folder for TensorBoard's embedding projector: vectors and what is known of their tokens, as tab-separated text."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from tokemb.analysis.escape_token import escape_token
from tokemb.analysis.token_vectors import TokenVectors
from tokemb.encoder import Encoder
from tokemb.files.atomic import atomic_folder
from tokemb.files.output_kind import Kind
from tokemb.models.embedding_model import EMBEDDING_NAME
from tokemb.rows.pooling import Float32

if TYPE_CHECKING:
    import keras

VECTORS, METADATA, CONFIG = "vectors.tsv", "metadata.tsv", "projector_config.pbtxt"

_BLOCK_ROWS = 1 << 12

# A ProjectorConfig of the plugin; with a tensor_path no checkpoint is needed.
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
    """Write the vectors of all real tokens, in the order of ids, to the folder ``path``, and give how many there are.

    ``vectors.tsv`` has a row a token and a column a dimension, with the digits that give the same float32;
    ``metadata.tsv`` a line of names and then token, id and, where any is known, count in the corpus. A tab, a newline
    and other characters that are not seen stand in a token as escapes. A folder that an earlier call wrote is replaced.
    ``force``: replace a read-only folder too.
    ``model``, ``encoder``: as for ``TokenVectors.load``, with its errors; ``OSError`` if something else is at ``path``,
    or for the disk.
    """
    vectors = TokenVectors.load(model, encoder)
    rows = np.flatnonzero(vectors.real)
    with atomic_folder(Path(path), Kind("a folder for the projector", _is_ours), force=force) as folder:
        with (folder / VECTORS).open("wb") as file:
            file.writelines(_numbers(vectors.matrix[rows]))
        with (folder / METADATA).open("wb") as file:
            file.writelines(_described(vectors, rows.tolist()))
        (folder / CONFIG).write_bytes(_CONFIG.encode())
    return len(rows)


def _is_ours(folder: Path) -> bool:
    names = {file.name for file in folder.iterdir()}
    return names == {VECTORS, METADATA, CONFIG} and (folder / CONFIG).read_bytes() == _CONFIG.encode()


def _numbers(matrix: Float32) -> Iterator[bytes]:
    for start in range(0, len(matrix), _BLOCK_ROWS):
        block = matrix[start : start + _BLOCK_ROWS]
        numbers = pa.array(block.reshape(-1)).cast(pa.string()).to_numpy(zero_copy_only=False).reshape(block.shape)
        yield from (f"{chr(9).join(row)}\n".encode() for row in numbers.tolist())


def _described(vectors: TokenVectors, rows: list[int]) -> Iterator[bytes]:
    counted = bool((vectors.counts[rows] >= 0).any())
    yield b"token\tid\tcount\n" if counted else b"token\tid\n"
    for row in rows:
        count = vectors.count(row)
        counts = [] if not counted else ["" if count is None else str(count)]
        yield ("\t".join([escape_token(vectors.tokens[row]), str(row), *counts]) + "\n").encode()
