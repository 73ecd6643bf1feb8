from __future__ import annotations

import re

import click
import pytest
from tokemb_cli.main import cli


def commands(group: click.Group, *before: str):
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        yield " ".join([*before, name]), command
        if isinstance(command, click.Group):
            yield from commands(command, *before, name)


COMMANDS = dict(commands(cli))

# Words that are not those of the documentation of Keras and Arrow.
_RETIRED = re.compile(
    r"\b(?:latent factors of|held back|figures|passes over|pieces?|by anyone|whoever|patterns|addresses|whole numbers?|"
    r"a row a line|a word a line|a token a row|cut|for machines)\b",
    re.IGNORECASE,
)


@pytest.mark.parametrize("name", COMMANDS)
def test_help_of_each_option_is_a_phrase_of_plain_words(name):
    for option in COMMANDS[name].params:
        if not isinstance(option, click.Option) or "--help" in option.opts:
            continue
        text = re.sub(r"\s*\[default: .*\]$", "", option.help or "")
        assert re.match(r"(?:[A-Z]|\.?\w+(?: and \w+)*:)", text), (option.opts, text)
        assert text.endswith("."), (option.opts, text)
        assert not text.startswith("Of "), (option.opts, text)
        assert not _RETIRED.search(text), (option.opts, text)


@pytest.mark.parametrize("name", COMMANDS)
def test_help_of_each_command_has_plain_words(name):
    command = COMMANDS[name]
    assert command.help
    assert not _RETIRED.search(command.help), _RETIRED.search(command.help)


@pytest.mark.parametrize("name", COMMANDS)
def test_empty_path_is_an_error_of_each_argument_that_is_a_path(name):
    for parameter in COMMANDS[name].params:
        if isinstance(parameter.type, click.Path):
            with pytest.raises(click.BadParameter, match="must not be empty"):
                parameter.type.convert("", parameter, None)


def test_help_of_ratings_says_matrix_factorization():
    assert "matrix factorization" in COMMANDS["train ratings"].help


@pytest.mark.parametrize(
    ("name", "refused"),
    [("train ratings", ("--group-by", "--order-by")), ("recommend", ("--column", "--group-by", "--order-by"))],
)
def test_help_does_not_show_options_that_the_command_refuses(name, refused):
    shown = {flag for option in COMMANDS[name].params if not getattr(option, "hidden", False) for flag in option.opts}
    assert not shown & set(refused)
