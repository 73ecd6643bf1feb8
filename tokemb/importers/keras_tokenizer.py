"""The legacy Keras ``Tokenizer``, from its JSON or its pickled state."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from tokemb.encoder import Encoder
from tokemb.errors import VocabularyError
from tokemb.files.json_content import parse_json
from tokemb.importers.imported import Imported, check_ids, check_reachable, describe, word_encoder
from tokemb.importers.keras_splitting import keras_profile
from tokemb.importers.options import Options
from tokemb.importers.pickled_objects import MIGRATED
from tokemb.importers.special_words import is_special, oov_word, padding_id
from tokemb.vocabulary.expressions import KERAS_FILTERS
from tokemb.vocabulary.pad_truncate import PadTruncate

KIND = "keras-tokenizer"

# The default settings of the Tokenizer. Files of `to_json` contain all of them.
_DEFAULTS: Mapping[str, Any] = {
    "num_words": None,
    "oov_token": None,
    "filters": KERAS_FILTERS,
    "lower": True,
    "split": " ",
    "char_level": False,
}
# The options of import_vocabulary for these settings.
_OPTIONS = {name: name.replace("lower", "lowercase") for name in _DEFAULTS}

_REMEDY = (
    "pass the settings that the file lacks: filters, lowercase, split or char_level, or oov_token if it is that word"
)
# With this many words, all of one character, a word map probably maps characters.
_MIN_CHARACTERS = 10

_NO_OOV = "if the original drops words out of vocabulary, import a JSON file with this word_index and oov_token null"

_PADDING = (
    "the file does not contain how rows are padded; the default of Keras' pad_sequences, pre, is assumed: if the code "
    "of the model differs, pass padding, truncating and maxlen"
)


@dataclass(frozen=True)
class KerasTokenizer:
    """The state of a ``Tokenizer`` that decides its ids.

    Attributes:
        word_index: The id of each word.
        num_words: As in Keras.
        oov_token: As in Keras.
        filters: As in Keras.
        lower: As in Keras.
        split: As in Keras.
        char_level: As in Keras.
        migrated: Whether the pickled class is that of ``tokemb.keras``.
    """

    word_index: dict[str, int]
    num_words: int | None
    oov_token: str | None
    filters: str
    lower: bool
    split: str
    char_level: bool
    migrated: bool = False

    def in_vocabulary(self) -> dict[str, int]:
        """Return the words with an id of their own: those below ``num_words``, and ``oov_token``."""
        limit, oov = self.num_words, self.oov_token
        return {word: index for word, index in self.word_index.items() if not limit or index < limit or word == oov}

    def original(self, texts: list[str]) -> list[list[int]]:
        """Encode texts with TensorFlow's class, or with that of ``tokemb.keras`` if the file is from it."""
        tokenizer = self._original_class()(
            num_words=self.num_words,
            filters=self.filters,
            lower=self.lower,
            split=self.split,
            char_level=self.char_level,
            oov_token=self.oov_token,
        )
        tokenizer.word_index = self.word_index
        rows: list[list[int]] = tokenizer.texts_to_sequences(texts)
        return rows

    def _original_class(self) -> Any:  # noqa: ANN401
        if self.migrated:
            from tokemb.keras.legacy.text import Tokenizer

            return Tokenizer
        import tensorflow as tf

        return tf.keras.preprocessing.text.Tokenizer


def read_keras_tokenizer(state: Mapping[str, Any], options: Options, *, pickled: str | None = None) -> Imported:
    """Import the ``config`` of a ``Tokenizer``, or a part of it that contains at least a ``word_index``.

    Args:
        state: The config, or the attributes of a pickled ``Tokenizer``. Old versions of Keras have fewer.
        options: The settings that the file does not contain.
        pickled: The path of the class in a pickle. ``None`` for other files.

    Raises:
        VocabularyError: If the state is invalid, or tokemb cannot produce its ids.
    """
    missing = [name for name in _DEFAULTS if name not in state] if pickled is None else []
    options.check_only([_OPTIONS[name] for name in missing], KIND)
    passed = {name: getattr(options, _OPTIONS[name]) for name in missing}
    settings = {**_DEFAULTS, **{name: value for name, value in passed.items() if value is not None}}
    settings.update({name: state[name] for name in _DEFAULTS if name in state})
    word_index = _object(state.get("word_index"), "word_index")
    check_ids(word_index)
    assumed = [name for name in missing if passed[name] is None]
    if "oov_token" in assumed:
        settings["oov_token"] = oov_word(word_index)
    tokenizer = replace(_check_settings(word_index, settings), migrated=pickled == MIGRATED)
    tokenizer, notes = _adapt_old_keras(tokenizer)
    pad_id = padding_id(word_index) if "oov_token" in missing else 0
    encoder = word_encoder(
        tokenizer.in_vocabulary(),
        keras_profile(tokenizer.filters, tokenizer.lower, tokenizer.split, tokenizer.char_level),
        unk_token=tokenizer.oov_token,
        pad_id=pad_id,
        shape=options.shape(PadTruncate(padding="pre", truncating="pre")),
        counts=_counts(state.get("word_counts")),
        documents=_counts(state.get("word_docs")),
    )
    notes = [*_assumptions(tokenizer, assumed), *notes]
    if assumed:
        notes.extend(_check_words(encoder, tokenizer, pad_id, "char_level" not in assumed))
    if None in (options.padding, options.truncating):
        notes.append(_PADDING)
    notes.extend(_shared_ids(tokenizer, encoder))
    return Imported(KIND, encoder, tokenizer.original, _facts(tokenizer, encoder), tuple(notes), tuple(assumed))


