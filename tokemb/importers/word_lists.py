"""Words and nothing else: gensim's ``Dictionary`` saved as text, and lists of words, one a line."""

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
    """Whether ``lines`` are id, word and number of documents, perhaps after the number of all documents."""
    rows = lines[1:] if lines and lines[0].strip().isdecimal() else lines
    fields = rows[0].split("\t") if rows else []
    return len(fields) == 3 and fields[0].isdecimal() and fields[2].isdecimal()


def read_gensim(lines: list[str], options: Options) -> Imported:
    """Import a ``Dictionary.save_as_text`` file: its ids, plus ``options.offset``; unknown words are dropped.

    Raises ``VocabularyError`` for a line that is broken, or a word or id that comes twice.
    """
    options.check_only(["offset", "profile"], GENSIM)
    offset = check_count("offset", options.offset or 0, 0)
    header = int(lines[0]) if lines and lines[0].strip().isdecimal() else None
    ids: dict[str, int] = {}
    documents: dict[str, int] = {}
    for number, line in enumerate(lines[header is not None :], 1 + (header is not None)):
        fields = line.split("\t")
        if len(fields) != 3 or not fields[0].isdecimal() or not fields[2].isdecimal() or fields[1] in ids:
            raise VocabularyError(f"line {number} must be an id, a new word and a number; it is {line!r:.60}")
        ids[fields[1]] = int(fields[0]) + offset
        documents[fields[1]] = int(fields[2])
    if len(set(ids.values())) < len(ids):
        raise VocabularyError("two words of this file have the same id, which gensim's Dictionary cannot have")
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
        notes.append("id 0 is a word, so none is left for padding: offset=1 adds 1 to every id, as models often do")
    return Imported(GENSIM, encoder, _lookup(ids, profile, None), facts, tuple(notes))


def read_words(lines: list[str], options: Options, *, sure: bool) -> Imported:
    """Import a word a line: the first gets id ``options.offset``, after padding and unknown words.

    A list that starts with a line for each of these two has them already. ``sure``: whether the user said that it is
    one. Raises ``VocabularyError`` for a word that comes twice, or that no text can yield if nobody is ``sure``.
    """
    options.check_only(["offset", "profile"], WORDS)
    words = lines[2:] if lines[:2] == [PAD_TOKEN, UNK_TOKEN] else lines
    offset = check_count("offset", 2 if options.offset is None else options.offset, 2)
    twice = next((word for word, count in Counter(words).items() if count > 1 or word in (PAD_TOKEN, UNK_TOKEN)), None)
    if twice is not None:
        raise VocabularyError(f"a word list names each word once, and neither '' nor [UNK]; this one has {twice!r:.60}")
    ids = {PAD_TOKEN: 0, UNK_TOKEN: 1, **{word: index for index, word in enumerate(words, offset)}}
    if not words:
        raise VocabularyError("the file holds no words")
    profile = get_profile(options.profile or "whitespace")
    encoder = word_encoder(ids, profile, unk_token=UNK_TOKEN, pad_id=0, shape=options.shape(PadTruncate()))
    if not sure:
        way_out = 'pass kind="words" if it is a list of words, or the profile=... that splits them'
        check_reachable(encoder, {word: ids[word] for word in words}, way_out)
    facts = {"words": len(words), "oov": f"{UNK_TOKEN} (1)", "offset": offset}
    return Imported(WORDS, encoder, _lookup(ids, profile, 1), facts, (_SPLIT,) if options.profile is None else ())


_SPLIT = "the file does not say how texts are split: at white space, unless a profile is given"


def _lookup(ids: Mapping[str, int], profile: Profile, unknown: int | None) -> Original:
    """Each word of a text, which is split as ``profile`` says, looked up."""
    tokenizer = profile.tokenizer()

    def original(texts: list[str]) -> list[list[int]]:
        rows = []
        for text in texts:
            normal = tokenizer.normalizer.normalize_str(text) if tokenizer.normalizer else text
            found = [ids.get(word, unknown) for word, _ in tokenizer.pre_tokenizer.pre_tokenize_str(normal)]
            rows.append([index for index in found if index is not None])
        return rows

    return original
