"""``tokemb import``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tokemb._validation import LINE_KINDS, PROFILES
from tokemb_cli import corpus, options, values
from tokemb_cli.console import note, quiet_tensorflow
from tokemb_cli.messages import for_running_command
from tokemb_cli.segmenter import check_segmenter, segmenter_options

if TYPE_CHECKING:
    from tokemb.importers import Difference, Imported


@click.command("import")
@click.argument("source", metavar="SOURCE", type=values.FilePath())
@options.output("FOLDER", "Vocabulary folder to write; an existing vocabulary is replaced.")
@click.option(
    "--verify",
    "texts",
    metavar="TEXTS",
    type=values.FilePath(),
    help="Compare with the original on this text file, one row per line; a difference is an error.",
)
@click.option(
    "--kind",
    type=values.Choice(LINE_KINDS),
    help="Kind of vocabulary in a text file.  [default: detected from the content]",
)
@options.saved_shape(note="  [default: pre for a Keras Tokenizer, otherwise post]")
@click.option(
    "--lowercase/--cased",
    default=None,
    help="BERT and word_index: whether texts are lowercased.  [default: detected for BERT; yes for word_index]",
)
@click.option("--num-words", type=int, help="word_index: words with this id or a higher one are out of vocabulary.")
@click.option("--oov-token", metavar="WORD", help="word_index: the token for words that are out of vocabulary.")
@click.option(
    "--filters", metavar="CHARS", help="word_index: characters that separate words.  [default: those of Keras]"
)
@click.option(
    "--split",
    metavar="TEXT",
    help="word_index: text that separates words, besides the characters of --filters.  [default: a space]",
)
@click.option("--char-level/--word-level", default=None, help="word_index: whether a token is a character or a word.")
@click.option("--layer", metavar="NAME", help=".keras: name of the layer to import, if there are several.")
@click.option(
    "--item", metavar="NAME", help="Pickle, JSON: key or position of the vocabulary to import, if there are several."
)
@click.option(
    "--profile",
    type=values.Choice(PROFILES),
    help="Profile that splits texts, for files that do not define it, such as gensim, words and vectors.  "
    "[default: whitespace]",
)
@click.option("--max-size", type=values.Integer(), help="Vectors: maximum number of words, from the start of the file.")
@segmenter_options
@click.option(
    "--offset",
    type=values.Integer(0),
    help="gensim: number to add to every id; words: the first id.  [default: 0 for gensim, 2 for words]",
)
def command(
    source: Path,
    output: Path,
    force: bool,
    texts: Path | None,
    kind: str | None,
    **settings: Any,  # noqa: ANN401 - options of each kind
) -> None:
    """Import the vocabulary of another library. Every token keeps its id, so that trained weights stay valid.

    Nothing in the file is executed: pickles and .keras files are read without pickle and Keras. A vocabulary
    whose ids tokemb cannot reproduce exactly is an error.

    \b
    Formats:
      Keras Tokenizer    the output of to_json, also inside other JSON; a pickle
                         of Keras or of tokemb.keras, also inside a dict, list
                         or tuple; or a word_index with the options below
      .keras             the TextVectorization, StringLookup or Hashing layer of
                         a model
      TextVectorization  a pickle of its config and weights, or of
                         get_vocabulary()
      BERT               vocab.txt, or a JSON object from token to id
      gensim             the output of Dictionary.save_as_text
      word list          one word per line
      tokenizer.json     any Hugging Face tokenizer.json
      vectors            pre-trained vectors, whose words become the vocabulary
      vocab.pkl          a pickled word map that ends with <UNK> and <PAD>

    Files may be compressed with gzip, bzip2, xz, zstd, zlib or lz4, as joblib does.

    \b
    Examples:
      tokemb import tokenizer.pickle -o reviews.vocab --verify reviews.txt
      tokemb import sgns.zhihu.bigram.bz2 -o zhihu.vocab --max-size 50000 --segmenter jieba
      tokemb import word_index.json -o reviews.vocab --oov-token "<OOV>" --maxlen 200 --padding post
    """
    check_segmenter(settings)
    corpus.check_distinct([source, texts], output)
    from tokemb.importers import read_foreign, verify
    from tokemb.importers.options import Options
    from tokemb.vocabulary.folder import check_target

    check_target(output, force)
    imported = read_foreign(source, Options(**settings), kind=kind)
    _report(imported)
    if texts is not None:
        with quiet_tensorflow():
            rows, difference = verify(imported, texts)
        if difference is not None:
            raise click.ClickException(_difference_line(difference))
        note(f"verified   {rows:,} rows of {texts}: the ids are those of the original{_assumptions(imported)}")
    imported.encoder.save(output, force=force)
    note(f"wrote      {output}")
    if texts is None:
        note("note       not compared with the original: pass --verify TEXTS to compare")


def _report(imported: Imported) -> None:
    encoder = imported.encoder
    note(f"read       {imported.kind}")
    for name, value in imported.facts.items():
        note(f"           {name} {value if isinstance(value, (int, type(None))) else repr(value)}")
    note(f"input_dim  {encoder.input_dim:,} = the highest id + 1")
    note(f"rows       maxlen {encoder.maxlen}, padding {encoder.padding}, truncating {encoder.truncating}")
    for text in imported.notes:
        note(f"note       {for_running_command(text)}")


def _assumptions(imported: Imported) -> str:
    """Return the assumptions of the comparison, for the end of its message."""
    if not imported.assumed:
        return ""
    return f", provided that its {', '.join(imported.assumed)} are as assumed above: the file does not contain them"


def _difference_line(difference: Difference) -> str:
    return (
        f"row {difference.row + 1} differs, {difference.text!r:.200}: {_short(difference.ids)} here, "
        f"{_short(difference.original)} in the original; nothing was written"
    )


def _short(ids: list[int]) -> str:
    return f"{ids}" if len(ids) <= 50 else f"{ids[:50]} and {len(ids) - 50} more"
