"""The command group: its commands, and how errors are shown."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click

from tokemb_cli import hidden_imports, signals, streams
from tokemb_cli.console import escaped, note_stopped
from tokemb_cli.lazy import LazyGroup

# A command is imported when it is called, so that `tokemb --help` is fast.
_COMMANDS = {
    "fit-vocab": ("fit_vocab", "Fit a vocabulary to text files or counts."),
    "import": ("import_", "Import the vocabulary of another library with its ids."),
    "count": ("count", "Count the tokens of text files, to fit vocabularies later."),
    "grow": ("grow", "Append new tokens to a vocabulary, and rows to its model."),
    "report": ("report", "Suggest sizes of the vocabulary and the rows; measure drift."),
    "diff": ("diff", "Compare two vocabularies."),
    "encode": ("encode", "Encode texts as padded ids."),
    "decode": ("decode", "Decode ids to texts."),
    "init-model": ("init_model", "Make a Keras embedding model for a vocabulary."),
    "embed": ("embed", "Embed ids or texts with a Keras model."),
    "export-vectors": ("export_vectors", "Export the vectors of a model for other programs."),
    "neighbors": ("neighbors", "Show the nearest tokens of words."),
    "analogy": ("analogy", "Solve the analogy: A is to B as C is to which token?"),
    "plot": ("plot", "Plot the vectors of tokens in two dimensions."),
    "export-projector": ("export_projector", "Export the vectors of tokens for the TensorBoard projector."),
    "check": ("check", "Check that a vocabulary, a model and ids are compatible."),
    "train": ("train", "Train a model on texts, events or tables."),
    "predict": ("predict", "Predict with a trained model."),
    "evaluate": ("evaluate", "Evaluate a trained model on labelled files."),
    "recommend": ("recommend", "Recommend items to users, or find similar items."),
    "export": ("export", "Export a SavedModel that takes raw text."),
    "compile": ("compile", "Compile all kernels for this machine in advance."),
    "inspect": ("inspect", "Describe a vocabulary, counts, a model, ids or vectors."),
}

# This environment variable shows the traceback of an unexpected error.
_DEBUG = "TOKEMB_DEBUG"


class _Commands(LazyGroup):
    """The commands. Every error becomes one sentence on stderr and exit code 1 or 2."""

    command_modules = _COMMANDS
    group_names = ("train",)

    def make_context(self, *args: Any, **kwargs: Any) -> click.Context:  # noqa: ANN401 - click's own signature
        with _report_errors():  # --help and --version write here
            return super().make_context(*args, **kwargs)

    def invoke(self, ctx: click.Context) -> Any:  # noqa: ANN401 - click's own signature
        with _report_errors():
            return super().invoke(ctx)


@contextmanager
def _report_errors() -> Iterator[None]:
    """Convert every error in the block to one that click shows in one sentence."""
    try:
        yield
    except KeyboardInterrupt:
        raise note_stopped() from None
    except OSError as error:
        if signals.was_received():
            raise note_stopped() from None
        if error.errno == errno.EPIPE:  # the reader of the output has ended: click ends quietly
            raise
        raise click.ClickException(escaped(_os_message(error))) from error
    except click.ClickException as error:
        keep = "\n\t" if isinstance(error, click.MissingParameter) else ""  # click lists choices on several lines
        vars(error)["message"] = escaped(error.message, keep)  # click's types forbid the assignment
        raise
    except (click.exceptions.Exit, click.Abort):
        raise
    except BaseException as error:
        if signals.was_received():  # some imports convert an interruption to another error
            raise note_stopped() from None
        raise _click_error(error) from error


def _click_error(error: BaseException) -> BaseException:
    if isinstance(error, MemoryError) or type(error).__name__ == "ResourceExhaustedError":  # of TensorFlow
        return click.ClickException("there is not enough memory for arrays of this size")
    panicked = type(error).__name__ == "PanicException"  # of a Rust library; it is not an Exception
    if os.environ.get(_DEBUG) or not (panicked or isinstance(error, Exception)):
        return error
    reason = " ".join(f"{type(error).__name__}: {error}".split())
    return click.ClickException(escaped(f"unexpected {reason:.300} (set {_DEBUG}=1 to see where)"))


def _os_message(error: OSError) -> str:
    reason = error.strerror or str(error)
    reason = reason[:1].lower() + reason[1:]
    return f"{reason}: {error.filename}" if error.filename else reason


def _show_version(ctx: click.Context, _: click.Parameter, value: bool) -> None:
    if value:
        from tokemb import __version__

        click.echo(f"tokemb {__version__}")
        ctx.exit()


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--version", is_flag=True, is_eager=True, expose_value=False, callback=_show_version, help="Show the version."
)
def cli() -> None:
    """Turn raw text into padded ids and embedded arrays for Keras.

    \b
    A first session:
      tokemb fit-vocab reviews.txt -o reviews.vocab --max-size 30000
      tokemb encode reviews.txt --vocab reviews.vocab --maxlen 256 -o ids.npy
      tokemb init-model --vocab reviews.vocab --dim 50 -o reviews.keras
      tokemb embed ids.npy --model reviews.keras -o vectors.npy
    """


def main() -> None:
    """Run the command line."""
    signals.install()
    streams.install()
    hidden_imports.hide()
    try:
        cli(prog_name="tokemb")
    finally:
        signals.restore()
