"""What every error message of the command line must be: one plain sentence in the words of the command line.

The helpers of conftest that run commands check the standard error of each run that failed.
"""

from __future__ import annotations

import importlib
import inspect
import re
from functools import cache

import click

# Names with underscores that summaries and files show, and users look for in them.
_SHOWN = {"format_version", "input_dim", "row_splits", "token_ids", "word_index"}

_MODULES = (
    "tokemb",
    "tokemb.models.pretrained",
    "tokemb.analysis",
    "tokemb.importers",
    "tokemb.training.result",
    "tokemb.training.schedule",
)
_QUOTED = re.compile(r"(?<![\w=])'(?:[^'\\]|\\.)*'(?!\w)|(?<![\w=])\"(?:[^\"\\]|\\.)*\"(?!\w)")
_PYTHON = {
    "an assignment": r"(?<![\w./-])[a-z_]\w*=[\"'\[\w]",
    "a call": r"\b\w+\((?!s\))",
    "a Python value": r"\b(?:None|True|False|Ragged|str|ndarray)\b",
    "a list of Python": r"\[(?:'|\"|\[)",
    "bytes of Python": r"(?<!\w)b'",
}


def complaints(arguments: tuple[str, ...], code: int, stderr: str) -> list[str]:
    """What is wrong with the error message of a run that failed; nothing for one that succeeded or was stopped."""
    if code not in (1, 2):
        return []
    command, name = _command(arguments)
    errors = [line.removeprefix("Error: ") for line in stderr.splitlines() if line.startswith("Error:")]
    found = ["a traceback"] if "Traceback (" in stderr else []
    if not errors:  # a group that is called alone shows its help; diff and check answer with their exit code
        answered = name in ("diff", "check") or stderr.startswith("Usage: ")
        return [*found, *([] if answered else ["no message"])]
    if len(errors) > 1 or not stderr.rstrip().splitlines()[-1].startswith("Error:"):
        found.append("more than one line")
    message = errors[0]
    if not message.strip():
        return [*found, "an empty message"]
    return [*found, *_in_sentence(message), *_unknown_options(message, command)]


def _in_sentence(message: str) -> list[str]:
    found = ["an unexpected error"] if "unexpected " in message else []
    if any("\\\\" in quoted for quoted in _QUOTED.findall(message)):
        found.append("a doubled backslash")
    plain = _QUOTED.sub("''", message)
    found += [f"{kind}: {match[0]}" for kind, form in _PYTHON.items() if (match := re.search(form, plain))]
    names = re.findall(r"(?<![\w./-])[a-z]+(?:_[a-z]+)+(?![\w/]|\.\w)", plain)
    return found + [f"an argument of Python: {name}" for name in names if name in python_arguments()]


def _unknown_options(message: str, command: click.Command) -> list[str]:
    """Options that ``message`` names and neither ``command`` has nor one named before them (``tokemb x --y``)."""
    if message.startswith("No such option") or " was renamed: " in message:
        return []
    known, unknown = _options(command), []
    for match in re.finditer(
        r"\btokemb ([a-z][a-z-]*(?: [a-z][a-z-]*)?)|(?<![\w-])(--?[a-z][\w-]*)", _QUOTED.sub("''", message)
    ):
        if match[1]:
            known = known | _options(_command(tuple(match[1].split()))[0])
        elif match[2] not in known:
            unknown.append(f"an option of another command: {match[2]}")
    return unknown


def _options(command: click.Command) -> set[str]:
    return {"--help", "-h", *(name for param in command.params for name in [*param.opts, *param.secondary_opts])}


def _command(arguments: tuple[str, ...]) -> tuple[click.Command, str]:
    """The command that ``arguments`` call, and its name; the group itself if they call none."""
    from tokemb_cli.main import cli

    command: click.Command = cli
    name = ""
    for argument in arguments:
        if not isinstance(command, click.Group):
            break
        found = command.get_command(click.Context(command), str(argument))
        if found is None:
            break
        command, name = found, str(argument)
    return command, name


@cache
def python_arguments() -> frozenset[str]:
    """Names with an underscore of arguments and functions of the library that are public."""
    names = set()
    for module in map(importlib.import_module, _MODULES):
        for name in module.__all__ if hasattr(module, "__all__") else dir(module):
            public = getattr(module, name)
            if name.startswith("_") or not callable(public):
                continue
            members = [public]
            if inspect.isclass(public):
                members += [value for key, value in vars(public).items() if callable(value) and not key.startswith("_")]
            names.add(name)
            for member in members:
                names.update(_parameters(member))
    return frozenset(name for name in names if "_" in name.strip("_") and name not in _SHOWN)


def _parameters(function: object) -> list[str]:
    try:
        return list(inspect.signature(function).parameters)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return []
