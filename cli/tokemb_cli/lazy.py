"""Command groups that import a command when it is called, so that ``--help`` is fast."""

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

    Attributes:
        command_modules: The name of each command, with its module in ``tokemb_cli`` and its line in the list. The
            module defines the command as ``command``.
        group_names: The names of the commands that are groups.
    """

    command_modules: ClassVar[Mapping[str, tuple[str, str]]] = {}
    group_names: ClassVar[tuple[str, ...]] = ()

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of the commands."""
        return list(self.command_modules)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a command."""
        if cmd_name not in self.command_modules:
            return None
        module = importlib.import_module(f"tokemb_cli.{self.command_modules[cmd_name][0]}")
        command: click.Command = module.command
        return command

    def invoke(self, ctx: click.Context) -> Any:  # noqa: ANN401 - click's own signature
        """Run a command. Errors of the library become one sentence that names options."""
        try:
            return super().invoke(ctx)
        except click.NoSuchOption as error:
            if error.ctx is None or (new := new_name(error.ctx, error.option_name)) is None:
                raise
            raise renamed(error.option_name, new) from None
        except Exception as error:
            if (click_error := self._click_error(error, ctx)) is None:
                raise
            raise click_error from error

    def _click_error(self, error: Exception, ctx: click.Context) -> click.ClickException | None:
        """Convert an error of the library. Return ``None`` for any other error."""
        if "tokemb.errors" not in sys.modules:  # an error of the library requires this module
            return None
        from tokemb.errors import ArgumentError, TokembError

        command = self.get_command(ctx, ctx.invoked_subcommand or "")
        if command is None or not isinstance(error, TokembError):
            return None
        from tokemb_cli.messages import command_finder, for_command, names_an_option

        message = for_command(str(error), command, command_finder(ctx))
        if isinstance(error, ArgumentError) and names_an_option(message):
            return click.UsageError(message)
        return click.ClickException(message)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command that ``args`` begin with. Suggest similar names if it does not exist."""
        name = args[0]
        if name in self.command_modules or name.startswith("-"):
            return super().resolve_command(ctx, args)
        if new := new_name(ctx, name):
            path = ctx.command_path
            raise renamed(f"{path} {name}", f"{path} {new}")
        ctx.fail(f"No such command {name!r}.{did_you_mean(name, self._paths(ctx))}")

    def _paths(self, ctx: click.Context) -> list[str]:
        """Return what users type for each command, including the commands of nested groups."""
        groups = ((name, self.get_command(ctx, name)) for name in self.group_names)
        nested_paths = [
            f"{name} {inner}"
            for name, group in groups
            if isinstance(group, LazyGroup)
            for inner in group.command_modules
        ]
        return [*self.command_modules, *nested_paths]

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, summary) for name, (_, summary) in self.command_modules.items()])
