"""BPE encoding with gigatoken, where it gives the ids of the reference.

gigatoken is a new library, so its results are verified. Files with settings that it ignores are not used with it
(``compatibility``). Before its first batch it must give the ids of the reference for many difficult strings
(``self_test``). Texts with characters that the Unicode tables of the two libraries treat differently are encoded by the
reference (``unicode_version``).
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Callable
from functools import cache, partial
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa

from tokemb._arrays import STRINGS, Bool, Int64
from tokemb.engine.compatibility import reason_unsupported
from tokemb.engine.insert_special_tokens import insert_special_tokens, text_for_room
from tokemb.engine.reference import Reference
from tokemb.engine.self_test import self_test
from tokemb.engine.unicode_version import has_newer_characters, tokens_to_screen
from tokemb.errors import VocabularyError, one_line
from tokemb.rows.ragged import Ragged, take
from tokemb.rows.string_buffers import string_buffers
from tokemb.vocabulary.special_tokens import SpecialTokens
from tokemb.vocabulary.tokenizer_json import TokenizerJson, is_failure
from tokemb.vocabulary.tokenizers_library import HAS_COMPONENTS, NO_COMPONENTS

_log = logging.getLogger("tokemb")

# ``large_string`` (rows,), or a list as long.
Texts: TypeAlias = "pa.LargeStringArray | list[str]"

# The versions that were compared with `tokenizers`: the first supported one and the first unsupported one.
_VERSIONS = (0, 10), (0, 11)
# gigatoken loads a large tokenizer in a second, in which the reference encodes megabytes. The reference therefore
# encodes until this many bytes of text were seen.
_WORTH_LOADING = 1 << 20

_NO_SPECIAL_TOKENS = SpecialTokens()

_install_suggested = False


class Gigatoken:
    """Encode with gigatoken, and with the reference where gigatoken cannot encode or would give other ids."""

    def __init__(self, specification: TokenizerJson, reference: Reference, worth_loading: int = _WORTH_LOADING) -> None:
        """Initialize the backend without importing gigatoken.

        Args:
            specification: The content of a ``tokenizer.json``.
            reference: The backend that defines the ids.
            worth_loading: The bytes of text after which gigatoken is loaded.
        """
        self._specification = specification
        self._reference = reference
        self._worth_loading = worth_loading
        self._bytes_seen = 0
        self._backend: Any = None
        self._screen: Bool | None = None
        self._reason_unavailable = reason_unsupported(specification) if HAS_COMPONENTS else NO_COMPONENTS

    def encode(self, texts: pa.LargeStringArray, threads: int | None = None) -> Ragged:
        """Encode texts.

        Args:
            texts: ``large_string`` (rows,).
            threads: 1 to encode on the calling thread. Otherwise gigatoken uses all cores, or one thread in a forked
                process. The ids are the same.

        Returns:
            The ids as a ``Ragged`` with as many rows.

        Raises:
            VocabularyError: If the reference cannot encode a text.
        """
        rows = self._try_encode(texts, threads) if self._is_in_use(len(string_buffers(texts)[1])) else None
        return self._reference.encode(texts, threads) if rows is None else rows

    def encode_list(self, texts: list[str], special_tokens: SpecialTokens, threads: int | None = None) -> Ragged | None:
        """Encode a list, without copying it into Arrow, and add ``special_tokens`` to its rows.

        Returns:
            The ids, or ``None`` if gigatoken is not in use or the list does not contain only texts. The caller then
            encodes an Arrow array, which raises the error for invalid values.
        """
        if self._backend is None and not self._is_in_use(sum(len(text) for text in texts if isinstance(text, str))):
            return None
        # gigatoken accepts str or bytes, but not both, and no lone surrogates. Without a screen, every text would have
        # to be searched for newer characters, which needs Arrow.
        if self._screen is None or not texts or not isinstance(texts[0], str):
            return None
        return self._try_encode(texts, threads, special_tokens)

    def _is_in_use(self, size: int) -> bool:
        """Return whether gigatoken encodes the next ``size`` bytes. Load it when enough bytes were seen."""
        if self._reason_unavailable is None and self._backend is None:
            self._bytes_seen += size
            if self._bytes_seen >= self._worth_loading:
                self._load()
        return self._backend is not None

    def _try_encode(
        self, texts: Texts, threads: int | None, special_tokens: SpecialTokens = _NO_SPECIAL_TOKENS
    ) -> Ragged | None:
        count = len(texts)
        try:
            return self._encode_with(self._backend, texts, threads, special_tokens)
        except BaseException as error:
            if not is_failure(error) or isinstance(error, VocabularyError):
                raise
            if isinstance(texts, list) and (isinstance(error, TypeError) or len(texts) != count):
                return None  # not all values are texts, or another thread changed the list in the meantime
            self._disable(f"failed on these texts ({_message_of(error)})")
            return None

    @property
    def may_be_used(self) -> bool:
        """Whether nothing is known that prevents the use of gigatoken. It is not imported to find out."""
        return self._backend is not None or (self._reason_unavailable is None and _is_installed())

    def reason_unavailable(self) -> str | None:
        """Return why gigatoken cannot be used for this file, or ``None``. Load gigatoken if necessary."""
        if self._reason_unavailable is None and self._backend is None:
            self._load()
        return self._reason_unavailable

    def reason_for_reference(self, text: str) -> str | None:
        """Return why only the reference can encode ``text``, or ``None`` if gigatoken can."""
        newer = has_newer_characters(pa.array([text], STRINGS)).any()
        reason = "the text contains a character newer than Unicode 9, which the libraries may treat differently"
        return reason if newer else None

    def __reduce__(self) -> tuple[Callable[..., Gigatoken], tuple[object, ...]]:
        return Gigatoken, (self._specification, self._reference, self._worth_loading)

    def _load(self) -> None:
        """Set ``_backend``, or ``_reason_unavailable`` if gigatoken cannot be used."""
        self._reason_unavailable = _reason_not_installed()
        if self._reason_unavailable is not None:
            _suggest_install(self._reason_unavailable)
            return
        try:
            from gigatoken import Tokenizer

            bare = {**self._specification, "truncation": None, "padding": None, "post_processor": None}
            backend = Tokenizer.from_json(json.dumps(bare, ensure_ascii=False))
            if backend.vocab_size > np.iinfo(np.int32).max:
                raise ValueError("ids that do not fit int32")
        except BaseException as error:
            if not is_failure(error):
                raise
            # This is not worth a warning: gigatoken does not support most kinds of pipelines.
            self._reason_unavailable = f"gigatoken does not support this file ({_message_of(error)})"
            return

        self._screen = tokens_to_screen(self._specification)
        through = partial(self._encode_with, backend, threads=1)
        try:
            mismatch = self_test(through, self._reference.encode, self._specification)
        except BaseException as error:
            if not is_failure(error):
                raise
            self._disable(f"failed the self-test ({_message_of(error)})")
            return
        if mismatch is not None:
            self._disable(f"gave other ids than tokenizers for {mismatch}")
            return
        self._backend = backend

    def _encode_with(
        self,
        backend: Any,  # noqa: ANN401
        texts: Texts,
        threads: int | None = None,
        special_tokens: SpecialTokens = _NO_SPECIAL_TOKENS,
    ) -> Ragged:
        """Encode with ``backend``, and with the reference for texts with newer characters. Add ``special_tokens``."""
        if self._screen is None:
            rows = special_tokens.add_special_tokens(_encode_batch(backend, texts, threads))
            newer = np.flatnonzero(has_newer_characters(texts, threads))
        else:
            rows, is_marked = _with_special_tokens(backend, texts, special_tokens, self._screen, threads)
            marked_rows = np.flatnonzero(is_marked)
            newer = marked_rows[has_newer_characters(_select(texts, marked_rows), threads)]
        if not len(newer):
            return rows
        reencoded = special_tokens.add_special_tokens(self._reference.encode(_select(texts, newer), threads))
        # Concatenate both results, then copy the rows in their original order.
        combined = Ragged.concatenate([rows, reencoded])
        source = np.arange(len(rows))
        source[newer] = len(rows) + np.arange(len(reencoded))
        return take(combined, source, threads)

    def _disable(self, reason: str) -> None:
        self._backend, self._reason_unavailable = None, f"gigatoken {reason}"
        _log.warning(
            "gigatoken %s. tokenizers encodes with this vocabulary instead: the ids are correct, but it is slower",
            reason,
        )


def _with_special_tokens(
    backend: Any,  # noqa: ANN401
    texts: Texts,
    special_tokens: SpecialTokens,
    marked: Bool,
    threads: int | None,
) -> tuple[Ragged, Bool]:
    """Encode with ``backend``.

    Return the ids with special tokens, and for each row whether it contains a ``marked`` id.
    """
    room = text_for_room(texts, special_tokens) if isinstance(texts, list) else ""
    if room:
        return insert_special_tokens(_encode_batch(backend, [room, *texts], threads), special_tokens, marked, threads)
    return special_tokens.add_and_find_special_tokens(_encode_batch(backend, texts, threads), marked, threads)


def _select(texts: Texts, rows: Int64) -> pa.LargeStringArray:
    """Return the texts with the indices ``rows``, int64 (selected,)."""
    return pa.array([texts[row] for row in rows], STRINGS) if isinstance(texts, list) else texts.take(pa.array(rows))


def _encode_batch(backend: Any, texts: Texts, threads: int | None) -> Ragged:  # noqa: ANN401
    """Return the ids of gigatoken. Neither Arrow texts nor ids are copied."""
    inputs = texts if isinstance(texts, list) else _awkward(texts)
    rows = backend.encode_batch(inputs, parallel=False if threads == 1 else None).layout
    values, row_splits = rows.content.data, rows.offsets.data
    if values.dtype != np.uint32 or len(row_splits) != len(texts) + 1 or row_splits[0] != 0:
        raise ValueError("ids in another form than expected")
    return Ragged(values[: row_splits[-1]].view(np.int32), row_splits.astype(np.int64, copy=False))


def _awkward(texts: pa.LargeStringArray) -> Any:  # noqa: ANN401
    import awkward as ak

    offsets, data = string_buffers(texts)
    characters = ak.contents.NumpyArray(data, parameters={"__array__": "char"})
    strings = ak.contents.ListOffsetArray(ak.index.Index64(offsets), characters, parameters={"__array__": "string"})
    return ak.Array(strings)


@cache
def _is_installed() -> bool:
    from importlib.util import find_spec  # a slow import that small inputs do not need

    return all(map(find_spec, ("gigatoken", "awkward")))


def _reason_not_installed() -> str | None:
    """Return why gigatoken cannot be imported, or ``None``."""
    from importlib.metadata import PackageNotFoundError, version  # a slow import, only for this backend

    try:
        found = version("gigatoken")
        import awkward  # noqa: F401
        import gigatoken  # noqa: F401
    except (ImportError, PackageNotFoundError):
        return "gigatoken is not installed"
    numbers = re.match(r"(\d+)\.(\d+)", found)
    if numbers is None or not _VERSIONS[0] <= tuple(map(int, numbers.groups())) < _VERSIONS[1]:
        return f"gigatoken {found} is not a version that was compared with tokenizers"
    return None


def _suggest_install(reason: str) -> None:
    global _install_suggested
    if not _install_suggested:
        _install_suggested = True
        _log.warning(
            "%s: pip install tokemb[subword] makes encoding with BPE vocabularies several times faster", reason
        )


def _message_of(error: BaseException) -> str:
    return f"{one_line(error) or type(error).__name__:.200}"
