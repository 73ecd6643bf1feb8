"""The special tokens that a post-processor adds around every row."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from tokemb._arrays import Bool
from tokemb.errors import ArgumentError, VocabularyError
from tokemb.rows.pack_rows import check_splits, pack_rows, rows_with
from tokemb.rows.ragged import Ragged
from tokemb.vocabulary.tokenizer_json import TokenizerJson


def start_end_tokens(start: str | None, end: str | None) -> dict[str, str]:
    """Return the tokens that begin and end every row, by the names of these arguments. ``None`` is left out.

    Raises:
        ArgumentError: If they are no texts, or equal.
    """
    tokens = {name: token for name, token in (("start", start), ("end", end)) if token is not None}
    for name, token in tokens.items():
        if not isinstance(token, str) or not token:
            raise ArgumentError(f"{name} must be a token such as '[BOS]'; received {token!r:.80}")
    if len(tokens) == 2 and start == end:
        raise ArgumentError(f"end must differ from start={start!r:.80}; received {end!r:.80}")
    return tokens


def post_processor(tokens: Mapping[str, str], id_of: Callable[[str], int]) -> dict[str, Any]:
    """Return the post-processor of a ``tokenizer.json`` that adds ``tokens`` around every row.

    A row of two texts begins with the start token, and each of its texts is followed by the end token.

    Args:
        tokens: As ``start_end_tokens`` returns them.
        id_of: Returns the id of a token.
    """

    def item(kind: str, name: str | None, type_id: int) -> list[dict[str, Any]]:
        return [] if name is None else [{kind: {"id": name, "type_id": type_id}}]

    start, end = tokens.get("start"), tokens.get("end")
    single = [*item("SpecialToken", start, 0), *item("Sequence", "A", 0), *item("SpecialToken", end, 0)]
    return {
        "type": "TemplateProcessing",
        "single": single,
        "pair": [*single, *item("Sequence", "B", 1), *item("SpecialToken", end, 1)],
        "special_tokens": {token: {"id": token, "ids": [id_of(token)], "tokens": [token]} for token in tokens.values()},
    }


@dataclass(frozen=True)
class SpecialTokens:
    """The ids before and after every row. Vocabularies that tokemb fits have at most one of each."""

    before: tuple[int, ...] = ()
    after: tuple[int, ...] = ()

    @classmethod
    def of(cls, specification: TokenizerJson) -> SpecialTokens:
        """Return the ids that the post-processor of a ``tokenizer.json`` adds around one text.

        Raises:
            VocabularyError: If the post-processor does anything else.
        """
        try:
            tokens = cls._of_processor(specification.get("post_processor"))
        except (KeyError, IndexError, TypeError) as error:
            raise VocabularyError(f"this tokenizer.json has a post-processor without {error}") from None
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
            if len(adding) <= 1:  # only `tokenizers` knows how several are combined
                return adding[0] if adding else cls()
        if kind == "TemplateProcessing":
            # The ids of special tokens, and None in place of the text.
            template: list[int | None] = []
            for item in processor["single"]:
                if "Sequence" in item:
                    template.append(None)
                else:
                    template.extend(processor["special_tokens"][item["SpecialToken"]["id"]]["ids"])
            if template.count(None) == 1:
                text = template.index(None)
                return cls(tuple(template[:text]), tuple(template[text + 1 :]))  # type: ignore[arg-type]
        raise VocabularyError(
            f"this tokenizer.json has a post-processor ({kind}) that does more than add fixed ids around a text"
        )

    def __len__(self) -> int:
        return len(self.before) + len(self.after)

    def input_dim(self, least: int) -> int:
        """Return the highest id plus one, of these ids and the ids below ``least``."""
        return max(least, *(token + 1 for token in (*self.before, *self.after)), 1)

    def add_special_tokens(self, rows: Ragged) -> Ragged:
        """Return ``rows`` with the special tokens around each row."""
        return self._surround(rows, None)[0] if len(self) else rows

    def add_and_find_special_tokens(
        self, rows: Ragged, marked: Bool, threads: int | None = None
    ) -> tuple[Ragged, Bool]:
        """Return ``rows`` with the special tokens around them, and the result of ``rows_with`` for ``marked``."""
        if not len(self):
            return rows, rows_with(rows.values, rows.row_splits, marked, threads)
        return self._surround(rows, marked, threads)

    def _surround(self, rows: Ragged, marked: Bool | None, threads: int | None = None) -> tuple[Ragged, Bool]:
        check_splits(rows.values, rows.row_splits)
        lengths = rows.lengths
        extended = Ragged.from_lengths(
            np.empty(int(lengths.sum()) + len(self) * len(rows), np.int32), lengths + len(self)
        )
        starts = rows.row_splits[:-1]
        found = pack_rows(
            rows.values,
            starts,
            lengths,
            extended.row_splits,
            extended.values,
            before=self.before,
            after=self.after,
            marked=marked,
            threads=threads,
        )
        return extended, found
