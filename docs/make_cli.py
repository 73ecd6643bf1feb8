"""The generator of docs/cli.md from the help of every command. Tests compare the page with the help."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click
from click.testing import CliRunner
from tokemb_cli.main import cli

PAGE = Path(__file__).parent / "cli.md"

HEAD = """\
# The command line

This page contains the help of `tokemb` and of each command. `make docs` generates it.

Data goes to standard output or into the output file, everything else to standard error. An output appears complete or
not at all. The exit code is

* 0 for success,
* 1 for an error in the input: one sentence on standard error states the problem and the remedy,
* 2 for wrong usage: an unknown command or option, an invalid value, or options that exclude each other,
* 130 for an interruption.

`tokemb diff` also returns 1 if the vocabularies differ, `tokemb check` if it finds an error, and
`tokemb report --fail-above` if the texts have changed too much.
"""


def page() -> str:
    """Return the content of docs/cli.md."""
    parts = [HEAD]
    for names in [[], *_commands(cli)]:
        # Otherwise the width of a help page depends on the terminal.
        text = (
            CliRunner()
            .invoke(cli, [*names, "--help"], prog_name="tokemb", terminal_width=100, max_content_width=100)
            .output
        )
        parts.append(f"## {' '.join(['tokemb', *names])}\n\n```\n{text.rstrip()}\n```\n")
    return "\n".join(parts)


def _commands(group: click.Group) -> Iterator[list[str]]:
    """Yield the words of each command. The commands of a group follow the group."""
    context = click.Context(group)
    for name in group.list_commands(context):
        yield [name]
        command = group.get_command(context, name)
        if isinstance(command, click.Group):
            yield from ([name, *names] for names in _commands(command))


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
