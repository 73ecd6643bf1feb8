"""``tokemb check``."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path

import click

from tokemb_cli import options, values
from tokemb_cli.console import note, quiet_tensorflow, show, show_json
from tokemb_cli.messages import for_running_command


@click.command("check")
@click.argument("ids", nargs=-1, type=values.FilePath())
@options.vocab
@click.option(
    "--model", required=True, type=values.FilePath(), metavar="FILE.keras", help="Saved Keras model to check."
)
@click.option("--json", "as_json", is_flag=True, help="Print the findings as JSON.")
@click.pass_context
def command(ctx: click.Context, ids: tuple[Path, ...], vocab: Path, model: Path, as_json: bool) -> None:
    """Check that a vocabulary, a model and files of ids are compatible.

    Each finding is one line with its level, the problem and the remedy, errors first. The exit code is 1 if there is an
    error, and 0 otherwise.

    \b
    Examples:
      tokemb check --vocab reviews.vocab --model reviews.keras
      tokemb check train.npy test.npy --vocab reviews.vocab --model reviews.keras
    """
    from tokemb import Encoder, check

    encoder = Encoder.load(vocab)
    with quiet_tensorflow():
        findings = check(encoder, model, *ids)
    findings = [replace(finding, message=for_running_command(finding.message)) for finding in findings]
    if as_json:
        show_json([asdict(finding) for finding in findings])
    else:
        for finding in findings:
            show(str(finding))
    errors = sum(finding.level == "error" for finding in findings)
    note(f"found      {errors} errors, {len(findings) - errors} warnings")
    ctx.exit(1 if errors else 0)
