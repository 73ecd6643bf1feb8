"""Characters that are newer than Unicode 9.

Each library contains its own Unicode tables of letters, digits, marks and compositions. `tokenizers` has some of
Unicode 9 (normalization) and some of 16 (regular expressions), gigatoken has those of 17. All agree on the characters
of Unicode 9 (2016). The reference encodes texts with newer letters or unassigned code points. Newer emoji and other
symbols are the same in all tables.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from tokemb._arrays import Bool
from tokemb.rows.string_buffers import string_buffers
from tokemb.rows.threads import parallel_map, split_evenly, thread_count
from tokemb.vocabulary.character_ranges import NEWER

_NEWER = "[" + "".join("-".join(rf"\x{{{end}}}" for end in span.split("-")) for span in NEWER.split()) + "]"


def has_newer_characters(texts: pa.LargeStringArray, threads: int | None = 1) -> Bool:
    """Return which of ``texts``, ``large_string`` (rows,), contain a newer character: bool (rows,)."""
    found = np.zeros(len(texts), np.bool_)
    offsets, data = string_buffers(texts)

    # The first newer character is U+0378. Most texts have few characters from there on, except the dashes and quotes of
    # U+2000 to U+203F, which are not newer. Finding the rows with others takes a tenth of the time of the regex search.
    def find_lead_bytes(first: int, last: int) -> npt.NDArray[np.intp]:
        return np.flatnonzero(data[first:last] >= 0xCD) + first

    leads = np.concatenate(
        [
            np.zeros(0, np.intp),
            *parallel_map(find_lead_bytes, split_evenly(len(data), len(data), thread_count(threads))),
        ]
    )
    leads = leads[(data[leads] != 0xE2) | (data[leads + 1] != 0x80)]
    if not len(leads):
        return found
    rows = np.arange(len(texts))
    if len(leads) < len(data) // 16:
        rows = np.unique(np.searchsorted(offsets, leads, side="right") - 1)
    found[rows] = pc.match_substring_regex(texts.take(pa.array(rows)), _NEWER).to_numpy(zero_copy_only=False)
    return found
