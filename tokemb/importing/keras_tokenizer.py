"""The legacy Keras ``Tokenizer``: its JSON in the forms in which it is found, and its pickled state."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from tokemb.encoder import Encoder
from tokemb.errors import VocabularyError
from tokemb.importing.imported import Imported, check_ids, check_reachable, word_encoder
from tokemb.importing.keras_splitting import DEFAULT_FILTERS, keras_profile
from tokemb.importing.options import Options
from tokemb.row_shape import RowShape

KIND = "keras-tokenizer"

# What the Tokenizer does when it is not told, which no file of `to_json` leaves out.
_DEFAULTS: Mapping[str, Any] = {
    "num_words": None,
    "oov_token": None,
    "filters": DEFAULT_FILTERS,
    "lower": True,
    "split": " ",
    "char_level": False,
}
# What a user calls some of them.
_OPTIONS = {name: name.replace("lower", "lowercase") for name in _DEFAULTS}

_SAY = "say how it was, with filters, lowercase, split or char_level, or oov_token if it is that: the file does not"

_PADDING = (
    "how the original padded is not in its file; Keras' pad_sequences pads and cuts at the start (pre) unless told: "
    "see what the code beside the model says, and give padding, truncating and maxlen"
)


@dataclass(frozen=True)
class KerasTokenizer:
    """The state of a ``Tokenizer`` that decides its ids."""

    word_index: dict[str, int]
    num_words: int | None
    oov_token: str | None
    filters: str
    lower: bool
    split: str
    char_level: bool

    def kept(self) -> dict[str, int]:
        """The words that get an id of their own: those below ``num_words``, and ``oov_token``."""
        limit, oov = self.num_words, self.oov_token
        return {word: index for word, index in self.word_index.items() if not limit or index < limit or word == oov}

    def original(self, texts: list[str]) -> list[list[int]]:
        """What TensorFlow's own class gives."""
        import tensorflow as tf

        tokenizer = tf.keras.preprocessing.text.Tokenizer(
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


def read_keras_tokenizer(state: Mapping[str, Any], options: Options, *, pickled: bool = False) -> Imported:
    """Import the ``config`` of a ``Tokenizer``, or what is left of one: at least a ``word_index``.

    ``pickled``: whether ``state`` are the attributes of a pickled one, which in old Keras had fewer.
    Raises ``VocabularyError`` for a state that cannot be, or whose ids tokemb cannot give.
    """
    missing = [] if pickled else [name for name in _DEFAULTS if name not in state]
    options.check_only([_OPTIONS[name] for name in missing], KIND)
    said = {name: getattr(options, _OPTIONS[name]) for name in missing}
    settings = {**_DEFAULTS, **{name: value for name, value in said.items() if value is not None}}
    settings.update({name: state[name] for name in _DEFAULTS if name in state})
    tokenizer = _checked(_object(state.get("word_index"), "word_index"), settings)
    notes = []
    assumed = [name for name in missing if said[name] is None]
    if assumed:
        notes.append(f"the file does not say {', '.join(assumed)}: taken as Keras has them by default")
    if tokenizer.char_level and tokenizer.lower and any(_is_cased(word) for word in tokenizer.word_index):
        # Keras before 2.1.3 did not, and the ids of capitals are those of the model.
        tokenizer = replace(tokenizer, lower=False)
        notes.append("its characters include capitals, so the Keras that made it did not lower texts: nor does tokemb")
    counts, documents = (_numbers(state.get(name)) for name in ("word_counts", "word_docs"))
    encoder = word_encoder(
        tokenizer.kept(),
        keras_profile(tokenizer.filters, tokenizer.lower, tokenizer.split, tokenizer.char_level),
        unk_token=tokenizer.oov_token,
        pad_id=0,
        shape=options.shape(RowShape(padding="pre", truncating="pre")),
        counts=counts,
        documents=documents,
    )
    if assumed:
        words = tokenizer.kept()
        reachable = {word: index for word, index in words.items() if index and word != tokenizer.oov_token}
        check_reachable(encoder, reachable, _SAY)
    if None in (options.padding, options.truncating):
        notes.append(_PADDING)
    zero = [word for word, index in tokenizer.word_index.items() if index == 0]
    if zero:
        notes.append(f"a text that spells {zero[0]!r:.60} gets id 0, that of padding, as in the original")
    return Imported(KIND, encoder, tokenizer.original, _facts(tokenizer, encoder), tuple(notes))


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


def _checked(word_index: dict[str, int], settings: Mapping[str, Any]) -> KerasTokenizer:
    if not word_index:
        raise VocabularyError("the word_index of this Keras Tokenizer holds no words")
    check_ids(word_index)
    kinds = {"filters": str, "lower": bool, "split": str, "char_level": bool}
    for name, kind in kinds.items():
        value = settings[name]
        if type(value) is not kind:
            raise VocabularyError(f"{name} of a Keras Tokenizer must be {kind.__name__}; it is {type(value).__name__}")
    num_words, oov_token = settings["num_words"], settings["oov_token"]
    if num_words is not None and (type(num_words) is not int or num_words < 0):
        raise VocabularyError(f"num_words of a Keras Tokenizer must be a whole number; it is {str(num_words):.60}")
    if oov_token is not None and (type(oov_token) is not str or oov_token not in word_index):
        raise VocabularyError(
            f"oov_token is {str(oov_token)!r:.60}, which is not in the word_index: the original has no id for it"
        )
    return KerasTokenizer(word_index, num_words or None, oov_token, **{name: settings[name] for name in kinds})


def _is_cased(word: str) -> bool:
    return len(word) == 1 and word.lower() != word


def _object(value: Any, name: str) -> dict[str, Any]:  # noqa: ANN401
    """A JSON object, which ``to_json`` writes as text once more."""
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            raise VocabularyError(f"the {name} of this file is text that is not JSON") from None
    if not isinstance(value, dict):
        raise VocabularyError(f"the file holds no {name}: it is not of a Keras Tokenizer that was fitted")
    return value


def _numbers(value: Any) -> dict[str, int]:  # noqa: ANN401
    """How often the words occurred; without those that are no numbers, for they decide no id."""
    try:
        numbers = _object(value, "word_counts")
    except VocabularyError:
        return {}
    return {word: number for word, number in numbers.items() if type(number) is int and 0 <= number < 1 << 63}
