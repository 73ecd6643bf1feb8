"""From a word as a person writes it to the row of its token."""

from __future__ import annotations

import difflib
import unicodedata

from tokemb.analysis.token_vectors import TokenVectors
from tokemb.encoder import Encoder
from tokemb.errors import ArgumentError, TextError, VocabularyError
from tokemb.vocabulary.special_tokens import SpecialTokens
from tokemb.vocabulary.tokenizer_json import BLANK, tokenizer_of

# A word is likely a misspelling of a frequent one; comparing with all of a large vocabulary takes seconds.
_COMPARED = 50_000
_CLOSEST = 3

# More tokens than a word has, in place of the length that the vocabulary cuts rows to.
_WHOLE = 1 << 20


def row_of(vectors: TokenVectors, word: str) -> int:
    """The row of the token that ``word`` is in the vocabulary.

    The encoder normalizes and splits the word as it does texts; if that does not give one token that it knows, a token
    that is spelled exactly so is taken (``##ing``, ``[BOS]``). Without an encoder only the latter.
    Raises ``ArgumentError``, naming the closest spellings, if there is none.
    """
    row = find_row(vectors, word)
    if row is None:
        raise ArgumentError(_message(vectors, word))
    return row


def find_row(vectors: TokenVectors, word: str) -> int | None:
    """The same, but ``None`` if there is none."""
    if not isinstance(word, str):
        raise ArgumentError(f"a word must be a str; received {type(word).__name__}")
    if vectors.encoder is not None:
        ids = _ids(vectors.encoder, word)
        if len(ids) == 1 and vectors.real[ids[0]]:
            return ids[0]
    row = vectors.rows.get(word)
    return row if row is not None and vectors.real[row] else None


def _ids(encoder: Encoder, word: str) -> list[int]:
    """The ids of a word, whole and without the special tokens around a text; none where the encoder has none for it."""
    try:
        ids: list[int] = encoder.encode_ragged([word], maxlen=_WHOLE, threads=1).values.tolist()
    except (TextError, VocabularyError):  # no Unicode text, or unknown to a vocabulary without an unknown token
        return []
    around = SpecialTokens.of(encoder.specification)
    return ids[len(around.before) : len(ids) - len(around.after)]


def _message(vectors: TokenVectors, word: str) -> str:
    encoder = vectors.encoder
    pieces = [] if encoder is None else [index for index in _ids(encoder, word) if vectors.real[index]]
    if encoder is not None and len(pieces) > 1:
        spelled = ", ".join(repr(vectors.tokens[index]) for index in pieces[:8])
        return f"a word must be one token; the vocabulary splits {word!r} into {len(pieces)}: {spelled}"
    close = closest(vectors, word)
    ways_out = f": did you mean {', '.join(close)}?" if close else ", nor any that is spelled like it"
    return f"there is no token {word!r}{ways_out}"


def closest(vectors: TokenVectors, word: str) -> list[str]:
    """At most three tokens that are spelled most like ``word``, of the first 50,000."""
    known = [token for token, real in zip(vectors.tokens[:_COMPARED], vectors.real, strict=False) if real]
    return difflib.get_close_matches(_normalized(vectors.encoder, word), known, _CLOSEST)


def _normalized(encoder: Encoder | None, word: str) -> str:
    if encoder is None or encoder.splitting[0] is None:
        return unicodedata.normalize("NFC", word)
    normalizer = tokenizer_of({**BLANK, "normalizer": encoder.splitting[0]}).normalizer
    return str(normalizer.normalize_str(word.encode(errors="replace").decode()))
