"""The words of a file of pre-trained vectors as a vocabulary, in the order of the file."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pyarrow as pa

from tokemb._arrays import STRINGS
from tokemb.counts.select_tokens import PAD_TOKEN, UNK_TOKEN
from tokemb.errors import TokembError, VocabularyError
from tokemb.importers.imported import Imported, Original, word_encoder
from tokemb.importers.options import Options
from tokemb.importers.word_lists import look_up
from tokemb.models.pretrained.detect_format import bom_size, detect_format, is_sparse
from tokemb.models.pretrained.load import tokens_of_vectors
from tokemb.models.pretrained.stream import Stream
from tokemb.models.pretrained.word2vec_header import parse_header
from tokemb.models.pretrained.word2vec_text import is_number
from tokemb.vocabulary.pad_truncate import PadTruncate
from tokemb.vocabulary.profiles import Profile, segmented_profile

KIND = "vectors"

# The bytes from which a file of vectors is recognized, and the fewest numbers of a row that has no header before it.
_BEGINNING = 1 << 16
_FEWEST_NUMBERS = 8


def looks_like_vectors(path: Path) -> bool:
    """Return whether a file contains vectors in a text format or word2vec's binary format, or sparse vectors."""
    try:
        with Stream(path) as stream:
            beginning = stream.peek(_BEGINNING)
    except (TokembError, OSError):  # a compression that only vocabularies have, or a damaged file
        return False
    beginning = beginning[bom_size(beginning) :]
    header = parse_header(beginning)
    rows = beginning[header.size if header else 0 :].split(b"\n")
    if is_sparse(rows[0]):
        return True
    if len(rows) < 2 or beginning.startswith(b"PK\x03\x04"):  # the latter is a .keras file
        return False
    if header and detect_format(str(path), beginning) == "word2vec-binary":
        return True
    return _is_row(rows[0], header.dim, 2) if header else _is_row(rows[0], rows[0].count(b" "), _FEWEST_NUMBERS)


def _is_row(line: bytes, numbers: int, fewest: int) -> bool:
    """Return whether a line is a word and at least ``fewest`` numbers."""
    fields = line.rstrip(b" \r").split(b" ")
    return fewest <= numbers < len(fields) and all(map(is_number, fields[-numbers:]))


def read_vectors(path: Path, options: Options) -> Imported:
    """Import the words of a file of vectors. They are usually sorted, the most frequent word first.

    Args:
        path: The file, which may be compressed. It is read up to the last word that is needed.
        options: The options of the import: the number of words, the profile and the segmenter.

    Raises:
        VocabularyError: If the file contains no words.
        VectorsError: If it is damaged, or contains sparse vectors.
    """
    options.check_only(["max_size", "profile", "segmenter", "user_dictionary"], KIND)
    reserved = (PAD_TOKEN, UNK_TOKEN)
    limit = None if options.max_size is None else options.max_size + len(reserved)
    words = [word for word in tokens_of_vectors(path, limit=limit) if word not in reserved][: options.max_size]
    if not words:
        raise VocabularyError(f"{path} contains no words")
    ids = {word: index for index, word in enumerate([*reserved, *words])}
    profile = segmented_profile(options.profile or "whitespace", options.segmenter, options.user_dictionary)
    encoder = word_encoder(ids, profile, unk_token=UNK_TOKEN, pad_id=0, shape=options.shape(PadTruncate()))
    facts = {"words": len(words), "oov": f"{UNK_TOKEN} (1)"}
    return Imported(KIND, encoder, _original(ids, profile), facts, tuple(_notes(words, options, path)))


def _notes(words: list[str], options: Options, path: Path) -> list[str]:
    notes = [f'make a model with these vectors: embedding_model(..., vectors="{path}")']
    if with_space := sum(any(map(str.isspace, word)) for word in words):
        notes.append(f"{with_space:,} words contain white space, and are found only in rows that are lists of tokens")
    if options.profile is None and options.segmenter is None:
        notes.append(
            "the file does not contain how texts are split: they are split at white space unless profile or segmenter "
            "is passed"
        )
    return notes


def _original(ids: dict[str, int], profile: Profile) -> Original:
    words_to_ids = look_up(ids, replace(profile, segmenter=None), ids[UNK_TOKEN])

    def original(texts: list[str]) -> list[list[int]]:
        if profile.segmenter is not None:
            texts = profile.segmenter.segment(pa.array(texts, STRINGS), None).to_pylist()
        return words_to_ids(texts)

    return original
