"""Do the work of the benchmarks with the tokemb of one checkout, one step for each request on standard input.

``benchmarks.checkouts`` starts this module. It writes the name of the next work as JSON, waits for a line, does the
work and writes the seconds that it took. Nothing else is written to standard output.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any


def _import_tokemb(checkout: str) -> None:
    """Import the package from ``checkout``, before ``benchmarks`` imports the one beside itself."""
    sys.path.insert(0, checkout)
    import tokemb  # noqa: F401 - later imports of its modules use the path of the package

    del sys.path[0]


def main(checkout: str, dials: list[str]) -> None:
    """Run the cases that the dials name."""
    _import_tokemb(checkout)
    import tempfile
    from pathlib import Path

    from benchmarks import commands, compat, feeding, subwords, vectors, words
    from benchmarks.__main__ import read_dials, setting_of
    from benchmarks.cases import CASES
    from benchmarks.measuring import Outcome, Party, SkipError, say, timed

    def time_tokemb(work: str, parties: Sequence[Party], *_: Any, repeat: int, touch: int, **options: Any) -> Outcome:
        """Replace ``compare``, with the parties of tokemb only."""
        turns = options.get("turns") or ("",)
        for party in parties:
            if not party.name.startswith("tokemb"):
                continue
            state = party.make()
            party.run(state)
            for _ in range(repeat):
                if turns != ("",):
                    state = party.make()
                for turn in turns:
                    step = partial(timed, party, state, touch)
                    _step(", ".join(filter(None, [work, turn, party.name])), step)
        return Outcome()

    for module in (commands, compat, feeding, subwords, vectors, words):
        module.compare = time_tokemb  # type: ignore[attr-defined]
    values = read_dials(dials)
    with tempfile.TemporaryDirectory(prefix="tokemb-bench-") as folder:
        setting = setting_of(values, Path(folder), Path(checkout))
        for name in values["CASES"].replace(",", " ").split():
            say(f"{name}")
            try:
                CASES[name](setting)
            except SkipError as reason:
                say(f"  skipped: {reason}")


def _step(work: str, run: Callable[[], float]) -> None:
    print(json.dumps(work), flush=True)
    sys.stdin.readline()
    print(json.dumps(run()), flush=True)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
