"""The loop: parties do the same work by turns, and what they return is compared before any of it is timed."""

from __future__ import annotations

import gc
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

# A party whose first repetition takes longer has no more than SLOW_REPEAT of them.
SLOW_SECONDS = 3.0
SLOW_REPEAT = 3


class SkipError(Exception):
    """A case that cannot run here, and why."""


@dataclass(frozen=True)
class Party:
    """Somebody who does the work.

    ``run``: the work, which is timed; it gets what ``make`` returned, and returns its result.
    ``make``: what is made before, and not timed.
    ``keep``: turns the result into what the check needs of it; not timed either.
    """

    name: str
    run: Callable[[Any], Any]
    make: Callable[[], Any] = lambda: None
    keep: Callable[[Any], Any] = lambda result: result


@dataclass(frozen=True)
class Comparison:
    """A ratio to report: how many times as fast as ``peer`` the party is; with ``most``, as long as ``peer`` it takes.

    ``least``, ``most``: the bound that the ratio is held against, if there is one.
    """

    peer: str
    least: float | None = None
    most: float | None = None
    party: str = "tokemb"
    turn: str = ""


@dataclass(frozen=True)
class Finding:
    """A number that was measured, and the bound that it is held against."""

    work: str
    against: str
    value: float
    unit: str = "x"
    least: float | None = None
    most: float | None = None

    @property
    def met(self) -> bool | None:
        """Whether the bound is met; ``None`` without one."""
        if self.least is not None:
            return self.value >= self.least
        return None if self.most is None else self.value <= self.most


@dataclass(frozen=True)
class Timing:
    """The repetitions of one party. ``size``: bytes of text that it worked on, 0 if that says nothing."""

    work: str
    party: str
    seconds: tuple[float, ...]
    size: int = 0

    @property
    def median(self) -> float:
        """The median, in seconds."""
        return statistics.median(self.seconds)


@dataclass
class Outcome:
    """What cases found."""

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
    """Let every party work once and ``check`` the results, then time them by turns.

    ``check`` gets what they ``keep`` of the results by the name of the party, and raises ``DisagreementError``.
    ``touch``: MiB of memory that are written to, and freed, before each timed run. A virtual machine gives memory that
    nobody holds back to its host some seconds later, and a page that comes from there takes twenty times as long as
    one that does not: so this falls to no party by chance.
    ``turns``: names of runs that follow each other on an object that is made afresh for each repetition, such as
    "first pass" and "second pass"; without, all repetitions work with the same one.
    Comparisons with a party that is not there are left out.
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
    # Afterwards: what it walks through, the objects of Python, is near the processor again.
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
    """Tell how far it is."""
    print(line, file=sys.stderr, flush=True)
