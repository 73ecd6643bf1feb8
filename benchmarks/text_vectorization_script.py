"""A script without tokemb: encode a text file, one row per line, to padded ids in .npy with TextVectorization.

Usage: python text_vectorization_script.py TEXT TOKENS MAXLEN OUT.npy
"""

from __future__ import annotations

import sys
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf


def main(text: str, tokens: str, maxlen: str, out: str) -> None:
    """Encode ``text`` with the tokens of the file ``tokens``, one token per line."""
    vocabulary = Path(tokens).read_text("utf-8").split("\n")
    layer = keras.layers.TextVectorization(output_sequence_length=int(maxlen), vocabulary=vocabulary)
    batches = tf.data.TextLineDataset(text).batch(256).map(layer, num_parallel_calls=tf.data.AUTOTUNE)
    np.save(out, np.concatenate([batch.numpy().astype(np.int32) for batch in batches.prefetch(tf.data.AUTOTUNE)]))


if __name__ == "__main__":
    main(*sys.argv[1:])
