"""Measure how time and memory of `tokemb fit-vocab` and `tokemb encode` grow with the text, and draw the times.

Usage: python -m benchmarks.growth [DIAL=value ...]

TEXT      the corpus, as for `python -m benchmarks`; it is repeated to reach a size  [../shared/data/imdb]
GB        the sizes of the text, separated by commas, or 0 for none  [0.1,1,4]
DISTINCT  the numbers of distinct tokens of generated text, separated by commas, or 0 for none  [10000,100000,1000000]
REPEAT    the number of repetitions of each command; the table contains medians  [1]
OUT       the chart to write  [docs/scale.svg]

The table is printed. Repeated text has no new tokens, so that the first table shows the cost per byte alone. In the
generated text, each token occurs four times on average, so that the second table shows the cost of distinct tokens.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks import corpora
from benchmarks.setting import MAX_SIZE, MAXLEN, ROOT

HERE = Path(__file__).parent
OCCURRENCES = 4
ROW_TOKENS = 100
DIALS = {
    "TEXT": str(ROOT.parent / "shared" / "data" / "imdb"),
    "GB": "0.1,1,4",
    "DISTINCT": "10000,100000,1000000",
    "REPEAT": "1",
    "OUT": str(ROOT / "docs" / "scale.svg"),
}


@dataclass(frozen=True)
class Cost:
    """The cost of one command: its seconds, CPU seconds and peak megabytes."""

    seconds: float
    cpu_seconds: float
    megabytes: float


@dataclass(frozen=True)
class Growth:
    """The costs of both commands for one text."""

    size: int  # bytes
    distinct: int | None
    fit: Cost
    encode: Cost


def main(arguments: list[str]) -> int:
    """Measure, print the tables and write the chart. Return the exit code."""
    if set(arguments) & {"-h", "--help"}:
        print(__doc__)
        return 0
    dials = DIALS | dict(argument.split("=", 1) for argument in arguments)
    if unknown := dials.keys() - DIALS.keys():
        print(f"benchmarks.growth: {', '.join(sorted(unknown))}: no such dial; see --help", file=sys.stderr)
        return 2
    repeat = int(dials["REPEAT"])
    with tempfile.TemporaryDirectory(prefix="tokemb-growth-") as name:
        folder = Path(name)
        by_size = [_of_size(float(gb), dials["TEXT"], folder, repeat) for gb in dials["GB"].split(",") if float(gb)]
        by_distinct = [
            _of_distinct(int(number), folder, repeat) for number in dials["DISTINCT"].split(",") if int(number)
        ]
    print(table(by_size))
    print(table(by_distinct))
    draw(by_size, Path(dials["OUT"]))
    return 0


def _of_size(gigabytes: float, corpus: str, folder: Path, repeat: int) -> Growth:
    """Measure the commands on the corpus, repeated until it has ``gigabytes``."""
    content = "".join(text + "\n" for text in corpora.texts(Path(corpus), None)).encode()
    times = max(1, round(gigabytes * 1e9 / len(content)))
    path = folder / "text.txt"
    with path.open("wb") as file:
        if gigabytes * 1e9 < len(content):
            file.write(content[: content.index(b"\n", int(gigabytes * 1e9)) + 1])
        else:
            for _ in range(times):
                file.write(content)
    return _measured(path, folder, repeat)


def _of_distinct(number: int, folder: Path, repeat: int) -> Growth:
    """Measure the commands on generated text with ``number`` distinct tokens."""
    generator = np.random.default_rng(0)
    path = folder / "text.txt"
    with path.open("wb") as file:
        # Each token occurs once in order, so that all of them occur; the other occurrences are random.
        for first in range(0, number * OCCURRENCES, 1_000_000):
            last = min(first + 1_000_000, number * OCCURRENCES)
            ids = np.arange(first, last) if first < number else generator.integers(0, number, last - first)
            words = _words(np.where(ids < number, ids, ids % number))
            rows = (b" ".join(words[start : start + ROW_TOKENS]) + b"\n" for start in range(0, len(words), ROW_TOKENS))
            file.writelines(rows)
    return _measured(path, folder, repeat, number)


def _words(ids: np.ndarray) -> list[bytes]:
    """Return a word of seven letters for each id: its digits in base 26, mixed so that neighbours differ."""
    # An odd multiplier that is no multiple of 13 permutes the numbers below 26 to the power of 7.
    mixed = ids.astype(np.int64) * 1_000_000_007 % 26**7
    letters = np.empty((len(ids), 7), np.uint8)
    for place in range(7):
        letters[:, place] = mixed % 26 + ord("a")
        mixed //= 26
    return letters.view("S7").ravel().tolist()


def _measured(path: Path, folder: Path, repeat: int, distinct: int | None = None) -> Growth:
    """Return the costs of fitting a vocabulary to ``path`` and of encoding it."""
    vocabulary, out = folder / "vocab", folder / "ids.npy"
    fit = ["fit-vocab", path, "-o", vocabulary, *(["--max-size", MAX_SIZE] if distinct is None else [])]
    encode = ["encode", path, "--vocab", vocabulary, "--maxlen", MAXLEN, "-o", out]
    costs = [_cost(arguments, repeat) for arguments in (fit, encode)]
    growth = Growth(path.stat().st_size, distinct, *costs)
    for written in (path, out):
        written.unlink()
    print(growth, file=sys.stderr, flush=True)
    return growth


def _cost(arguments: list[object], repeat: int) -> Cost:
    """Return the medians of ``repeat`` runs of one command.

    A process inherits the peak memory of its parent, so a small process starts the command.
    """
    command = [sys.executable, "-S", "-E", HERE / "peak_memory.py", sys.executable, "-m", "tokemb_cli", *arguments]
    runs = []
    for _ in range(repeat):
        done = subprocess.run([*map(str, command)], capture_output=True, text=True, check=True)
        run = json.loads(done.stdout.splitlines()[-1])
        runs.append((run["seconds"], run["cpu_seconds"], run["bytes"] / 1e6))
    return Cost(*(statistics.median(values) for values in zip(*runs, strict=True)))


def table(growths: list[Growth]) -> str:
    """Return the table of the costs in Markdown."""
    lines = [
        "| text | distinct tokens | fit-vocab | MB/s | CPU s per GB | peak memory | encode | MB/s | CPU s per GB "
        "| peak memory |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for growth in growths:
        cells = [
            f"{growth.size / 1e9:.3g} GB",
            "that of the corpus" if growth.distinct is None else f"{growth.distinct:,}",
        ]
        for cost in (growth.fit, growth.encode):
            cells += [
                f"{cost.seconds:.2f} s",
                f"{growth.size / 1e6 / cost.seconds:.0f}",
                f"{cost.cpu_seconds / growth.size * 1e9:.2f}",
                f"{cost.megabytes:.0f} MB",
            ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def draw(growths: list[Growth], path: Path) -> None:
    """Draw the seconds of both commands by the size of the text, with logarithmic axes."""
    import matplotlib as mpl

    mpl.use("svg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(6, 3.5), layout="constrained")
    sizes = [growth.size / 1e9 for growth in growths]
    for command, costs in (("fit-vocab", [g.fit for g in growths]), ("encode", [g.encode for g in growths])):
        axes.loglog(sizes, [cost.seconds for cost in costs], "o-", label=f"tokemb {command}")
    axes.set(xlabel="text in GB", ylabel="seconds")
    axes.grid(visible=True, which="both", alpha=0.3)
    axes.legend()
    figure.savefig(path, metadata={"Date": None})


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
