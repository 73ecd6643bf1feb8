"""What an import gives, and how words with ids of their own become an encoder."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import pyarrow as pa

from tokemb.counts.select_tokens import UNK_TOKEN
from tokemb.encoder import Encoder
from tokemb.errors import ArgumentError, VocabularyError
from tokemb.importers.options import Options
from tokemb.importers.unicode_text import is_unicode
from tokemb.sources.texts import batches
from tokemb.vocabulary.folder import vocabulary_table
from tokemb.vocabulary.highest_id import check_highest_id
from tokemb.vocabulary.pad_truncate import PadTruncate
from tokemb.vocabulary.profiles import Profile
from tokemb.vocabulary.tokenizer_json import TokenizerJson, find_pad_id, tokenizer_json_of, tokenizer_of

# Texts to rows of ids.
Original = Callable[[list[str]], list[list[int]]]


@dataclass(frozen=True)
class Imported:
    """A vocabulary that was read from a file of another library.

    ``kind``: the name of its format. ``encoder``: the vocabulary. ``facts``: what the file says, by name, to be shown.
    ``notes``: what a user should know, a sentence each. ``original``: the library that the file is of, from texts to
    rows of ids; it is imported at the first call. ``assumed``: the settings of the original that the file does not say,
    and that both ``encoder`` and ``original`` take from elsewhere, so that comparing the two does not confirm them.
    """

    kind: str
    encoder: Encoder
    original: Original
    facts: Mapping[str, object] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    assumed: tuple[str, ...] = ()


def check_ids(ids: Mapping[str, int]) -> None:
    """Raise ``VocabularyError`` unless ``ids`` maps texts to whole numbers that can be ids."""
    for token, index in ids.items():
        if not isinstance(token, str):
            raise VocabularyError(f"words must be text; the file has one that is {type(token).__name__}")
        if type(index) is not int or not 0 <= index < 1 << 31:
            received = index if isinstance(index, (int, float, str)) else type(index).__name__
            raise VocabularyError(
                f"ids must be integers from 0 to {(1 << 31) - 1:,}; that of {token!r:.60} is {received!r:.60}"
            )
    if ids:
        highest = max(ids, key=ids.__getitem__)
        check_highest_id(ids[highest], len(ids), highest)


def word_encoder(
    ids: Mapping[str, int],
    profile: Profile,
    *,
    unk_token: str | None,
    pad_id: int | None,
    shape: PadTruncate,
    counts: Mapping[str, int] | None = None,
    documents: Mapping[str, int] | None = None,
) -> Encoder:
    """An encoder of words with these ids.

    ``profile``: how text is split; its name may be ``""``. ``unk_token``: the token whose id unknown ones get, ``None``
    to drop them. ``counts``, ``documents``: what the original counted, as far as it did.
    Raises ``VocabularyError`` for ids that cannot be.
    """
    check_ids(ids)
    # What is no Unicode text occurs in none, and no tokenizer.json can hold it.
    vocab = {token: ids[token] for token in sorted(ids, key=ids.__getitem__) if is_unicode(token)}
    if unk_token is not None and unk_token not in vocab:
        raise VocabularyError(f"the token for unknown words must be text with an id; it is {unk_token!r:.60}")
    unknown = free_name(vocab) if unk_token is None else unk_token
    tokenizer = profile.tokenizer()
    if profile.decoder is not None:
        tokenizer.decoder = profile.decoder
    specification: TokenizerJson = {
        **tokenizer_json_of(tokenizer),
        "model": {"type": "WordLevel", "vocab": vocab, "unk_token": unknown},
    }
    tokens = _tokens(vocab, max([*vocab.values(), pad_id or 0]) + 1)
    specification = shape.write(specification, pad_id or 0, tokens[pad_id or 0])
    if pad_id is None:
        specification["padding"] = None
    return Encoder(
        specification,
        tokenizer_of(specification),
        pad_id=pad_id,
        profile=profile.name or None,
        oov=unk_token is not None,
        # With the tokenizer.json, this is all that counting new texts needs.
        settings={"imported": True, "ties": profile.ties},
        table=vocabulary_table(tokens, _column(tokens, counts), _column(tokens, documents)),
    )


def foreign_encoder(specification: TokenizerJson, options: Options) -> Encoder:
    """An encoder of a ``tokenizer.json`` as it is, but for how its rows are truncated and padded if that was said."""
    tokenizer = tokenizer_of(specification)
    pad_id = find_pad_id(tokenizer, None)
    shape = PadTruncate.of(tokenizer)
    if options.shape(shape) != shape:
        token = tokenizer.id_to_token(pad_id) if pad_id is not None else None
        if pad_id is None or token is None:
            raise ArgumentError("this tokenizer.json names no padding token, so nothing can be said of how it pads")
        specification = options.shape(shape).write(specification, pad_id, token)
    return Encoder(specification, tokenizer_of(specification), pad_id=pad_id)


def check_reachable(encoder: Encoder, words: Mapping[str, int], way_out: str) -> None:
    """Raise ``VocabularyError`` for a word that no text can yield, for then the file was made with other settings.

    ``words``: their ids. ``way_out``: what to do about it.
    """
    known = [word for word in words if word and is_unicode(word)]
    rows = (row for batch in batches(known) for row in encoder.encode_column(batch, PadTruncate()).rows)
    for word, row in zip(known, rows, strict=True):
        if row.tolist() != [words[word]]:
            raise VocabularyError(f"no text is split so that it yields the word {word!r:.60}: {way_out}")


def free_name(taken: Mapping[str, int]) -> str:
    """A name for unknown tokens that is no token."""
    name = UNK_TOKEN
    while name in taken:
        name = f"[{name}]"
    return name


def _tokens(vocab: Mapping[str, int], input_dim: int) -> list[str]:
    """The token of every id; the first if several share one."""
    tokens = [""] * input_dim
    for token, index in reversed(list(vocab.items())):
        tokens[index] = token
    return tokens


def _column(tokens: list[str], numbers: Mapping[str, int] | None) -> pa.Array:
    known = numbers or {}
    return pa.array([known.get(token) if token else None for token in tokens], pa.int64())
