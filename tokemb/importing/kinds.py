"""Which format a file has, seen from its content; and the import itself."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tokemb.arguments import check_choice
from tokemb.encoder import Encoder
from tokemb.errors import ArgumentError, VocabularyError
from tokemb.importing import bert, keras_layer, keras_tokenizer, word_lists
from tokemb.importing.bert import looks_like_bert, read_bert
from tokemb.importing.imported import Imported
from tokemb.importing.keras_layer import read_keras_layer
from tokemb.importing.keras_tokenizer import read_keras_tokenizer
from tokemb.importing.options import Options
from tokemb.importing.pickled import PickledTokenizer, read_pickle
from tokemb.importing.tokenizer_json import KIND as TOKENIZER_JSON
from tokemb.importing.tokenizer_json import read_tokenizer_json
from tokemb.importing.word_lists import looks_like_gensim, read_gensim, read_words

LINES = (bert.KIND, word_lists.GENSIM, word_lists.WORDS)
"""The names of the formats that are lines of text."""

KINDS = (keras_tokenizer.KIND, *keras_layer.KINDS.values(), *LINES, TOKENIZER_JSON)
"""The names of all formats."""

_PICKLES = (".pkl", ".pickle", ".p", ".joblib")
_OLD_PICKLES = (b"ccopy_reg\n", b"ccopyreg\n")
# How the pieces of other subword models are marked.
_SUBWORD_MARKS = ("Ġ", "▁")


def import_vocabulary(
    path: Path | str,
    *,
    kind: str | None = None,
    maxlen: int | None = None,
    padding: str | None = None,
    truncating: str | None = None,
    lowercase: bool | None = None,
    num_words: int | None = None,
    oov_token: str | None = None,
    filters: str | None = None,
    split: str | None = None,
    char_level: bool | None = None,
    layer: str | None = None,
    profile: str | None = None,
    offset: int | None = None,
) -> Encoder:
    """Take over the vocabulary of another library; every token keeps its id.

    ``path``: a legacy Keras ``Tokenizer`` (JSON in the forms in which it is found, or a pickle, which is read without
    pickle), a ``.keras`` file with a ``TextVectorization`` or ``StringLookup``, BERT's ``vocab.txt``, gensim's
    ``Dictionary.save_as_text``, words, one a line, or a ``tokenizer.json``.
    ``kind``: which of the formats of lines it is, ``"bert"``, ``"gensim"`` or ``"words"``, if that is not what it looks
    like.
    ``maxlen``, ``padding``, ``truncating``: what ``encode`` does when it is not told; a file that says them keeps them,
    a Keras ``Tokenizer`` gets Keras' defaults ``"pre"`` and ``"pre"``.
    ``lowercase``: whether texts are lowered, for BERT (by default if its tokens have no capitals) and Keras.
    ``num_words``, ``oov_token``, ``filters``, ``split``, ``char_level``: as in Keras, for a ``word_index`` whose file
    does not say them.
    ``layer``: the name of the layer in a ``.keras`` file, if it has several.
    ``profile``: how texts are split for gensim's words and word lists, by default ``"whitespace"``.
    ``offset``: what gensim's ids are raised by (by default 0), or the id of the first word of a list (by default 2).

    Raises ``VocabularyError`` for a file that cannot be read or whose ids tokemb cannot give, ``ModelError`` for a
    broken ``.keras`` file, ``ArgumentError`` for settings that cannot be, or that the file says itself.
    """
    options = Options(
        maxlen, padding, truncating, lowercase, num_words, oov_token, filters, split, char_level, layer, profile, offset
    )
    return read_foreign(path, options, kind=kind).encoder


def read_foreign(path: Path | str, options: Options | None = None, *, kind: str | None = None) -> Imported:
    """``import_vocabulary``, and beside the encoder what was read."""
    path, options = Path(path), options or Options()
    if kind is not None:
        check_choice("kind", kind, LINES)
    if path.is_dir() and (path / "tokenizer.json").is_file():
        path /= "tokenizer.json"
    if not path.is_file():
        raise VocabularyError(f"there is no vocabulary file at {path}")
    content = path.read_bytes()
    if kind is not None:
        return _of_lines(_text(content, path), kind, options)
    if content.startswith(b"PK\x03\x04"):
        return read_keras_layer(path, options)
    if content.startswith(b"\x89HDF"):
        raise VocabularyError(f"{path} is an HDF5 file, which has weights and no vocabulary: take what lay beside it")
    if content.startswith((b"\x80", *_OLD_PICKLES)) or path.suffix in _PICKLES:
        return _of_pickle(read_pickle(content), path, options)
    text = _text(content, path)
    value = _json(text, path)
    return _of_lines(text, None, options) if value is None else _of_json(value, path, options)


def _text(content: bytes, path: Path) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise VocabularyError(f"{path} is no vocabulary that tokemb can read: it is not UTF-8 text") from None


def _json(text: str, path: Path) -> Any:  # noqa: ANN401
    """What the text says if it is JSON, else ``None``; JSON in JSON texts (``json.dump(to_json())``) is taken out."""
    value: Any = text
    try:
        while isinstance(value, str):
            value = json.loads(value)
    except (ValueError, RecursionError) as error:
        if path.suffix == ".json" or value is not text:
            raise VocabularyError(f"{path} is not JSON: {error}") from None
        return None
    return value if isinstance(value, (dict, list)) else None


def _of_json(value: Any, path: Path, options: Options) -> Imported:  # noqa: ANN401
    if isinstance(value, list):
        raise VocabularyError(
            f"{path} is a JSON list, which says neither what the ids are nor how texts are split: if it is words in "
            "the order of their ids, write them one a line"
        )
    if isinstance(value.get("model"), dict) and "pre_tokenizer" in value:
        return read_tokenizer_json(path, options)
    config = value.get("config")
    if value.get("class_name") == "Tokenizer" and isinstance(config, dict):
        return read_keras_tokenizer(config, options)
    if "word_index" in value and "tokenizer" not in value:
        return read_keras_tokenizer(value, options)
    if isinstance(value.get("tokenizer"), (dict, str)):
        inner = value["tokenizer"]
        return _of_json(_json(inner, path.with_suffix(".json")) if isinstance(inner, str) else inner, path, options)
    if value and all(type(index) is int for index in value.values()):
        return _of_ids(value, path, options)
    raise VocabularyError(f"{path} is JSON without a word_index, a Tokenizer or a tokenizer.json in it")


def _of_ids(ids: Mapping[str, int], path: Path, options: Options) -> Imported:
    if looks_like_bert(ids):
        return read_bert(ids, options)
    marked = sum(token.startswith(_SUBWORD_MARKS) for token in ids)
    if marked > len(ids) / 10:
        raise VocabularyError(
            f"{path} has the pieces of a subword model, which needs its merges or scores too: import its tokenizer.json"
        )
    return read_keras_tokenizer({"word_index": ids}, options)


def _of_pickle(value: Any, path: Path, options: Options) -> Imported:  # noqa: ANN401
    if isinstance(value, dict):
        found = [item for item in value.values() if isinstance(item, PickledTokenizer)]
        if len(found) != 1:
            return _of_json(value, path, options)
        value = found[0]
    if not isinstance(value, PickledTokenizer):
        raise VocabularyError(f"{path} is a pickled {type(value).__name__}, not a Keras Tokenizer")
    return read_keras_tokenizer(value.state, options, pickled=True)


def _of_lines(text: str, kind: str | None, options: Options) -> Imported:
    if "\0" in text:
        raise ArgumentError("this is no file of lines of text: it has NUL characters")
    lines = text.replace("\r\n", "\n").removesuffix("\n").split("\n")
    ids = {line: index for index, line in enumerate(lines)}
    if kind == bert.KIND or (kind is None and looks_like_bert(ids)):
        return read_bert(ids, options)
    if kind == word_lists.GENSIM or (kind is None and looks_like_gensim(lines)):
        return read_gensim(lines, options)
    return read_words(lines, options, sure=kind is not None)
