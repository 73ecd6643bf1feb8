"""Groups whose commands are imported when they are used or helped with, so that ``--help`` answers at once."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Mapping
from typing import Any, ClassVar

import click

from tokemb_cli.renamed import new_name, renamed
from tokemb_cli.values import did_you_mean


class LazyGroup(click.Group):
    """A group of commands.

    ``commands_in``: by the name of each command, the module of ``tokemb_cli`` that has it as ``command``, and what is
    said of it in the list. ``groups_in``: the names of those that are groups themselves.
    """

    commands_in: ClassVar[Mapping[str, tuple[str, str]]] = {}
    groups_in: ClassVar[tuple[str, ...]] = ()

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names of the commands."""
        return list(self.commands_in)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a command."""
        if cmd_name not in self.commands_in:
            return None
        module = importlib.import_module(f"tokemb_cli.{self.commands_in[cmd_name][0]}")
        command: click.Command = module.command
        return command

    def invoke(self, ctx: click.Context) -> Any:  # noqa: ANN401 - click's own signature
        """Run a command; what the library raises becomes one sentence in the words of the command."""
        try:
            return super().invoke(ctx)
        except click.NoSuchOption as error:
            if error.ctx is None or (new := new_name(error.ctx, error.option_name)) is None:
                raise
            raise renamed(error.option_name, new) from None
        except Exception as error:
            if (named := self._in_words_of_the_command(error, ctx)) is None:
                raise
            raise named from error

    def _in_words_of_the_command(self, error: Exception, ctx: click.Context) -> click.ClickException | None:
        """The error to show for one of the library; ``None`` for any other."""
        if "tokemb.errors" not in sys.modules:  # then it is none of the library's, which need not be imported to tell
            return None
        from tokemb.errors import ArgumentError, TokembError

        command = self.get_command(ctx, ctx.invoked_subcommand or "")
        if command is None or not isinstance(error, TokembError):
            return None
        from tokemb_cli.messages import finder, for_command, names_an_option

        message = for_command(str(error), command, finder(ctx))
        if isinstance(error, ArgumentError) and names_an_option(message):
            return click.UsageError(message)
        return click.ClickException(message)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command that ``args`` begin with; suggest others if there is none of this name."""
        name = args[0]
        if name in self.commands_in or name.startswith("-"):
            return super().resolve_command(ctx, args)
        if new := new_name(ctx, name):
            path = ctx.command_path
            raise renamed(f"{path} {name}", f"{path} {new}")
        ctx.fail(f"No such command {name!r}.{did_you_mean(name, self._paths(ctx))}")

    def _paths(self, ctx: click.Context) -> list[str]:
        """What can be typed for each command, those of a group in this one after its name."""
        groups = ((name, self.get_command(ctx, name)) for name in self.groups_in)
        nested = [
            f"{name} {inner}" for name, group in groups if isinstance(group, LazyGroup) for inner in group.commands_in
        ]
        return [*self.commands_in, *nested]

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The list of commands, without importing any."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, summary) for name, (_, summary) in self.commands_in.items()])
