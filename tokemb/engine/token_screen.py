"""Which ids spell characters from U+0340 on, for tokenizers whose ids spell all bytes of a text.

All newer characters are among these. Rows without such an id need not be searched for newer characters, which saves
reading their texts from memory.
"""

from __future__ import annotations

import re

import numpy as np

from tokemb._arrays import Bool
from tokemb.vocabulary.tokenizer_json import TokenizerJson, steps
from tokemb.vocabulary.tokenizers_library import pre_tokenizers

# The UTF-8 of such a character begins with a byte from CD on. Byte-level tokens spell that byte as the character with
# the same number. Added tokens contain the character itself.
_HIGH = re.compile("[\xcd-\xff\u0340-\U0010ffff]")
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
    screened = np.zeros(max(number for _, number in ids) + 2, np.bool_)
    screened[[number for token, number in ids if _HIGH.search(token.replace(_DASHES_AND_QUOTES, ""))]] = True
    screened[-1] = True
    return screened
