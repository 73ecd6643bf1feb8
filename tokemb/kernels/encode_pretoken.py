"""Encode one pre-token with a subword model."""

from __future__ import annotations

from tokemb._arrays import Int32, Int64, UInt8
from tokemb.kernels.bpe import encode_bpe
from tokemb.kernels.compiler import inlined, inlined_by_type
from tokemb.kernels.pretokenize import is_at
from tokemb.kernels.structs import Text
from tokemb.kernels.subword_structs import (
    MAX_PRETOKEN_BYTES,
    Affix,
    Bpe,
    SubwordEncoder,
    SubwordWorkspace,
    Unigram,
    WordPiece,
)
from tokemb.kernels.unigram import encode_unigram
from tokemb.kernels.wordpiece import encode_wordpiece

_SPACE = 0x20

_encode = inlined_by_type({WordPiece: encode_wordpiece, Bpe: encode_bpe, Unigram: encode_unigram})


@inlined
def _copy_changed(affix: Affix, text: UInt8, start: int, end: int, out: UInt8) -> tuple[int, int]:
    """Copy a pre-token to ``out`` with ``affix``. Return its new start and end. The end is -1 if it is too long."""
    prefix, marker, _ = affix
    filled = len(prefix)
    for at in range(start, end):
        if filled + 4 > MAX_PRETOKEN_BYTES:
            return 0, -1
        if text[at] == _SPACE and len(marker):
            for offset in range(len(marker)):
                out[filled + offset] = marker[offset]
            filled += len(marker)
        else:
            out[filled] = text[at]
            filled += 1
    if is_at(out, len(prefix), filled, prefix, 0, len(prefix)):
        return len(prefix), filled
    for offset in range(len(prefix)):
        out[offset] = prefix[offset]
    return 0, filled


@inlined
def encode_pretoken(
    model: WordPiece | Bpe | Unigram, affix: Affix, workspace: SubwordWorkspace, text: UInt8, start: int, end: int
) -> int:
    """Write the ids of the pre-token ``text[start:end]`` to ``workspace.ids``.

    Returns:
        The number of ids. -1 if the pre-token is too long.
    """
    count, changed = 0, text
    if len(affix.prefix) or len(affix.marker):
        changed = workspace.text
        start, end = _copy_changed(affix, text, start, end, changed)
    elif end - start > MAX_PRETOKEN_BYTES:
        end = -1
    if end < 0:
        return -1
    # The loop runs once more per marker, instead of a second call: the model is compiled into this place.
    while start < end:
        stop = end
        if affix.splits:
            stop = start + 1
            while stop < end and not is_at(changed, stop, end, affix.marker, 0, len(affix.marker)):
                stop += 1
        count = _encode(model, workspace, changed, start, stop, count)
        start = stop
    return count


def encode_pretokens(encoder: SubwordEncoder, texts: Text, ids: Int32, lengths: Int64) -> int:
    """Encode ``texts``, each one pre-token.

    Args:
        encoder: The model and the memory. The cache is not used.
        texts: The pre-tokens.
        ids: int32, where the ids are written.
        lengths: int64 (texts,), where the numbers of ids are written. -1 for a pre-token that is too long.

    Returns:
        The number of ids.
    """
    model, affix, _, workspace = encoder
    data, offsets = texts
    total = 0
    for index in range(len(lengths)):
        count = encode_pretoken(model, affix, workspace, data, offsets[index], offsets[index + 1])
        lengths[index] = count
        for k in range(count):
            ids[total + k] = workspace.ids[k]
        total += max(count, 0)
    return total
