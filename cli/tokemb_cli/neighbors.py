"""``tokemb neighbors``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from tokemb_cli import options
from tokemb_cli.console import show, show_json

if TYPE_CHECKING:
    from tokemb.analysis import Neighbors


@click.command("neighbors")
@options.model_or_vectors
@click.argument("words", metavar="WORD...", nargs=-1, required=True)
@options.optional_vocab
@options.column_of_folder
@options.names
@options.neighbor_count
@options.as_json
def command(
    model: Path,
    words: tuple[str, ...],
    vocab: Path | None,
    column: str | None,
    names: Path | None,
    k: int,
    as_json: bool,
) -> None:
    """Show the nearest tokens of words, with the cosine similarity of their vectors and their counts in the corpus.

    MODEL is a Keras model (with --vocab), a file of vectors (GloVe, word2vec, fastText or .npz), or a folder that
    tokemb train wrote. For models of several columns, --column names a column. WORD is then a value of this column,
    or its name in the table --names. Words are normalized like the texts of the vocabulary. Padding, [UNK] and vectors
    of zeros are left out.

    \b
    Examples:
      tokemb neighbors reviews.keras Film king --vocab reviews.vocab
      tokemb neighbors glove.6B.50d.txt king
      tokemb neighbors stars 'Toy Story (1995)' --column movieId --names movies.csv
    """
    from dataclasses import asdict

    from tokemb.analysis import neighbors

    results = neighbors(options.token_vectors(model, vocab, column, names), None, words, k)
    if as_json:
        show_json([asdict(result) for result in results])
        return
    for result in results:
        _show(result)


def _show(result: Neighbors) -> None:
    from tokemb.vocabulary.escape_token import escape_token

    show(options.with_count(escape_token(result.token), result.count))
    for neighbor in result.neighbors:
        token = options.with_count(escape_token(neighbor.token), neighbor.count)
        show(f"  {neighbor.similarity:6.3f}  {token}")
    if not result.neighbors:
        show("  no neighbors: the vector is zeros, or there are no other tokens")
