"""Options and commands that have a new name. The old name is an error that states the new one."""

from __future__ import annotations

import click

_SCHEDULE = {"--rate": "--learning-rate", "--validation": "--validation-split"}

# The old and the new names, by the command that they belong to.
RENAMED = {
    "export": {"--answer": "--returns"},
    "fit-vocab": {"--model": "--algorithm"},
    "init-model": {"--missing": "--initializer"},
    "train": {"tracing": "knowledge-tracing"},
    "train classify": _SCHEDULE,
    "train knowledge-tracing": {**_SCHEDULE, "--correct": "--correct-column"},
    "train next": {**_SCHEDULE, "--cell": "--head"},
    "train ratings": {**_SCHEDULE, "--between": "--rating-range"},
    "train skipgram": {"--rate": "--learning-rate", "--last-rate": "--final-learning-rate"},
}


def new_name(ctx: click.Context, old: str) -> str | None:
    """Return the new name of an option or command of the command that runs in ``ctx``, ``None`` if there is none."""
    return RENAMED.get(ctx.command_path.partition(" ")[2], {}).get(old)


def renamed(old: str, new: str) -> click.UsageError:
    """Return the error for an old name: one line without the usage of the command."""
    return click.UsageError(f"{old} was renamed: use {new}")
