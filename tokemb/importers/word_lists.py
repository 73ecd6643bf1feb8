"""Word lists: gensim's ``Dictionary`` saved as text, and files with one word per line."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from tokemb._validation import check_count
from tokemb.counts.select_tokens import PAD_TOKEN, UNK_TOKEN
from tokemb.errors import VocabularyError
from tokemb.importers.imported import Imported, Original, check_reachable, word_encoder
from tokemb.importers.options import Options
from tokemb.vocabulary.pad_truncate import PadTruncate
from tokemb.vocabulary.profiles import Profile, get_profile

GENSIM, WORDS = "gensim", "words"


def looks_like_gensim(lines: list[str]) -> bool:
    """Return whether lines contain id, word and document count, with or without a line of the number of documents."""
    rows = lines[1:] if lines and lines[0].strip().isdecimal() else lines
    fields = rows[0].split("\t") if rows else []
    return len(fields) == 3 and fields[0].isdecimal() and fields[2].isdecimal()


def read_gensim(lines: list[str], options: Options) -> Imported:
    """Import a file of ``Dictionary.save_as_text``. Words out of vocabulary are dropped, as in gensim.

    Args:
        lines: The lines of the file.
        options: The options of the import. ``offset`` is added to every id.

    Raises:
        VocabularyError: If a line is invalid, or a word or id occurs twice.
    """
    options.check_only(["offset", "profile"], GENSIM)
    offset = check_count("offset", options.offset or 0, 0)
    header = int(lines[0]) if lines and lines[0].strip().isdecimal() else None
    ids: dict[str, int] = {}
    documents: dict[str, int] = {}
    for number, line in enumerate(lines[header is not None :], 1 + (header is not None)):
        fields = line.split("\t")
        if len(fields) != 3 or not fields[0].isdecimal() or not fields[2].isdecimal() or fields[1] in ids:
            raise VocabularyError(
                f"line {number} must be an id, a new word and a document count, separated by tabs; it is {line!r:.60}"
            )
        ids[fields[1]] = int(fields[0]) + offset
        documents[fields[1]] = int(fields[2])
    if len(set(ids.values())) < len(ids):
        raise VocabularyError("two words of this file have the same id: every id of a gensim Dictionary must be unique")
    profile = get_profile(options.profile or "whitespace")
    encoder = word_encoder(
        ids,
        profile,
        unk_token=None,
        pad_id=0 if offset else None,
        shape=options.shape(PadTruncate()),
        documents=documents,
    )
    facts = {"words": len(ids), "documents": header, "oov": None, "offset": offset}
    notes = [_SPLIT] if options.profile is None else []
    if not offset:
        notes.append(
            "id 0 is a word, so no id is left for padding: pass offset=1 to add 1 to every id, as many models do"
        )
    return Imported(GENSIM, encoder, look_up(ids, profile, None), facts, tuple(notes))


def read_words(lines: list[str], options: Options, *, explicit: bool) -> Imported:
    """Import a word list with one word per line.

    Args:
        lines: The words. The first two may be those of padding and OOV.
        options: The options of the import. The first word gets id ``offset``, after padding and OOV.
        explicit: Whether the user stated that this is a word list.

    Raises:
        VocabularyError: If a word occurs twice, or the list is not ``explicit`` and no text gives one of the words.
    """
    options.check_only(["offset", "profile"], WORDS)
    words = lines[2:] if lines[:2] == [PAD_TOKEN, UNK_TOKEN] else lines
    offset = check_count("offset", 2 if options.offset is None else options.offset, 2)
    invalid = next(
        (word for word, count in Counter(words).items() if count > 1 or word in (PAD_TOKEN, UNK_TOKEN)), None
    )
    if invalid is not None:
        raise VocabularyError(
            f"a word list must contain each word once, and neither '' nor [UNK]; this one contains {invalid!r:.60}"
        )
    ids = {PAD_TOKEN: 0, UNK_TOKEN: 1, **{word: index for index, word in enumerate(words, offset)}}
    if not words:
        raise VocabularyError("the file contains no words")
    profile = get_profile(options.profile or "whitespace")
    encoder = word_encoder(ids, profile, unk_token=UNK_TOKEN, pad_id=0, shape=options.shape(PadTruncate()))
    if not explicit:
        remedy = 'pass kind="words" if the file is a list of words, or the profile=... that splits them'
        check_reachable(encoder, {word: ids[word] for word in words}, remedy)
    facts = {"words": len(words), "oov": f"{UNK_TOKEN} (1)", "offset": offset}
    return Imported(WORDS, encoder, look_up(ids, profile, 1), facts, (_SPLIT,) if options.profile is None else ())


_SPLIT = "the file does not contain how texts are split: they are split at white space unless profile is passed"


def look_up(ids: Mapping[str, int], profile: Profile, oov_id: int | None) -> Original:
    """Return a function that splits texts with a profile and looks up each word. Without OOV id, words are dropped."""
    tokenizer = profile.tokenizer()

    def original(texts: list[str]) -> list[list[int]]:
        rows = []
        for text in texts:
            normalized = tokenizer.normalizer.normalize_str(text) if tokenizer.normalizer else text
            row = [ids.get(word, oov_id) for word, _ in tokenizer.pre_tokenizer.pre_tokenize_str(normalized)]
            rows.append([index for index in row if index is not None])
        return rows

    return original
