"""Benchmarks of the command line in separate processes: time, including the start, and memory."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np

import tokemb
from benchmarks.agreement import DisagreementError, same_ids
from benchmarks.measuring import Comparison, Finding, Outcome, Party, SkipError, Timing, compare, say
from benchmarks.setting import MAX_SIZE, MAXLEN, Setting

HERE = Path(__file__).parent
TOKEMB = [sys.executable, "-m", "tokemb_cli"]
ONE_LINE = "It was a fine film, and not too long.\n"
# A start is short and its time varies, so it is repeated more often.
STARTS = 4
MEGABYTES = 500
IMPORTS = 'python -c "import numpy, tokenizers, click"'


class CommandError(Exception):
    """A command that failed."""


def file_to_file(setting: Setting) -> Outcome:
    """Measure the encoding of a text file to an array file, including starts and imports."""
    like_layer = setting.fit("text-vectorization")
    tokens = setting.folder / "tokens.txt"
    tokens.write_text("\n".join(like_layer.vocabulary[2:]), "utf-8", newline="\n")
    script, like = "a script with TextVectorization", "tokemb with its profile text-vectorization"

    def encode(encoder: tokemb.Encoder, name: str) -> Party:
        vocabulary, out = setting.saved(encoder, name.split()[-1]), setting.folder / f"{name.split()[-1]}.npy"
        command = ["encode", setting.text_file, "--vocab", vocabulary, "--maxlen", MAXLEN, "-o", out]
        return Party(name, lambda _: _output([*TOKEMB, *command], out, setting))

    layer_out = setting.folder / "layer.npy"
    layer = [sys.executable, HERE / "text_vectorization_script.py", setting.text_file, tokens, MAXLEN, layer_out]
    parties = [
        encode(setting.words, "tokemb"),
        encode(like_layer, like),
        Party(script, lambda _: _output(layer, layer_out, setting)),
    ]

    def check(results: dict[str, Path]) -> None:
        arrays: dict[str, Any] = {name: np.load(path, mmap_mode="r") for name, path in results.items()}
        arrays["tokemb.Encoder"] = setting.words.encode(setting.texts, maxlen=MAXLEN)
        same_ids(arrays, "tokemb", "tokemb.Encoder")
        same_ids(arrays, like, script)

    comparisons = [Comparison(script, least=4), Comparison(script, party=like)]
    return compare(
        "tokemb encode, file to .npy",
        parties,
        comparisons,
        check,
        repeat=setting.repeat,
        touch=setting.touch,
        size=setting.size,
    )


def one_line(setting: Setting) -> Outcome:
    """Measure the encoding of one line, beside the imports that it needs."""
    text, out = setting.folder / "one.txt", setting.folder / "one.npy"
    text.write_text(ONE_LINE, "utf-8")
    command = ["encode", text, "--vocab", setting.saved(setting.words, "words"), "--maxlen", MAXLEN, "-o", out]
    imports = [sys.executable, "-c", "import numpy, tokenizers, click"]
    parties = [
        Party("tokemb", lambda _: _output([*TOKEMB, *command], out, setting)),
        Party(IMPORTS, lambda _: _run(imports, setting)),
    ]

    def check(results: dict[str, Any]) -> None:
        encoder = setting.words.encode([ONE_LINE.strip()], maxlen=MAXLEN)
        same_ids({"tokemb": np.load(results["tokemb"]), "tokemb.Encoder": encoder}, "tokemb", "tokemb.Encoder")

    comparisons = [Comparison(IMPORTS, most=2)]
    return compare(
        "tokemb encode, one line", parties, comparisons, check, repeat=STARTS * setting.repeat, touch=setting.touch
    )


def memory(setting: Setting) -> Outcome:
    """Measure the peak memory of the commands on a large text."""
    if not setting.gigabytes:
        raise SkipError("GB is 0")
    text, rows, size = large_text(setting)
    vocabulary, out = setting.folder / "large.vocab", setting.folder / "large.npy"
    fit = ["fit-vocab", text, "-o", vocabulary, "--max-size", MAX_SIZE]
    encode = ["encode", text, "--vocab", vocabulary, "--maxlen", MAXLEN, "-o", out]
    outcome = Outcome()
    for arguments in (fit, encode):
        seconds, megabytes = measured([*TOKEMB, *arguments], setting)
        work = f"peak memory of tokemb {arguments[0]}, {size / 1e9:.3g} GB of text"
        say(f"  {megabytes:8.0f} MB {work} ({seconds:.0f} s)")
        outcome += Outcome(
            [Finding(work, "", megabytes, "MB", most=MEGABYTES)],
            [Timing(f"tokemb {arguments[0]}, {size / 1e9:.3g} GB of text", "tokemb", (seconds,), size)],
        )
    ids, some = np.load(out, mmap_mode="r"), setting.texts[:1000]
    if ids.shape != (rows, MAXLEN):
        raise DisagreementError(f"tokemb encode wrote {ids.shape} for {rows} rows")
    expected = tokemb.Encoder.load(vocabulary).encode(some, maxlen=MAXLEN)
    same_ids({"tokemb": ids[: len(some)], "tokemb.Encoder": expected}, "tokemb", "tokemb.Encoder")
    for path in (text, out):
        path.unlink()
    return outcome


def large_text(setting: Setting) -> tuple[Path, int, int]:
    """Write the corpus repeatedly to a large file. Return its path, number of rows and number of bytes."""
    path, content = setting.folder / "large.txt", setting.text_file.read_bytes()
    times = -(-int(setting.gigabytes * 1e9) // len(content))
    with path.open("wb") as file:
        for _ in range(times):
            file.write(content)
    return path, times * len(setting.texts), times * len(content)


def measured(command: list[Any], setting: Setting) -> tuple[float, float]:
    """Return the seconds and the peak megabytes of a command.

    A process inherits the peak memory of its parent, so a small process starts the command.
    """
    done = _run([sys.executable, "-S", "-E", HERE / "peak_memory.py", *command], setting)
    measured = json.loads(done.splitlines()[-1])
    return measured["seconds"], measured["bytes"] / 1e6


def _output(command: list[Any], out: Path, setting: Setting) -> Path:
    _run(command, setting)
    return out


def _run(command: list[Any], setting: Setting) -> str:
    shown = [*map(str, command)]
    settings = {"env": setting.environment, "cwd": setting.checkout}
    done = subprocess.run(shown, capture_output=True, text=True, check=False, **settings)
    if done.returncode:
        raise CommandError(f"{' '.join(shown)} failed:\n{done.stderr[-2000:]}")
    return done.stdout
