"""Sets of characters that are given as ranges of code points."""

from __future__ import annotations

from bisect import bisect_right


class Letters(dict[int, str]):
    """Map each code point to the letter of the set that contains it. ``str.translate`` applies the map to a text."""

    def __init__(self, sets: dict[str, str]) -> None:
        """Initialize the map. ``sets`` are the ranges of each letter. All other characters get a space."""
        super().__init__()
        spans = [(-1, -1, " ")]
        for letter, ranges in sets.items():
            for span in ranges.split():
                spans.append((int(span.partition("-")[0], 16), int(span.rpartition("-")[2], 16), letter))
        spans.sort()
        self._starts = [start for start, _, _ in spans]
        self._ends = [(end, letter) for _, end, letter in spans]

    def __missing__(self, code: int) -> str:
        end, letter = self._ends[bisect_right(self._starts, code) - 1]
        self[code] = letter if code <= end else " "
        return self[code]
