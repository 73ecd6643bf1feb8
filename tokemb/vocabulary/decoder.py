"""Decode ids to texts. If a decoder only joins tokens with a separator, Arrow joins all rows at once."""

from __future__ import annotations

import pyarrow as pa

from tokemb._arrays import STRINGS
from tokemb.errors import VocabularyError
from tokemb.rows.ragged import Ragged
from tokemb.vocabulary.tokenizer_json import TokenizerJson, is_failure
from tokemb.vocabulary.tokenizers_library import Tokenizer


def separator_of(specification: TokenizerJson) -> str | None:
    """Return the separator of tokens in decoded texts, or ``None`` if the decoder does more than join them."""
    decoder = specification.get("decoder")
    if decoder is None:
        return " "  # as in `tokenizers`
    return "" if decoder["type"] == "Fuse" else None


class Decoder:
    """A decoder of ids with the results of ``tokenizer.decode_batch``."""

    def __init__(self, specification: TokenizerJson, tokenizer: Tokenizer, input_dim: int) -> None:
        """Initialize the decoder of ``tokenizer``, which was made from ``specification``."""
        separator = separator_of(specification)
        self._tokenizer = tokenizer
        self._joiner = None if separator is None else Joiner(tokenizer, input_dim, separator)

    def decode(self, rows: Ragged, *, skip_special_tokens: bool) -> list[str]:
        """Decode rows of ids.

        Args:
            rows: Ids of the vocabulary, without padding.
            skip_special_tokens: Whether to leave out special tokens.

        Raises:
            VocabularyError: If `tokenizers` fails.
        """
        if self._joiner is not None:
            return self._joiner.decode(rows, skip_special_tokens=skip_special_tokens)
        ids = [row.tolist() for row in rows]
        try:
            texts: list[str] = self._tokenizer.decode_batch(ids, skip_special_tokens=skip_special_tokens)
        except BaseException as error:
            if is_failure(error):
                raise VocabularyError(f"the tokenizer cannot decode these ids: {error}") from error
            raise
        return texts


class Joiner:
    """A fast equivalent of ``tokenizer.decode_batch`` for tokenizers whose decoder only joins tokens.

    Example:
        >>> from tokemb.vocabulary.tokenizers_library import models
        >>> joiner = Joiner(Tokenizer(models.WordLevel({"to": 0, "be": 1})), 3, " ")
        >>> joiner.decode(Ragged.from_rows([[0, 1, 0, 1], [], [2, 1]]), skip_special_tokens=True)
        ['to be to be', '', 'be']
    """

    def __init__(self, tokenizer: Tokenizer, input_dim: int, separator: str) -> None:
        """Initialize the joiner. ``input_dim`` is the highest id plus one."""
        # Each id is queried, since two tokens of a file may share an id, and only the tokenizer knows its choice.
        self._tokens = pa.array(map(tokenizer.id_to_token, range(input_dim)), STRINGS)
        self._separator = pa.scalar(separator, STRINGS)
        has_token = self._tokens.is_valid().to_numpy(zero_copy_only=False)
        is_regular = has_token.copy()
        for index in tokenizer.get_added_tokens_decoder():
            # Queried as well, since a file can declare the same added token special and not special.
            if not tokenizer.decode([index], skip_special_tokens=True):
                is_regular[index] = False
        self._decoded = {False: has_token, True: is_regular}

    def decode(self, rows: Ragged, *, skip_special_tokens: bool) -> list[str]:
        """Decode rows of ids from 0 to ``input_dim - 1``. Ids without a token are left out."""
        keep = self._decoded[skip_special_tokens][rows.values]
        if not keep.all():
            rows = rows.select(keep)
        tokens = self._tokens.take(pa.array(rows.values))
        import pyarrow.compute as pc  # only here, because encoding does not need it

        texts = pc.binary_join(pa.LargeListArray.from_arrays(pa.array(rows.row_splits), tokens), self._separator)
        decoded: list[str] = texts.to_pylist()
        return decoded
