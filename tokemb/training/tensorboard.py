"""Write the losses of each epoch for TensorBoard."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from tokemb.errors import ArgumentError
from tokemb.sources.texts import is_unicode
from tokemb.training.early_stopping import OnEpoch


def log_epochs(path: Path | str, on_epoch: OnEpoch | None = None) -> OnEpoch:
    """Return a function for ``on_epoch`` that writes losses as scalars of TensorBoard.

    Args:
        path: The folder of the event files. It is created. Each training adds a file.
        on_epoch: A function that is called too.

    Raises:
        ArgumentError: If the name of the folder is not UTF-8, so that TensorFlow cannot write to it.
        OSError: If the folder cannot be written.
    """
    if not is_unicode(os.path.realpath(path)):
        raise ArgumentError(f"the path for TensorBoard must be UTF-8; received {path}: use another path")
    import tensorflow as tf

    Path(path).mkdir(parents=True, exist_ok=True)
    writer = tf.summary.create_file_writer(str(path))
    # TensorFlow's own function for scalars requires the package tensorboard, which only shows them.
    metadata = tf.compat.v1.SummaryMetadata()
    metadata.plugin_data.plugin_name = "scalars"

    def write(epoch: int, losses: Mapping[str, float]) -> None:
        with writer.as_default(step=epoch):
            for name, loss in losses.items():
                tf.summary.write(name.replace(" ", "_"), tf.constant(loss, tf.float32), metadata=metadata)
        writer.flush()
        if on_epoch is not None:
            on_epoch(epoch, losses)

    return write
