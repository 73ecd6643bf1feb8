"""The same work with other libraries, each in its fastest way."""

from __future__ import annotations

import json
import os
from itertools import chain
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np
from tokenizers import Tokenizer, trainers

if TYPE_CHECKING:
    import keras
    import tiktoken

from benchmarks.agreement import Array

# Rows per batch. With more, TextVectorization is about as fast, and `tokenizers` is slower and needs more memory.
_LAYER_ROWS = 256
_TOKENIZERS_ROWS = 8192

# The regular expression of GPT-2's published code, as tiktoken writes it.
_GPT2_PATTERN = r"'(?:[sdmt]|ll|ve|re)| ?\p{L}++| ?\p{N}++| ?[^\s\p{L}\p{N}]++|\s++$|\s+(?!\S)|\s"


# Keras


def adapted(texts: list[str], max_size: int, maxlen: int | None = None, **options: object) -> Any:
    """Return a ``TextVectorization`` with ``max_size`` words besides padding and OOV."""
    import keras

    layer = keras.layers.TextVectorization(max_tokens=max_size + 2, output_sequence_length=maxlen, **options)
    layer.adapt(texts)
    return layer


def layer_with_buckets(words: list[str], buckets: int, maxlen: int, **options: object) -> Any:
    """Return a ``TextVectorization`` whose words are looked up by a ``StringLookup`` with OOV buckets."""
    import keras

    layer = keras.layers.TextVectorization(output_sequence_length=maxlen, **options)
    layer._lookup_layer = keras.layers.StringLookup(vocabulary=words, mask_token="", num_oov_indices=buckets)
    return layer


def vectorize(layer: Any, texts: list[str], maxlen: int) -> Array:
    """Apply the layer to all texts in parallel, and return one array."""
    import tensorflow as tf

    batches = tf.data.Dataset.from_tensor_slices(texts).batch(_LAYER_ROWS)
    ids, row = np.empty((len(texts), maxlen), np.int32), 0
    for batch in batches.map(layer, num_parallel_calls=tf.data.AUTOTUNE).prefetch(tf.data.AUTOTUNE):
        ids[row : row + len(batch)] = batch
        row += len(batch)
    return ids


def legacy_tokenizer(texts: list[str], max_size: int) -> Any:
    """Return the legacy Keras ``Tokenizer`` with OOV id 1, fitted."""
    import tensorflow as tf

    tokenizer = tf.keras.preprocessing.text.Tokenizer(num_words=max_size + 2, oov_token="[UNK]")
    tokenizer.fit_on_texts(texts)
    return tokenizer


def legacy_encode(tokenizer: Any, texts: list[str], maxlen: int) -> Array:
    """Run ``texts_to_sequences`` and ``pad_sequences``."""
    import keras

    sequences = tokenizer.texts_to_sequences(texts)
    return keras.utils.pad_sequences(sequences, maxlen=maxlen, padding="post", truncating="post")


def legacy_preprocessing() -> Any:
    """Return the legacy package of Keras with the modules ``text`` and ``sequence``."""
    import tensorflow as tf

    return tf.keras.preprocessing


def pooling_model(model: keras.Model) -> keras.Model:
    """Return ``model`` followed by Keras' own mean without padding."""
    import keras

    return keras.Model(model.input, keras.layers.GlobalAveragePooling1D()(model.output))


# tokenizers


def tokenizers_padded(tokenizer: Tokenizer, texts: list[str], maxlen: int) -> Array:
    """Return padded ids. The tokenizer truncates and pads."""
    ids = np.empty((len(texts), maxlen), np.int32)
    for row in range(0, len(texts), _TOKENIZERS_ROWS):
        batch = tokenizer.encode_batch_fast(texts[row : row + _TOKENIZERS_ROWS])
        ids[row : row + len(batch)] = np.array([each.ids for each in batch], np.int32)
    return ids


def tokenizers_ragged(tokenizer: Tokenizer, texts: list[str]) -> tuple[Array, Array]:
    """Return ids without padding: values and row splits."""
    values, lengths = [], []
    for row in range(0, len(texts), _TOKENIZERS_ROWS):
        batch = [each.ids for each in tokenizer.encode_batch_fast(texts[row : row + _TOKENIZERS_ROWS])]
        values.append(np.fromiter(chain.from_iterable(batch), np.int32))
        lengths += map(len, batch)
    return np.concatenate(values), np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)])


