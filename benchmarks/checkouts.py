"""Compare the speed of tokemb in another checkout with the speed in this one.

Usage: python -m benchmarks.checkouts OTHER [PAIRS=3] [DIAL=value ...]

OTHER   the root folder of the other checkout, for example a worktree of an earlier commit
PAIRS   the number of pairs of processes
The dials are those of `python -m benchmarks`. Peers do not run, and no page is written.

Two processes, one for each checkout, prepare the same work and take turns, so that both run under the same load. The
speed of the same code differs by up to a fifth between processes, because of the addresses of their memory, so several
pairs of processes run one after the other. The table on standard output shows the medians over the pairs: of the median
seconds of each checkout, and of their ratio. Above 1, this checkout takes longer.
The exit code is 1 if a ratio is above the bound of 1.03.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from benchmarks.measuring import say
from benchmarks.setting import ROOT

# Above this ratio, a line of the table counts as slower.
BOUND = 1.03
_PAIRS = 3


@dataclass(frozen=True)
class Checkout:
    """A process that runs ``benchmarks.timed_checkout`` with the tokemb of one checkout."""

    requests: IO[str]
    answers: IO[str]

    def next_work(self) -> str | None:
        """Wait until the process is ready, and return the name of its next work, or ``None`` at the end."""
        line = self.answers.readline()
        return json.loads(line) if line else None

    def seconds(self) -> float:
        """Let the process do that work, and return the seconds that it took."""
        print(file=self.requests, flush=True)
        return float(json.loads(self.answers.readline()))


@contextmanager
def start_checkout(root: Path, dials: list[str]) -> Iterator[Checkout]:
    """Start the process of a checkout, and wait for its end on exit."""
    command = [sys.executable, "-m", "benchmarks.timed_checkout", str(root.resolve()), *dials]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        if process.stdin is None or process.stdout is None:
            raise RuntimeError("the process has no pipes")
        yield Checkout(process.stdin, process.stdout)


def main(arguments: list[str]) -> int:
    """Measure, print the table, and return 1 if this checkout is slower than the bound."""
    if not arguments or not (Path(arguments[0]) / "tokemb").is_dir():
        print(__doc__, file=sys.stderr)
        return 2
    pairs, dials = _PAIRS, arguments[1:]
    if dials and dials[0].startswith("PAIRS="):
        pairs, dials = int(dials[0].removeprefix("PAIRS=")), dials[1:]
    medians: dict[str, list[tuple[float, float]]] = {}
    for pair in range(pairs):
        say(f"pair {pair + 1} of {pairs}")
        seconds = measure_pair(Path(arguments[0]), dials)
        if not seconds:
            say("the two checkouts did not do the same work: one of them failed; see its message above")
            return 1
        for work, (of_other, of_this) in seconds.items():
            medians.setdefault(work, []).append((statistics.median(of_other), statistics.median(of_this)))
    print("| work | other checkout, s | this checkout, s | ratio |\n|---|---:|---:|---:|")
    ratios = []
    for work, of_pairs in medians.items():
        before, after = map(statistics.median, zip(*of_pairs, strict=True))
        ratios.append(statistics.median(this / other for other, this in of_pairs))
        print(f"| {work} | {before:.4f} | {after:.4f} | {ratios[-1]:.3f} |")
    return int(max(ratios) > BOUND)


def measure_pair(other_root: Path, dials: list[str]) -> dict[str, tuple[list[float], list[float]]]:
    """Run the work in one process for each checkout.

    Returns:
        For each work, the seconds in the other checkout and in this one. Empty if they did not do the same work.
    """
    seconds: dict[str, tuple[list[float], list[float]]] = {}
    with ExitStack() as running:
        other, this = (running.enter_context(start_checkout(root, dials)) for root in (other_root, ROOT))
        while (work := other.next_work()) == this.next_work() and work is not None:
            of_other, of_this = seconds.setdefault(work, ([], []))
            turns = [(other, of_other), (this, of_this)]
            for checkout, times in turns if len(of_other) % 2 else reversed(turns):
                times.append(checkout.seconds())
    return {} if work is not None else seconds


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
