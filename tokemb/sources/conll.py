"""CoNLL files: one token per line with its columns, and an empty line after each sentence, which is a row of lists.

Columns are separated by tabs if the first token has one, and otherwise by ASCII white space. The first column is called
``text``, the last one ``tags``, and those between them by their number. Lines that start with ``-DOCSTART-`` and
comments are skipped. Files in the format CoNLL-U have its names of columns, and ``text`` for the forms.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from tokemb._arrays import STRINGS
from tokemb.errors import TextError
from tokemb.sources.columns import TEXT, Columns, Location

TAGS = "tags"

_CONLLU = ("id", TEXT, "lemma", "upos", "xpos", "feats", "head", "deprel", "deps", "misc")
_CONLLU_ID = re.compile(rb"\d+([-.]\d+)?")

_DOCUMENT = b"-DOCSTART-"
_BLANK_LINE = re.compile(rb"\n[^\S\n]*\n")


def conll_batches(blocks: Iterator[bytes], name: str, columns: Columns) -> Iterator[pa.RecordBatch]:
    """Yield the selected columns of one file, which hold lists.

    Args:
        blocks: Blocks of whole lines.
        name: The name of the file, for messages.
        columns: The selection of columns.

    Raises:
        TextError: If a token has more or fewer columns than the first one, or a selected column of it is empty. The
            message names file and line.
    """
    layout: _Layout | None = None
    row, line = 1, 1
    for block in _whole_sentences(blocks):
        lines = block.split(b"\n")
        layout = layout or _Layout.of(lines)
        if layout is not None:
            text, kept = columns.choose(layout.names, name)
            selected = [text, *kept]
            sentences = _parse(
                lines, layout, [layout.names.index(key) for key in selected], Location(name, "line", line)
            )
            arrays = dict(zip(selected, sentences.columns(), strict=True))
            if len(arrays[text]):
                yield from columns.batches(text, arrays.pop(text), arrays, Location(name, "row", row))
            row += len(sentences.lengths)
        line += len(lines) - 1


def _whole_sentences(blocks: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the blocks of a file, divided at empty lines."""
    rest = b""
    for block in blocks:
        block = rest + block
        end = max((match.end() for match in _BLANK_LINE.finditer(block)), default=0)
        if end:
            yield block[:end]
        rest = block[end:]
    if rest:
        yield rest


@dataclass(frozen=True)
class _Layout:
    """The columns of a file.

    Attributes:
        names: The names of the columns.
        separator: What separates them. ``None`` for any white space.
    """

    names: tuple[str, ...]
    separator: bytes | None

    @classmethod
    def of(cls, lines: Iterable[bytes]) -> _Layout | None:
        """Return the layout of the first token, or ``None`` if there is none."""
        for line in lines:
            if line.strip() and not line.startswith((b"#", _DOCUMENT)):
                separator = b"\t" if b"\t" in line else None
                fields = line.rstrip(b"\r").split(separator)
                if len(fields) == len(_CONLLU) and separator and _CONLLU_ID.fullmatch(fields[0]):
                    return cls(_CONLLU, separator)
                between = map(str, range(1, len(fields) - 1))
                return cls((TEXT, *between, TAGS) if len(fields) > 1 else (TEXT,), separator)
        return None

    def is_comment(self, line: bytes) -> bool:
        """Return whether a line before the first token of a sentence is a comment."""
        if not line.startswith(b"#"):
            return False
        # Without tabs, the words of a comment could be as many as the columns.
        is_sentence = self.separator is None and line[1:2].isspace()
        return self.names == _CONLLU or is_sentence or len(line.split(self.separator)) != len(self.names)

    def is_word(self, fields: Sequence[bytes]) -> bool:
        """Return whether a line is a token. CoNLL-U also has lines for several words (1-2) and empty nodes (1.1)."""
        return self.names != _CONLLU or fields[0].isdigit()


@dataclass
class _Sentences:
    """The selected values of sentences.

    Attributes:
        values: The values of all tokens of each selected column.
        lengths: The number of tokens of each sentence.
    """

    values: list[list[bytes]]
    lengths: list[int] = field(default_factory=list)

    def columns(self) -> Iterator[pa.LargeListArray]:
        """Yield each selected column, ``large_list<large_string>`` ``(sentences,)``."""
        splits = pa.array(np.concatenate([[0], np.cumsum(self.lengths)]).astype(np.int64))
        for values in self.values:
            yield pa.LargeListArray.from_arrays(splits, pa.array(values, pa.large_binary()).cast(STRINGS))


def _parse(lines: Sequence[bytes], layout: _Layout, selected: Sequence[int], location: Location) -> _Sentences:
    sentences = _Sentences([[] for _ in selected])
    length = 0
    for index, line in enumerate(lines):
        if not line.strip() or line.startswith(_DOCUMENT):
            sentences.lengths += [length] if length else []
            length = 0
        elif length or not layout.is_comment(line):
            fields = line.rstrip(b"\r").split(layout.separator)
            if len(fields) != len(layout.names):
                raise TextError(
                    f"{location.of(index)} has {_count(len(fields))}, and the first token of the file has "
                    f"{_count(len(layout.names))}: every line must have the same columns"
                )
            if layout.is_word(fields):
                length += 1
                for values, column in zip(sentences.values, selected, strict=True):
                    if not fields[column]:
                        raise TextError(
                            f"{location.of(index)} has nothing in the column {layout.names[column]!r}: fill it"
                        )
                    values.append(fields[column])
    sentences.lengths += [length] if length else []
    return sentences


def _count(columns: int) -> str:
    return f"{columns} column{'s' * (columns > 1)}"
