"""Which ids spell characters from U+0340 on, as all young ones are, where the ids of a text tell its bytes.

Then rows without such an id need no look at their texts, of which each costs a wait for memory.
"""

from __future__ import annotations

import re

import numpy as np
import numpy.typing as npt
from tokenizers import pre_tokenizers

from tokemb.vocabulary.tokenizer_json import TokenizerJson, steps

# The UTF-8 of such a character begins with a byte from CD on. Byte-level tokens spell that byte as the character with
# the same number. Added tokens contain the character itself.
_HIGH = re.compile("[\xcd-\xff\u0340-\U0010ffff]")
# Byte-level tokens spell E2 80 this way: the beginning of U+2000 to U+203F, dashes and quotes that most texts contain.
_DASHES_AND_QUOTES = "\xe2\u0122"


def tokens_to_screen(specification: TokenizerJson) -> npt.NDArray[np.bool_] | None:
    """Which ids spell such a character besides U+2000 to U+203F, or a part of one: bool (max id + 2,).

    The last, for ids that there should not be, is true. ``None`` unless a text's ids spell all of its bytes, at most
    after canonical composition, which makes no young character one below U+0340.
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
    screened = np.zeros(max(number for _, number in ids) + 2, np.bool_)
    screened[[number for token, number in ids if _HIGH.search(token.replace(_DASHES_AND_QUOTES, ""))]] = True
    screened[-1] = True
    return screened
