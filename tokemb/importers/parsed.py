"""Which vocabulary the value of a JSON file or of a pickle is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from tokemb.errors import VocabularyError
from tokemb.files.json_content import parse_json
from tokemb.importers.bert import looks_like_bert, read_bert
from tokemb.importers.containers import choose, is_complete, is_layer, is_vocabulary_list, is_word_map
from tokemb.importers.imported import Imported
from tokemb.importers.keras_layer_values import read_layer_values, read_vocabulary_list
from tokemb.importers.keras_tokenizer import read_keras_tokenizer
from tokemb.importers.options import Options
from tokemb.importers.pickled_objects import PickledTokenizer
from tokemb.importers.tokenizer_json import read_tokenizer_json

# How the pieces of other subword models are marked.
_SUBWORD_MARKS = ("Ġ", "▁")


def unwrap_json(text: str, path: Path, *, required: bool = True) -> Any:  # noqa: ANN401
    """Return the dict or list that the text says if it is JSON; JSON in JSON strings is taken out.

    The result is ``None`` for a text that is not JSON, unless that is ``required``, and for other values.

    Raises:
        VocabularyError: If the text, or the JSON string in it, is not JSON.
    """
    value: Any = text
    try:
        while isinstance(value, str):
            value = parse_json(value)
    except ValueError as error:
        if required or value is not text:
            raise VocabularyError(f"{path} is not JSON: {error}") from None
        return None
    return value if isinstance(value, (dict, list)) else None


def read_parsed(value: Any, path: Path, options: Options) -> Imported:  # noqa: ANN401
    """Import the vocabulary that ``value`` is, or the one in it that ``options.item`` names.

    Raises:
        VocabularyError: If there is none.
        ArgumentError: If there are several and it is not clear which one is meant.
    """
    if isinstance(value, str):
        value = unwrap_json(value, path)
    if options.item is None or not isinstance(value, (dict, list, tuple)):
        imported = _known(value, path, options)
        if imported is not None:
            return imported
    chosen = choose(value, options.item, path, maps=options.item is not None)
    if chosen is None and isinstance(value, dict):
        imported = _own_layout(value, path, options)
        if imported is not None:
            return imported
    chosen = chosen or choose(value, None, path, maps=True)
    if chosen is not None:
        name, inner = chosen
        imported = read_parsed(inner, path, replace(options, item=None))
        return replace(imported, facts={"item": name, **imported.facts})
    if isinstance(value, dict):
        raise VocabularyError(f"{path} holds values without a word_index, a Tokenizer or a tokenizer.json among them")
    if isinstance(value, list):
        raise VocabularyError(
            f"{path} is a JSON list or a pickled list, which says neither what the ids are nor how texts are split: "
            "if it is words in the order of their ids, write them to a text file, one word per line"
        )
    raise VocabularyError(f"{path} is a pickled {type(value).__name__}, and neither is nor holds a Keras Tokenizer")


def _known(value: Any, path: Path, options: Options) -> Imported | None:  # noqa: ANN401
    """Import a value that is itself a vocabulary; return ``None`` for any other."""
    if isinstance(value, PickledTokenizer):
        return read_keras_tokenizer(value.state, options, pickled=value.path)
    if is_layer(value):
        return read_layer_values(value, path, options)
    if is_vocabulary_list(value):
        return read_vocabulary_list(value, options)
    if not isinstance(value, dict):
        return None
    if isinstance(value.get("model"), dict) and "pre_tokenizer" in value:
        return read_tokenizer_json(value, path, options)
    if is_complete(value):
        return read_keras_tokenizer(value["config"], options)
    if value and all(type(index) is int for index in value.values()):
        return _of_ids(value, path, options)
    return None


def _own_layout(value: dict[str, Any], path: Path, options: Options) -> Imported | None:
    """Import a dict with a ``word_index`` and some settings, or with a ``tokenizer`` that is one."""
    if "word_index" in value and "tokenizer" not in value:
        return read_keras_tokenizer(value, options)
    inner = value.get("tokenizer")
    if isinstance(inner, (dict, str)):
        return read_parsed(inner, path, options)
    return None


def _of_ids(ids: Mapping[str, int], path: Path, options: Options) -> Imported:
    if looks_like_bert(ids):
        return read_bert(ids, options)
    if ids.get("") == 0 and ids.get("[UNK]") == 1 and is_word_map(ids):
        return read_vocabulary_list(sorted(ids, key=ids.__getitem__), options)
    marked = sum(isinstance(token, str) and token.startswith(_SUBWORD_MARKS) for token in ids)
    if marked > len(ids) / 10:
        raise VocabularyError(
            f"{path} has the pieces of a subword model, which needs its merges or scores too: import its tokenizer.json"
        )
    return read_keras_tokenizer({"word_index": ids}, options)
