"""Word maps that end with ``<UNK>`` and ``<PAD>``, as Chinese text classifiers for PyTorch pickle them."""

from __future__ import annotations

from collections.abc import Mapping

from tokemb.importers.imported import Imported, Original, word_encoder
from tokemb.importers.options import Options
from tokemb.vocabulary.pad_truncate import PadTruncate
from tokemb.vocabulary.profiles import get_profile

KIND = "word map that ends with padding"
_UNK, _PAD = "<UNK>", "<PAD>"


def ends_with_padding(ids: Mapping[str, int]) -> bool:
    """Return whether the last two ids are those of ``<UNK>`` and ``<PAD>``."""
    return (ids.get(_UNK), ids.get(_PAD)) == (len(ids) - 2, len(ids) - 1)


def read_pad_last(ids: Mapping[str, int], options: Options) -> Imported:
    """Import such a word map. The file does not contain how texts are split, but the words show it.

    Args:
        ids: The id of each word.
        options: The options of the import. ``profile`` overrides the detected way of splitting.
    """
    options.check_only(["profile"], KIND)
    by_characters = all(len(word) == 1 for word in ids if word not in (_UNK, _PAD))
    profile = get_profile(options.profile or ("chars" if by_characters else "whitespace"))
    encoder = word_encoder(ids, profile, unk_token=_UNK, pad_id=ids[_PAD], shape=options.shape(PadTruncate()))
    facts = {"words": len(ids) - 2, "oov": f"{_UNK} ({ids[_UNK]})", "padding": f"{_PAD} ({ids[_PAD]})"}
    split = "every token is one character" if by_characters else "texts are split at white space"
    notes = (f"{split}; rows are as long as the longest unless maxlen is passed",)
    return Imported(KIND, encoder, _original(ids, by_characters=by_characters), facts, notes)


def _original(ids: Mapping[str, int], *, by_characters: bool) -> Original:
    def original(texts: list[str]) -> list[list[int]]:
        rows = (list(text) if by_characters else text.split(" ") for text in texts)
        return [[ids.get(word, ids[_UNK]) for word in row] for row in rows]

    return original
