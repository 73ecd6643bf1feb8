"""From ids back to texts; where a text is its tokens with a separator between them, Arrow joins all rows at once."""

from __future__ import annotations

import pyarrow as pa
from tokenizers import Tokenizer

from tokemb._arrays import STRINGS
from tokemb.errors import VocabularyError
from tokemb.rows.ragged import Ragged
from tokemb.vocabulary.tokenizer_json import TokenizerJson, is_failure


def separator_of(specification: TokenizerJson) -> str | None:
    """What stands between the tokens of a decoded text; ``None`` if its decoder does more than join them."""
    decoder = specification.get("decoder")
    if decoder is None:
        return " "  # as `tokenizers` does
    return "" if decoder["type"] == "Fuse" else None


class Decoder:
    """Decodes with one vocabulary, as ``tokenizer.decode_batch`` does."""

    def __init__(self, specification: TokenizerJson, tokenizer: Tokenizer, input_dim: int) -> None:
        """``tokenizer``: made from ``specification``."""
        separator = separator_of(specification)
        self._tokenizer = tokenizer
        self._joiner = None if separator is None else Joiner(tokenizer, input_dim, separator)

    def decode(self, rows: Ragged, *, skip_special_tokens: bool) -> list[str]:
        """The texts of ``rows``, ids of the vocabulary without padding."""
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
    """Decodes as ``tokenizer.decode_batch`` does, for a tokenizer whose decoder only joins.

    >>> from tokenizers.models import WordLevel
    >>> joiner = Joiner(Tokenizer(WordLevel({"to": 0, "be": 1})), 3, " ")
    >>> joiner.decode(Ragged.from_rows([[0, 1, 0, 1], [], [2, 1]]), skip_special_tokens=True)
    ['to be to be', '', 'be']
    """

    def __init__(self, tokenizer: Tokenizer, input_dim: int, separator: str) -> None:
        """``input_dim``: the highest id + 1. ``separator``: what stands between two tokens."""
        # Asked one by one, since two tokens of a file may share an id, and only the tokenizer knows which one it gives.
        self._tokens = pa.array(map(tokenizer.id_to_token, range(input_dim)), STRINGS)
        self._separator = pa.scalar(separator, STRINGS)
        has_token = self._tokens.is_valid().to_numpy(zero_copy_only=False)
        no_special = has_token.copy()
        for index in tokenizer.get_added_tokens_decoder():
            # The same for which of the added tokens are special: a file can say both of one.
            if not tokenizer.decode([index], skip_special_tokens=True):
                no_special[index] = False
        self._kept = {False: has_token, True: no_special}

    def decode(self, rows: Ragged, *, skip_special_tokens: bool) -> list[str]:
        """The texts of ``rows``, of ids from 0 to ``input_dim - 1``; ids that have no token go."""
        keep = self._kept[skip_special_tokens][rows.values]
        if not keep.all():
            rows = rows.select(keep)
        tokens = self._tokens.take(pa.array(rows.values))
        import pyarrow.compute as pc  # here, so that small inputs do not wait for it

        texts = pc.binary_join(pa.LargeListArray.from_arrays(pa.array(rows.row_splits), tokens), self._separator)
        decoded: list[str] = texts.to_pylist()
        return decoded
