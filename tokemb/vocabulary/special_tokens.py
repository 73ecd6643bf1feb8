"""The special tokens that a post-processor puts around every row."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from tokemb._arrays import Bool
from tokemb.errors import VocabularyError
from tokemb.rows.pack_rows import check_splits, pack_rows, rows_with
from tokemb.rows.ragged import Ragged
from tokemb.vocabulary.tokenizer_json import TokenizerJson


@dataclass(frozen=True)
class SpecialTokens:
    """The ids before and after every row; none for the vocabularies that tokemb fits."""

    before: tuple[int, ...] = ()
    after: tuple[int, ...] = ()

    @classmethod
    def of(cls, specification: TokenizerJson) -> SpecialTokens:
        """What the post-processor of a ``tokenizer.json`` puts around one text.

        Raises ``VocabularyError`` for a post-processor that does anything else.
        """
        try:
            tokens = cls._of_processor(specification.get("post_processor"))
        except (KeyError, IndexError, TypeError) as error:
            raise VocabularyError(f"this tokenizer.json has a post-processor that lacks {error}") from None
        if any(not 0 <= token <= np.iinfo(np.int32).max for token in (*tokens.before, *tokens.after)):
            raise VocabularyError("this tokenizer.json has special tokens whose ids do not fit int32")
        return tokens

    @classmethod
    def _of_processor(cls, processor: dict[str, Any] | None) -> SpecialTokens:
        kind = processor["type"] if processor else None
        if processor is None or kind == "ByteLevel":  # ByteLevel only trims offsets
            return cls()
        if kind in ("BertProcessing", "RobertaProcessing"):
            return cls((processor["cls"][1],), (processor["sep"][1],))
        if kind == "Sequence":
            adding = [tokens for tokens in map(cls._of_processor, processor["processors"]) if len(tokens)]
            if len(adding) <= 1:  # what several do together, `tokenizers` alone knows
                return adding[0] if adding else cls()
        if kind == "TemplateProcessing":
            # Ids of special tokens, and None for the place of the text.
            places: list[int | None] = []
            for piece in processor["single"]:
                if "Sequence" in piece:
                    places.append(None)
                else:
                    places.extend(processor["special_tokens"][piece["SpecialToken"]["id"]]["ids"])
            if places.count(None) == 1:
                text = places.index(None)
                return cls(tuple(places[:text]), tuple(places[text + 1 :]))  # type: ignore[arg-type]
        raise VocabularyError(
            f"this tokenizer.json has a post-processor ({kind}) that does more than put fixed ids around a text"
        )

    def __len__(self) -> int:
        return len(self.before) + len(self.after)

    def input_dim(self, least: int) -> int:
        """The highest id + 1 of these and those below ``least``."""
        return max(least, *(token + 1 for token in (*self.before, *self.after)), 1)

    def add_special_tokens(self, rows: Ragged) -> Ragged:
        """``rows`` with these ids before and after each."""
        return self._put_around(rows, None)[0] if len(self) else rows

    def add_and_find_special_tokens(
        self, rows: Ragged, marked: Bool, threads: int | None = None
    ) -> tuple[Ragged, Bool]:
        """``put_around``, and in which of ``rows`` there is a ``marked`` id, as ``rows_with`` tells."""
        if not len(self):
            return rows, rows_with(rows.values, rows.row_splits, marked, threads)
        return self._put_around(rows, marked, threads)

    def _put_around(self, rows: Ragged, marked: Bool | None, threads: int | None = None) -> tuple[Ragged, Bool]:
        check_splits(rows.values, rows.row_splits)
        lengths = rows.lengths
        whole = Ragged.from_lengths(np.empty(int(lengths.sum()) + len(self) * len(rows), np.int32), lengths + len(self))
        starts = rows.row_splits[:-1]
        found = pack_rows(
            rows.values,
            starts,
            lengths,
            whole.row_splits,
            whole.values,
            before=self.before,
            after=self.after,
            marked=marked,
            threads=threads,
        )
        return whole, found
