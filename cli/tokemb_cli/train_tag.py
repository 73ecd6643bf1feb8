"""``tokemb train tag``."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from tokemb._validation import CELLS
from tokemb_cli import corpus, options, training, training_options

if TYPE_CHECKING:
    from tokemb.training.result import Trained
    from tokemb.training.tag import Tagged


@click.command(
    "tag", cls=corpus.FileCommand, context_settings={"default_map": {"learning_rate": 0.003, "dropout": 0.3}}
)
@training_options.tags
@training_options.output
@corpus.tables
@training_options.vocab
@training_options.validation_file
@training_options.test
@options.choice("--head", CELLS, "lstm", "Cells of the recurrent layer, which reads rows in both directions.")
@training_options.maxlen(
    "Length that rows are truncated to in training.  [default: one that 99 % of the rows do not exceed]"
)
@training_options.embedding
@options.integer("--units", 64, "Number of units in each direction.")
@training_options.dropout()
@training_options.folds
@training_options.schedule
@corpus.quiet
def command(**arguments: Any) -> None:  # noqa: ANN401
    """Train a tagger: a model that predicts a tag for each token, such as names or parts of speech.

    A row has tokens and as many tags: a sentence of a CoNLL file, lists in JSON Lines or Parquet, texts in CSV that are
    split at white space, or with --group-by the rows of a group.

    Without --vocab, a vocabulary of subwords is fitted to the tokens, or with --vectors a vocabulary of words. A token
    has its tag at its first subword. The metrics are accuracy, the share of tokens with the true tag, and precision,
    recall and F1 of spans (IOB2, IOBES), as seqeval computes them. The same metrics with the prefix baseline_ are those
    of predicting the most frequent tag of each token.

    \b
    Examples:
      tokemb train tag train.conll --test test.conll -o tagger
      tokemb train tag train.jsonl --column tokens --tags ner -o tagger
      tokemb train tag words.csv --group-by sentence --column word --tags tag -o tagger
    """
    training.train_text_model(corpus.Corpus.from_options(arguments), arguments, _read, _load)


def _read(rows: corpus.Corpus) -> Tagged:
    from tokemb.training.tag import Tagged

    table = rows.read()
    return Tagged(table.column(0), table.column(1))


def _load() -> Callable[..., Trained]:
    from tokemb.training.tag import train_tagger

    return train_tagger
