"""``tokemb report``."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tokemb._validation import PROFILES
from tokemb_cli import corpus, options, report_inputs, values
from tokemb_cli.console import note, quoted, show_json
from tokemb_cli.fit_vocab import command_line
from tokemb_cli.segmenter import OPTIONS, check_segmenter, segmenter_options

if TYPE_CHECKING:
    from tokemb import ColumnEncoder
    from tokemb.analysis.report.report import TextReport
    from tokemb.pipeline.reports import ColumnsReport


@click.command("report", cls=corpus.FileCommand)
@corpus.tables
@click.option(
    "--on",
    multiple=True,
    metavar="FILE",
    help="New texts, or their counts, to compare with the input. Repeat the option for more files.",
)
@click.option(
    "--fail-above",
    type=values.Number(least=0),
    metavar="PSI",
    help="With --on, return the exit code 1 if a population stability index is higher and chance does not explain it.",
)
@options.page("Page to write, which needs no network.  [default: print the report]")
@options.as_json
@click.option(
    "--profile",
    type=values.Choice(PROFILES),
    help="How texts are split into tokens, as for fit-vocab.  [default: words, keras with --segmenter, or that of the "
    "input]",
)
@segmenter_options
@click.option(
    "--coverage",
    type=values.Number(above=0),
    default=0.98,
    show_default=True,
    help="Share of the text that the suggested vocabulary covers.",
)
@click.option(
    "--untruncated",
    type=values.Number(above=0),
    default=0.95,
    show_default=True,
    help="Share of rows that the suggested --maxlen does not truncate.",
)
@options.integer(
    "--batch-size", 32, "Number of rows in a batch, for the padding of batches and the load of partitions."
)
@click.option(
    "--complete-rows",
    is_flag=True,
    help="Read the texts a second time and show the share of rows without a word out of vocabulary.",
)
@click.option(
    "--partitions",
    type=values.Integer(),
    help="For columns: number of partitions of a sharded embedding. Show the maximum number of ids and of unique ids "
    "per partition.",
)
@options.integer("--top", 10, "Number of tokens in each list.", least=0)
@options.threads
@corpus.quiet
def command(
    on: tuple[str, ...],
    fail_above: float | None,
    output: Path | None,
    **settings: Any,  # noqa: ANN401
) -> None:
    """Report on texts, counts, a vocabulary or columns: suggest sizes, and measure how much new texts differ.

    The input is read as by fit-vocab. It can also be counts, a vocabulary or a folder of columns, whose texts are
    not read again. The report shows the coverage of vocabularies, truncation and padding, growth and scripts. It
    suggests --max-size, --min-count, --maxlen and --dim, with reasons and as commands to copy.

    With --on, the report compares new texts with the input: tokens out of vocabulary, new and vanished tokens, row
    lengths, and the population stability index (PSI) of tokens and lengths. Below 0.1, a distribution is stable.
    From 0.25 on, the change is significant.

    \b
    Examples:
      tokemb report reviews.txt
      tokemb report reviews.counts.parquet -o report.html
      tokemb report reviews.vocab --on new.csv --column review --fail-above 0.25
      tokemb report ratings.csv --column user --column item --partitions 8
    """
    force, as_json = settings.pop("force"), settings.pop("as_json")
    check_segmenter(settings)
    texts = corpus.Corpus.from_options(settings)
    if fail_above is not None and not on:
        raise click.UsageError("--fail-above requires --on, the new texts to compare")
    if output is not None:
        options.check_ending(output, ".html")
        _check_target(texts, on, output, force)
    columns = report_inputs.columns(texts)
    report: TextReport | ColumnsReport
    if columns is not None or texts.is_table:
        report = _report_columns(texts, columns, on, settings)
        commands = []
    else:
        report = _report_texts(texts, on, settings)
        commands = _commands(texts, report, {name: settings[name] for name in ("profile", *OPTIONS)})
    _write(report, commands, texts, output, force, as_json)
    if fail_above is not None:
        _check_drift(report, fail_above)


def _check_target(texts: corpus.Corpus, on: tuple[str, ...], output: Path, force: bool) -> None:
    corpus.check_distinct([Path(file) for file in (*texts.files, *on)], output)
    from tokemb.pipeline.report_page import check_target

    check_target(output, force)


def _report_texts(texts: corpus.Corpus, on: tuple[str, ...], settings: dict[str, Any]) -> TextReport:
    if settings.pop("partitions") is not None:
        raise click.UsageError("--partitions is for columns: pass several --column, or a folder of columns")
    if texts.group_by and settings["profile"] is settings["segmenter"] is None:
        settings["profile"] = "whitespace"  # events are not split
    import tokemb

    source = report_inputs.source(texts)
    if settings["complete_rows"]:
        if not callable(source):
            raise click.UsageError("--complete-rows reads the texts: pass the texts, not their counts or a vocabulary")
        report_inputs.check_read_twice(texts, "--complete-rows")
    return tokemb.report(source, on=report_inputs.new_texts(texts, on), **settings)


def _report_columns(
    texts: corpus.Corpus, encoder: ColumnEncoder | None, on: tuple[str, ...], settings: dict[str, Any]
) -> ColumnsReport:
    for name, unused in (("profile", None), *((option, None) for option in OPTIONS), ("complete_rows", False)):
        if settings[name] != unused:
            raise click.UsageError(f"--{name.replace('_', '-')} is for texts; values of columns are not split")
    from tokemb.pipeline.reports import report_columns

    columns = list(texts.columns) if encoder is None else [column.parts for column in encoder.columns]
    arguments = {name: settings[name] for name in ("partitions", "batch_size", "top")}
    new_table = replace(texts, files=on)
    if settings["partitions"] is not None:
        report_inputs.check_read_twice(new_table if on else texts, "--partitions")
    new = report_inputs.table(new_table, columns) if on else None
    if encoder is not None:
        return report_columns(encoder, on=new, **arguments)
    return report_columns(report_inputs.table(texts, columns), on=new, columns=columns, **arguments)


def _commands(texts: corpus.Corpus, report: TextReport, splitting: dict[str, Any]) -> list[str]:
    """Return the commands that apply the suggestions. ``splitting`` are the options that decide the tokens."""
    chosen = {item.argument: item.value for item in report.suggestions}
    stem = options.stem_of(texts.files[0]) or "texts"
    is_vocabulary = report_inputs.is_vocabulary(texts)
    vocab = texts.files[0] if is_vocabulary and len(chosen) == 1 else options.free_name(stem, ".vocab")
    model = f"tokemb init-model --vocab {quoted(vocab)} --dim {chosen.pop('output_dim')} "
    model += f"-o {quoted(options.free_name(stem, '.keras'))}"
    if not chosen:
        return [model]
    flags = [f"--{name.replace('_', '-')} {value}" for name, value in chosen.items()]
    given = [f"--{name.replace('_', '-')} {quoted(str(value))}" for name, value in splitting.items() if value]
    flags += given or report_inputs.splitting_flags(texts)
    is_counts = not is_vocabulary and options.are_counts(texts.files)
    source = " ".join(map(quoted, texts.files)) if is_counts else command_line(None if is_vocabulary else texts)
    return [f"tokemb fit-vocab {source} -o {quoted(vocab)} {' '.join(flags)}", model]


def _write(
    report: TextReport | ColumnsReport,
    commands: list[str],
    texts: corpus.Corpus,
    output: Path | None,
    force: bool,
    as_json: bool,
) -> None:
    if output is not None:
        from tokemb.pipeline.report_page import write_report

        write_report(report, output, options.stem_of(texts.files[0]) or "Report", commands=commands, force=force)
    if as_json:
        show_json({**report.to_json(), "commands": commands})
    elif output is None:
        from tokemb_cli.report_text import show_report

        show_report(report, commands)
    if output is not None and not texts.quiet:
        note(f"wrote      {output}", *(f"next       {line}" for line in commands))


def _check_drift(report: TextReport | ColumnsReport, fail_above: float) -> None:
    """Raise ``click.ClickException``, whose exit code is 1, if a stability index is above ``fail_above``."""
    from tokemb.analysis.report.report import TextReport

    drifts = [report.drift] if isinstance(report, TextReport) else list(report.drift.values())
    score = max((drift.score() for drift in drifts if drift is not None), default=0.0)
    if score > fail_above:
        raise click.ClickException(
            f"the new input differs: its highest population stability index is {score:.3f}, and --fail-above is "
            f"{fail_above:g}"
        )
