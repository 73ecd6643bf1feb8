"""The only place that writes: data to stdout, everything else to stderr."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

import click


def note(text: str) -> None:
    """Tell the user something that is not data."""
    click.echo(text, err=True)


def data(text: str) -> None:
    """Write a line of data."""
    click.echo(text)


@contextmanager
def quiet_tensorflow() -> Iterator[None]:
    """Import Keras without what TensorFlow writes to stderr on the way; if the import fails, that is shown."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    sys.stderr.flush()
    kept = os.dup(2)
    with tempfile.TemporaryFile() as noise:
        os.dup2(noise.fileno(), 2)
        try:
            import keras  # noqa: F401
        except BaseException:
            noise.seek(0)
            os.write(kept, noise.read())
            raise
        finally:
            os.dup2(kept, 2)
            os.close(kept)
    yield
