"""The page of results."""

from __future__ import annotations

from benchmarks.measuring import SLOW_REPEAT, SLOW_SECONDS, Finding, Outcome, Timing
from benchmarks.setting import MAX_SIZE, MAXLEN, Setting

_HEAD = """\
# How fast it is

tokemb and its peers did the same work by turns, in one run of the command below: on {rows:,} rows, {size:.1f} MB of
text, with a vocabulary of {words:,} words and rows of {maxlen} ids, unless a line says otherwise. Before any of it was
timed the results were compared: who means the same gave the same, or there would be no page. Ratios are of medians.
Before each party worked, {touched} MiB of memory were written to and freed, so that none of them had to wait for pages
that a virtual machine had given back to its host.
"""

_RATIOS = """\
## Ratios

How many times as fast as the peer tokemb is; in lines with "at most", how many times as long it takes, or megabytes.

| work | compared with | measured | bound | |
|---|---|---:|---:|---|
"""

_TIMES = """\
## Times

Seconds; MB/s of text. Whoever needed more than {seconds:.0f} seconds did it {repeat} times at most.

| work | by | median | fastest | slowest | times | MB/s |
|---|---|---:|---:|---:|---:|---:|
"""


def page(outcome: Outcome, setting: Setting, facts: dict[str, str], command: str) -> str:
    """The results as Markdown: ratios first, then times, the machine and the versions."""
    head = _HEAD.format(
        rows=len(setting.texts), size=setting.size / 1e6, words=MAX_SIZE, maxlen=MAXLEN, touched=setting.touch
    )
    ratios = _RATIOS + "".join(map(_ratio, outcome.findings))
    times = _TIMES.format(seconds=SLOW_SECONDS, repeat=SLOW_REPEAT) + "".join(map(_time, outcome.timings))
    missing = [
        f"{name} is not installed, so it is left out: `pip install tokemb[bench]`." for name in sorted(setting.missing)
    ]
    machine = "## Machine and versions\n\n| | |\n|---|---|\n" + "".join(
        f"| {name} | {value} |\n" for name, value in facts.items()
    )
    notes = "".join(f"- {note}\n" for note in [*outcome.notes, *missing])
    command = f"## Command\n\n```\n{command}\n```\n"
    return "\n".join([head, ratios, *([notes] if notes else []), times, machine, command])


def _ratio(finding: Finding) -> str:
    bound = ""
    if finding.least is not None:
        bound = f"at least {finding.least:g} {finding.unit}"
    elif finding.most is not None:
        bound = f"at most {finding.most:g} {finding.unit}"
    verdict = {True: "met", False: "**not met**", None: ""}[finding.met]
    value = (
        f"{finding.value:.0f}"
        if finding.value >= 100
        else f"{finding.value:.2f}"
        if finding.value < 10
        else f"{finding.value:.1f}"
    )
    return f"| {finding.work} | {finding.against} | {value} {finding.unit} | {bound} | {verdict} |\n"


def _time(timing: Timing) -> str:
    rate = f"{timing.size / timing.median / 1e6:.0f}" if timing.size else ""
    times = " | ".join(f"{seconds:.3f}" for seconds in (timing.median, min(timing.seconds), max(timing.seconds)))
    return f"| {timing.work} | {timing.party} | {times} | {len(timing.seconds)} | {rate} |\n"
