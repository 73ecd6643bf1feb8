"""Characters that are newer than Unicode 9.

Each library contains its own Unicode tables of letters, digits, marks and compositions. `tokenizers` has some of
Unicode 9 (normalization) and some of 16 (regular expressions), gigatoken has those of 17. All agree on the characters
of Unicode 9 (2016). The reference encodes texts with newer letters or unassigned code points. Newer emoji and other
symbols are the same in all tables.

All newer characters are among those from U+0340 on. If the ids of a tokenizer spell all bytes of a text, rows without
an id of such a character need not be searched, which saves reading their texts from memory.
"""

from __future__ import annotations

import re

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tokemb._arrays import Bool
from tokemb.rows.string_buffers import string_buffers
from tokemb.rows.threads import parallel_map, split_evenly, thread_count
from tokemb.vocabulary.character_ranges import NEWER
from tokemb.vocabulary.tokenizer_json import TokenizerJson, steps
from tokemb.vocabulary.tokenizers_library import pre_tokenizers

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
    import pyarrow.compute as pc  # a slow import that most texts do not need

    rows = np.arange(len(texts))
    if len(leads) < len(data) // 16:
        rows = np.unique(np.searchsorted(offsets, leads, side="right") - 1)
    found[rows] = pc.match_substring_regex(texts.take(pa.array(rows)), _NEWER).to_numpy(zero_copy_only=False)
    return found


# The UTF-8 of such a character begins with a byte from CD on. Byte-level tokens spell that byte as the character with
# the same number. Added tokens contain the character itself.
_HIGH = "[\xcd-\xff\u0340-\U0010ffff]"
# Byte-level tokens spell E2 80 this way: the beginning of U+2000 to U+203F, dashes and quotes that most texts contain.
_DASHES_AND_QUOTES = "\xe2\u0122"


def tokens_to_screen(specification: TokenizerJson) -> Bool | None:
    """Return which ids spell a character from U+0340 on, or a part of one, besides U+2000 to U+203F.

    Returns:
        bool (max id + 2,). The last entry stands for all higher ids and is true. ``None`` unless the ids of a text
        spell all of its bytes, at most after canonical composition, which never turns a newer character into one below
        U+0340.
    """
    normalizers = steps(specification.get("normalizer"), "normalizers")
    splits = list(steps(specification.get("pre_tokenizer"), "pretokenizers"))
    vocabulary: dict[str, int] = specification["model"]["vocab"]
    if (
        any(step["type"] != "NFC" for step in normalizers)
        or not splits
        or splits[-1]["type"] != "ByteLevel"
        or any(split["type"] != "Split" or split["behavior"] != "Isolated" for split in splits[:-1])
        or not vocabulary.keys() >= set(pre_tokenizers.ByteLevel.alphabet())
    ):
        return None
    ids = [*vocabulary.items(), *((token["content"], token["id"]) for token in specification.get("added_tokens") or [])]
    high = re.compile(_HIGH)
    screened = np.zeros(max(number for _, number in ids) + 2, np.bool_)
    screened[[number for token, number in ids if high.search(token.replace(_DASHES_AND_QUOTES, ""))]] = True
    screened[-1] = True
    return screened
