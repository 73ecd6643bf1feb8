"""Messages of the library, which name arguments as Python does, in the words of the command that was called.

``maxlen=256`` becomes ``--maxlen 256``, ``header=False`` becomes ``--no-header``, ``max_size must be at least 1``
becomes ``--max-size must be at least 1``, and ``embedding_model(..., mask_zero=True)`` becomes
``tokemb init-model --mask-zero``. An English word that is also the name of an argument, such as "column", stays as it
is, and so does what stands in quotes.
"""

from __future__ import annotations

import ast
import re
import shlex
from collections.abc import Callable
from functools import partial

import click

# Arguments, and one function, whose option has another name.
_ARGUMENTS = {
    "answer": "returns",
    "between": "rating_range",
    "compile": "no_compile",
    "correct": "correct_column",
    "encoder": "vocab",
    "group_events": "group_by",
    "output_dim": "dim",
    "rate": "learning_rate",
    "trainable": "frozen",
    "validation": "validation_split",
}

# Of these, the ones whose option turns off what the argument turns on.
_OPPOSITES = ("no_compile", "frozen")

# The command that does what a function of the library does.
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


def in_words_here(message: str) -> str:
    """Rewrite ``message`` for the command that runs: what it shows besides errors."""
    context = click.get_current_context()
    return for_command(message, context.command, finder(context))


def finder(context: click.Context) -> FindCommand:
    """What finds the commands beside the one of ``context``."""
    root = context.find_root()
    group = root.command
    return partial(group.get_command, root) if isinstance(group, click.Group) else lambda _: None


def for_command(message: str, command: click.Command, find: FindCommand) -> str:
    """Rewrite ``message`` of the library for the users of ``command``; ``find`` gives other commands by their names."""
    options = _options(command)

    def rewrite(match: re.Match[str]) -> str:
        if function := match["function"]:
            return _call(function, match["arguments"], command, find) or match[0]
        if name := match["assigned"]:
            return _assigned(options[name], match["value"]) if name in options else match[0]
        if name := match["first"] or match["name"]:
            return _spelled(options[name]) if name in options else _command_of(name) or match[0]
        return _unescaped(match[0])

    return _FORMS.sub(rewrite, message)


def names_an_option(message: str) -> bool:
    """Whether a rewritten ``message`` is about the value of an option."""
    return re.match(r"--?[a-z][\w-]* must ", message) is not None


def _options(command: click.Command) -> dict[str, click.Option]:
    """The options of ``command`` by the names of the arguments that they set."""
    options = {param.name: param for param in command.params if isinstance(param, click.Option) and param.name}
    return options | {name: options[option] for name, option in _ARGUMENTS.items() if option in options}


def _spelled(option: click.Option) -> str:
    """The longest way to write ``option``, which says the most."""
    return max(option.opts, key=len)


def _assigned(option: click.Option, value: str) -> str:
    """How ``option`` is given on a command line where Python passes ``value``."""
    if option.name in _OPPOSITES:
        value = str(value == "False")
    if option.is_flag:
        off = option.secondary_opts or [f"no {_spelled(option)}"]
        return max(off, key=len) if value == "False" else _spelled(option)
    if value == "None":
        return f"no {_spelled(option)}"
    if value == "...":
        return f"{_spelled(option)} {_placeholder(option)}"
    try:
        literal = ast.literal_eval(value)
    except (SyntaxError, ValueError):
        literal = value
    values = list(map(str, literal)) if isinstance(literal, list | tuple) else [str(literal)]
    if not option.multiple:
        values = [",".join(values)]
    return " ".join(f"{_spelled(option)} {_typed(item)}" for item in values)


def _placeholder(option: click.Option) -> str:
    """What stands for a value of ``option``, as in its help."""
    if isinstance(option.type, click.Choice):
        return "|".join(map(str, option.type.choices))
    return option.metavar or option.type.name.upper()


def _typed(value: str) -> str:
    """``value`` as it is typed in a shell; a tab as the two characters that ``--delimiter`` takes for it."""
    return shlex.quote(value.replace("\t", "\\t"))


def _call(function: str, arguments: str, command: click.Command, find: FindCommand) -> str | None:
    """A call of a function as the command that does the same, with its options; ``None`` if it is no option there."""
    name = _FUNCTIONS[function]
    called = command if command.name == name else find(name)
    given = re.findall(rf"(\w+)={_VALUE}", arguments)
    if called is None or any(argument not in _options(called) for argument, _ in given):
        return None
    shown = " ".join(_assigned(_options(called)[argument], value) for argument, value in given)
    return shown if called is command else f"tokemb {name} {shown}"


def _command_of(function: str) -> str | None:
    return f"tokemb {_FUNCTIONS[function]}" if function in _FUNCTIONS else None


def _unescaped(quoted: str) -> str:
    r"""Undo the escapes of ``repr`` where a value can be shown as it was typed: ``'\\t'`` was ``\t``."""
    if "\\" not in quoted:
        return quoted
    try:
        value = str(ast.literal_eval(quoted))
    except (SyntaxError, ValueError):
        return quoted
    return f"{quoted[0]}{value}{quoted[0]}" if value.isprintable() else quoted
