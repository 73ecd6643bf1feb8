"""The scripts of tokens, such as Latin and Han."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from functools import cache

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tokemb._arrays import Int64
from tokemb.analysis.report.frequencies import Frequencies

# Names of characters begin with that of their script, except these.
_NAMES = {
    "cjk": "han",
    "ideographic": "han",
    "fullwidth": "latin",
    "halfwidth": "katakana",
    "feminine": "latin",
    "masculine": "latin",
    "micro": "greek",
    "kelvin": "latin",
    "angstrom": "latin",
    "ohm": "greek",
    "double-struck": "mathematical",
    "script": "mathematical",
    "black-letter": "mathematical",
    "modifier": "symbols",
    "combining": "symbols",
}
_DIGITS, _OTHER = "digits", "symbols"


@dataclass(frozen=True)
class ScriptTokens:
    """The tokens of one script.

    Attributes:
        script: The script of the first letter of the tokens, ``"digits"`` or ``"symbols"``.
        tokens: The number of distinct tokens.
        share: The share of all occurrences.
        once: The number of distinct tokens that occur once.
        frequent: The most frequent tokens, each with its count.
        rare: The rarest tokens, each with its count, in the order of their ranks.
    """

    script: str
    tokens: int
    share: float
    once: int
    frequent: list[tuple[str, int]]
    rare: list[tuple[str, int]]


def script_table(frequencies: Frequencies, top: int) -> list[ScriptTokens]:
    """Return the tokens by script, most frequent script first, with ``top`` tokens of each kind."""
    scripts, numbers = scripts_of(frequencies.tokens)
    occurrences = np.bincount(numbers, frequencies.counts, len(scripts)).astype(np.int64)
    total = max(int(frequencies.counts.sum()), 1)
    table = []
    for number in np.argsort(-occurrences, kind="stable"):
        ranks = np.flatnonzero(numbers == number)
        rare = ranks[max(len(ranks) - top, min(top, len(ranks))) :]
        table.append(
            ScriptTokens(
                scripts[number],
                len(ranks),
                int(occurrences[number]) / total,
                int(np.count_nonzero(frequencies.counts[ranks] == 1)),
                with_counts(frequencies, ranks[:top]),
                with_counts(frequencies, rare),
            )
        )
    return table


def with_counts(frequencies: Frequencies, ranks: Int64) -> list[tuple[str, int]]:
    """Return the tokens at ``ranks``, int64 ``(tokens,)``, with their counts."""
    tokens = frequencies.tokens.take(pa.array(ranks)).to_pylist()
    return list(zip(tokens, frequencies.counts[ranks].tolist(), strict=True))


def scripts_of(tokens: pa.LargeStringArray) -> tuple[list[str], Int64]:
    """Return the names of the scripts, and the number of the script of each token, int64 ``(tokens,)``."""
    # The regular expression finds the first letter, and otherwise nothing.
    letters = pc.struct_field(pc.extract_regex(tokens, r"(?P<letter>\pL)"), "letter")
    first = pc.coalesce(letters, pc.utf8_slice_codeunits(tokens, 0, 1)).dictionary_encode()
    names = pa.array([_script(character) for character in first.dictionary.to_pylist()]).dictionary_encode()
    scripts: list[str] = names.dictionary.to_pylist()
    return scripts, names.indices.to_numpy().astype(np.int64)[first.indices.to_numpy()]


@cache
def _script(character: str) -> str:
    category = unicodedata.category(character)
    if category[0] == "N":
        return _DIGITS
    if category[0] not in "LM":
        return _OTHER
    word = unicodedata.name(character, _OTHER).split()[0].lower()
    return _NAMES.get(word, word)
