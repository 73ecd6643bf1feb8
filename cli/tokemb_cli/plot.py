"""``tokemb plot``."""

from __future__ import annotations

from pathlib import Path

import click

from tokemb._validation import PROJECTIONS
from tokemb_cli import corpus, options, values
from tokemb_cli.console import note

_ENDINGS = (".html", ".png", ".svg")


@click.command("plot")
@options.model_or_vectors
@options.optional_vocab
@options.column_of_folder
@options.names
@options.output("FILE", "Map to write: .html, .png or .svg.")
@options.choice("--method", PROJECTIONS, "tsne", "Dimensionality reduction method.")
@click.option("--top", type=values.Integer(), help="Number of most frequent tokens to show.  [default: 1000]")
@click.option(
    "--words",
    type=values.FilePath(),
    metavar="FILE",
    help="Text file of the words to show instead, one per line.",
)
@options.seed("Random seed of t-SNE.")
def command(
    model: Path,
    vocab: Path | None,
    column: str | None,
    names: Path | None,
    output: Path,
    force: bool,
    method: str,
    top: int | None,
    words: Path | None,
    seed: int,
) -> None:
    """Plot the vectors of tokens in two dimensions. Most tokens that are near in the plot have similar vectors.

    MODEL, --vocab, --column and --names are those of tokemb neighbors. An .html file is one page that needs no network:
    search, zoom, and click a token to see its nearest tokens. A .png or .svg file labels as many tokens as there is
    room for. The command requires pip install tokemb[plot].

    \b
    Examples:
      tokemb plot reviews.keras --vocab reviews.vocab -o map.html
      tokemb plot glove.6B.50d.txt --words colours.txt --method pca -o colours.png
      tokemb plot stars --column movieId --names movies.csv -o movies.html
    """
    if output.suffix not in _ENDINGS:
        raise click.BadParameter(f"must end in {', '.join(_ENDINGS)}; received {output}", param_hint="--output")
    if words is not None and top is not None:
        raise click.UsageError("--words and --top both select the tokens to show: leave out one of them")
    corpus.check_distinct([model, vocab, words, names], output)
    from tokemb.analysis import word_map
    from tokemb.analysis.maps import MAP
    from tokemb.files.atomic import check_output

    check_output(output, MAP, force=force)
    selected = None if words is None else _read_words(words)
    vectors = options.token_vectors(model, vocab, column, names)
    map_ = word_map(vectors, method=method, top=1000 if top is None else top, words=selected, seed=seed)
    if map_.left_out:
        note(f"left out   {_word_list(map_.left_out)}: not in the vocabulary, or with vectors of zeros")
    if output.suffix == ".html":
        from tokemb.analysis import write_html

        write_html(map_, output, options.map_title(model, column), force=force)
    else:
        from tokemb.analysis import write_picture

        if unlabelled := write_picture(map_, output, options.map_title(model, column), force=force):
            note(f"no label   {_word_list(unlabelled)}: no installed font has their characters; .html shows them")
    note(f"wrote      {output}: {len(map_.tokens):,} tokens, {map_.method}")


def _read_words(path: Path) -> list[str]:
    """Read a text file with one word per line."""
    from tokemb import read_corpus

    return [text for batch in read_corpus(path) for text in batch.column(0).to_pylist() if text]


def _word_list(words: list[str]) -> str:
    from tokemb.vocabulary.escape_token import escape_token

    return f"{len(words):,}: " + ", ".join(map(escape_token, words[:10])) + ", ..." * (len(words) > 10)
