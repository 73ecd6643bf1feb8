"""The result of an import, and encoders for words with given ids."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from tokemb.counts.select_tokens import UNK_TOKEN
from tokemb.encoder import Encoder
from tokemb.errors import ArgumentError, VocabularyError
from tokemb.importers.options import Options
from tokemb.sources.texts import batches, is_unicode
from tokemb.vocabulary.folder import vocabulary_table
from tokemb.vocabulary.oov_buckets import OovBuckets
from tokemb.vocabulary.pad_truncate import PadTruncate
from tokemb.vocabulary.profiles import Profile
from tokemb.vocabulary.tokenizer_json import TokenizerJson, find_pad_id, tokenizer_json_of, tokenizer_of
from tokemb.vocabulary.vocabulary import check_highest_id

# Python refuses to write integers of thousands of digits.
_MAX_BITS = 1000


def describe(value: object) -> str:
    """Return a number or a text as Python writes it, and any other value by its type.

    The parts of a pickled container can be the same object many times, so that its text could exceed all memory.
    """
    if isinstance(value, int) and value.bit_length() > _MAX_BITS:
        return "an integer of many digits"
    return repr(value) if value is None or isinstance(value, (int, float, str)) else f"a {type(value).__name__}"


# A function from texts to rows of ids.
Original = Callable[[list[str]], list[list[int]]]


@dataclass(frozen=True)
class Imported:
    """A vocabulary that was read from a file of another library.

    Attributes:
        kind: The name of the format.
        encoder: The vocabulary.
        original: A function from texts to rows of ids that calls the original library. The library is imported at the
            first call.
        facts: Properties of the file by name, for display.
        notes: Sentences that the user should read.
        assumed: The settings that the file does not contain. Both ``encoder`` and ``original`` use the same assumed
            values, so that a comparison of the two does not confirm them.
    """

    kind: str
    encoder: Encoder
    original: Original
    facts: Mapping[str, object] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    assumed: tuple[str, ...] = ()


def check_ids(ids: Mapping[str, int]) -> None:
    """Raise ``VocabularyError`` unless ``ids`` maps texts to valid ids."""
    for token, index in ids.items():
        if not isinstance(token, str):
            raise VocabularyError(f"words must be texts; the file contains one of type {type(token).__name__}")
        if type(index) is not int or not 0 <= index < 1 << 31:
            raise VocabularyError(
                f"ids must be integers from 0 to {(1 << 31) - 1:,}; that of {token!r:.60} is {describe(index):.60}"
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
    buckets: OovBuckets | None = None,
    settings: Mapping[str, Any] | None = None,
) -> Encoder:
    """Make an encoder of words with given ids.

    Args:
        ids: The id of each word.
        profile: The profile that splits texts. Its name may be ``""``.
        unk_token: The OOV token. ``None`` drops tokens out of vocabulary.
        pad_id: The id of padding. ``None`` if there is none.
        shape: The truncation and padding of rows.
        counts: The count of each word, if the original has it.
        documents: The document count of each word, if the original has it.
        buckets: The buckets of words out of vocabulary. The first has the id of ``unk_token``.
        settings: Further settings of the encoder.

    Raises:
        VocabularyError: If an id is invalid, or ``unk_token`` has none.
    """
    check_ids(ids)
    # Words with lone surrogates occur in no text and cannot be saved in a tokenizer.json.
    vocab = {token: ids[token] for token in sorted(ids, key=ids.__getitem__) if is_unicode(token)}
    if unk_token is not None and unk_token not in vocab:
        raise VocabularyError(f"the OOV token must be valid text with an id; it is {unk_token!r:.60}")
    oov = unused_token(vocab) if unk_token is None else unk_token
    tokenizer = profile.tokenizer()
    if profile.decoder is not None:
        tokenizer.decoder = profile.decoder
    specification: TokenizerJson = {
        **tokenizer_json_of(tokenizer),
        "model": {"type": "WordLevel", "vocab": vocab, "unk_token": oov},
    }
    tokens = _tokens(vocab, max([*vocab.values(), pad_id or 0]) + 1)
    if buckets is not None:
        first = vocab[oov]
        tokens[first : first + buckets.count] = [oov] * buckets.count
    specification = shape.write(specification, pad_id or 0, tokens[pad_id or 0])
    if pad_id is None:
        specification["padding"] = None
    return Encoder(
        specification,
        tokenizer_of(specification),
        pad_id=pad_id,
        profile=profile.name or None,
        oov=unk_token is not None,
        segmenter=profile.segmenter,
        # Together with the tokenizer.json, these settings are sufficient to count new texts.
        settings={"imported": True, "ties": profile.ties, **(settings or {})},
        ngrams=profile.ngrams,
        table=vocabulary_table(tokens, _column(tokens, counts), _column(tokens, documents)),
        buckets=buckets,
    )


def foreign_encoder(specification: TokenizerJson, options: Options) -> Encoder:
    """Make an encoder of a ``tokenizer.json``. The options override only its truncation and padding.

    Raises:
        ArgumentError: If padding is set, but the file has no padding token.
    """
    tokenizer = tokenizer_of(specification)
    pad_id = find_pad_id(tokenizer, None)
    shape = PadTruncate.of(tokenizer)
    if options.shape(shape) != shape:
        token = tokenizer.id_to_token(pad_id) if pad_id is not None else None
        if pad_id is None or token is None:
            raise ArgumentError(
                "this tokenizer.json names no padding token, so maxlen, padding and truncating do not apply: omit them"
            )
        specification = options.shape(shape).write(specification, pad_id, token)
    return Encoder(specification, tokenizer_of(specification), pad_id=pad_id)


def check_reachable(encoder: Encoder, words: Mapping[str, int], remedy: str) -> None:
    """Check that each word can be produced from a text. Otherwise the file was made with other settings.

    Args:
        encoder: The encoder.
        words: The id of each word.
        remedy: The remedy, for the message.

    Raises:
        VocabularyError: If no text gives one of the words.
    """
    texts = [word for word in words if word and is_unicode(word)]
    rows = (row for batch in batches(texts) for row in encoder.encode_column(batch, PadTruncate()).rows)
    for word, row in zip(texts, rows, strict=True):
        if row.tolist() != [words[word]]:
            raise VocabularyError(f"no text gives the word {word!r:.60} with these settings: {remedy}")


def unused_token(ids: Mapping[str, int]) -> str:
    """Return an OOV token that is not a key of ``ids``."""
    token = UNK_TOKEN
    while token in ids:
        token = f"[{token}]"
    return token


def _tokens(vocab: Mapping[str, int], input_dim: int) -> list[str]:
    """Return the token of every id. If several tokens share an id, return the first."""
    tokens = [""] * input_dim
    for token, index in reversed(list(vocab.items())):
        tokens[index] = token
    return tokens


def _column(tokens: list[str], numbers: Mapping[str, int] | None) -> pa.Array:
    known = numbers or {}
    return pa.array([known.get(token) if token else None for token in tokens], pa.int64())
