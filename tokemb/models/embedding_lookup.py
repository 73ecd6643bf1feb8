"""Models that only look rows up: recognize them, and read them from a ``.keras`` file without TensorFlow."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from tokemb._arrays import Bool, Float32, Int32
from tokemb.files.hdf5 import release_frames
from tokemb.models.keras_archive import open_weights, read_archive
from tokemb.rows.pooling import pool_lookup
from tokemb.rows.ragged import Ragged
from tokemb.rows.threads import parallel_map, split_evenly, thread_count

if TYPE_CHECKING:
    import h5py
    import keras

# The group of the first Embedding layer's weights in the HDF5 file of Keras 3.
_VARIABLES = "layers/embedding/vars"

# Ids per chunk. The 64-bit indices that NumPy makes of them stay in the processor's cache.
_CHUNK_IDS = 1 << 14
# At least so many chunks per thread, so that all threads end at about the same time.
_CHUNKS_PER_THREAD = 8


@dataclass(frozen=True)
class EmbeddingLookup:
    """A model that is one ``Embedding`` layer.

    Attributes:
        names: The names of the model and its layers.
        mask_zero: Whether the layer masks id 0.
        matrix: The weights of the layer, float32 ``(input_dim, output_dim)``.
        threads: The number of threads. ``None`` uses all cores.
        text_fingerprints: The fingerprints of the vocabularies in layers before this one that turn text into ids.
    """

    names: tuple[str, ...]
    mask_zero: bool
    matrix: Float32
    threads: int | None = None
    text_fingerprints: tuple[str, ...] = ()

    @property
    def input_dim(self) -> int:
        """The highest id plus one."""
        return self.matrix.shape[0]

    @property
    def maxlen(self) -> None:
        """The required length of rows: ``None``, since a lookup takes rows of any length."""
        return

    @property
    def output_dim(self) -> int:
        """The size of a vector."""
        return self.matrix.shape[1]

    def is_finite(self) -> bool:
        """Return whether no weight is NaN or infinite."""
        return all_finite(self.matrix)

    @property
    def digest(self) -> str:
        """A digest of the weights, 16 hexadecimal digits."""
        return sha256(np.ascontiguousarray(self.matrix).data).hexdigest()[:16]

    def vectors(self, ids: Int32) -> Float32:
        """Return the vectors of ids ``(rows, maxlen)`` below ``input_dim``: float32 ``(rows, maxlen, output_dim)``."""
        vectors = np.empty((*ids.shape, self.output_dim), np.float32)
        flat, out = ids.reshape(-1), vectors.reshape(ids.size, self.output_dim)
        workers = len(split_evenly(len(flat), vectors.size, thread_count(self.threads)))
        step = min(_CHUNK_IDS, -(-len(flat) // (_CHUNKS_PER_THREAD * workers)) or 1)

        def gather(starts: Iterator[int]) -> None:
            for start in starts:
                chunk = slice(start, start + step)
                # No id needs clipping, but with "clip" NumPy writes directly into the result. The lock is not held.
                np.take(self.matrix, flat[chunk], axis=0, out=out[chunk], mode="clip")

        # All threads take the next chunk from one iterator, so none waits for one whose core or memory is slower.
        parallel_map(gather, [(iter(range(0, len(flat), step)),)] * workers)
        return vectors

    def pool_padded(self, ids: Int32, real: Bool, pooling: str) -> Float32:
        """Pool the vectors of ids ``(rows, maxlen)`` where ``real`` ``(rows, maxlen)`` is true.

        Returns:
            float32 array ``(rows, output_dim)``.
        """
        padded = Ragged(ids.reshape(-1), np.arange(len(ids) + 1, dtype=np.int64) * ids.shape[1])
        return self.pool_rows(padded.select(real.reshape(-1), self.threads), pooling)

    def pool_rows(self, rows: Ragged, pooling: str) -> Float32:
        """Pool the vectors of each row. Return float32 ``(rows, output_dim)``."""
        return pool_lookup(self.matrix, rows, pooling, self.threads)


def all_finite(numbers: npt.NDArray[np.floating[Any]]) -> bool:
    """Return whether no number is NaN or infinite."""
    flat = numbers.reshape(-1)
    with np.errstate(all="ignore"):  # the product may overflow although the numbers are finite
        return bool(np.isfinite(flat @ flat) or np.isfinite(flat).all())


def read_lookup(path: Path) -> EmbeddingLookup | None:
    """Read the lookup in a ``.keras`` file as ``tokemb.embedding_model`` makes it.

    Returns:
        The lookup. ``None`` if the file contains another model, or is damaged: Keras then reports the error.
    """
    try:
        config, _ = read_archive(path)
        layer = _only_embedding(config)
        if layer is None:
            return None
        with open_weights(path) as file:
            matrix = _matrix_in(file[_VARIABLES], (layer["input_dim"], layer["output_dim"]))
    except Exception as error:  # Keras finds the damage too
        release_frames(error)
        return None
    if matrix is None:
        return None
    return EmbeddingLookup((config["config"]["name"],), bool(layer["mask_zero"]), matrix)


def _matrix_in(variables: h5py.Group, shape: tuple[int, int]) -> Float32 | None:
    """Read the matrix of the layer, or return ``None`` unless it is the only variable and float32 of this shape."""
    if set(variables) != {"0"} or variables["0"].dtype != np.float32 or variables["0"].shape != shape:
        return None
    matrix: Float32 = variables["0"][()]
    return matrix


def _only_embedding(config: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Return the config of the ``Embedding`` if a model consists of an input and that layer. Otherwise ``None``."""
    if (config["class_name"], config["registered_name"]) != ("Functional", "Functional"):
        return None
    layers = config["config"]["layers"]
    kinds = [(layer["module"], layer["class_name"], layer["registered_name"]) for layer in layers]
    if kinds != [("keras.layers", "InputLayer", None), ("keras.layers", "Embedding", None)]:
        return None
    if config["config"]["output_layers"] != [layers[1]["name"], 0, 0]:
        return None
    if layers[0]["config"]["batch_shape"] != [None, None]:
        return None
    embedding: Mapping[str, Any] = layers[1]["config"]
    policy = embedding["dtype"]
    plain = policy == "float32" or (policy["class_name"], policy["config"]["name"]) == ("DTypePolicy", "float32")
    return embedding if plain and not embedding.get("quantization_config") and not embedding.get("lora_rank") else None


