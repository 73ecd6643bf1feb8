"""The characters that an expression for one character matches, for all of Unicode at once."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt
from tokenizers import Regex, normalizers

from tokemb.engine.query_cache import Arrays, cached_arrays

CODES = 0x110000
_SURROGATES = slice(0xD800, 0xE000)
# Characters per query. `tokenizers` keeps 16 bytes per byte of text, which then stay in the processor's cache.
_LONGEST = 4096


@lru_cache(256)
def matching_characters(expression: str) -> npt.NDArray[np.bool_]:
    r"""Return which characters an expression for one character matches, as `tokenizers` runs it.

    The result is saved on disk. Making it takes about 0.1 seconds, loading it about a millisecond.

    Args:
        expression: An expression that matches exactly one character, regardless of the characters around it, for
            example ``\p{L}`` or ``[^\s\p{N}]`` (``regex_classes.one_character``).

    Returns:
        bool (CODES,), read-only. Surrogates, which no text contains, do not match.
    """
    arrays = cached_arrays(f"class {expression}", lambda: _query(expression))
    matches = np.unpackbits(arrays["bits"], count=CODES).view(np.bool_)
    matches.flags.writeable = False
    return matches


def _query(expression: str) -> Arrays:
    """Delete all characters that match from a text of all characters. The others remain."""
    delete = normalizers.Replace(Regex(f"(?:{expression})+"), "").normalize_str
    # The order is descending because an expression that ignores case may match two characters in ascending order: "ﬆ"
    # matches "st".
    codes = np.delete(np.arange(CODES, dtype="<u4"), _SURROGATES)[::-1]
    parts = np.array_split(codes, len(codes) // _LONGEST)
    rest = "".join(delete(part.tobytes().decode("utf-32-le")) for part in parts)
    matches = np.ones(CODES, np.bool_)
    matches[_SURROGATES] = False
    matches[np.frombuffer(rest.encode("utf-32-le"), "<u4")] = False
    return {"bits": np.packbits(matches)}
