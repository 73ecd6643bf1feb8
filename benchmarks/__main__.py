"""Compare tokemb with its peers on this machine and write the results page.

Usage: python -m benchmarks [DIAL=value ...]       (make bench takes the same dials)

TEXT        the corpus: a text file, one row per line; a .tsv file, whose last column is the text; or a folder of
            .tsv.gz files. A file may end in .gz.  [../shared/data/imdb beside the checkout]
POEMS       a JSON Lines file with a key "text", the Chinese poems  [../shared/data/chinese_poetry_tang/tang.jsonl.gz]
TOKENIZERS  a folder with all_minilm_l6_v2/tokenizer.json and roberta_base/tokenizer.json  [../shared/tokenizers/hf]
ROWS        the number of rows of each text, for a quick run  [all]
REPEAT      the number of repetitions; a peer that needs more than three seconds runs three times at most  [5]
TOUCH       MiB of memory to write and free before each timed run, 0 for none  [1024]
GB          the size of the text for measurements of peak memory, 0 for none  [1]
CASES       the cases to run, separated by commas  [all]
OUT         the page to write  [benchmarks/RESULTS.md]
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

# Set before TensorFlow is imported: no log messages, and CPU only. `tokenizers` keeps its threads after a fork.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ["CUDA_VISIBLE_DEVICES"] = "-1"
os.environ["TOKENIZERS_PARALLELISM"] = "true"

from benchmarks.agreement import DisagreementError
from benchmarks.cases import CASES
from benchmarks.chart import draw
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
    """A dial that does not exist, or an invalid value of a dial."""


def main(arguments: list[str]) -> int:
    """Run the benchmarks.

    Returns:
        The exit code: 0 if all results agree, 1 if results differ or a corpus is missing, 2 for wrong usage.
    """
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
        print(f"benchmarks: the results differ, so nothing is written: {error}", file=sys.stderr)
        return 1
    out = Path(dials["OUT"])
    out.write_text(page(outcome, setting, facts, _command(arguments)), "utf-8")
    draw(out, out.with_name("speed.svg"))
    bounded = [finding.met for finding in outcome.findings if finding.met is not None]
    say(f"wrote {out}: {sum(bounded)} of {len(bounded)} bounds met")
    return 0


def _run(names: list[str], setting: Setting) -> Outcome:
    """Run the cases in order. Stop at the first one whose results differ."""
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
    """Return the setting that ``dials`` describe. ``folder`` is for its files; ``checkout`` contains tokemb.

    Raises:
        DialError: If the value of a dial is invalid.
    """
    return Setting(
        corpus=Path(dials["TEXT"]),
        poem_file=Path(dials["POEMS"]),
        tokenizers=Path(dials["TOKENIZERS"]),
        rows=_integer(dials, "ROWS") if dials["ROWS"] else None,
        repeat=_integer(dials, "REPEAT"),
        touch=_integer(dials, "TOUCH", least=0),
        gigabytes=_number(dials, "GB"),
        folder=folder,
        checkout=checkout,
    )


def read_dials(arguments: list[str]) -> dict[str, str]:
    """Return the values of all dials: their defaults, updated by ``arguments`` (``NAME=value``).

    Raises:
        DialError: If a dial does not exist, or the folder of ``OUT`` does not exist.
    """
    dials = dict(DIALS)
    for argument in arguments:
        name, equals, value = argument.partition("=")
        if not equals or name not in dials:
            raise DialError(f"{argument!r} is not a dial; the dials are {', '.join(dials)}: see --help")
        dials[name] = value
    if not Path(dials["OUT"]).parent.is_dir():
        raise DialError(f"OUT must be in a folder that exists; received {dials['OUT']!r}")
    return dials


def _known_case(name: str) -> bool:
    if name not in CASES:
        raise DialError(f"{name!r} is not a case; the cases are {', '.join(CASES)}")
    return True


def _number(dials: dict[str, str], name: str) -> float:
    try:
        value = float(dials[name])
    except ValueError:
        value = -1.0
    if value < 0:
        raise DialError(f"{name} must be a number from 0; received {dials[name]!r}")
    return value


def _integer(dials: dict[str, str], name: str, least: int = 1) -> int:
    value = _number(dials, name)
    if value != int(value) or value < least:
        raise DialError(f"{name} must be an integer from {least}; received {dials[name]!r}")
    return int(value)


def _command(arguments: list[str]) -> str:
    """Return the command without the folders of paths, so that it works on other machines."""
    paths = ("TEXT", "POEMS", "TOKENIZERS")
    shown = []
    for name, _, value in (argument.partition("=") for argument in arguments):
        if name != "OUT":
            shown.append(f"{name}={Path(value).name if name in paths else value}")
    return " ".join(["make bench", *shown])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