def embedding_lookup_of(model: keras.Model) -> EmbeddingLookup | None:
    """Return ``model`` as a lookup, or ``None`` if it does anything else."""
    import keras

    if not type(model).__module__.startswith("keras."):  # the call of a user's class may do anything
        return None
    is_graph = not isinstance(model, keras.Sequential)
    # Operations such as a product are part of the graph, but not layers.
    operations = getattr(model, "operations", []) if is_graph else model.layers
    steps = [operation for operation in operations if type(operation) is not keras.layers.InputLayer]
    if len(steps) != 1 or type(steps[0]) is not keras.layers.Embedding or not steps[0].built:
        return None
    layer = steps[0]
    if layer.compute_dtype != "float32" or getattr(layer, "quantization_mode", None):
        return None
    if getattr(layer, "lora_enabled", False):
        return None
    if is_graph and [tuple(tensor.shape) for tensor in (*model.inputs, *model.outputs)] != [
        (None, None),
        (None, None, layer.output_dim),
    ]:
        return None
    return EmbeddingLookup((model.name,), bool(layer.mask_zero), _matrix_of(layer))


def _matrix_of(layer: keras.layers.Embedding) -> Float32:
    """Return the current weights, float32 ``(input_dim, output_dim)``."""
    # TensorFlow reads a variable without a copy. It copies the variable before a change if the old value is in use.
    read = getattr(layer.embeddings.value, "read_value", lambda: layer.embeddings)
    return np.asarray(read(), np.float32)
