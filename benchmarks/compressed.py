"""Benchmarks of the commands on a large compressed JSON Lines file, beside plain reading and writing."""

from __future__ import annotations

import gzip
import json
import sys
from pathlib import Path

import numpy as np

import tokemb
from benchmarks.agreement import DisagreementError, same_ids
from benchmarks.commands import MEGABYTES, TOKEMB, measured
from benchmarks.measuring import Finding, Outcome, SkipError, Timing, say
from benchmarks.setting import MAX_SIZE, MAXLEN, Setting

# The size of the corpus in multiples of the dial GB.
TIMES = 2
MOST = 1.5

READING = "gzip.open and read"
WRITING = "writing as many bytes"
READ = "import gzip, sys\nwith gzip.open(sys.argv[1]) as file:\n    while file.read(1 << 20):\n        pass"
WRITE = """
import sys
with open(sys.argv[1], "wb") as file:
    for _ in range(int(sys.argv[2]) >> 20):
        file.write(bytes(1 << 20))
"""


def json_lines(setting: Setting) -> Outcome:
    """Measure fitting and encoding of gzip JSON Lines, beside reading alone and writing alone."""
    if not setting.gigabytes:
        raise SkipError("GB is 0")
    corpus, rows, size = _corpus(setting)
    vocabulary, out, copy = setting.folder / "lines.vocab", setting.folder / "lines.npy", setting.folder / "copy"
    texts = [corpus, "--column", "text"]
    commands = {
        READING: [sys.executable, "-c", READ, corpus],
        WRITING: [sys.executable, "-c", WRITE, copy, rows * MAXLEN * 4],
        "tokemb fit-vocab": [*TOKEMB, "fit-vocab", *texts, "-o", vocabulary, "--max-size", MAX_SIZE],
        "tokemb encode": [*TOKEMB, "encode", *texts, "--vocab", vocabulary, "--maxlen", MAXLEN, "-o", out],
    }
    seconds: dict[str, list[float]] = {name: [] for name in commands}
    peaks: dict[str, float] = {}
    for _ in range(min(setting.repeat, 3)):
        for name, command in commands.items():
            took, peaks[name] = measured(command, setting)
            seconds[name].append(took)
    _check(setting, vocabulary, out, rows)
    shown = f"{size / 1e9:.3g} GB of JSON Lines, gzip"
    outcome = Outcome(timings=[Timing(shown, name, tuple(took), size) for name, took in seconds.items()])
    medians = {timing.party: timing.median for timing in outcome.timings}
    slower = max((READING, WRITING), key=lambda name: medians[name])
    for name in ("tokemb fit-vocab", "tokemb encode"):
        ratio = medians[name] / medians[slower]
        say(f"  {ratio:8.2f} x as long as {slower}, {peaks[name]:.0f} MB: {name}, {shown}")
        outcome.findings += [
            Finding(f"{name}, {shown}: as long as", slower, ratio, most=MOST),
            Finding(f"peak memory of {name}, {shown}", "", peaks[name], "MB", most=MEGABYTES),
        ]
    for path in (corpus, out, copy):
        path.unlink()
    return outcome


def _corpus(setting: Setting) -> tuple[Path, int, int]:
    """Write the texts repeatedly, with a number and a label. Return the path, the rows, and the bytes of the lines."""
    path, rows = setting.folder / "lines.jsonl.gz", enumerate(setting.texts)
    lines = "".join(json.dumps({"id": row, "text": text, "label": row % 2}) + "\n" for row, text in rows).encode()
    times = -(-int(TIMES * setting.gigabytes * 1e9) // len(lines))
    member = gzip.compress(lines, 6)
    with path.open("wb") as file:
        for _ in range(times):
            file.write(member)
    return path, times * len(setting.texts), times * len(lines)


def _check(setting: Setting, vocabulary: Path, out: Path, rows: int) -> None:
    ids, some = np.load(out, mmap_mode="r"), setting.texts[:1000]
    if ids.shape != (rows, MAXLEN):
        raise DisagreementError(f"tokemb encode wrote {ids.shape} for {rows} rows")
    expected = tokemb.Encoder.load(vocabulary).encode(some, maxlen=MAXLEN)
    same_ids(
        {"tokemb": ids[-len(setting.texts) :][: len(some)], "tokemb.Encoder": expected}, "tokemb", "tokemb.Encoder"
    )
