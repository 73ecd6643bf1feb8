"""Encode and count texts: the backends, and the choice between them.

The ``tokenizers`` library defines the ids. A backend only decides how fast they are computed:

- the scanner, compiled kernels, for pipelines that look at one character at a time;
- gigatoken, a public library, for other BPE models;
- the reference, ``tokenizers`` itself, for everything else, for rows that another backend cannot encode reliably, and
  for small inputs, which take less time than loading the kernels.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from threading import Lock
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from tokemb._arrays import STRINGS, Int64
from tokemb.engine.padded import PaddedTarget
from tokemb.engine.reference import HashingReference, Reference, WordReference, mark_oov, pre_tokenize
from tokemb.engine.tally import Tally, tally
from tokemb.rows.ragged import Ragged
from tokemb.rows.string_buffers import arrow_strings, string_buffers
from tokemb.vocabulary.deferred_tokenizer import DeferredTokenizer
from tokemb.vocabulary.special_tokens import SpecialTokens
from tokemb.vocabulary.tokenizer_json import TokenizerJson, model_of, unk_id
from tokemb.vocabulary.tokenizers_library import Tokenizer, model_type

if TYPE_CHECKING:
    from tokemb.engine.counting import Counter
    from tokemb.engine.gigatoken import Gigatoken
    from tokemb.engine.scan_plan import ScanPlan
    from tokemb.engine.scanner import Encode, Scanner
    from tokemb.engine.subword_model import SubwordModel
    from tokemb.engine.token_index import TokenIndex
    from tokemb.vocabulary.oov_buckets import OovBuckets
    from tokemb.vocabulary.profiles import Profile

# The reference encodes texts of fewer bytes until the kernels are loaded.
SMALL_BYTES = 1 << 18

# The reference spends about as much time on an empty row as on this many bytes of text.
_ROW_BYTES = 8


@dataclass(frozen=True)
class Explanation:
    """The backend of a tokenizer, or of a text with it, and the reason. Small inputs always use the reference.

    Attributes:
        backend: ``"scanner"``, ``"gigatoken"`` or ``"reference"``.
        reason: Why this backend is used.
    """

    backend: str
    reason: str

    def __str__(self) -> str:
        return f"{self.backend}: {self.reason}"


class Engine:
    """Encode texts as ids, before truncation, padding and special tokens."""

    def __init__(
        self,
        specification: TokenizerJson,
        tokenizer: Tokenizer,
        oov_id: int | None = None,
        buckets: OovBuckets | None = None,
        token_index: TokenIndex | None = None,
    ) -> None:
        """Initialize the engine. No backend but the reference is loaded.

        Args:
            specification: The content of a ``tokenizer.json``.
            tokenizer: The tokenizer made from ``specification``, without truncation and padding.
            oov_id: An id that no token has, for tokens out of vocabulary of a word-level model without an OOV id.
            buckets: The buckets of tokens out of vocabulary of a word-level model. The first is its OOV id.
            token_index: With ``buckets``, the ids of tokens.
        """
        self._specification = specification
        self._tokenizer = tokenizer
        self._model = model_type(tokenizer)
        self._oov_id = oov_id
        self._buckets = buckets
        self._reference: Reference
        if token_index is not None and buckets is not None:
            self._reference = HashingReference(specification, token_index)
        elif isinstance(tokenizer, DeferredTokenizer) and unk_id(specification) is not None and oov_id is None:
            self._reference = WordReference(tokenizer, specification)
        else:
            self._reference = Reference(tokenizer if oov_id is None else mark_oov(specification, oov_id))
        self._scanner: Scanner | None = None
        self._lock = Lock()

    def encode(self, texts: pa.LargeStringArray, threads: int) -> Ragged:
        """Encode texts.

        Args:
            texts: ``large_string`` (rows,).
            threads: The number of threads.

        Returns:
            The ids as a ``Ragged`` with as many rows.
        """
        scanner = self._scanner_for(texts)
        if scanner is not None:
            return scanner.encode(texts, threads)
        return (self._reference if is_small(texts) else self._gigatoken).encode(texts, threads)

    def encode_list(self, texts: list[str], special_tokens: SpecialTokens, threads: int) -> Ragged | None:
        """Encode a list of texts with ``special_tokens``. Return ``None`` if the backend needs an Arrow array."""
        return None if self._scans else self._gigatoken.encode_list(texts, special_tokens, threads)

    def encode_padded(self, texts: pa.LargeStringArray, target: PaddedTarget, threads: int) -> Int64 | None:
        """Write ids into a padded array if a backend can do so directly.

        Args:
            texts: ``large_string`` (rows,).
            target: The array, and how its rows are truncated and padded.
            threads: The number of threads.

        Returns:
            The indices of the rows that were not written, int64 (remaining,), or ``None`` if no row was.
        """
        scanner = self._scanner_for(texts)
        return scanner.encode_padded(texts, target, threads) if scanner and not scanner.whole_rows else None

    def prepare(self) -> None:
        """Make the scanner, if it will encode texts that are not small. Encoding them does this, too."""
        if self._scanner is None and self._scans:
            with self._lock:
                if self._scanner is None and not isinstance(self._scan_plan, str):
                    self._scanner = self._make_scanner(self._scan_plan)

    def explain(self, text: str | None = None) -> Explanation:
        """Return the backend for ``text``, or for any text, and the reason."""
        plan = self._scan_plan
        if isinstance(plan, str) or (self._prefers_gigatoken and self._gigatoken.reason_unavailable() is None):
            reason = self._gigatoken.reason_unavailable() or self._gigatoken.reason_for_reference(text or "")
            if reason is None:
                return Explanation("gigatoken", "a BPE model that passed the self-test against tokenizers")
            return Explanation("reference", f"the scanner: {plan}; gigatoken: {reason}")
        reason = plan.splitter.reason_for_reference(text or "")
        if reason is not None:
            return Explanation("reference", reason)
        lookup = "are looked up in the vocabulary" if plan.is_lookup else "are encoded once and cached"
        if self._buckets is not None:
            lookup += f", others go to {self._buckets}"
        return Explanation("scanner", f"text is split {plan.splitter.method}; pre-tokens {lookup}")

    @cached_property
    def _gigatoken(self) -> Gigatoken:
        from tokemb.engine.gigatoken import Gigatoken  # a slow import that small inputs do not need

        return Gigatoken(self._specification, self._reference)

    @cached_property
    def _scan_plan(self) -> ScanPlan | str:
        from tokemb.engine.scan_plan import scan_plan

        return scan_plan(self._specification, self._model)

    @property
    def _prefers_gigatoken(self) -> bool:
        """Whether gigatoken may encode what the scanner can encode, too: where it is faster than automata."""
        plan = self._scan_plan
        by_automata = not isinstance(plan, str) and plan.splitter.by_automata
        return by_automata and self._model == "BPE" and self._gigatoken.may_be_used

    @property
    def _scans(self) -> bool:
        """Whether the scanner encodes texts that are not small."""
        return not isinstance(self._scan_plan, str) and not self._prefers_gigatoken

    def _scanner_for(self, texts: pa.LargeStringArray) -> Scanner | None:
        if is_small(texts) and self._scanner is None:
            return None
        self.prepare()
        return self._scanner

    def _make_scanner(self, plan: ScanPlan) -> Scanner:
        from tokemb.engine.pretoken_cache import PretokenCache
        from tokemb.engine.scan_plan import pretoken_tokenizer
        from tokemb.engine.scanner import Scanner
        from tokemb.kernels.structs import MISS_TO_REFERENCE

        cache, on_miss = PretokenCache.empty(), MISS_TO_REFERENCE
        encode_pretokens: Encode | None = None
        subwords: SubwordModel | None = None
        rest = plan.rest
        if plan.is_lookup:
            model = self._specification["model"]
            vocabulary: dict[str, int] = model["vocab"]
            on_miss = vocabulary.get(model.get("unk_token"), on_miss) if self._oov_id is None else self._oov_id
            if self._buckets is not None:  # as in Keras, the name of the buckets in a text is out of vocabulary, too
                vocabulary = {token: index for token, index in vocabulary.items() if token and index != on_miss}
            ids = np.fromiter(vocabulary.values(), np.int32, len(vocabulary))
            cache = cache.with_pretokens(arrow_strings(list(vocabulary)), Ragged(ids, np.arange(len(ids) + 1)))
        else:
            from tokemb.engine.subword_model import subword_model  # slow imports that word vocabularies do not need

            model = model_of(self._tokenizer) if self._model == "Unigram" else self._specification["model"]
            native = subword_model(model, self._model, rest)
            if isinstance(native, str):  # the reason why the kernels do not support the model
                encode_pretokens = Reference(pretoken_tokenizer(self._specification, rest)).encode
            else:
                subwords = native
        # The end of a row may change the ids before it, or raise an error.
        whole_rows = plan.strips or (plan.is_lookup and on_miss == MISS_TO_REFERENCE)
        return Scanner(
            plan.splitter, cache, on_miss, self._reference.encode, encode_pretokens, whole_rows, self._buckets, subwords
        )


class TokenCounter:
    """Count the tokens of batches of texts, pre-tokenized by ``profile``."""

    def __init__(self, profile: Profile, threads: int) -> None:
        self._profile = profile
        self._threads = threads
        self._counter: Counter | None = None
        self._pending: list[pa.LargeStringArray] = []
        self._pending_bytes = 0

    def add(self, texts: pa.LargeStringArray) -> None:
        """Count the tokens of ``texts``, ``large_string`` (rows,)."""
        if self._counter is None:
            self._pending.append(texts)
            self._pending_bytes += _size(texts)
            if self._pending_bytes >= SMALL_BYTES:
                self._counter = self._make_counter()
                for batch in self._pending:
                    self._counter.add(batch, self._threads)
                self._pending.clear()
        else:
            self._counter.add(texts, self._threads)

    @property
    def distinct(self) -> int:
        """The number of distinct tokens in the kernels. It is 0 while the texts are too few to load the kernels."""
        return 0 if self._counter is None else self._counter.distinct

    def take(self) -> Tally:
        """Return the counts of all texts so far, and forget these texts. The memory of the kernels is kept."""
        counter = self._counter
        result = self.result()
        if counter is not None:
            counter.clear()
        self._counter = counter
        self._pending, self._pending_bytes = [], 0
        return result

    def result(self) -> Tally:
        """Return the counts of all texts, and release the memory of the kernels. Nothing can be counted afterwards."""
        counter, self._counter = self._counter, None
        if counter is not None:
            return counter.result()
        texts = pa.chunked_array(self._pending, STRINGS).combine_chunks()
        return tally(*pre_tokenize(texts, self._profile.tokenizer(), self._threads))

    def _make_counter(self) -> Counter:
        from tokemb.engine.counting import Counter

        return Counter.of(self._profile.tokenizer)


def is_small(texts: pa.LargeStringArray) -> bool:
    """Return whether ``texts``, ``large_string`` (rows,), take less time than loading the kernels."""
    return _size(texts) < SMALL_BYTES


def _size(texts: pa.LargeStringArray) -> int:
    """Return the bytes of ``texts``, or a larger number if there are so many short rows that they dominate the cost."""
    return max(len(string_buffers(texts)[1]), _ROW_BYTES * len(texts))
