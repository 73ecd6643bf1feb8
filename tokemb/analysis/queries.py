"""Find the tokens of words that users type."""

from __future__ import annotations

import difflib
import unicodedata

from tokemb.analysis.token_vectors import TokenVectors
from tokemb.encoder import Encoder
from tokemb.errors import ArgumentError, TextError, VocabularyError
from tokemb.vocabulary.special_tokens import SpecialTokens
from tokemb.vocabulary.tokenizer_json import BLANK, tokenizer_of

# The number of tokens that a word out of vocabulary is compared with. Comparing with all of a large vocabulary takes
# seconds, and a word is most likely a misspelling of a frequent one.
_MAX_COMPARED = 50_000
_MAX_SUGGESTIONS = 3

# A length that no word exceeds. It overrides the truncation of the vocabulary.
_UNLIMITED = 1 << 20


def row_of(vectors: TokenVectors, word: str) -> int:
    """Return the row of the token of ``word``.

    The encoder normalizes and pre-tokenizes the word like a text. If the result is not one token of the vocabulary, a
    token of exactly this spelling is used, such as ``##ing`` or ``[BOS]``. Without an encoder, only the exact spelling
    is used.

    Raises:
        ArgumentError: If there is no such token. The message names the closest spellings.
    """
    row = find_row(vectors, word)
    if row is None:
        raise ArgumentError(_describe_failure(vectors, word))
    return row


def find_row(vectors: TokenVectors, word: str) -> int | None:
    """Return the row of the token of ``word``, as ``row_of``, or ``None`` if there is none."""
    if not isinstance(word, str):
        raise ArgumentError(f"a word must be a str; received {type(word).__name__}")
    if vectors.encoder is not None:
        ids = _ids(vectors.encoder, word)
        if len(ids) == 1 and vectors.real[ids[0]]:
            return ids[0]
    row = vectors.rows.get(word)
    return row if row is not None and vectors.real[row] else None


def _ids(encoder: Encoder, word: str) -> list[int]:
    """Return the ids of a word, not truncated and without special tokens, or none if it cannot be encoded."""
    try:
        ids: list[int] = encoder.encode_ragged([word], maxlen=_UNLIMITED, threads=1).values.tolist()
    except (TextError, VocabularyError):  # not Unicode, or OOV without an OOV token
        return []
    special_tokens = SpecialTokens.of(encoder.specification)
    return ids[len(special_tokens.before) : len(ids) - len(special_tokens.after)]


def _describe_failure(vectors: TokenVectors, word: str) -> str:
    encoder = vectors.encoder
    ids = [] if encoder is None else [index for index in _ids(encoder, word) if vectors.real[index]]
    if encoder is not None and len(ids) > 1:
        tokens = ", ".join(repr(vectors.tokens[index]) for index in ids[:8])
        return f"a word must be one token; the vocabulary splits {word!r} into {len(ids)}: {tokens}"
    suggestions = closest(vectors, word)
    suggestion = f": did you mean {', '.join(suggestions)}?" if suggestions else ", nor any that is spelled like it"
    return f"there is no token {word!r}{suggestion}"


def closest(vectors: TokenVectors, word: str) -> list[str]:
    """Return at most three of the first 50,000 tokens with the spelling closest to ``word``."""
    known = [token for token, real in zip(vectors.tokens[:_MAX_COMPARED], vectors.real, strict=False) if real]
    return difflib.get_close_matches(_normalize(vectors.encoder, word), known, _MAX_SUGGESTIONS)


def _normalize(encoder: Encoder | None, word: str) -> str:
    if encoder is None or encoder.splitting[0] is None:
        return unicodedata.normalize("NFC", word)
    normalizer = tokenizer_of({**BLANK, "normalizer": encoder.splitting[0]}).normalizer
    return str(normalizer.normalize_str(word.encode(errors="replace").decode()))
