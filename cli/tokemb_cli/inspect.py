"""``tokemb inspect``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from tokemb_cli import options, values
from tokemb_cli.console import show, show_json

# Values that are shown as percentages.
_SHARES = ("coverage", "zeros", "collision_rate")


@click.command("inspect")
@click.argument("path", type=values.FilePath())
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of text.")
@options.integer("--top", 10, "Number of most frequent tokens to show.", least=0)
@click.option("--text", help="Show which backend encodes this text, and why.")
def command(path: Path, as_json: bool, top: int, text: str | None) -> None:
    """Describe a file or folder that tokemb writes or reads.

    PATH can be a vocabulary, a folder of columns, a tokenizer.json, a .keras model, a folder of tokemb train, a
    SavedModel of tokemb export, or a file of counts, ids or vectors. For a folder of shards, show its manifest and the
    files whose size has changed.

    The backend of a vocabulary is the implementation that encodes its texts. All backends give the same ids. The
    scanner and gigatoken are fast. The reference, which is the tokenizers library itself, is slower.

    \b
    Examples:
      tokemb inspect reviews.vocab
      tokemb inspect ids.npz
      tokemb inspect classifier
      tokemb inspect bert/tokenizer.json --text "is this [MASK] slow?"
    """
    from tokemb.pipeline.inspect import inspect

    description = inspect(path, top=top, text=text)
    if as_json:
        show_json(description)
        return
    for name, value in description.items():
        _show(name, f"{value:.2%}" if name in _SHARES and isinstance(value, float) else value)


def _show(name: str, value: Any) -> None:  # noqa: ANN401
    if value is None or value == []:
        return
    if isinstance(value, dict):
        for key, inner in value.items():
            _show(f"{name}.{key}", f"{inner:.2%}" if key in _SHARES and isinstance(inner, float) else inner)
    elif isinstance(value, list) and all(isinstance(item, dict) for item in value):
        for item in value:
            show(f"{name:<23} " + "  ".join(f"{key} {_text(inner)}" for key, inner in item.items()))
    else:
        show(f"{name:<23} {_text(value)}")


def _text(value: Any) -> str:  # noqa: ANN401
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, list):
        return ", ".join(map(_text, value))
    return str(value) if str(value).isprintable() and value != "" else repr(value)
