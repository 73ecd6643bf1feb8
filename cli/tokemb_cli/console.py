"""The only place that writes: data to stdout, everything else to stderr."""

from __future__ import annotations

import os
import sys
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
    """Hide what TensorFlow writes to stderr while it is imported in the block; show it if that fails."""
    import tempfile  # here, so that other commands do not wait for it

    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    try:
        stderr = os.dup(2)
    except OSError:  # closed: nothing to hide
        yield
        return
    sys.stderr.flush()
    with tempfile.TemporaryFile() as noise:
        os.dup2(noise.fileno(), 2)
        try:
            yield
        except ImportError:
            noise.seek(0)
            os.write(stderr, noise.read())
            raise
        finally:
            os.dup2(stderr, 2)
            os.close(stderr)