def tokenizers_trained(saved: Path, texts: list[str], max_size: int) -> Tokenizer:
    """Train a word-level vocabulary with `tokenizers` and the components of a saved file."""
    components = json.loads(saved.read_text("utf-8"))
    empty = {"type": "WordLevel", "vocab": {}, "unk_token": "[UNK]"}
    nothing = {"added_tokens": [], "truncation": None, "padding": None}
    tokenizer = Tokenizer.from_str(json.dumps({**components, **nothing, "model": empty}))
    trainer = trainers.WordLevelTrainer(vocab_size=max_size + 2, special_tokens=["", "[UNK]"], show_progress=False)
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer


def tokenizers_bpe(saved: Path, texts: list[str], max_size: int) -> Tokenizer:
    """Train a BPE vocabulary with `tokenizers`, the splitting of a saved file and the mark of tokemb before words."""
    components = json.loads(saved.read_text("utf-8"))
    splitting = [components["pre_tokenizer"], {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always"}]
    bpe = {
        **{"version": "1.0", "added_tokens": [], "truncation": None, "padding": None},
        **{"normalizer": components["normalizer"], "post_processor": None, "decoder": None},
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": splitting},
        "model": {"type": "BPE", "vocab": {}, "merges": []},
    }
    tokenizer = Tokenizer.from_str(json.dumps(bpe))
    trainer = trainers.BpeTrainer(vocab_size=max_size + 2, special_tokens=["", "[UNK]"], show_progress=False)
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer


def ids_in_order(vocabulary: dict[str, int]) -> list[str]:
    """Return the tokens of a map from token to id, ordered by id."""
    return sorted(vocabulary, key=vocabulary.__getitem__)


# The extra `bench`


def nanotoken_padded(tokenizer: Any, texts: list[str], maxlen: int) -> Array:
    """Return padded ids, without the mask and the type ids."""
    return tokenizer.encode_batch_padded(
        texts,
        max_length=maxlen,
        truncation=True,
        padding="max_length",
        return_attention_mask=False,
        return_token_type_ids=False,
    )["input_ids"]


def awkward_ragged(rows: Any) -> tuple[Array, Array]:
    """Return the values and row splits of a result of gigatoken."""
    return np.asarray(rows.layout.content.data), np.asarray(rows.layout.offsets.data)


def byte_level_tiktoken(tiktoken: ModuleType, saved: Path) -> tuple[tiktoken.Encoding, Array]:
    """Return a tiktoken encoding with the merges of a byte-level BPE file, and the file's id for each of its ids.

    The ids of tiktoken follow the order of the merges, which differs from the order of the file's ids.
    """
    from tokenizers.pre_tokenizers import ByteLevel

    model = json.loads(saved.read_text("utf-8"))["model"]
    letters = _bytes_of_letters()
    if set(letters) != set(ByteLevel.alphabet()):
        raise AssertionError("the byte-level alphabet has changed")
    pairs = [merge.split(" ") if isinstance(merge, str) else merge for merge in model["merges"]]
    tokens = [*letters, *map("".join, pairs)]
    ranks = {bytes(letters[letter] for letter in token): rank for rank, token in enumerate(tokens)}
    encoding = tiktoken.Encoding("merges", pat_str=_GPT2_PATTERN, mergeable_ranks=ranks, special_tokens={})
    return encoding, np.array([model["vocab"][token] for token in tokens], np.int32)


def tiktoken_ragged(rows: list[list[int]], ids: Array) -> tuple[Array, Array]:
    """Return the values and row splits of a result of tiktoken, as ids of the file."""
    lengths = np.fromiter(map(len, rows), np.int64)
    values = np.fromiter(chain.from_iterable(rows), np.int32)
    return ids[values], np.concatenate([[0], np.cumsum(lengths)])


def model2vec_vectors(model: Any, texts: list[str]) -> Array:
    """Return mean vectors. Restore the threads of `tokenizers`, which model2vec disables for the whole process."""
    before = os.environ.get("TOKENIZERS_PARALLELISM")
    try:
        return model.encode(texts)
    finally:
        os.environ["TOKENIZERS_PARALLELISM"] = before or "true"


def _bytes_of_letters() -> dict[str, int]:
    """Return the letter of byte-level BPE for each byte: itself if it is visible, else the next one from U+0100."""
    seen = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    unseen = [byte for byte in range(256) if byte not in seen]
    return {chr(byte): byte for byte in seen} | {chr(0x100 + i): byte for i, byte in enumerate(unseen)}
