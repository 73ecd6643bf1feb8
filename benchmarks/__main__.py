"""Compare tokemb with its peers on this machine and write the results page.

Usage: python -m benchmarks [DIAL=value ...]       (make bench takes the same dials)

TEXT        the corpus: a text file, a row a line; a .tsv file, whose last column is the text; or a folder of .tsv.gz.
            A file may end in .gz.  [../shared/data/imdb beside the checkout]
POEMS       JSON Lines with a "text", for the Chinese poems  [../shared/data/chinese_poetry_tang/tang.jsonl.gz]
TOKENIZERS  folder with all_minilm_l6_v2/tokenizer.json and roberta_base/tokenizer.json  [../shared/tokenizers/hf]
ROWS        only so many rows of each text, for a quick look  [all]
REPEAT      repetitions; a peer that needs more than three seconds has three at most  [5]
TOUCH       MiB of memory to write to, and free, before each timed run, 0 for none  [1024]
GB          size of the text that peak memory is measured on, 0 for none  [1]
CASES       only these, with commas between  [all]
OUT         the page to write  [benchmarks/RESULTS.md]
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

# Before anything imports TensorFlow: no chatter, and the processor alone. `tokenizers` keeps its threads after a fork.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ["CUDA_VISIBLE_DEVICES"] = "-1"
os.environ["TOKENIZERS_PARALLELISM"] = "true"

from benchmarks.agreement import DisagreementError
from benchmarks.cases import CASES
from benchmarks.commands import CommandError
from benchmarks.corpora import CorpusError
from benchmarks.machine import machine
from benchmarks.measuring import Outcome, SkipError, say
from benchmarks.report import page
from benchmarks.setting import ROOT, Setting

_SHARED = ROOT.parent / "shared"
DIALS = {
    "TEXT": str(_SHARED / "data" / "imdb"),
    "POEMS": str(_SHARED / "data" / "chinese_poetry_tang" / "tang.jsonl.gz"),
    "TOKENIZERS": str(_SHARED / "tokenizers" / "hf"),
    "ROWS": "",
    "REPEAT": "5",
    "TOUCH": "1024",
    "GB": "1",
    "CASES": ",".join(CASES),
    "OUT": str(ROOT / "benchmarks" / "RESULTS.md"),
}


class DialError(Exception):
    """A dial that does not exist, or a value that it cannot have."""


def main(arguments: list[str]) -> int:
    """Run what the dials ask for; 0 if all ran and agreed, 1 if results differ or a corpus is missing, 2 for usage."""
    if set(arguments) & {"-h", "--help"}:
        print(__doc__)
        return 0
    try:
        dials = read_dials(arguments)
        names = [name for name in dials["CASES"].replace(",", " ").split() if _known_case(name)]
        with tempfile.TemporaryDirectory(prefix="tokemb-bench-") as folder:
            setting = setting_of(dials, Path(folder))
            facts = machine()
            say(f"{len(setting.texts):,} rows, {setting.size / 1e6:.1f} MB")
            outcome = _run(names, setting)
    except (DialError, CorpusError, CommandError) as error:
        print(f"benchmarks: {error}", file=sys.stderr)
        return 2 if isinstance(error, DialError) else 1
    except DisagreementError as error:
        print(f"benchmarks: the results do not agree, so nothing is written: {error}", file=sys.stderr)
        return 1
    out = Path(dials["OUT"])
    out.write_text(page(outcome, setting, facts, _command(arguments)), "utf-8")
    bounded = [finding.met for finding in outcome.findings if finding.met is not None]
    say(f"wrote {out}: {sum(bounded)} of {len(bounded)} bounds met")
    return 0


def _run(names: list[str], setting: Setting) -> Outcome:
    """All cases, one after the other; the first one whose results differ ends it."""
    outcome = Outcome()
    for name in names:
        say(f"\n{name}")
        try:
            outcome += CASES[name](setting)
        except SkipError as reason:
            say(f"  skipped: {reason}")
            outcome += Outcome(notes=[f"`{name}` was skipped: {reason}."])
        except DisagreementError as error:
            raise DisagreementError(f"{name}: {error}") from None
    return outcome


def setting_of(dials: dict[str, str], folder: Path, checkout: Path = ROOT) -> Setting:
    """Return the setting that ``dials`` describe; ``folder`` takes its files, ``checkout`` holds tokemb.

    Raises:
        DialError: If a dial has a value that it cannot have.
    """
    return Setting(
        corpus=Path(dials["TEXT"]),
        poem_file=Path(dials["POEMS"]),
        tokenizers=Path(dials["TOKENIZERS"]),
        rows=_whole_number(dials, "ROWS") if dials["ROWS"] else None,
        repeat=_whole_number(dials, "REPEAT"),
        touch=_whole_number(dials, "TOUCH", least=0),
        gigabytes=_number(dials, "GB"),
        folder=folder,
        checkout=checkout,
    )


def read_dials(arguments: list[str]) -> dict[str, str]:
    """Return all dials, with the values that ``arguments`` (``NAME=value``) give some of them.

    Raises:
        DialError: If there is no such dial, or ``OUT`` is in no folder.
    """
    dials = dict(DIALS)
    for argument in arguments:
        name, equals, value = argument.partition("=")
        if not equals or name not in dials:
            raise DialError(f"{argument!r} is no dial; there are {', '.join(dials)}: see --help")
        dials[name] = value
    if not Path(dials["OUT"]).parent.is_dir():
        raise DialError(f"OUT must be in a folder that exists; received {dials['OUT']!r}")
    return dials


def _known_case(name: str) -> bool:
    if name not in CASES:
        raise DialError(f"{name!r} is no case; there are {', '.join(CASES)}")
    return True


def _number(dials: dict[str, str], name: str) -> float:
    try:
        value = float(dials[name])
    except ValueError:
        value = -1.0
    if value < 0:
        raise DialError(f"{name} must be a number from 0; received {dials[name]!r}")
    return value


def _whole_number(dials: dict[str, str], name: str, least: int = 1) -> int:
    value = _number(dials, name)
    if value != int(value) or value < least:
        raise DialError(f"{name} must be a whole number from {least}; received {dials[name]!r}")
    return int(value)


def _command(arguments: list[str]) -> str:
    """The command as others can give it: of a path, the name alone."""
    paths = ("TEXT", "POEMS", "TOKENIZERS")
    shown = []
    for name, _, value in (argument.partition("=") for argument in arguments):
        if name != "OUT":
            shown.append(f"{name}={Path(value).name if name in paths else value}")
    return " ".join(["make bench", *shown])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
