"""The results page."""

from __future__ import annotations

from benchmarks.measuring import SLOW_REPEAT, SLOW_SECONDS, Finding, Outcome, Timing
from benchmarks.setting import MAX_SIZE, MAXLEN, Setting

_HEAD = """\
# How fast it is

tokemb and other libraries did the same work in turns, in one run of the command below. The text has {rows:,} rows and
{size:.1f} MB, the vocabulary {words:,} words, and rows {maxlen} ids, unless a line states otherwise. The results were
compared before the work was timed. If they had differed, this page would not have been written. Ratios compare
medians. Before each timed run, {touched} MiB of memory were written and freed, so that no library had to wait for
memory pages that a virtual machine had returned to its host.
"""

_RATIOS = """\
## Ratios

The time of the other library divided by the time of tokemb. In lines with "at most", the time of tokemb divided by the
time of the other library, or megabytes.

| work | compared with | measured | bound | |
|---|---|---:|---:|---|
"""

_TIMES = """\
## Times

Times are in seconds, rates in MB/s of text. Work of more than {seconds:.0f} seconds was repeated at
most {repeat} times.

| work | library | median | fastest | slowest | repetitions | MB/s |
|---|---|---:|---:|---:|---:|---:|
"""


def page(outcome: Outcome, setting: Setting, facts: dict[str, str], command: str) -> str:
    """Return the results as Markdown: ratios, times, the machine and the versions."""
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
