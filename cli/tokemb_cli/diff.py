"""``tokemb diff``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tokemb_cli import options, values
from tokemb_cli.console import show, show_json

if TYPE_CHECKING:
    from tokemb.analysis.diff import Difference


@click.command("diff")
@click.argument("first", type=values.FilePath())
@click.argument("second", type=values.FilePath())
@click.option("--json", "as_json", is_flag=True, help="Print all differences as JSON.")
@options.integer("--top", 10, "Number of tokens to show for each kind of difference.", least=0)
@click.pass_context
def command(ctx: click.Context, first: Path, second: Path, as_json: bool, top: int) -> None:
    """Compare two vocabularies: tokens that only one has, tokens with another id, settings and counts.

    The exit code is 0 if both give every text the same ids, and 1 otherwise.

    \b
    Example:
      tokemb diff reviews.vocab grown.vocab
    """
    from tokemb import Encoder
    from tokemb.analysis.diff import diff

    difference = diff(Encoder.load(first), Encoder.load(second))
    if as_json:
        show_json(difference.to_json())
    else:
        _show(difference, top)
    ctx.exit(0 if difference.same_ids else 1)


def _show(difference: Difference, top: int) -> None:
    grown = "; the second vocabulary extends the first" if difference.grown else ""
    show(f"{'same ids':<16}{'yes' if difference.same_ids else 'no' + grown}")
    show(f"{'input_dim':<16}{_pair(difference.input_dim)}")
    for name, tokens in (("only in first", difference.only_first), ("only in second", difference.only_second)):
        _list(name, [f"{_text(token.token)} {token.id}" for token in tokens], top)
    _list("moved", [f"{_text(token)} {_pair(ids)}" for token, ids in difference.moved.items()], top)
    for component in difference.components:
        show(f"{component:<16}differs")
    for name, pair in (difference.settings | difference.corpus).items():
        show(f"{name:<16}{_pair(pair)}")
    _list("counts", [f"{_text(token)} {_pair(counts)}" for token, counts in difference.counts.items()], top)


def _list(name: str, items: list[str], top: int) -> None:
    if items:
        shown = ", ".join(items[:top]) + ", ..." * (0 < top < len(items))
        show(f"{name:<16}{len(items):,}{': ' * bool(top)}{shown}")


def _pair(values: tuple[Any, Any]) -> str:
    return " -> ".join(map(_text, values))


def _text(value: Any) -> str:  # noqa: ANN401
    if isinstance(value, str) and value.isprintable() and value.strip() == value != "":
        return value
    return f"{value:,}" if type(value) is int else repr(value)
