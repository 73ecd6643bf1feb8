"""The only place that writes: data to stdout, everything else to stderr."""

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
    """Tell the user something that is not data. What is not seen in a line, or would end it, is escaped."""
    for line in lines:
        click.echo(escaped(line), err=True)


def show(line: str) -> None:
    """Write a line of an answer for people to standard output, escaped as in a note."""
    click.echo(escaped(line))


def show_json(value: Any) -> None:  # noqa: ANN401 - any JSON
    """Write an answer for machines to standard output, on several lines, with characters that are not seen escaped."""
    import json

    from tokemb.analysis.escape_token import escape_json

    click.echo(escape_json(json.dumps(value, ensure_ascii=False, indent=2)))


def quoted(argument: Path | str) -> str:
    """Quote a path or a text for a shell, in a command that the user may run next."""
    from tokemb.analysis.escape_token import quoted as quote

    return quote(str(argument))


def escaped(message: str, keep: str = "") -> str:
    """Escape what is not seen in a message, but the characters to ``keep``."""
    if message.isprintable():
        return message
    from tokemb.analysis.escape_token import escape_text  # here, as hardly a message needs it

    return escape_text(message, keep)


def note_stopped(what: str = "no incomplete file stays") -> click.exceptions.Exit:
    """Tell the user that a signal stopped the command, and return the exception that ends it.

    Args:
        what: What became of the output, unless some of it is on standard output already.
    """
    note(f"{signals.word()}: {'standard output is incomplete' if streams.output_was_written() else what}")
    return click.exceptions.Exit(signals.exit_code())


def data(text: str) -> None:
    """Write a line of data as it is."""
    require_standard_output()
    click.echo(text, color=True)  # without this, click drops terminal escapes, which are a part of the data


def require_standard_output() -> None:
    """Raise an error if the process was started without a standard output, where data would be lost."""
    if sys.stdout is None:
        raise click.ClickException("there is no standard output to write to")


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
            streams.CompleteStream(io.FileIO(stderr, "wb", closefd=False), "standard error", strict=False).write(
                noise.read()
            )
            raise
        finally:
            os.dup2(stderr, 2)
            os.close(stderr)
