"""Rewriting of library messages: Python arguments become options of the command that runs.

``maxlen=256`` becomes ``--maxlen 256``, ``header=False`` becomes ``--no-header``, ``max_size must be at least 1``
becomes ``--max-size must be at least 1``, and ``embedding_model(..., mask_zero=True)`` becomes
``tokemb init-model --mask-zero``. An English word that is also an argument, such as "column", is not changed, and
neither is text in quotes.
"""

from __future__ import annotations

import ast
import re
import shlex
from collections.abc import Callable
from functools import partial

import click

# Arguments, and one function, whose option has another name than the argument.
_ARGUMENTS = {
    "compile": "no_compile",
    "encoder": "vocab",
    "group_events": "group_by",
    "output_dim": "dim",
    "target_encoder": "target_vocab",
    "trainable": "frozen",
}

# Options that turn off what their argument turns on.
_OPPOSITES = ("no_compile", "frozen")

# The command that corresponds to a function of the library.
_FUNCTIONS = {
    "embedding_model": "init-model",
    "encode": "encode",
    "export_vectors": "export-vectors",
    "fit_vocab": "fit-vocab",
    "grow_model": "grow",
    "load_model": "grow",
    "load_vectors": "init-model",
    "TokenCounts.from_texts": "count",
}

_VALUE = r"""(?P<value>"[^"]*"|'[^']*'|\[(?:"[^"]*"|'[^']*'|[^\]"'])*\]|[-+]?\w+(?:\.\w+)*|\.\.\.)"""
_FUNCTION = rf"""(?<![\w.])(?:tokemb\.|keras\.models\.)?(?P<function>{"|".join(map(re.escape, _FUNCTIONS))})"""
_FORMS = re.compile(
    rf"""
    {_FUNCTION}\(\.\.\.,[ ](?P<arguments>[^()]*)\)
    | (?<![\w./'"=-])(?P<assigned>[a-z]\w*)={_VALUE}
    | (?P<quoted>(?<!\w)'(?:[^'\\]|\\.)*'(?!\w) | (?<!\w)"(?:[^"\\]|\\.)*"(?!\w))
    | ^(?P<first>[a-z]\w*)(?=[ ]must[ ])
    | (?<![\w./=-])(?:tokemb\.)?(?P<name>TokenCounts\.from_texts|[a-z]+(?:_[a-z]+)+)(?![\w/=(-]|\.\w)
    """,
    re.VERBOSE,
)

FindCommand = Callable[[str], click.Command | None]


def for_running_command(message: str) -> str:
    """Rewrite a message that is not an error for the command that runs."""
    context = click.get_current_context()
    return for_command(message, context.command, command_finder(context))


def command_finder(context: click.Context) -> FindCommand:
    """Return a function that finds the other commands by name."""
    root = context.find_root()
    group = root.command
    return partial(group.get_command, root) if isinstance(group, click.Group) else lambda _: None


def for_command(message: str, command: click.Command, find: FindCommand) -> str:
    """Rewrite a message of the library.

    Args:
        message: The message.
        command: The command that runs.
        find: A function that returns other commands by name.
    """
    options = _options(command)

    def rewrite(match: re.Match[str]) -> str:
        if function := match["function"]:
            return _as_command(function, match["arguments"], command, find) or match[0]
        if name := match["assigned"]:
            return _as_option(options[name], match["value"]) if name in options else match[0]
        if name := match["first"] or match["name"]:
            return _longest_form(options[name]) if name in options else _command_name(name) or match[0]
        return _unescape(match[0])

    return _FORMS.sub(rewrite, message)


def names_an_option(message: str) -> bool:
    """Return whether a rewritten message is about the value of an option."""
    return re.match(r"--?[a-z][\w-]* must ", message) is not None


def _options(command: click.Command) -> dict[str, click.Option]:
    """Return the options of a command by the names of the Python arguments."""
    options = {param.name: param for param in command.params if isinstance(param, click.Option) and param.name}
    return options | {name: options[option] for name, option in _ARGUMENTS.items() if option in options}


def _longest_form(option: click.Option) -> str:
    """Return the longest form of an option, which is the most readable one."""
    return max(option.opts, key=len)


def _as_option(option: click.Option, value: str) -> str:
    """Return the command-line form of an argument with a value."""
    if option.name in _OPPOSITES:
        value = str(value == "False")
    if option.is_flag:
        negations = option.secondary_opts or [f"no {_longest_form(option)}"]
        return max(negations, key=len) if value == "False" else _longest_form(option)
    if value == "None":
        return f"no {_longest_form(option)}"
    if value == "...":
        return f"{_longest_form(option)} {_placeholder(option)}"
    try:
        literal = ast.literal_eval(value)
    except (SyntaxError, ValueError):
        literal = value
    values = list(map(str, literal)) if isinstance(literal, list | tuple) else [str(literal)]
    if not option.multiple:
        values = [",".join(values)]
    return " ".join(f"{_longest_form(option)} {_quote(item)}" for item in values)


def _placeholder(option: click.Option) -> str:
    """Return the placeholder for a value of an option, as in its help."""
    if isinstance(option.type, click.Choice):
        return "|".join(map(str, option.type.choices))
    return option.metavar or option.type.name.upper()


def _quote(value: str) -> str:
    """Quote a value for a shell. A tab becomes the two characters that ``--delimiter`` accepts for it."""
    return shlex.quote(value.replace("\t", "\\t"))


def _as_command(function: str, arguments: str, command: click.Command, find: FindCommand) -> str | None:
    """Return a function call as a command with options, or ``None`` if an argument has no option."""
    name = _FUNCTIONS[function]
    called = command if command.name == name else find(name)
    assignments = re.findall(rf"(\w+)={_VALUE}", arguments)
    if called is None or any(argument not in _options(called) for argument, _ in assignments):
        return None
    options = " ".join(_as_option(_options(called)[argument], value) for argument, value in assignments)
    return options if called is command else f"tokemb {name} {options}"


def _command_name(function: str) -> str | None:
    return f"tokemb {_FUNCTIONS[function]}" if function in _FUNCTIONS else None


def _unescape(quoted: str) -> str:
    r"""Undo the escapes of ``repr`` where a value can be shown as it was typed: ``'\\t'`` was ``\t``."""
    if "\\" not in quoted:
        return quoted
    try:
        value = str(ast.literal_eval(quoted))
    except (SyntaxError, ValueError):
        return quoted
    return f"{quoted[0]}{value}{quoted[0]}" if value.isprintable() else quoted
