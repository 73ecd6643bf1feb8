"""From texts to ids, and to counts: the ways there are, and the choice between them.

What the ids are is defined by the ``tokenizers`` library; a way only decides how fast they come:

- the scanner, our kernels, for pipelines that look at one character at a time;
- gigatoken, a public library, for other BPE models;
- the reference, ``tokenizers`` itself, for everything else, for rows that another way cannot prove, and for small
  inputs, which are done before the kernels are loaded.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from threading import Lock
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
from tokenizers import Tokenizer

from tokemb._arrays import STRINGS, Int64
from tokemb.engine.buffers import string_buffers
from tokemb.engine.padded import Padded
from tokemb.engine.reference import Reference, mark_unknown, split
from tokemb.engine.tally import Tally, tally
from tokemb.rows.ragged import Ragged
from tokemb.vocabulary.special_tokens import SpecialTokens
from tokemb.vocabulary.tokenizer_json import TokenizerJson, tokenizer_json_of

if TYPE_CHECKING:
    from tokemb.engine.counting import Counter
    from tokemb.engine.gigatoken import Gigatoken
    from tokemb.engine.scan_plan import ScanPlan
    from tokemb.engine.scanner import Scanner
    from tokemb.vocabulary.profiles import Profile

# Texts of fewer bytes are done by the reference before the kernels are loaded.
SMALL = 1 << 18

# The reference spends about as much time on an empty row as on this many bytes of text.
_ROW_BYTES = 8


@dataclass(frozen=True)
class Explanation:
    """Which way a tokenizer, or a text with it, goes and why; small inputs go the way of the reference in any case.

    ``way``: ``"scanner"``, ``"gigatoken"`` or ``"reference"``. ``reason``: what decided it.
    """

    way: str
    reason: str

    def __str__(self) -> str:
        return f"{self.way}: {self.reason}"


class Engine:
    """Texts to ids, before any truncation, padding or special tokens."""

    def __init__(self, specification: TokenizerJson, tokenizer: Tokenizer, unknown_id: int | None = None) -> None:
        """``tokenizer``: made from ``specification``, without truncation and padding.

        ``unknown_id``: an id that no token has, for the unknown tokens of a word-level model that has none for them.
        """
        self._specification = specification
        self._model = type(tokenizer.model).__name__
        self._unknown_id = unknown_id
        self._reference = Reference(tokenizer if unknown_id is None else mark_unknown(specification, unknown_id))
        self._scanner: Scanner | None = None
        self._lock = Lock()

    def encode(self, texts: pa.LargeStringArray, threads: int) -> Ragged:
        """The ids of ``texts``, ``large_string`` (rows,), as a ``Ragged`` of as many rows."""
        scanner = self._scanner_for(texts)
        if scanner is not None:
            return scanner.encode(texts, threads)
        return (self._reference if is_small(texts) else self._gigatoken).encode(texts, threads)

    def encode_list(self, texts: list[str], around: SpecialTokens, threads: int) -> Ragged | None:
        """The ids of ``texts`` with ``around`` around, where a way takes a list; ``None`` where it must be Arrow."""
        return self._gigatoken.encode_list(texts, around, threads) if isinstance(self._scannable, str) else None

    def encode_padded(self, texts: pa.LargeStringArray, padded: Padded, threads: int) -> Int64 | None:
        """Put the ids of ``texts``, ``large_string`` (rows,), where ``padded`` says, as far as that is fast.

        Returns the rows that are left, int64 (left,); ``None`` for all.
        """
        scanner = self._scanner_for(texts)
        return scanner.encode_padded(texts, padded, threads) if scanner and not scanner.whole_rows else None

    def explain(self, text: str | None = None) -> Explanation:
        """Which way texts go, or this text."""
        plan = self._scannable
        if isinstance(plan, str):
            why_not = self._gigatoken.why_not() or self._gigatoken.why_reference(text or "")
            if why_not is None:
                return Explanation("gigatoken", "a BPE model with which it gives the ids of tokenizers on hard strings")
            return Explanation("reference", f"the scanner: {plan}; gigatoken: {why_not}")
        why = plan.code_points.why_reference(text or "")
        if why is not None:
            return Explanation("reference", why)
        how = "words are looked up" if plan.subwords is None else "the ids of pieces are asked once and remembered"
        return Explanation("scanner", f"text is cut by what two neighbouring characters are, {how}")

    @cached_property
    def _gigatoken(self) -> Gigatoken:
        from tokemb.engine.gigatoken import Gigatoken  # here, so that small inputs do not wait for it

        return Gigatoken(self._specification, self._reference)

    @cached_property
    def _scannable(self) -> ScanPlan | str:
        from tokemb.engine.scan_plan import scan_plan

        return scan_plan(self._specification, self._model)

    def _scanner_for(self, texts: pa.LargeStringArray) -> Scanner | None:
        if self._scanner is None and not is_small(texts) and not isinstance(self._scannable, str):
            with self._lock:
                if self._scanner is None:
                    self._scanner = self._make_scanner(self._scannable)
        return self._scanner

    def _make_scanner(self, plan: ScanPlan) -> Scanner:
        from tokemb.engine.pretoken_cache import PretokenCache
        from tokemb.engine.scanner import Scanner
        from tokemb.kernels.structs import UNKNOWN_TO_REFERENCE

        known, unknown, ask = PretokenCache.none(), UNKNOWN_TO_REFERENCE, None
        if plan.subwords is None:
            model = self._specification["model"]
            words: dict[str, int] = model["vocab"]
            ids = np.fromiter(words.values(), np.int32, len(words))
            known = known.and_more(pa.array(list(words), STRINGS), Ragged(ids, np.arange(len(ids) + 1)))
            unknown = words.get(model.get("unk_token"), unknown) if self._unknown_id is None else self._unknown_id
        else:
            ask = Reference(plan.subwords).encode
        # The end of a row may change the ids before it, or be an error.
        whole_rows = plan.strips or (ask is None and unknown == UNKNOWN_TO_REFERENCE)
        return Scanner(plan.code_points, known, unknown, self._reference.encode, ask, whole_rows)


class TokenCounter:
    """Counts the tokens of texts that come in batches, split by ``profile``."""

    def __init__(self, profile: Profile, threads: int) -> None:
        self._profile = profile
        self._threads = threads
        self._counter: Counter | None = None
        self._small: list[pa.LargeStringArray] = []
        self._small_size = 0

    def add(self, texts: pa.LargeStringArray) -> None:
        """Count ``texts``, ``large_string`` (rows,), too."""
        if self._counter is None:
            self._small.append(texts)
            self._small_size += _size(texts)
            if self._small_size >= SMALL:
                self._counter = self._make_counter()
                for part in self._small:
                    self._counter.add(part, self._threads)
                self._small.clear()
        else:
            self._counter.add(texts, self._threads)

    @property
    def distinct(self) -> int:
        """How many distinct tokens the kernels hold; those of texts that wait until they are worth loading are none."""
        return 0 if self._counter is None else self._counter.distinct

    def result(self) -> Tally:
        """All that was counted."""
        if self._counter is not None:
            return self._counter.result()
        texts = pa.chunked_array(self._small, STRINGS).combine_chunks()
        return tally(*split(texts, self._profile, self._threads))

    def _make_counter(self) -> Counter:
        from tokemb.engine.counting import Counter
        from tokemb.engine.scan_plan import char_table_of

        specification = tokenizer_json_of(self._profile.tokenizer())
        components = (json.dumps(specification[key]) for key in ("normalizer", "pre_tokenizer"))
        return Counter(self._profile, char_table_of(*components))


def is_small(texts: pa.LargeStringArray) -> bool:
    """Whether the kernels are not worth loading for ``texts``, ``large_string`` (rows,)."""
    return _size(texts) < SMALL


def _size(texts: pa.LargeStringArray) -> int:
    """Return the bytes of ``texts``, or more if most rows are shorter than what a row costs."""
    return max(len(string_buffers(texts)[1]), _ROW_BYTES * len(texts))
