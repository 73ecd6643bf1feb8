"""``tokemb analogy``."""

from __future__ import annotations

from pathlib import Path

import click

from tokemb_cli import options
from tokemb_cli.console import show, show_json


@click.command("analogy")
@options.model_or_vectors
@click.argument("a")
@click.argument("b")
@click.argument("c")
@options.optional_vocab
@options.neighbor_count
@options.as_json
def command(model: Path, a: str, b: str, c: str, vocab: Path | None, k: int, as_json: bool) -> None:
    """Solve "A is to B as C is to ?" with the tokens nearest to B - A + C, without A, B and C (3CosAdd).

    MODEL, --vocab and words are those of tokemb neighbors.

    \b
    Example:
      tokemb analogy reviews.keras man king woman --vocab reviews.vocab
    """
    from dataclasses import asdict

    from tokemb.analysis import analogy
    from tokemb.vocabulary.escape_token import escape_token

    answers = analogy(options.token_vectors(model, vocab), None, a, b, c, k)
    if as_json:
        show_json([asdict(answer) for answer in answers])
        return
    for answer in answers:
        show(f"{answer.similarity:6.3f}  " + options.with_count(escape_token(answer.token), answer.count))
    if not answers:
        show("no answers: B - A + C is zeros, or there are no other tokens")