def _adapt_old_keras(tokenizer: KerasTokenizer) -> tuple[KerasTokenizer, list[str]]:
    """Return the tokenizer as used by the version of Keras that made it, and a note if current versions differ."""
    if not (tokenizer.char_level and tokenizer.lower and any(_is_cased(word) for word in tokenizer.word_index)):
        return tokenizer, []
    # Keras before 2.1.3 did not lowercase characters, so that the model has ids of capital letters.
    return replace(tokenizer, lower=False), [
        "its characters include capital letters, so its version of Keras did not lowercase texts: neither does tokemb"
    ]


def _assumptions(tokenizer: KerasTokenizer, assumed: list[str]) -> list[str]:
    """Return notes on the settings that the file does not contain."""
    notes = []
    if "oov_token" in assumed and tokenizer.oov_token is not None:
        assumed = [name for name in assumed if name != "oov_token"]
        index = tokenizer.word_index[tokenizer.oov_token]
        notes.append(
            f"words out of vocabulary get id {index}, since {tokenizer.oov_token!r:.60} looks like oov_token: {_NO_OOV}"
        )
    if assumed:
        notes.insert(0, f"the file does not contain {', '.join(assumed)}: the defaults of Keras are assumed")
    return notes


def _check_words(encoder: Encoder, tokenizer: KerasTokenizer, pad_id: int, is_char_level_known: bool) -> list[str]:
    """Return a note on special words that only rows of tokens can contain.

    Raises:
        VocabularyError: If no text gives one of the other words, or if all of them are characters and ``char_level`` is
            not known.
    """
    words = {
        word: index
        for word, index in tokenizer.in_vocabulary().items()
        if index not in (0, pad_id) and word != tokenizer.oov_token
    }
    ordinary = {word: index for word, index in words.items() if not is_special(word)} or words
    check_reachable(encoder, ordinary, _REMEDY)
    if not is_char_level_known and len(ordinary) >= _MIN_CHARACTERS and max(map(len, ordinary)) == 1:
        raise VocabularyError(
            f"each of the {len(ordinary)} words is one character, and the file does not contain char_level: "
            "pass char_level=True or char_level=False"
        )
    unreachable = [
        word for word in words if word not in ordinary and encoder.encode_ragged([word])[0].tolist() != [words[word]]
    ]
    if not unreachable:
        return []
    listed = ", ".join(sorted(unreachable, key=words.__getitem__)[:10])
    return [
        f"no text gives {listed}, only rows of tokens do: if the original texts contain them, pass the original "
        'filters, for example filters="", and lowercase=False if the original does not lowercase texts'
    ]


def _shared_ids(tokenizer: KerasTokenizer, encoder: Encoder) -> list[str]:
    """Return notes on words that have the id of padding."""
    zero = [word for word, index in tokenizer.word_index.items() if index == 0 == encoder.pad_id]
    notes = []
    if encoder.unk_id is not None and encoder.unk_id == encoder.pad_id:
        notes.append("words out of vocabulary have the id of padding, so a model cannot distinguish the two")
    elif zero:
        notes.append(f"{zero[0]!r:.60} in a text gets id 0, that of padding, as in the original")
    return notes


def _facts(tokenizer: KerasTokenizer, encoder: Encoder) -> dict[str, object]:
    return {
        "words": len(tokenizer.word_index),
        "num_words": tokenizer.num_words,
        "oov": None if tokenizer.oov_token is None else f"{tokenizer.oov_token} ({encoder.unk_id})",
        "char_level": tokenizer.char_level,
        "lower": tokenizer.lower,
        "filters": None if tokenizer.char_level else tokenizer.filters,
        "split": None if tokenizer.char_level else tokenizer.split,
    }


def _check_settings(word_index: dict[str, int], settings: Mapping[str, Any]) -> KerasTokenizer:
    if not word_index:
        raise VocabularyError("the word_index of this Keras Tokenizer contains no words: fit it first")
    kinds = {"filters": str, "lower": bool, "split": str, "char_level": bool}
    for name, kind in kinds.items():
        value = settings[name]
        if type(value) is not kind:
            raise VocabularyError(f"{name} of a Keras Tokenizer must be {kind.__name__}; it is {type(value).__name__}")
    num_words, oov_token = settings["num_words"], settings["oov_token"]
    if num_words is not None and (type(num_words) is not int or not 0 <= num_words < 1 << 63):
        raise VocabularyError(
            "num_words of a Keras Tokenizer must be an integer of at least 0 and below 2**63; it is "
            f"{describe(num_words):.60}"
        )
    if oov_token is not None and (type(oov_token) is not str or oov_token not in word_index):
        raise VocabularyError(f"oov_token is {describe(oov_token):.60}, which is not in the word_index and has no id")
    return KerasTokenizer(word_index, num_words or None, oov_token, **{name: settings[name] for name in kinds})


def _is_cased(word: str) -> bool:
    return len(word) == 1 and word.lower() != word


def _object(value: Any, name: str) -> dict[str, Any]:  # noqa: ANN401
    """Return a JSON object. ``to_json`` writes it as text within JSON."""
    if isinstance(value, str):
        try:
            value = parse_json(value)
        except ValueError:
            raise VocabularyError(f"the {name} of this file must be JSON; it is other text") from None
    if not isinstance(value, dict):
        raise VocabularyError(f"the file contains no {name}: it is not from a fitted Keras Tokenizer")
    return value


def _counts(value: Any) -> dict[str, int]:  # noqa: ANN401
    """Return the counts of words. Invalid counts are dropped, since they do not affect ids."""
    try:
        numbers = _object(value, "word_counts")
    except VocabularyError:
        return {}
    return {word: number for word, number in numbers.items() if type(number) is int and 0 <= number < 1 << 63}
