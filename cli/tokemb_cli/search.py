"""The options and the table of a search over the settings of a training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import click
from click.core import ParameterSource

from tokemb_cli import values
from tokemb_cli.console import note

# The options that a search can try values of.
_SETTINGS = (
    "head",
    "cell",
    "dim",
    "units",
    "dropout",
    "maxlen",
    "ngrams",
    "class_weights",
    "l2",
    "min_count",
    "batch_size",
    "learning_rate",
    "epochs",
    "patience",
)

options = (
    click.option(
        "--search",
        "searched",
        multiple=True,
        metavar="NAME=VALUE,...",
        help="Train with each of these values of an option, for example dim=32,64, and again with the best one. Repeat "
        "the option to try all combinations of several options. The best combination has the lowest validation loss "
        "(for a tagger, the highest F1 score).",
    ),
    click.option(
        "--trials",
        type=values.Integer(),
        help="Try this many combinations of --search, drawn at random.  [default: all]",
    ),
)


def take_grid(arguments: dict[str, Any], trials: int | None) -> dict[str, list[Any]]:
    """Return the values of ``--search`` by the names of the arguments, which are removed from ``arguments``.

    Raises:
        click.UsageError: If an option is unknown, is given elsewhere too, or a value is invalid for it.
    """
    grid: dict[str, list[Any]] = {}
    for text in arguments.pop("searched"):
        option, given = _parse(text)
        if option.name in grid:
            raise click.UsageError(f"--search must name an option once; received {option.opts[0]} twice")
        grid[str(option.name)] = given
        arguments.pop(option.name, None)
    if trials is not None and not grid:
        raise click.UsageError("--trials requires --search")
    return grid


def _parse(text: str) -> tuple[click.Option, list[Any]]:
    """Return the option that ``NAME=VALUE,...`` names, and its values."""
    context = click.get_current_context()
    known = {str(param.name): param for param in context.command.params if isinstance(param, click.Option)}
    name, _, given = text.partition("=")
    option = known.get(name.strip().lstrip("-").replace("-", "_"))
    if option is None or option.name not in _SETTINGS or not given:
        names = ", ".join(name.replace("_", "-") for name in _SETTINGS if name in known)
        raise click.UsageError(
            f"--search must be one of {names} and its values, such as 'dim=32,64'; received {text!r}"
        )
    if context.get_parameter_source(str(option.name)) is ParameterSource.COMMANDLINE:
        raise click.UsageError(f"{option.opts[0]} must be left out with --search {text!r}")
    return option, [option.type.convert(value.strip(), option, context) for value in given.split(",")]


def show_trials(trials: Sequence[Mapping[str, Any]]) -> None:
    """Show the trials of a search as a table, the best one first."""
    if not trials:
        return
    table = [_cells(trial) for trial in trials]
    header = list(dict.fromkeys(name for cells in table for name in cells))
    rows = [header, *([cells.get(name, "") for name in header] for cells in table)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(header))]
    for number, row in enumerate(rows):
        cells = "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        note(f"{'' if number else 'search':<10} {cells}".rstrip())


def _cells(trial: Mapping[str, Any]) -> dict[str, str]:
    """Return a row of the table: the settings, the validation loss, and the first metric."""
    cells = {name.replace("_", " "): str(value) for name, value in trial["settings"].items()}
    if "failure" in trial:
        return {**cells, "validation loss": "diverged"}
    if "validation_score" in trial:
        cells["validation score"] = f"{trial['validation_score']:.4f}"
    cells["validation loss"] = f"{trial['validation_loss']:.4f}"
    metrics = ((name, value) for name, value in trial["metrics"].items() if isinstance(value, float))
    name, value = next(metrics, ("", ""))
    return {**cells, name: str(value)} if name else cells
