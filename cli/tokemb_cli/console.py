"""All output of the commands: data goes to stdout, everything else to stderr."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from tokemb_cli import signals, streams


def note(*lines: str) -> None:
    """Write lines for the user to stderr. Invisible characters and line breaks are escaped."""
    for line in lines:
        click.echo(escaped(line), err=True)


def show(line: str) -> None:
    """Write a line of a result to standard output. Invisible characters are escaped."""
    click.echo(escaped(line))


def show_json(value: Any) -> None:  # noqa: ANN401 - any JSON
    """Write indented JSON to standard output. Invisible characters are escaped."""
    import json

    from tokemb.vocabulary.escape_token import escape_json

    click.echo(escape_json(json.dumps(value, ensure_ascii=False, indent=2)))


def quoted(argument: Path | str) -> str:
    """Quote a path or a text for a shell, for a suggested command."""
    from tokemb.vocabulary.escape_token import quoted as quote

    return quote(str(argument))


def escaped(message: str, keep: str = "") -> str:
    """Escape the invisible characters of a message, except those in ``keep``."""
    if message.isprintable():
        return message
    from tokemb.vocabulary.escape_token import escape_text  # here, because few messages need it

    return escape_text(message, keep)


def note_stopped(outcome: str = "no incomplete file stays") -> click.exceptions.Exit:
    """Tell the user that a signal stopped the command, and return the exception that ends it.

    Args:
        outcome: The state of the output. It is not shown if data was written to standard output.
    """
    note(f"{signals.describe()}: {'standard output is incomplete' if streams.output_was_written() else outcome}")
    return click.exceptions.Exit(signals.exit_code())


def data(text: str) -> None:
    """Write a line of data unchanged."""
    require_standard_output()
    click.echo(text, color=True)  # otherwise click removes terminal escapes, which are part of the data


def require_standard_output() -> None:
    """Raise an error if the process has no standard output, because data would be lost."""
    if sys.stdout is None:
        raise click.ClickException("there is no standard output to write to")


def start_no_algebra_threads() -> None:
    """Prevent NumPy from starting threads for linear algebra, which takes a tenth of the time of a small command.

    NumPy reads the environment variable when it is imported.
    """
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")


@contextmanager
def quiet_tensorflow() -> Iterator[None]:
    """Hide what TensorFlow writes to stderr while the block imports it. Show it if the import fails."""
    import tempfile  # here, so that other commands do not import it

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
            streams.CompleteStream(io.FileIO(stderr, "wb", closefd=False), "standard error", strict=False).write(
                noise.read()
            )
            raise
        finally:
            os.dup2(stderr, 2)
            os.close(stderr)
