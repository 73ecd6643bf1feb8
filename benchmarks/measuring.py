"""Measurement: parties do the same work in turns. Their results are compared before they are timed."""

from __future__ import annotations

import gc
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

# A party whose first repetition takes longer than SLOW_SECONDS has at most SLOW_REPEAT repetitions.
SLOW_SECONDS = 3.0
SLOW_REPEAT = 3


class SkipError(Exception):
    """A case that cannot run on this machine, with the reason."""


@dataclass(frozen=True)
class Party:
    """A library, or a way to use one, that does the work.

    Attributes:
        run: The timed work. It takes the result of ``make``.
        make: The preparation, which is not timed.
        keep: Converts the result of ``run`` for the check. It is not timed.
    """

    name: str
    run: Callable[[Any], Any]
    make: Callable[[], Any] = lambda: None
    keep: Callable[[Any], Any] = lambda result: result


@dataclass(frozen=True)
class Comparison:
    """A ratio to report: the time of ``peer`` by that of ``party``, or the inverse with ``most``.

    Attributes:
        least: The minimum of the ratio, if there is one.
        most: The maximum of the inverse ratio, if there is one.
    """

    peer: str
    least: float | None = None
    most: float | None = None
    party: str = "tokemb"
    turn: str = ""


@dataclass(frozen=True)
class Finding:
    """A measured number and its bound."""

    work: str
    against: str
    value: float
    unit: str = "x"
    least: float | None = None
    most: float | None = None

    @property
    def met(self) -> bool | None:
        """Whether the bound is met. ``None`` without a bound."""
        if self.least is not None:
            return self.value >= self.least
        return None if self.most is None else self.value <= self.most


@dataclass(frozen=True)
class Timing:
    """The repetitions of one party. ``size`` is the number of bytes of text, or 0 if a rate is not useful."""

    work: str
    party: str
    seconds: tuple[float, ...]
    size: int = 0

    @property
    def median(self) -> float:
        """The median in seconds."""
        return statistics.median(self.seconds)


@dataclass
class Outcome:
    """The results of cases."""

    findings: list[Finding] = field(default_factory=list)
    timings: list[Timing] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def __add__(self, other: Outcome) -> Outcome:
        return Outcome(
            self.findings + other.findings, self.timings + other.timings, list(dict.fromkeys(self.notes + other.notes))
        )


def compare(
    work: str,
    parties: Sequence[Party],
    comparisons: Sequence[Comparison],
    check: Callable[[dict[str, Any]], None],
    *,
    repeat: int,
    touch: int,
    turns: Sequence[str] = (),
    size: int = 0,
    notes: Sequence[str] = (),
) -> Outcome:
    """Let every party work once, ``check`` the results, and then time the parties in turns.

    Args:
        work: The name of the work.
        parties: The parties.
        comparisons: The ratios to report. Those with a party that is absent are skipped.
        check: Takes the results of ``keep`` by the name of the party, and raises ``DisagreementError``.
        repeat: The number of repetitions.
        touch: MiB of memory to write and free before each timed run. A virtual machine returns unused memory to its
            host after some seconds, and getting a page back takes twenty times as long. No party should pay for this
            by chance.
        turns: Names of consecutive runs on the same object, such as "first pass" and "second pass". The object is made
            again for each repetition. Without ``turns``, all repetitions use the same object.
        size: The number of bytes of text.
        notes: Notes for the page.
    """
    states = {party.name: party.make() for party in parties}
    results = {party.name: party.keep(party.run(states[party.name])) for party in parties}
    check(results)
    del results
    say("  the results agree")

    seconds: dict[tuple[str, str], list[float]] = {
        (party.name, turn): [] for turn in turns or ("",) for party in parties
    }
    left = {party.name: repeat for party in parties}
    while any(left.values()):
        for party in (party for party in parties if left[party.name]):
            if turns:
                del states[party.name]
                states[party.name] = party.make()
            for turn in turns or ("",):
                seconds[party.name, turn].append(timed(party, states[party.name], touch))
            done = len(seconds[party.name, turn])
            slow = max(times[0] for (name, _), times in seconds.items() if name == party.name) > SLOW_SECONDS
            left[party.name] = (min(repeat, SLOW_REPEAT) if slow else repeat) - done

    timings = {key: Timing(_title(work, key[1]), key[0], tuple(times), size) for key, times in seconds.items()}
    findings = [
        _finding(work, each, timings)
        for each in comparisons
        if (each.party, each.turn) in timings and (each.peer, each.turn) in timings
    ]
    for finding in findings:
        say(f"  {finding.value:8.2f} {finding.unit}  {finding.work}: {finding.against}")
    return Outcome(findings, list(timings.values()), list(notes))


def timed(party: Party, state: object, touch: int) -> float:
    """Return the seconds of one run of ``party``, after ``touch`` MiB of memory were written to and freed."""
    touched = np.ones(touch << 20, np.uint8)
    # Collect afterwards: this brings Python's objects back into the caches of the processor.
    gc.collect()
    del touched
    start = time.perf_counter()
    result = party.run(state)
    seconds = time.perf_counter() - start
    del result
    return seconds


def _finding(work: str, comparison: Comparison, timings: dict[tuple[str, str], Timing]) -> Finding:
    party = timings[comparison.party, comparison.turn].median
    peer = timings[comparison.peer, comparison.turn].median
    value = peer / party if comparison.most is None else party / peer
    against = comparison.peer if comparison.party == "tokemb" else f"{comparison.peer}, by {comparison.party}"
    return Finding(_title(work, comparison.turn), against, value, least=comparison.least, most=comparison.most)


def _title(work: str, turn: str) -> str:
    return f"{work}, {turn}" if turn else work


def say(line: str) -> None:
    """Print a line of progress to standard error."""
    print(line, file=sys.stderr, flush=True)
